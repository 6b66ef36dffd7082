//! The sections that only the main file may have: `[cluster]`, `[ownership]`, `[drift]` and the others.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use time::Date;

use super::credentials::destination;
use super::guards::{Guards, patterns};
use super::lint::Allowed;
use super::raw::{RawCluster, RawFile, RawIgnore, RawRole};
use super::spanned::{At, Report, RuleNames};
use super::{
    ClusterSettings, Desired, EVERY_TENANT, Endpoint, Moment, ObjectPatterns, S3Settings, Via, codes, tenants_problem,
};
use crate::base::{Finding, Location, NamePattern, PolicyName, Release};
use crate::policy::access::RuleList;

/// Reads the settings of the main file. `directory` is the directory of that file.
pub(super) fn settings(raw: &RawFile, directory: &Path, report: &mut Report) -> Desired {
    let cluster = raw.cluster.as_ref().map(|cluster| cluster_settings(cluster.get(), directory, report));
    let ownership = raw.ownership.as_ref().map(|raw| ObjectPatterns {
        policies: patterns(&raw.get().policies, report),
        users: patterns(&raw.get().users, report),
        groups: patterns(&raw.get().groups, report),
        buckets: patterns(&raw.get().buckets, report),
    });
    let guards = raw.guards.as_ref().map(|guards| Guards::read(guards, directory, report)).unwrap_or_default();
    let guards = Guards { roles: roles(raw, report), ..guards };
    owned_buckets(raw, &guards, report);
    let ignores = raw.drift.iter().flat_map(|drift| &drift.get().ignore);
    Desired {
        directory: directory.to_path_buf(),
        required_version: raw.required_version.as_ref().map(|text| text.get().clone()),
        cluster: cluster.unwrap_or_default(),
        ownership: ownership.unwrap_or_default(),
        guards,
        ignores: ignores.filter_map(|entry| ignore(entry, report)).collect(),
        lint: Allowed::read(raw.lint.as_ref().map(At::get), report),
        credentials: raw.credentials.as_ref().and_then(|of| destination(of, directory, report)),
        ..Desired::default()
    }
}

/// Without a limit, one mistake in `[ownership]` closes every bucket.
fn owned_buckets(raw: &RawFile, guards: &Guards, report: &mut Report) {
    let owned = raw.ownership.as_ref().and_then(|of| of.get().buckets.first());
    if let Some(first) = owned.filter(|_| guards.max_buckets_closed.is_empty()) {
        let message = "`[ownership]` covers buckets, and no limit says how many one apply may close";
        let at = report.at(first.span());
        let help = "add `max_buckets_closed = 1` (or another limit) to `[guards]`";
        report.findings.push(Finding::warning(codes::OWNED_BUCKETS, message).at(at).help(help));
    }
}

fn cluster_settings(raw: &RawCluster, directory: &Path, report: &mut Report) -> ClusterSettings {
    let [endpoints, services] = [&raw.endpoints, &raw.s3_endpoints].map(|written| {
        let endpoint = |text: &At<String>| Endpoint {
            text: text.get().clone(),
            directory: directory.to_path_buf(),
            at: Some(report.at(text.span())),
        };
        written.iter().map(endpoint).collect()
    });
    ClusterSettings {
        endpoints,
        tenant: raw.tenant.as_ref().map(|tenant| tenant.get().clone()),
        tenants: tenants(raw, report),
        ca_file: raw.ca_file.as_ref().map(|path| directory.join(path.get())),
        fingerprint: raw.fingerprint.as_ref().and_then(|text| fingerprint(text, report)),
        s3: S3Settings {
            endpoints: services,
            ca_file: raw.s3_ca_file.as_ref().map(|path| directory.join(path.get())),
            fingerprint: raw.s3_fingerprint.as_ref().and_then(|text| fingerprint(text, report)),
            region: raw.s3_region.as_ref().map(|region| region.get().clone()),
        },
        via: raw.via.unwrap_or_default(),
        release: raw.release.as_ref().and_then(|text| release(text, report)),
        rules: raw.rules.as_ref().and_then(|names| rules(names, report)),
        replace: raw.replace.unwrap_or_default(),
        insecure: false,
    }
}

/// The names of `[roles]`: policies, which need not be declared or exist.
fn roles(raw: &RawFile, report: &mut Report) -> BTreeSet<PolicyName> {
    let help = "name the policy that an identity provider gives";
    let role = |(name, _): &(At<String>, RawRole)| report.name("policy", PolicyName::parse(name.get()), name, help);
    raw.roles.0.iter().filter_map(role).collect()
}

fn release(text: &At<String>, report: &mut Report) -> Option<Release> {
    let release = Release::parse(text.get());
    if release.is_none() {
        let help = "write its numbers, such as `5.1`, or remove the key: then attune asks the cluster";
        report.error(codes::BAD_RELEASE, text.span(), format!("`{}` is not a release", text.get()), help);
    }
    release
}

/// The tenants of a configuration for several; none if they cannot be used.
fn tenants(raw: &RawCluster, report: &mut Report) -> Vec<String> {
    let Some(written) = &raw.tenants else { return Vec::new() };
    let names: Vec<String> = written.get().iter().map(|name| name.get().clone()).collect();
    let problem = if raw.tenant.is_some() {
        Some("`tenant` and `tenants` exclude each other")
    } else if let Some(problem) = tenants_problem(&names) {
        Some(problem)
    } else if names == [EVERY_TENANT] && raw.via == Some(Via::Weka) {
        Some("`tenants = [\"*\"]` needs the REST API: attune does not know how the `weka` command lists tenants")
    } else {
        None
    };
    let Some(problem) = problem else { return names };
    let help = "name each tenant once: `tenants = [\"ml\", \"bio\"]`; `[\"*\"]` is all that the login may list";
    report.error(codes::BAD_TENANTS, written.span(), problem.to_owned(), help);
    Vec::new()
}

