//! Grades: how far the access of a document to a bucket goes, for each class of actions. The access engine decides about
//! all possible requests.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use crate::policy::access::{Access, Context, Profile, gains};
use crate::policy::{Catalogue, Document, Effect, Kind, Level, Selector, Statement};

/// A class of actions. Actions without a bucket, such as listing all buckets, have no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Reads objects, or the settings of a bucket.
    Read,
    /// Changes objects.
    Write,
    /// Changes the bucket or its permissions, or bypasses a lock.
    Admin,
}

impl Class {
    /// All classes.
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

/// The actions of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassActions {
    /// The class.
    pub class: Class,
    /// All its actions.
    pub actions: Vec<String>,
    /// The core actions: the class is allowed as a whole if these are allowed in the whole bucket.
    pub core: Vec<String>,
}

/// How far access to a class goes, from least to most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// No action of the class is allowed in the bucket.
    #[default]
    None,
    /// Something is allowed, but only under conditions.
    Depends,
    /// Something is always allowed, but not all.
    Part,
    /// The core actions of the class are always allowed in the whole bucket.
    All,
    /// The document is unknown, or the search was given up.
    Unknown,
}

/// How far access goes in each class, by one set of rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grade {
    /// Reading.
    pub read: Reach,
    /// Writing.
    pub write: Reach,
    /// Administration.
    pub admin: Reach,
}

/// How far access goes, by both sets of rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grades {
    /// By AWS rules.
    pub aws: Grade,
    /// By MinIO rules.
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

/// The classes of a catalogue, with all and with the core actions.
pub(super) struct Classes<'a>(Vec<(Class, BTreeSet<&'a str>, BTreeSet<&'a str>)>);

/// The core actions of reading and writing. The other actions of these classes are details.
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

    /// How far access goes in each class. The arguments are actions that are allowed under some conditions on some resources;
    /// always allowed on some resources; not always allowed on all resources; and undecided.
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

    pub(super) fn actions(&self) -> Vec<ClassActions> {
        let texts = |set: &BTreeSet<&str>| set.iter().map(ToString::to_string).collect();
        let actions_of = |(class, actions, core): &(Class, BTreeSet<&str>, BTreeSet<&str>)| ClassActions {
            class: *class,
            actions: texts(actions),
            core: texts(core),
        };
        self.0.iter().map(actions_of).collect()
    }
}

const EVERYTHING: &str = "s3:*";
const VERSION: &str = "2012-10-17";

/// Grades a document in a bucket, for the user of the context.
///
/// Three comparisons are needed. The document against itself with the bucket denied: the allowed access. The same without
/// the conditional parts: the access that is always allowed. The whole bucket against the document: the access that is not
/// always allowed.
pub(super) fn grades(document: &Document, bucket: &Bucket, context: &Context<'_>, classes: &Classes<'_>) -> Grades {
    if !document.statements.iter().any(|statement| statement.effect == Effect::Allow) {
        return Grades::NONE;
    }
    let within = |document: &Document| {
        let mut denied = document.clone();
        denied.statements.push(everything(Effect::Deny, bucket));
        gains(Some(&denied), Some(document), context)
    };
    let some = within(document);
    if some.gained.is_empty() && some.undecided.is_empty() {
        return Grades::NONE;
    }
    let cautious = cautious(document, context.user.is_some());
    let always = cautious.as_ref().map(within);
    let always = always.as_ref().unwrap_or(&some);
    let full = Document {
        version: Some(VERSION.to_owned()),
        statements: vec![everything(Effect::Allow, bucket)],
        ..Document::default()
    };
    let lacking = gains(Some(document), Some(&full), context);
    Grades::each(|profile| {
        let named = |access| gained_actions(access, profile, context.catalogue);
        let open = |access| undecided_actions(access, profile, context.catalogue);
        let lacking: BTreeSet<&str> = named(&lacking).union(&open(&lacking)).copied().collect();
        classes.grade(&named(&some), &named(always), &lacking, &open(&some))
    })
}

fn everything(effect: Effect, bucket: &Bucket) -> Statement {
    Statement {
        sid: None,
        effect,
        actions: Selector { negated: false, patterns: vec![EVERYTHING.to_owned()] },
        resources: Selector { negated: false, patterns: bucket.resources().to_vec() },
        conditions: Vec::new(),
        extra: std::collections::BTreeMap::new(),
    }
}

/// The document with every open question answered against the user, or `None` without open questions.
fn cautious(document: &Document, user: bool) -> Option<Document> {
    let unknown = |pattern: &String| {
        let filled = if user { pattern.replace("${aws:username}", "") } else { pattern.clone() };
        filled.contains("${")
    };
    let is_open = |statement: &Statement| {
        let variable = statement.resources.patterns.iter().any(unknown);
        variable || !statement.conditions.is_empty() || !statement.extra.is_empty()
    };
    if !document.statements.iter().any(is_open) {
        return None;
    }
    let answered = |statement: &Statement| -> Option<Statement> {
        let mut statement = statement.clone();
        let unconditional = statement.conditions.is_empty() && statement.extra.is_empty();
        let resources = &mut statement.resources;
        let variable = resources.patterns.iter().any(unknown);
        match (statement.effect, resources.negated) {
            (Effect::Allow, _) if !unconditional => return None,
            (Effect::Allow, true) if variable => return None,
            (Effect::Allow, _) => resources.patterns.retain(|pattern| !unknown(pattern)),
            (Effect::Deny, false) if variable => {
                resources.patterns.iter_mut().filter(|pattern| unknown(pattern)).for_each(|p| *p = "*".to_owned());
            }
            (Effect::Deny, true) => resources.patterns.retain(|pattern| !unknown(pattern)),
            (Effect::Deny, false) => {}
        }
        statement.conditions.clear();
        statement.extra.clear();
        if statement.resources.patterns.is_empty() { everywhere(statement) } else { Some(statement) }
    };
    Some(Document { statements: document.statements.iter().filter_map(answered).collect(), ..document.clone() })
}

/// A statement without patterns left: a negated one applies to everything.
fn everywhere(mut statement: Statement) -> Option<Statement> {
    if !statement.resources.negated {
        return None;
    }
    statement.resources = Selector { negated: false, patterns: vec!["*".to_owned()] };
    Some(statement)
}

fn gained_actions<'a>(access: &Access, profile: Profile, catalogue: &'a Catalogue) -> BTreeSet<&'a str> {
    let lines = access.gained.iter().filter(|line| line.profile.is_none_or(|only| only == profile));
    lines.flat_map(|line| &line.actions).flat_map(|name| matching(name, catalogue)).collect()
}

fn undecided_actions<'a>(access: &Access, profile: Profile, catalogue: &'a Catalogue) -> BTreeSet<&'a str> {
    let open = access.undecided.iter().filter(|open| open.profile.is_none_or(|only| only == profile));
    open.flat_map(|open| &open.actions).flat_map(|name| matching(name, catalogue)).collect()
}

/// The actions of the catalogue that a name matches. It may end in `*`.
fn matching<'a>(name: &str, catalogue: &'a Catalogue) -> impl Iterator<Item = &'a str> {
    let (stem, open) = name.strip_suffix('*').map_or((name, false), |stem| (stem, true));
    let fits = move |action: &&str| if open { action.starts_with(stem) } else { *action == stem };
    catalogue.actions().iter().map(|action| action.name.as_str()).filter(fits).collect::<Vec<_>>().into_iter()
}
