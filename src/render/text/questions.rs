//! The answers about all of something, and the statements that decide about an action, in words.

use std::io::{self, Write};

use console::StyledObject;

use crate::base::{count, list};
use crate::policy::access::{ActionDecision, Answer, Ground, Holder, Report, RequestKind, Verdict, Whole};
use crate::render::Styles;
use crate::render::json::{AllV1, MissingV1};
use crate::render::phrase::{self, shown};

pub(super) const UNKNOWN: &str = "? the document of the policy is unknown";

/// The answer of someone to a question about all of something, by the leading rules; and how the other rules differ.
pub(super) fn all(styles: &Styles, answer: &Answer) -> (StyledObject<String>, Vec<String>) {
    let all: Vec<AllV1> = answer.missing.iter().map(AllV1::of).collect();
    let Some((leading, others)) = all.split_first().filter(|_| answer.attachment.is_known()) else {
        return (styles.change.apply_to(UNKNOWN.to_owned()), Vec::new());
    };
    let text = match &leading.missing {
        None => styles.add.apply_to("+ all of it".to_owned()),
        Some(missing) if missing.undecided || !missing.conditions.is_empty() => {
            styles.change.apply_to(format!("? not always: {}", without(missing)))
        }
        Some(missing) => styles.remove.apply_to(format!("- {}", without(missing))),
    };
    let other = |of: &AllV1| {
        let rules = list(&of.rules);
        match &of.missing {
            None => format!("by {rules}: all of it"),
            Some(missing) => format!("by {rules}: {}", without(missing)),
        }
    };
    (text, others.iter().map(other).collect())
}

fn without(of: &MissingV1) -> String {
    let what = RequestKind::of_word(&of.request).map_or_else(|| shown(&of.request), |kind| kind.phrase().to_owned());
    let example = format!("{what} on {}", phrase::pattern(&of.resource, shown));
    match (of.undecided, of.conditions.as_slice()) {
        (true, _) => format!("undecided whether it can {example}"),
        (false, []) => format!("cannot {example}"),
        (false, conditions) => format!("cannot {example} {}", phrase::when(conditions, shown).trim_start()),
    }
}

/// What was asked for: `read everything in logs`.
pub(super) fn asked(whole: &Whole, what: &str) -> String {
    let resource = shown(phrase::bare(whole.resource()));
    match whole.words().collect::<Vec<_>>().as_slice() {
        [only] => {
            let phrase = RequestKind::of_word(only).map_or(*only, |kind| kind.phrase());
            format!("can always {phrase} on everything in {resource}")
        }
        _ => format!("can always do all of {} in {resource}", shown(what)),
    }
}

/// Whether it is about a document, a token, or anyone without a login, not about many.
pub(super) fn is_about_one(report: &Report) -> bool {
    report.answers.iter().any(|answer| match answer.attachment.holder {
        Holder::Principal(_) => false,
        Holder::Document(_) | Holder::Roles(_) => !report.with_roles,
        Holder::Anonymous => report.evaluated == 0,
    })
}

/// Whether it is about one of those who are counted: anyone without a login is not one of them.
pub(super) fn is_counted(answer: &Answer) -> bool {
    match answer.attachment.holder {
        Holder::Principal(_) | Holder::Roles(_) => true,
        Holder::Document(_) | Holder::Anonymous => false,
    }
}

/// Writes which policies of buckets allow it.
pub(super) fn by_buckets(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    answer.by.iter().try_for_each(|of| {
        let policy = of.canned.map(|canned| format!(" ({canned})")).unwrap_or_default();
        let statements = list(&of.statements);
        writeln!(out, "    by the policy of bucket {}{policy}: {}", shown(of.bucket.as_str()), shown(&statements))
    })
}

/// How many can, of those who were asked about.
pub(super) fn counted(report: &Report, some: usize, asked: &str) -> String {
    let of = match report.with_roles {
        false => count(report.evaluated, "user or group", "users and groups"),
        true => count(report.evaluated, "user, group or role", "users, groups and roles"),
    };
    let is_open = |answer: &Answer| answer.attachment.holder == Holder::Anonymous && answer.may_be_allowed();
    let anonymous = if report.answers.iter().any(is_open) { ", and so can anyone without a login" } else { "" };
    format!("{some} of {of} {asked}{anonymous}")
}

/// The statements that decide about an action.
pub(super) fn grounds_of(of: &ActionDecision) -> String {
    let decision = &of.decision;
    let (allowed, denied) = (grounds(&decision.allowed_by), grounds(&decision.denied_by));
    match (decision.allowed_by.is_empty(), decision.denied_by.is_empty()) {
        (true, true) => "no statement allows it".to_owned(),
        (true, false) => format!("no statement allows it; denied {denied}"),
        (false, true) => format!("allowed {allowed}"),
        (false, false) if decision.verdict == Verdict::Denied => format!("denied {denied}"),
        (false, false) => format!("allowed {allowed}; denied {denied}"),
    }
}

/// Statements with their conditions: `by Logs when …`. That an unknown policy decides only if it does needs no words.
pub(super) fn grounds(grounds: &[Ground]) -> String {
    let is_own = |ground: &Ground, condition: &String| {
        condition
            .strip_prefix(ground.statement.as_str())
            .is_some_and(|rest| [" allows it", " denies it"].contains(&rest))
    };
    let one = |ground: &Ground| {
        let others: Vec<&str> =
            ground.conditions.iter().filter(|condition| !is_own(ground, condition)).map(String::as_str).collect();
        let perhaps = if others.len() < ground.conditions.len() { "perhaps by " } else { "" };
        let when = if others.is_empty() { String::new() } else { format!(" when {}", others.join(" and ")) };
        format!("{perhaps}{}", shown(&format!("{}{when}", ground.statement)))
    };
    let all: Vec<String> = grounds.iter().map(one).collect();
    let by = if all.first().is_some_and(|first| first.starts_with("perhaps by ")) { "" } else { "by " };
    format!("{by}{}", list(&all))
}
