//! The new access that `deny_new_access` refuses: by actions of documents, and by what people can do with them.

use crate::base::{Finding, list_some, shell_line};
use crate::desired::{Exemption, Guards};
use crate::policy::access::{
    Access, Holder, InPractice, RequestKind, RequestLine, Requests, Rules, Side, Undecided, UndecidedRequests,
};

use super::access::AccessCache;
use super::codes::NEW_ACCESS;
use super::effects::{Effects, NameAccess, Unreported};

/// The refusals of new access of all users and groups, declared or not, and of unreported ones. Their temporary credentials and
/// service accounts count as well.
pub(super) fn new_access(
    guards: &Guards,
    effects: &Effects,
    unreported: &Unreported,
    cache: &AccessCache<'_>,
) -> Vec<Finding> {
    if !guards.deny_new_access {
        return Vec::new();
    }
    let changed = effects.on.iter().filter(|(_, effect)| effect.access.is_some());
    let reported = changed.flat_map(|(principal, effect)| {
        let sides = [&effect.document_before, &effect.document_after];
        let access = cache.difference(cache.query(sides, Some(principal)).with_any_credentials());
        let covers = |by: &Exemption, action: &[String], pattern: &str| by.covers(principal, action, pattern);
        NewAccess { name: principal.to_string(), label: principal.label(), guards, covers }.refusals(&access)
    });
    let of_buckets = effects.buckets.values().flat_map(|effect| &effect.access).flat_map(|(holder, access)| {
        let covers = |by: &Exemption, action: &[String], pattern: &str| match holder {
            Holder::Principal(principal) => by.covers(principal, action, pattern),
            Holder::Anonymous | Holder::Document(_) | Holder::Roles(_) => by.covers_anonymous(action, pattern),
        };
        NewAccess { name: holder.to_string(), label: holder.label(), guards, covers }.refusals(access)
    });
    let unreported = unreported.by_name.iter().flat_map(|of| unreported_access(of, guards));
    reported.chain(of_buckets).chain(unreported).collect()
}

/// Whether anyone unreported has the policy is unknown, so their new access is not decided.
fn unreported_access(of: &NameAccess, guards: &Guards) -> Vec<Finding> {
    let covers = |by: &Exemption, action: &[String], pattern: &str| by.covers_policy(&of.policy, action, pattern);
    let name = format!("someone who has `{}` and whom the cluster does not report", of.policy);
    let open = of.access.gained.iter().map(|line| Undecided {
        side: Side::Gained,
        actions: line.actions.clone(),
        pattern: line.pattern.clone(),
        rules: Vec::new(),
    });
    let undecided = open.chain(of.access.undecided.iter().cloned()).collect();
    let beyond = &of.access.in_practice.beyond;
    let open = beyond.gained.iter().map(|line| UndecidedRequests {
        side: Side::Gained,
        requests: line.requests.clone(),
        pattern: line.pattern.clone(),
        rules: line.rules.clone(),
    });
    let beyond = Requests { undecided: open.chain(beyond.undecided.iter().cloned()).collect(), ..Requests::default() };
    let in_practice = InPractice { beyond, ..InPractice::default() };
    let access = Access { undecided, in_practice, ..Access::default() };
    NewAccess { name, label: format!("policy/{}", of.policy), guards, covers }.refusals(&access)
}

/// The check of one user's, group's or policy's new access.
struct NewAccess<'a, C> {
    name: String,
    label: String,
    guards: &'a Guards,
    /// Whether an exemption covers these actions on this pattern.
    covers: C,
}

