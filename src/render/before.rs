//! The way back: what a plan touches, as it was, in the form of a desired-state file.
//!
//! Applying that file is the way back, with no machinery of its own.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

use crate::base::{PolicyName, Principal, Severity, file_name, visible};
use crate::desired::{ClusterSettings, Destination, Strategy, Via};
use crate::observed::{Body, Observed};
use crate::plan::{Change, ChangeKind, Plan, Touched};
use crate::policy::{self, Catalogue, Depth, LintInput};

/// The files of a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The name of the desired-state file.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The documents, by their paths beside it.
    pub documents: BTreeMap<String, String>,
    /// Whether it declares nothing, so that applying it would do nothing.
    pub is_empty: bool,
    /// What a file cannot declare, in sentences.
    pub left_out: Vec<String>,
}

/// What a way back is made of, beside what was observed.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// How the cluster is reached.
    pub cluster: &'a ClusterSettings,
    /// The cluster that the command line names instead, if any.
    pub instead: Option<&'a str>,
    /// Where new secrets go.
    pub credentials: Option<&'a Destination>,
    /// The directory that relative paths are relative to.
    pub directory: &'a Path,
    /// Where the file will be.
    pub state_dir: &'a Path,
}

/// Makes the files by which what `plan` touches can be made again what was `observed`.
#[must_use]
pub fn before(plan: &Plan, observed: &Observed, settings: Settings<'_>, catalogue: &Catalogue) -> Before {
    let stem = format!("before-{}", plan.digest.short());
    let leftovers = plan.changes.iter().flat_map(leftovers).collect();
    let (documents, unsaid, lost) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    let mut maker = Maker { observed, catalogue, stem: stem.clone(), leftovers, documents, unsaid, lost };
    let touched = plan.touched();
    let mut table = Table::new();
    table.insert("cluster".into(), Value::Table(cluster(&settings, &observed.identity.tenant)));
    let policies = maker.policies(&touched);
    let users = maker.principals(&touched, |who| who.user().is_some());
    let groups = maker.principals(&touched, |who| who.group().is_some());
    let is_empty = policies.is_empty() && users.is_empty() && groups.is_empty();
    // Who had a policy has keys, so that none are made when it gets that back. Should some be made all the same, they are kept.
    let fallback = Destination::File { dir: settings.state_dir.join("secrets") };
    let attaches = users.values().any(|entry| entry.get("policy").is_some());
    if let Some(destination) = settings.credentials.or(attaches.then_some(&fallback)) {
        table.insert("credentials".into(), Value::Table(credentials(destination, settings.directory)));
    }
    table.insert("policies".into(), Value::Table(policies));
    table.insert("users".into(), Value::Table(users));
    if !groups.is_empty() {
        table.insert("groups".into(), Value::Table(groups));
    }
    let body = toml::to_string(&table).unwrap_or_default();
    let text = format!("{}{body}", head(plan, &maker.unsaid));
    Before { name: format!("{stem}.toml"), text, documents: maker.documents, is_empty, left_out: maker.unsaid }
}

fn head(plan: &Plan, unsaid: &[String]) -> String {
    let mut text = format!(
        "# What plan {} touches on cluster {} (tenant {}), as it was before.\n\
         # To go back, apply this file. It names nothing else, and so changes nothing else.\n",
        plan.digest.short(),
        one_line(&plan.identity.name),
        one_line(&plan.identity.tenant),
    );
    for line in unsaid {
        text += &format!("# {}\n", one_line(line));
    }
    text.push('\n');
    text
}

/// A comment ends with its line.
fn one_line(text: &str) -> Cow<'_, str> {
    visible(text)
}

