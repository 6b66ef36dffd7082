//! Why someone can or cannot do something: the statements that decide, and the changes of a plan that concern it.

use std::collections::BTreeSet;

use crate::base::{BucketName, Location, PolicyName, Principal};
use crate::desired::{Authored, Desired, PolicyIntent};
use crate::plan::{Change, ChangeKind, Plan};
use crate::policy::access::{
    Answer, Asked, Context, Decision, Ground, Holder, Need, Request, Rules, Verdict, decide, decide_request,
};
use crate::policy::{Document, Effect, Part, Place};

/// A policy by which someone has access.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// Its name; `None` if it is a document alone, or the policy of a bucket.
    pub policy: Option<PolicyName>,
    /// The bucket, if it is the policy of one.
    pub bucket: Option<BucketName>,
    /// Its document.
    pub document: Document,
    /// The same as the configuration has it, with its places.
    pub authored: Option<&'a Authored>,
}

/// A statement that decides a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciding {
    /// Its policy; `None` if it is of a document alone, or of the policy of a bucket.
    pub policy: Option<PolicyName>,
    /// The bucket, if it is of the policy of one.
    pub bucket: Option<BucketName>,
    /// Its `Sid`, or else `statement N`, counted from 1.
    pub statement: String,
    /// Its index in the document.
    pub index: usize,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// The actions that it allows or denies.
    pub actions: BTreeSet<String>,
    /// The conditions under which it applies, all of them.
    pub conditions: Vec<String>,
    /// The rules by which it decides. Empty if by all that count.
    pub rules: Vec<Rules>,
    /// Its place, if the configuration has it.
    pub at: Option<Location>,
    /// The same from its start to the end of its last part.
    pub extent: Option<Location>,
}

/// The statements that decide the answer to a question about one request, or about one action: those that allow it if it is
/// allowed, those that deny it if it is denied, and both if it depends.
#[must_use]
pub fn deciding(answer: &Answer, asked: &Asked, sources: &[Source<'_>], context: &Context<'_>) -> Vec<Deciding> {
    let context = answer.attachment.context(context);
    let mut all: Vec<Deciding> = Vec::new();
    for rules in context.rules.iter() {
        for source in sources {
            for (action, effect, ground) in grounds(answer, asked, source, &context, rules) {
                enter(&mut all, source, (&action, effect, &ground), rules);
            }
        }
    }
    let is_all = |some: &[Rules]| context.rules.iter().all(|rules| some.contains(&rules));
    all.iter_mut().filter(|one| is_all(&one.rules)).for_each(|one| one.rules.clear());
    all.sort_by_key(|one| (one.effect == Effect::Allow) != is_allowed(answer));
    all
}

fn is_allowed(answer: &Answer) -> bool {
    answer.decisions.is_empty() || answer.is_allowed()
}

fn enter(
    all: &mut Vec<Deciding>,
    source: &Source<'_>,
    (action, effect, ground): (&str, Effect, &Ground),
    rules: Rules,
) {
    let is_same = |one: &&mut Deciding| {
        one.policy == source.policy
            && one.bucket == source.bucket
            && one.index == ground.index
            && one.effect == effect
            && one.conditions == ground.conditions
    };
    if let Some(one) = all.iter_mut().find(is_same) {
        one.actions.insert(action.to_owned());
        if !one.rules.contains(&rules) {
            one.rules.push(rules);
        }
        return;
    }
    let place = |part| source.authored.and_then(|authored| authored.place(Place::Statement(ground.index, part)));
    let at = place(Part::Whole);
    // The place of a table of TOML is its header.
    let parts = [Part::Sid, Part::Effect, Part::Actions, Part::Resources, Part::Conditions];
    let extent = at.clone().map(|at| {
        let file = at.file;
        let parts = parts.into_iter().filter_map(place).filter(|of| of.file == file);
        parts.fold(at, |all, of| Location {
            span: all.span.start.min(of.span.start)..all.span.end.max(of.span.end),
            ..all
        })
    });
    all.push(Deciding {
        policy: source.policy.clone(),
        bucket: source.bucket.clone(),
        statement: ground.statement.clone(),
        index: ground.index,
        effect,
        actions: BTreeSet::from([action.to_owned()]),
        conditions: ground.conditions.clone(),
        rules: vec![rules],
        at,
        extent,
    });
}

/// The statements of a policy that decide by some rules, each with the action that it is about.
fn grounds(
    answer: &Answer,
    asked: &Asked,
    source: &Source<'_>,
    context: &Context<'_>,
    rules: Rules,
) -> Vec<(String, Effect, Ground)> {
    let document = Some(&source.document);
    let (verdict, actions): (Verdict, Vec<(String, Need, Decision)>) = match asked {
        Asked::Request(request) => {
            let whole = decide_request(answer.attachment.document.as_ref(), request, context, rules);
            let deciding = whole.ways.iter().position(|way| whole.deciding() == Some(way));
            let counts = |way: usize| whole.verdict == Verdict::Denied || Some(way) == deciding;
            let part = decide_request(document, request, context, rules);
            let ways = part.ways.into_iter().enumerate().filter(|(way, _)| counts(*way));
            let actions = ways.flat_map(|(_, way)| way.actions);
            (whole.verdict, actions.map(|of| (of.action.to_owned(), of.need, of.decision)).collect())
        }
        Asked::Actions(question) => {
            let resource = question.resource();
            let Ok(request) = Request::parse(question.action(), resource, context.catalogue) else { return Vec::new() };
            let whole = decide(answer.attachment.document.as_ref(), &request, context, rules);
            let part = decide(document, &request, context, rules);
            (whole.verdict, vec![(question.action().to_owned(), Need::Allowed, part)])
        }
        Asked::Everything | Asked::Requests(_) | Asked::All(_) => return Vec::new(),
    };
    let of_action = |(action, need, decision): (String, Need, Decision)| {
        let (allows, denies) = (verdict != Verdict::Denied && need == Need::Allowed, verdict != Verdict::Allowed);
        let allowed = decision.allowed_by.into_iter().filter(move |_| allows).map(|ground| (Effect::Allow, ground));
        let denied = decision.denied_by.into_iter().filter(move |_| denies).map(|ground| (Effect::Deny, ground));
        allowed.chain(denied).map(move |(effect, ground)| (action.clone(), effect, ground)).collect::<Vec<_>>()
    };
    actions.into_iter().flat_map(of_action).collect()
}

/// The document of a policy as the configuration has it.
#[must_use]
pub fn authored<'a>(desired: &'a Desired, policy: &PolicyName) -> Option<&'a Authored> {
    match &desired.policies.get(policy)?.intent {
        PolicyIntent::Present(authored) => Some(authored),
        PolicyIntent::Absent => None,
    }
}