impl<C: Fn(&Exemption, &[String], &str) -> bool> NewAccess<'_, C> {
    fn refusals(&self, access: &Access) -> Vec<Finding> {
        let refused = |actions: &[String], pattern: &str| !self.is_exempt(actions, pattern);
        let gained = access.gained.iter().filter(|line| refused(&line.actions, &line.pattern)).map(|line| {
            let (name, actions, pattern, witness) = (&self.name, line.actions.join(", "), &line.pattern, &line.witness);
            let example = format!("for example {} on {}", witness.action, witness.resource);
            self.refusal(&line.actions, pattern, format!("{name} would gain {actions} on {pattern}, {example}"))
        });
        let open = access.undecided.iter().filter(|open| open.side == Side::Gained);
        let open = open.filter(|open| refused(&open.actions, &open.pattern)).map(|open| {
            let (name, actions, pattern) = (&self.name, open.actions.join(", "), &open.pattern);
            let message = format!("{name} may gain {actions} on {pattern}: it could not be decided");
            self.refusal(&open.actions, pattern, message)
        });
        gained.chain(open).chain(self.of_requests(&access.in_practice.beyond)).collect()
    }

    /// The refusals of requests that no action of a line shows.
    fn of_requests(&self, beyond: &Requests) -> Vec<Finding> {
        let gained = beyond.gained.iter().filter_map(|line| {
            let RequestLine { requests, pattern, rules, witness, .. } = line;
            let requests = self.refused(requests, pattern);
            let example = format!("for example {} on {}", witness.request.word(), witness.resource);
            let message = format!("{} could {} on {pattern}{}, {example}", self.name, phrases(&requests), by(rules));
            self.refusal_of(&requests, pattern, message)
        });
        let open = beyond.undecided.iter().filter(|open| open.side == Side::Gained).filter_map(|open| {
            let UndecidedRequests { requests, pattern, rules, .. } = open;
            let requests = self.refused(requests, pattern);
            let phrases = phrases(&requests);
            let message = format!("{} may {phrases} on {pattern}{}: it could not be decided", self.name, by(rules));
            self.refusal_of(&requests, pattern, message)
        });
        gained.chain(open).collect()
    }

    /// The requests that no exemption covers: by their word, by the action that people mean by them, or by all actions.
    fn refused(&self, requests: &[RequestKind], pattern: &str) -> Vec<RequestKind> {
        let is_exempt = |kind: &RequestKind| {
            let mut names = [Some(kind.word()), kind.own_action(), Some("s3:*")].into_iter().flatten();
            names.any(|name| self.is_exempt(&[name.to_owned()], pattern))
        };
        requests.iter().copied().filter(|kind| !is_exempt(kind)).collect()
    }

    fn refusal_of(&self, requests: &[RequestKind], pattern: &str, message: String) -> Option<Finding> {
        let words: Vec<String> = requests.iter().map(|kind| kind.word().to_owned()).collect();
        (!words.is_empty()).then(|| self.refusal(&words, pattern, message))
    }

    fn is_exempt(&self, actions: &[String], pattern: &str) -> bool {
        let one = |action: &[String]| self.guards.allow_access.iter().any(|by| (self.covers)(by, action, pattern));
        actions.chunks(1).all(one)
    }

    fn refusal(&self, actions: &[String], pattern: &str, message: String) -> Finding {
        let bare = pattern.strip_prefix("arn:aws:s3:::").unwrap_or(pattern);
        let label = &self.label;
        let options = actions.iter().map(|action| shell_line(["--allow-access", &format!("{label}:{action}:{bare}")]));
        Finding::error(NEW_ACCESS, message).help(match options.collect::<Option<Vec<String>>>() {
            Some(options) => format!("to allow it for one run: {}", options.join(" ")),
            None => "to allow it for one run, give `--allow-access` with exactly these names".to_owned(),
        })
    }
}

fn phrases(requests: &[RequestKind]) -> String {
    list_some(requests, requests.len(), |kind| kind.phrase().to_owned())
}

/// The rules by which a request is new, if not by all.
fn by(rules: &[Rules]) -> String {
    let names: Vec<String> = rules.iter().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!(" by the rules of {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Principal, UserName};
    use crate::policy::Catalogue;
    use crate::policy::access::oracle::{Proposals, pairs};
    use crate::policy::access::{
        ALL_RULES, AWS_RULES, Context, Credentials, MINIO_2021_RULES, RuleList, difference, pattern_covers,
    };

    fn refusals(access: &Access, exemption: Option<&(String, String)>) -> Vec<Finding> {
        let user = Principal::User(UserName::reported("alice"));
        let exemption = exemption.map(|(action, pattern)| format!("alice:{action}:{pattern}").parse().unwrap());
        let guards =
            Guards { deny_new_access: true, allow_access: exemption.into_iter().collect(), ..Guards::default() };
        let covers = |by: &Exemption, action: &[String], pattern: &str| by.covers(&user, action, pattern);
        NewAccess { name: user.to_string(), label: user.label(), guards: &guards, covers }.refusals(access)
    }

    #[test]
    fn a_proposal_is_refused_exactly_if_brute_force_finds_new_access() {
        let catalogue = Catalogue::newest();
        let minio_2026 = RuleList::new([Rules::MINIO_2026]).unwrap();
        let lists = [&ALL_RULES, &MINIO_2021_RULES, &minio_2026, &AWS_RULES];
        let mut proposals = Proposals::new(21);
        let (mut refused, mut accepted, mut exempt) = (0, 0, 0);
        for _ in 0..pairs(60) {
            let proposal = proposals.next();
            let gains = proposals.gains(&proposal, &catalogue);
            for rules in lists {
                let context = Context { rules, ..Context::new(&catalogue).with_user("alice") };
                let context = context.with_credentials(Credentials::Any);
                let access = difference(Some(&proposal.before), Some(&proposal.after), &context);
                let is_open = access.undecided.iter().any(|open| open.side == Side::Gained);
                let new: Vec<_> = gains.iter().filter(|gain| rules.iter().any(|one| one == gain.rules)).collect();
                let is_refused = !refusals(&access, None).is_empty();
                let is_new = is_open || !new.is_empty() || Proposals::is_example_new(&proposal, &access, &catalogue);
                assert_eq!(is_refused, is_new, "{proposal:#?} {access:#?}");
                *(if is_refused { &mut refused } else { &mut accepted }) += 1;
                let Some(line) = access.gained.first() else { continue };
                let action = if refused % 2 == 0 { "s3:*" } else { line.actions[0].as_str() };
                let exemption = (action.to_owned(), line.pattern.clone());
                if refusals(&access, Some(&exemption)).is_empty() {
                    exempt += 1;
                    let (action, pattern) = &exemption;
                    for gain in new.iter().filter(|gain| gain.name.contains(':')) {
                        let is_exempt = pattern_covers(action, &gain.name) && proposals.is_within(gain, pattern);
                        assert!(is_exempt, "{} {proposal:#?} {exemption:?}", gain.name);
                    }
                }
            }
        }
        let told = format!("{refused} refused, {accepted} accepted, {exempt} accepted with an exemption");
        assert!([refused, accepted, exempt].iter().all(|count| *count > 10), "{told}");
    }
}
