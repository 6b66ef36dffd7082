//! Reads the JSON text of a document: strictly if a person wrote it, leniently if a cluster returned it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::bucket_policy::principal_note;
use super::document::{Clause, Document, Effect, Part, Place, Places, Selector, Statement};
use super::json::{self, Json, Node, Pair, SyntaxError};
use super::principals::PRINCIPALS;
use super::rule::{self, Problem, Rule};
use super::wrapped::wrapped;
use crate::base::{Severity, nearest};

/// The longest text that attune parses, in bytes: 512 times the limit of a cluster. A longer one is a wrong file.
pub const MAX_TEXT: usize = 1024 * 1024;

/// The result of reading a text.
#[derive(Debug)]
pub struct Read {
    /// The document, if the text is a JSON object. Beside errors it is only good for more checks, so that one run finds all
    /// problems: a value of the wrong type is in it as text, and an unreadable effect is `Deny`.
    pub document: Option<Document>,
    /// The byte ranges of its parts.
    pub places: Places,
    /// All problems, in the order of the text.
    pub problems: Vec<Problem>,
}

/// Why a document from a cluster cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be read: {why}")]
pub struct Unreadable {
    /// The reason, in one sentence.
    pub why: String,
}

/// Reads a text that a person wrote. Everything that a server refuses, drops or misreads is a problem.
pub fn read(text: &str) -> Read {
    read_with(text, &mut |_, _| None)
}

/// Like [`read`], with other texts in place of strings and member names: `replaced` gets the text and its byte range.
pub fn read_with(text: &str, replaced: &mut dyn FnMut(&str, &Range<usize>) -> Option<String>) -> Read {
    read_as(text, Mode::Strict, false, replaced)
}

/// Like [`read`], but with the `Principal` or `NotPrincipal` of bucket policies, which is kept in `extra`.
pub fn read_bucket_policy(text: &str) -> Read {
    read_bucket_policy_with(text, &mut |_, _| None)
}

/// Reads a text from a cluster, as servers do: the case of member names is ignored, and the last of repeated members wins.
/// Members outside the grammar are kept in `extra`, so that they count as a difference.
///
/// # Errors
/// The text is not a document.
pub fn read_lenient(text: &str) -> Result<Document, Unreadable> {
    let read = read_as(text, Mode::Lenient, true, &mut |_, _| None);
    let error = read.problems.into_iter().find(|problem| problem.severity == Severity::Error);
    match (read.document, error) {
        (Some(document), None) => Ok(document),
        (_, Some(problem)) => Err(Unreadable { why: problem.message }),
        (None, None) => Err(Unreadable { why: "it has no document".to_owned() }),
    }
}

/// Like [`read_bucket_policy`], with other texts in place of strings and member names, as [`read_with`].
pub fn read_bucket_policy_with(text: &str, replaced: &mut dyn FnMut(&str, &Range<usize>) -> Option<String>) -> Read {
    read_as(text, Mode::Strict, true, replaced)
}

type Replace<'a> = &'a mut dyn FnMut(&str, &Range<usize>) -> Option<String>;

fn read_as(text: &str, mode: Mode, keeps_principals: bool, replaced: Replace<'_>) -> Read {
    let mut decoder = Decoder { mode, keeps_principals, places: BTreeMap::new(), problems: Vec::new() };
    let document = if text.len() > MAX_TEXT {
        let message = format!("the text has {} bytes; a cluster accepts documents of at most 2048", text.len());
        decoder.report(&rule::SIZE, 0..0, message).help("is this the right file?");
        None
    } else {
        match json::parse(text) {
            Ok(mut node) => {
                node.replace(replaced);
                decoder.document(&node)
            }
            Err(SyntaxError { message, span }) => {
                let marked = text.starts_with('\u{feff}');
                let help = marked.then(|| "save it as UTF-8 without a byte order mark".to_owned());
                decoder.report(&rule::JSON_SYNTAX, span, format!("this is not JSON: {message}")).help = help;
                None
            }
        }
    };
    let Decoder { places, mut problems, .. } = decoder;
    problems.sort_by_key(|problem| (problem.span.start, problem.rule.id));
    Read { document, places: places.into(), problems }
}

