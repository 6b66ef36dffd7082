//! Access that is gained and lost, in phrases.

use std::collections::BTreeMap;

use super::Name;
use crate::policy::access::Side;
use crate::render::json::{AccessChangeV1, AccessLineV1, Profile, UndecidedV1};

const ARN: &str = "arn:aws:s3:::";

/// How many actions of a line of lost access are named before the rest is only counted. All gained actions are named.
const NAMED_LOST: usize = 4;

/// Groups access changes that are equal, in the order of the first of each group.
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

pub(in crate::render) fn mark(side: Side) -> &'static str {
    match side {
        Side::Gained => "+",
        Side::Lost => "-",
    }
}

/// The actions of a line: all gained ones, or the first few lost ones and the number of the others.
pub(in crate::render) fn shortened(actions: &[String], side: Side) -> Vec<String> {
    let mut actions = actions.to_vec();
    if side == Side::Lost && actions.len() > NAMED_LOST {
        let more = actions.split_off(NAMED_LOST - 1).len();
        actions.push(format!("{more} more actions"));
    }
    actions
}

/// The resources of a line: `on logs/* when …, except logs/private/*`.
pub(in crate::render) fn resources(line: &AccessLineV1, side: Side, name: Name) -> String {
    let denied = match side {
        Side::Gained => "no longer denied",
        Side::Lost => "now denied",
    };
    let pattern = without_arn(&line.pattern, name);
    let mut text = format!("on {pattern}");
    if let Some(among) = &line.denied {
        let among = without_arn(among, name);
        if among != pattern {
            text += &format!(" where it is {among}");
        }
        text += &format!(", {denied}");
    }
    text += &when(&line.conditions, name);
    for except in &line.except {
        // `*` is not a bucket, and differs from all buckets.
        let short = without_arn(except, name);
        text += &format!(", except {}", if short == pattern { name(except) } else { short });
    }
    text
}

/// One of the requests, if it says more than the pattern.
pub(in crate::render) fn example(line: &AccessLineV1, name: Name) -> Option<String> {
    let mut example = without_arn(&line.example.resource, name);
    if line.example.conditions != line.conditions {
        example += &when(&line.example.conditions, name);
    }
    (example != without_arn(&line.pattern, name)).then_some(example)
}

pub(in crate::render) fn undecided(open: &UndecidedV1, name: Name) -> String {
    let side = match open.side {
        Side::Gained => "gained",
        Side::Lost => "lost",
    };
    format!("on {}, undecided: treat as {side}", without_arn(&open.pattern, name))
}

pub(in crate::render) fn rules(profile: Profile) -> &'static str {
    match profile {
        Profile::Aws => "AWS rules",
        Profile::Minio => "MinIO rules",
    }
}

fn when(conditions: &[String], name: Name) -> String {
    if conditions.is_empty() { String::new() } else { format!(" when {}", name(&conditions.join(" and "))) }
}

/// A resource without the start of its ARN.
pub(in crate::render) fn bare(resource: &str) -> &str {
    resource.strip_prefix(ARN).unwrap_or(resource)
}

fn without_arn(pattern: &str, name: Name) -> String {
    let short = pattern.replace(ARN, "");
    name(if short.is_empty() { pattern } else { &short })
}
