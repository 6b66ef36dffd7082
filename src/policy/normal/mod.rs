//! The normal form of a document: one JSON text for all spellings of the same document.
//!
//! Two documents are the same if their normal forms are. The normal form only removes differences of spelling: order,
//! repetition, a scalar for a list of one, several notations of one value. Documents that grant the same access in
//! different words stay different.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::document::{Clause, Document, Piece, Selector, Statement, document_json, pieces, statement_json};
use super::json::{self, Json};

/// The only version with policy variables, and the only one that MinIO servers accept.
pub(super) const VERSION: &str = "2012-10-17";

/// A document in normal form, with its JSON. Comparison uses the JSON. A clone shares both.
#[derive(Debug, Clone)]
pub struct Normal {
    document: Arc<Document>,
    json: Arc<str>,
}

/// How two documents compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// They are the same document.
    Same,
    /// They differ only in `Id` and `Sid`, which no access decision uses.
    IdsOnly,
    /// They differ.
    Different,
}

/// The normal form of a document.
pub fn normal(document: &Document) -> Normal {
    let mut statements: Vec<Statement> = document.statements.iter().map(normal_statement).collect();
    statements.sort_by_cached_key(statement_json);
    statements.dedup();
    // Without a version, AWS reads `${…}` literally.
    let version = present(document.version.as_ref());
    let means_usual = version.is_none() && !statements.iter().any(|one| statement_json(one).contains("${"));
    let version = if means_usual { Some(VERSION.to_owned()) } else { version };
    let document = Document { version, id: present(document.id.as_ref()), statements, extra: document.extra.clone() };
    let json = document_json(&document).into();
    Normal { document: Arc::new(document), json }
}

/// Whether two documents have the same normal form.
pub fn same_document(before: &Document, after: &Document) -> bool {
    normal(before) == normal(after)
}

/// How two documents compare. A statement that one of them repeats under another `Sid` is a real difference.
pub fn sameness(before: &Document, after: &Document) -> Sameness {
    let (before, after) = (normal(before), normal(after));
    if before == after {
        Sameness::Same
    } else if before.without_ids() == after.without_ids() {
        Sameness::IdsOnly
    } else {
        Sameness::Different
    }
}

impl Normal {
    /// The document as minified JSON. attune sends, compares and measures these bytes.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The JSON, shared.
    pub fn shared_json(&self) -> Arc<str> {
        Arc::clone(&self.json)
    }

    /// The length of the JSON, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "the JSON is never empty")]
    pub fn len(&self) -> usize {
        self.json.len()
    }

    /// The document, in normal form.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The JSON without ids. It may repeat a statement.
    fn without_ids(&self) -> String {
        let mut document = Document { id: None, ..Document::clone(&self.document) };
        for statement in &mut document.statements {
            statement.sid = None;
        }
        document.statements.sort_by_cached_key(statement_json);
        document_json(&document)
    }
}

impl PartialEq for Normal {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Normal {}

impl PartialOrd for Normal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Normal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.json.cmp(&other.json)
    }
}