const DOCUMENT: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] = &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
const EFFECTS: &str = "an effect is exactly `Allow` or `Deny`";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A text that a person wrote: every oddity is a problem.
    Strict,
    /// A text from a cluster: every oddity stays.
    Lenient,
}

/// Turns JSON into a document, and collects places and problems.
struct Decoder {
    mode: Mode,
    /// Whether it keeps who a statement of a bucket policy is about.
    keeps_principals: bool,
    places: BTreeMap<Place, Range<usize>>,
    problems: Vec<Problem>,
}

impl Decoder {
    fn report(&mut self, rule: &'static Rule, span: Range<usize>, message: impl Into<String>) -> &mut Problem {
        let at = self.problems.len();
        self.problems.push(Problem { rule, severity: rule.severity, message: message.into(), span, help: None });
        &mut self.problems[at]
    }

    fn wrong_kind(&mut self, what: &str, wanted: &str, node: &Node) {
        let message = format!("{what} must be {wanted}, not {}", node.value.kind());
        self.report(&rule::WRONG_KIND, node.span.clone(), message);
    }

    fn document(&mut self, node: &Node) -> Option<Document> {
        self.places.insert(Place::Document, node.span.clone());
        if let Some((message, help)) = wrapped(node) {
            self.report(&rule::STATEMENT_FORM, node.span.clone(), message).help(help);
            return None;
        }
        let members = self.members(node, "a document", DOCUMENT)?;
        let version = self.text(members.get("Version"), Place::Version);
        let id = self.text(members.get("Id"), Place::Id);
        let statements = match members.get("Statement") {
            Some(pair) => self.statements(&pair.value),
            None => {
                self.report(&rule::STATEMENT_FORM, node.span.clone(), "the document has no `Statement`");
                Vec::new()
            }
        };
        Some(Document { version, id, statements, extra: members.extra })
    }

    fn statements(&mut self, node: &Node) -> Vec<Statement> {
        self.places.insert(Place::Statements, node.span.clone());
        match &node.value {
            Json::Array(_) => {}
            Json::Object(_) if self.mode == Mode::Lenient => {}
            Json::Object(_) => {
                let message = "`Statement` is a single statement; MinIO servers accept only a list";
                let start = node.span.start;
                let problem = self.report(&rule::STATEMENT_FORM, start..start + 1, message);
                problem.severity = Severity::Note;
                problem.help("attune sends a list of one; write `[…]` around the statement");
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                self.wrong_kind("`Statement`", "a list of statements", node);
                return Vec::new();
            }
        }
        let mut statements = Vec::new();
        for node in node.list() {
            statements.extend(self.statement(statements.len(), node));
        }
        statements
    }

    fn statement(&mut self, at: usize, node: &Node) -> Option<Statement> {
        let place = |part| Place::Statement(at, part);
        self.places.insert(place(Part::Whole), node.span.clone());
        let mut members = self.members(node, "a statement", STATEMENT)?;
        let sid = self.text(members.get("Sid"), place(Part::Sid));
        let effect = self.effect(members.get("Effect"), node, place(Part::Effect));
        let actions = self.selector(&members, ["Action", "NotAction"], &rule::ACTION_FORM, |entry| {
            place(entry.map_or(Part::Actions, Part::Action))
        });
        let resources = self.selector(&members, ["Resource", "NotResource"], &rule::RESOURCE_FORM, |entry| {
            place(entry.map_or(Part::Resources, Part::Resource))
        });
        let conditions = match members.get("Condition") {
            Some(pair) => {
                // `Vec<Clause>` cannot hold an operator without a key.
                if self.mode == Mode::Lenient && pair.value.value.has_empty_object() {
                    members.extra.insert("Condition".to_owned(), pair.value.value.minified());
                }
                self.conditions(at, &pair.value)
            }
            None => Vec::new(),
        };
        Some(Statement { sid, effect, actions, resources, conditions, extra: members.extra, principals: None })
    }

