//! Placeholders: `{{name}}` in parsed texts, and the values that replace them.
//!
//! A value replaces a part of a parsed text, never of TOML or JSON, and is not searched for placeholders again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::codes;
use super::schema::SchemaErrors;
use super::spanned::Report;
use super::vars::{Origin, Row, Value, Variables, is_name};
use crate::base::{Finding, nearest};

const OPEN: &str = "{{";

/// A text without placeholders as it is written where placeholders are replaced: `{{` becomes `{{{{`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(OPEN) { Cow::Owned(text.replace(OPEN, "{{{{")) } else { Cow::Borrowed(text) }
}

/// The text that is meant by one without placeholders; `None` if it has a placeholder.
pub(super) fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(OPEN) {
        return Some(Cow::Borrowed(text));
    }
    let piece = |piece| if let Piece::Text(text) = piece { Some(text) } else { None };
    pieces(text).into_iter().map(piece).collect::<Option<String>>().map(Cow::Owned)
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    /// A placeholder.
    Name(&'t str),
    /// Two braces that begin no placeholder, with what follows.
    Bad(&'t str),
}

/// The pieces of a text. `{{{{` is a text of two braces.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(OPEN) {
        pieces.push(Piece::Text(&rest[..at]));
        let braces = &rest[at..];
        let inside = &braces[OPEN.len()..];
        if let Some(after) = inside.strip_prefix(OPEN) {
            pieces.push(Piece::Text(&braces[..OPEN.len()]));
            rest = after;
            continue;
        }
        let end = inside.find("}}");
        match end.map(|end| (&inside[..end], &inside[end + 2..])) {
            Some((name, after)) if is_name(name) => {
                pieces.push(Piece::Name(name));
                rest = after;
            }
            Some(_) | None => {
                let end = end.map_or(braces.len(), |end| OPEN.len() + end + 2);
                pieces.push(Piece::Bad(&braces[..end]));
                rest = &braces[end..];
            }
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// What a text is, and so which values it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A description or a reason, which takes any value.
    Prose,
    /// A name, a pattern or a part of a document.
    Exact,
}

/// The values that placeholders may name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) variables: &'a Variables,
    /// The row, in an entry that is made of a template.
    pub(super) row: Option<&'a Row>,
}

impl<'a> Scope<'a> {
    /// The text with its placeholders replaced; `None` if it stays. A placeholder that cannot be replaced is a finding.
    pub(super) fn filled(self, text: &str, kind: Kind, span: &Range<usize>, report: &mut Report) -> Option<String> {
        if !text.contains(OPEN) {
            return None;
        }
        let mut filled = String::with_capacity(text.len());
        let mut is_complete = true;
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => match self.value(name, kind, span, report) {
                    Some(value) => filled.push_str(value),
                    None => is_complete = false,
                },
                Piece::Bad(text) => {
                    let message = format!("`{text}` is not a placeholder");
                    let help = "write a placeholder as `{{name}}`, without blanks; two braces as a text are `{{{{`";
                    report.error(codes::BAD_PLACEHOLDER, span.clone(), message, help);
                    is_complete = false;
                }
            }
        }
        is_complete.then_some(filled)
    }

    /// The value of a placeholder, which counts as used from now on.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.row.and_then(|row| row.values.get(name)).map(Value::used).or_else(|| self.variables.get(name))
    }

    fn value(self, name: &str, kind: Kind, span: &Range<usize>, report: &mut Report) -> Option<&'a str> {
        let Some(value) = self.get(name) else {
            let columns = self.row.into_iter().flat_map(|row| row.values.keys()).map(String::as_str);
            let help = match nearest(name, columns.chain(self.variables.names())) {
                Some(near) => format!("did you mean `{{{{{near}}}}}`?"),
                None => format!("declare it in the main file: `[vars]`, then `{name} = \"…\"`"),
            };
            let what = if self.row.is_some() { "column or variable" } else { "variable" };
            report.error(codes::UNKNOWN_VARIABLE, span.clone(), format!("no {what} has the name `{name}`"), help);
            return None;
        };
        match value.odd_character().filter(|_| kind == Kind::Exact) {
            None => Some(&value.text),
            Some(odd) => {
                let finding = bad_value(name, value, odd).at(report.at(span.clone()));
                let is_repeated = value.is_reported.replace(true);
                let list = if is_repeated { &mut report.repeats } else { &mut report.findings };
                list.push(finding);
                None
            }
        }
    }
}

