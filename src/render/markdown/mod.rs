//! Markdown (of GitHub and GitLab) for pull requests: a comment with all that an approval needs, within a length limit.

mod changes;
mod escape;
mod many;
mod outcome;
mod plan;

#[cfg(test)]
mod tests;

pub use many::{many, one_of_many};
pub use outcome::outcome;
pub use plan::{drift, plan};

/// The minimum of the length limit, in Unicode code points: the shortest comments fit.
pub const LEAST: usize = 1_500;

/// The default length limit. GitHub takes 65 536; the rest is for text around the comment.
pub const USUAL: usize = 60_000;

fn fits(page: &str, max: usize) -> bool {
    page.chars().count() <= max
}
