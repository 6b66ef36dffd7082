//! Why a plan is refused; how many expectations hold, and the request that proves that one fails.

use super::{Name, count, pattern, when};
use crate::base::list;
use crate::contract::{EXCEEDED, FAILED};
use crate::desired::ENVELOPES;
use crate::plan::NO_DESTINATION;
use crate::policy::access::RequestKind;
use crate::render::json::{EnvelopeV1, ExpectationV1, FailureV1, PlanV1};

/// Why a plan is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    /// By guards.
    pub guards: bool,
    /// By expectations.
    pub expectations: bool,
    /// By envelopes.
    pub envelopes: bool,
    /// Because new secrets have no destination.
    pub no_destination: bool,
}

impl Refusals {
    /// The reasons, by the codes of the refusals.
    pub fn of<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for code in codes {
            let reason = match code {
                _ if code == NO_DESTINATION.id => &mut all.no_destination,
                _ if code == FAILED.id => &mut all.expectations,
                _ if code == EXCEEDED.id || ENVELOPES.iter().any(|of| code == of.id) => &mut all.envelopes,
                _ => &mut all.guards,
            };
            *reason = true;
        }
        all
    }

    fn refusers(self) -> Vec<String> {
        let all = [(self.guards, "a guard"), (self.expectations, "an expectation"), (self.envelopes, "an envelope")];
        all.into_iter().filter(|(refuses, _)| *refuses).map(|(_, by)| by.to_owned()).collect()
    }

    /// Whether there are refusals of several kinds, beside a missing destination.
    pub fn are_several(self) -> bool {
        self.refusers().len() > 1
    }

    /// `a guard`, `an expectation`, `an envelope`, or several of them; `None` if there is none.
    pub fn refuser(self) -> Option<String> {
        let all = self.refusers();
        (!all.is_empty()).then(|| list(&all))
    }

    fn phrase(self) -> String {
        match (self.refuser(), self.no_destination) {
            (Some(by), false) => format!("refused by {by}"),
            (Some(by), true) => format!("refused by {by}, and no destination for new secrets"),
            (None, _) => "refused, no destination for new secrets".to_owned(),
        }
    }
}

pub(in crate::render) fn refused(plan: &PlanV1) -> Option<String> {
    let codes = plan.refusals.iter().map(|refusal| refusal.code.as_str());
    (!plan.refusals.is_empty()).then(|| Refusals::of(codes).phrase())
}

/// `12 hold`, or `2 of 12 fail`; `None` if there are none.
pub(in crate::render) fn expectations(all: &[ExpectationV1]) -> Option<String> {
    verdicts(all.iter().map(|expectation| expectation.holds), "fails", "fail")
}

/// `3 hold`, or `1 of 3 is exceeded`; `None` if there are none.
pub(in crate::render) fn envelopes(all: &[EnvelopeV1]) -> Option<String> {
    verdicts(all.iter().map(|envelope| envelope.holds), "is exceeded", "are exceeded")
}

fn verdicts(all_hold: impl ExactSizeIterator<Item = bool>, fails: &str, fail: &str) -> Option<String> {
    let all = all_hold.len();
    match (all, all_hold.filter(|holds| !holds).count()) {
        (0, _) => None,
        (1, 0) => Some("1 holds".to_owned()),
        (_, 0) => Some(format!("{all} hold")),
        (_, 1) => Some(format!("1 of {all} {fails}")),
        (_, failed) => Some(format!("{failed} of {all} {fail}")),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_a_guard_only_if_one_refused() {
        let phrase = |codes: &[&str]| Refusals::of(codes.iter().copied()).phrase();
        assert_eq!(phrase(&["guard-removals"]), "refused by a guard");
        assert_eq!(phrase(&[FAILED.id]), "refused by an expectation");
        assert_eq!(phrase(&[EXCEEDED.id, ENVELOPES[2].id]), "refused by an envelope");
        assert_eq!(phrase(&[NO_DESTINATION.id]), "refused, no destination for new secrets");
        let all = [NO_DESTINATION.id, "guard-removals", FAILED.id];
        assert_eq!(phrase(&all), "refused by a guard and an expectation, and no destination for new secrets");
    }
}
