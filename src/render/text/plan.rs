//! A plan for a reviewer, and drift: access that nobody approved comes first.

use std::io::{self, Write};

use console::{Alignment, Style, pad_str};
use serde_json::value::RawValue;

use super::access::{documents, side};
use super::{UNDER, object_line, overridden, widest, wrapped};
use crate::base::Severity;
use crate::drift::Kind;
use crate::policy::access::Side;
use crate::render::Styles;
use crate::render::json::{
    ChangeV1, ClusterV1, DriftV1, DriftedV1, FindingV1, KindV1, PartV1, PlanV1, RememberedV1, ReplaceMethodV1, ReviewV1,
};
use crate::render::phrase::{self, *};

/// Writes a plan: cluster, changes, digest and counts.
pub fn plan(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    wrapped(out, styles, |out| whole(out, styles, plan))
}

fn whole(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    review(out, styles, plan.review.as_ref())?;
    base(out, styles, plan)?;
    heading(out, styles, &plan.cluster)?;
    if let Some(snapshot) = &plan.snapshot {
        writeln!(out, "{}", styles.change.apply_to(of_snapshot(snapshot, shown)))?;
    }
    if plan.changes.is_empty() {
        let verdict = blocked(plan).unwrap_or_else(|| no_changes(plan));
        writeln!(out, "\n{verdict}")?;
        self::part(out, styles, plan.only.as_ref())?;
        refusals(out, styles, plan)?;
        footnote(out, styles, LATER, &later(&plan.terms, shown).unwrap_or_default())?;
        return footnote(out, styles, "unmanaged", &unmanaged(&plan.unmanaged));
    }
    let access = || plan.changes.iter().flat_map(|change| &change.access);
    side(out, styles, access(), Side::Gained, "access gained")?;
    side(out, styles, plan.unreported.by_name.iter(), Side::Gained, UNREPORTED_GAINS)?;
    writeln!(out)?;
    let width = widest(plan.changes.iter().map(|change| object(change, shown)));
    for of in &plan.changes {
        change(out, styles, plan, of, width)?;
    }
    side(out, styles, access(), Side::Lost, "access lost")?;
    writeln!(out)?;
    summary(out, styles, plan)?;
    footnote(out, styles, LATER, &later(&plan.terms, shown).unwrap_or_default())?;
    footnote(out, styles, "unmanaged", &unmanaged(&plan.unmanaged))?;
    footnote(out, styles, "not counted", &not_reported(&plan.unreported.kinds))
}

/// Writes what `--only` selects and leaves out.
pub(super) fn part(out: &mut dyn Write, styles: &Styles, only: Option<&PartV1>) -> io::Result<()> {
    let lines = only.map(|only| phrase::part(only, shown)).unwrap_or_default();
    lines
        .into_iter()
        .try_for_each(|(title, text)| writeln!(out, "{} {text}", styles.change.apply_to(format!("{title}:"))))
}

fn no_changes(plan: &PlanV1) -> String {
    if plan.options.iter().any(|option| option.name == "--expired") {
        return "no changes: there is nothing to take away".to_owned();
    }
    format!("no changes: {}", unchanged(plan.unchanged))
}

fn footnote(out: &mut dyn Write, styles: &Styles, title: &str, text: &str) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { writeln!(out, "{}", styles.dim.apply_to(format!("{title}: {text}"))) }
}

fn heading(out: &mut dyn Write, styles: &Styles, of: &ClusterV1) -> io::Result<()> {
    let cluster = styles.strong.apply_to(format!("cluster {}", shown(&of.name)));
    writeln!(out, "{cluster} · WEKA {} · tenant {}", shown(release(of)), shown(&of.tenant))
}

/// The plan in a line: its digest, or why it cannot run.
pub fn verdict(plan: &PlanV1) -> String {
    if let Some(blocked) = blocked(plan) {
        return blocked;
    }
    let refused = refused(plan).map(|why| format!(" · {why}")).unwrap_or_default();
    if plan.changes.is_empty() {
        return format!("no changes{refused}{}", left_out(plan.only.as_ref()));
    }
    let (counts, calls) = (counts(&plan.summary), api_calls(plan.summary.calls));
    format!("{}: {counts} · {calls}{refused}{}", title(plan), left_out(plan.only.as_ref()))
}

fn title(plan: &PlanV1) -> String {
    if plan.snapshot.is_some() { "plan from a snapshot".to_owned() } else { format!("plan {}", plan.short_digest()) }
}

