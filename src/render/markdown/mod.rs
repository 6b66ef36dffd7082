//! Markdown (GitHub's and GitLab's) for pull requests: a comment that says all that must be known before agreeing, within the
//! number of characters that a comment may have.
//!
//! Whatever is in a name or a document stays text: see `escape`.

mod access;
mod base;
mod change;
mod changes;
mod cut;
mod diff;
mod drift;
mod escape;
mod findings;
mod marker;
mod outcome;
mod plan;
mod review;

pub use drift::drift;
pub use outcome::outcome;
pub use plan::plan;

/// How many characters (Unicode code points) a comment may have at least: the shortest ones must fit.
pub const LEAST: usize = 1_500;

/// How many it has when nothing else is said. GitHub takes 65 536; the rest is for what is put around it.
pub const USUAL: usize = 60_000;

/// How much of a text from elsewhere is shown where all of it need not fit, in characters.
const CLIPPED: usize = 40;

fn fits(page: &str, max: usize) -> bool {
    page.chars().count() <= max
}

/// The beginning of a text.
fn clipped(text: &str) -> String {
    let visible = escape::visible(text);
    if visible.chars().count() <= CLIPPED {
        return visible;
    }
    visible.chars().take(CLIPPED - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
