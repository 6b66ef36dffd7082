//! HTML pages: one file each, without network and scripts, made of the frozen copies in [`json`](super::json). This file
//! has the parts that they share: the frame of a page, foreign text, names, words for values.

mod changes;
mod matrix;
mod plan;
mod report;

pub use plan::{many, outcome, plan};
pub use report::report;

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

use crate::render::json::{CallV1, ClusterV1, KindV1, StepV1};
use crate::render::phrase::shown;
use crate::report::{Class, Reach};

const STYLE: &str = include_str!("style.css");

/// The page loads, runs and sends nothing. Only its own style applies.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

struct Section {
    id: String,
    title: String,
    body: Markup,
}

impl Section {
    fn new(id: impl Into<String>, title: impl Into<String>, body: Markup) -> Self {
        Self { id: id.into(), title: title.into(), body }
    }
}

fn page(title: &str, head: &Markup, sections: &[Section], version: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "attune " (Text(version)) };
                title { (Text(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header { h1 { (Text(title)) } }
                nav aria-label="Sections" {
                    ul { @for section in sections { li { a href={ "#" (section.id) } { (Text(&section.title)) } } } }
                }
                main id="main" tabindex="-1" {
                    (head)
                    @for section in sections {
                        section aria-labelledby=(section.id) {
                            h2 id=(section.id) { (Text(&section.title)) }
                            (section.body)
                        }
                    }
                }
                footer {
                    p { "Made by attune " (Text(version)) ". This page loads nothing and runs no script." }
                }
            }
        }
    }
}

/// A table that scrolls: a landmark, whose label no section has.
fn scrolling(label: &str, table: &Markup) -> Markup {
    html! { section.scroll aria-label=(label) tabindex="0" { (table) } }
}

/// A table that scrolls. The first cell of a row is its heading.
fn table(label: &str, caption: &str, columns: &[&str], rows: impl Iterator<Item = Vec<Markup>>) -> Markup {
    let table = html! {
        table {
            caption { (caption) }
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody { @for row in rows { tr {
                @for (index, cell) in row.iter().enumerate() { @if index == 0 { th scope="row" { (cell) } } @else { td { (cell) } } }
            } } }
        }
    };
    scrolling(label, &table)
}

fn cluster(cluster: &ClusterV1) -> Markup {
    html! {
        dt { "Cluster" } dd { (name(&cluster.name)) " " span.dim { (Text(&cluster.guid)) } }
        dt { "Release" } dd { "WEKA " (Text(&cluster.release)) }
        dt { "Tenant" } dd { (name(&cluster.tenant)) }
    }
}

fn api_call(step: &StepV1) -> Markup {
    let verb = match step.call {
        CallV1::AddPolicy => "add policy",
        CallV1::RemovePolicy => "remove policy",
        CallV1::Attach => "attach",
        CallV1::RevokeKeys => "revoke the keys of",
        CallV1::Detach => "detach",
        CallV1::SetBucketPolicy => "set the policy of",
    };
    html! {
        (verb) " "
        @if let Some(policy) = &step.policy { (name(policy)) " " }
        @if let Some(user) = &step.user { "user " (name(user)) " " }
        @if let Some(group) = &step.group { "group " (name(group)) " " }
        @if let Some(bucket) = &step.bucket { "bucket " (name(bucket)) " to " (step.bucket_policy.as_deref().unwrap_or("a document")) " " }
    }
}

/// Foreign text: escaped for HTML, with hidden characters escaped.
struct Text<'a>(&'a str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        shown(self.0).render_to(buffer);
    }
}

fn text(text: &str) -> Markup {
    html! { (Text(text)) }
}

/// A name or pattern, isolated so that its direction does not affect the text around it.
fn name(text: &str) -> Markup {
    html! { bdi { (Text(text)) } }
}

/// A user or group in a list of names: `alice`, `group/ml`.
fn label(user: Option<&str>, group: Option<&str>) -> String {
    match (user, group) {
        (Some(user), _) => user.to_owned(),
        (None, Some(group)) => format!("group/{group}"),
        (None, None) => String::new(),
    }
}

/// Names separated by spaces: the first few, and the others in a fold.
fn names(labels: &[String], first: usize) -> Markup {
    // Hiding one name saves nothing.
    let first = if labels.len() <= first + 1 { labels.len() } else { first };
    let (seen, hidden) = labels.split_at(first);
    html! {
        @for label in seen { (name(label)) " " }
        @if !hidden.is_empty() {
            details {
                summary { "and " (hidden.len()) " more" }
                @for label in hidden { (name(label)) " " }
            }
        }
    }
}

/// A level of access: its symbol and its word.
fn reach(reach: Reach) -> (&'static str, &'static str) {
    match reach {
        Reach::None => ("○", "none"),
        Reach::Depends => ("?", "depends"),
        Reach::Part => ("◐", "part"),
        Reach::All => ("●", "all"),
        Reach::Unknown => ("!", "unknown"),
    }
}

/// A class of actions: its letter and its name.
fn class_words(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Read => ("R", "read"),
        Class::Write => ("W", "write"),
        Class::Admin => ("A", "admin"),
    }
}

/// A kind of change: its style, its mark and its words.
fn kind(kind: KindV1) -> (&'static str, &'static str, &'static str) {
    match kind {
        KindV1::AddPolicy => ("a", "+", "add policy"),
        KindV1::ReplacePolicy => ("c", "±", "replace policy"),
        KindV1::RenamePolicy => ("c", ">", "rename policy"),
        KindV1::RemovePolicy => ("r", "−", "remove policy"),
        KindV1::Attach => ("a", "+", "attach"),
        KindV1::Move => ("c", ">", "move"),
        KindV1::Detach => ("r", "−", "detach"),
        KindV1::SetBucketPolicy => ("c", "±", "set bucket policy"),
    }
}
