//! The settings of a configuration and the options of a run, as text: for a review of changed ones, and for the digest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{CannedPolicy, NamePattern, NamePatterns, PolicyName};
use crate::desired::{
    BucketIntent, DeclaredAttachment, Desired, Destination, Expectation, Limit, Moment, PolicyIntent, Schedule,
    Strategy, Via,
};
use crate::policy::Catalogue;
use crate::policy::access::RuleList;

use super::change::ChangeId;
use super::only::Only;

/// The changes of a configuration beside its declared objects, compared with the trusted revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    /// The objects that only the base declares: policies, then users, then groups, each in the order of their names.
    pub undeclared: Vec<Undeclared>,
    /// The settings that differ, in the order of their names.
    pub settings: Vec<SettingChange>,
}

/// A policy, user or group that is no longer declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    /// The object.
    pub id: ChangeId,
    /// The declaration of the base.
    pub declared: BaseDeclaration,
    /// Whether `[ownership]` of the base covers it. If so, it is removed or detached; if not, it becomes unmanaged.
    pub owned: bool,
    /// The new name of a policy that the proposal renames.
    pub renamed_to: Option<PolicyName>,
}

/// A declaration of the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseDeclaration {
    /// A policy with a document.
    Present,
    /// A policy that is absent.
    Absent,
    /// A user or group that has this policy.
    Has(PolicyName),
    /// A user or group that has none.
    Detached,
    /// A bucket with a policy of this name.
    Canned(CannedPolicy),
    /// A bucket with a document of its own.
    BucketDocument,
}

/// A setting that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SettingChangeV1", deny_unknown_fields)]
pub struct SettingChange {
    /// Its name, such as `guards.max_removals`.
    pub name: String,
    /// Its value in the revision, as TOML; missing when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value in the configuration, as TOML; missing when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Review {
    /// The changes of a proposal against the base.
    pub fn of(base: &Desired, proposal: &Desired) -> Self {
        let [before, after] = [(base, proposal), (proposal, base)].map(|(own, other)| {
            let schedules = schedules(own, other);
            settings(own).into_iter().chain(schedules).collect()
        });
        let mut settings = changed(&before, &after);
        settings.extend(contract(base, proposal));
        Self { undeclared: undeclared(base, proposal), settings }
    }

    /// The same for a plan of a part. If something could not be read, nothing is known to be undeclared.
    #[must_use]
    pub fn of_part(mut self, only: &Only) -> Self {
        self.undeclared.retain(|of| only.unread().is_empty() && only.covers(&of.id));
        self
    }

    /// Whether the proposal only adds declarations and changes those that are there.
    pub fn is_empty(&self) -> bool {
        self.undeclared.is_empty() && self.settings.is_empty()
    }
}

fn undeclared(base: &Desired, proposal: &Desired) -> Vec<Undeclared> {
    let policies = base.policies.iter().filter(|(policy, _)| !proposal.policies.contains_key(*policy));
    let policies = policies.map(|(policy, entry)| Undeclared {
        id: ChangeId::Policy(policy.clone()),
        declared: match entry.intent {
            PolicyIntent::Present(_) => BaseDeclaration::Present,
            PolicyIntent::Absent => BaseDeclaration::Absent,
        },
        owned: base.ownership.covers_policy(policy),
        renamed_to: proposal.renames().find(|(_, old)| old.policy == *policy).map(|(to, _)| to.clone()),
    });
    let principals = base.principals().filter(|(principal, _)| proposal.entry(principal).is_none());
    let principals = principals.map(|(principal, entry)| Undeclared {
        declared: match &entry.intent {
            DeclaredAttachment::Has(policy) => BaseDeclaration::Has(policy.clone()),
            DeclaredAttachment::Detached | DeclaredAttachment::Revoked => BaseDeclaration::Detached,
        },
        owned: base.ownership.covers(&principal),
        renamed_to: None,
        id: ChangeId::Principal(principal),
    });
    let buckets = base.buckets.iter().filter(|(bucket, _)| !proposal.buckets.contains_key(*bucket));
    let buckets = buckets.map(|(bucket, entry)| Undeclared {
        declared: match &entry.intent {
            BucketIntent::Canned(canned) => BaseDeclaration::Canned(*canned),
            BucketIntent::Document(_) => BaseDeclaration::BucketDocument,
        },
        owned: base.ownership.covers_bucket(bucket),
        renamed_to: None,
        id: ChangeId::Bucket(bucket.clone()),
    });
    policies.chain(principals).chain(buckets).collect()
}

