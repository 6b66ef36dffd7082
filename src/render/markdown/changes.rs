//! The changes of a plan: lists of changes, folds with documents, access that is gained and lost, and what a plan that is too long
//! leaves out.

use std::collections::BTreeSet;

use super::escape::{code, fence, html_code, visible};
use crate::base::list;
use crate::plan::Note;
use crate::policy::access::Side;
use crate::policy::{self, DiffLine, Document, LineKind};
use crate::render::json::{AccessChangeV1, AccessLineV1, ChangeV1, KindV1, PlanV1, Profile, ReplaceMethodV1};
use crate::render::phrase::{self, *};

/// How much a long plan leaves out. Each step includes those before it. Removals, detaches, moves and gained access always
/// stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    Nothing,
    /// Unchanged parts of documents.
    Context,
    /// Documents of added policies.
    Added,
    /// All other documents.
    Documents,
    /// Lost access, except who loses some, and examples of gained access.
    Lost,
    /// Names of added policies and attached users, users that keep their access, warnings and notes.
    Names,
}

impl Cut {
    pub(super) const ALL: [Self; 6] =
        [Self::Nothing, Self::Context, Self::Added, Self::Documents, Self::Lost, Self::Names];

    pub(super) fn shows(self, kind: KindV1) -> bool {
        match kind {
            KindV1::AddPolicy => self < Self::Added,
            KindV1::ReplacePolicy | KindV1::RenamePolicy | KindV1::RemovePolicy => self < Self::Documents,
            KindV1::SetBucketPolicy => self < Self::Documents,
            KindV1::Attach | KindV1::Move | KindV1::Detach => false,
        }
    }

    pub(super) fn left_out(self, plan: &PlanV1, bodies: &[Body]) -> Vec<String> {
        let with_documents = |kind, what: &str| {
            let all = plan.changes.iter().zip(bodies);
            let number = all.filter(|(change, body)| change.kind == kind && !body.lines.is_empty()).count();
            (number, format!("{} of {what} policies", count(number, "document", "documents")))
        };
        let access = plan.changes.iter().map(|change| change.access.len()).sum();
        let unchanged = bodies.iter().flat_map(|body| &body.lines).filter(|line| line.context).count();
        let names = "names of added policies and attached users, users that keep their access, warnings and notes";
        let lost = "lost access (except who loses some), and examples of gained access";
        let steps = [
            (Self::Context, (unchanged, "unchanged parts of documents".to_owned())),
            (Self::Added, with_documents(KindV1::AddPolicy, "added")),
            (Self::Documents, with_documents(KindV1::ReplacePolicy, "replaced")),
            (Self::Documents, with_documents(KindV1::RenamePolicy, "renamed")),
            (Self::Documents, with_documents(KindV1::RemovePolicy, "removed")),
            (Self::Lost, (access, lost.to_owned())),
            (Self::Names, (1, names.to_owned())),
        ];
        let left_out = steps.into_iter().filter(|(cut, (number, _))| *cut <= self && *number > 0);
        left_out.map(|(_, (_, text))| text).collect()
    }
}

/// Removals, detaches and moves: always all of them, by name.
pub(super) fn removals_and_moves(plan: &PlanV1) -> String {
    let named = |changes: &[&ChangeV1]| changes.iter().map(|change| item(plan, change, true)).collect();
    [(KindV1::RemovePolicy, "Removed"), (KindV1::Detach, "Detached"), (KindV1::Move, "Moved")]
        .map(|(kind, title)| titled(plan, kind, title, named))
        .concat()
}

pub(super) fn replacements_and_additions(plan: &PlanV1, bodies: &[Body], cut: Cut) -> String {
    let names = cut < Cut::Names;
    let kinds = [
        (KindV1::RenamePolicy, "Renamed"),
        (KindV1::SetBucketPolicy, "Bucket policies"),
        (KindV1::ReplacePolicy, "Replaced"),
        (KindV1::AddPolicy, "Added"),
        (KindV1::Attach, "Attached"),
    ];
    kinds
        .map(|(kind, title)| {
            titled(plan, kind, title, |changes| {
                if cut.shows(kind) {
                    let all = plan.changes.iter().zip(bodies).filter(|(change, _)| change.kind == kind);
                    all.map(|(change, body)| fold(plan, change, body, cut)).collect()
                } else if names
                    || matches!(kind, KindV1::ReplacePolicy | KindV1::RenamePolicy | KindV1::SetBucketPolicy)
                {
                    changes.iter().map(|change| item(plan, change, names)).collect()
                } else {
                    keys(changes)
                }
            })
        })
        .concat()
}

