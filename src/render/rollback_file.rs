//! The rollback file: a configuration with the objects of a plan as they were before it. To roll back, apply it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use toml::{Table, Value};

use crate::base::{BucketName, PolicyName, Principal, Severity, file_name, visible};
use crate::desired::{ClusterSettings, Destination, Endpoint, S3Settings, escaped};
use crate::observed::Observed;
use crate::plan::{Plan, Touched};
use crate::policy::{self, Catalogue, Depth, Lint, LintInput, Read};
use crate::render::json::time_text;

/// A rollback file, with its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackFile {
    /// The name of the file.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The documents, by their paths relative to the file.
    pub documents: BTreeMap<String, String>,
    /// Whether it declares nothing.
    pub is_empty: bool,
    /// The objects that it cannot restore, in sentences.
    pub left_out: Vec<String>,
}

/// The settings of a rollback file.
#[derive(Debug, Clone, Copy)]
pub struct RollbackSettings<'a> {
    /// The `[cluster]` of the configuration.
    pub cluster: &'a ClusterSettings,
    /// The cluster of the command line, which takes precedence.
    pub instead: Option<&'a str>,
    /// The destination of new secrets.
    pub credentials: Option<&'a Destination>,
    /// The directory of relative paths.
    pub directory: &'a Path,
    /// The directory of the rollback file.
    pub state_dir: &'a Path,
    /// The time of the apply.
    pub time: OffsetDateTime,
}

impl RollbackFile {
    /// The rollback file that restores the objects of `plan` to what was `observed`.
    pub fn of(plan: &Plan, observed: &Observed, settings: RollbackSettings<'_>, catalogue: &Catalogue) -> Self {
        let stem = format!("before-{}", plan.digest.short());
        let leftovers = plan.changes.iter().filter_map(|change| Some((change.id.policy()?, change.kind.leftovers())));
        let leftovers = leftovers.flat_map(|(of, some)| some.iter().map(move |leftover| (leftover, of))).collect();
        let (documents, left_out, lost) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        let mut writer = Writer { observed, catalogue, stem: stem.clone(), leftovers, documents, left_out, lost };
        let touched = plan.touched();
        let mut table = Table::new();
        let policies = writer.policies(&touched);
        let users = writer.attachments(&touched, |who| who.user().is_some());
        let groups = writer.attachments(&touched, |who| who.group().is_some());
        let buckets = writer.buckets(&touched);
        let is_empty = policies.is_empty() && users.is_empty() && groups.is_empty() && buckets.is_empty();
        // A user that had a policy has keys, so that the rollback creates none. If it does, their secrets have a destination.
        let fallback = Destination::File { dir: settings.state_dir.join("secrets") };
        let attaches = users.values().any(Value::is_str);
        if let Some(destination) = settings.credentials.or(attaches.then_some(&fallback)) {
            table.insert("credentials".into(), Value::Table(credentials(destination, settings.directory)));
        }
        table.insert("policies".into(), Value::Table(policies));
        table.insert("users".into(), Value::Table(users));
        if !groups.is_empty() {
            table.insert("groups".into(), Value::Table(groups));
        }
        if !buckets.is_empty() {
            table.insert("buckets".into(), Value::Table(buckets));
        }
        let cluster = absolute(&settings).to_toml(&observed.identity.tenant);
        let body = toml::to_string(&table).unwrap_or_default();
        let text = format!("{}[cluster]\n{cluster}\n{body}", head(plan, settings.time, &writer.left_out));
        let Writer { documents, left_out, .. } = writer;
        Self { name: format!("{stem}.toml"), text, documents, is_empty, left_out }
    }
}

fn head(plan: &Plan, time: OffsetDateTime, left_out: &[String]) -> String {
    let time = time_text(time);
    let mut text = format!(
        "# Rollback file of plan {} for cluster {} (tenant {}): its objects as they were at\n# {time}.\n\
         # To roll back, apply this file. It changes no other objects.\n",
        plan.digest.short(),
        visible(&plan.identity.name),
        visible(&plan.identity.tenant),
    );
    for line in left_out {
        text += &format!("# {}\n", visible(line));
    }
    text.push('\n');
    text
}

