//! What an S3 service says, in words.

use std::collections::BTreeMap;
use std::fmt;

use super::{EVERYONE, NAMED, count, grouped, shown};
use crate::base::list_some;
use crate::policy::access::RequestKind;
use crate::render::json::{VerifiedUserV1, VerifiedV1, VerifyAnswerV1, VerifyOutcomeV1, VerifySourceV1, VerifyV1};

/// How much was asked: `12 asked, all as the file says; 400 not asked (380 need --objects)`.
#[derive(Default)]
pub(in crate::render) struct Coverage {
    asked: usize,
    differ: usize,
    unclear: usize,
    is_void: bool,
    source: &'static str,
    not_asked: BTreeMap<String, usize>,
}

impl Coverage {
    pub(in crate::render) fn of(of: &VerifyV1) -> Self {
        let [differ, unclear] =
            [VerifyOutcomeV1::Differs, VerifyOutcomeV1::Unclear].map(|of_kind| of.of_outcome(of_kind).count());
        let (source, is_void) = (verify_source(of), of.void.is_some());
        Self { asked: of.asked, differ, unclear, is_void, source, not_asked: of.not_asked.clone() }
    }

    fn and(mut self, other: Self) -> Self {
        for (why, count) in other.not_asked {
            *self.not_asked.entry(why).or_default() += count;
        }
        Self {
            asked: self.asked + other.asked,
            differ: self.differ + other.differ,
            unclear: self.unclear + other.unclear,
            is_void: self.is_void || other.is_void,
            source: other.source,
            not_asked: self.not_asked,
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source;
        match (self.asked, self.differ, self.unclear) {
            (0, ..) => write!(f, "nothing asked")?,
            (asked, 0, 0) if !self.is_void => write!(f, "{asked} asked, all as {source} says")?,
            (asked, 0, unclear) if asked == unclear => write!(f, "{asked} asked, and no answer tells")?,
            (asked, differ, unclear) => {
                write!(f, "{asked} asked: {} as {source} says", asked - differ - unclear)?;
                let parts = [(differ, "otherwise"), (unclear, "tell nothing")];
                parts
                    .into_iter()
                    .filter(|(count, _)| *count > 0)
                    .try_for_each(|(count, how)| write!(f, ", {count} {how}"))?;
            }
        }
        let unasked: usize = self.not_asked.values().sum();
        if unasked == 0 {
            return Ok(());
        }
        let mut reasons: Vec<(usize, &str)> =
            self.not_asked.iter().map(|(why, count)| (*count, why.as_str())).collect();
        reasons.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        let reasons: Vec<String> = reasons.iter().map(|(count, why)| format!("{count} {}", reason(why))).collect();
        write!(f, "; {unasked} not asked ({})", reasons.join(", "))
    }
}

/// How many users with new key pairs are verified, and how much they asked.
pub(in crate::render) fn verified_users(users: &[VerifiedUserV1]) -> String {
    if users.is_empty() {
        return "no key pair was made, so nobody was verified".to_owned();
    }
    let good = users.iter().filter(|of| of.outcome == VerifiedV1::AsDocument).filter_map(|of| of.answers.as_ref());
    let coverages: Vec<Coverage> = good.map(Coverage::of).collect();
    let of = count(users.len(), "user", "users");
    let verified = format!("verified with the new keys: {} of {of}", coverages.len());
    match coverages.into_iter().reduce(Coverage::and) {
        Some(coverage) => format!("{verified}; {coverage}"),
        None => verified,
    }
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
        let coverage = self.first.answers.as_ref().map(|answers| Coverage::of(answers).to_string());
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