fn cluster(settings: &Settings<'_>, tenant: &str) -> Table {
    let mut table = Table::new();
    let endpoint = |text: &str, directory: &Path| match text.strip_prefix("sim:") {
        Some(path) => format!("sim:{}", settings.directory.join(directory).join(path).display()),
        None => text.to_owned(),
    };
    let endpoints: Vec<Value> = match settings.instead {
        Some(instead) => vec![endpoint(instead, Path::new("")).into()],
        None => settings.cluster.endpoints.iter().map(|at| endpoint(&at.text, &at.directory).into()).collect(),
    };
    table.insert("endpoints".into(), endpoints.into());
    table.insert("tenant".into(), tenant.into());
    if let Some(file) = &settings.cluster.ca_file {
        table.insert("ca_file".into(), shown(&settings.directory.join(file)).into());
    }
    if let Some(digits) = &settings.cluster.fingerprint {
        table.insert("fingerprint".into(), format!("sha256:{digits}").into());
    }
    if settings.cluster.via == Via::Weka {
        table.insert("via".into(), "weka".into());
    }
    if let Some(release) = &settings.cluster.release {
        table.insert("release".into(), release.to_string().into());
    }
    if settings.cluster.replace == Strategy::Gap {
        table.insert("replace".into(), "gap".into());
    }
    table
}

fn credentials(destination: &Destination, directory: &Path) -> Table {
    let dir = |dir: &Path| ("dir".to_owned(), Value::from(shown(&directory.join(dir))));
    Table::from_iter(match destination {
        Destination::Age { recipients, dir: to } => {
            let recipients: Vec<String> = recipients.iter().map(ToString::to_string).collect();
            vec![("age".to_owned(), recipients.into()), dir(to)]
        }
        Destination::File { dir: to } => vec![("file".to_owned(), true.into()), dir(to)],
        Destination::Command { program, arguments } => {
            // A name without a path is looked for in `PATH`.
            let named = program.components().count() == 1;
            let program = if named { program.clone() } else { directory.join(program) };
            let words = [shown(&program)].into_iter().chain(arguments.iter().map(ToString::to_string));
            vec![("command".to_owned(), words.collect::<Vec<String>>().into())]
        }
    })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The temporary policies that an interrupted run left behind and the plan removes, with the policies that they count as.
fn leftovers(change: &Change) -> Vec<(&PolicyName, &PolicyName)> {
    match &change.kind {
        ChangeKind::ReplacePolicy { policy, leftovers, .. } | ChangeKind::RemovePolicy { policy, leftovers, .. } => {
            leftovers.iter().map(|leftover| (leftover, policy)).collect()
        }
        ChangeKind::AddPolicy { .. }
        | ChangeKind::Attach { .. }
        | ChangeKind::Move { .. }
        | ChangeKind::Detach { .. } => Vec::new(),
    }
}

struct Maker<'a> {
    observed: &'a Observed,
    catalogue: &'a Catalogue,
    stem: String,
    /// The policies that temporary policies count as.
    leftovers: BTreeMap<&'a PolicyName, &'a PolicyName>,
    documents: BTreeMap<String, String>,
    /// What cannot be said in a file.
    unsaid: Vec<String>,
    /// The policies that cannot be made again.
    lost: BTreeSet<PolicyName>,
}

impl<'a> Maker<'a> {
    fn policies(&mut self, touched: &Touched<'_>) -> Table {
        let names: BTreeSet<&PolicyName> = touched.policies.iter().map(|policy| self.counts_as(policy)).collect();
        let names: Vec<PolicyName> = names.into_iter().filter(|policy| is_declarable(policy)).cloned().collect();
        // The first temporary policy of each.
        let mut temporary: BTreeMap<PolicyName, &Body> = BTreeMap::new();
        for (leftover, policy) in self.leftovers.iter().rev() {
            if let Some(body) = self.observed.policies.get(*leftover) {
                temporary.insert((*policy).clone(), body);
            }
        }
        let mut table = Table::new();
        for policy in names.iter().filter(|policy| !policy.is_predefined()) {
            // The document that it gives access by: its own, or that of its temporary policy.
            let body = self.observed.policies.get(policy).or_else(|| temporary.get(policy).copied());
            match body.map(|body| body.text().map(str::to_owned)) {
                Some(Some(text)) => {
                    if let Some(entry) = self.present(policy, text) {
                        table.insert(policy.as_str().to_owned(), entry.into());
                    }
                }
                Some(None) => {
                    self.unsaid.push(format!("policy {policy}: its document was not read, so it is left out"));
                    self.lost.insert(policy.clone());
                }
                None => {
                    table.insert(policy.as_str().to_owned(), Table::from_iter([("absent".into(), true.into())]).into());
                }
            }
        }
        table
    }

