//! Changes who has which policy in the text of a configuration. Comments and the order of entries stay.

mod entry;
mod file;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use toml_edit::{Item, TableLike, Value};

use super::fill::unescaped;
use super::schema::EACH;
use super::{DeclaredAttachment, Desired, Loaded, Phase, Schedule, Term};
use crate::base::{GroupName, Location, PolicyName, Principal, UserName};
use entry::with_term;
use file::EditedFile;
pub use policy::{DocumentPlace, PolicyContent};

/// Why an entry cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CannotEdit {
    /// The reason, in one sentence.
    pub message: String,
    /// What to do next.
    pub help: String,
    /// The place of the entry, if it has one.
    pub at: Option<Location>,
}

impl CannotEdit {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), at: None }
    }
}

/// A file before and after its edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedText {
    /// The path, starting with the directory of the main file.
    pub path: String,
    /// The text before.
    pub before: String,
    /// The text after.
    pub after: String,
}

/// The files of a configuration, to be edited.
#[derive(Debug)]
pub struct Editor<'a> {
    desired: &'a Desired,
    files: Vec<EditedFile>,
    principals: BTreeMap<Principal, Written>,
    policies: BTreeMap<PolicyName, WrittenPolicy>,
}

/// Where a user or group is written out.
#[derive(Debug, Clone)]
enum Written {
    /// It has an entry in `[users]` or `[groups]` of the file of this index.
    Entry(usize),
    /// It is in `attached_to` of this policy.
    AttachedTo(PolicyName),
}

/// Where a policy is written out.
#[derive(Debug, Clone, Copy)]
struct WrittenPolicy {
    /// The index of its file.
    file: usize,
    has_attached_to: bool,
}

const ATTACHED_TO: &str = "attached_to";

impl<'a> Editor<'a> {
    /// The files of a configuration without errors.
    pub fn new(loaded: &'a Loaded) -> Result<Self, CannotEdit> {
        let files: Vec<EditedFile> = loaded
            .files
            .iter()
            .map(|id| loaded.sources.file(*id))
            .map(|source| EditedFile::open(&source.path, &source.text))
            .collect::<Result<_, _>>()?;
        let mut editor =
            Self { desired: &loaded.desired, files, principals: BTreeMap::new(), policies: BTreeMap::new() };
        for index in 0..editor.files.len() {
            editor.find_entries(index);
        }
        Ok(editor)
    }

    /// Notes the entries that are written out. An entry with `each` is a template of several.
    fn find_entries(&mut self, index: usize) {
        let file = &self.files[index];
        for kind in ["user", "group"] {
            for (name, _) in written_out(file.section(&format!("{kind}s"))) {
                let parsed = unescaped(name).and_then(|name| Principal::parse(&format!("{kind}/{name}")).ok());
                self.principals.extend(parsed.map(|principal| (principal, Written::Entry(index))));
            }
        }
        for (name, entry) in written_out(file.section("policies")) {
            let Some(policy) = unescaped(name).and_then(|name| PolicyName::parse(&name).ok()) else { continue };
            let attached = entry.get(ATTACHED_TO);
            let values = attached.and_then(Item::as_array).into_iter().flatten().filter_map(attached_principal);
            let tables = attached.and_then(Item::as_array_of_tables).into_iter().flatten();
            let principals = values.chain(tables.filter_map(|table| principal_of(table)));
            self.principals.extend(principals.map(|principal| (principal, Written::AttachedTo(policy.clone()))));
            self.policies.insert(policy, WrittenPolicy { file: index, has_attached_to: attached.is_some() });
        }
    }

    /// Declares that a user or group has this policy or none. An entry stays where it is, in its form. A user that leaves
    /// `attached_to`, or is new, joins `attached_to` of the new policy if that has one. Otherwise it gets an entry. With another
    /// policy, `until` stays.
    pub fn attach(&mut self, principal: &Principal, attachment: &DeclaredAttachment) -> Result<(), CannotEdit> {
        if self.desired.entry(principal).is_some_and(|entry| entry.intent == *attachment) {
            return Ok(());
        }
        let term = self.desired.term(principal);
        if let Some(Term { schedule: Schedule { from: Some(from), .. }, phase: Phase::NotBegun, .. }) = &term {
            let message = format!("the access of {principal} begins on {from}");
            let at = self.desired.entry(principal).and_then(|entry| entry.at.clone());
            return Err(CannotEdit { at, ..CannotEdit::new(message, "change its entry by hand") });
        }
        let keeps_term = term.is_some_and(|term| term.schedule.edited(term.phase, attachment).is_some());
        self.write(principal, attachment, keeps_term)
    }

