//! Access gained and lost, by user and group.

use maud::{Markup, html};

use super::text::{Text, name, names};
use super::words;
use crate::policy::access::Side;
use crate::render::json::{AccessChangeV1, AccessLineV1, PlanV1, UndecidedV1};
use crate::render::phrase::{alike, whose};

/// How many names are seen at once.
const NAMED: usize = 12;

/// How many names a heading may have.
const HEADED: usize = 4;

/// What each user and group gains and loses; those for whom it is the same are together.
pub(super) fn access(plan: &PlanV1) -> Markup {
    let mut order = alike(plan.changes.iter().flat_map(|change| &change.access));
    // What is gained is what a reviewer looks for.
    order.sort_by_key(|some| !some.first().is_some_and(|access| gains(access)));
    html! {
        @if order.is_empty() { p { "Nobody's access becomes another." } }
        @for some in &order { (one(some)) }
        @if !plan.unreported.by_name.is_empty() {
            h3 { "Access that others may gain, whom the cluster does not report" }
            @for some in &alike(plan.unreported.by_name.iter()) { (one(some)) }
        }
    }
}

fn gains(access: &AccessChangeV1) -> bool {
    !access.gained.is_empty() || access.undecided.iter().any(|open| open.side == Side::Gained)
}

/// Those that gain and lose the same.
fn one(some: &[&AccessChangeV1]) -> Markup {
    let Some(access) = some.first() else { return html! {} };
    let holders: Vec<String> = some.iter().map(|of| whose(of, |name| name.to_owned())).collect();
    let open = |side| access.undecided.iter().filter(move |open| open.side == side).collect::<Vec<_>>();
    html! {
        article.card {
            @if holders.len() <= HEADED {
                h3 { @for (index, holder) in holders.iter().enumerate() { @if index > 0 { ", " } (name(holder)) } }
            } @else {
                h3 { (holders.len()) " users and groups" }
                div.p { (names(&holders, NAMED)) }
            }
            (lines("gained", "g", "+", &access.gained, &open(Side::Gained)))
            (lines("lost", "l", "−", &access.lost, &open(Side::Lost)))
        }
    }
}

fn lines(word: &str, class: &str, mark: &str, lines: &[AccessLineV1], open: &[&UndecidedV1]) -> Markup {
    html! {
        @if !lines.is_empty() || !open.is_empty() {
            ul.plain aria-label={ "Access " (word) } {
                @for line in lines {
                    li { span class=(class) { span aria-hidden="true" { (mark) " " } (word) } ": " (line_of(line)) }
                }
                @for open in open {
                    li {
                        span.c { span aria-hidden="true" { "! " } "may be " (word) } ", not decided: "
                        (name(&open.actions.join(", "))) " on " (name(short(&open.pattern)))
                        @if let Some(profile) = open.profile { " (" (words::profile(profile)) ")" }
                    }
                }
            }
        }
    }
}

fn line_of(line: &AccessLineV1) -> Markup {
    html! {
        (name(&line.actions.join(", "))) " on " (name(short(&line.pattern)))
        @for except in &line.except { ", except " (name(short(except))) }
        @if let Some(denied) = &line.denied { ", as far as " (name(short(denied))) " was or is denied" }
        @for (index, condition) in line.conditions.iter().enumerate() {
            @if index == 0 { ", where " } @else { " and " }
            (Text(condition))
        }
        @if let Some(profile) = line.profile { " (" (words::profile(profile)) ")" }
        span.dim { ", e.g. " (name(&line.example.action)) " on " (name(short(&line.example.resource))) }
    }
}

/// A resource without what all begin with.
fn short(resource: &str) -> &str {
    resource.strip_prefix("arn:aws:s3:::").unwrap_or(resource)
}
