//! Writes the configuration that declares the contents of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::select::Rest;
use super::{DocumentStyle, Import, ImportedPolicy, Inventory, MAIN_FILE, SCHEMA_FILE, Selection, codes};
use crate::base::{Finding, PolicyName, Principal, Release, Severity, file_name, file_name_without_capitals, visible};
use crate::desired::{ClusterSettings, SCHEMA, escaped, format_toml, inline_statements};
use crate::policy::{self, Catalogue, Depth, Document, LintInput};

/// Writes the configuration. `connection` becomes `[cluster]`; its paths are relative to the main file.
pub fn import(
    inventory: &Inventory,
    selection: &Selection,
    style: DocumentStyle,
    connection: &ClusterSettings,
) -> Import {
    let mut rest = Rest::default();
    inventory.unused_patterns(selection, &mut rest);
    inventory.other_policies(selection, &mut rest);
    let mut writer = Writer {
        style,
        catalogues: catalogues(&inventory.identity.release),
        documents: BTreeMap::new(),
        policies: BTreeMap::new(),
        findings: Vec::new(),
    };
    let policies = writer.policies(inventory, selection);
    let holders = inventory.declared_holders(selection, &mut rest);
    let mut file = DocumentMut::new();
    file.decor_mut().set_prefix(head(inventory));
    file.insert("cluster", Item::Table(connection.to_toml(&inventory.identity.tenant)));
    file.insert("policies", Item::Table(policies));
    file.insert("users", Item::Table(holder_table(&holders, |principal| principal.user().is_some())));
    file.insert("groups", Item::Table(holder_table(&holders, |principal| principal.group().is_some())));
    let text = file.to_string();
    rest.findings.extend(writer.findings);
    rest.findings.sort_by_key(|finding| (finding.severity, finding.code));
    Import {
        text: format_toml(MAIN_FILE, &text).unwrap_or(text),
        files: [(SCHEMA_FILE.to_owned(), SCHEMA.to_owned())].into_iter().chain(writer.documents).collect(),
        policies: writer.policies,
        holders,
        left_out: rest.left_out,
        findings: rest.findings,
    }
}

fn head(inventory: &Inventory) -> String {
    let (cluster, tenant) = (visible(&inventory.identity.name), visible(&inventory.identity.tenant));
    format!(
        "#:schema ./{SCHEMA_FILE}\n# The S3 access of cluster {cluster} (tenant {tenant}), written by `attune import`.\n\n"
    )
}

fn holder_table(declared: &BTreeMap<Principal, PolicyName>, of_kind: impl Fn(&Principal) -> bool) -> Table {
    let mut table = implicit_table();
    for (principal, policy) in declared.iter().filter(|(principal, _)| of_kind(principal)) {
        table.insert(&escaped(principal.name()), value(escaped(policy.as_str()).as_ref()));
    }
    table
}

/// A table without a header of its own: only its entries have headers.
fn implicit_table() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

struct Writer {
    style: DocumentStyle,
    catalogues: [Catalogue; 2],
    documents: BTreeMap<String, String>,
    policies: BTreeMap<PolicyName, ImportedPolicy>,
    findings: Vec<Finding>,
}

impl Writer {
    fn policies(&mut self, inventory: &Inventory, selection: &Selection) -> Table {
        let mut table = implicit_table();
        let selected = inventory.declarable_policies(selection);
        let paths = paths(&selected);
        for name in &selected {
            let Some(Some(reported)) = inventory.policies.get(name) else { continue };
            match policy::reviewed(reported) {
                Ok((text, document)) => {
                    let path = paths.get(name).cloned().unwrap_or_default();
                    let text = escaped(&text).into_owned();
                    table.insert(&escaped(name.as_str()), Item::Table(self.policy(name, path, text, &document)));
                }
                Err(why) => {
                    let message = format!("cannot declare the document of policy `{name}`: {why}; left out");
                    let help = "the policy stays as it is; to replace it, declare it by hand with a valid document";
                    self.findings.push(Finding::warning(codes::UNDECLARABLE_DOCUMENT, message).help(help));
                }
            }
        }
        table
    }

    fn policy(&mut self, name: &PolicyName, path: String, text: String, document: &Document) -> Table {
        let mut entry = Table::new();
        let inline = match self.style {
            DocumentStyle::Files => None,
            DocumentStyle::Inline => inline_statements(document),
        };
        let allowed = broken_rules(document, &self.catalogues);
        let file = match inline {
            Some(statements) => {
                entry.set_implicit(true);
                entry.insert("statement", Item::ArrayOfTables(statements));
                None
            }
            None => {
                entry.insert("document", value(&path));
                self.documents.insert(path.clone(), text);
                Some(path)
            }
        };
        if let (Some(path), DocumentStyle::Inline) = (&file, self.style) {
            let message = format!("inline statements cannot express the document of policy `{name}`; it is in {path}");
            self.findings.push(Finding::note(codes::NOT_INLINE, message));
        }
        if !allowed.is_empty() {
            let mut lint = Table::new();
            lint.insert("allow", value(array(&allowed)));
            entry.insert("lint", Item::Table(lint));
            let message = format!("the document of policy `{name}` breaks rules: {}", allowed.join(", "));
            self.findings.push(
                Finding::warning(codes::BROKEN_RULES, message).help(
                    "the configuration suppresses these rules for this policy; `attune policy lint` explains them",
                ),
            );
        }
        self.policies.insert(name.clone(), ImportedPolicy { document: file, allowed });
        entry
    }
}

/// The catalogues that a plan, and a validation without a cluster, check documents against.
pub(super) fn catalogues(release: &Release) -> [Catalogue; 2] {
    [Catalogue::of(release), Catalogue::newest()]
}

/// The rules that would block a plan, or a validation without a cluster.
pub(super) fn broken_rules(document: &Document, catalogues: &[Catalogue; 2]) -> Vec<&'static str> {
    let broken = |catalogue| policy::lint(&LintInput { document, catalogue, text_length: None, depth: Depth::Quick });
    let errors = catalogues.iter().flat_map(broken).filter(|lint| lint.severity == Severity::Error);
    let rules: BTreeSet<&'static str> = errors.map(|lint| lint.rule.code.id).collect();
    rules.into_iter().collect()
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

fn array<T: AsRef<str>>(texts: &[T]) -> Array {
    texts.iter().map(AsRef::as_ref).collect()
}
