//! Whether a document allows one request, and which of its statements decide.

use super::atoms::{Atoms, Literal};
use super::glob::Glob;
use super::solve::{Solution, Wish, solve};
use super::terms::{Setting, Taken, Term};
use super::universe::{ARN, Universe};
use super::verbs::{Verb, add, verbs};
use super::wording::text;
use super::{Context, Profile};
use crate::policy::{Document, Effect, Kind};

/// A request, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The action, such as `s3:GetObject`.
    pub action: &'a str,
    /// The resource, as an ARN or as `bucket/key`; `*` for an action on no bucket. Of a resource with a key, an action on
    /// a bucket takes the bucket.
    pub resource: &'a str,
}

/// Whether a request is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Whatever else is true of it.
    Allowed,
    /// Under no conditions.
    Denied,
    /// Under some conditions, and not under others.
    Conditional,
}

/// Whether a request is allowed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is.
    pub verdict: Verdict,
    /// What allows it: any of these is enough.
    pub allowed_by: Vec<Reason>,
    /// What denies it in spite of that: any of these is enough.
    pub denied_by: Vec<Reason>,
}

/// A statement that applies to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The index of the statement in the document.
    pub statement: usize,
    /// Its `Sid`, when it has one.
    pub sid: Option<String>,
    /// The pattern that covers the resource; `*` for a `NotResource`.
    pub pattern: String,
    /// The conditions under which it applies, all of them; none when it always does.
    pub conditions: Vec<String>,
}

/// Whether a document allows a request by the rules of a profile.
#[must_use]
pub fn allows(document: &Document, request: &Request<'_>, profile: Profile, context: &Context<'_>) -> Decision {
    let mut verbs = verbs(context.catalogue, &[document]);
    add(&mut verbs, request.action);
    let (universe, resource) = place(request.resource, kind(request, &verbs), profile);
    let verb = verbs.iter().position(|verb| is_called(verb, request.action, profile));
    let mut atoms = Atoms::default();
    let taken = Setting { profile, user: context.user, verbs: &verbs }.take(0, document, &mut atoms);
    let of_effect = |effect: Effect| {
        let about = |taken: &&Taken| taken.effect == effect && verb.is_some_and(|verb| taken.about[verb]);
        let terms = taken.iter().filter(about).flat_map(|taken| &taken.terms);
        let applied = terms.filter_map(|term| Some((term, term.within(universe).applies_when(&resource)?)));
        applied.collect::<Vec<_>>()
    };
    let (allow, deny) = (of_effect(Effect::Allow), of_effect(Effect::Deny));
    let lists = |applied: &[(_, Vec<Literal>)]| applied.iter().map(|(_, when)| when.clone()).collect::<Vec<_>>();
    let verdict = verdict(&lists(&allow), &lists(&deny), &atoms, context.state_cap);
    let reasons = |applied: Vec<(&Term, Vec<Literal>)>| {
        let reason = |(term, when): (&Term, Vec<Literal>)| Reason {
            statement: term.id.statement,
            sid: document.statements[term.id.statement].sid.clone().filter(|sid| !sid.is_empty()),
            pattern: term.pattern.shown.to_string(),
            conditions: when.iter().map(|literal| text(*literal, &atoms)).collect(),
        };
        applied.into_iter().map(reason).collect()
    };
    Decision { verdict, allowed_by: reasons(allow), denied_by: reasons(deny) }
}

/// Allowed is what some Allow and no Deny holds for; what takes too many tries to find out may be either.
fn verdict(allow: &[Vec<Literal>], deny: &[Vec<Literal>], atoms: &Atoms, mut tries: usize) -> Verdict {
    let mut possible = |all: &[Literal], none: &[Vec<Literal>]| {
        let wish = Wish { all: all.to_vec(), none: none.to_vec(), some: None };
        solve(&wish, atoms, &mut tries) != Solution::Impossible
    };
    let allowed = allow.iter().any(|list| possible(list, deny));
    let denied = possible(&[], allow) || deny.iter().any(|list| possible(list, &[]));
    match (allowed, denied) {
        (true, false) => Verdict::Allowed,
        (true, true) => Verdict::Conditional,
        (false, _) => Verdict::Denied,
    }
}

fn is_called(verb: &Verb, name: &str, profile: Profile) -> bool {
    match profile {
        Profile::Aws => verb.name.eq_ignore_ascii_case(name),
        Profile::Minio => verb.name == name,
    }
}

/// The kind of a request's action; of an action no catalogue knows, what its resource looks like.
fn kind(request: &Request<'_>, verbs: &[Verb]) -> Kind {
    let mut kinds = verbs.iter().filter(|verb| verb.name.eq_ignore_ascii_case(request.action)).map(|verb| verb.kind);
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind,
        (Some(_) | None, _) => match request.resource.strip_prefix(ARN).unwrap_or(request.resource) {
            "*" | "" => Kind::Account,
            resource if resource.contains('/') => Kind::Object,
            _ => Kind::Bucket,
        },
    }
}

/// The universe a resource belongs to, and how it is called there.
fn place(resource: &str, kind: Kind, profile: Profile) -> (Universe, Glob) {
    let bare = resource.strip_prefix(ARN).unwrap_or(resource);
    let bucket = bare.split_once('/').map_or(bare, |(bucket, _)| bucket);
    let (universe, text) = match (kind, profile) {
        (Kind::Account, Profile::Aws) if resource == "*" => (Universe::Bare, String::new()),
        (Kind::Account, Profile::Aws) => (Universe::Star, "*".to_owned()),
        (Kind::Account, Profile::Minio) => (Universe::Root, "/".to_owned()),
        (Kind::Bucket, Profile::Aws) => (Universe::Bucket, bucket.to_owned()),
        (Kind::Bucket, Profile::Minio) => (Universe::BucketSlash, format!("{bucket}/")),
        (Kind::Object, Profile::Aws | Profile::Minio) => (Universe::Object, bare.to_owned()),
    };
    (universe, Glob::literal(&text))
}
