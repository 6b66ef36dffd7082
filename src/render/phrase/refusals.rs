//! Why a plan is refused, and how many expectations hold.

use super::super::json::{ExpectationV1, PlanV1};
use crate::contract::FAILED;
use crate::plan::NO_DESTINATION;

/// Why a plan is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    /// By guards.
    pub guards: bool,
    /// By expectations.
    pub expectations: bool,
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
                _ => &mut all.guards,
            };
            *reason = true;
        }
        all
    }

    /// `a guard`, `an expectation`, or both; `None` if there is neither.
    pub fn refuser(self) -> Option<&'static str> {
        match (self.guards, self.expectations) {
            (true, true) => Some("a guard and an expectation"),
            (true, false) => Some("a guard"),
            (false, true) => Some("an expectation"),
            (false, false) => None,
        }
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
    let failed = all.iter().filter(|expectation| !expectation.holds).count();
    match (all.len(), failed) {
        (0, _) => None,
        (1, 0) => Some("1 holds".to_owned()),
        (all, 0) => Some(format!("{all} hold")),
        (all, 1) => Some(format!("1 of {all} fails")),
        (all, failed) => Some(format!("{failed} of {all} fail")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_a_guard_only_if_one_refused() {
        let phrase = |codes: &[&str]| Refusals::of(codes.iter().copied()).phrase();
        assert_eq!(phrase(&["guard-removals"]), "refused by a guard");
        assert_eq!(phrase(&[FAILED.id]), "refused by an expectation");
        assert_eq!(phrase(&[NO_DESTINATION.id]), "refused, no destination for new secrets");
        let all = [NO_DESTINATION.id, "guard-removals", FAILED.id];
        assert_eq!(phrase(&all), "refused by a guard and an expectation, and no destination for new secrets");
    }
}
