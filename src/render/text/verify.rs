//! What the S3 service says, compared with the documents.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::wrapped;
use crate::base::{count, list_some};
use crate::policy::access::RequestKind;
use crate::render::Styles;
use crate::render::json::{VerifyAnswerV1, VerifyOutcomeV1, VerifySourceV1, VerifyV1};
use crate::render::phrase::{EVERYONE, shown};

/// The words of one reason that are listed.
const LISTED: usize = 8;

/// Writes what the service says: how much was asked, each difference, and what tells nothing.
pub fn verified(out: &mut dyn Write, styles: &Styles, of: &VerifyV1) -> io::Result<()> {
    wrapped(out, styles, |out| {
        writeln!(out, "{}", styles.strong.apply_to(coverage(of)))?;
        if of.nothing_allowed {
            writeln!(out, "nothing is allowed, as {} says", source(of))?;
        }
        if let Some(why) = &of.void {
            writeln!(out, "{} nothing can be concluded: {why}", styles.remove.apply_to("void:"))?;
        }
        for answer in of.of_outcome(VerifyOutcomeV1::Differs) {
            difference(out, styles, of, answer)?;
        }
        unclear(out, styles, of)?;
        for left in &of.left {
            let what = shown(&left.what);
            let end = if left.is_there { "it is still there: take it away or put it back" } else { "it is away again" };
            let file = left.file.as_ref().map(|file| format!("; its value before is in {}", shown(file)));
            let line = format!("a request of this run made or changed {what}; {end}{}", file.unwrap_or_default());
            writeln!(out, "{} {line}", styles.remove.apply_to("!"))?;
        }
        if of.buckets_not_exercised {
            writeln!(
                out,
                "{}",
                styles.dim.apply_to("policies of buckets: not exercised, since no bucket that exists was asked for")
            )?;
        }
        Ok(())
    })
}

/// How much was asked, such as `12 asked, all as the file says; 400 not asked (380 need --objects)`.
pub fn coverage(of: &VerifyV1) -> String {
    let [differ, unclear] =
        [VerifyOutcomeV1::Differs, VerifyOutcomeV1::Unclear].map(|of_kind| of.of_outcome(of_kind).count());
    let source = source(of);
    let told = match (of.asked, differ, unclear) {
        (0, ..) => "nothing asked".to_owned(),
        (asked, 0, 0) if of.void.is_none() => format!("{asked} asked, all as {source} says"),
        (asked, 0, unclear) if asked == unclear => format!("{asked} asked, and no answer tells"),
        (asked, differ, unclear) => {
            let unclear = if unclear == 0 { String::new() } else { format!(", {unclear} tell nothing") };
            let agreed = asked - differ - of.of_outcome(VerifyOutcomeV1::Unclear).count();
            let differ = if differ == 0 { String::new() } else { format!(", {differ} otherwise") };
            format!("{asked} asked: {agreed} as {source} says{differ}{unclear}")
        }
    };
    let unasked: usize = of.not_asked.values().sum();
    if unasked == 0 {
        return told;
    }
    let mut reasons: Vec<(usize, &str)> = of.not_asked.iter().map(|(why, count)| (*count, why.as_str())).collect();
    reasons.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    let reasons: Vec<String> = reasons.iter().map(|(count, why)| format!("{count} {}", reason(why))).collect();
    format!("{told}; {unasked} not asked ({})", reasons.join(", "))
}

fn source(of: &VerifyV1) -> &'static str {
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
pub fn sentence(of: &VerifyV1, answer: &VerifyAnswerV1) -> String {
    let who = of.user.as_ref().map_or_else(|| EVERYONE.to_owned(), |user| shown(user));
    let what =
        RequestKind::of_word(&answer.request).map_or_else(|| answer.request.clone(), |kind| kind.phrase().to_owned());
    let place = if answer.resource == "*" { "any bucket".to_owned() } else { shown(&answer.resource) };
    let source = source(of);
    match answer.allowed {
        false => format!("{who} can {what} in {place} on the service, and by {source} cannot"),
        true => format!("{who} cannot {what} in {place} on the service, and by {source} can"),
    }
}

fn difference(out: &mut dyn Write, styles: &Styles, of: &VerifyV1, answer: &VerifyAnswerV1) -> io::Result<()> {
    let sign = if answer.allowed { styles.remove.apply_to("-") } else { styles.add.apply_to("+") };
    writeln!(out, "{sign} {}", sentence(of, answer))?;
    let said = shown(answer.answer.as_deref().unwrap_or_default());
    let means = if answer.allowed { "denied" } else { "a denied request is answered 403 AccessDenied" };
    writeln!(out, "    {} is answered {said}: {means}", shown(&answer.sent))?;
    if of.source == VerifySourceV1::Expectations {
        let names = answer.statements.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
        return writeln!(out, "    expected by: {names}");
    }
    let decided = match (answer.statements.is_empty(), answer.allowed) {
        (true, _) => "no statement allows it".to_owned(),
        (false, true) => {
            format!("allowed by {}", answer.statements.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", "))
        }
        (false, false) => {
            format!("denied by {}", answer.statements.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", "))
        }
    };
    writeln!(out, "    in the document: {decided}")?;
    answer.hint.iter().try_for_each(|hint| writeln!(out, "    perhaps: {hint}"))
}

fn unclear(out: &mut dyn Write, styles: &Styles, of: &VerifyV1) -> io::Result<()> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for answer in of.of_outcome(VerifyOutcomeV1::Unclear) {
        let words = reasons.entry(answer.why.as_deref().unwrap_or_default()).or_default();
        let word = format!("{} ({})", answer.request, answer.kind);
        if !words.contains(&word) {
            words.push(word);
        }
    }
    for (why, words) in reasons {
        let words = list_some(&words, LISTED, Clone::clone);
        writeln!(out, "{} {words}: {}", styles.dim.apply_to("tells nothing:"), shown(why))?;
    }
    Ok(())
}

/// What is about to be asked.
pub fn about_verify(
    out: &mut dyn Write,
    styles: &Styles,
    (who, service): (&str, &str),
    kinds: &[(&str, usize)],
    writes: usize,
) -> io::Result<()> {
    wrapped(out, styles, |out| {
        let total = kinds.iter().map(|(_, count)| count).sum();
        let title = format!("ask {service} as {}: {}", shown(who), count(total, "question", "questions"));
        writeln!(out, "{}", styles.strong.apply_to(title))?;
        for (kind, count) in kinds {
            let what = match *kind {
                "no bucket" => "about buckets that are not there: their names have 24 random characters",
                "read" => "read settings and lists of buckets that are there",
                "no key" => "about keys that are not there, in buckets that are",
                _ => "write a text in the place of a setting, which no server takes; read before, compared after",
            };
            writeln!(out, "  {count} {what}")?;
        }
        writeln!(out, "  {writes} of them are PUT or DELETE. An audit log will show them, and each denied one as a 403")
    })
}
