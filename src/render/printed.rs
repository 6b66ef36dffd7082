//! Printed lines of access, read back without knowledge of the lines that they were printed from, and compared with brute force.

use std::collections::BTreeSet;

use super::json::AccessV1;
use crate::policy::access::oracle::{self, Trial};
use crate::policy::access::{
    ALL_RULES, AWS_RULES, AccessLine, Cause, Exception, Reason, Rules, Side, Witness, pattern_covers,
};
use crate::policy::{Action, Catalogue, Kind, Level};

/// What one line says.
#[derive(Debug, PartialEq)]
pub(in crate::render) struct Said {
    pub(in crate::render) side: Side,
    pub(in crate::render) only_aws: bool,
    pub(in crate::render) actions: BTreeSet<String>,
    pub(in crate::render) pattern: String,
    pub(in crate::render) denied: Option<String>,
    pub(in crate::render) conditions: Vec<String>,
    pub(in crate::render) except: Vec<(Option<String>, Vec<String>, Reason)>,
}

pub(in crate::render) use oracle::pairs;

/// Prints the access of random pairs of documents, reads it back, and compares it with brute force: by all rules, and by those
/// of AWS alone.
pub(in crate::render) fn agree(pairs: usize, print: impl Fn(&AccessV1) -> String) {
    let seeds = [(11, false, &ALL_RULES), (12, true, &ALL_RULES), (13, false, &AWS_RULES), (14, true, &AWS_RULES)];
    for (seed, conditions, rules) in seeds {
        let trial = Trial { seed, pairs: pairs.div_ceil(4), conditions, rules, printed: true };
        trial.run(|_, access, catalogue| {
            let printed = print(&AccessV1::of(access));
            let said = read(&printed, catalogue);
            [Side::Gained, Side::Lost].map(|side| said.iter().filter(|of| of.side == side).map(Said::line).collect())
        });
    }
}

impl Said {
    fn line(&self) -> AccessLine {
        let except = |(resources, conditions, reason): &(Option<String>, Vec<String>, Reason)| Exception {
            resources: resources.as_deref().map(with_arns),
            conditions: conditions.clone(),
            reason: *reason,
        };
        AccessLine {
            actions: self.actions.iter().cloned().collect(),
            in_words: None,
            pattern: with_arn(&self.pattern),
            except: self.except.iter().map(except).collect(),
            conditions: self.conditions.clone(),
            rules: if self.only_aws { vec![Rules::AWS] } else { Vec::new() },
            cause: self.denied.as_ref().map_or(Cause::Allow, |denied| Cause::Deny { pattern: with_arns(denied) }),
            witness: Witness { action: String::new(), resource: String::new(), conditions: Vec::new() },
        }
    }
}

/// A pattern with the start of an ARN, which is printed only where it matters.
fn with_arn(text: &str) -> String {
    if text == "*" || text.starts_with("arn:") { text.to_owned() } else { format!("arn:aws:s3:::{text}") }
}

fn with_arns(text: &str) -> String {
    match text.strip_prefix("everything but ") {
        Some(list) => {
            format!("everything but {}", split(list, ", ").iter().map(|of| with_arn(of)).collect::<Vec<_>>().join(", "))
        }
        None => with_arn(text),
    }
}

/// The lines of a text that are decided.
pub(in crate::render) fn read(text: &str, catalogue: &Catalogue) -> Vec<Said> {
    let mut said = Vec::new();
    for line in text.lines().map(str::trim) {
        let (parts, only_aws) = match line.strip_prefix("! by AWS's rules also: ") {
            Some(parts) => (parts, true),
            None => (line, false),
        };
        // A part starts with its mark. `; before only from` is within one.
        let marks = ["+ ", "- ", "? ", "! "];
        let parts = split(parts, "; ").into_iter().fold(Vec::<String>::new(), |mut parts, part| {
            match parts.last_mut().filter(|_| !marks.iter().any(|mark| part.starts_with(mark))) {
                Some(last) => *last += &format!("; {part}"),
                None => parts.push(part),
            }
            parts
        });
        let is_decided = |part: &&String| part.starts_with("+ ") || part.starts_with("- ");
        said.extend(parts.iter().filter(is_decided).map(|part| read_one(part, only_aws, catalogue)));
    }
    said
}

