//! The access report for a terminal.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::wrapped;
use crate::base::list_some;
use crate::render::Styles;
use crate::render::json::{AttachmentV1, CellV1, PolicyReportV1, PrincipalV1, ReportV1, RowV1, ScopeV1};
use crate::render::phrase::{self, count, not_reported, shown};
use crate::report::{Class, Grade, Reach};

/// How many users and groups of one policy or row are named.
const NAMED: usize = 12;

/// Writes the report: expectations, access that ends, who can do what in which bucket, attachments, and sizes.
pub fn report(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    wrapped(out, styles, |out| {
        head(out, styles, report)?;
        expectations(out, styles, report)?;
        terms(out, styles, report)?;
        public(out, styles, report)?;
        matrix(out, styles, report)?;
        attachments(out, styles, report)?;
        policies(out, styles, report)?;
        match report.not_reported.as_slice() {
            [] => Ok(()),
            kinds => writeln!(out, "\nnot counted: {}", not_reported(kinds)),
        }
    })
}

fn title(out: &mut dyn Write, styles: &Styles, text: &str) -> io::Result<()> {
    writeln!(out, "\n{}", styles.strong.apply_to(text))
}

fn head(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    let of = match &report.cluster {
        Some(of) => format!("{}, tenant {}, WEKA {}", shown(&of.name), shown(&of.tenant), shown(&of.release)),
        None => "the configuration".to_owned(),
    };
    let scope = match (report.scope, &report.digest) {
        (ScopeV1::Cluster, _) => "the cluster as it is".to_owned(),
        (ScopeV1::Configuration, _) => "without the cluster".to_owned(),
        (ScopeV1::Both, None) => "the cluster before → after the plan".to_owned(),
        (ScopeV1::Both, Some(digest)) => format!("the cluster before → after the plan\nplan {}", shown(digest)),
    };
    writeln!(out, "{}\n{scope}", styles.strong.apply_to(format!("S3 access: {of}")))
}

fn expectations(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    let Some(counts) = phrase::expectations(&report.expectations) else { return Ok(()) };
    title(out, styles, &format!("expectations: {counts}"))?;
    let has_plan = report.scope == ScopeV1::Both;
    let (holding, failing): (Vec<_>, Vec<_>) = report.expectations.iter().partition(|of| of.holds);
    for of in failing.into_iter().chain(holding) {
        let style = if of.holds { &styles.add } else { &styles.remove };
        writeln!(out, "  {}: {}", style.apply_to(phrase::result(of, has_plan)), shown(&of.name))?;
        if let Some(proof) = phrase::proof(of, shown) {
            writeln!(out, "      {proof}")?;
        }
    }
    Ok(())
}

fn terms(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    if report.terms.is_empty() {
        return Ok(());
    }
    title(out, styles, "access that begins or ends")?;
    let mut terms: Vec<_> = report.terms.iter().collect();
    terms.sort_by_key(|of| (of.days.is_none(), of.days, &of.id));
    terms.into_iter().try_for_each(|of| {
        let when = phrase::term(of, shown).unwrap_or_default();
        writeln!(out, "  {}: {}, {when}", phrase::subject(of, shown), shown(&of.policy))
    })
}

/// Who can do what in which bucket: one block for those with the same access.
fn matrix(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    title(out, styles, "access by bucket (* is all other buckets)")?;
    if !report.attachments_known {
        return writeln!(out, "  the cluster does not report attachments over REST");
    }
    let (with, without): (Vec<&RowV1>, Vec<&RowV1>) = report.rows.iter().partition(|row| !row.cells.is_empty());
    for row in with {
        writeln!(out, "  {}", names(&row.principals))?;
        for cell in &row.cells {
            let words = cell_words(cell, report);
            writeln!(out, "      {}: {words}", shown(&cell.bucket))?;
        }
    }
    let without: Vec<PrincipalV1> = without.into_iter().flat_map(|row| row.principals.clone()).collect();
    match without.as_slice() {
        [] => Ok(()),
        some => writeln!(out, "  without access to any bucket: {}", names(some)),
    }
}

fn names(all: &[PrincipalV1]) -> String {
    list_some(all, NAMED, |of| match of.anonymous {
        Some(true) => "anonymous".to_owned(),
        Some(false) | None => phrase::who(of.user.as_deref(), of.group.as_deref(), shown),
    })
}

/// The buckets that let in requests without a login.
fn public(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    let Some(buckets) = &report.public_buckets else { return Ok(()) };
    title(out, styles, "buckets that everyone can use without a login")?;
    if buckets.is_empty() {
        return writeln!(out, "  none");
    }
    buckets.iter().try_for_each(|of| {
        let text = sides(report.scope, [&of.before, &of.after].map(|side| phrase::public(side.as_ref(), shown)));
        writeln!(out, "  {}: {text}", shown(&of.bucket))
    })
}

