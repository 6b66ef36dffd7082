//! How far a document goes in a bucket, asked of the access engine: not by examples, but for all requests there are.

use std::collections::BTreeSet;

use super::bucket::Bucket;
use super::grade::{Classes, Grades};
use crate::policy::access::{Access, Context, Profile, gains};
use crate::policy::{Catalogue, Document, Effect, Selector, Statement};

const EVERYTHING: &str = "s3:*";
const VERSION: &str = "2012-10-17";

/// Grades a document in a bucket, for a user where one is given.
///
/// Three comparisons tell it: the document against itself with all in the bucket denied gives what it allows there; all in
/// the bucket against the document gives what it does not allow there, or not always; and the first again, of a document
/// without what depends on conditions, gives what it always allows.
pub(super) fn grades(document: &Document, bucket: &Bucket, context: &Context<'_>, classes: &Classes<'_>) -> Grades {
    if !document.statements.iter().any(|statement| statement.effect == Effect::Allow) {
        return Grades::NONE;
    }
    let within = |document: &Document| {
        let mut denied = document.clone();
        denied.statements.push(everything(Effect::Deny, bucket));
        gains(Some(&denied), Some(document), context)
    };
    let some = within(document);
    if some.gained.is_empty() && some.undecided.is_empty() {
        return Grades::NONE;
    }
    let cautious = cautious(document, context.user.is_some());
    let always = cautious.as_ref().map(within);
    let always = always.as_ref().unwrap_or(&some);
    let full = Document {
        version: Some(VERSION.to_owned()),
        statements: vec![everything(Effect::Allow, bucket)],
        ..Document::default()
    };
    let lacking = gains(Some(document), Some(&full), context);
    Grades::each(|profile| {
        let named = |access| gained(access, profile, context.catalogue);
        let open = |access| undecided(access, profile, context.catalogue);
        let lacking: BTreeSet<&str> = named(&lacking).union(&open(&lacking)).copied().collect();
        classes.grade(&named(&some), &named(always), &lacking, &open(&some))
    })
}

fn everything(effect: Effect, bucket: &Bucket) -> Statement {
    Statement {
        sid: None,
        effect,
        actions: Selector { negated: false, patterns: vec![EVERYTHING.to_owned()] },
        resources: Selector { negated: false, patterns: bucket.resources().to_vec() },
        conditions: Vec::new(),
        extra: std::collections::BTreeMap::new(),
    }
}

/// The document where everything that is open is answered against the user; `None` where nothing is open.
fn cautious(document: &Document, user: bool) -> Option<Document> {
    let unknown = |pattern: &String| {
        let filled = if user { pattern.replace("${aws:username}", "") } else { pattern.clone() };
        filled.contains("${")
    };
    let is_open = |statement: &Statement| {
        let variable = statement.resources.patterns.iter().any(unknown);
        variable || !statement.conditions.is_empty() || !statement.extra.is_empty()
    };
    if !document.statements.iter().any(is_open) {
        return None;
    }
    let answered = |statement: &Statement| -> Option<Statement> {
        let mut statement = statement.clone();
        let unconditional = statement.conditions.is_empty() && statement.extra.is_empty();
        let resources = &mut statement.resources;
        let variable = resources.patterns.iter().any(unknown);
        match (statement.effect, resources.negated) {
            (Effect::Allow, _) if !unconditional => return None,
            (Effect::Allow, true) if variable => return None,
            (Effect::Allow, _) => resources.patterns.retain(|pattern| !unknown(pattern)),
            (Effect::Deny, false) if variable => {
                resources.patterns.iter_mut().filter(|pattern| unknown(pattern)).for_each(|p| *p = "*".to_owned());
            }
            (Effect::Deny, true) => resources.patterns.retain(|pattern| !unknown(pattern)),
            (Effect::Deny, false) => {}
        }
        statement.conditions.clear();
        statement.extra.clear();
        if resources_are_none(&statement) { everywhere(statement) } else { Some(statement) }
    };
    Some(Document { statements: document.statements.iter().filter_map(answered).collect(), ..document.clone() })
}

fn resources_are_none(statement: &Statement) -> bool {
    statement.resources.patterns.is_empty()
}

/// A statement that is left without a pattern: one about none of them is about everything.
fn everywhere(mut statement: Statement) -> Option<Statement> {
    if !statement.resources.negated {
        return None;
    }
    statement.resources = Selector { negated: false, patterns: vec!["*".to_owned()] };
    Some(statement)
}

fn gained<'a>(access: &Access, profile: Profile, catalogue: &'a Catalogue) -> BTreeSet<&'a str> {
    let lines = access.gained.iter().filter(|line| line.profile.is_none_or(|only| only == profile));
    lines.flat_map(|line| &line.actions).flat_map(|name| members(name, catalogue)).collect()
}

fn undecided<'a>(access: &Access, profile: Profile, catalogue: &'a Catalogue) -> BTreeSet<&'a str> {
    let open = access.undecided.iter().filter(|open| open.profile.is_none_or(|only| only == profile));
    open.flat_map(|open| &open.actions).flat_map(|name| members(name, catalogue)).collect()
}

/// The actions of the catalogue that a name stands for, which may end in `*`.
fn members<'a>(name: &str, catalogue: &'a Catalogue) -> impl Iterator<Item = &'a str> {
    let (stem, open) = name.strip_suffix('*').map_or((name, false), |stem| (stem, true));
    let fits = move |action: &&str| if open { action.starts_with(stem) } else { *action == stem };
    catalogue.actions().iter().map(|action| action.name.as_str()).filter(fits).collect::<Vec<_>>().into_iter()
}
