//! Makes the files that declare what a cluster told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, value};

use super::choose::Rest;
use super::look::Survey;
use super::statements::{statements, texts};
use super::{Adoption, Declared, MAIN, Selection, Style, codes};
use crate::base::{Finding, PolicyName, Principal, Severity, file_name, file_name_without_capitals, visible};
use crate::desired::{ClusterSettings, Strategy, Via, form};
use crate::policy::{self, Catalogue, Depth, Document, LintInput};

/// Makes the files. `reached` is how the file says the cluster is reached, with paths relative to the file itself.
#[must_use]
pub fn adopt(survey: &Survey, selection: &Selection, style: Style, reached: &ClusterSettings) -> Adoption {
    let mut rest = Rest::default();
    survey.idle_patterns(selection, &mut rest);
    survey.other_policies(selection, &mut rest);
    let mut maker = Maker {
        style,
        catalogues: [Catalogue::of(&survey.identity.release), Catalogue::newest()],
        documents: BTreeMap::new(),
        policies: BTreeMap::new(),
        findings: Vec::new(),
    };
    let policies = maker.policies(survey, selection);
    let declared = survey.holders(selection, &mut rest);
    let mut file = DocumentMut::new();
    file.decor_mut().set_prefix(head(survey));
    file.insert("cluster", Item::Table(cluster(reached, &survey.identity.tenant)));
    file.insert("policies", Item::Table(policies));
    file.insert("users", Item::Table(holders(&declared, |who| who.user().is_some())));
    file.insert("groups", Item::Table(holders(&declared, |who| who.group().is_some())));
    let text = file.to_string();
    rest.findings.extend(maker.findings);
    rest.findings.sort_by_key(|finding| (finding.severity, finding.code));
    Adoption {
        text: form(MAIN, &text).unwrap_or(text),
        documents: maker.documents,
        policies: maker.policies,
        holders: declared,
        left_out: rest.left_out,
        findings: rest.findings,
    }
}

fn head(survey: &Survey) -> String {
    // A comment ends with its line.
    let (cluster, tenant) = (visible(&survey.identity.name), visible(&survey.identity.tenant));
    format!("# Who may do what over S3 on cluster {cluster} (tenant {tenant}), as `attune import` found it.\n\n")
}

fn cluster(reached: &ClusterSettings, tenant: &str) -> Table {
    let mut table = Table::new();
    let endpoints: Vec<&str> = reached.endpoints.iter().map(|endpoint| endpoint.text.as_str()).collect();
    if !endpoints.is_empty() {
        table.insert("endpoints", value(texts(&endpoints)));
    }
    table.insert("tenant", value(tenant));
    let shown = |path: &Path| value(path.display().to_string());
    if let Some(file) = &reached.ca_file {
        table.insert("ca_file", shown(file));
    }
    if let Some(digits) = &reached.fingerprint {
        table.insert("fingerprint", value(format!("sha256:{digits}")));
    }
    match reached.via {
        Via::Weka => _ = table.insert("via", value("weka")),
        Via::Rest => {}
    }
    if let Some(release) = &reached.release {
        table.insert("release", value(release.to_string()));
    }
    match reached.replace {
        Strategy::Gap => _ = table.insert("replace", value("gap")),
        Strategy::Swap => {}
    }
    table
}

fn holders(declared: &BTreeMap<Principal, PolicyName>, of_kind: impl Fn(&Principal) -> bool) -> Table {
    let mut table = sections();
    for (who, policy) in declared.iter().filter(|(who, _)| of_kind(who)) {
        let mut entry = Table::new();
        entry.insert("policy", value(policy.as_str()));
        table.insert(who.name(), Item::Table(entry));
    }
    table
}

/// A table that has no line of its own, only its entries have.
fn sections() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

struct Maker {
    style: Style,
    /// The actions that a plan and those that a check without a cluster holds documents against.
    catalogues: [Catalogue; 2],
    documents: BTreeMap<String, String>,
    policies: BTreeMap<PolicyName, Declared>,
    findings: Vec<Finding>,
}

impl Maker {
    fn policies(&mut self, survey: &Survey, selection: &Selection) -> Table {
        let mut table = sections();
        let wanted = survey.declarable_policies(selection);
        let paths = paths(&wanted);
        for name in &wanted {
            let Some(Some(told)) = survey.policies.get(name) else { continue };
            match policy::reviewed(told) {
                Ok((text, document)) => {
                    let path = paths.get(name).cloned().unwrap_or_default();
                    table.insert(name.as_str(), Item::Table(self.policy(name, path, text, &document)));
                }
                Err(why) => {
                    let message = format!("no file can declare the document of policy `{name}`: {why}; left out");
                    let help =
                        "attune leaves it alone; add it by hand to have it replaced by a document that can be declared";
                    self.findings.push(Finding::warning(codes::UNDECLARABLE_DOCUMENT, message).help(help));
                }
            }
        }
        table
    }

    fn policy(&mut self, name: &PolicyName, path: String, text: String, document: &Document) -> Table {
        let mut entry = Table::new();
        let inline = match self.style {
            Style::Files => None,
            Style::Inline => statements(document),
        };
        let allowed = self.broken_rules(document);
        let place = match inline {
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
        if let (Some(path), Style::Inline) = (&place, self.style) {
            let message =
                format!("the document of policy `{name}` has parts that statements in the file have no words for");
            self.findings.push(Finding::note(codes::NOT_INLINE, format!("{message}; it is in {path}")));
        }
        if !allowed.is_empty() {
            let mut lint = Table::new();
            lint.insert("allow", value(texts(&allowed)));
            entry.insert("lint", Item::Table(lint));
            let message = format!("the document of policy `{name}` breaks rules: {}", allowed.join(", "));
            self.findings.push(Finding::warning(codes::BROKEN_RULES, message).help(
                "the file allows it to, since it is there; `attune policy lint` on the document says what is wrong",
            ));
        }
        self.policies.insert(name.clone(), Declared { document: place, allowed });
        entry
    }

    /// The rules that a plan, or a check of the file, would stop at.
    fn broken_rules(&self, document: &Document) -> Vec<&'static str> {
        let broken =
            |catalogue| policy::lint(&LintInput { document, catalogue, text_length: None, depth: Depth::Quick });
        let rules: BTreeSet<&'static str> = self
            .catalogues
            .iter()
            .flat_map(broken)
            .filter(|lint| lint.severity == Severity::Error)
            .map(|lint| lint.rule.code.id)
            .collect();
        rules.into_iter().collect()
    }
}

/// The files of the documents: another for each policy, on every file system.
fn paths(names: &BTreeSet<PolicyName>) -> BTreeMap<&PolicyName, String> {
    let folded = |name: &PolicyName| file_name(name.as_str()).to_lowercase();
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *alike.entry(folded(name)).or_default() += 1;
    }
    let path = |name: &PolicyName| match alike.get(&folded(name)) {
        Some(2..) => file_name_without_capitals(name.as_str()),
        Some(_) | None => file_name(name.as_str()),
    };
    names.iter().map(|name| (name, format!("policies/{}.json", path(name)))).collect()
}
