//! What it rests on that two different documents give the same access: parts that count for nothing, or only for known actions.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::is_action_name;
use super::resources::ARN;
use super::{Context, grants_nothing, same_access};
use crate::policy::{Document, Effect, Selector, Statement};

/// A part of a document without which the answer "no access change" would not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// Why it changes no access.
    pub kind: BasisKind,
    /// The pattern of actions or resources.
    pub pattern: String,
}

/// Why a part of a document changes no access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BasisKind {
    /// No resource can have such a name.
    NoSuchResource,
    /// No known action has such a name.
    NoSuchAction,
    /// It would change the access to actions that attune does not know.
    OnlyKnownActions,
}

/// What it rests on that two documents give the same access, as [`difference`](super::difference) has found. Empty if they would
/// whatever buckets and actions there are.
pub fn basis(before: &Document, after: &Document, context: &Context<'_>) -> Vec<Basis> {
    let only_in = |one: &Document, other: &Document| -> Vec<Statement> {
        one.statements.iter().filter(|statement| !other.statements.contains(statement)).cloned().collect()
    };
    let changed = [only_in(before, after), only_in(after, before)].concat();
    let differ = |change: &dyn Fn(&mut Document)| {
        let [before, after] = [before, after].map(|document| {
            let mut changed = document.clone();
            change(&mut changed);
            changed
        });
        !same_access(&before, &after, context)
    };
    let of = |part: fn(&Statement) -> &Selector| -> BTreeSet<&str> {
        changed.iter().flat_map(|statement| &part(statement).patterns).map(String::as_str).collect()
    };
    let nothing = |action: &str, resource: &str| {
        let statements = vec![Statement::plain(Effect::Allow, [action], [resource])];
        grants_nothing(&Document { statements, ..before.clone() }, context)
    };
    let resources = of(|statement| &statement.resources).into_iter().filter(|pattern| nothing("s3:*", pattern));
    let resources = resources.filter(|pattern| differ(&|document| rename(document, pattern, &possible(pattern))));
    let actions: BTreeSet<&str> = of(|statement| &statement.actions);
    let no_actions = actions.iter().copied().filter(|pattern| nothing(pattern, "*"));
    let no_actions = no_actions.filter(|pattern| differ(&|document| rename(document, pattern, "s3:OfNoRelease")));
    let deny = |name: &str| Statement::plain(Effect::Deny, [name], [NOTHING]);
    let only_known = unknown_actions(&changed)
        .into_iter()
        .filter(|(name, _)| differ(&|document| document.statements.push(deny(name))));
    let kinds = [
        (BasisKind::NoSuchResource, resources.collect::<Vec<_>>()),
        (BasisKind::NoSuchAction, no_actions.collect()),
        (BasisKind::OnlyKnownActions, only_known.map(|(_, pattern)| pattern).collect()),
    ];
    let basis = |(kind, patterns): (BasisKind, Vec<&str>)| {
        patterns.into_iter().map(move |pattern| Basis { kind, pattern: pattern.to_owned() }).collect::<Vec<_>>()
    };
    kinds.into_iter().flat_map(basis).collect()
}

/// A resource that no request names: `-` is no bucket.
const NOTHING: &str = "arn:aws:s3:::-";

/// Replaces a pattern of actions or resources everywhere.
fn rename(document: &mut Document, from: &str, to: &str) {
    for statement in &mut document.statements {
        let patterns = statement.actions.patterns.iter_mut().chain(&mut statement.resources.patterns);
        patterns.filter(|pattern| *pattern == from).for_each(|pattern| to.clone_into(pattern));
    }
}

/// The pattern with a bucket that can exist, and that no document names.
fn possible(pattern: &str) -> String {
    let behind = pattern.strip_prefix(ARN).unwrap_or(pattern);
    let key = behind.split_once('/').map(|(_, key)| format!("/{key}")).unwrap_or_default();
    format!("{ARN}bucket-of-no-document{key}")
}

/// Names of unknown actions that the statements may select, each with the pattern that does.
fn unknown_actions(changed: &[Statement]) -> BTreeMap<String, &str> {
    let mut names = BTreeMap::new();
    for statement in changed {
        for pattern in &statement.actions.patterns {
            let name = pattern.replace('*', "Unknown").replace('?', "x");
            let of_s3 = if pattern == "*" || statement.actions.negated { "s3:Unknown".to_owned() } else { name };
            if is_action_name(&of_s3) && (statement.actions.negated || of_s3 != *pattern) {
                names.entry(of_s3).or_insert(pattern.as_str());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::{AWS_RULES, MINIO_2021_RULES, RuleList};
    use super::*;
    use crate::policy::Catalogue;
    use crate::policy::testing::plain;

    /// Statements of lists of actions and of resources, which are written behind `^`.
    fn found(before: &[(&str, &str)], after: &[(&str, &str)], rules: &RuleList) -> Vec<(BasisKind, String)> {
        let document = |statements: &[(&str, &str)]| {
            let lists: Vec<_> = statements.iter().map(|of| (of.0, of.1.replace('^', ARN))).collect();
            plain(&lists.iter().map(|(actions, resources)| ("Allow", *actions, resources.as_str())).collect::<Vec<_>>())
        };
        let catalogue = Catalogue::newest();
        let context = Context { rules, ..Context::new(&catalogue) };
        let basis = basis(&document(before), &document(after), &context);
        basis.into_iter().map(|of| (of.kind, of.pattern.replace(ARN, ""))).collect()
    }

    fn is(before: (&str, &str), after: (&str, &str), kind: BasisKind, pattern: &str) {
        assert_eq!(found(&[before], &[after], &MINIO_2021_RULES), [(kind, pattern.to_owned())], "{before:?} {after:?}");
    }

    #[test]
    fn what_cannot_exist_and_what_nobody_knows_is_named() {
        let read = ("s3:GetObject", "^logs/*");
        for none in ["MyBucket/*", "b/*", "lo/gs"] {
            is(read, ("s3:GetObject", &format!("^logs/*|^{none}")), BasisKind::NoSuchResource, none);
        }
        is(read, ("s3:GetObject|s3:getobject", "^logs/*"), BasisKind::NoSuchAction, "s3:getobject");
        is(("s3:PutObject*", "^logs/*"), ("s3:PutObj*", "^logs/*"), BasisKind::OnlyKnownActions, "s3:PutObj*");
    }

    #[test]
    fn the_same_access_whatever_there_is_needs_no_basis() {
        let all = ("s3:*", "^*");
        assert_eq!(found(&[all], &[all, ("s3:getobject|s3:GetObj*", "^MyBucket/*")], &MINIO_2021_RULES), []);
        let [one, another] = [("s3:GetObject", "^logs/*"), ("s3:PutObject", "^logs/*")];
        assert_eq!(found(&[one, another], &[("s3:PutObject|s3:GetObject", "^logs/*")], &AWS_RULES), []);
        let bucket = [("s3:GetObject", "^logs/*|^b/*")];
        let [renamed, same] = [[("s3:GetObject", "^b/*|^logs/*")], [("s3:GetObject", "^b/*|^logs/*"); 1]];
        assert_eq!(found(&bucket, &renamed, &AWS_RULES), found(&renamed, &same, &AWS_RULES), "order does not matter");
    }
}
