//! Access that is gained and lost, and what people can do in one place, in phrases.

use std::collections::{BTreeMap, BTreeSet};

use super::{NAMED, Name, grouped};
use crate::base::{list, list_some};
use crate::policy::StatementDiff;
use crate::policy::access::{ARN, Exception, Reason, RequestKind, Side, in_words, pattern_covers};
use crate::render::json::{
    AccessChangeV1, AccessLineV1, CanV1, ExampleV1, InPracticeV1, PracticeKind, Profile, RequestLineV1, UndecidedV1,
};

/// How many actions of a brief line are named before the rest is only counted.
const NAMED_LOST: usize = 4;

/// Groups access changes of which the same is shown, in the order of the first of each group. `None` is not shown.
pub(in crate::render) fn alike<'a, S: Ord + Clone>(
    all: impl Iterator<Item = &'a AccessChangeV1>,
    shown: impl Fn(&'a AccessChangeV1) -> Option<S>,
) -> Vec<(S, Vec<&'a AccessChangeV1>)> {
    grouped(all.filter_map(|of| Some((shown(of)?, of))))
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

pub(in crate::render) fn direction(side: Side) -> &'static str {
    match side {
        Side::Gained => "gained",
        Side::Lost => "lost",
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

/// Where what people can do differs from the lines of actions.
pub(in crate::render) fn in_practice(of: &InPracticeV1, name: Name) -> String {
    let (actions, phrases) = (name(&of.actions.join(", ")), phrases(of));
    let text = match (of.kind, of.side) {
        (PracticeKind::NoEffect, Side::Gained) => format!("gaining {actions} changes nothing"),
        (PracticeKind::NoEffect, Side::Lost) => format!("losing {actions} changes nothing"),
        (PracticeKind::Requests, Side::Gained) => format!("can now {phrases}"),
        (PracticeKind::Requests, Side::Lost) => format!("can no longer {phrases}"),
        (PracticeKind::Undecided, Side::Gained) => format!("undecided, treat as so: can now {phrases}"),
        (PracticeKind::Undecided, Side::Lost) => format!("undecided, treat as so: can no longer {phrases}"),
    };
    located(text, of, name)
}

/// Where what people can do with a policy differs from its actions.
#[cfg(feature = "html")]
pub(in crate::render) fn in_practice_of_policy(of: &InPracticeV1, name: Name) -> String {
    let (actions, phrases) = (name(&of.actions.join(", ")), phrases(of));
    let text = match (of.kind, of.side) {
        (PracticeKind::NoEffect, Side::Gained) => format!("allowing {actions} gives nothing"),
        (PracticeKind::NoEffect, Side::Lost) => format!("denying {actions} takes nothing away"),
        (PracticeKind::Requests, Side::Gained | Side::Lost) => format!("who has it can also {phrases}"),
        (PracticeKind::Undecided, Side::Gained | Side::Lost) => format!("undecided whether who has it can {phrases}"),
    };
    located(text, of, name)
}

fn phrases(of: &InPracticeV1) -> String {
    let known = of.requests.iter().filter_map(|word| RequestKind::of_word(word));
    list(&known.map(|kind| kind.phrase().to_owned()).collect::<Vec<_>>())
}

/// The text with the resources, the conditions and the rules.
fn located(mut text: String, of: &InPracticeV1, name: Name) -> String {
    text += &format!(" on {}", pattern(&of.pattern, name));
    for within in &of.within {
        text += &format!(" where it is {}", name(within.strip_prefix(ARN).unwrap_or(within)));
    }
    text += &when(&of.conditions, name);
    for except in &of.except {
        let resources =
            except.resources.iter().map(|text| format!(" {}", name(&text.replace(ARN, "")))).collect::<String>();
        text += &format!(", except{resources}{}", when(&except.conditions, name));
    }
    if of.rules.is_empty() { text } else { format!("{text}, by the rules of {}", name(&of.rules.join(", "))) }
}

/// The resources of a line: `on logs/* when …, except logs/private/*, denied`.
pub(in crate::render) fn resources(line: &AccessLineV1, side: Side, name: Name) -> String {
    format!("on {}{}", pattern(&line.pattern, name), limits(line, side, name))
}

/// The limits of a line within its pattern: `, no longer denied when …, except logs/private/*, denied`.
pub(in crate::render) fn limits(line: &AccessLineV1, side: Side, name: Name) -> String {
    let (denied, then) = match side {
        Side::Gained => ("no longer denied", "before"),
        Side::Lost => ("now denied", "now"),
    };
    let mut text = String::new();
    if let Some(among) = &line.denied {
        if *among != line.pattern {
            text += &format!(" where it is {}", excepted(among, &line.pattern, name));
        }
        text += &format!(", {denied}");
    }
    text += &when(&line.conditions, name);
    text = match addresses(line) {
        Some(addresses) => {
            let comma = if text.is_empty() { "" } else { "," };
            text + &format!("{comma} from anywhere; {then} only from {}", name(&addresses.join(", ")))
        }
        None => text + &exceptions(&line.except, &line.pattern, side, name),
    };
    text + &from(&line.from, name)
}

/// ` (from bio-ro)`: the policies that a line or a statement of a combined policy comes from.
pub(in crate::render) fn from(policies: &[String], name: Name) -> String {
    if policies.is_empty() { String::new() } else { format!(" (from {})", list_some(policies, NAMED, |of| name(of))) }
}

/// The policies that a statement of a new document comes from.
pub(in crate::render) fn statement_from(statement: &StatementDiff, combined: &[Vec<String>], name: Name) -> String {
    let policies = statement.after.and_then(|index| combined.get(index));
    policies.map(|policies| from(policies, name)).unwrap_or_default()
}

const SOURCE_IP: &str = "aws:SourceIp";

/// The addresses from which a line says nothing new, if that is its only exception and it has no other condition on them.
fn addresses(line: &AccessLineV1) -> Option<Vec<&str>> {
    let is_about = |condition: &String| condition.to_ascii_lowercase().contains(&SOURCE_IP.to_ascii_lowercase());
    if line.except.is_empty() || line.denied.is_some() || line.conditions.iter().any(is_about) {
        return None;
    }
    let is_address = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit() || ".:/".contains(c));
    let mut all = Vec::new();
    for Exception { resources, conditions, reason } in &line.except {
        let ([condition], None, Reason::Had) = (conditions.as_slice(), resources, reason) else { return None };
        let (key, values) = condition.split_once(" in ")?;
        let values: Vec<&str> = values.split(", ").flat_map(|values| values.split(" or ")).collect();
        if !key.eq_ignore_ascii_case(SOURCE_IP) || !values.iter().all(is_address) {
            return None;
        }
        all.extend(values);
    }
    let mut seen = BTreeSet::new();
    all.retain(|address| seen.insert(*address));
    Some(all)
}

/// `, except a and b when …, had before, except c, denied`: those with the same conditions and reason together.
pub(in crate::render) fn exceptions(all: &[Exception], of: &str, side: Side, name: Name) -> String {
    let mut groups: Vec<(&Exception, Vec<&Exception>)> = Vec::new();
    for except in all {
        // In a list, `everything but a and b` would have two meanings.
        let is_list = |of: &Exception| of.resources.as_ref().is_some_and(|some| some.starts_with(EVERYTHING_BUT));
        let is_alike = |(first, _): &&mut (&Exception, Vec<_>)| {
            first.reason == except.reason
                && !is_list(first)
                && !is_list(except)
                && first.resources.is_some() == except.resources.is_some()
                && (first.resources.is_none() || first.conditions == except.conditions)
        };
        match groups.iter_mut().find(is_alike) {
            Some((_, group)) => group.push(except),
            None => groups.push((except, vec![except])),
        }
    }
    let one = |(first, group): &(&Exception, Vec<&Exception>)| {
        let reason = match (first.reason, side) {
            (Reason::Had, Side::Gained) => ", had before",
            (Reason::Had, Side::Lost) => ", still allowed",
            (Reason::Denied, _) => ", denied",
            (Reason::LeftOut, _) => "",
        };
        let resources: Vec<_> =
            group.iter().filter_map(|one| Some(excepted(one.resources.as_ref()?, of, name))).collect();
        if resources.is_empty() {
            let cases: Vec<_> = group.iter().map(|of| when(&of.conditions, name)).collect();
            return format!(", except{}{reason}", cases.join(" or"));
        }
        format!(", except {}{}{reason}", list(&resources), when(&first.conditions, name))
    };
    groups.iter().map(one).collect()
}

/// The resources of an exception. `*` is not a bucket, and differs from all buckets.
fn excepted(resources: &str, of: &str, name: Name) -> String {
    match resources.strip_prefix(EVERYTHING_BUT) {
        Some(patterns) => format!("{EVERYTHING_BUT}{}", name(&patterns.replace(ARN, ""))),
        None if resources != of && bare(resources) == bare(of) => name(resources),
        None => pattern(resources, name),
    }
}

/// What precedes the patterns of a `NotResource` in an exception.
const EVERYTHING_BUT: &str = "everything but ";

/// One of the requests, if it says more than the pattern: the line has other conditions, resources that the pattern does
/// not seem to match, or exceptions within a pattern that is not only a prefix.
pub(in crate::render) fn example(line: &AccessLineV1, name: Name) -> Option<String> {
    let ExampleV1 { resource, conditions, .. } = &line.example;
    let key = |condition: &str| condition.split(' ').next().map(str::to_owned);
    let (within, always): (Vec<_>, Vec<_>) = line.except.iter().partition(|except| except.resources.is_some());
    let excepted: Vec<_> = always.iter().flat_map(|except| &except.conditions).filter_map(|of| key(of)).collect();
    let is_told = |condition: &String| {
        line.conditions.contains(condition) || key(condition).is_some_and(|key| excepted.contains(&key))
    };
    let (is_conditional, is_excepted) = (!conditions.iter().all(is_told), !within.is_empty());
    let is_prefix = !line.pattern.trim_end_matches('*').contains(['*', '?']);
    let is_odd = !pattern_covers(&line.pattern, resource) || line.pattern.contains("${");
    let is_within = line.denied.as_ref().is_some_and(|denied| *denied != line.pattern);
    let says_more = is_conditional || is_odd || is_within || is_excepted && !is_prefix;
    let when = if is_conditional { when(conditions, name) } else { String::new() };
    says_more.then(|| pattern(resource, name) + &when)
}

pub(in crate::render) fn undecided(open: &UndecidedV1, name: Name) -> String {
    format!("on {}, undecided: treat as {}", pattern(&open.pattern, name), direction(open.side))
}

#[cfg(feature = "html")]
pub(in crate::render) fn rules(profile: Profile) -> &'static str {
    match profile {
        Profile::Aws => "AWS rules",
        Profile::Minio => "MinIO rules",
    }
}

