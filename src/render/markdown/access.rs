//! Who gains and who loses what access: users and groups for whom it is the same stand together.

use super::cut::Cut;
use super::escape::{Name, code, fence, visible};
use crate::render::json::{AccessLineV1, HolderAccessV1, PlanV1, ProfileV1, SideV1, UndecidedV1};
use crate::render::words::list;

/// What every resource begins with, and is not worth repeating.
const ARN: &str = "arn:aws:s3:::";

/// How many actions of a line of what is lost are named before the rest is only counted. What is gained is always shown
/// whole.
const NAMED_LOST: usize = 4;

/// All that is gained or may be. Empty when nobody gains anything.
pub(super) fn gained(plan: &PlanV1, cut: Cut) -> String {
    section("Access gained", &grouped(of_plan(plan), SideV1::Gained, cut < Cut::Lost), true)
}

/// What is lost or may be. Empty when nobody loses anything.
pub(super) fn lost(plan: &PlanV1, cut: Cut) -> String {
    section("Access lost", &grouped(of_plan(plan), SideV1::Lost, cut < Cut::Lost), cut < Cut::Lost)
}

/// All that some gain or may, under a title of its own. Empty when nobody gains anything.
pub(super) fn gained_by<'a>(title: &str, all: impl Iterator<Item = &'a HolderAccessV1>) -> String {
    section(title, &grouped(all, SideV1::Gained, true), true)
}

fn of_plan(plan: &PlanV1) -> impl Iterator<Item = &HolderAccessV1> {
    plan.changes.iter().flat_map(|change| &change.access)
}

/// A user by its name, a group as such.
pub(super) fn holder(user: Option<&str>, group: Option<&str>, name: Name) -> String {
    match (user, group) {
        (Some(user), _) => name(user),
        (None, Some(group)) => format!("group {}", name(group)),
        (None, None) => "nobody".to_owned(),
    }
}

/// Users and groups with the same lines.
struct Group {
    names: Vec<String>,
    lines: Vec<String>,
}

/// The groups, in the order of the first of each.
fn grouped<'a>(all: impl Iterator<Item = &'a HolderAccessV1>, side: SideV1, examples: bool) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for of in all {
        let lines = lines(of, side, examples);
        if lines.is_empty() {
            continue;
        }
        let name = holder(of.user.as_deref(), of.group.as_deref(), code);
        let place = *places.entry(lines.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) if !group.names.contains(&name) => group.names.push(name),
            Some(_) => {}
            None => groups.push(Group { names: vec![name], lines }),
        }
    }
    groups
}

fn section(title: &str, groups: &[Group], whole: bool) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut text = format!("**{title}**\n\n");
    if !whole {
        let mut names: Vec<String> = Vec::new();
        for name in groups.iter().flat_map(|group| &group.names) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        return text + &format!("by {}\n\n", list(&names));
    }
    for Group { names, lines } in groups {
        text += &format!("{}\n\n{}\n", list(names), fence("diff", lines));
    }
    text
}

fn lines(of: &HolderAccessV1, side: SideV1, examples: bool) -> Vec<String> {
    let entries = match side {
        SideV1::Gained => &of.gained,
        SideV1::Lost => &of.lost,
    };
    let decided = entries.iter().map(|entry| line(entry, side, examples));
    decided.chain(of.undecided.iter().filter(|open| open.side == side).map(undecided)).collect()
}

fn line(line: &AccessLineV1, side: SideV1, examples: bool) -> String {
    let (mark, denied) = match side {
        SideV1::Gained => ("+", "no longer denied"),
        SideV1::Lost => ("-", "now denied"),
    };
    let pattern = plain(&line.pattern);
    let mut text = format!("{} on {pattern}", actions(&line.actions, side));
    if let Some(among) = &line.denied {
        let among = plain(among);
        if among != pattern {
            text += &format!(" where it is {among}");
        }
        text += &format!(", {denied}");
    }
    text += &when(&line.conditions);
    for except in &line.except {
        // `*` is no bucket, and not the same as all of them.
        let short = plain(except);
        text += &format!(", except {}", if short == pattern { visible(except) } else { short });
    }
    let mut example = plain(&line.witness.resource);
    if line.witness.conditions != line.conditions {
        example += &when(&line.witness.conditions);
    }
    if examples && example != pattern {
        text += &format!("   e.g. {example}");
    }
    format!("{}{mark} {text}", on_some(line.profile)).trim_end().to_owned()
}

fn undecided(open: &UndecidedV1) -> String {
    let side = match open.side {
        SideV1::Gained => "gained",
        SideV1::Lost => "lost",
    };
    let actions = visible(&open.actions.join(", "));
    let text = format!("{actions} on {}: not decided, to be taken as {side}", plain(&open.pattern));
    match open.profile {
        None => format!("! {text}"),
        profile @ Some(_) => format!("{}{text}", on_some(profile)),
    }
}

fn actions(actions: &[String], side: SideV1) -> String {
    let more = match side {
        SideV1::Lost if actions.len() > NAMED_LOST => actions.len() - (NAMED_LOST - 1),
        SideV1::Gained | SideV1::Lost => 0,
    };
    let mut text = visible(&actions[..actions.len() - more].join(", "));
    if more > 0 {
        text += &format!(", {more} more actions");
    }
    text
}

fn when(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" when {}", visible(&conditions.join(" and "))) }
}

/// A pattern without what every pattern begins with.
fn plain(pattern: &str) -> String {
    let short = pattern.replace(ARN, "");
    visible(if short.is_empty() { pattern } else { &short })
}

/// What stands before a line that is so on some servers only.
fn on_some(profile: Option<ProfileV1>) -> &'static str {
    match profile {
        None => "",
        Some(ProfileV1::Aws) => "! on servers that evaluate as AWS does, also: ",
        Some(ProfileV1::Minio) => "! on MinIO-derived servers also: ",
    }
}
