//! Access that is gained and lost, in phrases.

use std::collections::BTreeMap;

use super::Name;
use crate::policy::access::{Side, pattern_covers};
use crate::render::json::{AccessChangeV1, AccessLineV1, ExampleV1, Profile, UndecidedV1};

const ARN: &str = "arn:aws:s3:::";

/// How many actions of a brief line are named before the rest is only counted.
const NAMED_LOST: usize = 4;

/// Groups access changes of which the same is shown, in the order of the first of each group. `None` is not shown.
pub(in crate::render) fn alike<'a, S: Ord + Clone>(
    all: impl Iterator<Item = &'a AccessChangeV1>,
    shown: impl Fn(&'a AccessChangeV1) -> Option<S>,
) -> Vec<(S, Vec<&'a AccessChangeV1>)> {
    let mut places: BTreeMap<S, usize> = BTreeMap::new();
    let mut alike: Vec<(S, Vec<&'a AccessChangeV1>)> = Vec::new();
    for of in all {
        let Some(same) = shown(of) else { continue };
        let place = *places.entry(same.clone()).or_insert(alike.len());
        match alike.get_mut(place) {
            Some((_, some)) => some.push(of),
            None => alike.push((same, vec![of])),
        }
    }
    alike
}

/// What a user or group does that has no access any more; `number` of them.
pub(in crate::render) fn loses_all(number: usize) -> &'static str {
    if number == 1 { "loses all access" } else { "lose all access" }
}

pub(in crate::render) fn mark(side: Side) -> &'static str {
    match side {
        Side::Gained => "+",
        Side::Lost => "-",
    }
}

/// The actions of a line: in words, or else all of them. A `brief` list has only the first few, and the number of the others.
pub(in crate::render) fn actions(line: &AccessLineV1, brief: bool, name: Name) -> String {
    let list = line.actions.join(", ");
    match &line.in_words {
        Some(words) if words.len() < list.len() => name(words),
        _ if brief && line.actions.len() > NAMED_LOST => {
            let (first, more) = line.actions.split_at(NAMED_LOST - 1);
            format!("{}, {} more actions", name(&first.join(", ")), more.len())
        }
        _ => name(&list),
    }
}

/// The resources of a line: `on logs/* when …, except logs/private/*`.
pub(in crate::render) fn resources(line: &AccessLineV1, side: Side, name: Name) -> String {
    let denied = match side {
        Side::Gained => "no longer denied",
        Side::Lost => "now denied",
    };
    let pattern = quoted_if_odd(&line.pattern, name);
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

/// One of the requests, if it says more than the pattern: the line has other conditions, resources that the pattern does
/// not seem to match, or exceptions within a pattern that is not only a prefix.
pub(in crate::render) fn example(line: &AccessLineV1, name: Name) -> Option<String> {
    let ExampleV1 { resource, conditions, .. } = &line.example;
    let key = |condition: &str| condition.split(' ').next().map(str::to_owned);
    let excepted: Vec<_> = line.except.iter().filter_map(|except| except.strip_prefix("when ").and_then(key)).collect();
    let is_told = |condition: &String| {
        line.conditions.contains(condition) || key(condition).is_some_and(|key| excepted.contains(&key))
    };
    let (is_conditional, is_excepted) = (!conditions.iter().all(is_told), excepted.len() < line.except.len());
    let is_prefix = !line.pattern.trim_end_matches('*').contains(['*', '?']);
    let is_odd = !pattern_covers(&line.pattern, resource) || line.pattern.contains("${");
    let is_within = line.denied.as_ref().is_some_and(|denied| *denied != line.pattern);
    let says_more = is_conditional || is_odd || is_within || is_excepted && !is_prefix;
    let when = if is_conditional { when(conditions, name) } else { String::new() };
    says_more.then(|| quoted_if_odd(resource, name) + &when)
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

/// A pattern or a resource, in quotes if it could be mistaken for the text around it.
fn quoted_if_odd(pattern: &str, name: Name) -> String {
    let is_odd = pattern.contains(|c: char| c.is_whitespace() || c == ',' || c == '"');
    let short = without_arn(pattern, str::to_owned);
    name(&if is_odd { serde_json::Value::from(short).to_string() } else { short })
}

fn without_arn(pattern: &str, name: Name) -> String {
    let short = pattern.replace(ARN, "");
    name(if short.is_empty() { pattern } else { &short })
}
