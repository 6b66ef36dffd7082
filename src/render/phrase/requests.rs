//! What people can do in one place, in phrases.

use std::collections::BTreeSet;

use super::{Name, exceptions, grouped, list, pattern, when};
use crate::policy::access::{RequestKind, Side, in_words};
use crate::render::json::{CanV1, RequestLineV1};

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
