//! Access that is gained and lost. Users and groups with the same access share a section.

use std::collections::BTreeSet;

use super::changes::Cut;
use super::escape::{code, fence, visible};
use crate::base::list;
use crate::policy::access::Side;
use crate::render::json::{AccessChangeV1, AccessLineV1, PlanV1, Profile};
use crate::render::phrase;

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
