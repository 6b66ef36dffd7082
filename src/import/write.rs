//! Writes the configuration that declares the contents of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, value};

use super::adopt::{broken_rules, catalogues, suppress};
use super::buckets;
use super::fold::Declared;
use super::tables::{Folded, PolicyTemplate, folded, free_name};
use super::{
    DocumentStyle, Import, ImportStyle, ImportedPolicy, ImportedTemplate, Inventory, MAIN_FILE, SCHEMA_FILE, Selection,
    codes,
};
use crate::base::{Finding, PolicyName, Principal, file_name, file_name_without_capitals, visible};
use crate::desired::{
    ClusterSettings, SCHEMA, escaped, format_toml, implicit_table, inline_statements, inline_template,
};
use crate::policy;

/// Writes the configuration. `connection` becomes `[cluster]`; its paths are relative to the main file.
pub fn import(
    inventory: &Inventory,
    selection: &Selection,
    style: ImportStyle,
    connection: &ClusterSettings,
) -> Import {
    let mut import = Import { files: [(SCHEMA_FILE.to_owned(), SCHEMA.to_owned())].into(), ..Import::default() };
    inventory.unused_patterns(selection, &mut import);
    inventory.other_policies(selection, &mut import);
    inventory.declare_holders(selection, &mut import);
    let declared = declared(inventory, selection, &mut import.findings);
    buckets::declare(inventory, selection, &catalogues(&inventory.identity.release), &mut import);
    let folded = if style.templates { folded(&declared, &import.holders) } else { Folded::default() };
    let policies = Writer { style: style.documents, import: &mut import }.all_policies(&declared, &folded);
    let holders = |of_kind: fn(&Principal) -> bool| holder_table(&import.holders, &folded, of_kind);
    let mut file = DocumentMut::new();
    file.decor_mut().set_prefix(head(inventory));
    for (section, table) in [
        ("cluster", connection.to_toml(&inventory.identity.tenant)),
        ("tables", row_tables(&folded)),
        ("policies", policies),
        ("users", holders(|principal| principal.user().is_some())),
        ("groups", holders(|principal| principal.group().is_some())),
        ("buckets", buckets::table(&import.buckets)),
    ] {
        file.insert(section, Item::Table(table));
    }
    let text = file.to_string();
    import.text = format_toml(MAIN_FILE, &text).unwrap_or(text);
    import.findings.sort_by_key(|finding| (finding.severity, finding.code));
    import.templates = style.templates.then(|| imported_templates(&folded));
    import
}

fn head(inventory: &Inventory) -> String {
    let (cluster, tenant) = (visible(&inventory.identity.name), visible(&inventory.identity.tenant));
    format!(
        "#:schema ./{SCHEMA_FILE}\n# The S3 access of cluster {cluster} (tenant {tenant}), written by `attune import`.\n\n"
    )
}

fn imported_templates(folded: &Folded) -> Vec<ImportedTemplate> {
    let imported = |section, name: &String, entries| ImportedTemplate { section, name: name.clone(), entries };
    let policies = folded.policies.iter().map(|of| imported("policies", &of.name, of.policies.len()));
    let principals = folded.principals.iter().map(|of| imported(of.section, &of.name, of.principals.len()));
    policies.chain(principals).collect()
}

fn row_tables(folded: &Folded) -> Table {
    let mut tables = implicit_table();
    for (name, rows) in &folded.tables {
        let mut table = Table::new();
        for (row, columns) in rows {
            let columns: InlineTable = columns.iter().map(|(column, text)| (column.as_str(), text.as_str())).collect();
            table.insert(row, value(columns));
        }
        tables.insert(name, Item::Table(table));
    }
    tables
}

fn holder_table(
    declared: &BTreeMap<Principal, PolicyName>,
    folded: &Folded,
    of_kind: impl Fn(&Principal) -> bool,
) -> Table {
    let mut table = implicit_table();
    let is_made =
        |principal: &Principal| folded.principals.iter().any(|template| template.principals.contains(principal));
    for (principal, policy) in declared.iter().filter(|(principal, _)| of_kind(principal) && !is_made(principal)) {
        table.insert(&escaped(principal.name()), value(escaped(policy.as_str()).as_ref()));
    }
    let templates = folded.principals.iter().filter(|template| template.principals.iter().all(&of_kind));
    for template in templates {
        let mut entry = Table::new();
        entry.insert("each", value(&template.table));
        entry.insert("policy", value(&template.policy));
        table.insert(&template.name, Item::Table(entry));
    }
    table
}

