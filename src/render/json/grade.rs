//! How far access to a bucket goes, for machines: a part of `attune.report/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Bucket, Cell, Class, Grade, Grades, Members, Reach};

/// A class of actions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassV1 {
    /// Which.
    pub class: ClassNameV1,
    /// All its actions.
    pub actions: Vec<String>,
    /// Those that must be allowed on all of a bucket for the class to be `all`.
    pub core: Vec<String>,
}

/// The classes of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClassNameV1 {
    /// Sees what is in a bucket, or how it is set up.
    Read,
    /// Changes objects.
    Write,
    /// Changes the bucket itself or who may do what with it, or gets around a lock.
    Admin,
}

/// Access to a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CellV1 {
    /// The name of the column.
    pub bucket: String,
    /// Now; all `none` when that was not looked at.
    pub before: GradesV1,
    /// Then; all `none` when that was not looked at.
    pub after: GradesV1,
}

/// How far access goes, by each of the rules of evaluation that a server may follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GradesV1 {
    /// By AWS's rules.
    pub aws: GradeV1,
    /// By those of servers of MinIO's lineage.
    pub minio: GradeV1,
}

/// How far access goes in each class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GradeV1 {
    /// Reading.
    pub read: ReachV1,
    /// Writing.
    pub write: ReachV1,
    /// Administration.
    pub admin: ReachV1,
}

/// How far access goes within a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReachV1 {
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

impl ClassV1 {
    pub(super) fn of(members: &Members) -> Self {
        let class = match members.class {
            Class::Read => ClassNameV1::Read,
            Class::Write => ClassNameV1::Write,
            Class::Admin => ClassNameV1::Admin,
        };
        Self { class, actions: members.actions.clone(), core: members.core.clone() }
    }
}

impl CellV1 {
    pub(super) fn of(cell: &Cell, buckets: &[Bucket]) -> Self {
        let bucket = buckets.get(cell.bucket).map(name_of).unwrap_or_default();
        Self { bucket, before: GradesV1::of(cell.before), after: GradesV1::of(cell.after) }
    }
}

impl GradesV1 {
    fn of(grades: Grades) -> Self {
        Self { aws: GradeV1::of(grades.aws), minio: GradeV1::of(grades.minio) }
    }
}

impl GradeV1 {
    fn of(Grade { read, write, admin }: Grade) -> Self {
        Self { read: ReachV1::of(read), write: ReachV1::of(write), admin: ReachV1::of(admin) }
    }

    /// How far access goes in one class.
    #[must_use]
    pub fn reach(self, class: ClassNameV1) -> ReachV1 {
        match class {
            ClassNameV1::Read => self.read,
            ClassNameV1::Write => self.write,
            ClassNameV1::Admin => self.admin,
        }
    }
}

impl ReachV1 {
    fn of(reach: Reach) -> Self {
        match reach {
            Reach::None => Self::None,
            Reach::Depends => Self::Depends,
            Reach::Part => Self::Part,
            Reach::All => Self::All,
            Reach::Unknown => Self::Unknown,
        }
    }
}

/// The name of a column.
pub(super) fn name_of(bucket: &Bucket) -> String {
    match bucket {
        Bucket::Named(name) | Bucket::Pattern(name) => name.clone(),
        Bucket::Others(_) => "*".to_owned(),
    }
}
