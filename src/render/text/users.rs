//! Who gains and who loses what access by a plan; those for whom it is the same stand together.

use std::io::{self, Write};

use super::access::access;
use crate::base::list_some;
use crate::policy::access::Side;
use crate::render::Styles;
use crate::render::json::{AccessChangeV1, AccessLineV1, AccessV1, ChangeV1};
use crate::render::phrase;
use crate::render::words::shown;

/// How many users and groups are named before the rest is only counted.
const NAMED: usize = 8;

/// Writes what is gained or may be: all of it. Nothing when nobody gains anything.
pub(super) fn gained(out: &mut dyn Write, styles: &Styles, changes: &[ChangeV1]) -> io::Result<()> {
    side(out, styles, changes.iter().flat_map(|change| &change.access), Side::Gained, "access gained")
}

/// Writes what is lost or may be, in short. Nothing when nobody loses anything.
pub(super) fn lost(out: &mut dyn Write, styles: &Styles, changes: &[ChangeV1]) -> io::Result<()> {
    side(out, styles, changes.iter().flat_map(|change| &change.access), Side::Lost, "access lost")
}

/// Writes one half of the access of all these under a title. Nothing when there is none.
pub(super) fn side<'a>(
    out: &mut dyn Write,
    styles: &Styles,
    all: impl Iterator<Item = &'a AccessChangeV1>,
    side: Side,
    title: &str,
) -> io::Result<()> {
    let alike = phrase::alike(all);
    let of_side = alike.iter().filter_map(|some| Some((some, only(some.first()?, side))));
    let of_side: Vec<_> = of_side.filter(|(_, access)| *access != AccessV1::default()).collect();
    if of_side.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {}", styles.strong.apply_to(title))?;
    for (some, of) in of_side {
        writeln!(out, "    {}", named(some))?;
        access(out, styles, "      ", &of)?;
    }
    Ok(())
}

/// The half of an access that is gained, or that is lost.
fn only(access: &AccessChangeV1, side: Side) -> AccessV1 {
    let (gained, lost) = match side {
        Side::Gained => (access.gained.clone(), Vec::new()),
        Side::Lost => (Vec::new(), access.lost.iter().map(short).collect()),
    };
    AccessV1 { gained, lost, undecided: access.undecided.iter().filter(|open| open.side == side).cloned().collect() }
}

fn short(line: &AccessLineV1) -> AccessLineV1 {
    AccessLineV1 { actions: phrase::shortened(&line.actions, Side::Lost), ..line.clone() }
}

fn named(holders: &[&AccessChangeV1]) -> String {
    list_some(holders, NAMED, |of| phrase::whose(of, shown))
}
