//! An access review as CSV: a row for each user or group, place and request. `docs/report.md` has the columns.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::json::{CanV1, RequestLineV1};
use super::phrase::{exceptions, pattern};
use crate::base::visible;
use crate::observed::Identity;
use crate::policy::Kind;
use crate::policy::access::{RequestKind, Side};
use crate::report::Reviewed;

const COLUMNS: &str = "cluster,tenant,kind,name,policy,bucket,objects,request,access,conditions,except,rules,state";

/// The columns without the last one.
type Row = Vec<String>;

/// Writes what users and groups can do on the cluster, in the configuration, or in both.
pub fn access_review(
    out: &mut dyn Write,
    of: Option<&Identity>,
    cluster: Option<&[Reviewed]>,
    configuration: Option<&[Reviewed]>,
) -> io::Result<()> {
    let mut principals: BTreeMap<(&str, &str), [Option<&Reviewed>; 2]> = BTreeMap::new();
    for (side, all) in [cluster, configuration].into_iter().enumerate() {
        for reviewed in all.into_iter().flatten() {
            let of = &reviewed.principal;
            principals.entry((of.kind(), of.name())).or_default()[side] = Some(reviewed);
        }
    }
    writeln!(out, "{COLUMNS}")?;
    for sides in principals.values() {
        let [cluster, configuration] =
            sides.map(|side| side.into_iter().flat_map(|side| rows_of(side, of)).collect::<BTreeSet<Row>>());
        for row in cluster.union(&configuration) {
            let place = match (cluster.contains(row), configuration.contains(row)) {
                (true, true) => "both",
                (true, false) => "cluster",
                (false, _) => "configuration",
            };
            let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
            writeln!(out, "{},{place}", cells.join(","))?;
        }
    }
    Ok(())
}

fn rows_of(reviewed: &Reviewed, of: Option<&Identity>) -> Vec<Row> {
    let (kind, name) = (reviewed.principal.kind(), reviewed.principal.name());
    let (cluster, tenant) = of.map_or(("", ""), |of| (of.name.as_str(), of.tenant.as_str()));
    let policy = reviewed.policy.as_ref().map(ToString::to_string).unwrap_or_default();
    let row = |place: &str, request: &str, access: &str, [conditions, except, rules]: [String; 3]| -> Row {
        let (bucket, objects) = split(place, request);
        let fixed = [cluster, tenant, kind, name, &policy, bucket, objects, request, access].map(str::to_owned);
        fixed.into_iter().chain([conditions, except, rules]).collect()
    };
    let none = || [const { String::new() }; 3];
    let Some(can) = reviewed.can.as_ref().map(CanV1::of) else { return vec![row("", "", "unknown", none())] };
    let mut rows = Vec::new();
    for line in &can.requests {
        let access = if line.conditions.is_empty() { "allowed" } else { "conditional" };
        rows.extend(line.requests.iter().map(|request| row(&line.pattern, request, access, limits(line))));
    }
    for open in &can.undecided {
        let limits = || [String::new(), String::new(), open.rules.join(" ")];
        rows.extend(open.requests.iter().map(|request| row(&open.pattern, request, "undecided", limits())));
    }
    if rows.is_empty() {
        rows.push(row("", "", "none", none()));
    }
    rows
}

/// Conditions, exceptions and rules of a line.
fn limits(line: &RequestLineV1) -> [String; 3] {
    let plain = |text: &str| text.to_owned();
    let within = line.within.iter().map(|one| format!("the resource is also {}", pattern(one, plain)));
    let conditions: Vec<String> = within.chain(line.conditions.iter().cloned()).collect();
    let except = exceptions(&line.except, &line.pattern, Side::Gained, plain);
    let except = except.strip_prefix(", except").unwrap_or(&except).trim_start().to_owned();
    [conditions.join(" and "), except, line.rules.join(" ")]
}

/// Bucket and objects of a pattern. A pattern without `/` is about all objects of the buckets.
fn split<'a>(pattern: &'a str, request: &str) -> (&'a str, &'a str) {
    let is_on_objects = RequestKind::of_word(request).is_some_and(|kind| kind.kind() == Kind::Object);
    match super::phrase::bare(pattern).split_once('/') {
        Some((bucket, objects)) => (bucket, objects),
        None => (super::phrase::bare(pattern), if is_on_objects { "*" } else { "" }),
    }
}

/// A text as a cell. A spreadsheet would take one that starts like a formula for a formula, so it gets an apostrophe first.
fn cell(text: &str) -> String {
    const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let text = visible(text);
    let is_formula = |text: &str| text.trim_start().starts_with(FORMULA);
    let apostrophe = if is_formula(&text) { "'" } else { "" };
    if text.contains([',', '"', ';', ' ', '\'']) || is_formula(&text) {
        return format!("\"{apostrophe}{}\"", text.replace('"', "\"\""));
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_line_quoted_and_no_formula() {
        for (text, expected) in [
            ("alice", "alice"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            (" =1", "\"' =1\""),
            ("＝1", "\"'＝1\""),
            ("\t=1", "\\t=1"),
            ("\r=1", "\\r=1"),
            ("a\nb", "a\\nb"),
            ("a;=1", "\"a;=1\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_pattern_has_a_bucket_and_objects() {
        for (pattern, request, expected) in [
            ("arn:aws:s3:::logs/2024/*", "read", ("logs", "2024/*")),
            ("arn:aws:s3:::logs", "list", ("logs", "")),
            ("arn:aws:s3:::logs*", "read", ("logs*", "*")),
            ("*", "read", ("*", "*")),
            ("*", "list", ("*", "")),
        ] {
            assert_eq!(split(pattern, request), expected, "{pattern} {request}");
        }
    }
}
