//! The order of a file's tables, and the comments before them.

use std::collections::BTreeMap;

use toml_edit::{Item, Table};

use super::comments::{Lead, beside};

/// The sections of a file, in the order in which they are documented. Any other comes after them.
const SECTIONS: [&str; 9] =
    ["cluster", "ownership", "guards", "drift", "lint", "credentials", "policies", "users", "groups"];

/// Those whose entries are in the order of their names.
const NAMED: [&str; 3] = ["policies", "users", "groups"];

/// How a comment begins that speaks to programs about the whole file, such as `#:schema`.
const DIRECTIVE: &str = "#:";

/// A table that has a line of its own.
#[derive(Debug)]
struct Header {
    /// Its place in the file.
    position: isize,
    section: String,
    /// The name of the policy or user it belongs to, if it is in such a section.
    entry: Option<String>,
    lead: Lead,
}

/// Puts the tables into their order, each with an empty line and its comments before it. Returns the comments that are
/// about the file as a whole: those at its beginning that stand alone or speak to programs. Where keys come before all
/// tables there are none: such comments are first anyway, before those keys.
pub(super) fn arrange(root: &mut Table) -> Vec<Vec<String>> {
    let keys_first = !root.get_values().is_empty();
    let mut headers = Vec::new();
    describe(root, &mut Vec::new(), &mut headers);
    headers.sort_by_key(|header| header.position);
    let mut head = match headers.first_mut() {
        Some(first) if !keys_first => take_head(&mut first.lead),
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
    // What has come to the beginning would be taken for such another time.
    if let Some(first) = ordered.first_mut().filter(|_| !keys_first) {
        head.extend(take_head(&mut first.lead));
    }
    let mut begun = keys_first;
    let mut settled = BTreeMap::new();
    for (position, header) in (0..).zip(ordered) {
        settled.insert(header.position, (position, header.lead.text(begun)));
        begun = true;
    }
    settle(root, &settled);
    head
}

fn take_head(lead: &mut Lead) -> Vec<Vec<String>> {
    let mut head = std::mem::take(&mut lead.alone);
    let about = lead.own.iter().take_while(|line| line.starts_with(DIRECTIVE)).count();
    if about > 0 {
        head.push(lead.own.drain(..about).collect());
    }
    head
}

/// The tables of a section whose entries have names: entry by entry, in order between two headings.
fn by_name(of: Vec<Header>) -> Vec<Header> {
    let (own, of): (Vec<Header>, Vec<Header>) = of.into_iter().partition(|header| header.entry.is_none());
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<Vec<Header>> = Vec::new();
    for header in of {
        let name = header.entry.clone().unwrap_or_default();
        let place = *places.entry(name).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) => entry.push(header),
            None => entries.push(vec![header]),
        }
    }
    let mut groups: Vec<Group> = vec![Group::default()];
    for mut entry in entries {
        let heading = entry.first_mut().map(|first| std::mem::take(&mut first.lead.alone)).unwrap_or_default();
        if !heading.is_empty() {
            groups.push(Group { heading, entries: Vec::new() });
        }
        if let Some(group) = groups.last_mut() {
            group.entries.push(entry);
        }
    }
    own.into_iter().chain(groups.into_iter().flat_map(Group::ordered)).collect()
}

/// Entries under one heading.
#[derive(Default)]
struct Group {
    heading: Vec<Vec<String>>,
    entries: Vec<Vec<Header>>,
}

impl Group {
    fn ordered(mut self) -> Vec<Header> {
        self.entries.sort_by(|a, b| a.first().map(|first| &first.entry).cmp(&b.first().map(|first| &first.entry)));
        let mut headers: Vec<Header> = self.entries.into_iter().flatten().collect();
        if let Some(first) = headers.first_mut() {
            first.lead.alone = self.heading;
        }
        headers
    }
}

fn describe(table: &Table, path: &mut Vec<String>, found: &mut Vec<Header>) {
    for (key, item) in table {
        path.push(key.to_owned());
        let tables: Vec<&Table> = match item {
            Item::Table(inner) => vec![inner],
            Item::ArrayOfTables(array) => array.iter().collect(),
            Item::Value(_) | Item::None => Vec::new(),
        };
        for inner in tables {
            if let Some(position) = inner.position().filter(|_| has_line(inner)) {
                let raw = inner.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default();
                let (section, entry) = (path[0].clone(), path.get(1).cloned());
                found.push(Header { position, section, entry, lead: Lead::of(raw) });
            }
            describe(inner, path, found);
        }
        path.pop();
    }
}

fn has_line(table: &Table) -> bool {
    let implied = table.is_implicit() && table.get_values().is_empty();
    !table.is_dotted() && !implied
}

/// Gives the tables their new places and leads, by their old places.
fn settle(table: &mut Table, settled: &BTreeMap<isize, (isize, String)>) {
    for (mut key, item) in table.iter_mut() {
        let tables: Vec<&mut Table> = match item {
            Item::Table(inner) => vec![inner],
            Item::ArrayOfTables(array) => array.iter_mut().collect(),
            Item::Value(_) | Item::None => Vec::new(),
        };
        for inner in tables {
            key.fmt();
            let place = inner.position().filter(|_| has_line(inner)).and_then(|old| settled.get(&old));
            if let Some((position, lead)) = place {
                inner.set_position(Some(*position));
                let decor = inner.decor_mut();
                decor.set_prefix(lead.as_str());
                decor.set_suffix(beside(decor.suffix().and_then(|raw| raw.as_str()).unwrap_or_default()));
            }
            settle(inner, settled);
        }
    }
}
