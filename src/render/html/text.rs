//! Text from elsewhere on a page.

use maud::{Markup, Render, html};

use crate::render::json::{AccessChangeV1, AttachedPrincipalV1, AttachmentV1, PrincipalV1};
use crate::render::words::shown;

/// Text that may hold anything: escaped, with control and direction characters written out.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        shown(self.0).render_to(buffer);
    }
}

/// A name or pattern, set so that its direction does not touch what is around it.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (Text(text)) } }
}

/// Who can hold a policy.
pub(super) trait Who {
    /// The user and the group, of which there is one.
    fn who(&self) -> (Option<&str>, Option<&str>);

    /// Its name where it is among others: `alice`, `group/ml`.
    fn label(&self) -> String {
        match self.who() {
            (Some(user), _) => user.to_owned(),
            (None, Some(group)) => format!("group/{group}"),
            (None, None) => String::new(),
        }
    }
}

macro_rules! who {
    ($($type:ty)*) => {
        $(impl Who for $type {
            fn who(&self) -> (Option<&str>, Option<&str>) {
                (self.user.as_deref(), self.group.as_deref())
            }
        })*
    };
}

who! { PrincipalV1 AttachmentV1 AttachedPrincipalV1 AccessChangeV1 }

/// Names with blanks between them: the first few, and the others where they are asked for.
pub(super) fn names(labels: &[String], first: usize) -> Markup {
    // To hide one name saves nothing.
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
