//! Folds policies that differ in one word into templates.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::base::PolicyName;
use crate::policy::{Document, Statement, normal};

/// How many policies a template makes at least.
const MIN_ROWS: usize = 2;

/// The key of a table of rows that is no row.
const RESERVED: &str = "columns";

/// A policy that the configuration declares.
#[derive(Debug)]
pub(super) struct Declared<'a> {
    pub(super) name: &'a PolicyName,
    pub(super) path: String,
    pub(super) text: String,
    pub(super) document: Document,
    /// The rules to suppress for it.
    pub(super) allowed: Vec<&'static str>,
}

/// A template of policies, with marks for its placeholders.
#[derive(Debug)]
pub(super) struct Template {
    /// Its name, with [`ROW`].
    pub(super) name: String,
    /// Its document, with [`ROW`] and [`COLUMN`].
    pub(super) document: Document,
    /// The policies, by the word of their name.
    pub(super) rows: BTreeMap<String, Row>,
}

/// A policy that a template makes.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) policy: PolicyName,
    /// The word that only the document has.
    pub(super) value: Option<String>,
}

/// The templates of policies, in the order of their names. Each policy is in at most one.
pub(super) fn templates(policies: &[Declared<'_>]) -> Vec<Template> {
    let mut queue: BTreeMap<Rank, Group> = BTreeMap::new();
    for ((name, ..), members) in by_name_and_form(policies) {
        for (key, group) in groups(policies, &name, &members) {
            queue.insert(group.rank(key), group);
        }
    }
    let (mut taken, mut found) = (BTreeSet::new(), Vec::new());
    while let Some((rank, mut group)) = queue.pop_first() {
        let members = group.members.len();
        group.members.retain(|member| !taken.contains(&member.policy));
        if group.members.len() < MIN_ROWS {
            continue;
        }
        if group.members.len() < members {
            queue.insert(group.rank(rank.key), group);
            continue;
        }
        taken.extend(group.members.iter().map(|member| member.policy));
        found.push(group.template(policies));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// A policy in a group: its words.
#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    /// Its index.
    policy: usize,
    /// The word of its name.
    word: &'a str,
    /// The word of its document.
    value: Option<&'a str>,
}

/// Where the marks of a group are, in the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Marks {
    /// The document has the word of the name, or no word that differs.
    Row,
    /// The document has a word of its own.
    Column,
    /// It has both.
    Both,
}

/// Policies that are the same except for their words.
#[derive(Debug)]
struct Group<'a> {
    name: String,
    marks: Marks,
    members: Vec<Member<'a>>,
}

/// The order in which groups become templates: large ones first, then those with short values.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    size: Reverse<usize>,
    marks: Marks,
    length: usize,
    name: String,
    key: String,
}

impl Group<'_> {
    fn rank(&self, key: String) -> Rank {
        let length = |member: &Member<'_>| member.word.len() + member.value.map_or(0, str::len);
        let (size, length) = (Reverse(self.members.len()), self.members.iter().map(length).sum());
        Rank { size, marks: self.marks, length, name: self.name.clone(), key }
    }

    fn template(&self, policies: &[Declared<'_>]) -> Template {
        let row = |member: &Member<'_>| {
            let policy = policies[member.policy].name.clone();
            (member.word.to_owned(), Row { policy, value: member.value.map(str::to_owned) })
        };
        let document = self.members.first().map(|member| {
            let document = &policies[member.policy].document;
            let with_row = if self.marks == Marks::Column { None } else { with_mark(document, member.word, ROW) };
            let with_row = with_row.unwrap_or_else(|| document.clone());
            member.value.and_then(|value| with_mark(&with_row, value, COLUMN)).unwrap_or(with_row)
        });
        let rows = self.members.iter().map(row).collect();
        Template { name: self.name.clone(), document: document.unwrap_or_default(), rows }
    }
}

/// The policies with a name of one form, by that form and all of the document that is no word.
fn by_name_and_form<'a>(
    policies: &'a [Declared<'_>],
) -> BTreeMap<(String, String, &'a [&'static str]), Vec<Member<'a>>> {
    let mut found: BTreeMap<_, Vec<Member<'a>>> = BTreeMap::new();
    for (policy, of) in policies.iter().enumerate() {
        let (name, is_foldable) = (of.name.as_str(), is_plain(of.name.as_str()) && has_plain_texts(&of.document));
        let form = normal(&with_texts(&of.document, without_words)).json().to_owned();
        let words: BTreeSet<&str> = runs(name).filter(|word| is_foldable && *word != RESERVED).collect();
        for word in words {
            let Some(name) = marked(name, word, ROW) else { continue };
            let members = found.entry((name, form.clone(), of.allowed.as_slice())).or_default();
            members.push(Member { policy, word, value: None });
        }
    }
    found.retain(|_, members| members.len() >= MIN_ROWS);
    found
}

