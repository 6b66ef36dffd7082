//! Expectations in phrases: what became of each, and the request that proves a failure.

use super::{Name, count, pattern, when};
use crate::policy::access::RequestKind;
use crate::render::json::{ExpectationV1, FailureV1};

/// What became of an expectation: in one state, or with a plan.
pub(in crate::render) fn result(of: &ExpectationV1, has_plan: bool) -> &'static str {
    match (of.holds, of.failures.iter().any(|failure| failure.new), of.refuses) {
        (true, ..) => "holds",
        (false, ..) if !has_plan => "fails",
        (false, true, _) => "fails with this plan",
        (false, false, true) => "failed before, and is strict",
        (false, false, false) => "failed before",
    }
}

/// The failure that says most: a new one, then a certain one.
fn leading(of: &ExpectationV1) -> Option<&FailureV1> {
    of.failures.iter().min_by_key(|failure| (!failure.new, failure.request.is_none(), failure.why == "undecided"))
}

/// One request that proves that an expectation fails, and how many others it fails for.
pub(in crate::render) fn proof(of: &ExpectationV1, name: Name) -> Option<String> {
    let failure = leading(of)?;
    let who = who(failure.who.as_deref(), name);
    let what = request(failure, name);
    let text = match failure.why.as_str() {
        "allowed" => format!("{who} can {what}"),
        "not_allowed" => format!("{who} cannot {what}"),
        "unknown_document" => format!("the document of the policy of {who} is not known"),
        "no_such_principal" => format!("there is no {who}"),
        "not_reported" => "the cluster does not report who has which policy".to_owned(),
        _ => format!("undecided whether {who} can {what}"),
    };
    let others = of.failures.len().saturating_sub(1);
    Some(if others == 0 { text } else { format!("{text}; likewise {}", count(others, "other", "others")) })
}

fn who(label: Option<&str>, name: Name) -> String {
    let Some(label) = label else { return "everyone".to_owned() };
    if let Some(roles) = label.strip_prefix("roles ") {
        return format!("a token with {}", name(roles));
    }
    match label.strip_prefix("group/") {
        Some(group) => format!("group {}", name(group)),
        None => format!("user {}", name(label)),
    }
}

/// A request: `delete versions for good on prod-x/x when … (by minio-2021)`.
fn request(failure: &FailureV1, name: Name) -> String {
    let what = failure.request.as_deref().unwrap_or_default();
    let what = RequestKind::of_word(what).map_or_else(|| format!("do {}", name(what)), |kind| kind.phrase().to_owned());
    let resource = failure.resource.as_deref().unwrap_or_default();
    let conditions = when(&failure.conditions, name);
    let rules = match failure.rules.as_slice() {
        [] => String::new(),
        rules => format!(" (by {})", name(&crate::base::list(rules))),
    };
    format!("{what} on {}{conditions}{rules}", pattern(resource, name))
}
