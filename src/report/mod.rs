//! Who holds what and may do what, where: the state of a cluster or of a file, and what a plan makes of it. Pure.

mod bucket;
mod evaluate;
mod grade;
mod matrix;
mod state;

#[cfg(test)]
mod tests;

pub use bucket::Bucket;
pub use grade::{Class, Grade, Grades, Reach};
pub use matrix::{Cell, Matrix, Row};
pub use state::State;

use crate::base::{PolicyName, Principal};
use crate::observed::{Body, Identity, Limits};
use crate::plan::Digest;
use crate::policy::Catalogue;

/// What is looked at.
#[derive(Debug, Clone)]
pub enum Looked {
    /// The cluster as it is.
    Cluster(State),
    /// What the file declares.
    File(State),
    /// The cluster as it is, and as a plan leaves it.
    Both {
        /// As it is.
        before: State,
        /// As it is when the plan has been run.
        after: State,
    },
}

/// The whole report.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was looked at.
    pub looked: Looked,
    /// Which cluster, where there is one.
    pub identity: Option<Identity>,
    /// The digest of the plan, where there is one.
    pub digest: Option<Digest>,
    /// How much a cluster takes.
    pub limits: Limits,
    /// Who may do what, where.
    pub matrix: Matrix,
    /// The actions that each class consists of, and those that make it whole.
    pub classes: Vec<Members>,
}

/// The actions of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// The class.
    pub class: Class,
    /// All its actions.
    pub actions: Vec<String>,
    /// Those that must be allowed on all of a bucket for the class to be allowed as a whole.
    pub core: Vec<String>,
}

impl Looked {
    /// What is, where that was looked at.
    #[must_use]
    pub fn before(&self) -> Option<&State> {
        match self {
            Self::Cluster(before) | Self::Both { before, .. } => Some(before),
            Self::File(_) => None,
        }
    }

    /// What will be, where that was looked at.
    #[must_use]
    pub fn after(&self) -> Option<&State> {
        match self {
            Self::File(after) | Self::Both { after, .. } => Some(after),
            Self::Cluster(_) => None,
        }
    }

    /// All users and groups of both sides, in order.
    #[must_use]
    pub fn principals(&self) -> Vec<&Principal> {
        let sides = [self.before(), self.after()];
        let mut all: Vec<_> = sides.iter().flatten().flat_map(|state| state.holders.keys()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// All policies of both sides, in order.
    #[must_use]
    pub fn policies(&self) -> Vec<&PolicyName> {
        let sides = [self.before(), self.after()];
        let mut all: Vec<_> = sides.iter().flatten().flat_map(|state| state.policies.keys()).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Puts a report together.
#[must_use]
pub fn report(looked: Looked, identity: Option<Identity>, digest: Option<Digest>, catalogue: &Catalogue) -> Report {
    let classes = grade::Classes::of(catalogue);
    let matrix = matrix::matrix(&looked, &classes, catalogue);
    Report { looked, identity, digest, limits: Limits::default(), matrix, classes: classes.members() }
}

/// What somebody holds: nothing, a document, or one that is not known.
#[derive(Debug, Clone, Copy)]
enum Held<'a> {
    Nothing,
    Document(&'a crate::policy::Normal),
    Unknown,
}

impl State {
    fn held(&self, principal: &Principal) -> Held<'_> {
        let Some(policy) = self.holders.get(principal).and_then(Option::as_ref) else { return Held::Nothing };
        let body = match self.lists.get(policy) {
            Some(together) => together.as_ref(),
            None => self.policies.get(policy),
        };
        match body {
            Some(Body::Known(normal)) => Held::Document(normal),
            Some(Body::NotRead | Body::Unreadable(_)) => Held::Unknown,
            None => Held::Nothing,
        }
    }
}
