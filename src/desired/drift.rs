//! What may differ between the cluster and the file without being told as drift, for a reason and until a day.

use time::{Date, Month};

use super::at::At;
use super::codes;
use super::raw::{RawDrift, RawIgnore};
use crate::base::{FileId, Finding, Location, NamePattern};

/// Objects whose drift is not told.
#[derive(Debug, Clone)]
pub struct Ignore {
    pattern: NamePattern,
    /// Why.
    pub reason: String,
    /// The last day (UTC) on which it holds; `None` on the command line, where it holds for one run.
    pub until: Option<Date>,
    /// Where it stands.
    pub at: Option<Location>,
}

/// A text names no objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no objects: write `user/NAME`, `group/NAME` or `policy/NAME`, where `*` stands for any run of characters and `?` for one"
)]
pub struct NoObjects(String);

impl std::str::FromStr for Ignore {
    type Err = NoObjects;

    /// Reads a pattern of objects, such as `user/svc-*`, for one run.
    fn from_str(text: &str) -> Result<Self, NoObjects> {
        let named = ["policy/", "user/", "group/"].iter().find_map(|kind| text.strip_prefix(kind));
        let pattern = text.parse().ok().filter(|_| named.is_some_and(|name| !name.is_empty()));
        let pattern = pattern.ok_or_else(|| NoObjects(text.to_owned()))?;
        Ok(Self { pattern, reason: "asked for on the command line".to_owned(), until: None, at: None })
    }
}

impl Ignore {
    /// The pattern, as written.
    #[must_use]
    pub fn object(&self) -> &str {
        self.pattern.as_str()
    }

    /// Whether it speaks of an object, such as `user/alice`. A name that is written out is meant as well, whatever signs it holds.
    #[must_use]
    pub fn covers(&self, object: &str) -> bool {
        self.pattern.matches(object)
    }

    /// Whether it no longer holds.
    #[must_use]
    pub fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

/// What `[drift]` says. An entry that lacks a part is a finding, and ignores nothing.
pub(super) fn ignores(raw: &RawDrift, file: FileId, findings: &mut Vec<Finding>) -> Vec<Ignore> {
    raw.ignore.iter().filter_map(|entry| ignore(entry, file, findings)).collect()
}

fn ignore(entry: &At<RawIgnore>, file: FileId, findings: &mut Vec<Finding>) -> Option<Ignore> {
    let at = Location { file, span: entry.span() };
    let raw = entry.get();
    let mut bad = |message: String, at: Location, help: &str| {
        findings.push(Finding::error(codes::BAD_IGNORE, message).at(at).help(help));
    };
    let read = |text: &At<String>| text.get().parse::<Ignore>();
    let objects = match raw.object.as_ref().map(|text| (text, read(text))) {
        Some((_, Ok(objects))) => Some(objects),
        Some((text, Err(problem))) => {
            let span = Location { file, span: text.span() };
            bad(problem.to_string(), span, "such as `object = \"user/svc-*\"`");
            None
        }
        None => {
            bad("nothing says what is ignored".to_owned(), at.clone(), "add `object = \"user/NAME\"`");
            None
        }
    };
    let reason = raw.reason.as_ref().map(|reason| reason.get().trim()).filter(|reason| !reason.is_empty());
    if reason.is_none() {
        let help = "add `reason = \"…\"`: whoever reads the report next year will ask";
        bad("nothing says why this drift is ignored".to_owned(), at.clone(), help);
    }
    let until = raw.until.as_ref().map(|until| (until, day(&until.get().0)));
    match &until {
        None => {
            let help = "add `until = 2030-12-31`: the last day on which it is ignored";
            bad("nothing says until when this drift is ignored".to_owned(), at.clone(), help);
        }
        Some((text, None)) => {
            let span = Location { file, span: text.span() };
            bad(format!("`{}` is no day", text.get().0), span, "write a day as `2030-12-31`, without a time");
        }
        Some((_, Some(_))) => {}
    }
    let until = Some(until?.1?);
    Some(Ignore { reason: reason?.to_owned(), until, at: Some(at), ..objects? })
}

/// A day as it is written in TOML.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && (year.len(), month.len(), day.len()) == (4, 2, 2);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok().filter(|_| whole)
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
    fn a_day_is_a_day_and_the_last_one_counts() {
        let until = day("2026-12-31");
        let ignore = Ignore { until, ..("user/a".parse().unwrap()) };
        assert!(!ignore.is_over(until.unwrap()) && ignore.is_over(day("2027-01-01").unwrap()));
        for text in ["2026-02-30", "2026-1-1", "2026-12-31T00:00:00Z", "12:00:00", "", "2026-12"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