/// What only other rules than the leading ones give or take, on one line for each of them: `by AWS's rules also: …; …`.
pub(in crate::render) fn also(all: impl Iterator<Item = (Option<Profile>, String)>) -> Vec<String> {
    let mut by_rules: BTreeMap<Profile, Vec<String>> = BTreeMap::new();
    for (profile, part) in all {
        if let Some(profile) = profile {
            by_rules.entry(profile).or_default().push(part);
        }
    }
    by_rules.into_iter().map(|(profile, parts)| format!("{}: {}", by_rules_of(profile), parts.join("; "))).collect()
}

fn by_rules_of(profile: Profile) -> &'static str {
    match profile {
        Profile::Aws => "by AWS's rules also",
        Profile::Minio => "by MinIO's rules also",
    }
}

pub(in crate::render) fn when(conditions: &[String], name: Name) -> String {
    if conditions.is_empty() { String::new() } else { format!(" when {}", name(&conditions.join(" and "))) }
}

/// A resource without the start of its ARN.
pub(in crate::render) fn bare(resource: &str) -> &str {
    resource.strip_prefix(ARN).unwrap_or(resource)
}

/// A pattern or a resource, in quotes if it could be mistaken for the text around it.
pub(in crate::render) fn pattern(pattern: &str, name: Name) -> String {
    let is_odd = pattern.contains(|c: char| c.is_whitespace() || c == ',' || c == '"');
    let short = Some(pattern.replace(ARN, "")).filter(|short| !short.is_empty()).unwrap_or_else(|| pattern.to_owned());
    name(&if is_odd { serde_json::Value::from(short).to_string() } else { short })
}