fn absolute(settings: &RollbackSettings<'_>) -> ClusterSettings {
    let absolute = |at: &Endpoint| match at.text.strip_prefix("sim:") {
        Some(path) => {
            let path = settings.directory.join(&at.directory).join(path);
            Endpoint { text: format!("sim:{}", path.display()), ..at.clone() }
        }
        None => at.clone(),
    };
    let endpoints = match settings.instead {
        Some(instead) => vec![absolute(&Endpoint { text: instead.to_owned(), directory: PathBuf::new(), at: None })],
        None => settings.cluster.endpoints.iter().map(absolute).collect(),
    };
    let ca_file = settings.cluster.ca_file.as_ref().map(|file| settings.directory.join(file));
    let s3_ca_file = settings.cluster.s3.ca_file.as_ref().map(|file| settings.directory.join(file));
    let s3 = S3Settings { ca_file: s3_ca_file, ..settings.cluster.s3.clone() };
    ClusterSettings { endpoints, ca_file, s3, ..settings.cluster.clone() }
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
            // A name without a directory is searched in `PATH`.
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

struct Writer<'a> {
    observed: &'a Observed,
    catalogue: &'a Catalogue,
    stem: String,
    leftovers: BTreeMap<&'a PolicyName, &'a PolicyName>,
    documents: BTreeMap<String, String>,
    left_out: Vec<String>,
    lost: BTreeSet<PolicyName>,
}

impl<'a> Writer<'a> {
    fn policies(&mut self, touched: &Touched<'_>) -> Table {
        let names: BTreeSet<&PolicyName> = touched.policies.iter().map(|policy| self.counts_as(policy)).collect();
        let names: Vec<PolicyName> = names.into_iter().filter(|policy| is_declarable(policy)).cloned().collect();
        let mut table = Table::new();
        for policy in names.iter().filter(|policy| !policy.is_predefined()) {
            // The effective document: its own, or that of its first temporary policy.
            let mut temporary = self.leftovers.iter().filter(|(_, of)| **of == policy).map(|(leftover, _)| *leftover);
            let body = self.observed.policies.get(policy);
            let body = body.or_else(|| temporary.find_map(|leftover| self.observed.policies.get(leftover)));
            match body.map(|body| body.text().map(str::to_owned)) {
                Some(Some(text)) => {
                    if let Some(entry) = self.present(policy, &text) {
                        table.insert(escaped(policy.as_str()).into_owned(), entry.into());
                    }
                }
                Some(None) => {
                    self.left_out.push(format!("policy {policy} is left out: attune did not read its document"));
                    self.lost.insert(policy.clone());
                }
                None => {
                    let absent = Table::from_iter([("absent".into(), true.into())]);
                    table.insert(escaped(policy.as_str()).into_owned(), absent.into());
                }
            }
        }
        table
    }

    fn present(&mut self, policy: &PolicyName, text: &str) -> Option<Table> {
        let path = format!("{}/{}.json", self.stem, file_name(policy.as_str()));
        let entry = self.document(&path, text, &policy::read(text), policy::lint);
        if entry.is_none() {
            self.lost.insert(policy.clone());
            self.left_out.push(format!(
                "policy {policy} is left out: no configuration can declare its document. It is in {path}: add it by hand"
            ));
        }
        entry
    }

