//! What the S3 service says, compared with the documents.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::wrapped;
use crate::base::{count, list_some};
use crate::render::Styles;
use crate::render::json::{VerifiedUserV1, VerifyAnswerV1, VerifyOutcomeV1, VerifySourceV1, VerifyV1};
use crate::render::phrase::{self, coverage, shown, verify_source};

/// The words of one reason that are listed.
const LISTED: usize = 8;

/// Writes what the service says: how much was asked, each difference, and what tells nothing.
pub fn verified(out: &mut dyn Write, styles: &Styles, of: &VerifyV1) -> io::Result<()> {
    wrapped(out, styles, |out| {
        writeln!(out, "{}", styles.strong.apply_to(coverage(&[of])))?;
        told(out, styles, of)?;
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

/// Writes what the service says to the users with new key pairs: how much was asked, and those who are not as the file says.
pub(super) fn verified_users(out: &mut dyn Write, styles: &Styles, users: &[VerifiedUserV1]) -> io::Result<()> {
    wrapped(out, styles, |out| {
        writeln!(out, "{}", phrase::verified_users(users))?;
        for alike in phrase::Alike::all(users) {
            writeln!(out, "{}", styles.remove.apply_to(alike.head()))?;
            alike.first.answers.iter().try_for_each(|answers| told(out, styles, answers))?;
        }
        Ok(())
    })
}

/// What the answers tell, one by one.
fn told(out: &mut dyn Write, styles: &Styles, of: &VerifyV1) -> io::Result<()> {
    if of.nothing_allowed {
        writeln!(out, "nothing is allowed, as {} says", verify_source(of))?;
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
    Ok(())
}

fn difference(out: &mut dyn Write, styles: &Styles, of: &VerifyV1, answer: &VerifyAnswerV1) -> io::Result<()> {
    let sign = if answer.allowed { styles.remove.apply_to("-") } else { styles.add.apply_to("+") };
    writeln!(out, "{sign} {}", phrase::difference_on_service(of, answer))?;
    let said = shown(answer.answer.as_deref().unwrap_or_default());
    let means = if answer.allowed { "denied" } else { "a denied request is answered 403 AccessDenied" };
    writeln!(out, "    {} is answered {said}: {means}", shown(&answer.sent))?;
    let names = answer.statements.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if of.source == VerifySourceV1::Expectations {
        return writeln!(out, "    expected by: {names}");
    }
    let decided = match (answer.statements.is_empty(), answer.allowed) {
        (true, _) => "no statement allows it".to_owned(),
        (false, true) => format!("allowed by {names}"),
        (false, false) => format!("denied by {names}"),
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