/// The policies to declare. Reports those that no configuration can declare.
fn declared<'a>(inventory: &'a Inventory, selection: &Selection, findings: &mut Vec<Finding>) -> Vec<Declared<'a>> {
    let selected = inventory.declarable_policies(selection);
    let paths = paths(&selected);
    let catalogues = catalogues(&inventory.identity.release);
    let mut declared = Vec::new();
    for (name, reported) in &inventory.policies {
        let (Some(path), Some(reported)) = (paths.get(name), reported) else { continue };
        match policy::reviewed(reported) {
            Ok((text, document)) => {
                let allowed = broken_rules(&document, &catalogues, policy::lint);
                declared.push(Declared { name, path: path.clone(), text, document, allowed });
            }
            Err(why) => {
                let message = format!("cannot declare the document of policy `{name}`: {why}; left out");
                let help = "the policy stays as it is; to replace it, declare it by hand with a valid document";
                findings.push(Finding::warning(codes::UNDECLARABLE_DOCUMENT, message).help(help));
            }
        }
    }
    declared
}

struct Writer<'a> {
    style: DocumentStyle,
    import: &'a mut Import,
}

impl Writer<'_> {
    fn all_policies(&mut self, declared: &[Declared<'_>], folded: &Folded) -> Table {
        let is_inline = self.style == DocumentStyle::Inline;
        let mut table = implicit_table();
        let made: BTreeMap<&PolicyName, &PolicyTemplate> =
            folded.policies.iter().flat_map(|of| of.policies.values().map(move |policy| (policy, of))).collect();
        for of in declared.iter().filter(|of| !made.contains_key(of.name)) {
            let text = escaped(&of.text).into_owned();
            let statements = inline_statements(&of.document).filter(|_| is_inline);
            let what = format!("policy `{}`", of.name);
            let (entry, policy) = self.entry(&what, statements, &of.path, text, &of.allowed);
            table.insert(&escaped(of.name.as_str()), Item::Table(entry));
            self.import.policies.insert(of.name.clone(), policy);
        }
        for template in &folded.policies {
            let allowed = declared.iter().find(|of| template.policies.values().any(|name| name == of.name));
            let allowed = allowed.map(|of| of.allowed.as_slice()).unwrap_or_default();
            let path = self.free_path(&template.plain_name());
            let text = policy::file_text(&template.document);
            let text = text.unwrap_or_else(|| policy::normal(&template.document).json().to_owned());
            let statements = inline_template(&template.document).filter(|_| is_inline);
            let what = format!("the template `{}`", template.name);
            let (mut entry, policy) = self.entry(&what, statements, &path, text, allowed);
            entry.insert("each", value(&template.table));
            entry.set_implicit(false);
            table.insert(&template.name, Item::Table(entry));
            self.import.policies.extend(template.policies.values().map(|name| (name.clone(), policy.clone())));
        }
        table
    }

    /// The path for a document of this name, which no other document has, even on a file system that ignores case.
    fn free_path(&self, name: &str) -> String {
        let taken: BTreeSet<String> = self.import.files.keys().map(|path| path.to_lowercase()).collect();
        let path = |name: &str| format!("policies/{}.json", file_name(name));
        path(&free_name(name, |name| taken.contains(&path(name).to_lowercase())))
    }

    /// An entry of a policy, and what is said about it.
    fn entry(
        &mut self,
        what: &str,
        statements: Option<ArrayOfTables>,
        path: &str,
        text: String,
        allowed: &[&'static str],
    ) -> (Table, ImportedPolicy) {
        let mut entry = Table::new();
        let file = match statements {
            Some(statements) => {
                entry.set_implicit(true);
                entry.insert("statement", Item::ArrayOfTables(statements));
                None
            }
            None => {
                entry.insert("document", value(path));
                self.import.files.insert(path.to_owned(), text);
                Some(path.to_owned())
            }
        };
        if let (Some(path), DocumentStyle::Inline) = (&file, self.style) {
            let message = format!("inline statements cannot express the document of {what}; it is in {path}");
            self.import.findings.push(Finding::note(codes::NOT_INLINE, message));
        }
        suppress(allowed, &mut entry);
        if !allowed.is_empty() {
            let message = format!("the document of {what} breaks rules: {}", allowed.join(", "));
            self.import.findings.push(
                Finding::warning(codes::BROKEN_RULES, message).help(
                    "the configuration suppresses these rules for this policy; `attune policy lint` explains them",
                ),
            );
        }
        (entry, ImportedPolicy { document: file, allowed: allowed.to_vec() })
    }
}

/// The path of each document. The paths differ even on a file system that ignores case.
fn paths(names: &BTreeSet<PolicyName>) -> BTreeMap<&PolicyName, String> {
    let folded = |name: &PolicyName| file_name(name.as_str()).to_lowercase();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(folded(name)).or_default() += 1;
    }
    let path = |name: &PolicyName| match counts.get(&folded(name)) {
        Some(2..) => file_name_without_capitals(name.as_str()),
        Some(_) | None => file_name(name.as_str()),
    };
    names.iter().map(|name| (name, format!("policies/{}.json", path(name)))).collect()
}