fn read_one(line: &str, only_aws: bool, catalogue: &Catalogue) -> Said {
    let (mark, rest) = line.split_at(2);
    let (named, rest) = rest.split_once(" on ").unwrap();
    let rest = split(rest, ", e.g. ").remove(0);
    let mut parts = split(&rest, ", except ");
    let head = parts.remove(0);
    let (head, addresses) = match split(&head, " from anywhere; ").as_slice() {
        [head, only] => (head.trim_end_matches(',').to_owned(), Some(only.clone())),
        _ => (head, None),
    };
    let mut head = split(&head, " when ");
    let conditions = if head.len() > 1 { split(&head.remove(1), " and ") } else { Vec::new() };
    let head = head.remove(0);
    let undenied = [", no longer denied", ", now denied"].into_iter().find_map(|end| head.strip_suffix(end));
    let mut places = split(undenied.unwrap_or(&head), " where it is ");
    let pattern = unquoted(&places[0]);
    let denied = undenied.map(|_| unquoted(&places.pop().unwrap()));
    let only = |of: String| {
        let (_, networks) = of.split_once(" only from ").unwrap();
        (None, vec![format!("aws:SourceIp in {networks}")], Reason::Had)
    };
    Said {
        side: if mark == "+ " { Side::Gained } else { Side::Lost },
        only_aws,
        actions: actions(named.trim(), catalogue),
        pattern,
        denied,
        conditions,
        except: parts.iter().flat_map(|part| excepted(part)).chain(addresses.map(only)).collect(),
    }
}

/// The parts of a text between separators outside of quotes.
fn split(text: &str, by: &str) -> Vec<String> {
    let (mut parts, mut quoted, mut at) = (vec![String::new()], false, 0);
    while let Some(letter) = text[at..].chars().next() {
        if !quoted && text[at..].starts_with(by) {
            parts.push(String::new());
            at += by.len();
            continue;
        }
        let escaped = quoted && letter == '\\';
        quoted ^= letter == '"';
        let length = letter.len_utf8() + if escaped { text[at + 1..].chars().next().unwrap().len_utf8() } else { 0 };
        parts.last_mut().unwrap().push_str(&text[at..at + length]);
        at += length;
    }
    parts
}

fn unquoted(text: &str) -> String {
    if text.starts_with('"') { serde_json::from_str(text).unwrap() } else { text.to_owned() }
}

/// The actions that a list means, or words for them.
pub(in crate::render) fn actions(text: &str, catalogue: &Catalogue) -> BTreeSet<String> {
    let matching = |of: &str| -> BTreeSet<String> {
        let patterns = of.split(", ").flat_map(|pattern| {
            let known: Vec<_> = catalogue.actions().iter().map(|action| action.name.clone()).collect();
            known.into_iter().filter(move |name| pattern_covers(pattern, name))
        });
        patterns.collect()
    };
    let Some(words) = text.strip_prefix("all ") else { return matching(text) };
    let (kind, others) = words.split_once("actions").unwrap();
    let is_of_kind = |action: &&Action| {
        let reads = matches!(action.level, Level::List | Level::Read);
        kind.split_whitespace().all(|word| match word {
            "object" => action.kind == Kind::Object,
            "bucket" => action.kind == Kind::Bucket,
            "read" => reads,
            "write" => !reads,
            other => panic!("{other}"),
        })
    };
    let all: BTreeSet<_> = catalogue.actions().iter().filter(is_of_kind).map(|of| of.name.clone()).collect();
    match others.strip_prefix(" but ") {
        Some(missing) => &all - &matching(missing),
        None => &all | &matching(others.trim_start_matches(", ")),
    }
}

const REASONS: [(&str, Reason); 3] =
    [(", had before", Reason::Had), (", still allowed", Reason::Had), (", denied", Reason::Denied)];

/// The exceptions behind one `except`.
fn excepted(text: &str) -> Vec<(Option<String>, Vec<String>, Reason)> {
    let (text, reason) = REASONS
        .into_iter()
        .find_map(|(words, reason)| Some((text.strip_suffix(words)?, reason)))
        .unwrap_or((text, Reason::LeftOut));
    if let Some(when) = text.strip_prefix("when ") {
        return split(when, " or when ").iter().map(|when| (None, split(when, " and "), reason)).collect();
    }
    let mut parts = split(text, " when ");
    let conditions = if parts.len() > 1 { split(&parts.remove(1), " and ") } else { Vec::new() };
    if parts[0].starts_with("everything but ") {
        return vec![(Some(parts.remove(0)), conditions, reason)];
    }
    let some = split(&parts[0], ", ").into_iter().flat_map(|some| split(&some, " and "));
    some.map(|one| (Some(unquoted(&one)), conditions.clone(), reason)).collect()
}