/// A value before and after, as far as the report covers them.
fn sides(scope: ScopeV1, [before, after]: [String; 2]) -> String {
    match scope {
        ScopeV1::Cluster => before,
        ScopeV1::Configuration => after,
        ScopeV1::Both if before == after => after,
        ScopeV1::Both => format!("{before} → {after}"),
    }
}

/// The access to a bucket by the leading rules, before and after if it changes; and by the others if they disagree.
fn cell_words(cell: &CellV1, report: &ReportV1) -> String {
    let none = || "none".to_owned();
    let both = |grades: [Option<Grade>; 2]| {
        let counts = grades.iter().any(Option::is_some);
        counts.then(|| sides(report.scope, grades.map(|grade| grade.map_or_else(none, grade_words))))
    };
    match (both([cell.before.aws, cell.after.aws]), both([cell.before.minio, cell.after.minio])) {
        (Some(aws), Some(minio)) if aws != minio => format!("{minio} by MinIO rules; {aws} by AWS rules"),
        (_, Some(minio)) => minio,
        (aws, None) => aws.unwrap_or_else(none),
    }
}

fn grade_words(grade: Grade) -> String {
    let classes = [(Class::Read, "read"), (Class::Write, "write"), (Class::Admin, "admin")];
    let word = |(class, name): (Class, &str)| {
        let reach = match grade.reach(class) {
            Reach::None => return None,
            Reach::Depends => "depends",
            Reach::Part => "part",
            Reach::All => "all",
            Reach::Unknown => "unknown",
        };
        Some(format!("{name} {reach}"))
    };
    let words: Vec<String> = classes.into_iter().filter_map(word).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// The policies with their users and groups. Those without a policy come last.
fn attachments(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    if !report.attachments_known {
        return Ok(());
    }
    title(out, styles, "attachments")?;
    let mut of_policy: BTreeMap<(bool, &str), Vec<String>> = BTreeMap::new();
    for who in &report.principals {
        let (policy, text) = attachment(who, report.scope);
        of_policy.entry((policy.is_none(), policy.unwrap_or_default())).or_default().push(text);
    }
    for ((_, policy), some) in of_policy {
        let policy = if policy.is_empty() { "no policy".to_owned() } else { shown(policy) };
        writeln!(out, "  {policy} ({}): {}", some.len(), list_some(&some, NAMED, Clone::clone))?;
    }
    Ok(())
}

/// The policy of a user or group, and its name with the policy before if it is another one.
fn attachment(of: &AttachmentV1, scope: ScopeV1) -> (Option<&str>, String) {
    let name = phrase::who(of.user.as_deref(), of.group.as_deref(), shown);
    match scope {
        ScopeV1::Cluster => (of.before.as_deref(), name),
        ScopeV1::Configuration => (of.after.as_deref(), name),
        ScopeV1::Both if of.before == of.after => (of.after.as_deref(), name),
        ScopeV1::Both => {
            let before = of.before.as_deref().map_or_else(|| "no policy".to_owned(), shown);
            (of.after.as_deref(), format!("{name} (before: {before})"))
        }
    }
}

fn policies(out: &mut dyn Write, styles: &Styles, report: &ReportV1) -> io::Result<()> {
    let limit = report.limits.document_bytes;
    title(out, styles, &format!("policies by size: {} of at most {}", report.policies.len(), report.limits.policies))?;
    let last = |policy: &PolicyReportV1| {
        let state = policy.after.as_ref().or(policy.before.as_ref());
        (state.and_then(|state| state.bytes), state.map_or(0, |state| state.attachments))
    };
    let mut policies: Vec<_> = report.policies.iter().map(|policy| (policy, last(policy))).collect();
    policies.sort_by_key(|(policy, (bytes, _))| (std::cmp::Reverse(*bytes), &policy.name));
    for (policy, (bytes, attachments)) in policies {
        let size = match bytes {
            Some(bytes) => format!("{bytes} of {limit} bytes ({} %)", bytes * 100 / limit.max(1)),
            None => "not read".to_owned(),
        };
        let change = match (report.scope, &policy.before, &policy.after) {
            (ScopeV1::Both, None, _) => ", new",
            (ScopeV1::Both, _, None) => ", removed",
            (ScopeV1::Both | ScopeV1::Cluster | ScopeV1::Configuration, _, _) => "",
        };
        let users = count(attachments, "attachment", "attachments");
        writeln!(out, "  {}: {size}, {users}{change}", shown(&policy.name))?;
    }
    Ok(())
}