    fn effect(&mut self, pair: Option<&Pair>, statement: &Node, place: Place) -> Effect {
        let Some(pair) = pair else {
            let start = statement.span.start;
            self.report(&rule::EFFECT, start..start + 1, "the statement has no `Effect`").help(EFFECTS);
            return Effect::Deny;
        };
        let Some(text) = self.text(Some(pair), place) else { return Effect::Deny };
        let effects = [Effect::Allow, Effect::Deny];
        effects.into_iter().find(|effect| effect.as_str() == text).unwrap_or_else(|| {
            let near = effects.into_iter().find(|effect| effect.as_str().eq_ignore_ascii_case(text.trim()));
            let help = near.map_or(EFFECTS.to_owned(), |near| format!("write `{}`", near.as_str()));
            let message = format!("`{text}` is not an effect");
            self.report(&rule::EFFECT, pair.value.span.clone(), message).help(help);
            near.unwrap_or(Effect::Deny)
        })
    }

    /// Reads one of two members. `place` is the place of an entry, or of all of them.
    fn selector(
        &mut self,
        members: &Members<'_>,
        [plain, negated]: [&str; 2],
        rule: &'static Rule,
        place: impl Fn(Option<usize>) -> Place,
    ) -> Selector {
        let (pair, negated) = match (members.get(plain), members.get(negated)) {
            (Some(pair), Some(second)) => {
                let message = format!("the statement has both `{plain}` and `{negated}`");
                let help = "keep one of them, or write two statements";
                self.report(rule, second.name_span.clone(), message).help(help);
                (pair, false)
            }
            (Some(pair), None) => (pair, false),
            (None, Some(pair)) => (pair, true),
            (None, None) => return Selector { negated: false, patterns: Vec::new() },
        };
        self.places.insert(place(None), pair.value.span.clone());
        let mut patterns = Vec::new();
        for (at, node) in pair.value.list().iter().enumerate() {
            self.places.insert(place(Some(at)), node.span.clone());
            if let Json::String(text) = &node.value {
                patterns.push(text.clone());
            } else {
                self.wrong_kind(&format!("`{}`", pair.name), "a string or a list of strings", node);
                patterns.push(node.value.minified());
            }
        }
        Selector { negated, patterns }
    }

    fn conditions(&mut self, at: usize, node: &Node) -> Vec<Clause> {
        self.places.insert(Place::Statement(at, Part::Conditions), node.span.clone());
        let mut clauses = Vec::new();
        for operator in self.named("`Condition`", "an object of operators", node) {
            for key in self.named(&format!("`{}`", operator.name), "an object of keys", &operator.value) {
                clauses.push(self.clause(at, clauses.len(), operator, key));
            }
        }
        clauses
    }

    fn clause(&mut self, at: usize, index: usize, operator: &Pair, key: &Pair) -> Clause {
        let place = |part| Place::Statement(at, part);
        self.places.insert(place(Part::Clause(index)), key.name_span.start..key.value.span.end);
        self.places.insert(place(Part::Operator(index)), operator.name_span.clone());
        self.places.insert(place(Part::Key(index)), key.name_span.clone());
        let mut values = Vec::new();
        for (value, node) in key.value.list().iter().enumerate() {
            self.places.insert(place(Part::Value(index, value)), node.span.clone());
            values.push(node.value.scalar().unwrap_or_else(|| {
                self.wrong_kind(&format!("`{}`", key.name), "a value or a list of values", node);
                node.value.minified()
            }));
        }
        Clause { operator: operator.name.clone(), key: key.name.clone(), values }
    }

    fn text(&mut self, pair: Option<&Pair>, place: Place) -> Option<String> {
        let pair = pair?;
        self.places.insert(place, pair.value.span.clone());
        if let Json::String(text) = &pair.value.value {
            return Some(text.clone());
        }
        self.wrong_kind(&format!("`{}`", pair.name), "a string", &pair.value);
        (place == Place::Version).then(|| pair.value.value.minified())
    }
}

/// The members of an object: known ones by their correct name, and the others as minified JSON.
struct Members<'n> {
    known: BTreeMap<&'static str, &'n Pair>,
    extra: BTreeMap<String, String>,
}

