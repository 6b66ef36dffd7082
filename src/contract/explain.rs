//! Why an expectation fails, in words, and the statement that decides it.

use super::{Failure, Unreported, Why};
use crate::base::{BucketName, Location};
use crate::desired::Desired;
use crate::policy::access::{
    ARN, Conditions, Context, Counterexample, Credentials, Decision, Ground, Holder, Need, Request, RequestOn,
    RequestOrAction, Rules, Verdict, decide, decide_request,
};
use crate::policy::{BucketDocument, Document, Part, Place, alone};

pub(super) fn who(failure: &Failure) -> String {
    failure.who.as_ref().map_or_else(|| "everyone".to_owned(), ToString::to_string)
}

pub(super) fn is_certain(failure: &Failure) -> bool {
    match &failure.why {
        Why::Allowed(example) | Why::NotAllowed(example) => !example.is_open,
        Why::UnknownDocument | Why::NoSuchPrincipal | Why::NotReported(_) => false,
    }
}

pub(super) fn what(failure: &Failure) -> String {
    let who = who(failure);
    let policy = failure.policy.as_ref().map(|policy| format!(" by policy `{policy}`")).unwrap_or_default();
    match &failure.why {
        Why::Allowed(example) | Why::NotAllowed(example) if example.is_open => {
            format!("whether {who} can {} is undecided{policy}", request(example))
        }
        Why::Allowed(example) => format!("{who} can {}{policy}{}", request(example), conditions(example, ", if ")),
        Why::NotAllowed(example) => format!("{who} cannot {}{policy}", request(example)),
        Why::UnknownDocument if failure.policy.is_none() => {
            format!("what {who} can do is undecided: the policy of a bucket is not known")
        }
        Why::UnknownDocument => format!("the document of {who}'s policy is not known{policy}"),
        Why::NoSuchPrincipal => format!("there is no {who}"),
        Why::NotReported(Unreported::Users) => not_reported("users"),
        Why::NotReported(Unreported::Groups) => not_reported("groups"),
        Why::NotReported(Unreported::Buckets) => {
            "it is not decided: the policies of buckets were not read, so that it is unknown what anyone can do without a login"
                .to_owned()
        }
    }
}

fn not_reported(who: &str) -> String {
    format!(
        "it is not decided: the cluster does not report over REST which policies {who} have; use `via = \"weka\"` in `[cluster]`"
    )
}

/// A request in words, such as `delete arn:aws:s3:::prod-a/b`.
pub(super) fn request(example: &Counterexample) -> String {
    let resource = example.resource.strip_prefix("arn:aws:s3:::").unwrap_or(&example.resource);
    let resource = format!("`{resource}`");
    let by = if example.rules.is_empty() { String::new() } else { format!(" (by {})", rules(&example.rules)) };
    match &example.what {
        RequestOrAction::Request(kind) => format!("{} ({}) {resource}{by}", kind.phrase(), kind.word()),
        RequestOrAction::Action(action) => format!("do `{action}` on {resource}{by}"),
    }
}

fn rules(rules: &[Rules]) -> String {
    let names: Vec<String> = rules.iter().map(ToString::to_string).collect();
    format!("{} rules", crate::base::list(&names))
}

pub(super) fn conditions(example: &Counterexample, before: &str) -> String {
    if example.conditions.is_empty() { String::new() } else { format!("{before}{}", example.conditions.join(" and ")) }
}

/// The context of a question about someone.
pub(super) fn of_holder<'c>(who: &'c Holder, context: &Context<'c>) -> Context<'c> {
    match who {
        Holder::Principal(principal) => context.with(principal),
        Holder::Anonymous => context.anonymous(),
        Holder::Document(_) | Holder::Roles(_) => *context,
    }
}

/// The statement that decides a failure.
pub(super) struct Cause {
    /// What it does, in words.
    pub(super) text: String,
    /// Its place, if it is known.
    pub(super) at: Option<Location>,
}

