//! What an S3 service says, in words.

use std::collections::BTreeMap;

use super::{EVERYONE, NAMED, count, grouped, numbers, shown};
use crate::base::list_some;
use crate::policy::access::RequestKind;
use crate::render::json::{VerifiedUserV1, VerifiedV1, VerifyAnswerV1, VerifyOutcomeV1, VerifySourceV1, VerifyV1};

/// How much was asked in all: `12 asked, all as the file says; 400 not asked (380 need --objects)`.
pub(in crate::render) fn coverage(all: &[&VerifyV1]) -> String {
    let number = |of_kind| all.iter().map(|of| of.of_outcome(of_kind).count()).sum::<usize>();
    let (differ, unclear) = (number(VerifyOutcomeV1::Differs), number(VerifyOutcomeV1::Unclear));
    let source = all.last().map_or("", |of| verify_source(of));
    let is_void = all.iter().any(|of| of.void.is_some());
    let told = match all.iter().map(|of| of.asked).sum::<usize>() {
        0 => "nothing asked".to_owned(),
        asked if (differ, unclear) == (0, 0) && !is_void => format!("{asked} asked, all as {source} says"),
        asked if differ == 0 && asked == unclear => format!("{asked} asked, and no answer tells"),
        asked => {
            let others = numbers(&[(differ, "otherwise"), (unclear, "tell nothing")]);
            let others = if others.is_empty() { others } else { format!(", {others}") };
            format!("{asked} asked: {} as {source} says{others}", asked - differ - unclear)
        }
    };
    let mut not_asked: BTreeMap<&str, usize> = BTreeMap::new();
    for (why, count) in all.iter().flat_map(|of| &of.not_asked) {
        *not_asked.entry(why).or_default() += count;
    }
    let unasked: usize = not_asked.values().sum();
    if unasked == 0 {
        return told;
    }
    let mut reasons: Vec<(&str, usize)> = not_asked.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let reasons: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {}", reason(why))).collect();
    format!("{told}; {unasked} not asked ({})", reasons.join(", "))
}

/// How many users with new key pairs are verified, and how much they asked.
pub(in crate::render) fn verified_users(users: &[VerifiedUserV1]) -> String {
    if users.is_empty() {
        return "no key pair was made, so nobody was verified".to_owned();
    }
    let good = users.iter().filter(|of| of.outcome == VerifiedV1::AsDocument).filter_map(|of| of.answers.as_ref());
    let good: Vec<&VerifyV1> = good.collect();
    let verified = format!("verified with the new keys: {} of {}", good.len(), count(users.len(), "user", "users"));
    if good.is_empty() { verified } else { format!("{verified}; {}", coverage(&good)) }
}

pub(in crate::render) fn verify_source(of: &VerifyV1) -> &'static str {
    match of.source {
        VerifySourceV1::Desired => "the file",
        VerifySourceV1::Observed => "the cluster's document",
        VerifySourceV1::Expectations => "the contract",
    }
}

fn reason(why: &str) -> &'static str {
    match why {
        "objects" => "need --objects",
        "settings" => "need --settings --bucket",
        "versioned" => "need --versioned",
        "room" => "have no room for a name that is certainly not there",
        "depends" => "depend on conditions",
        "rules" => "are decided otherwise by some of the rules",
        "release" => "are not of this release",
        "limit" => "are beyond --max-requests",
        "restore" => "could not be put back",
        _ => "came after the end of the run",
    }
}

/// A difference as a person would say it.
pub(in crate::render) fn difference_on_service(of: &VerifyV1, answer: &VerifyAnswerV1) -> String {
    let who = of.user.as_ref().map_or_else(|| EVERYONE.to_owned(), |user| shown(user));
    let what =
        RequestKind::of_word(&answer.request).map_or_else(|| answer.request.clone(), |kind| kind.phrase().to_owned());
    let place = if answer.resource == "*" { "any bucket".to_owned() } else { shown(&answer.resource) };
    let source = verify_source(of);
    match answer.allowed {
        false => format!("{who} can {what} in {place} on the service, and by {source} cannot"),
        true => format!("{who} cannot {what} in {place} on the service, and by {source} can"),
    }
}

/// Users with new key pairs who are not as the file says, and to whom the service says the same.
pub(in crate::render) struct Alike<'a> {
    /// The first of them.
    pub(in crate::render) first: &'a VerifiedUserV1,
    /// The others.
    pub(in crate::render) others: Vec<&'a str>,
}

impl<'a> Alike<'a> {
    /// Those who are not as the file says, in groups.
    pub(in crate::render) fn all(users: &'a [VerifiedUserV1]) -> Vec<Self> {
        let told = |of: &'a VerifiedUserV1| {
            let differing = of.answers.iter().flat_map(|answers| answers.of_outcome(VerifyOutcomeV1::Differs));
            let differing = differing.map(|answer| (&answer.request, &answer.resource, answer.allowed));
            (&of.why, differing.collect::<Vec<_>>())
        };
        let differing = users.iter().filter(|of| of.outcome != VerifiedV1::AsDocument);
        let alike = |(_, users): (_, Vec<&'a VerifiedUserV1>)| {
            let (first, others) = users.split_first()?;
            Some(Self { first, others: others.iter().map(|of| of.user.as_str()).collect() })
        };
        grouped(differing.map(|of| (told(of), of))).into_iter().filter_map(alike).collect()
    }

    /// Who it is, and how much was asked as the first of them.
    pub(in crate::render) fn head(&self) -> String {
        let why = self.first.why.as_deref().map(|why| format!("not verified: {}", shown(why)));
        let coverage = self.first.answers.as_ref().map(|answers| coverage(&[answers]));
        let line = why.into_iter().chain(coverage).collect::<Vec<_>>().join("; ");
        let same = match self.others.as_slice() {
            [] => String::new(),
            others => format!("; the same for {}", list_some(others, NAMED, |user| shown(user))),
        };
        format!("{}: {line}{same}", shown(&self.first.user))
    }

    /// The differences, as sentences about the first of them.
    pub(in crate::render) fn differences(&self) -> Vec<String> {
        let answers = self.first.answers.iter();
        let of = |answers: &VerifyV1| {
            let differing = answers.of_outcome(VerifyOutcomeV1::Differs);
            differing.map(|answer| difference_on_service(answers, answer)).collect::<Vec<_>>()
        };
        answers.flat_map(of).collect()
    }
}
