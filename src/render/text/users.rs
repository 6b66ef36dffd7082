//! Who gains and who loses what access by a plan; users for whom it is the same stand together.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::access::access;
use super::holder;
use crate::plan::{HolderAccess, Plan};
use crate::policy::access::{Access, Line, Side};
use crate::render::Styles;
use crate::render::words::list;

/// How many users are named before the rest is only counted.
const NAMED: usize = 8;

/// How many actions of a line of what is lost are named before the rest is only counted. What is gained is always shown
/// whole.
const NAMED_LOST: usize = 4;

/// Writes what is gained or may be: all of it. Nothing when nobody gains anything.
pub(super) fn gained(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    side(out, styles, plan, Side::Gained, "access gained")
}

/// Writes what is lost or may be, in short. Nothing when nobody loses anything.
pub(super) fn lost(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    side(out, styles, plan, Side::Lost, "access lost")
}

/// Users with the same access, in the order of the first of them.
struct Group<'a> {
    users: Vec<&'a HolderAccess>,
    access: &'a Access,
}

fn groups<'a>(all: impl Iterator<Item = &'a HolderAccess>) -> Vec<Group<'a>> {
    let mut places: BTreeMap<*const Access, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for of in all {
        let place = *places.entry(Arc::as_ptr(&of.access)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.users.push(of),
            None => groups.push(Group { users: vec![of], access: &of.access }),
        }
    }
    groups
}

fn side(out: &mut dyn Write, styles: &Styles, plan: &Plan, side: Side, title: &str) -> io::Result<()> {
    let groups = groups(plan.changes.iter().flat_map(|change| &change.access));
    let of_side: Vec<_> = groups.iter().map(|group| (group, only(group.access, side))).collect();
    let of_side: Vec<_> = of_side.iter().filter(|(_, access)| *access != Access::default()).collect();
    if of_side.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {}", styles.strong.apply_to(title))?;
    for (group, of) in of_side {
        writeln!(out, "    {}", named(&group.users))?;
        access(out, styles, "      ", of)?;
    }
    Ok(())
}

/// The half of an access that is gained, or that is lost.
fn only(access: &Access, side: Side) -> Access {
    let (gained, lost) = match side {
        Side::Gained => (access.gained.clone(), Vec::new()),
        Side::Lost => (Vec::new(), access.lost.iter().map(shortened).collect()),
    };
    Access { gained, lost, undecided: access.undecided.iter().filter(|open| open.side == side).cloned().collect() }
}

fn shortened(line: &Line) -> Line {
    let mut line = line.clone();
    if line.actions.len() > NAMED_LOST {
        let more = line.actions.split_off(NAMED_LOST - 1).len();
        line.actions.push(format!("{more} more actions"));
    }
    line
}

fn named(users: &[&HolderAccess]) -> String {
    let mut words: Vec<String> = users.iter().take(NAMED).map(|of| holder(&of.principal)).collect();
    if users.len() > NAMED {
        words.push(format!("{} more", users.len() - NAMED));
    }
    list(&words)
}