/// When the access of users and groups begins and ends, for those that the other configuration declares as well. Most changes of
/// it need no step now.
fn schedules<'a>(own: &'a Desired, other: &'a Desired) -> impl Iterator<Item = (String, String)> + 'a {
    let in_both = own.principals().filter(|(principal, _)| other.entry(principal).is_some());
    let scheduled = in_both
        .filter(|(principal, _)| own.schedules.contains_key(principal) || other.schedules.contains_key(principal));
    scheduled.flat_map(|(principal, entry)| {
        let of = match own.schedules.get(&principal) {
            Some(of) => schedule(of),
            None => attachment(&entry.intent).map(|policy| ("policy", policy)).into_iter().collect(),
        };
        let section = format!("{}s.{}", principal.kind(), key(principal.name()));
        of.into_iter().map(move |(name, value)| (format!("{section}.{name}"), value)).collect::<Vec<_>>()
    })
}

/// A schedule, by the keys of its entry.
pub(super) fn schedule(of: &Schedule) -> BTreeMap<&'static str, String> {
    let word = |other: &DeclaredAttachment| attachment(other).unwrap_or_else(|| text("detached"));
    let rows = [
        ("policy", attachment(&of.attachment)),
        ("from", of.from.map(|from| from.to_string())),
        ("before", of.from.map(|_| word(&of.before))),
        ("until", of.until.map(|until| until.to_string())),
        ("then", of.until.map(|_| word(&of.then))),
        ("revoke_keys", (of.then == DeclaredAttachment::Revoked).then(|| "true".to_owned())),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn attachment(of: &DeclaredAttachment) -> Option<String> {
    of.policy().map(|policy| text(policy.as_str()))
}

/// The expectations and envelopes that a proposal removes or changes. A new one only demands more, or allows less.
fn contract(base: &Desired, proposal: &Desired) -> Vec<SettingChange> {
    let change = |name: String, before: String, after: Option<String>| SettingChange {
        name,
        before: Some(text(&before)),
        after: after.as_deref().map(text),
    };
    let demanded = |of: &Expectation| format!("{}{}", of.text, if of.strict { " (strict)" } else { "" });
    let (expectations, envelopes) = (&proposal.expectations, &proposal.envelopes);
    let gone = base.expectations.iter().filter(|of| !expectations.iter().any(|other| other.demands_like(of)));
    let of_expectations = gone.map(|of| {
        let after = expectations.iter().find(|other| other.name == of.name);
        change(format!("expect.{}", key(&of.name)), demanded(of), after.map(demanded))
    });
    let gone = base.envelopes.iter().filter(|of| !envelopes.iter().any(|other| other.binds_like(of)));
    let of_envelopes = gone.map(|of| {
        let after = envelopes.iter().find(|other| other.name == of.name);
        change(format!("envelope.{}", key(&of.name)), of.text.clone(), after.map(|other| other.text.clone()))
    });
    of_expectations.chain(of_envelopes).collect()
}

fn changed(base: &BTreeMap<String, String>, proposal: &BTreeMap<String, String>) -> Vec<SettingChange> {
    let mut names: Vec<&String> = base.keys().chain(proposal.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differ = names.into_iter().filter(|name| base.get(*name) != proposal.get(*name));
    let change = |name: &String| SettingChange {
        name: name.clone(),
        before: base.get(name).cloned(),
        after: proposal.get(name).cloned(),
    };
    differ.map(change).collect()
}

/// A setting with its value as TOML writes it; `None` if it is not set.
type Row = (&'static str, Option<String>);

/// The settings of a configuration that are not the default, by their names, as TOML writes them. Unordered lists are sorted and
/// paths are relative to the configuration, so that the same settings are the same text everywhere.
pub(super) fn settings(desired: &Desired) -> BTreeMap<String, String> {
    let of = &desired.cluster;
    // The order of endpoints matters.
    let endpoints = of.endpoints.iter().map(|endpoint| without_login(&endpoint.text));
    let services = of.s3.endpoints.iter().map(|endpoint| without_login(&endpoint.text));
    let digits = |digits: &String| text(&format!("sha256:{digits}"));
    let rows: [Row; 14] = [
        ("required_version", desired.required_version.as_deref().map(text)),
        ("cluster.endpoints", list(endpoints)),
        ("cluster.tenant", of.tenant.as_deref().map(text)),
        ("cluster.tenants", sorted(of.tenants.iter().cloned())),
        ("cluster.ca_file", of.ca_file.as_ref().map(|path| text(&relative(desired, path)))),
        ("cluster.fingerprint", of.fingerprint.as_ref().map(digits)),
        ("cluster.s3_endpoints", list(services)),
        ("cluster.s3_ca_file", of.s3.ca_file.as_ref().map(|path| text(&relative(desired, path)))),
        ("cluster.s3_fingerprint", of.s3.fingerprint.as_ref().map(digits)),
        ("cluster.s3_region", of.s3.region.as_deref().map(text)),
        ("cluster.release", of.release.as_ref().map(|release| text(&release.to_string()))),
        ("cluster.via", (of.via == Via::Weka).then(|| text("weka"))),
        ("lint.allow", sorted(desired.lint.names())),
        ("drift.ignore", sorted(desired.ignores.iter().map(ignored))),
    ];
    let of_policies = desired.policies.iter().filter_map(|(policy, entry)| {
        Some((format!("policies.{}.lint.allow", key(policy.as_str())), sorted(entry.lint.names())?))
    });
    let of_buckets = desired.buckets.iter().filter_map(|(bucket, entry)| {
        Some((format!("buckets.{}.lint.allow", key(bucket.as_str())), sorted(entry.lint.names())?))
    });
    deciding(desired).into_iter().chain(set(rows)).chain(of_policies).chain(of_buckets).collect()
}

/// The settings that decide what an apply does, beside the cluster itself.
pub(super) fn deciding(desired: &Desired) -> BTreeMap<String, String> {
    let (guards, ownership) = (&desired.guards, &desired.ownership);
    let limits = |limits: &[Limit]| sorted(limits.iter().map(Limit::to_string));
    let names = |patterns: &NamePatterns| sorted(patterns.iter().map(NamePattern::as_str));
    let signed = guards.signed.as_ref();
    let rows: [Row; 18] = [
        ("guards.deny_new_access", guards.deny_new_access.then(|| "true".to_owned())),
        ("guards.max_removals", limits(&guards.max_removals)),
        ("guards.max_detached", limits(&guards.max_detached)),
        ("guards.protected_users", names(&guards.protected.users)),
        ("guards.protected_groups", names(&guards.protected.groups)),
        ("guards.protected_policies", names(&guards.protected.policies)),
        ("guards.max_buckets_closed", limits(&guards.max_buckets_closed)),
        ("guards.protected_buckets", names(&guards.protected.buckets)),
        ("guards.deny_public", guards.deny_public.then(|| "true".to_owned())),
        ("guards.approvals", signed.map(|of| of.people.to_string())),
        ("guards.allowed_signers", signed.map(|of| text(&relative(desired, &of.allowed_signers)))),
        ("roles", sorted(guards.roles.iter().map(PolicyName::to_string))),
        ("ownership.policies", names(&ownership.policies)),
        ("ownership.users", names(&ownership.users)),
        ("ownership.groups", names(&ownership.groups)),
        ("ownership.buckets", names(&ownership.buckets)),
        ("cluster.rules", desired.cluster.rules.as_ref().map(RuleList::to_toml)),
        ("cluster.replace", (desired.cluster.replace == Strategy::Gap).then(|| text("gap"))),
    ];
    set(rows).chain(set(credentials(desired))).collect()
}

fn set(rows: impl IntoIterator<Item = Row>) -> impl Iterator<Item = (String, String)> {
    rows.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

fn ignored(ignore: &crate::desired::Ignore) -> String {
    let until = ignore.until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!("{}{until}: {}", ignore.object(), ignore.reason)
}

fn relative(desired: &Desired, path: &Path) -> String {
    path.strip_prefix(&desired.directory).unwrap_or(path).display().to_string()
}

fn credentials(desired: &Desired) -> Vec<Row> {
    let dir = |dir: &Path| ("credentials.dir", Some(text(&relative(desired, dir))));
    match &desired.credentials {
        None => Vec::new(),
        Some(Destination::Age { recipients, dir: path }) => {
            vec![("credentials.age", sorted(recipients.iter().map(ToString::to_string))), dir(path)]
        }
        Some(Destination::File { dir: path }) => vec![dir(path), ("credentials.file", Some("true".to_owned()))],
        Some(Destination::Command { program, arguments }) => {
            let named = relative(desired, program);
            let is_of_path = program.components().count() == 1;
            // A program in the configuration's directory keeps a `/`, so that it is not one of `PATH`.
            let named = if is_of_path || named.contains('/') { named } else { format!("./{named}") };
            let words = [named].into_iter().chain(arguments.iter().map(ToString::to_string));
            vec![("credentials.command", list(words))]
        }
    }
}

/// The destination of new secrets as TOML writes it, such as `age = ["age1…"], dir = "secrets"`; `None` if there is none.
pub fn destination(desired: &Desired) -> Option<String> {
    let parts = credentials(desired).into_iter();
    let parts = parts.filter_map(|(name, value)| Some(format!("{} = {}", name.strip_prefix("credentials.")?, value?)));
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A list in the order of its values, each once.
fn sorted(values: impl IntoIterator<Item = impl Into<String>>) -> Option<String> {
    let values: BTreeSet<String> = values.into_iter().map(Into::into).collect();
    list(values)
}

fn list(values: impl IntoIterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.into_iter().map(|value| text(&value)).collect();
    (!values.is_empty()).then(|| format!("[{}]", values.join(", ")))
}

fn text(value: &str) -> String {
    toml::Value::from(value.replace(['\n', '\r'], " ")).to_string()
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if bare { name.to_owned() } else { text(name) }
}

/// An endpoint without a login, which may hold a password.
fn without_login(endpoint: &str) -> String {
    match (endpoint.split_once("://"), endpoint.rfind('@')) {
        (Some((scheme, _)), Some(at)) if at > scheme.len() => format!("{scheme}://…{}", &endpoint[at..]),
        (Some(_) | None, Some(_) | None) => endpoint.to_owned(),
    }
}

/// An option of the command line that decides the plan, beside the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanOption {
    /// Its name, such as `--override`.
    pub name: &'static str,
    /// Its value; for a file, the SHA-256 of its content.
    pub value: Option<String>,
}

pub(super) fn options(desired: &Desired, catalogue: &Catalogue, only: Option<&Only>) -> Vec<PlanOption> {
    let guards = &desired.guards;
    let with = |name: &'static str, value: String| PlanOption { name, value: Some(value) };
    let flag = |name: &'static str, is_given: bool| is_given.then_some(PlanOption { name, value: None });
    let mut options: Vec<PlanOption> = guards.overrides.iter().map(|by| with("--override", by.to_string())).collect();
    options.extend(desired.variables.iter().map(|(name, value)| with("--var", format!("{name}={value}"))));
    options.extend(guards.allow_access.iter().map(|agreed| with("--allow-access", agreed.to_string())));
    options.extend(catalogue.read_from().map(|hash| with("--catalogue", format!("sha256:{hash}"))));
    options.extend(only.iter().flat_map(|only| only.patterns()).map(|pattern| with("--only", pattern)));
    options.extend(flag("--deny-new-access", guards.deny_for_this_run));
    options.extend(flag("--insecure", desired.cluster.insecure));
    options.extend(flag("--expired", desired.only_expired));
    let given = desired.as_of.filter(|as_of| as_of.is_given);
    options.extend(given.map(|as_of| with("--now", Moment::Instant(as_of.at).to_string())));
    options.sort();
    options.dedup();
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::testing::desired;

    #[test]
    fn settings_are_the_same_text_wherever_they_are_and_in_whatever_order() {
        let one = desired(
            "[cluster]\nendpoints = [\"https://u:geheim@h:14000\"]\nca_file = \"ca.pem\"\n[guards]\nmax_removals = [5, \"10%\", 5]\n\
             protected_users = [\"b\", \"a\"]\n[credentials]\ncommand = [\"./store\", \"{user}\"]\n",
        );
        let found: Vec<String> = settings(&one).iter().map(|(name, value)| format!("{name} = {value}")).collect();
        assert_eq!(
            found,
            [
                "cluster.ca_file = \"ca.pem\"",
                "cluster.endpoints = [\"https://…@h:14000\"]",
                "credentials.command = [\"./store\", \"{user}\"]",
                "guards.max_removals = [\"10%\", \"5\"]",
                "guards.protected_users = [\"a\", \"b\"]",
            ]
        );
        let other = desired("[guards]\nmax_removals = [\"10%\", 5]\nprotected_users = [\"a\", \"b\", \"a\"]\n");
        assert_eq!(deciding(&other)["guards.max_removals"], deciding(&one)["guards.max_removals"]);
        assert_eq!(deciding(&other)["guards.protected_users"], deciding(&one)["guards.protected_users"]);
        let changes = Review::of(&one, &other).settings;
        assert_eq!(
            changes.iter().map(|change| change.name.as_str()).collect::<Vec<_>>(),
            ["cluster.ca_file", "cluster.endpoints", "credentials.command"]
        );
    }

    #[test]
    fn rules_are_a_name_a_list_or_a_table() {
        let rules = |text: &str| settings(&desired(&format!("[cluster]\nrules = {text}\n"))).remove("cluster.rules");
        assert_eq!(rules("'aws'").as_deref(), Some("\"aws\""));
        assert_eq!(rules("['aws', 'minio-2021']").as_deref(), Some("[\"aws\", \"minio-2021\"]"));
        let table = "{ like = \"minio-2021\", deny-of-versions = true }";
        assert_eq!(rules(table).as_deref(), Some(table));
    }
}
