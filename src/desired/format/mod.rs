//! The formatter of configuration files (`attune fmt`): the same content and comments in one layout.

#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, Table};

use super::codes;
use super::parse::{other_version, secrets_of_lines, syntax};
use crate::base::{Finding, Location, Sources};
pub(super) use values::text;
use values::{Comments, line_comment};

/// A text that is not TOML or requires another version: the findings, and the text without possible secrets.
#[derive(Debug)]
pub struct NotFormatted {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The text.
    pub sources: Sources,
}

/// Formats the text of a file. Findings show it as `path`.
///
/// Sections are in the order of the documentation; policies, users and groups are sorted by name; keys within other tables
/// keep their order. A comment stays with the next item, or with the item on its line. A comment with an empty line after it is
/// a heading: entries are sorted only between two headings. Headings at the start of a file stay there.
pub fn format_toml(path: &str, text: &str) -> Result<String, NotFormatted> {
    let refused = |finding: &dyn Fn(crate::base::FileId) -> Vec<Finding>| {
        let mut sources = Sources::default();
        let file = sources.add(path, text);
        let findings = finding(file);
        secrets_of_lines(text, file).iter().for_each(|secret| sources.redact(secret));
        NotFormatted { findings, sources }
    };
    let (table, errors) = toml::de::DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(refused(&|file| errors.iter().map(|error| syntax(error, file)).collect()));
    }
    // Another version may have another order.
    if table.get_ref().contains_key("required_version") {
        let other = refused(&|file| other_version(table.get_ref(), file).into_iter().collect());
        if other.findings.iter().any(|finding| finding.code == codes::OTHER_VERSION) {
            return Err(other);
        }
    }
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        refused(&|file| {
            let at = error.span().map(|span| Location { file, span });
            vec![Finding::error(codes::TOML_SYNTAX, error.message()).at(at)]
        })
    })?;
    lay_out(&mut document);
    let formatted = document.to_string();
    // Never change the content.
    let is_same = toml::from_str::<toml::Table>(text).ok() == toml::from_str::<toml::Table>(&formatted).ok();
    Ok(if is_same { formatted } else { text.to_owned() })
}

/// A text with stars in place of possible secrets.
pub fn without_secrets(text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("", text);
    secrets_of_lines(text, file).iter().for_each(|secret| sources.redact(secret));
    sources.file(file).text.clone()
}

fn lay_out(document: &mut DocumentMut) {
    let head = sort_tables(document.as_table_mut());
    for section in ["users", "groups"] {
        if let Some(Item::Table(entries)) = document.get_mut(section) {
            sort_entries(entries);
        }
    }
    format_all_keys(document.as_table_mut());
    // The last line of a file may lack its newline.
    let trailing = Comments::of(&format!("{}\n", document.trailing().as_str().unwrap_or_default()));
    let has_begun = !document.is_empty() || !head.is_empty();
    let trailing_text = trailing.text(trailing.parted && has_begun && trailing.any());
    document.set_trailing(trailing_text.trim_end_matches('\n').to_owned() + if trailing.any() { "\n" } else { "" });
    let head = Comments { headings: head, ..Comments::default() };
    document.decor_mut().set_prefix(head.text(false));
}

/// Sorts the entries on lines of their own, such as `alice = "readonly"`, by name between two headings or empty lines.
fn sort_entries(table: &mut Table) {
    let is_entry = |item: &Item| item.is_value() || item.as_table().is_some_and(|inner| !inner.is_dotted());
    if table.is_dotted() || !table.iter().all(|(_, item)| is_entry(item)) {
        return;
    }
    let (mut group, mut groups, mut starts) = (0, BTreeMap::new(), BTreeMap::new());
    for (mut key, _) in table.iter_mut().filter(|(_, item)| item.is_value()) {
        let mut comments = Comments::of(text(key.leaf_decor().prefix()));
        if comments.parted || !comments.headings.is_empty() {
            group += 1;
            starts.insert(group, (comments.parted, std::mem::take(&mut comments.headings)));
        }
        key.leaf_decor_mut().set_prefix(comments.text(false));
        groups.insert(key.get().to_owned(), group);
    }
    table.sort_values_by(|one, _, other, _| {
        let place = |key: &toml_edit::Key| (groups.get(key.get()).copied(), key.get().to_owned());
        place(one).cmp(&place(other))
    });
    for (mut key, _) in table.iter_mut().filter(|(_, item)| item.is_value()) {
        let start = groups.get(key.get()).and_then(|group| starts.remove(group));
        if let Some((parted, headings)) = start {
            let own = Comments::of(text(key.leaf_decor().prefix()));
            key.leaf_decor_mut().set_prefix(Comments { headings, ..own }.text(parted));
        }
    }
}

fn format_all_keys(table: &mut Table) {
    if !table.is_dotted() {
        format_keys(table, "", &mut true);
    }
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => format_all_keys(inner),
            Item::ArrayOfTables(array) => array.iter_mut().for_each(format_all_keys),
            Item::Value(_) | Item::None => {}
        }
    }
}

/// Formats the keys and values of a table. `path` is the prefix of dotted keys.
fn format_keys(table: &mut Table, path: &str, first: &mut bool) {
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::Value(value) => {
                let comments = Comments::of(text(key.leaf_decor().prefix()));
                let text = comments.text(comments.parted && !*first);
                *first = false;
                key.fmt();
                key.leaf_decor_mut().set_prefix(text);
                key.leaf_decor_mut().set_suffix(" ");
                values::format(value, &format!("{path}{} = ", key.display_repr()));
            }
            Item::Table(inner) if inner.is_dotted() => {
                key.fmt();
                let path = format!("{path}{}.", key.display_repr());
                format_keys(inner, &path, first);
            }
            Item::Table(_) | Item::ArrayOfTables(_) | Item::None => {}
        }
    }
}