    /// Takes an entry out whose access has ended: it declares from now on what it has after its end.
    pub fn prune(&mut self, principal: &Principal) -> Result<(), CannotEdit> {
        match self.desired.term(principal) {
            Some(Term { schedule, phase: Phase::Ended, .. }) => self.write(principal, &schedule.then, false),
            Some(_) | None => Ok(()),
        }
    }

    fn write(
        &mut self,
        principal: &Principal,
        attachment: &DeclaredAttachment,
        keeps_term: bool,
    ) -> Result<(), CannotEdit> {
        match self.principals.get(principal).cloned() {
            Some(Written::Entry(index)) => self.files[index].set_entry(principal, attachment, keeps_term),
            Some(Written::AttachedTo(policy)) => {
                let Some(written) = self.policies.get(&policy).copied() else { return Ok(()) };
                let taken = self.files[written.file].remove_attached(&policy, principal);
                self.add(principal, attachment, Some(written.file), taken.as_ref().filter(|_| keeps_term))
            }
            None => match self.desired.entry(principal) {
                Some(entry) => Err(from_template(&principal.to_string(), entry.at.clone())),
                None => self.add(principal, attachment, None, None),
            },
        }
    }

    /// Adds an entry. `taken` is that of `attached_to` whose dates stay.
    fn add(
        &mut self,
        principal: &Principal,
        attachment: &DeclaredAttachment,
        file: Option<usize>,
        taken: Option<&Value>,
    ) -> Result<(), CannotEdit> {
        let policy = attachment.policy();
        let written = policy.and_then(|policy| Some((policy, *self.policies.get(policy)?)));
        if let Some((policy, written)) = written.filter(|(_, written)| written.has_attached_to)
            && self.files[written.file].add_attached(policy, principal, taken.cloned())
        {
            self.principals.insert(principal.clone(), Written::AttachedTo(policy.clone()));
            return Ok(());
        }
        let index = file.or(written.map(|(_, written)| written.file)).unwrap_or(0);
        self.principals.insert(principal.clone(), Written::Entry(index));
        self.files[index].add_entry(principal, with_term(attachment, taken))
    }

    /// The files that are changed.
    pub fn finish(self) -> Vec<EditedText> {
        self.files.into_iter().filter_map(EditedFile::finish).collect()
    }
}

/// The user or group of an entry of `attached_to`; `None` if it has placeholders.
fn attached_principal(entry: &Value) -> Option<Principal> {
    match entry.as_str() {
        Some(name) => Principal::parse(&unescaped(name)?).ok(),
        None => principal_of(entry.as_inline_table()?),
    }
}

/// The user or group of an entry of `attached_to` that is a table.
fn principal_of(entry: &dyn TableLike) -> Option<Principal> {
    let named = |key: &str| entry.get(key)?.as_str().and_then(unescaped);
    let user = named("user").and_then(|name| UserName::parse(&name).ok()).map(Principal::User);
    user.or_else(|| named("group").and_then(|name| GroupName::parse(&name).ok()).map(Principal::Group))
}

/// The entries of a section without templates.
fn written_out(section: Option<&dyn TableLike>) -> impl Iterator<Item = (&str, &Item)> {
    let entries = section.into_iter().flat_map(TableLike::iter);
    entries.filter(|(_, entry)| entry.as_table_like().is_none_or(|entry| !entry.contains_key(EACH)))
}

fn from_template(object: &str, at: Option<Location>) -> CannotEdit {
    let message = format!("{object} comes from a template or has a variable in its name, so it has no entry to change");
    CannotEdit { at, ..CannotEdit::new(message, "change it by hand") }
}