fn summary(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    if plan.is_blocked() {
        self::part(out, styles, plan.only.as_ref())?;
        return writeln!(out, "{}", verdict(plan));
    }
    if let Some(keys) = &plan.new_keys {
        writeln!(out, "{} {}", styles.change.apply_to("keys:"), new_keys(keys, shown))?;
    }
    let options: Vec<String> = other_options(plan).into_iter().map(|of| option(of, shown)).collect();
    if !options.is_empty() {
        writeln!(out, "{} {}", styles.change.apply_to("options:"), options.join(" "))?;
    }
    self::part(out, styles, plan.only.as_ref())?;
    refusals(out, styles, plan)?;
    let title = styles.strong.apply_to(title(plan));
    writeln!(out, "{title}: {} · {}", counts(&plan.summary), api_calls(plan.summary.calls))?;
    if plan.snapshot.is_some() {
        return writeln!(out, "{NOT_TO_BE_APPROVED}");
    }
    to_be_signed(plan).map_or(Ok(()), |text| writeln!(out, "{text}"))
}

/// Writes what guards, expectations and envelopes refuse, and which refusals are overridden.
fn refusals(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    overridden(out, styles, &plan.overrides)?;
    for refusal in &plan.refusals {
        writeln!(out, "{} {}", styles.remove.apply_to("refused:"), shown(&refusal.message))?;
        if let (Some(file), Some(line)) = (&refusal.file, refusal.line) {
            writeln!(out, "         {}", styles.dim.apply_to(format!("at {}:{line}", shown(file))))?;
        }
        for line in refusal.help.iter().flat_map(|help| help.lines()) {
            writeln!(out, "         {}", styles.dim.apply_to(shown(line)))?;
        }
    }
    if let Some(expectations) = expectations(&plan.expectations) {
        writeln!(out, "expectations: {expectations}")?;
    }
    if let Some(envelopes) = envelopes(&plan.envelopes) {
        writeln!(out, "envelopes: {envelopes}")?;
    }
    Ok(())
}