/// The groups of these policies, by their documents with marks. They may have policies in common.
fn groups<'a>(policies: &'a [Declared<'_>], name: &str, members: &[Member<'a>]) -> BTreeMap<String, Group<'a>> {
    let texts = |member: &Member<'_>| texts(&policies[member.policy].document).flat_map(runs).collect::<BTreeSet<_>>();
    let all: Vec<BTreeSet<&'a str>> = members.iter().map(texts).collect();
    let is_common = |run: &&str| all.iter().all(|of| of.contains(run));
    let common: BTreeSet<&str> = all.first().into_iter().flatten().copied().filter(is_common).collect();
    let is_bare = !name.contains(char::is_alphanumeric);
    let mut found: BTreeMap<String, Group<'a>> = BTreeMap::new();
    let mut add = |document: &Document, marks, member: Member<'a>| {
        let key = format!("{marks:?} {}", normal(document).json());
        let group = || Group { name: name.to_owned(), marks, members: Vec::new() };
        found.entry(key).or_insert_with(group).members.push(member);
    };
    for (member, runs) in members.iter().zip(&all) {
        let document = &policies[member.policy].document;
        let with_row = with_mark(document, member.word, ROW);
        if let Some(with_row) = &with_row {
            add(with_row, Marks::Row, *member);
        } else if !is_bare {
            add(document, Marks::Row, *member);
        }
        for value in runs.difference(&common) {
            let member = Member { value: Some(value), ..*member };
            if let Some(with_both) = with_row.as_ref().and_then(|with_row| with_mark(with_row, value, COLUMN)) {
                add(&with_both, Marks::Both, member);
            }
            if let Some(with_column) = with_mark(document, value, COLUMN).filter(|_| !is_bare) {
                add(&with_column, Marks::Column, member);
            }
        }
    }
    found.retain(|_, group| group.members.len() >= MIN_ROWS);
    found
}

fn has_plain_texts(document: &Document) -> bool {
    is_plain(normal(document).json())
}

/// The texts that may have placeholders: sids, resources, and values of conditions.
fn texts(document: &Document) -> impl Iterator<Item = &str> {
    document.statements.iter().flat_map(|statement| {
        let values = statement.conditions.iter().flat_map(|clause| &clause.values);
        statement.sid.iter().chain(&statement.resources.patterns).chain(values).map(String::as_str)
    })
}

fn with_texts(document: &Document, mut replaced: impl FnMut(&str) -> String) -> Document {
    let mut replace = |text: &mut String| *text = replaced(text);
    let mut document = document.clone();
    for Statement { sid, resources, conditions, .. } in &mut document.statements {
        let values = conditions.iter_mut().flat_map(|clause| &mut clause.values);
        sid.iter_mut().chain(&mut resources.patterns).chain(values).for_each(&mut replace);
    }
    document
}

/// The document with the mark for each such run of words; `None` if it has none.
fn with_mark(document: &Document, run: &str, mark: char) -> Option<Document> {
    let mut any = false;
    let replaced = |text: &str| {
        let marked = marked(text, run, mark);
        any |= marked.is_some();
        marked.unwrap_or_else(|| text.to_owned())
    };
    let document = with_texts(document, replaced);
    any.then_some(document)
}

impl Template {
    pub(super) fn document_with(&self, row: &str, column: &str) -> Document {
        with_texts(&self.document, |text| with_values(text, row, column))
    }

    /// Whether the mark of a column is only in names of buckets.
    pub(super) fn has_buckets(&self) -> bool {
        let in_bucket = |text: &str| {
            let bucket = text.strip_prefix("arn:aws:s3:::").map(|path| path.split('/').next().unwrap_or_default());
            text.matches(COLUMN).count() == bucket.map_or(0, |bucket| bucket.matches(COLUMN).count())
        };
        texts(&self.document).all(in_bucket)
    }
}

pub(super) fn with_values(text: &str, row: &str, column: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ROW => result.push_str(row),
            COLUMN => result.push_str(column),
            c => result.push(c),
        }
    }
    result
}

/// The mark of the word that the names of policies differ in.
pub(super) const ROW: char = '\u{e000}';

/// The mark of the word that only their documents differ in.
pub(super) const COLUMN: char = '\u{e001}';

/// How many words a value may have: `data-eng` has two.
const MAX_WORDS: usize = 3;

/// Whether a text can be in a template. Two braces would be written with four, and marks would be read as marks.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains("{{") && !text.contains([ROW, COLUMN])
}

