//! The tables of rows that templates use, and the users and groups that such rows make.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::{Declared, ROW, Template, is_plain, marked, templates, with_values};
use crate::base::{PolicyName, Principal};
use crate::policy::Document;

/// The name of the first table of rows. It is the placeholder for the name of the row.
const TABLE: &str = "name";

/// The first column for words of documents that are names of buckets.
const BUCKET: &str = "bucket";

/// The first column for other words of documents.
const VALUE: &str = "value";

#[derive(Debug, Default)]
pub(super) struct Folded {
    /// The tables, by name: the columns of each row.
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) policies: Vec<PolicyTemplate>,
    pub(super) principals: Vec<PrincipalTemplate>,
}

/// The columns of each row.
pub(super) type Table = BTreeMap<String, BTreeMap<String, String>>;

/// A template of policies.
#[derive(Debug)]
pub(super) struct PolicyTemplate {
    /// Its name, with the placeholder.
    pub(super) name: String,
    pub(super) table: String,
    /// Its document, with placeholders.
    pub(super) document: Document,
    /// The policies that it makes, by their rows.
    pub(super) policies: BTreeMap<String, PolicyName>,
}

/// A template of users or groups, each of which has the policy of the same row.
#[derive(Debug)]
pub(super) struct PrincipalTemplate {
    /// `users` or `groups`.
    pub(super) section: &'static str,
    /// Its name, with the placeholder.
    pub(super) name: String,
    pub(super) table: String,
    pub(super) policy: String,
    pub(super) principals: BTreeSet<Principal>,
}

/// Folds the policies, and then the users and groups that have them.
pub(super) fn folded(policies: &[Declared<'_>], holders: &BTreeMap<Principal, PolicyName>) -> Folded {
    let mut folded = Folded::default();
    for template in templates(policies) {
        let (table, column) = folded.place(&template);
        let (row, column) = (placeholder(&table), column.as_deref().map(placeholder).unwrap_or_default());
        let name = with_values(&template.name, &row, &column);
        let document = template.document_with(&row, &column);
        let policies = template.rows.into_iter().map(|(word, row)| (word, row.policy)).collect();
        folded.policies.push(PolicyTemplate { name, table, document, policies });
    }
    folded.principals = folded.policies.iter().flat_map(|template| template.principals(holders)).collect();
    folded
}

fn placeholder(name: &str) -> String {
    format!("{{{{{name}}}}}")
}

impl Folded {
    /// The table for the rows of a template, which templates with the same words share, and the column of its values.
    fn place(&mut self, template: &Template) -> (String, Option<String>) {
        let has_rows = |table: &Table| table.keys().eq(template.rows.keys());
        let known = self.tables.iter().find(|(_, table)| has_rows(table)).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| free_name(TABLE, |name| self.tables.contains_key(name)));
        let rows = || template.rows.keys().map(|row| (row.clone(), BTreeMap::new()));
        let table = self.tables.entry(name.clone()).or_insert_with(|| rows().collect());
        let value = |row: &str| template.rows.get(row)?.value.as_ref();
        let Some(columns) = table.values().next().filter(|_| template.rows.keys().all(|row| value(row).is_some()))
        else {
            return (name, None);
        };
        let is_same = |column: &&String| table.iter().all(|(row, columns)| columns.get(*column) == value(row));
        let column = columns.keys().find(is_same).cloned().unwrap_or_else(|| {
            free_name(if template.has_buckets() { BUCKET } else { VALUE }, |name| columns.contains_key(name))
        });
        for (row, columns) in table {
            columns.extend(value(row).map(|value| (column.clone(), value.clone())));
        }
        (name, Some(column))
    }
}

/// The name, or the first free one with a number.
pub(super) fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}{number}"));
    [name.to_owned()].into_iter().chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

impl PolicyTemplate {
    /// Its name with that of the table for the placeholder.
    pub(super) fn plain_name(&self) -> String {
        self.name.replace(&placeholder(&self.table), &self.table)
    }

    /// The templates of users and groups: one for each row, with the word of the row in its name.
    fn principals(&self, holders: &BTreeMap<Principal, PolicyName>) -> Vec<PrincipalTemplate> {
        let rows: BTreeMap<&PolicyName, &str> =
            self.policies.iter().map(|(row, policy)| (policy, row.as_str())).collect();
        let mut found: BTreeMap<(&str, String), BTreeMap<&str, &Principal>> = BTreeMap::new();
        for (principal, policy) in holders.iter().filter(|(principal, _)| is_plain(principal.name())) {
            if let Some(row) = rows.get(policy)
                && let Some(name) = marked(principal.name(), row, ROW)
            {
                found.entry((principal.kind(), name)).or_default().insert(row, principal);
            }
        }
        found.retain(|_, principals| principals.len() == self.policies.len());
        let template = |((kind, name), principals): ((&str, String), BTreeMap<&str, &Principal>)| PrincipalTemplate {
            section: if kind == "group" { "groups" } else { "users" },
            name: with_values(&name, &placeholder(&self.table), ""),
            table: self.table.clone(),
            policy: self.name.clone(),
            principals: principals.into_values().cloned().collect(),
        };
        found.into_iter().map(template).collect()
    }
}