fn review(out: &mut dyn Write, styles: &Styles, review: Option<&ReviewV1>) -> io::Result<()> {
    let Some(review) = review else { return Ok(()) };
    let undeclared = review.undeclared.iter().map(|of| (undeclared_object(of, shown), undeclared_action(of, shown)));
    let settings = review.settings.iter().map(|of| (shown(&of.name), setting_change(of, shown)));
    for (title, lines) in [
        (undeclared_title(review, shown), undeclared.collect::<Vec<_>>()),
        (settings_title(review, shown), settings.collect()),
    ] {
        if lines.is_empty() {
            continue;
        }
        writeln!(out, "{}", styles.change.apply_to(title))?;
        let width = widest(lines.iter().map(|(name, _)| name.clone()));
        for (name, text) in lines {
            writeln!(out, "  {}   {text}", pad_str(&name, width, Alignment::Left, None))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes drift and proposed changes, and the heading of the plan that makes both.
fn base(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    let (Some(base), review) = (&plan.base, plan.review.as_ref()) else { return Ok(()) };
    let revision = shown(&base.revision);
    let drift = match base.drift.len() {
        0 => format!("none, the cluster matches {revision}"),
        n => format!("{}, to make the cluster match {revision}", count(n, "change", "changes")),
    };
    section(out, styles, &format!("{} {drift}", styles.strong.apply_to("drift:")), &base.drift, review)?;
    let proposed = match base.proposed.len() {
        0 => nothing_proposed(&revision, review),
        n => format!("{}, compared with {revision}", count(n, "change", "changes")),
    };
    section(out, styles, &format!("{} {proposed}", styles.strong.apply_to("proposed:")), &base.proposed, review)?;
    writeln!(out, "{} {}\n", styles.strong.apply_to("plan:"), plan_of_both(base, review))
}

fn section(
    out: &mut dyn Write,
    styles: &Styles,
    title: &str,
    changes: &[ChangeV1],
    review: Option<&ReviewV1>,
) -> io::Result<()> {
    writeln!(out, "{title}")?;
    let width = widest(changes.iter().map(|change| object(change, shown)));
    for change in changes {
        let left = if is_left(change, review) { format!(" {NOT_IN_THE_PLAN}") } else { String::new() };
        let text = format!("{}{left}", in_short(change));
        object_line(out, mark(styles, change.kind), (&object(change, shown), width), &text)?;
    }
    writeln!(out)
}

fn in_short(change: &ChangeV1) -> String {
    match change.kind {
        KindV1::AddPolicy => "added".to_owned(),
        KindV1::ReplacePolicy if !change.temporary_policies.is_empty() => {
            "finishes an interrupted replacement".to_owned()
        }
        KindV1::ReplacePolicy if change.attached_to.is_empty() => "new document".to_owned(),
        KindV1::RenamePolicy => renamed(change, shown),
        KindV1::ReplacePolicy => format!("new document, attached to {}", principals(&change.attached_to)),
        KindV1::RemovePolicy => "removed".to_owned(),
        KindV1::Attach | KindV1::Move | KindV1::Detach | KindV1::SetBucketPolicy => {
            attachment_change(change, shown).unwrap_or_default()
        }
    }
}

fn mark(styles: &Styles, kind: KindV1) -> (&'static str, &Style) {
    match kind {
        KindV1::AddPolicy | KindV1::Attach => ("+", &styles.add),
        KindV1::ReplacePolicy | KindV1::SetBucketPolicy => ("±", &styles.change),
        KindV1::RenamePolicy | KindV1::Move => (">", &styles.change),
        KindV1::RemovePolicy | KindV1::Detach => ("-", &styles.remove),
    }
}

fn change(out: &mut dyn Write, styles: &Styles, plan: &PlanV1, change: &ChangeV1, width: usize) -> io::Result<()> {
    object_line(out, mark(styles, change.kind), (&object(change, shown), width), &summary_of(plan, change))?;
    let notes = change.notes.iter().filter(|of| !is_of_keys(**of)).filter_map(|of| note(*of));
    for text in notes {
        writeln!(out, "{UNDER}{}", styles.dim.apply_to(text))?;
    }
    if let Some(text) = change.term.as_ref().and_then(|of| term(of, shown)) {
        writeln!(out, "{UNDER}{}", styles.change.apply_to(text))?;
    }
    for of in &change.basis {
        writeln!(out, "{UNDER}{}", styles.change.apply_to(basis(of, shown)))?;
    }
    let new = match change.kind {
        KindV1::AddPolicy | KindV1::ReplacePolicy | KindV1::RenamePolicy => change.after.as_deref().and_then(document),
        KindV1::SetBucketPolicy => {
            change.after.as_deref().filter(|after| text_in(Some(after)).is_none()).and_then(document)
        }
        KindV1::RemovePolicy | KindV1::Attach | KindV1::Move | KindV1::Detach => None,
    };
    let Some(after) = new else { return Ok(()) };
    let before = change.before.as_deref();
    let is_canned = change.kind == KindV1::SetBucketPolicy && text_in(before).is_some_and(|text| is_canned(&text));
    if is_canned {
        return documents(out, styles, UNDER, None, &after, &[]);
    }
    if let Some(text) = text_in(before) {
        writeln!(out, "{UNDER}{}", styles.remove.apply_to(format!("- {}", shown(&text))))?;
    } else if before.is_none() && change.kind != KindV1::AddPolicy {
        // An interrupted replacement or rename is finished: the temporary policy has this document already.
        return Ok(());
    }
    documents(out, styles, UNDER, before.and_then(document).as_ref(), &after, &change.combined_from)
}

fn summary_of(plan: &PlanV1, change: &ChangeV1) -> String {
    let size = || size(plan, change).unwrap_or_default();
    match change.kind {
        KindV1::AddPolicy if change.attached_to.is_empty() => size(),
        KindV1::AddPolicy => format!("{} · {}", attached_at_once(&change.attached_to, NAMED, shown), size()),
        KindV1::ReplacePolicy => {
            let finishes =
                if change.temporary_policies.is_empty() { "" } else { "finishes an interrupted replacement; " };
            let method = change.method.unwrap_or(ReplaceMethodV1::Finish);
            let size = if method == ReplaceMethodV1::Finish { String::new() } else { format!(" · {}", size()) };
            let (of, all) = (&change.attached_to, counted_and_named(&change.attached_to, shown));
            format!("{finishes}{}{size}", replacing(method, of.is_empty(), &all, &named(of, NAMED, shown)))
        }
        KindV1::RenamePolicy => {
            let (of, all) = (&change.attached_to, counted_and_named(&change.attached_to, shown));
            let size = if change.before.is_none() { String::new() } else { format!(" · {}", size()) };
            format!("{}{size}", renaming(change, &all, &named(of, NAMED, shown), shown))
        }
        KindV1::RemovePolicy => NO_ATTACHMENTS_LEFT.to_owned(),
        KindV1::SetBucketPolicy => bucket_change(plan, change, shown),
        KindV1::Attach | KindV1::Move | KindV1::Detach => {
            let keys = change.notes.iter().filter(|of| is_of_keys(**of)).filter_map(|of| note(*of));
            let keys: String = keys.map(|text| format!("; {text}")).collect();
            format!("{}{keys}", attachment_change(change, shown).unwrap_or_default())
        }
    }
}

/// Writes the findings of a saved plan, without lines of their files, which may have changed.
pub fn saved_findings(out: &mut dyn Write, styles: &Styles, findings: &[FindingV1]) -> io::Result<()> {
    for finding in findings {
        let style = match finding.severity {
            Severity::Error => &styles.remove,
            Severity::Warning => &styles.change,
            Severity::Note => &styles.dim,
        };
        let head = style.apply_to(format!("{}[{}]:", finding.severity.word(), shown(&finding.code)));
        writeln!(out, "{head} {}", shown(&finding.message))?;
        if let Some(file) = &finding.file {
            let place = [finding.line, finding.column].into_iter().flatten().map(|number| format!(":{number}"));
            writeln!(out, "  --> {}{}", shown(file), place.collect::<String>())?;
        }
        for line in finding.help.iter().flat_map(|help| help.lines()) {
            writeln!(out, "  = help: {}", shown(line))?;
        }
    }
    Ok(())
}

/// Writes a drift: access gained, the objects that differ, access lost, then resolved, ignored and unmanaged objects.
pub fn drift(out: &mut dyn Write, styles: &Styles, drift: &DriftV1) -> io::Result<()> {
    wrapped(out, styles, |out| whole_drift(out, styles, drift))
}

fn whole_drift(out: &mut dyn Write, styles: &Styles, drift: &DriftV1) -> io::Result<()> {
    review(out, styles, drift.review.as_ref())?;
    heading(out, styles, &drift.cluster)?;
    let access = || drift.drift.iter().flat_map(|object| &object.access);
    side(out, styles, access(), Side::Gained, "access that the cluster allows and the configuration does not")?;
    writeln!(out)?;
    let width = widest(drift.drift.iter().map(|object| shown_id(&object.id)));
    for object in &drift.drift {
        drifted(out, styles, object, width)?;
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
    if !drift.only.is_empty() {
        writeln!(out, "{} {}", styles.change.apply_to("only:"), shown(&drift.only.join(", ")))?;
    }
    writeln!(out, "{}", styles.strong.apply_to(drift_summary(drift)))?;
    footnote(out, styles, "unmanaged, not compared", &unmanaged(&drift.unmanaged))
}

fn shown_id(id: &str) -> String {
    shown(&id.replacen('/', " ", 1))
}

fn drifted(out: &mut dyn Write, styles: &Styles, object: &DriftedV1, width: usize) -> io::Result<()> {
    let mark: (&str, &Style) = match object.kind {
        Kind::PolicyAdded | Kind::UserAttached | Kind::GroupAttached => ("+", &styles.add),
        Kind::PolicyChanged | Kind::BucketPolicyChanged => ("±", &styles.change),
        Kind::PolicyRenamed | Kind::UserMoved | Kind::GroupMoved => (">", &styles.change),
        Kind::PolicyRemoved | Kind::UserDetached | Kind::UserRemoved | Kind::GroupDetached => ("-", &styles.remove),
    };
    object_line(out, mark, (&shown_id(&object.id), width), &difference(object))?;
    if let Some(text) = object.term.as_ref().and_then(|of| term(of, shown)) {
        writeln!(out, "{UNDER}{}", styles.change.apply_to(text))?;
    }
    if !matches!(object.kind, Kind::PolicyChanged | Kind::PolicyRenamed | Kind::BucketPolicyChanged) {
        return Ok(());
    }
    if let Some(text) = text_in(object.observed.as_deref()).filter(|text| !is_canned(text)) {
        return writeln!(out, "{UNDER}{}", styles.add.apply_to(format!("+ {}", shown(&text))));
    }
    match (object.declared.as_deref().and_then(document), object.observed.as_deref().and_then(document)) {
        (Some(declared), Some(observed)) => documents(out, styles, UNDER, Some(&declared), &observed, &[]),
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
        Kind::PolicyRenamed if object.observed.is_none() => "is missing after an interrupted rename".to_owned(),
        Kind::PolicyRenamed => {
            format!("still has its old name {}", shown(object.renamed_from.as_deref().unwrap_or_default()))
        }
        Kind::PolicyRemoved => "is missing".to_owned(),
        Kind::UserAttached | Kind::GroupAttached => format!("has {observed}, should have no policy"),
        Kind::UserMoved | Kind::GroupMoved => format!("has {observed}, should have {declared}"),
        Kind::UserDetached | Kind::GroupDetached => format!("has no policy, should have {declared}"),
        Kind::UserRemoved => format!("does not exist, should have {declared}"),
        Kind::BucketPolicyChanged => {
            let side = |raw: Option<&RawValue>| bucket_policy(raw, shown);
            let (declared, observed) = (side(object.declared.as_deref()), side(object.observed.as_deref()));
            format!("has the policy {observed}, should have {declared}")
        }
    }
}

fn drift_summary(drift: &DriftV1) -> String {
    let numbers = &drift.summary;
    let new = if numbers.known + numbers.resolved > 0 { "new " } else { "" };
    let drift = match numbers.reported {
        0 => format!("no {new}drift"),
        n => format!("{new}drift: {}", count(n, "object differs", "objects differ")),
    };
    match self::numbers(&[(numbers.known, "known"), (numbers.resolved, "resolved"), (numbers.ignored, "ignored")]) {
        others if others.is_empty() => drift,
        others => format!("{drift}, {others}"),
    }
}