/// The changes of a kind under a title; empty when there are none.
fn titled(plan: &PlanV1, kind: KindV1, title: &str, text: impl Fn(&[&ChangeV1]) -> String) -> String {
    let changes: Vec<&ChangeV1> = plan.changes.iter().filter(|change| change.kind == kind).collect();
    if changes.is_empty() {
        return String::new();
    }
    format!("**{title}: {}**\n\n{}\n", numbered(&changes), text(&changes))
}

pub(super) fn removed_documents(plan: &PlanV1, bodies: &[Body], cut: Cut) -> String {
    if !cut.shows(KindV1::RemovePolicy) {
        return String::new();
    }
    let removed = plan.changes.iter().zip(bodies).filter(|(change, _)| change.kind == KindV1::RemovePolicy);
    let folds: String = removed
        .filter(|(_, body)| !body.lines.is_empty())
        .map(|(change, body)| fold(plan, change, body, cut))
        .collect();
    if folds.is_empty() { folds } else { format!("**Documents of removed policies**\n\n{folds}\n") }
}

fn numbered(changes: &[&ChangeV1]) -> String {
    let number = |of: fn(&ChangeV1) -> bool| changes.iter().filter(|change| of(change)).count();
    list(&counted([
        (number(|change| change.policy.is_some()), "policy", "policies"),
        (number(|change| change.user.is_some()), "user", "users"),
        (number(|change| change.group.is_some()), "group", "groups"),
        (number(|change| change.bucket.is_some()), "bucket", "buckets"),
    ]))
}

fn keys(changes: &[&ChangeV1]) -> String {
    let some = changes.iter().filter(|change| change.notes.contains(&Note::KeysMayBeCreated)).count();
    if some == 0 { String::new() } else { format!("{some} of them: {KEYS_MAY_BE_CREATED}\n") }
}

pub(super) fn item(plan: &PlanV1, change: &ChangeV1, names: bool) -> String {
    format!("- {}: {}\n", object(change, code), summary(plan, change, code, names))
}

fn fold(plan: &PlanV1, change: &ChangeV1, body: &Body, cut: Cut) -> String {
    let shown = |line: &&BodyLine| cut < Cut::Context || !line.context;
    let lines: Vec<String> = body.lines.iter().filter(shown).map(|line| line.text.clone()).collect();
    let summary = if change.kind == KindV1::RemovePolicy {
        String::new() // The list above has it.
    } else {
        format!(": {}", summary(plan, change, html_code, true))
    };
    let mut text = format!("<details><summary>{}{summary}</summary>\n\n", object(change, html_code));
    if !lines.is_empty() {
        text += &fence("diff", &lines);
        text.push('\n');
    }
    text + "</details>\n"
}

/// The change in a line. `names` is whether users and groups that keep their access are named.
pub(super) fn summary(plan: &PlanV1, change: &ChangeV1, name: Name, names: bool) -> String {
    let (of, mut parts) = (&change.attached_to, Vec::new());
    match change.kind {
        KindV1::AddPolicy => {
            if !of.is_empty() {
                parts.push(attached_at_once(of, of.len(), name));
            }
            parts.extend(size(plan, change));
        }
        KindV1::ReplacePolicy => {
            if !change.temporary_policies.is_empty() {
                parts.push(format!("finishes an interrupted replacement, {}", removes_temporary(change, name)));
            }
            let attached = if names { counted_and_named(of, name) } else { principals(of) };
            let method = change.method.unwrap_or(ReplaceMethodV1::Plain);
            parts.push(replacing(method, of.is_empty(), &attached, &named(of, of.len(), name)));
            if method != ReplaceMethodV1::Finish {
                parts.extend(size(plan, change));
            }
        }
        KindV1::RenamePolicy => {
            let attached = if names { counted_and_named(of, name) } else { principals(of) };
            parts.push(renaming(change, &attached, &named(of, of.len(), name), name));
            if !change.temporary_policies.is_empty() {
                parts.push(removes_temporary(change, name));
            }
            if change.before.is_some() {
                parts.extend(size(plan, change));
            }
        }
        KindV1::RemovePolicy => {
            parts.push(NO_ATTACHMENTS_LEFT.to_owned());
            if !change.temporary_policies.is_empty() {
                parts.push(removes_temporary(change, name));
            }
        }
        KindV1::SetBucketPolicy => parts.push(bucket_change(plan, change, name)),
        KindV1::Attach | KindV1::Move | KindV1::Detach => parts.extend(attachment_change(change, name)),
    }
    parts.extend(change.notes.iter().filter_map(|of| note(*of)).map(str::to_owned));
    parts.extend(change.term.iter().filter_map(|of| term(of, name)));
    parts.extend(change.basis.iter().map(|of| basis(of, name)));
    parts.join("; ")
}