/// The parts of a text that can have placeholders: not the begin of an ARN, and no `${…}`.
fn free(text: &str) -> Vec<Range<usize>> {
    let mut start = match text.find(":::") {
        Some(end) if text.starts_with("arn:") => end + 3,
        Some(_) | None => 0,
    };
    let mut parts = Vec::new();
    while let Some(open) = text[start..].find("${").map(|at| start + at)
        && let Some(close) = text[open..].find('}').map(|at| open + at)
    {
        parts.push(start..open);
        start = close + 1;
    }
    parts.push(start..text.len());
    parts
}

fn is_joint(text: &str) -> bool {
    text.chars().all(|c| "._-".contains(c))
}

/// The letters and digits in a row. A word behind `{` is none: no placeholder can be there.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    for part in free(text) {
        let mut start = None;
        for (at, c) in text[part.clone()].char_indices().chain([(part.len(), ' ')]) {
            let at = part.start + at;
            match start {
                None if c.is_alphanumeric() => start = Some(at),
                Some(first) if !c.is_alphanumeric() => {
                    start = None;
                    words.push(first..at);
                }
                Some(_) | None => {}
            }
        }
    }
    words.retain(|word| !text[..word.start].ends_with('{'));
    words
}

/// The words of a text, and those in a row that `.`, `_` and `-` join.
pub(super) fn runs(text: &str) -> impl Iterator<Item = &str> {
    let words = words(text);
    (0..words.len()).flat_map(move |first| {
        let joined = |last: &usize| is_joint(&text[words[*last].end..words[*last + 1].start]);
        let more = (first..words.len() - 1).take_while(joined).take(MAX_WORDS - 1).map(|last| last + 1);
        let start = words[first].start;
        let ends: Vec<usize> = [first].into_iter().chain(more).map(|last| words[last].end).collect();
        ends.into_iter().map(move |end| &text[start..end])
    })
}

/// The text with the mark for each run of words that is this one; `None` if there is none.
pub(super) fn marked(text: &str, run: &str, mark: char) -> Option<String> {
    let words = words(text);
    let (mut result, mut done) = (String::with_capacity(text.len()), 0);
    for word in &words {
        let end = word.start + run.len();
        let is_run = word.start >= done && text[word.start..].starts_with(run);
        if is_run && words.iter().any(|last| last.end == end) {
            result.push_str(&text[done..word.start]);
            result.push(mark);
            done = end;
        }
    }
    result.push_str(&text[done..]);
    (done > 0).then_some(result)
}

/// The text without its words: all texts of a template have the same.
pub(super) fn without_words(text: &str) -> String {
    let (mut result, mut done) = (String::new(), 0);
    for word in words(text) {
        if done > 0 && is_joint(&text[done..word.start]) {
            done = word.end;
            continue;
        }
        result.push_str(&text[done..word.start]);
        result.push(ROW);
        done = word.end;
    }
    result + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_words_that_belong_together() {
        let found = |text| runs(text).collect::<Vec<_>>();
        assert_eq!(found("ml-rw"), ["ml", "ml-rw", "rw"]);
        assert_eq!(found("a.b_c-d")[..3], ["a", "a.b", "a.b_c"]);
        assert_eq!(found("a b"), ["a", "b"]);
        assert_eq!(found("arn:aws:s3:::ml/*"), ["ml"]);
        assert_eq!(found("home/${aws:username}/x"), ["home", "x"]);
        assert_eq!(found("{a}-b"), ["b"]);
        assert_eq!(found("größe-é"), ["größe", "größe-é", "é"]);
        assert!(found("").is_empty() && found("-*/").is_empty());
    }

    #[test]
    fn a_mark_stands_for_whole_words() {
        for (text, run, expected) in [
            ("ml-rw", "ml", Some("@-rw")),
            ("html-rw", "ml", None),
            ("ml-ml.ml", "ml", Some("@-@.@")),
            ("ml-x-ml-x", "ml-x", Some("@-@")),
            ("ml-xy", "ml-x", None),
            ("arn:aws:s3:::aws/s3", "s3", Some("arn:aws:s3:::aws/@")),
            ("arn:aws:s3:::aws/s3", "aws", Some("arn:aws:s3:::@/s3")),
            ("${aws:username}/username", "username", Some("${aws:username}/@")),
            ("{ml}/ml", "ml", Some("{ml}/@")),
            ("é/a", "a", Some("é/@")),
        ] {
            let marked = marked(text, run, ROW).map(|text| text.replace(ROW, "@"));
            assert_eq!(marked.as_deref(), expected, "{text} {run}");
        }
    }

    #[test]
    fn texts_of_one_template_are_the_same_without_words() {
        let same = |a, b| without_words(a) == without_words(b);
        assert!(same("arn:aws:s3:::ml-data/*", "arn:aws:s3:::genomes/*"));
        assert!(!same("arn:aws:s3:::ml/*", "arn:aws:s3:::ml"));
        assert!(!same("${aws:username}", "ml"));
    }
}
