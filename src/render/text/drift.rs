//! How the cluster differs from the configuration. Access that nobody approved comes first.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::access::side;
use super::diff::documents;
use super::plan::{heading, review};
use super::{ObjectLine, UNDER, widest};
use crate::drift::Kind;
use crate::policy::access::Side;
use crate::render::Styles;
use crate::render::json::{DriftV1, DriftedV1, RememberedV1};
use crate::render::phrase::{count, document, shown, text_in, unmanaged};

/// Writes a drift: access gained, the objects that differ, access lost, then resolved, ignored and unmanaged objects.
///
/// # Errors
/// Those of the writer.
pub fn drift(out: &mut dyn Write, styles: &Styles, drift: &DriftV1) -> io::Result<()> {
    review(out, styles, drift.review.as_ref())?;
    heading(out, styles, &drift.cluster)?;
    let access = || drift.drift.iter().flat_map(|object| &object.access);
    side(out, styles, access(), Side::Gained, "access that the cluster allows and the configuration does not")?;
    writeln!(out)?;
    let width = widest(drift.drift.iter().map(|object| shown_id(&object.id)));
    for object in &drift.drift {
        self::object(out, styles, object, width)?;
    }
    side(out, styles, access(), Side::Lost, "access that the configuration allows and the cluster does not")?;
    if !drift.drift.is_empty() {
        writeln!(out)?;
    }
    for RememberedV1 { id, kind, since } in &drift.resolved {
        let (title, kind) = (styles.dim.apply_to("resolved:"), kind.replace('_', " "));
        writeln!(out, "{title} {} ({}, reported since {})", shown_id(id), shown(&kind), shown(since))?;
    }
    for ignored in &drift.ignored {
        let until = ignored.until.as_ref().map(|until| format!(" (until {until})")).unwrap_or_default();
        let title = styles.dim.apply_to("ignored:");
        writeln!(out, "{title} {}: {}{until}", shown_id(&ignored.id), shown(&ignored.reason))?;
    }
    writeln!(out, "{}", styles.strong.apply_to(summary(drift)))?;
    match unmanaged(&drift.unmanaged) {
        objects if objects.is_empty() => Ok(()),
        objects => writeln!(out, "{}", styles.dim.apply_to(format!("unmanaged, not compared: {objects}"))),
    }
}

/// `policy/ml` as `policy ml`.
fn shown_id(id: &str) -> String {
    shown(&id.replacen('/', " ", 1))
}

fn object(out: &mut dyn Write, styles: &Styles, object: &DriftedV1, width: usize) -> io::Result<()> {
    let (mark, style) = match object.kind {
        Kind::PolicyAdded | Kind::UserAttached | Kind::GroupAttached => ("+", &styles.add),
        Kind::PolicyChanged => ("±", &styles.change),
        Kind::UserMoved | Kind::GroupMoved => (">", &styles.change),
        Kind::PolicyRemoved | Kind::UserDetached | Kind::UserRemoved | Kind::GroupDetached => ("-", &styles.remove),
    };
    ObjectLine { mark, style, object: shown_id(&object.id), text: difference(object) }.write(out, width)?;
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

fn difference(object: &DriftedV1) -> String {
    let policy = |raw: Option<&RawValue>| shown(&text_in(raw).unwrap_or_default());
    let (declared, observed) = (policy(object.declared.as_deref()), policy(object.observed.as_deref()));
    match object.kind {
        Kind::PolicyAdded => "exists, but should not".to_owned(),
        Kind::PolicyChanged if object.observed.is_none() => "is missing after an interrupted replacement".to_owned(),
        Kind::PolicyChanged => "differs from the configuration".to_owned(),
        Kind::PolicyRemoved => "is missing".to_owned(),
        Kind::UserAttached | Kind::GroupAttached => format!("has {observed}, should have no policy"),
        Kind::UserMoved | Kind::GroupMoved => format!("has {observed}, should have {declared}"),
        Kind::UserDetached | Kind::GroupDetached => format!("has no policy, should have {declared}"),
        Kind::UserRemoved => format!("does not exist, should have {declared}"),
    }
}

fn summary(drift: &DriftV1) -> String {
    let numbers = &drift.summary;
    let new = if numbers.known + numbers.resolved > 0 { "new " } else { "" };
    let mut parts = vec![match numbers.reported {
        0 => format!("no {new}drift"),
        n => format!("{new}drift: {}", count(n, "object differs", "objects differ")),
    }];
    let others = [(numbers.known, "known"), (numbers.resolved, "resolved"), (numbers.ignored, "ignored")];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, label)| format!("{n} {label}")));
    parts.join(", ")
}