/// What can be done in one place: some resources, under some conditions.
pub(in crate::render) struct Place<'a> {
    line: &'a RequestLineV1,
    /// The requests, by the rules that count.
    by_rules: Vec<BTreeSet<RequestKind>>,
}

/// What can be done, by place: in the order of the resources. `rules` are the names of the rules that count.
pub(in crate::render) fn places<'a>(can: &'a CanV1, rules: &[String]) -> Vec<Place<'a>> {
    let mut places: Vec<Place<'a>> = Vec::new();
    for line in &can.requests {
        let is_same = |of: &RequestLineV1| {
            of.pattern == line.pattern
                && of.within == line.within
                && of.except == line.except
                && of.conditions == line.conditions
        };
        let at = places.iter().position(|place| is_same(place.line)).unwrap_or(places.len());
        if at == places.len() {
            places.push(Place { line, by_rules: vec![BTreeSet::new(); rules.len()] });
        }
        let Some(place) = places.get_mut(at) else { continue };
        let counts = |name: &String| line.rules.is_empty() || line.rules.contains(name);
        for (_, of) in rules.iter().zip(&mut place.by_rules).filter(|(name, _)| counts(name)) {
            of.extend(line.requests.iter().filter_map(|word| RequestKind::of_word(word)));
        }
    }
    places.sort_by(|one, other| one.line.pattern.cmp(&other.line.pattern));
    places
}

