//! What is beside the changes of a plan, such as access that begins and ends, and the outcome of an apply, in phrases.

use super::{NAMED, Name, api_calls, count, counts, numbers, object_of};
use crate::base::{list_some, shell_line};
use crate::desired::Phase;
use crate::plan::SettingChange;
use crate::render::json::{
    BaseV1, ChangeV1, DeclaredV1, NewKeysV1, OptionV1, OutcomeV1, PartV1, PlanV1, RemarkV1, ReviewV1, StatusV1,
    StepOutcomeV1, SummaryV1, TermV1, UndeclaredV1,
};

pub(in crate::render) fn undeclared_title(review: &ReviewV1, name: Name) -> String {
    format!("no longer declared, compared with {}: {}", name(&review.revision), review.undeclared.len())
}

pub(in crate::render) fn settings_title(review: &ReviewV1, name: Name) -> String {
    let settings = count(review.settings.len(), "changed setting", "changed settings");
    format!(
        "{settings}: this plan uses the settings of {}; approve and apply again after the merge",
        name(&review.revision)
    )
}

pub(in crate::render) fn undeclared_object(of: &UndeclaredV1, name: Name) -> String {
    let UndeclaredV1 { id, policy, user, group, bucket, .. } = of;
    object_of([bucket, policy, user, group], id, name)
}

pub(in crate::render) fn undeclared_action(of: &UndeclaredV1, name: Name) -> String {
    if let Some(to) = &of.renamed_to {
        return format!("renamed to {}", name(to));
    }
    match (of.declared, of.owned) {
        (DeclaredV1::Present, true) => "removed, because `[ownership]` covers it".to_owned(),
        (DeclaredV1::Attached, true) => "detached, because `[ownership]` covers it".to_owned(),
        (DeclaredV1::Present, false) => "stays on the cluster, unmanaged".to_owned(),
        (DeclaredV1::Attached, false) => {
            format!("keeps {}, unmanaged", name(of.declared_policy.as_deref().unwrap_or_default()))
        }
        (DeclaredV1::Canned | DeclaredV1::BucketDocument, true) => {
            "its policy becomes none, because `[ownership]` covers it".to_owned()
        }
        (DeclaredV1::Canned | DeclaredV1::BucketDocument, false) => "keeps its policy, unmanaged".to_owned(),
        (DeclaredV1::Absent, _) => "no longer declared absent".to_owned(),
        (DeclaredV1::Detached, _) => "no longer declared detached".to_owned(),
    }
}

/// Whether the plan leaves out a change of drift, because its object is no longer declared and not owned.
pub(in crate::render) fn is_left(change: &ChangeV1, review: Option<&ReviewV1>) -> bool {
    review.is_some_and(|review| {
        review.undeclared.iter().any(|gone| gone.id == change.id && !gone.owned && gone.renamed_to.is_none())
    })
}

pub(in crate::render) const NOT_IN_THE_PLAN: &str = "(no longer declared: not in this plan)";

pub(in crate::render) fn nothing_proposed(revision: &str, review: Option<&ReviewV1>) -> String {
    match review {
        Some(review) if !review.is_empty() => "none except those listed above".to_owned(),
        _ => format!("none, the configuration is the same as in {revision}"),
    }
}

pub(in crate::render) fn plan_of_both(base: &BaseV1, review: Option<&ReviewV1>) -> &'static str {
    if base.drift.iter().any(|change| is_left(change, review)) {
        "drift and proposed changes, without objects that are no longer declared"
    } else {
        "drift and proposed changes"
    }
}

pub(in crate::render) fn setting_change(of: &SettingChange, name: Name) -> String {
    let side = |value: Option<&str>| value.map_or_else(|| "not set".to_owned(), name);
    format!("{} → {}", side(of.before.as_deref()), side(of.after.as_deref()))
}

pub(in crate::render) fn new_keys(keys: &NewKeysV1, name: Name) -> String {
    let named = |users: &[String]| list_some(users, NAMED, |user| name(user));
    let users = match (keys.users.as_slice(), keys.users_with_policy.as_slice()) {
        (users, []) => named(users),
        ([], with_policy) => format!("{} if they have none", named(with_policy)),
        (users, with_policy) => format!("{}, and for {} if they have none", named(users), named(with_policy)),
    };
    let secrets = match &keys.destination {
        Some(destination) => format!("destination of the secrets: {}", name(destination)),
        None if keys.users.is_empty() => {
            "no destination for the secrets is configured, so they go to an emergency file".to_owned()
        }
        None => "no destination for the secrets is configured".to_owned(),
    };
    format!("may create S3 keys for {users}; {secrets}")
}