fn bad_value(name: &str, value: &Value, odd: char) -> Finding {
    let origin = match value.origin {
        Origin::CommandLine => " of `--var`".to_owned(),
        Origin::Environment => format!(" of ATTUNE_VAR_{name}"),
        Origin::File => String::new(),
    };
    let message = format!("the value{origin} for `{name}` has {odd:?}, which only descriptions take");
    let help = if "*?/".contains(odd) {
        "if it may be a pattern or a path, declare it with `pattern = true`"
    } else {
        "values elsewhere have letters, digits, `.`, `_` and `-`"
    };
    Finding::error(codes::BAD_VARIABLE, message).label(value.at.clone(), "declared here").help(help)
}

/// The sections in which placeholders are replaced.
pub(super) const FILLED: [&str; 10] =
    ["ownership", "guards", "drift", "expect", "envelope", "policies", "users", "groups", "buckets", "roles"];

/// The sections that have placeholders themselves, or define what replaces them.
const DEFINITIONS: [&str; 2] = ["vars", "tables"];

/// The keys whose text takes any value.
const PROSE: [&str; 2] = ["description", "reason"];

/// Replaces the placeholders in a file. Where none are replaced, they are findings.
pub(super) fn fill(root: &mut DeTable<'_>, scope: Scope<'_>, errors: &mut SchemaErrors, report: &mut Report) {
    for (key, value) in root.iter_mut() {
        let section = key.get_ref().as_ref();
        if FILLED.contains(&section) {
            let mut filler = Filler { scope, report: &mut *report, renamed: Vec::new() };
            let is_list = matches!(value.get_ref(), DeValue::Array(_));
            filler.value(value, Kind::Exact, if is_list { Depth::Below } else { Depth::Section });
            filler.renamed.iter().for_each(|(old, new)| errors.rename(section, old, new));
        } else if !DEFINITIONS.contains(&section) {
            refuse(value, section, scope, report);
        }
    }
}

/// Replaces the placeholders in an entry of a section.
pub(super) fn fill_entry(entry: &mut Spanned<DeValue<'_>>, scope: Scope<'_>, report: &mut Report) {
    Filler { scope, report, renamed: Vec::new() }.value(entry, Kind::Exact, Depth::Below);
}

/// Whether a text has placeholders, and not only braces.
pub(super) fn has_names(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Name(_)))
}

/// The names of the placeholders in a document; `None` if it has no two braces in its texts.
pub(super) fn names_in_json(text: &str) -> Option<BTreeSet<String>> {
    // Braces can be written as escapes, and members of objects can follow each other.
    if !text.contains(OPEN) && !text.contains('\\') {
        return None;
    }
    let (mut names, mut any) = (BTreeSet::new(), false);
    crate::policy::read_with(text, &mut |text, _| {
        any |= text.contains(OPEN);
        names.extend(pieces(text).into_iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.to_owned()),
            Piece::Text(_) | Piece::Bad(_) => None,
        }));
        None
    });
    any.then_some(names)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// A section, whose keys are names of entries.
    Section,
    Below,
    /// A statement, in which no key is prose.
    Statement,
}

struct Filler<'a> {
    scope: Scope<'a>,
    report: &'a mut Report,
    /// The names of entries that had placeholders: as written, and with the values.
    renamed: Vec<(String, String)>,
}