#[derive(Debug, Default)]
pub(super) struct Body {
    lines: Vec<BodyLine>,
}

#[derive(Debug)]
struct BodyLine {
    text: String,
    context: bool,
}

impl Body {
    pub(super) fn of(change: &ChangeV1) -> Self {
        if change.policy.is_none() && change.bucket.is_none() {
            return Self::default();
        }
        // The line above names a canned policy.
        let has_name = |raw: &&serde_json::value::RawValue| {
            change.bucket.is_some() && text_in(Some(raw)).is_some_and(|text| is_canned(&text))
        };
        let [before, after] = [&change.before, &change.after]
            .map(|side| side.as_deref().filter(|raw| !has_name(raw)).map(document_or_text));
        let mut lines = Vec::new();
        for (side, mark) in [(&before, '-'), (&after, '+')] {
            if let Some(Err(text)) = side {
                lines.push(BodyLine { text: format!("{mark} {}", visible(text)), context: false });
            }
        }
        let [old, new] = [before, after].map(|side| side.and_then(Result::ok));
        // Without the old document, all of the new one would look added.
        let is_kept = matches!(change.kind, KindV1::ReplacePolicy | KindV1::RenamePolicy);
        if !is_kept || change.before.is_some() {
            lines.extend(documents(old.as_ref(), new.as_ref(), &change.combined_from));
        }
        Self { lines }
    }
}

fn documents(before: Option<&Document>, after: Option<&Document>, combined: &[Vec<String>]) -> Vec<BodyLine> {
    let policy::DocumentDiff { lines: outside, statements, unchanged } = policy::diff(before, after);
    let both = before.is_some() && after.is_some();
    let mut lines: Vec<BodyLine> = outside.iter().filter(|line| both || line.member != "version").map(entry).collect();
    for statement in &statements {
        let from = statement_from(statement, combined, visible);
        lines.push(BodyLine { text: format!("@@ {}{from} @@", visible(&statement.title)), context: false });
        let sid = |line: &DiffLine| line.member == "sid" && statement.change != policy::Change::Changed;
        lines.extend(statement.lines.iter().filter(|line| !sid(line)).map(entry));
    }
    if unchanged > 0 && !lines.is_empty() {
        let text = format!("  {} unchanged", count(unchanged, "statement", "statements"));
        lines.push(BodyLine { text, context: true });
    }
    lines
}

fn entry(line: &DiffLine) -> BodyLine {
    let mark = match line.kind {
        LineKind::Add => '+',
        LineKind::Remove => '-',
        LineKind::Context => ' ',
    };
    let text = format!("{mark} {:<9} {}", line.member, visible(&line.value));
    BodyLine { text, context: line.kind == LineKind::Context }
}

pub(super) fn gained(plan: &PlanV1, cut: Cut) -> String {
    section("Access gained", &grouped(of_plan(plan), Side::Gained, cut < Cut::Lost), true)
}

pub(super) fn lost(plan: &PlanV1, cut: Cut) -> String {
    section("Access lost", &grouped(of_plan(plan), Side::Lost, cut < Cut::Lost), cut < Cut::Lost)
}