impl<'n> Members<'n> {
    fn get(&self, name: &str) -> Option<&'n Pair> {
        self.known.get(name).copied()
    }
}

impl Decoder {
    fn members<'n>(&mut self, node: &'n Node, what: &str, grammar: &'static [&'static str]) -> Option<Members<'n>> {
        let Json::Object(pairs) = &node.value else {
            self.wrong_kind(what, "an object", node);
            return None;
        };
        let mut members = Members { known: BTreeMap::new(), extra: BTreeMap::new() };
        // Servers ignore the case of members of the grammar.
        for pair in self.last_of_each(pairs, |pair| pair.name.to_ascii_lowercase()) {
            let known = grammar.iter().find(|name| name.eq_ignore_ascii_case(&pair.name));
            match (known, self.mode) {
                (Some(_), _) if pair.value.value == Json::Null => {}
                (None, Mode::Lenient) if pair.value.value == Json::Null => {}
                (Some(name), Mode::Lenient) => _ = members.known.insert(name, pair),
                (None, Mode::Lenient) => _ = members.extra.insert(pair.name.clone(), pair.value.value.minified()),
                (Some(name), Mode::Strict) => {
                    // MinIO spells `Id` as `ID`.
                    if pair.name != *name && pair.name != "ID" {
                        let message = format!("`{}` is not the correct spelling", pair.name);
                        let problem = self.report(&rule::UNKNOWN_MEMBER, pair.name_span.clone(), message);
                        problem.help(format!("write `{name}`"));
                    }
                    members.known.insert(name, pair);
                }
                (None, Mode::Strict) if self.keeps_principals && PRINCIPALS.contains(&pair.name.as_str()) => {
                    let message = principal_note(&pair.name, &pair.value.value);
                    self.report(&rule::PRINCIPAL, pair.name_span.clone(), message).severity = Severity::Note;
                    members.extra.insert(pair.name.clone(), pair.value.value.minified());
                }
                (None, Mode::Strict) => self.unknown_member(pair, what, grammar),
            }
        }
        Some(members)
    }

    /// The members of a condition or of one of its operators. Any name is possible; at least one is required.
    fn named<'n>(&mut self, what: &str, wanted: &str, node: &'n Node) -> Vec<&'n Pair> {
        let Json::Object(pairs) = &node.value else {
            self.wrong_kind(what, wanted, node);
            return Vec::new();
        };
        if pairs.is_empty() && self.mode == Mode::Strict {
            let problem = self.report(&rule::EMPTY_CONDITION, node.span.clone(), format!("{what} is empty"));
            problem.help("remove it, or add a condition");
        }
        let strict = self.mode == Mode::Strict;
        let name = |pair: &Pair| if strict { pair.name.to_ascii_lowercase() } else { pair.name.clone() };
        self.last_of_each(pairs, name)
    }

    /// The last member of each name, in the order of the first ones.
    fn last_of_each<'n>(&mut self, pairs: &'n [Pair], name: impl Fn(&Pair) -> String) -> Vec<&'n Pair> {
        let mut slots: BTreeMap<String, usize> = BTreeMap::new();
        let mut unique: Vec<&Pair> = Vec::new();
        for pair in pairs {
            let slot = *slots.entry(name(pair)).or_insert(unique.len());
            if slot < unique.len() {
                self.repeated(unique[slot], pair);
                unique[slot] = pair;
            } else {
                unique.push(pair);
            }
        }
        unique
    }

    fn repeated(&mut self, first: &Pair, second: &Pair) {
        if self.mode == Mode::Strict {
            let message = if first.name == second.name {
                format!("`{}` is repeated", second.name)
            } else {
                format!("`{}` and `{}` are the same member", first.name, second.name)
            };
            let problem = self.report(&rule::DUPLICATE_MEMBER, second.name_span.clone(), message);
            problem.help("keep one; servers silently use the last one");
        }
    }

    fn unknown_member(&mut self, pair: &Pair, what: &str, grammar: &[&'static str]) {
        let (name, span) = (&pair.name, pair.name_span.clone());
        if PRINCIPALS.iter().any(|principal| principal.eq_ignore_ascii_case(name)) {
            let message = format!("`{name}` belongs in bucket policies; servers silently ignore it here");
            let help = "remove it, and attach the policy to the intended users; the policy of a bucket belongs in `[buckets.NAME]`";
            self.report(&rule::PRINCIPAL, span, message).help(help);
        } else {
            let help = match nearest(name, grammar.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its members are {}", grammar.join(", ")),
            };
            self.report(&rule::UNKNOWN_MEMBER, span, format!("`{name}` is not a member of {what}")).help(help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn statement(members: &str) -> String {
        testing::text(&format!("{{{members}}}"))
    }

    /// Rule ids with the text they point at.
    fn found(text: &str) -> Vec<(&'static str, String)> {
        read(text).problems.into_iter().map(|p| (p.rule.id, text[p.span].to_owned())).collect()
    }

    const FULL: &str = r#"{
      "Version": "2012-10-17", "ID": "x",
      "Statement": [
        {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"],
         "Condition": {"StringLike": {"s3:prefix": ["a", "b"]}, "Bool": {"aws:SecureTransport": true}, "NumericEquals": {"s3:max-keys": 10}}},
        {"Effect": "Deny", "NotAction": ["s3:GetObject"], "NotResource": "arn:aws:s3:::b"}
      ]
    }"#;

    #[test]
    fn a_full_document_is_read_as_written() {
        let read = read(FULL);
        assert_eq!(read.problems.len(), 0, "{:?}", read.problems);
        let document = read.document.unwrap();
        assert_eq!((document.version.as_deref(), document.id.as_deref()), (Some("2012-10-17"), Some("x")));
        let [first, second] = document.statements.as_slice() else { panic!("not two statements") };
        assert_eq!((first.sid.as_deref(), first.effect), (Some("A"), Effect::Allow));
        assert_eq!(first.actions, Selector { negated: false, patterns: vec!["s3:GetObject".into()] });
        let clause = |operator: &str, key: &str, values: &[&str]| Clause {
            operator: operator.into(),
            key: key.into(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(
            first.conditions,
            [
                clause("StringLike", "s3:prefix", &["a", "b"]),
                clause("Bool", "aws:SecureTransport", &["true"]),
                clause("NumericEquals", "s3:max-keys", &["10"]),
            ]
        );
        assert_eq!((second.sid.as_deref(), second.effect), (None, Effect::Deny));
        assert_eq!(second.resources, Selector { negated: true, patterns: vec!["arn:aws:s3:::b".into()] });
        assert!(second.actions.negated && document.extra.is_empty() && first.extra.is_empty());
    }

    #[test]
    fn every_part_has_its_place_in_the_text() {
        let places = read(FULL).places;
        let at = |place| places.get(place).map(|span| &FULL[span]);
        let first = |part| at(Place::Statement(0, part));
        assert_eq!(at(Place::Version), Some("\"2012-10-17\""));
        assert_eq!(at(Place::Id), Some("\"x\""));
        assert_eq!(first(Part::Sid), Some("\"A\""));
        assert_eq!(first(Part::Effect), Some("\"Allow\""));
        assert_eq!(first(Part::Action(0)), Some("\"s3:GetObject\""));
        assert_eq!(first(Part::Resources), Some(r#"["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"]"#));
        assert_eq!(first(Part::Resource(1)), Some("\"arn:aws:s3:::c/*\""));
        assert_eq!(first(Part::Operator(0)), Some("\"StringLike\""));
        assert_eq!(first(Part::Key(1)), Some("\"aws:SecureTransport\""));
        assert_eq!(first(Part::Clause(1)), Some("\"aws:SecureTransport\": true"));
        assert_eq!(first(Part::Value(0, 1)), Some("\"b\""));
        assert_eq!(first(Part::Value(2, 0)), Some("10"));
        assert_eq!(at(Place::Statement(1, Part::Actions)), Some("[\"s3:GetObject\"]"));
        assert!(first(Part::Conditions).unwrap().starts_with('{') && first(Part::Whole).unwrap().ends_with("}}}"));
        assert!(at(Place::Statements).unwrap().starts_with('[') && at(Place::Document) == Some(FULL));
    }

    #[test]
    fn all_problems_come_in_one_run_in_the_order_of_the_text() {
        let text = r#"{"version":"2012-10-17","Statement":[
            {"Effect":"allow","Actions":"s3:GetObject","Resource":7,"Resource":"arn:aws:s3:::b"},
            {"Principal":"*","Action":"s3:*","NotAction":"s3:*","Condition":{"StringLike":{}}}]}"#;
        let expected = [
            ("S03", "\"version\""),
            ("S08", "\"allow\""),
            ("S03", "\"Actions\""),
            ("S02", "\"Resource\""),
            ("S08", "{"),
            ("S04", "\"Principal\""),
            ("S09", "\"NotAction\""),
            ("C03", "{}"),
        ];
        assert_eq!(found(text), expected.map(|(id, at)| (id, at.to_owned())));
    }

    #[test]
    fn a_document_can_be_there_beside_errors() {
        let read = read(&statement(r#""Effect":"Allow","Action":"s3:*","Resource":"x","Conditons":{}"#));
        assert_eq!(read.problems[0].help.as_deref(), Some("did you mean `Condition`?"));
        assert_eq!(read.document.unwrap().statements.len(), 1);
    }

    #[test]
    fn a_single_statement_is_taken_with_a_note() {
        let read = read(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"x"}}"#);
        let [problem] = read.problems.as_slice() else { panic!("{:?}", read.problems) };
        assert_eq!((problem.rule.id, problem.severity), ("S07", Severity::Note));
        assert_eq!(read.document.unwrap().statements.len(), 1);
    }

    #[test]
    fn a_huge_text_is_refused_unread() {
        let text = " ".repeat(MAX_TEXT + 1);
        assert_eq!(found(&text), [("S12", String::new())]);
    }

    #[test]
    fn a_document_from_a_cluster_keeps_unknown_members() {
        let text = r#"{"version":"2012-10-17","Comment":{"b":1,"a":[ 2 ]},"Statement":{
            "Effect":"Deny","effect":"Allow","Sid":null,"Action":"s3:*","Resource":[],"Principal":"*","Condition":{"Null":{}}}}"#;
        let document = read_lenient(text).unwrap();
        assert_eq!(document.version.as_deref(), Some("2012-10-17"));
        assert_eq!(document.extra.get("Comment").map(String::as_str), Some(r#"{"a":[2],"b":1}"#));
        let statement = &document.statements[0];
        assert_eq!((statement.effect, statement.sid.as_deref()), (Effect::Allow, None));
        assert_eq!(statement.extra.get("Principal").map(String::as_str), Some("\"*\""));
        assert_eq!(statement.extra.get("Condition").map(String::as_str), Some(r#"{"Null":{}}"#));
        assert!(statement.conditions.is_empty() && statement.resources.patterns.is_empty());
    }

    #[test]
    fn clauses_from_a_cluster_that_differ_in_case_are_both_kept() {
        let text =
            statement(r#""Effect":"Allow","Action":"s3:*","Resource":"x","Condition":{"Bool":{"a:B":"x","a:b":"y"}}"#);
        assert_eq!(read_lenient(&text).unwrap().statements[0].conditions.len(), 2);
        assert_eq!(found(&text), [("S02", "\"a:b\"".to_owned())]);
    }

    #[test]
    fn a_text_that_is_no_document_is_unreadable() {
        let cases = [
            ("", "not JSON"),
            ("[]", "must be an object"),
            ("{}", "has no `Statement`"),
            (r#"{"Statement":[{"Action":"s3:*","Resource":"x"}]}"#, "has no `Effect`"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"a","NotAction":"b","Resource":"x"}]}"#, "both"),
            (r#"{"Statement":[{"Effect":"Allow","Action":1,"Resource":"x"}]}"#, "must be a string"),
            (r#"{"Version":1,"Statement":[]}"#, "must be a string"),
        ];
        for (text, why) in cases {
            let unreadable = read_lenient(text).unwrap_err();
            assert!(unreadable.why.contains(why), "{text}: {unreadable}");
        }
    }
}