/// The changes of a plan that concern someone: of its attachment, and of the policies that it has before or after.
#[must_use]
pub fn changes<'a>(plan: &'a Plan, holder: &Holder, policies: &BTreeSet<PolicyName>) -> Vec<&'a Change> {
    let is_holder = |principal: &Principal| *holder == Holder::Principal(principal.clone());
    let concerns = |change: &&Change| match &change.kind {
        ChangeKind::AddPolicy { policy, .. }
        | ChangeKind::ReplacePolicy { policy, .. }
        | ChangeKind::RemovePolicy { policy, .. } => policies.contains(policy),
        ChangeKind::RenamePolicy { policy, old, .. } => policies.contains(policy) || policies.contains(old),
        ChangeKind::Attach { principal, .. }
        | ChangeKind::Move { principal, .. }
        | ChangeKind::Detach { principal, .. } => is_holder(principal),
        ChangeKind::SetBucketPolicy { .. } => change.access.iter().any(|access| access.holder == *holder),
    };
    plan.changes.iter().filter(concerns).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::access::Attachment;
    use crate::policy::{Catalogue, read};

    fn any_statement() -> impl Strategy<Value = String> {
        let effects = prop::sample::select(&["Allow", "Allow", "Deny"][..]);
        let actions = prop::sample::select(
            &[
                "s3:GetObject",
                "s3:Get*",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:*",
                "s3:ListBucket",
                "s3:GetObjectVersion",
            ][..],
        );
        let resources = prop::sample::select(&["logs/*", "logs/a*", "logs", "*", "data/*"][..]);
        let conditions =
            prop::sample::select(&["", "", r#", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#][..]);
        (effects, actions, resources, conditions).prop_map(|(effect, action, resource, condition)| {
            format!(
                r#"{{"Effect": "{effect}", "Action": "{action}", "Resource": "arn:aws:s3:::{resource}"{condition}}}"#
            )
        })
    }

    fn document(statements: &[String]) -> Document {
        read(&format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","))).document.unwrap()
    }

    fn part(document: &Document, keep: impl Fn(usize, Effect) -> bool) -> Document {
        let mut part = document.clone();
        let all = document.statements.iter().enumerate();
        part.statements = all.filter(|(index, of)| keep(*index, of.effect)).map(|(_, of)| of.clone()).collect();
        part
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_statements_that_are_named_decide(
            statements in prop::collection::vec(any_statement(), 1..5),
            word in prop::sample::select(&["read", "write", "delete", "delete-version", "list", "copy-to"][..]),
            key in prop::sample::select(&["a", "b"][..]),
        ) {
            let catalogue = Catalogue::newest();
            let on = if word == "list" { "logs".to_owned() } else { format!("logs/{key}") };
            let whole = document(&statements);
            let asked = Asked::parse(word, &on, true, &catalogue).unwrap();
            let Asked::Request(request) = &asked else { panic!("{word} {on}") };
            for rules in crate::policy::access::ALL_RULES.iter() {
                let list = crate::policy::access::RuleList::from(rules);
                let context = Context { rules: &list, ..Context::new(&catalogue) };
                let verdict = |document: &Document| decide_request(Some(document), request, &context, rules).verdict;
                let holder = Holder::Document("p.json".to_owned());
                let attachment = Attachment { holder, policy: None, document: Some(whole.clone()) };
                let answer = attachment.answer(&asked, &context);
                let source = Source { policy: None, bucket: None, document: whole.clone(), authored: None };
                let found = deciding(&answer, &asked, &[source], &context);
                let named = |index: usize, effect: Effect| found.iter().any(|one| one.index == index && one.effect == effect);
                prop_assert!(found.iter().all(|one| whole.statements[one.index].effect == one.effect), "{found:#?}");
                match verdict(&whole) {
                    Verdict::Allowed => {
                        // They allow it without the others, and without one that is named nothing else is needed.
                        let alone = part(&whole, |index, effect| effect == Effect::Deny || named(index, effect));
                        prop_assert_eq!(verdict(&alone), Verdict::Allowed, "{:#?}", found);
                        prop_assert!(found.iter().all(|one| one.effect == Effect::Allow) && !found.is_empty());
                    }
                    Verdict::Denied => {
                        prop_assert!(found.iter().all(|one| one.effect == Effect::Deny));
                        let without = part(&whole, |_, effect| effect == Effect::Allow);
                        if verdict(&without) != Verdict::Denied {
                            prop_assert!(!found.is_empty(), "a statement denies it");
                            let rest = part(&whole, |index, effect| !named(index, effect));
                            prop_assert_ne!(verdict(&rest), Verdict::Denied, "{:#?}", found);
                        }
                    }
                    Verdict::Depends => prop_assert!(!found.is_empty()),
                }
            }
        }
    }
}
