//! The sections that only the main file may have: `[cluster]`, `[ownership]`, `[drift]` and the others.

use std::path::Path;

use time::{Date, Month};

use super::credentials::destination;
use super::guards::{Guards, patterns};
use super::lint::Allowed;
use super::raw::{RawCluster, RawDrift, RawFile, RawIgnore, RawOwnership, RawStrategy, RawVia};
use super::spanned::At;
use super::{ClusterSettings, Desired, Endpoint, Ownership, Strategy, Via, codes};
use crate::base::{FileId, Finding, Location, NamePattern, Release};

/// Reads the settings of the main file. `directory` is the directory of that file.
pub(super) fn settings(raw: &RawFile, file: FileId, directory: &Path, findings: &mut Vec<Finding>) -> Desired {
    let cluster = raw.cluster.as_ref().map(|cluster| cluster_settings(cluster.get(), file, directory, findings));
    let ownership = raw.ownership.as_ref().map(|raw| ownership(raw.get(), file, findings));
    let guards = raw.guards.as_ref().map(|guards| Guards::read(guards, file, findings));
    let ignores = raw.drift.as_ref().map(|drift| ignores(drift.get(), file, findings));
    let credentials = raw.credentials.as_ref();
    Desired {
        directory: directory.to_path_buf(),
        cluster: cluster.unwrap_or_default(),
        ownership: ownership.unwrap_or_default(),
        guards: guards.unwrap_or_default(),
        ignores: ignores.unwrap_or_default(),
        lint: Allowed::read(raw.lint.as_ref().map(At::get), file, findings),
        credentials: credentials.and_then(|credentials| destination(credentials, file, directory, findings)),
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
                .help("write its numbers, such as `5.1`, or remove the key: then attune asks the cluster"),
        );
    }
    release
}

fn fingerprint(text: &At<String>, file: FileId, findings: &mut Vec<Finding>) -> Option<String> {
    let digits = text.get().strip_prefix("sha256:").map(|digits| digits.replace(':', "").to_lowercase());
    let digits = digits.filter(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if digits.is_none() {
        findings.push(
            Finding::error(codes::BAD_FINGERPRINT, format!("`{}` is not a fingerprint", text.get()))
                .at(Location { file, span: text.span() })
                .help("write `sha256:` and the 64 hexadecimal digits of the SHA-256 of the certificate (DER)"),
        );
    }
    digits
}

fn ownership(raw: &RawOwnership, file: FileId, findings: &mut Vec<Finding>) -> Ownership {
    Ownership {
        policies: patterns(&raw.policies, file, findings),
        users: patterns(&raw.users, file, findings),
        groups: patterns(&raw.groups, file, findings),
    }
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

/// The text is no pattern of objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a pattern of objects: write `user/NAME`, `group/NAME` or `policy/NAME`; `*` matches any run of characters, `?` one"
)]
pub struct NoObjects(String);

impl std::str::FromStr for Ignore {
    type Err = NoObjects;

    /// Reads a pattern of objects for one run, such as `user/svc-*`.
    fn from_str(text: &str) -> Result<Self, NoObjects> {
        let name = ["policy/", "user/", "group/"].iter().find_map(|kind| text.strip_prefix(kind));
        let pattern = text.parse().ok().filter(|_| name.is_some_and(|name| !name.is_empty()));
        let pattern = pattern.ok_or_else(|| NoObjects(text.to_owned()))?;
        Ok(Self { pattern, reason: "ignored on the command line".to_owned(), until: None, at: None })
    }
}

impl Ignore {
    /// The pattern, as written.
    #[must_use]
    pub fn object(&self) -> &str {
        self.pattern.as_str()
    }

    /// Whether the entry covers an object, such as `user/alice`.
    #[must_use]
    pub fn covers(&self, object: &str) -> bool {
        self.pattern.matches(object)
    }

    /// Whether the last day has passed.
    #[must_use]
    pub fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

fn ignores(raw: &RawDrift, file: FileId, findings: &mut Vec<Finding>) -> Vec<Ignore> {
    raw.ignore.iter().filter_map(|entry| ignore(entry, file, findings)).collect()
}

/// Reads one entry. An entry that lacks a part is a finding, and ignores nothing.
fn ignore(entry: &At<RawIgnore>, file: FileId, findings: &mut Vec<Finding>) -> Option<Ignore> {
    let at = Location { file, span: entry.span() };
    let RawIgnore { object, reason, until } = entry.get();
    let mut bad = |message: String, at: Location, help: &str| {
        findings.push(Finding::error(codes::BAD_IGNORE, message).at(at).help(help));
        None
    };
    let missing = |key: &str| format!("the entry of `[[drift.ignore]]` has no `{key}`");
    let objects = match object.as_ref().map(|text| (text, text.get().parse::<Ignore>())) {
        Some((_, Ok(objects))) => Some(objects),
        Some((text, Err(problem))) => {
            let span = Location { file, span: text.span() };
            bad(problem.to_string(), span, "for example `object = \"user/svc-*\"`")
        }
        None => bad(missing("object"), at.clone(), "add `object = \"user/NAME\"`"),
    };
    let reason = reason.as_ref().map(|reason| reason.get().trim()).filter(|reason| !reason.is_empty());
    if reason.is_none() {
        bad(missing("reason"), at.clone(), "add `reason = \"…\"`: reports show it");
    }
    let until = match until.as_ref().map(|text| (text, day(&text.get().0))) {
        Some((_, Some(day))) => Some(day),
        Some((text, None)) => {
            let span = Location { file, span: text.span() };
            bad(format!("`{}` is not a day", text.get().0), span, "write a day as `2030-12-31`, without a time");
            None
        }
        None => {
            bad(missing("until"), at.clone(), "add `until = 2030-12-31`: the last day on which drift is ignored");
            None
        }
    };
    Some(Ignore { reason: reason?.to_owned(), until: Some(until?), at: Some(at), ..objects? })
}

/// Reads a day as TOML writes it.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = parts.next().is_none() && (year.len(), month.len(), day.len()) == (4, 2, 2);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_objects_of_one_kind() {
        let ignore: Ignore = "user/svc-*".parse().unwrap();
        assert!(ignore.covers("user/svc-a") && !ignore.covers("group/svc-a") && !ignore.covers("user/svc"));
        let odd: Ignore = "policy/a[1]".parse().unwrap();
        assert!(odd.covers("policy/a[1]") && odd.covers("policy/a1"));
        for text in ["svc-*", "user/", "*/svc", "users/a", "user/[", ""] {
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