impl Filler<'_> {
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, kind: Kind, depth: Depth) {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) => {
                if let Some(filled) = self.scope.filled(text, kind, &span, self.report) {
                    *text = Cow::Owned(filled);
                }
            }
            DeValue::Array(array) => array.iter_mut().for_each(|item| self.value(item, kind, depth)),
            DeValue::Table(table) => self.table(table, depth),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    fn table(&mut self, table: &mut DeTable<'_>, depth: Depth) {
        for (key, value) in table.iter_mut() {
            let key = key.get_ref().as_ref();
            let is_statement = depth == Depth::Statement || (depth == Depth::Below && key == "statement");
            let below = if is_statement { Depth::Statement } else { Depth::Below };
            let is_prose = depth == Depth::Below && PROSE.contains(&key);
            self.value(value, if is_prose { Kind::Prose } else { Kind::Exact }, below);
        }
        if table.keys().any(|key| key.get_ref().contains(OPEN)) {
            self.keys(table, depth);
        }
    }

    fn keys(&mut self, table: &mut DeTable<'_>, depth: Depth) {
        for (key, value) in std::mem::replace(table, DeTable::new()) {
            let span = key.span();
            let filled = self.scope.filled(key.get_ref(), Kind::Exact, &span, self.report);
            let Some(name) = filled else {
                table.insert(key, value);
                continue;
            };
            if let Some((first, _)) = table.get_key_value(name.as_str()) {
                let finding = Finding::error(codes::DECLARED_TWICE, format!("`{name}` is declared twice"))
                    .at(self.report.at(span))
                    .label(self.report.at(first.span()), "first declared here")
                    .help("remove one of the two, or change the values of its placeholders");
                self.report.findings.push(finding);
                continue;
            }
            if depth == Depth::Section {
                self.renamed.push((key.get_ref().to_string(), name.clone()));
            }
            table.insert(Spanned::new(span, Cow::Owned(name)), value);
        }
    }
}

/// Reports the placeholders in a section that takes none.
fn refuse(value: &Spanned<DeValue<'_>>, section: &str, scope: Scope<'_>, report: &mut Report) {
    match value.get_ref() {
        DeValue::String(text) if has_placeholder(text, section, scope) => {
            let message = format!("`{section}` takes no placeholders");
            let help = "write the value itself: only names, descriptions, documents, `[ownership]`, `[guards]`, `[drift]`, \
                        `[[expect]]`, `[[envelope]]` and `[roles]` take variables";
            report.error(codes::BAD_PLACEHOLDER, value.span(), message, help);
        }
        DeValue::Array(array) => array.iter().for_each(|item| refuse(item, section, scope, report)),
        DeValue::Table(table) => table.iter().for_each(|(_, item)| refuse(item, section, scope, report)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// Whether a text that takes no placeholders has one. In a command of `[credentials]`, `{{` is a brace.
fn has_placeholder(text: &str, section: &str, scope: Scope<'_>) -> bool {
    let names = |piece: &Piece<'_>| matches!(piece, Piece::Name(name) if scope.variables.get(name).is_some());
    if section == "credentials" { pieces(text).iter().any(names) } else { text.contains(OPEN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_two_braces_around_a_name() {
        let read = |text| pieces(text).into_iter().filter(|piece| *piece != Piece::Text("")).collect::<Vec<_>>();
        assert_eq!(read("a-{{b_1}}-c"), [Piece::Text("a-"), Piece::Name("b_1"), Piece::Text("-c")]);
        assert_eq!(read("${aws:username} {x} }}"), [Piece::Text("${aws:username} {x} }}")]);
        assert_eq!(read("{{{{b}}"), [Piece::Text("{{"), Piece::Text("b}}")]);
        assert_eq!(read("{{ b }}c"), [Piece::Bad("{{ b }}"), Piece::Text("c")]);
        assert_eq!(read("{{b"), [Piece::Bad("{{b")]);
        assert_eq!(read("{{}}"), [Piece::Bad("{{}}")]);
        assert_eq!(read("{{{b}}}"), [Piece::Bad("{{{b}}"), Piece::Text("}")]);
    }

    #[test]
    fn an_escaped_text_is_read_as_it_was() {
        for text in ["{{name}}", "{{{", "{{{{{{", "a{{b}}c", "{ {", "${{aws:username}}", "é{{"] {
            let written = escaped(text);
            let plain = |piece| match piece {
                Piece::Text(text) => text,
                Piece::Name(name) | Piece::Bad(name) => panic!("{name} in {written}"),
            };
            assert_eq!(pieces(&written).into_iter().map(plain).collect::<String>(), text);
        }
    }
}
