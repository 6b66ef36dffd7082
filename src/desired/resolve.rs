//! Turns the sections that only the main file holds into what is valid, and says why where that cannot be done.

use std::path::Path;

use super::at::At;
use super::credentials::destination;
use super::drift::ignores;
use super::raw::{RawCluster, RawFile, RawOwnership, RawStrategy, RawVia};
use super::{Allowed, ClusterSettings, Desired, Endpoint, Guards, Ownership, Strategy, Via, codes};
use crate::base::{FileId, Finding, Location, NamePattern, NamePatterns, Release};

/// What the main file says beside policies, users and groups.
pub(super) fn settings(raw: &RawFile, file: FileId, directory: &Path, findings: &mut Vec<Finding>) -> Desired {
    Desired {
        directory: directory.to_path_buf(),
        cluster: (raw.cluster.as_ref())
            .map(|cluster| cluster_settings(cluster.get(), file, directory, findings))
            .unwrap_or_default(),
        ownership: (raw.ownership.as_ref())
            .map(|ownership| ownership_of(ownership.get(), file, findings))
            .unwrap_or_default(),
        guards: raw.guards.as_ref().map(|guards| Guards::read(guards, file, findings)).unwrap_or_default(),
        ignores: raw.drift.as_ref().map(|drift| ignores(drift.get(), file, findings)).unwrap_or_default(),
        lint: Allowed::read(raw.lint.as_ref().map(At::get), file, findings),
        credentials: raw
            .credentials
            .as_ref()
            .and_then(|credentials| destination(credentials, file, directory, findings)),
        ..Desired::default()
    }
}

fn cluster_settings(raw: &RawCluster, file: FileId, directory: &Path, findings: &mut Vec<Finding>) -> ClusterSettings {
    let endpoint = |text: &At<String>| Endpoint {
        text: text.get().clone(),
        directory: directory.to_path_buf(),
        at: Some(Location { file, span: text.span() }),
    };
    ClusterSettings {
        endpoints: raw.endpoints.iter().map(endpoint).collect(),
        tenant: raw.tenant.as_ref().map(|tenant| tenant.get().clone()),
        ca_file: raw.ca_file.as_ref().map(|path| directory.join(path.get())),
        fingerprint: raw.fingerprint.as_ref().and_then(|text| fingerprint(text, file, findings)),
        via: match raw.via {
            Some(RawVia::Weka) => Via::Weka,
            Some(RawVia::Rest) | None => Via::Rest,
        },
        release: raw.release.as_ref().and_then(|text| release(text, file, findings)),
        replace: match raw.replace {
            Some(RawStrategy::Gap) => Strategy::Gap,
            Some(RawStrategy::Swap) | None => Strategy::Swap,
        },
        insecure: false,
    }
}

fn release(text: &At<String>, file: FileId, findings: &mut Vec<Finding>) -> Option<Release> {
    let release = Release::parse(text.get());
    if release.is_none() {
        findings.push(
            Finding::error(codes::BAD_RELEASE, format!("`{}` is not a release", text.get()))
                .at(Location { file, span: text.span() })
                .help("write its numbers, such as `5.1`; without it the cluster is asked"),
        );
    }
    release
}

fn fingerprint(text: &At<String>, file: FileId, findings: &mut Vec<Finding>) -> Option<String> {
    let digits = text.get().strip_prefix("sha256:").map(|digits| digits.replace(':', "").to_lowercase());
    let digits = digits.filter(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if digits.is_none() {
        let message = format!("`{}` is not a fingerprint", text.get());
        findings.push(
            Finding::error(codes::BAD_FINGERPRINT, message)
                .at(Location { file, span: text.span() })
                .help("write `sha256:` and the 64 hexadecimal digits of the SHA-256 of the certificate (DER)"),
        );
    }
    digits
}

fn ownership_of(raw: &RawOwnership, file: FileId, findings: &mut Vec<Finding>) -> Ownership {
    let policies = patterns(&raw.policies, file, findings);
    let users = patterns(&raw.users, file, findings);
    let groups = patterns(&raw.groups, file, findings);
    Ownership { policies, users, groups }
}

/// Reads patterns of names. A text that is none is a finding.
pub(super) fn patterns(texts: &[At<String>], file: FileId, findings: &mut Vec<Finding>) -> NamePatterns {
    let pattern = |text: &At<String>| match text.get().parse::<NamePattern>() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            findings.push(
                Finding::error(codes::BAD_PATTERN, format!("`{}` is not a pattern: {error}", text.get()))
                    .at(Location { file, span: text.span() })
                    .help("`*` stands for any run of characters, `?` for one"),
            );
            None
        }
    };
    texts.iter().filter_map(pattern).collect()
}