pub(in crate::render) fn option(option: &OptionV1, name: Name) -> String {
    match &option.value {
        Some(value) => format!("{} {}", option.name, name(value)),
        None => option.name.clone(),
    }
}

/// The options of a plan, without those that its part shows.
pub(in crate::render) fn other_options(plan: &PlanV1) -> Vec<&OptionV1> {
    plan.options.iter().filter(|option| plan.only.is_none() || option.name != "--only").collect()
}

/// The part that a plan is for: its patterns, what comes along, and what is left out, each with a title.
pub(in crate::render) fn part(only: &PartV1, name: Name) -> Vec<(&'static str, String)> {
    let mut lines = vec![("only", only.patterns.iter().map(|pattern| name(pattern)).collect::<Vec<_>>().join(", "))];
    if !only.needed.is_empty() {
        let needed = list_some(&only.needed, NAMED, |of| format!("{} (for {})", name(&of.id), name(&of.by)));
        lines.push(("comes along", needed));
    }
    if !only.left_out.is_empty() {
        let differences = count(only.left_out.len(), "difference", "differences");
        lines.push(("left out", format!("{differences}: {}", list_some(&only.left_out, NAMED, |id| name(id)))));
    }
    if only.problems > 0 {
        let problems = count(only.problems, "error", "errors");
        lines.push(("blocked elsewhere", format!("{problems} would block a plan for everything")));
    }
    if only.errors > 0 {
        let errors = count(only.errors, "error", "errors");
        let why = "nothing is removed or detached because no configuration declares it";
        lines.push(("not read", format!("{errors} in other parts of the configuration; until they are fixed, {why}")));
    }
    lines
}

/// ` · 3 differences left out`; empty when nothing is.
pub(in crate::render) fn left_out(only: Option<&PartV1>) -> String {
    match only {
        Some(only) if !only.left_out.is_empty() => {
            format!(" · {} left out", count(only.left_out.len(), "difference", "differences"))
        }
        Some(only) if only.errors > 0 => " · a part is not read".to_owned(),
        Some(_) | None => String::new(),
    }
}

/// What a plan without changes says of the cluster, and an outcome without remaining ones.
pub(in crate::render) fn matches(only: Option<&PartV1>) -> &'static str {
    match only {
        None => "matches the configuration",
        Some(only) if only.leaves_out() => {
            "matches the selected part of the configuration, and other parts are left out"
        }
        Some(_) => "matches the selected part of the configuration",
    }
}

pub(in crate::render) const CANNOT_READ_AGAIN: &str = "attune could not read the cluster again";

pub(in crate::render) fn calls_by_status(outcome: &OutcomeV1) -> String {
    let number = |of: &[StatusV1]| outcome.steps.iter().filter(|step| of.contains(&step.status)).count();
    let endings = numbers(&[
        (number(&[StatusV1::Done]), "done"),
        (number(&[StatusV1::AlreadyDone]), "already done"),
        (number(&[StatusV1::Refused]), "refused"),
        (number(&[StatusV1::Drifted]), "changed outside attune"),
        (number(&[StatusV1::UnknownOutcome]), "with unknown outcome"),
        (number(&[StatusV1::Failed]), "failed"),
        (number(&[StatusV1::NotReached, StatusV1::Interrupted]), "not started"),
    ]);
    let calls = api_calls(outcome.steps.len());
    if endings.is_empty() { calls } else { format!("{calls}: {endings}") }
}

pub(in crate::render) fn partially_applied(remaining: &SummaryV1) -> String {
    match counts(remaining) {
        counts if counts.is_empty() => "partially applied".to_owned(),
        counts => format!("partially applied, {counts} remaining"),
    }
}

/// How a step ended; `None` if it succeeded. `reason` is the text of its reason.
pub(in crate::render) fn ending(step: &StepOutcomeV1, reason: &str) -> Option<String> {
    let with = |ending: &str| if reason.is_empty() { ending.to_owned() } else { format!("{ending}: {reason}") };
    match step.status {
        StatusV1::Done | StatusV1::AlreadyDone => None,
        StatusV1::Refused => Some(with("refused")),
        StatusV1::Drifted => Some(with("changed outside attune")),
        StatusV1::UnknownOutcome => Some(with("unknown outcome")),
        StatusV1::Failed => Some(with("failed")),
        StatusV1::NotReached => Some(match step.blocked_by {
            Some(first) => format!("not started, because of step {first}"),
            None => "not started".to_owned(),
        }),
        StatusV1::Interrupted => Some("not started before the interruption".to_owned()),
    }
}