    /// Keeps a document, and declares it in an entry that suppresses the rules that it breaks; `None` if no configuration can.
    fn document(
        &mut self,
        path: &str,
        text: &str,
        read: &Read,
        lint: impl Fn(&LintInput<'_>) -> Vec<Lint>,
    ) -> Option<Table> {
        self.documents.insert(path.to_owned(), escaped(text).into_owned());
        let document = read.document.as_ref()?;
        if read.problems.iter().any(|problem| problem.severity == Severity::Error) {
            return None;
        }
        let input = LintInput { document, catalogue: self.catalogue, text_length: None, depth: Depth::Quick };
        let (problems, lints) = (read.problems.iter(), lint(&input));
        let rules = problems.map(|problem| problem.rule).chain(lints.into_iter().map(|lint| lint.rule));
        Some(entry(path, rules.map(|rule| rule.id.to_owned()).collect()))
    }

    fn buckets(&mut self, touched: &Touched<'_>) -> Table {
        let mut table = Table::new();
        for bucket in &touched.buckets {
            let Some(policy) = self.observed.buckets.get(bucket) else { continue };
            let entry = match (policy.canned, policy.document.text()) {
                (Some(canned), _) => Some(Table::from_iter([("policy".to_owned(), canned.as_str().into())])),
                (None, Some(text)) => self.bucket_document(bucket, text),
                (None, None) => None,
            };
            match entry {
                Some(entry) => _ = table.insert(bucket.to_string(), entry.into()),
                None => self.left_out.push(format!(
                    "bucket {bucket} is left out: no configuration can declare its policy. It is in {}: set it by hand",
                    self.bucket_path(bucket)
                )),
            }
        }
        table
    }

    fn bucket_path(&self, bucket: &BucketName) -> String {
        format!("{}/bucket-{}.json", self.stem, file_name(bucket.as_str()))
    }

    fn bucket_document(&mut self, bucket: &BucketName, text: &str) -> Option<Table> {
        let mut read = policy::read_bucket_policy(text);
        read.problems.retain(|problem| !policy::is_principal_note(problem));
        let entry = self.document(&self.bucket_path(bucket), text, &read, |input| policy::lint_bucket(input, bucket));
        entry.filter(|_| bucket.addressable().is_ok())
    }

    fn attachments(&mut self, touched: &Touched<'_>, is_of_kind: fn(&Principal) -> bool) -> Table {
        let users = &self.observed.users;
        let known = |who: &&Principal| who.user().is_none_or(|user| users.contains_key(user));
        let of_kind = touched.principals.iter().filter(|who| is_of_kind(who)).filter(known);
        of_kind.filter_map(|who| self.attachment(who)).collect()
    }

    /// The attachment of a user or group. A policy that did not exist gave no access: the rollback detaches it.
    fn attachment(&mut self, principal: &Principal) -> Option<(String, Value)> {
        let observed = self.observed;
        let attached = observed.attachment_of(principal).map(|attached| (attached, self.counts_as(attached)));
        match attached {
            Some((_, policy)) if !is_declarable(policy) => {
                self.left_out.push(format!(
                    "{principal} is left out: no configuration can declare its policy `{policy}`. Attach it by hand"
                ));
                return None;
            }
            Some((_, policy)) if self.lost.contains(policy) => {
                self.left_out.push(format!("{principal} is left out, because its policy `{policy}` is"));
                return None;
            }
            Some((attached, policy)) if observed.policies.contains_key(attached) => {
                return Some((escaped(principal.name()).into_owned(), escaped(policy.as_str()).into_owned().into()));
            }
            Some((_, policy)) => {
                self.left_out.push(format!(
                    "{principal} had no access, because its policy `{policy}` did not exist: the rollback detaches it"
                ));
            }
            None => {}
        }
        let detached = Table::from_iter([("detached".to_owned(), true.into())]);
        Some((escaped(principal.name()).into_owned(), Value::Table(detached)))
    }

    fn counts_as<'n>(&self, name: &'n PolicyName) -> &'n PolicyName
    where
        'a: 'n,
    {
        self.leftovers.get(name).copied().unwrap_or(name)
    }
}

/// The entry of a policy or bucket with this document, which breaks these rules.
fn entry(path: &str, mut broken: Vec<String>) -> Table {
    broken.sort();
    broken.dedup();
    let mut entry = Table::from_iter([("document".to_owned(), Value::from(path))]);
    if !broken.is_empty() {
        entry.insert("lint".into(), Table::from_iter([("allow".to_owned(), Value::from(broken))]).into());
    }
    entry
}

/// Whether a configuration can declare a policy of this name, or attach it.
fn is_declarable(policy: &PolicyName) -> bool {
    policy.addressable().is_ok() && !policy.as_str().starts_with(PolicyName::TEMPORARY_PREFIX)
}
