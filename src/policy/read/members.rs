//! The members of JSON objects: the last of each, those of the grammar told from the rest.

use std::collections::BTreeMap;

use super::super::json::{Json, Node, Pair};
use super::decode::{Decoder, Manner};
use super::rules;
use crate::base::nearest;

/// The members of an object: those of the grammar by their proper name, and the rest as minified JSON.
pub(super) struct Members<'n> {
    pub(super) known: BTreeMap<&'static str, &'n Pair>,
    pub(super) extra: BTreeMap<String, String>,
}

impl<'n> Members<'n> {
    pub(super) fn get(&self, name: &str) -> Option<&'n Pair> {
        self.known.get(name).copied()
    }
}

impl Decoder {
    pub(super) fn members<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        grammar: &'static [&'static str],
    ) -> Option<Members<'n>> {
        let Json::Object(pairs) = &node.value else {
            self.wrong_kind(what, "an object", node);
            return None;
        };
        let mut members = Members { known: BTreeMap::new(), extra: BTreeMap::new() };
        for pair in self.last_of_each(pairs, true) {
            let known = grammar.iter().find(|name| name.eq_ignore_ascii_case(&pair.name));
            match (known, self.manner) {
                (Some(_), Manner::Lenient) if pair.value.value == Json::Null => {}
                (Some(name), Manner::Lenient) => _ = members.known.insert(name, pair),
                (None, Manner::Lenient) => _ = members.extra.insert(pair.name.clone(), pair.value.value.minified()),
                (Some(name), Manner::Strict) => {
                    self.check_case(pair, name);
                    members.known.insert(name, pair);
                }
                (None, Manner::Strict) => self.unknown_member(pair, what, grammar),
            }
        }
        Some(members)
    }

    /// The members of a condition or of one of its operators: any name is possible, and there must be one.
    pub(super) fn named<'n>(&mut self, what: &str, wanted: &str, node: &'n Node) -> Option<Vec<&'n Pair>> {
        let Json::Object(pairs) = &node.value else {
            self.wrong_kind(what, wanted, node);
            return None;
        };
        if pairs.is_empty() && self.manner == Manner::Strict {
            let help = "leave it out, or say what it should ask for".to_owned();
            self.report(&rules::EMPTY_CONDITION, node.span.clone(), format!("{what} is empty"), Some(help));
        }
        Some(self.last_of_each(pairs, false))
    }

    /// The last of each name, in the order in which the names first appear. `any_case`: names that differ only in case are
    /// one name, as they are for the servers' reader where it fills in members of the grammar.
    fn last_of_each<'n>(&mut self, pairs: &'n [Pair], any_case: bool) -> Vec<&'n Pair> {
        let mut slots: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept: Vec<&Pair> = Vec::new();
        for pair in pairs {
            let fold = any_case || self.manner == Manner::Strict;
            let name = if fold { pair.name.to_ascii_lowercase() } else { pair.name.clone() };
            if let Some(&slot) = slots.get(&name) {
                self.repeated(kept[slot], pair);
                kept[slot] = pair;
            } else {
                slots.insert(name, kept.len());
                kept.push(pair);
            }
        }
        kept
    }

    fn repeated(&mut self, first: &Pair, second: &Pair) {
        if self.manner == Manner::Strict {
            let message = if first.name == second.name {
                format!("`{}` is there twice", second.name)
            } else {
                format!("`{}` and `{}` are the same member", first.name, second.name)
            };
            let help = "keep one: servers silently use the last".to_owned();
            self.report(&rules::DUPLICATE_MEMBER, second.name_span.clone(), message, Some(help));
        }
    }

    /// `ID` is how MinIO spells `Id`.
    fn check_case(&mut self, pair: &Pair, proper: &str) {
        if pair.name != proper && pair.name != "ID" {
            let message = format!("`{}` is not how the member is spelled", pair.name);
            let help = format!("write `{proper}`");
            self.report(&rules::UNKNOWN_MEMBER, pair.name_span.clone(), message, Some(help));
        }
    }

    fn unknown_member(&mut self, pair: &Pair, what: &str, grammar: &[&'static str]) {
        let span = pair.name_span.clone();
        if ["Principal", "NotPrincipal"].iter().any(|name| name.eq_ignore_ascii_case(&pair.name)) {
            let message = format!("`{}` belongs in bucket policies; here it is silently ignored", pair.name);
            let help = "remove it, and attach the policy to the users it is meant for".to_owned();
            self.report(&rules::PRINCIPAL, span, message, Some(help));
        } else {
            let message = format!("`{}` is not a member of {what}", pair.name);
            let help = match nearest(&pair.name, grammar.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("its members are {}", grammar.join(", ")),
            };
            self.report(&rules::UNKNOWN_MEMBER, span, message, Some(help));
        }
    }
}