/// An empty text counts as absent.
fn present(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

pub(super) fn normal_statement(statement: &Statement) -> Statement {
    let mut conditions: Vec<Clause> = statement.conditions.iter().map(normal_clause).collect();
    conditions.sort_by(|a, b| (&a.operator, &a.key, &a.values).cmp(&(&b.operator, &b.key, &b.values)));
    conditions.dedup();
    Statement {
        sid: present(statement.sid.as_ref()),
        effect: statement.effect,
        actions: normal_selector(&statement.actions),
        resources: normal_selector(&statement.resources),
        conditions,
        extra: statement.extra.iter().map(|(name, json)| (name.clone(), fold_extra(name, json))).collect(),
        principals: statement.principals.clone(),
    }
}

fn normal_selector(selector: &Selector) -> Selector {
    let patterns = selector.patterns.iter().map(|pattern| fold_wildcards(pattern).into_owned());
    Selector { negated: selector.negated, patterns: set(patterns) }
}

fn normal_clause(clause: &Clause) -> Clause {
    let values = clause.values.iter().map(|value| fold_value(&clause.operator, value));
    Clause { operator: clause.operator.clone(), key: clause.key.clone(), values: set(values) }
}

fn set(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}

/// The value as the operator reads it. A value that the operator cannot read stays as it is.
pub(super) fn fold_value(operator: &str, value: &str) -> String {
    let name = operator.rsplit(':').next().unwrap_or(operator);
    let folded = match name.strip_suffix("IfExists").unwrap_or(name) {
        "IpAddress" | "NotIpAddress" => network(value),
        "Null" => truth(value),
        name if name.starts_with("Numeric") => integer(value),
        name if name.starts_with("Date") => instant(value),
        _ => None,
    };
    folded.unwrap_or_else(|| value.to_owned())
}

/// A network without host bits. A single IPv4 address becomes a `/32` network. A single IPv6 address has no normal form,
/// because MinIO servers read it with `/32`.
pub(super) fn network(value: &str) -> Option<String> {
    let Some((address, prefix)) = value.split_once('/') else {
        return value.parse::<Ipv4Addr>().ok().map(|address| format!("{address}/32"));
    };
    if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: u32 = prefix.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32u32.checked_sub(length)?).unwrap_or(0);
            Some(format!("{}/{length}", Ipv4Addr::from_bits(address.to_bits() & mask)))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128u32.checked_sub(length)?).unwrap_or(0);
            Some(format!("{}/{length}", Ipv6Addr::from_bits(address.to_bits() & mask)))
        }
    }
}

/// A whole number, as `Atoi` of Go reads it.
pub(super) fn integer(value: &str) -> Option<String> {
    value.parse::<i64>().ok().map(|number| number.to_string())
}

/// A boolean, as `ParseBool` of Go reads it.
pub(super) fn truth(value: &str) -> Option<String> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some("true".to_owned()),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some("false".to_owned()),
        _ => None,
    }
}

/// A point in time in UTC, to the second.
pub(super) fn instant(value: &str) -> Option<String> {
    let utc = OffsetDateTime::parse(value, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
    utc.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

/// `Principal` in one spelling: `"*"` becomes `{"AWS": ["*"]}`, and each list becomes a sorted set. Any other member outside
/// the grammar stays as it is.
pub(super) fn fold_extra(name: &str, json: &str) -> String {
    let folded = match name {
        "Principal" | "NotPrincipal" => json::parse(json).ok().and_then(|node| principal(&node.value)),
        _ => None,
    };
    folded.unwrap_or_else(|| json.to_owned())
}

fn principal(value: &Json) -> Option<String> {
    match value {
        Json::String(all) if all == "*" => Some(json::object([("AWS", json::array([json::quoted("*")]))])),
        Json::Object(pairs) => {
            let members = pairs.iter().map(|pair| {
                let mut names: Vec<String> = pair.value.list().iter().map(|node| node.value.minified()).collect();
                names.sort();
                names.dedup();
                (pair.name.as_str(), json::array(names))
            });
            Some(json::object(members))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
    }
}

/// Writes every run of wildcards with a `*` in it as all its `?`, then one `*`. Text inside `${…}` stays.
pub(super) fn fold_wildcards(pattern: &str) -> Cow<'_, str> {
    if !pattern.as_bytes().windows(2).any(|pair| matches!(pair, [b'*' | b'?', b'*' | b'?'])) {
        return Cow::Borrowed(pattern);
    }
    let mut folded = String::with_capacity(pattern.len());
    for piece in pieces(pattern) {
        match piece {
            Piece::Plain(plain) => fold_plain(&mut folded, plain),
            Piece::Variable(inside) => folded.extend(["${", inside, "}"]),
        }
    }
    Cow::Owned(folded)
}

fn fold_plain(folded: &mut String, plain: &str) {
    let mut star = false;
    for letter in plain.chars() {
        if letter == '*' {
            star = true;
            continue;
        }
        if letter != '?' && std::mem::take(&mut star) {
            folded.push('*');
        }
        folded.push(letter);
    }
    folded.extend(star.then_some('*'));
}

#[cfg(test)]
mod tests;