fn rules(names: &At<RuleNames>, report: &mut Report) -> Option<RuleList> {
    let bad = |problem: &String| {
        let help = "write `minio-2021`, `minio-2026` or `aws`, a list of these, or a table with `like` and answers";
        report.error(codes::BAD_RULES, names.span(), problem.clone(), help);
    };
    names.get().0.as_ref().map_err(bad).ok().cloned()
}

fn fingerprint(text: &At<String>, report: &mut Report) -> Option<String> {
    let digits = text.get().strip_prefix("sha256:").map(|digits| digits.replace(':', "").to_lowercase());
    let digits = digits.filter(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if digits.is_none() {
        let help = "write `sha256:` and the 64 hexadecimal digits of the SHA-256 of the certificate (DER)";
        report.error(codes::BAD_FINGERPRINT, text.span(), format!("`{}` is not a fingerprint", text.get()), help);
    }
    digits
}

/// An entry of `[[drift.ignore]]`: objects whose drift is not reported.
#[derive(Debug, Clone)]
pub struct Ignore {
    pattern: NamePattern,
    /// The reason.
    pub reason: String,
    /// The last day (UTC) of the entry. `None` on the command line, for one run.
    pub until: Option<Date>,
    /// The place of the entry.
    pub at: Option<Location>,
}

impl std::str::FromStr for Ignore {
    type Err = String;

    /// Reads a pattern of objects for one run, such as `user/svc-*`.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = ["policy/", "user/", "group/"].iter().find_map(|kind| text.strip_prefix(kind));
        let pattern = text.parse().ok().filter(|_| name.is_some_and(|name| !name.is_empty()));
        let pattern = pattern.ok_or_else(|| {
            format!(
                "`{text}` is not a pattern of objects: write `user/NAME`, `group/NAME` or `policy/NAME`; `*` matches any run \
                 of characters, `?` one"
            )
        })?;
        Ok(Self { pattern, reason: "ignored on the command line".to_owned(), until: None, at: None })
    }
}

impl Ignore {
    /// The pattern, as written.
    pub fn object(&self) -> &str {
        self.pattern.as_str()
    }

    /// Whether the entry covers an object, such as `user/alice`.
    pub fn covers(&self, object: &str) -> bool {
        self.pattern.matches(object)
    }

    /// Whether the last day has passed.
    pub fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

/// Reads one entry. An entry that lacks a part is a finding, and ignores nothing.
fn ignore(entry: &At<RawIgnore>, report: &mut Report) -> Option<Ignore> {
    let RawIgnore { object, reason, until } = entry.get();
    let at = report.at(entry.span());
    let mut bad = |span: Range<usize>, message: String, help: &str| {
        report.error(codes::BAD_IGNORE, span, message, help);
    };
    let objects = object.as_ref().and_then(|text| {
        let problem = |problem| bad(text.span(), problem, "for example `object = \"user/svc-*\"`");
        text.get().parse::<Ignore>().map_err(problem).ok()
    });
    let reason = reason.as_ref().map(|reason| reason.get().trim()).filter(|reason| !reason.is_empty());
    let day_of = until.as_ref().and_then(|text| day(&text.get().0));
    if let Some(text) = until.as_ref().filter(|_| day_of.is_none()) {
        bad(text.span(), format!("`{}` is not a day", text.get().0), "write a day as `2030-12-31`, without a time");
    }
    for (key, is_missing, help) in [
        ("object", object.is_none(), "add `object = \"user/NAME\"`"),
        ("reason", reason.is_none(), "add `reason = \"…\"`: reports show it"),
        ("until", until.is_none(), "add `until = 2030-12-31`: the last day on which drift is ignored"),
    ] {
        if is_missing {
            bad(entry.span(), format!("the entry of `[[drift.ignore]]` has no `{key}`"), help);
        }
    }
    Some(Ignore { reason: reason?.to_owned(), until: Some(day_of?), at: Some(at), ..objects? })
}

fn day(text: &str) -> Option<Date> {
    if let Ok(Moment::Day(day)) = text.parse() { Some(day) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_objects_of_one_kind() {
        let ignore: Ignore = "user/svc-*".parse().unwrap();
        assert!(ignore.covers("user/svc-a") && !ignore.covers("group/svc-a") && !ignore.covers("user/svc"));
        let odd: Ignore = "policy/a[1]".parse().unwrap();
        assert!(odd.covers("policy/a[1]") && !odd.covers("policy/a1"));
        for text in ["svc-*", "user/", "*/svc", "users/a", ""] {
            assert!(text.parse::<Ignore>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_last_day_of_an_entry_counts() {
        let until = day("2026-12-31");
        let ignore = Ignore { until, ..("user/a".parse().unwrap()) };
        assert!(!ignore.is_over(until.unwrap()) && ignore.is_over(day("2027-01-01").unwrap()));
        for text in ["2026-02-30", "2026-1-1", "2026-12-31T00:00:00Z", "12:00:00", "", "2026-12"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
