//! What the cluster has that the file does not say, as a person reads it: access that nobody agreed to comes first.

use std::io::{self, Write};

use console::{Alignment, Style, measure_text_width, pad_str};
use serde_json::value::RawValue;

use super::diff::documents;
use super::review::review;
use super::users::side;
use crate::drift::Kind;
use crate::policy::access::Side;
use crate::render::Styles;
use crate::render::json::{DriftV1, DriftedV1, RememberedV1};
use crate::render::phrase::{document, release, text_in};
use crate::render::words::{count, shown};

/// What stands before the lines under an object.
const UNDER: &str = "        ";

/// Writes a drift: the cluster, access gained, what differs, access lost, and what is known, over, ignored and left alone.
///
/// # Errors
/// Those of the writer.
pub fn drift(out: &mut dyn Write, styles: &Styles, drift: &DriftV1) -> io::Result<()> {
    review(out, styles, drift.review.as_ref())?;
    let of = &drift.cluster;
    let cluster = styles.strong.apply_to(format!("cluster {}", shown(&of.name)));
    writeln!(out, "{cluster} · WEKA {} · tenant {}", shown(release(of)), shown(&of.tenant))?;
    let access = || drift.drift.iter().flat_map(|object| &object.access);
    side(out, styles, access(), Side::Gained, "access that the cluster gives and the file does not")?;
    writeln!(out)?;
    let width = drift.drift.iter().map(|object| measure_text_width(&shown_id(&object.id))).max().unwrap_or(0);
    for object in &drift.drift {
        self::object(out, styles, object, width)?;
    }
    side(out, styles, access(), Side::Lost, "access that the file gives and the cluster does not")?;
    if !drift.drift.is_empty() {
        writeln!(out)?;
    }
    remembered(out, styles, "over", &drift.resolved)?;
    ignored(out, styles, drift)?;
    writeln!(out, "{}", styles.strong.apply_to(summary(drift)))?;
    unmanaged(out, styles, drift)
}

/// `policy/ml` as `policy ml`.
fn shown_id(id: &str) -> String {
    shown(&id.replacen('/', " ", 1))
}

fn object(out: &mut dyn Write, styles: &Styles, object: &DriftedV1, width: usize) -> io::Result<()> {
    let (mark, style) = mark(styles, object.kind);
    let id = shown_id(&object.id);
    let id = pad_str(&id, width, Alignment::Left, None);
    writeln!(out, "  {} {id}   {}", style.apply_to(mark), what(object))?;
    if object.kind != Kind::PolicyChanged {
        return Ok(());
    }
    if let Some(text) = text_in(object.observed.as_deref()) {
        return writeln!(out, "{UNDER}{}", styles.add.apply_to(format!("+ {}", shown(&text))));
    }
    match (object.declared.as_deref().and_then(document), object.observed.as_deref().and_then(document)) {
        (Some(declared), Some(observed)) => documents(out, styles, UNDER, Some(&declared), &observed),
        (Some(_) | None, _) => Ok(()),
    }
}

fn mark(styles: &Styles, kind: Kind) -> (&'static str, &Style) {
    match kind {
        Kind::PolicyAdded | Kind::UserAttached | Kind::GroupAttached => ("+", &styles.add),
        Kind::PolicyChanged => ("±", &styles.change),
        Kind::UserMoved | Kind::GroupMoved => (">", &styles.change),
        Kind::PolicyRemoved | Kind::UserDetached | Kind::UserRemoved | Kind::GroupDetached => ("-", &styles.remove),
    }
}

fn what(object: &DriftedV1) -> String {
    let held = |raw: Option<&RawValue>| shown(&text_in(raw).unwrap_or_default());
    let (declared, observed) = (held(object.declared.as_deref()), held(object.observed.as_deref()));
    match object.kind {
        Kind::PolicyAdded => "is there, and should not be".to_owned(),
        Kind::PolicyChanged if object.observed.is_none() => "an interrupted replacement left it absent".to_owned(),
        Kind::PolicyChanged => "is not as the file says".to_owned(),
        Kind::PolicyRemoved => "is not there".to_owned(),
        Kind::UserAttached | Kind::GroupAttached => format!("holds {observed}, and should hold nothing"),
        Kind::UserMoved | Kind::GroupMoved => format!("holds {observed}, and should hold {declared}"),
        Kind::UserDetached | Kind::GroupDetached => format!("holds nothing, and should hold {declared}"),
        Kind::UserRemoved => format!("does not exist, and should hold {declared}"),
    }
}

fn remembered(out: &mut dyn Write, styles: &Styles, title: &str, list: &[RememberedV1]) -> io::Result<()> {
    for RememberedV1 { id, kind, since } in list {
        let title = styles.dim.apply_to(format!("{title}:"));
        let kind = kind.replace('_', " ");
        writeln!(out, "{title} {} ({}, reported since {})", shown_id(id), shown(&kind), shown(since))?;
    }
    Ok(())
}

fn ignored(out: &mut dyn Write, styles: &Styles, drift: &DriftV1) -> io::Result<()> {
    for ignored in &drift.ignored {
        let until = ignored.until.as_ref().map(|until| format!(" (until {until})")).unwrap_or_default();
        let title = styles.dim.apply_to("ignored:");
        writeln!(out, "{title} {}: {}{until}", shown_id(&ignored.id), shown(&ignored.reason))?;
    }
    Ok(())
}

fn summary(drift: &DriftV1) -> String {
    let numbers = &drift.summary;
    let news = if numbers.known + numbers.resolved > 0 { "new " } else { "" };
    let mut parts = vec![match numbers.reported {
        0 => format!("no {news}drift"),
        n => format!("{news}drift: {}", count(n, "object is not as the file says", "objects are not as the file says")),
    }];
    let others = [(numbers.known, "known"), (numbers.resolved, "over"), (numbers.ignored, "ignored")];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    parts.join(", ")
}

fn unmanaged(out: &mut dyn Write, styles: &Styles, drift: &DriftV1) -> io::Result<()> {
    let alone = &drift.unmanaged;
    let parts = [
        (alone.policies.len(), "policy", "policies"),
        (alone.users.len(), "user", "users"),
        (alone.groups.len(), "group", "groups"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| count(*n, one, many)).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let text = format!("not looked at, as no file names them and nobody owns them: {}", parts.join(", "));
    writeln!(out, "{}", styles.dim.apply_to(text))
}