/// The statement that decides a failure, if the configuration has it.
pub(super) fn cause(failure: &Failure, desired: &Desired, context: &Context<'_>) -> Option<Cause> {
    let (example, is_allowed) = match &failure.why {
        Why::Allowed(example) => (example, true),
        Why::NotAllowed(example) => (example, false),
        Why::UnknownDocument | Why::NoSuchPrincipal | Why::NotReported(_) => return None,
    };
    if let (Some(Holder::Anonymous), true) = (&failure.who, is_allowed) {
        let bucket = bucket(example)?;
        let whole = || Cause {
            text: format!("the policy of bucket `{bucket}` allows it"),
            at: desired.buckets.get(&bucket).and_then(|entry| entry.at.clone()),
        };
        return Some(of_bucket(&bucket, example, true, desired, context).unwrap_or_else(whole));
    }
    let authored = desired.policy(failure.policy.as_ref()?)?.intent.authored()?;
    let context = of_holder(failure.who.as_ref()?, context);
    let context = match is_allowed {
        true => context.with_credentials(Credentials::Any),
        false => context.with_conditions(Conditions::NotGiven),
    };
    let rules = example.rules.first().copied().unwrap_or_else(|| context.rules.first());
    let decisions = decisions(example, authored.document(), &context, rules);
    let ground = decisions.iter().find_map(|(action, need, decision)| {
        let grounds = if is_allowed { &decision.allowed_by } else { &decision.denied_by };
        let ground = grounds.first().filter(|_| !is_allowed || *need == Need::Allowed)?;
        Some((action, ground))
    });
    let verb = if is_allowed { "allows" } else { "denies" };
    match ground {
        Some((action, Ground { index, statement, .. })) => {
            let at = authored.place(Place::Statement(*index, Part::Whole));
            Some(Cause { text: format!("its statement {statement:?} {verb} `{action}`"), at })
        }
        None if is_allowed => None,
        None => {
            let not_allowed = |(_, need, decision): &&(String, Need, Decision)| {
                *need == Need::Allowed && decision.verdict != Verdict::Allowed
            };
            let action = decisions.iter().find(not_allowed).map_or("it", |(action, ..)| action);
            let text = format!("no statement allows `{action}` without conditions");
            Some(Cause { text, at: authored.place(Place::Statements) })
        }
    }
}

/// The statement of the policy of a bucket that allows a request, if the configuration has it.
pub(super) fn of_bucket(
    bucket: &BucketName,
    example: &Counterexample,
    to_anonymous: bool,
    desired: &Desired,
    context: &Context<'_>,
) -> Option<Cause> {
    let authored = desired.buckets.get(bucket)?.intent.authored()?;
    let context = if to_anonymous { context.anonymous() } else { context.with_credentials(Credentials::Any) };
    let rules = example.rules.first().copied().unwrap_or_else(|| context.rules.first());
    let document = authored.document();
    document.statements.iter().enumerate().find_map(|(index, statement)| {
        let one = Document { statements: vec![statement.clone()], ..document.clone() };
        let decisions = decisions(example, &alone(bucket, BucketDocument::Known(&one)), &context, rules);
        let (action, ..) = decisions.iter().find(|(_, _, decision)| !decision.allowed_by.is_empty())?;
        let sid = statement.sid.as_ref().filter(|sid| !sid.is_empty());
        let sid = sid.map(|sid| format!(" {sid:?}")).unwrap_or_default();
        let text = format!("statement {}{sid} of the bucket's policy allows `{action}`", index + 1);
        Some(Cause { text, at: authored.place(Place::Statement(index, Part::Whole)) })
    })
}

fn bucket(example: &Counterexample) -> Option<BucketName> {
    let behind = example.resource.strip_prefix(ARN)?;
    Some(BucketName::reported(behind.split_once('/').map_or(behind, |(bucket, _)| bucket)))
}

fn decisions(
    example: &Counterexample,
    document: &Document,
    context: &Context<'_>,
    rules: Rules,
) -> Vec<(String, Need, Decision)> {
    match &example.what {
        RequestOrAction::Request(kind) => {
            let Ok(request) = RequestOn::parse(kind.word(), &example.resource) else { return Vec::new() };
            let decided = decide_request(Some(document), &request, context, rules);
            let actions = decided.deciding().map(|way| way.actions.clone()).unwrap_or_default();
            actions.into_iter().map(|of| (of.action.to_owned(), of.need, of.decision)).collect()
        }
        RequestOrAction::Action(action) => {
            let Ok(request) = Request::parse(action, &example.resource, context.catalogue) else { return Vec::new() };
            vec![(action.clone(), Need::Allowed, decide(Some(document), &request, context, rules))]
        }
    }
}
