//! `[cluster]`: how to reach the cluster and its S3 service, and how documents are replaced.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::{Location, Release};
use crate::policy::access::{ALL_RULES, RuleList};

/// How to connect to the cluster and how to replace documents.
#[derive(Debug, Clone, Default)]
pub struct ClusterSettings {
    /// The management endpoints, as written.
    pub endpoints: Vec<Endpoint>,
    /// The tenant, if configured.
    pub tenant: Option<String>,
    /// The tenants that the configuration is for, if it is for several; only [`EVERY_TENANT`] for all of the cluster.
    pub tenants: Vec<String>,
    /// A PEM file with the certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// The SHA-256 of the certificate to trust, 64 hexadecimal digits in lower case.
    pub fingerprint: Option<String>,
    /// The S3 service of the cluster.
    pub s3: S3Settings,
    /// How to connect.
    pub via: Via,
    /// The release to assume instead of the one that the cluster reports.
    pub release: Option<Release>,
    /// The rules by which the cluster evaluates documents, if configured.
    pub rules: Option<RuleList>,
    /// How to replace documents.
    pub replace: Strategy,
    /// Trust any certificate. Only the command line can set this, for one run.
    pub insecure: bool,
}

/// How to reach the S3 service of a cluster.
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// Its addresses, as written.
    pub endpoints: Vec<Endpoint>,
    /// A PEM file with the certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// The SHA-256 of the certificate to trust, 64 hexadecimal digits in lower case.
    pub fingerprint: Option<String>,
    /// The region of signatures, if configured.
    pub region: Option<String>,
}

/// Stands for all tenants of a cluster.
pub const EVERY_TENANT: &str = "*";

/// What is wrong with a list of tenants.
pub fn tenants_problem(names: &[String]) -> Option<&'static str> {
    let distinct: BTreeSet<&String> = names.iter().collect();
    if names.iter().all(|name| name.trim().is_empty()) {
        Some("`tenants` names no tenant")
    } else if names.iter().any(|name| name.trim() != name || name.is_empty()) {
        Some("`tenants` has an empty name, or one with spaces around it")
    } else if distinct.len() < names.len() {
        Some("`tenants` names a tenant twice")
    } else if names.len() > 1 && names.iter().any(|name| name == EVERY_TENANT) {
        Some("`tenants` has `*`, which is all tenants, and others beside it")
    } else {
        None
    }
}

impl ClusterSettings {
    /// Whether the configuration is for a tenant of this name. A configuration without `tenants` is for any.
    pub fn is_for(&self, tenant: &str) -> bool {
        self.tenants.is_empty() || self.tenants.iter().any(|of| of == EVERY_TENANT || of == tenant)
    }

    /// The rules that count: all, if none are configured.
    pub fn rules(&self) -> &RuleList {
        self.rules.as_ref().unwrap_or(&ALL_RULES)
    }

    /// The table `[cluster]`, for this tenant. Defaults are left out.
    pub fn to_toml(&self, tenant: &str) -> toml_edit::Table {
        let mut table = toml_edit::Table::new();
        let mut insert = |key, value: Option<toml_edit::Value>| {
            if let Some(value) = value {
                table.insert(key, toml_edit::value(value));
            }
        };
        let texts = |endpoints: &[Endpoint]| {
            let texts: toml_edit::Array = endpoints.iter().map(|endpoint| endpoint.text.as_str()).collect();
            (!texts.is_empty()).then(|| texts.into())
        };
        insert("endpoints", texts(&self.endpoints));
        insert("tenant", Some(tenant.into()));
        insert("ca_file", self.ca_file.as_ref().map(|file| file.display().to_string().into()));
        insert("fingerprint", self.fingerprint.as_ref().map(|digits| format!("sha256:{digits}").into()));
        insert("s3_endpoints", texts(&self.s3.endpoints));
        insert("s3_ca_file", self.s3.ca_file.as_ref().map(|file| file.display().to_string().into()));
        insert("s3_fingerprint", self.s3.fingerprint.as_ref().map(|digits| format!("sha256:{digits}").into()));
        insert("s3_region", self.s3.region.as_deref().map(Into::into));
        insert("via", (self.via == Via::Weka).then(|| "weka".into()));
        insert("release", self.release.as_ref().map(|release| release.to_string().into()));
        insert("rules", self.rules.as_ref().and_then(|rules| rules.to_toml().parse().ok()));
        insert("replace", (self.replace == Strategy::Gap).then(|| "gap".into()));
        table
    }
}

/// How to connect to the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Over the REST API.
    #[default]
    Rest,
    /// With the `weka` command.
    Weka,
}

/// An endpoint as written; a path in it is relative to `directory`.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// A URL, or `sim:PATH`.
    pub text: String,
    /// The directory of its file.
    pub directory: PathBuf,
    /// Its place.
    pub at: Option<Location>,
}

/// How to replace the document of a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Without interruption: users have a temporary policy in between.
    #[default]
    Swap,
    /// With a short interruption: detach, remove, add, attach.
    Gap,
}