pub(super) fn gained_by<'a>(title: &str, all: impl Iterator<Item = &'a AccessChangeV1>) -> String {
    section(title, &grouped(all, Side::Gained, true), true)
}

fn of_plan(plan: &PlanV1) -> impl Iterator<Item = &AccessChangeV1> {
    plan.changes.iter().flat_map(|change| &change.access)
}

struct Group {
    names: Vec<String>,
    loses_all: bool,
    lines: Vec<String>,
}

/// Groups access changes by their lines, those who lose all access first.
fn grouped<'a>(all: impl Iterator<Item = &'a AccessChangeV1>, side: Side, examples: bool) -> Vec<Group> {
    let shown = |of: &AccessChangeV1| {
        let lines = lines(of, side, examples);
        (!lines.is_empty()).then_some((side == Side::Lost && of.loses_all, lines))
    };
    let group = |((loses_all, lines), some): (_, Vec<&AccessChangeV1>)| {
        let names = some.into_iter().map(|of| phrase::whose(of, code)).collect();
        Group { names, loses_all, lines }
    };
    let mut groups: Vec<Group> = phrase::alike(all, shown).into_iter().map(group).collect();
    groups.sort_by_key(|group| !group.loses_all);
    groups
}

fn section(title: &str, groups: &[Group], whole: bool) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut text = format!("**{title}**\n\n");
    if !whole {
        return text + &format!("by {}\n\n", once(groups.iter().flat_map(|group| &group.names)));
    }
    for Group { names, loses_all, lines } in groups {
        let all = if *loses_all { format!(" {}", phrase::loses_all(names.len())) } else { String::new() };
        text += &format!("{}{all}\n\n{}\n", once(names.iter()), fence("diff", lines));
    }
    text
}

/// Names in order of their first use, each once.
fn once<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut seen = BTreeSet::new();
    list(&names.filter(|name| seen.insert(*name)).cloned().collect::<Vec<_>>())
}

fn lines(of: &AccessChangeV1, side: Side, examples: bool) -> Vec<String> {
    let entries = match side {
        Side::Gained => &of.gained,
        Side::Lost => &of.lost,
    };
    let decided = entries.iter().map(|entry| (entry.profile, line(entry, side, examples)));
    let undecided = of.undecided.iter().filter(|open| open.side == side);
    let undecided = undecided.map(|open| {
        let mark = if open.profile.is_none() { "! " } else { "" };
        let text = format!("{mark}{} {}", visible(&open.actions.join(", ")), phrase::undecided(open, visible));
        (open.profile, text)
    });
    let all: Vec<(Option<Profile>, String)> = decided.chain(undecided).collect();
    let also = phrase::also(all.iter().cloned()).into_iter().map(|line| format!("! {line}"));
    let differing = of.in_practice.iter().filter(|of| of.side == side);
    let also = also.chain(differing.map(|of| format!("! {}", phrase::in_practice(of, visible))));
    all.iter().filter(|(profile, _)| profile.is_none()).map(|(_, line)| line.clone()).chain(also).collect()
}

fn line(line: &AccessLineV1, side: Side, examples: bool) -> String {
    let actions = phrase::actions(line, side == Side::Lost, visible);
    let mut text = format!("{} {actions} {}", phrase::mark(side), phrase::resources(line, side, visible));
    if let Some(example) = phrase::example(line, visible).filter(|_| examples) {
        text += &format!(", e.g. {example}");
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::AccessV1;
    use crate::render::printed;

    #[test]
    fn printed_lines_are_the_differences_of_brute_force() {
        // Lost actions are only counted in part, so the lost lines are printed as gained ones.
        let printed = |gained: &[AccessLineV1]| {
            let of = AccessChangeV1 {
                user: None,
                group: None,
                anonymous: false,
                policy: None,
                loses_all: false,
                gained: gained.to_vec(),
                lost: Vec::new(),
                undecided: Vec::new(),
                in_practice: Vec::new(),
            };
            lines(&of, Side::Gained, true).join("\n")
        };
        printed::agree(printed::pairs(40), |AccessV1 { gained, lost, .. }| {
            format!("{}\n{}", printed(gained), printed(lost).replace("+ ", "- "))
        });
    }
}