    fn present(&mut self, policy: &PolicyName, text: String) -> Option<Table> {
        let path = format!("{}/{}.json", self.stem, file_name(policy.as_str()));
        let read = policy::read(&text);
        let mut entry = Table::from_iter([("document".to_owned(), Value::from(path.clone()))]);
        let mut allow = read.document.as_ref().map(|document| self.broken_rules(document)).unwrap_or_default();
        allow.extend(read.problems.iter().map(|problem| problem.rule.id.to_owned()));
        allow.sort();
        allow.dedup();
        if !allow.is_empty() {
            entry.insert("lint".into(), Table::from_iter([("allow".to_owned(), Value::from(allow))]).into());
        }
        let declarable =
            read.document.is_some() && !read.problems.iter().any(|problem| problem.severity == Severity::Error);
        self.documents.insert(path.clone(), text);
        if declarable {
            return Some(entry);
        }
        self.lost.insert(policy.clone());
        self.unsaid.push(format!(
            "policy {policy}: no file can declare its document, which is kept in {path}: add it by hand"
        ));
        None
    }

    /// The rules that a document breaks: it was there, and must be let be there again.
    fn broken_rules(&self, document: &policy::Document) -> Vec<String> {
        let input = LintInput { document, catalogue: self.catalogue, text_length: None, depth: Depth::Quick };
        policy::lint(&input).into_iter().map(|lint| lint.rule.id.to_owned()).collect()
    }

    /// The entries of users or of groups. A user that is not there any more has none.
    fn principals(&mut self, touched: &Touched<'_>, is_of_kind: fn(&Principal) -> bool) -> Table {
        let users = &self.observed.users;
        let known = |who: &&Principal| who.user().is_none_or(|user| users.contains_key(user));
        let of_kind = touched.principals.iter().filter(|who| is_of_kind(who)).filter(known);
        of_kind.filter_map(|who| self.holder(who)).collect()
    }

    /// What a user or group had. A policy that did not exist gave nothing: who had its name goes back to nothing.
    fn holder(&mut self, principal: &Principal) -> Option<(String, Value)> {
        let observed = self.observed;
        let attached = observed.held_by(principal).map(|attached| (attached, self.counts_as(attached)));
        let entry = match attached {
            Some((_, policy)) if !is_declarable(policy) => {
                self.unsaid.push(format!(
                    "{principal} had `{policy}` attached, which no configuration can declare: it is left out; attach it by hand"
                ));
                return None;
            }
            Some((_, policy)) if self.lost.contains(policy) => {
                self.unsaid.push(format!("{principal} had `{policy}`, which is left out: it is left out as well"));
                return None;
            }
            Some((attached, policy)) if observed.policies.contains_key(attached) => {
                ("policy".to_owned(), Value::from(policy.as_str()))
            }
            Some((_, policy)) => {
                self.unsaid.push(format!("{principal} had `{policy}`, which did not exist, and so no access"));
                ("detached".to_owned(), true.into())
            }
            None => ("detached".to_owned(), true.into()),
        };
        Some((principal.name().to_owned(), Value::Table(Table::from_iter([entry]))))
    }

    /// The policy that a name counts as.
    fn counts_as<'n>(&self, name: &'n PolicyName) -> &'n PolicyName
    where
        'a: 'n,
    {
        self.leftovers.get(name).copied().unwrap_or(name)
    }
}

/// Whether a configuration can declare a policy of this name, or name it where it says who has which.
fn is_declarable(policy: &PolicyName) -> bool {
    policy.addressable().is_ok() && !policy.as_str().starts_with(PolicyName::TEMPORARY_PREFIX)
}
