//! Holds the parsed TOML against the schema: says everything that does not fit, and takes it out of the tree, so
//! that what is left can be read and checked further in the same run.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::codes;
use super::shape::{Shape, found};
use crate::base::{FileId, Finding, Location, nearest};

/// Keys that would hold a secret, wherever they stand.
const SECRET_KEYS: [&str; 8] =
    ["password", "passwd", "token", "access_token", "refresh_token", "secret", "secret_key", "api_key"];

/// Keys that there were, and what to do instead.
const REMOVED: [(&str, &str); 1] = [(
    "weka_bin",
    "a configuration names no program that a plan runs: put `weka` on PATH, or give `--weka-bin PATH` or set ATTUNE_WEKA_BIN",
)];

/// What did not fit.
#[derive(Debug, Default)]
pub(super) struct SchemaErrors {
    /// One finding each.
    pub(super) findings: Vec<Finding>,
    /// The entries they are in, as section and name, such as `("users", "bob")`: what such an entry lacks is not
    /// worth a second finding.
    pub(super) entries: BTreeSet<(String, String)>,
    /// Where secrets stand, which must not be shown.
    pub(super) secrets: Vec<Location>,
}

impl SchemaErrors {
    /// Whether something in this entry did not fit.
    pub(super) fn hit(&self, section: &str, name: &str) -> bool {
        !self.entries.is_empty() && self.entries.contains(&(section.to_owned(), name.to_owned()))
    }
}

/// Whether a key is, or is nearly, one that would hold a secret.
pub(super) fn is_secret(key: &str) -> bool {
    nearest(key, SECRET_KEYS).is_some()
}

/// Checks `root` against the shape of a file and removes what does not fit.
pub(super) fn check(root: &mut DeTable<'_>, shape: &Shape, file: FileId) -> SchemaErrors {
    let mut walk = Walk { file, misfits: SchemaErrors::default() };
    walk.table(root, shape, None);
    walk.misfits
}

struct Walk {
    file: FileId,
    misfits: SchemaErrors,
}

/// Where in the file the walk is: a key, and the table that it is in.
#[derive(Clone, Copy)]
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    key: &'p str,
}

impl Path<'_> {
    /// The first two keys: a section, and the name of an entry in it.
    fn entry(&self) -> Option<(&str, &str)> {
        let parent = self.parent?;
        if parent.parent.is_some() { parent.entry() } else { Some((parent.key, self.key)) }
    }
}

impl Walk {
    fn table(&mut self, table: &mut DeTable<'_>, shape: &Shape, within: Option<&Path<'_>>) {
        let mut misfits = BTreeSet::new();
        for (key, value) in table.iter_mut() {
            let path = Path { parent: within, key: key.get_ref() };
            let fits = match shape.member(path.key) {
                Some(of) => self.value(value, of, &path),
                None => {
                    self.unknown(&path, key.span(), value.span(), shape);
                    false
                }
            };
            if !fits {
                misfits.insert(path.key.to_owned());
            }
        }
        if !misfits.is_empty() {
            let members = std::mem::replace(table, DeTable::new());
            table.extend(members.into_iter().filter(|(key, _)| !misfits.contains(key.get_ref().as_ref())));
        }
    }

    /// Whether the value may stay.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, shape: &Shape, path: &Path<'_>) -> bool {
        let span = value.span();
        let Some(fitting) = shape.fitting(value.get_ref()) else {
            self.wrong_type(value.get_ref(), span, shape, path);
            return false;
        };
        match value.get_mut() {
            DeValue::Table(table) => self.table(table, fitting, Some(path)),
            DeValue::Array(array) => {
                if let Some(of) = fitting.items() {
                    self.items(array, of, path);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
        true
    }

    fn items<'i>(&mut self, array: &mut DeArray<'i>, shape: &Shape, path: &Path<'_>) {
        let items = std::mem::replace(array, DeArray::new());
        *array = items.into_iter().filter_map(|mut item| self.value(&mut item, shape, path).then_some(item)).collect();
    }

    fn unknown(&mut self, path: &Path<'_>, span: Range<usize>, value: Range<usize>, shape: &Shape) {
        let name = path.key;
        if is_secret(name) {
            self.misfits.secrets.push(Location { file: self.file, span: value });
            let finding = Finding::error(codes::SECRET_IN_FILE, format!("`{name}` would put a secret into the file"));
            self.add(
                finding.help(
                    "take it out, treat it as known to everybody who can read this file, and set ATTUNE_USERNAME and \
                 ATTUNE_PASSWORD in the environment instead",
                ),
                span,
                path,
            );
            return;
        }
        let finding = Finding::error(codes::UNKNOWN_KEY, format!("unknown key `{name}`"));
        let removed = REMOVED.iter().find(|(key, _)| *key == name).map(|(_, instead)| (*instead).to_owned());
        let help = removed.unwrap_or_else(|| match nearest(name, shape.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let known: Vec<_> = shape.names().map(|key| format!("`{key}`")).collect();
                format!("known here: {}", known.join(", "))
            }
        });
        self.add(finding.help(help), span, path);
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, span: Range<usize>, shape: &Shape, path: &Path<'_>) {
        let expected = shape.expected();
        let found = match value.as_str().filter(|_| expected.contains('"')) {
            Some(text) => format!("{text:?}"),
            None => found(value).to_owned(),
        };
        let key = path.key;
        let finding = Finding::error(codes::WRONG_TYPE, format!("`{key}` takes {expected}, not {found}"));
        self.add(finding, span, path);
    }

    fn add(&mut self, finding: Finding, span: Range<usize>, path: &Path<'_>) {
        if let Some((section, name)) = path.entry() {
            self.misfits.entries.insert((section.to_owned(), name.to_owned()));
        }
        self.misfits.findings.push(finding.at(Location { file: self.file, span }));
    }
}