/// The sections in the order of the documentation. Others come after them.
const SECTIONS: [&str; 13] = [
    "vars",
    "tables",
    "cluster",
    "ownership",
    "guards",
    "drift",
    "lint",
    "credentials",
    "policies",
    "users",
    "groups",
    "buckets",
    "roles",
];

/// The sections of entries with names, by which they are sorted.
pub(super) const NAMED: [&str; 5] = ["policies", "users", "groups", "buckets", "roles"];

/// The start of a comment for programs about the whole file, such as `#:schema`.
const DIRECTIVE: &str = "#:";

/// A table with a header line.
#[derive(Debug)]
struct Header {
    position: isize,
    section: String,
    /// The policy, user or group that it belongs to, if any.
    entry: Option<String>,
    comments: Comments,
}

/// Sorts the tables, each with an empty line and its comments before it. Returns the comments about the whole file:
/// headings and comments for programs at its start. There are none if keys come before all tables.
fn sort_tables(root: &mut Table) -> Vec<Vec<String>> {
    let keys_first = !root.get_values().is_empty();
    let mut headers = Vec::new();
    collect_headers(root, &mut Vec::new(), &mut headers);
    headers.sort_by_key(|header| header.position);
    let mut head = match headers.first_mut() {
        Some(first) if !keys_first => take_file_comments(&mut first.comments),
        Some(_) | None => Vec::new(),
    };
    let mut sections: BTreeMap<usize, Vec<Header>> = BTreeMap::new();
    let mut names: Vec<String> = SECTIONS.map(str::to_owned).to_vec();
    for header in headers {
        let known = names.iter().position(|name| *name == header.section);
        let at = known.unwrap_or_else(|| {
            names.push(header.section.clone());
            names.len() - 1
        });
        sections.entry(at).or_default().push(header);
    }
    let mut ordered: Vec<Header> = sections
        .into_iter()
        .flat_map(|(at, of)| if NAMED.contains(&names[at].as_str()) { by_name(of) } else { of })
        .collect();
    // The next run would take the headings of the new first table for comments about the file.
    if let Some(first) = ordered.first_mut().filter(|_| !keys_first) {
        head.extend(take_file_comments(&mut first.comments));
    }
    let mut has_begun = keys_first;
    let mut positions = BTreeMap::new();
    for (position, header) in (0..).zip(ordered) {
        positions.insert(header.position, (position, header.comments.text(has_begun)));
        has_begun = true;
    }
    apply_positions(root, &positions);
    head
}

fn take_file_comments(comments: &mut Comments) -> Vec<Vec<String>> {
    let mut head = std::mem::take(&mut comments.headings);
    let about = comments.own.iter().take_while(|line| line.starts_with(DIRECTIVE)).count();
    if about > 0 {
        head.push(comments.own.drain(..about).collect());
    }
    head
}

/// Sorts the tables of a section by entry, between two headings. The tables of an entry stay together.
fn by_name(of: Vec<Header>) -> Vec<Header> {
    // First the section's own tables, then the entries before all headings.
    let mut headings = vec![Vec::new(), Vec::new()];
    let mut group_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut headers = Vec::new();
    for mut header in of {
        let group = header.entry.as_ref().map_or(0, |entry| {
            *group_of.entry(entry.clone()).or_insert_with(|| {
                let heading = std::mem::take(&mut header.comments.headings);
                if !heading.is_empty() {
                    headings.push(heading);
                }
                headings.len() - 1
            })
        });
        headers.push((group, header));
    }
    headers.sort_by(|(a, one), (b, other)| (a, &one.entry).cmp(&(b, &other.entry)));
    let with_heading = |(group, mut header): (usize, Header)| {
        header.comments.headings.extend(std::mem::take(&mut headings[group]));
        header
    };
    headers.into_iter().map(with_heading).collect()
}

fn collect_headers(table: &Table, path: &mut Vec<String>, found: &mut Vec<Header>) {
    for (key, item) in table {
        path.push(key.to_owned());
        let tables: Vec<&Table> = match item {
            Item::Table(inner) => vec![inner],
            Item::ArrayOfTables(array) => array.iter().collect(),
            Item::Value(_) | Item::None => Vec::new(),
        };
        for inner in tables {
            if let Some(position) = inner.position().filter(|_| has_header(inner)) {
                let raw = text(inner.decor().prefix());
                let (section, entry) = (path[0].clone(), path.get(1).cloned());
                found.push(Header { position, section, entry, comments: Comments::of(raw) });
            }
            collect_headers(inner, path, found);
        }
        path.pop();
    }
}

fn has_header(table: &Table) -> bool {
    let implied = table.is_implicit() && table.get_values().is_empty();
    !table.is_dotted() && !implied
}

/// Moves the tables to their new positions, with their comments. `positions` has the old positions as keys.
fn apply_positions(table: &mut Table, positions: &BTreeMap<isize, (isize, String)>) {
    for (mut key, item) in table.iter_mut() {
        let tables: Vec<&mut Table> = match item {
            Item::Table(inner) => vec![inner],
            Item::ArrayOfTables(array) => array.iter_mut().collect(),
            Item::Value(_) | Item::None => Vec::new(),
        };
        for inner in tables {
            key.fmt();
            let place = inner.position().filter(|_| has_header(inner)).and_then(|old| positions.get(&old));
            if let Some((position, comments)) = place {
                inner.set_position(Some(*position));
                let decor = inner.decor_mut();
                decor.set_prefix(comments.as_str());
                decor.set_suffix(line_comment(text(decor.suffix())));
            }
            apply_positions(inner, positions);
        }
    }
}
