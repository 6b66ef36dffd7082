//! Access that is gained and lost, in words.

use std::collections::BTreeMap;

use super::Name;
use crate::policy::access::{Profile, Side};
use crate::render::json::{AccessChangeV1, AccessLineV1, UndecidedV1};

/// What every resource begins with, and is not worth repeating.
const ARN: &str = "arn:aws:s3:::";

/// How many actions of a line of what is lost are named before the rest is only counted. What is gained is always shown
/// whole.
const NAMED_LOST: usize = 4;

/// Those with the same access together, in the order of the first of each.
pub(in crate::render) fn alike<'a>(all: impl Iterator<Item = &'a AccessChangeV1>) -> Vec<Vec<&'a AccessChangeV1>> {
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut alike: Vec<Vec<&'a AccessChangeV1>> = Vec::new();
    for of in all {
        let place = *places.entry((&of.gained, &of.lost, &of.undecided)).or_insert(alike.len());
        match alike.get_mut(place) {
            Some(some) => some.push(of),
            None => alike.push(vec![of]),
        }
    }
    alike
}

/// The sign of a side.
pub(in crate::render) fn mark(side: Side) -> &'static str {
    match side {
        Side::Gained => "+",
        Side::Lost => "-",
    }
}

/// The actions of a line; of those that are lost, the first few and how many more there are.
pub(in crate::render) fn shortened(actions: &[String], side: Side) -> Vec<String> {
    let mut actions = actions.to_vec();
    if side == Side::Lost && actions.len() > NAMED_LOST {
        let more = actions.split_off(NAMED_LOST - 1).len();
        actions.push(format!("{more} more actions"));
    }
    actions
}

/// What the actions are allowed on: `on logs/* when …, except logs/private/*`.
pub(in crate::render) fn resources(line: &AccessLineV1, side: Side, visible: Name) -> String {
    let denied = match side {
        Side::Gained => "no longer denied",
        Side::Lost => "now denied",
    };
    let pattern = plain(&line.pattern, visible);
    let mut text = format!("on {pattern}");
    if let Some(among) = &line.denied {
        let among = plain(among, visible);
        if among != pattern {
            text += &format!(" where it is {among}");
        }
        text += &format!(", {denied}");
    }
    text += &when(&line.conditions, visible);
    for except in &line.except {
        // `*` is no bucket, and not the same as all of them.
        let short = plain(except, visible);
        text += &format!(", except {}", if short == pattern { visible(except) } else { short });
    }
    text
}

/// One of the requests, where it tells more than the pattern.
pub(in crate::render) fn example(line: &AccessLineV1, visible: Name) -> Option<String> {
    let mut example = plain(&line.example.resource, visible);
    if line.example.conditions != line.conditions {
        example += &when(&line.example.conditions, visible);
    }
    (example != plain(&line.pattern, visible)).then_some(example)
}

/// What was not decided, behind its actions.
pub(in crate::render) fn undecided(open: &UndecidedV1, visible: Name) -> String {
    let side = match open.side {
        Side::Gained => "gained",
        Side::Lost => "lost",
    };
    format!("on {}: not decided, to be taken as {side}", plain(&open.pattern, visible))
}

/// On which servers a line is so that the others do not show.
pub(in crate::render) fn servers(profile: Profile) -> &'static str {
    match profile {
        Profile::Aws => "on servers that evaluate as AWS does, also",
        Profile::Minio => "on MinIO-derived servers also",
    }
}

fn when(conditions: &[String], visible: Name) -> String {
    if conditions.is_empty() { String::new() } else { format!(" when {}", visible(&conditions.join(" and "))) }
}

/// A pattern without what every pattern begins with.
fn plain(pattern: &str, visible: Name) -> String {
    let short = pattern.replace(ARN, "");
    visible(if short.is_empty() { pattern } else { &short })
}