/// A remark on a step. `code` writes a command.
pub(in crate::render) fn remark(remark: RemarkV1, step: &StepOutcomeV1, name: Name, code: Name) -> String {
    let place = step.keys_stored_in.as_deref().map_or_else(|| "their destination".to_owned(), name);
    let user = step.user.as_deref().unwrap_or("NAME");
    match remark {
        RemarkV1::Gap => {
            "detached first, because this cluster cannot attach over another policy: access was interrupted".to_owned()
        }
        RemarkV1::Kept => format!("created S3 keys, stored in {place}"),
        RemarkV1::KeptInEmergency => {
            format!("created S3 keys: move them from {place} to their destination, then delete that file")
        }
        RemarkV1::PairUnknown => {
            let command = shell_line(["weka", "s3", "user", "keys-generate", "--user", user]);
            let again = command.map(|command| format!("; create others with {}", code(&command))).unwrap_or_default();
            format!("created S3 keys, or may have, and their secret is lost{again}")
        }
        RemarkV1::AnswerKept => {
            let command = shell_line(["attune", "keys", "generate", user]);
            let again = command.map(|command| format!(" or create others with {}", code(&command))).unwrap_or_default();
            format!(
                "the response is not understood and may contain new S3 keys: it is in {place}; take the keys from \
                 there{again}, then delete that file"
            )
        }
    }
}

/// When access begins or ends: `expires on 2026-12-31, in 12 days`. `None` if it has no end and has begun.
pub(in crate::render) fn term(of: &TermV1, name: Name) -> Option<String> {
    let then = of.then.as_deref().map(|policy| format!(", then {}", name(policy))).unwrap_or_default();
    let until = of.until.as_deref().map(on);
    match (of.phase, &of.from, until) {
        (Phase::NotBegun, from, until) => {
            let begins = format!("access begins {}{}", on(from.as_deref().unwrap_or_default()), days(of));
            Some(until.map_or(begins.clone(), |until| format!("{begins}, and expires {until}{then}")))
        }
        (Phase::InForce, _, Some(until)) => Some(format!("expires {until}{}{then}", days(of))),
        (Phase::InForce, Some(from), None) => Some(format!("access began {}", on(from))),
        (Phase::InForce, None, None) => None,
        (Phase::Ended, _, until) => Some(format!("access expired {}{then}", until.unwrap_or_default())),
    }
}

/// A day or a time with its preposition.
fn on(moment: &str) -> String {
    format!("{} {moment}", if moment.contains('T') { "at" } else { "on" })
}

fn days(of: &TermV1) -> String {
    match of.days {
        None => String::new(),
        Some(..=0) => ", today".to_owned(),
        Some(1) => ", tomorrow".to_owned(),
        Some(days) => format!(", in {days} days"),
    }
}

/// The title of a line about terms.
pub(in crate::render) const LATER: &str = "access that begins or ends";

/// How many terms are named in a line.
const FIRST: usize = 3;

/// The terms that come first: `alice expires on 2026-12-31, in 12 days; …`; `None` if there are none.
pub(in crate::render) fn later(terms: &[TermV1], name: Name) -> Option<String> {
    let mut terms: Vec<&TermV1> = terms.iter().collect();
    terms.sort_by_key(|of| (of.days, &of.id));
    let one = |of: &&TermV1| {
        let text = term(of, name).unwrap_or_default();
        format!("{} {}", subject(of, name), text.strip_prefix("access ").unwrap_or(&text))
    };
    let mut parts: Vec<String> = terms.iter().take(FIRST).map(one).collect();
    parts.extend(terms.len().checked_sub(FIRST).filter(|more| *more > 0).map(|more| format!("and {more} more")));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The user or group.
pub(in crate::render) fn subject(of: &TermV1, name: Name) -> String {
    match of.id.split_once('/') {
        Some(("group", group)) => format!("group {}", name(group)),
        Some((_, user)) => name(user),
        None => name(&of.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_proposed_changes_the_title_says_why() {
        let same = "none, the configuration is the same as in main";
        assert_eq!(nothing_proposed("main", None), same);
        let mut review = ReviewV1 { revision: "main".to_owned(), undeclared: Vec::new(), settings: Vec::new() };
        assert_eq!(nothing_proposed("main", Some(&review)), same);
        review.settings.push(SettingChange { name: "rules".to_owned(), before: None, after: Some("aws".to_owned()) });
        assert_eq!(nothing_proposed("main", Some(&review)), "none except those listed above");
    }
}
