//! The frame of a page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::text::Text;

/// The style of every page.
const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded, run or sent; only the page's own style is applied.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A part of a page that can be jumped to.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// What is in it.
    pub(super) body: Markup,
}

/// A whole page: what its heading says and stands on top, and its sections.
pub(super) fn page(title: &str, head: &Markup, sections: &[Section], version: &str) -> Markup {
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
                    ul { @for section in sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                }
                main id="main" tabindex="-1" {
                    (head)
                    @for section in sections {
                        section aria-labelledby=(section.id) {
                            h2 id=(section.id) { (section.title) }
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

/// A table in a box that scrolls, by keyboard as well.
pub(super) fn scrolling(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}
