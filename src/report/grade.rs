//! How far access to a bucket goes, by class of action.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Members;
use crate::policy::access::Profile;
use crate::policy::{Catalogue, Kind, Level};

/// A class of actions. An action on no bucket, such as listing all buckets, is in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Sees what is in a bucket, or how it is set up.
    Read,
    /// Changes objects.
    Write,
    /// Changes the bucket itself or who may do what with it, or gets around a lock.
    Admin,
}

impl Class {
    /// All.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The class of an action.
    #[must_use]
    pub fn of(kind: Kind, level: Level) -> Option<Self> {
        match (kind, level) {
            (Kind::Account, _) => None,
            (Kind::Bucket | Kind::Object, Level::List | Level::Read) => Some(Self::Read),
            (Kind::Object, Level::Write) => Some(Self::Write),
            (Kind::Bucket, Level::Write) | (Kind::Bucket | Kind::Object, Level::Permissions) => Some(Self::Admin),
        }
    }
}

/// How far access goes within a class, from least to most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// No action of the class is allowed on anything in the bucket.
    #[default]
    None,
    /// Something is allowed, and nothing of it whatever the conditions' answers are.
    Depends,
    /// Something is always allowed, and not all.
    Part,
    /// The core actions of the class are always allowed on all of the bucket.
    All,
    /// The document is not known, or the search was given up.
    Unknown,
}

/// How far access goes in each class, by the rules of one profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grade {
    /// Reading.
    pub read: Reach,
    /// Writing.
    pub write: Reach,
    /// Administration.
    pub admin: Reach,
}

/// How far access goes, by the rules of each profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grades {
    /// By AWS's rules.
    pub aws: Grade,
    /// By those of servers of MinIO's line.
    pub minio: Grade,
}

impl Grade {
    pub(super) fn each(mut reach: impl FnMut(Class) -> Reach) -> Self {
        Self { read: reach(Class::Read), write: reach(Class::Write), admin: reach(Class::Admin) }
    }
}

impl Grades {
    /// No access.
    pub const NONE: Self = Self { aws: Grade::NONE, minio: Grade::NONE };

    pub(super) const UNKNOWN: Self = Self { aws: Grade::UNKNOWN, minio: Grade::UNKNOWN };

    pub(super) fn each(mut grade: impl FnMut(Profile) -> Grade) -> Self {
        Self { aws: grade(Profile::Aws), minio: grade(Profile::Minio) }
    }
}

impl Grade {
    const NONE: Self = Self { read: Reach::None, write: Reach::None, admin: Reach::None };
    const UNKNOWN: Self = Self { read: Reach::Unknown, write: Reach::Unknown, admin: Reach::Unknown };
}

/// The classes of a catalogue.
pub(super) struct Classes<'a>(Vec<(Class, BTreeSet<&'a str>, BTreeSet<&'a str>)>);

/// What is meant by all of reading and writing, in a word; all else of those classes is detail.
const CORE: [&str; 4] = ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject"];

impl<'a> Classes<'a> {
    pub(super) fn of(catalogue: &'a Catalogue) -> Self {
        let classes = Class::ALL.into_iter().map(|class| {
            let members =
                catalogue.actions().iter().filter(|action| Class::of(action.kind, action.level) == Some(class));
            let actions: BTreeSet<_> = members.map(|action| action.name.as_str()).collect();
            let core: BTreeSet<_> = actions.iter().copied().filter(|name| CORE.contains(name)).collect();
            let core = if core.is_empty() { actions.clone() } else { core };
            (class, actions, core)
        });
        Self(classes.collect())
    }

    /// How far access goes in each class. Actions that are allowed under some answers and on some resources; always, on
    /// some resources; not always, or not on all; and those that were not decided.
    pub(super) fn grade(
        &self,
        some: &BTreeSet<&str>,
        always: &BTreeSet<&str>,
        lacking: &BTreeSet<&str>,
        open: &BTreeSet<&str>,
    ) -> Grade {
        Grade::each(|class| {
            let Some((_, actions, core)) = self.0.iter().find(|(of, ..)| *of == class) else { return Reach::None };
            if actions.is_disjoint(some) {
                return if actions.is_disjoint(open) { Reach::None } else { Reach::Unknown };
            }
            if actions.is_disjoint(always) {
                Reach::Depends
            } else if core.is_disjoint(lacking) {
                Reach::All
            } else {
                Reach::Part
            }
        })
    }

    pub(super) fn members(&self) -> Vec<Members> {
        let texts = |set: &BTreeSet<&str>| set.iter().map(ToString::to_string).collect();
        let members = |(class, actions, core): &(Class, BTreeSet<&str>, BTreeSet<&str>)| Members {
            class: *class,
            actions: texts(actions),
            core: texts(core),
        };
        self.0.iter().map(members).collect()
    }
}
