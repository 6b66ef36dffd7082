//! The one form of a desired-state file: the same content with the same comments, laid out in one way.

mod comments;
mod order;
#[cfg(test)]
mod tests;
mod values;

use toml_edit::{DocumentMut, Item, Table};

use super::codes;
use super::load::{secrets_of_lines, syntax};
use crate::base::{Finding, Location, Sources};
use comments::Lead;

/// A text that is not TOML: what is wrong with it, and the text itself, without what may be a secret.
#[derive(Debug)]
pub struct NotToml {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The text.
    pub sources: Sources,
}

/// Brings the text of a file into its one form. `path` is what findings call it.
///
/// Sections come in the order of the documentation, policies, users and groups in that of their names; keys within a table
/// stay where they are. A comment stays with what it precedes, or whose line it ends. One that stands alone, with an empty
/// line after it, heads what follows: names are put in order between two such headings, and those at the beginning of a
/// file stay there.
///
/// # Errors
/// When the text is not TOML.
pub fn format_toml(path: &str, text: &str) -> Result<String, NotToml> {
    let broken = |finding: &dyn Fn(crate::base::FileId) -> Vec<Finding>| {
        let mut sources = Sources::default();
        let file = sources.add(path, text);
        let findings = finding(file);
        secrets_of_lines(text, file).iter().for_each(|secret| sources.redact(secret));
        NotToml { findings, sources }
    };
    let (_, errors) = toml::de::DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(broken(&|file| errors.iter().map(|error| syntax(error, file)).collect()));
    }
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        broken(&|file| {
            let at = error.span().map(|span| Location { file, span });
            vec![Finding::error(codes::TOML_SYNTAX, error.message()).at(at)]
        })
    })?;
    lay_out(&mut document);
    let formed = document.to_string();
    // Whatever the layout, the content is what it was.
    let same = toml::from_str::<toml::Table>(text).ok() == toml::from_str::<toml::Table>(&formed).ok();
    Ok(if same { formed } else { text.to_owned() })
}

/// A text with stars for what may be a secret in it, so that it can be shown.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("", text);
    secrets_of_lines(text, file).iter().for_each(|secret| sources.redact(secret));
    sources.file(file).text.clone()
}

fn lay_out(document: &mut DocumentMut) {
    let head = order::arrange(document.as_table_mut());
    keys_of_all(document.as_table_mut());
    // The last line of a file may lack its end.
    let trailing = Lead::of(&format!("{}\n", document.trailing().as_str().unwrap_or_default()));
    let begun = !document.is_empty() || !head.is_empty();
    let trailing_text = trailing.text(trailing.parted && begun && trailing.any());
    document.set_trailing(trailing_text.trim_end_matches('\n').to_owned() + if trailing.any() { "\n" } else { "" });
    let head = Lead { alone: head, ..Lead::default() };
    document.decor_mut().set_prefix(head.text(false));
}

/// The keys of a table and of all within it.
fn keys_of_all(table: &mut Table) {
    if !table.is_dotted() {
        keys(table, "", &mut true);
    }
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => keys_of_all(inner),
            Item::ArrayOfTables(array) => array.iter_mut().for_each(keys_of_all),
            Item::Value(_) | Item::None => {}
        }
    }
}

/// The keys of a table with their values; `path` is what stands before a dotted key.
fn keys(table: &mut Table, path: &str, first: &mut bool) {
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::Value(value) => {
                let lead = Lead::of(key.leaf_decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default());
                let text = lead.text(lead.parted && !*first);
                *first = false;
                key.fmt();
                key.leaf_decor_mut().set_prefix(text);
                key.leaf_decor_mut().set_suffix(" ");
                values::value(value, &format!("{path}{} = ", key.display_repr()));
            }
            Item::Table(inner) if inner.is_dotted() => {
                key.fmt();
                let path = format!("{path}{}.", key.display_repr());
                keys(inner, &path, first);
            }
            Item::Table(_) | Item::ArrayOfTables(_) | Item::None => {}
        }
    }
}