impl Place<'_> {
    /// The resources, with their limits: `ml-data/* when …, except ml-data/raw/*, denied`.
    pub(in crate::render) fn resources(&self, name: Name) -> String {
        let RequestLineV1 { pattern: of, within, except, conditions, .. } = self.line;
        let within = within.iter().map(|one| format!(" that are also {}", pattern(one, name))).collect::<String>();
        let rest = exceptions(except, of, Side::Gained, name);
        format!("{}{within}{}{rest}", pattern(of, name), when(conditions, name))
    }

    /// What can be done by the leading rules; `None` if nothing can.
    pub(in crate::render) fn leading(&self) -> Option<String> {
        let of = self.by_rules.first()?;
        (!of.is_empty()).then(|| in_words(of.iter().copied()))
    }

    /// How the other rules differ from the leading ones, in one phrase: `not by aws: read versions`.
    pub(in crate::render) fn differences(&self, rules: &[String]) -> Option<String> {
        let (leading, others) = self.by_rules.split_first()?;
        let alike = grouped(others.iter().zip(rules.iter().skip(1).cloned()).filter(|(of, _)| *of != leading));
        let part = |(of, names): &(&BTreeSet<RequestKind>, Vec<String>)| {
            let names = list(names);
            let more = in_words(of.difference(leading).copied());
            let less = in_words(leading.difference(of).copied());
            match (more.is_empty(), less.is_empty()) {
                (false, true) if leading.is_empty() => format!("only by {names}: {more}"),
                (false, true) => format!("by {names} also: {more}"),
                (_, false) if of.is_empty() => format!("not by {names}"),
                (true, false) => format!("not by {names}: {less}"),
                (false, false) => format!("not by {names}: {less}; instead: {more}"),
                (true, true) => String::new(),
            }
        };
        (!alike.is_empty()).then(|| alike.iter().map(part).collect::<Vec<_>>().join("; "))
    }
}
