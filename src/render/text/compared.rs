//! What only one of two can do, and what both can.

use std::io::{self, Write};

use super::answers::{Detail, everything};
use super::{access::access, wrapped};
use crate::policy::access::Relation;
use crate::render::Styles;
use crate::render::json::{AccessComparisonV1, AccessV1, CanV1, SubjectV1};
use crate::render::phrase::{self, shown};

/// Writes what only one of two can do and what both can, and a line that sums it up.
pub fn comparison(out: &mut dyn Write, styles: &Styles, of: &AccessComparisonV1, detail: Detail) -> io::Result<()> {
    wrapped(out, styles, |out| {
        let [one, other] = [&of.one, &of.other].map(name);
        writeln!(out, "{}; {}", has(&of.one), has(&of.other))?;
        let parts = [
            (format!("only {one}"), &of.only_one),
            (format!("only {other}"), &of.only_other),
            ("both".to_owned(), &of.both),
        ];
        for (title, can) in parts {
            writeln!(out, "{}", styles.strong.apply_to(title))?;
            match *can == CanV1::default() {
                true => writeln!(out, "  nothing")?,
                false => everything(out, styles, can, &of.rules)?,
            }
        }
        if detail == Detail::Actions {
            writeln!(out, "{}", styles.strong.apply_to(format!("actions of only {other} (+), of only {one} (-)")))?;
            match of.actions == AccessV1::default() {
                true => writeln!(out, "  none")?,
                false => access(out, styles, "  ", &of.actions)?,
            }
        }
        writeln!(out, "{}", relation(of.relation, &one, &other))
    })
}

fn relation(relation: Relation, one: &str, other: &str) -> String {
    match relation {
        Relation::Same => "the same access".to_owned(),
        Relation::SameRequests => {
            format!("{one} and {other} can do the same; the actions of their policies differ")
        }
        Relation::OneHasMore => format!("{one} can do all that {other} can, and more"),
        Relation::OtherHasMore => format!("{other} can do all that {one} can, and more"),
        Relation::EachHasMore => format!("{one} and {other} can each do something that the other cannot"),
    }
}

fn name(of: &SubjectV1) -> String {
    if of.anonymous == Some(true) {
        return "anonymous".to_owned();
    }
    match (&of.document, &of.roles) {
        (Some(path), _) => shown(path),
        (None, Some(roles)) => format!("a token with {}", shown(&roles.join(", "))),
        (None, None) => phrase::who(of.user.as_deref(), of.group.as_deref(), shown),
    }
}

fn has(of: &SubjectV1) -> String {
    if of.document.is_some() || of.roles.is_some() || of.anonymous.is_some() {
        return name(of);
    }
    format!("{} has {}", name(of), of.policy.as_deref().map_or_else(|| "no policy".to_owned(), shown))
}
