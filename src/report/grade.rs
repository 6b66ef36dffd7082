//! Grades: how far the access of a document to a bucket goes, for each class of actions. The access engine decides about
//! all possible requests.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::access::{Access, Context, RuleList, gains};
use crate::policy::{Catalogue, Document, Effect, Kind, Level, Principals, Selector, Statement};

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
    pub fn of(kind: Kind, level: Level) -> Option<Self> {
        match (kind, level) {
            (Kind::Account, _) => None,
            (Kind::Bucket | Kind::Object, Level::List | Level::Read) => Some(Self::Read),
            (Kind::Object, Level::Write) => Some(Self::Write),
            (Kind::Bucket, Level::Write) | (Kind::Bucket | Kind::Object, Level::Permissions) => Some(Self::Admin),
        }
    }
}

/// A class of actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ClassV1", deny_unknown_fields)]
pub struct ClassActions {
    /// Its name.
    pub class: Class,
    /// All its actions.
    pub actions: Vec<String>,
    /// The actions that must be allowed on all of a bucket for the class to be `all`.
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

/// The level of access in each class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GradeV1", deny_unknown_fields)]
pub struct Grade {
    /// Reading.
    pub read: Reach,
    /// Writing.
    pub write: Reach,
    /// Administration.
    pub admin: Reach,
}

/// How far access goes by the rules that count. Of several rules of one kind, the most counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grades {
    /// By AWS rules; no access if they do not count.
    pub aws: Grade,
    /// By MinIO rules; no access if they do not count.
    pub minio: Grade,
}

impl Grade {
    /// The level of access in one class.
    pub fn reach(self, class: Class) -> Reach {
        match class {
            Class::Read => self.read,
            Class::Write => self.write,
            Class::Admin => self.admin,
        }
    }

    fn each(reach: impl Fn(Class) -> Reach) -> Self {
        Self { read: reach(Class::Read), write: reach(Class::Write), admin: reach(Class::Admin) }
    }

    fn most(self, other: Self) -> Self {
        let Self { read, write, admin } = self;
        Self { read: read.max(other.read), write: write.max(other.write), admin: admin.max(other.admin) }
    }
}

impl Grades {
    fn each(rules: &RuleList, grade: impl Fn(&RuleList) -> Grade) -> Self {
        let mut grades = Self::default();
        for one in rules.groups().into_iter().filter_map(|group| group.first().copied()) {
            let of_kind = if one.objects_cover_bucket { &mut grades.minio } else { &mut grades.aws };
            *of_kind = of_kind.most(grade(&one.into()));
        }
        grades
    }

    pub(super) fn unknown(rules: &RuleList) -> Self {
        Self::each(rules, |_| Grade::each(|_| Reach::Unknown))
    }
}

/// The core actions of reading and writing. The other actions of these classes are details.
const CORE: [&str; 4] = ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject"];

pub(super) fn classes(catalogue: &Catalogue) -> Vec<ClassActions> {
    let of_class = |class| {
        let members = catalogue.actions().iter().filter(|action| Class::of(action.kind, action.level) == Some(class));
        let actions: Vec<_> = members.map(|action| action.name.clone()).collect();
        let core: Vec<_> = actions.iter().filter(|name| CORE.contains(&name.as_str())).cloned().collect();
        ClassActions { class, core: if core.is_empty() { actions.clone() } else { core }, actions }
    };
    Class::ALL.map(of_class).into()
}

const EVERYTHING: &str = "s3:*";
const VERSION: &str = "2012-10-17";

/// Grades a document in a bucket, which is what these resources match, for the user of the context.
///
/// Three comparisons are needed. The document against itself with the bucket denied: the allowed access. The same without
/// the conditional parts: the access that is always allowed. The whole bucket against the document: the access that is not
/// always allowed.
pub(super) fn grades(
    document: &Document,
    bucket: &[String; 2],
    context: &Context<'_>,
    classes: &[ClassActions],
) -> Grades {
    if !document.statements.iter().any(|statement| statement.effect == Effect::Allow) {
        return Grades::default();
    }
    Grades::each(context.rules, |rules| grade(document, bucket, &Context { rules, ..*context }, classes))
}

fn grade(document: &Document, bucket: &[String; 2], context: &Context<'_>, classes: &[ClassActions]) -> Grade {
    let within = |document: &Document| {
        let mut denied = document.clone();
        denied.statements.push(everything(Effect::Deny, bucket));
        gains(Some(&denied), Some(document), context)
    };
    let some = within(document);
    if some.gained.is_empty() && some.undecided.is_empty() {
        return Grade::default();
    }
    let cautious = cautious(document, context.user.is_some());
    let always = if cautious == *document { some.clone() } else { within(&cautious) };
    let full = Document {
        version: Some(VERSION.to_owned()),
        statements: vec![everything(Effect::Allow, bucket)],
        ..Document::default()
    };
    let lacking = gains(Some(document), Some(&full), context);
    let [[some, open], [always, _], [lacking, undecided]] =
        [&some, &always, &lacking].map(|access| gained_and_undecided(access, context.catalogue));
    Grade::each(|class| {
        let Some(ClassActions { actions, core, .. }) = classes.iter().find(|one| one.class == class) else {
            return Reach::None;
        };
        let has = |found: &BTreeSet<&str>, of: &[String]| of.iter().any(|action| found.contains(action.as_str()));
        match (has(&some, actions), has(&always, actions)) {
            (false, _) if has(&open, actions) => Reach::Unknown,
            (false, _) => Reach::None,
            (true, false) => Reach::Depends,
            (true, true) if has(&lacking, core) || has(&undecided, core) => Reach::Part,
            (true, true) => Reach::All,
        }
    })
}

fn everything(effect: Effect, bucket: &[String; 2]) -> Statement {
    Statement::plain(effect, [EVERYTHING], bucket.iter().map(String::as_str))
}

/// The document with every open question answered against the user.
fn cautious(document: &Document, user: bool) -> Document {
    let unknown = |pattern: &String| {
        let filled = if user { pattern.replace("${aws:username}", "") } else { pattern.clone() };
        filled.contains("${")
    };
    let answered = |statement: &Statement| -> Option<Statement> {
        let mut statement = statement.clone();
        let conditions = (std::mem::take(&mut statement.conditions), std::mem::take(&mut statement.extra));
        let is_unclear = statement.principals.as_ref().is_some_and(Principals::may_be_anonymous);
        if is_unclear {
            statement.principals = None;
        }
        let conditional = !conditions.0.is_empty() || !conditions.1.is_empty() || is_unclear;
        let resources = &mut statement.resources;
        let variable = resources.patterns.iter().any(unknown);
        match (statement.effect, resources.negated) {
            (Effect::Allow, _) if conditional => return None,
            (Effect::Allow, true) if variable => return None,
            (Effect::Allow, _) => resources.patterns.retain(|pattern| !unknown(pattern)),
            (Effect::Deny, false) if variable => {
                resources.patterns.iter_mut().filter(|pattern| unknown(pattern)).for_each(|p| *p = "*".to_owned());
            }
            (Effect::Deny, true) => resources.patterns.retain(|pattern| !unknown(pattern)),
            (Effect::Deny, false) => {}
        }
        if resources.patterns.is_empty() && resources.negated {
            *resources = Selector { negated: false, patterns: vec!["*".to_owned()] };
        }
        (!resources.patterns.is_empty()).then_some(statement)
    };
    Document { statements: document.statements.iter().filter_map(answered).collect(), ..document.clone() }
}

fn gained_and_undecided<'a>(access: &Access, catalogue: &'a Catalogue) -> [BTreeSet<&'a str>; 2] {
    let gained: Vec<_> = access.gained.iter().flat_map(|line| &line.actions).collect();
    let undecided: Vec<_> = access.undecided.iter().flat_map(|open| &open.actions).collect();
    [named(&gained, catalogue), named(&undecided, catalogue)]
}

/// The actions of the catalogue that one of these names matches. A name may end in `*`.
fn named<'a>(names: &[&String], catalogue: &'a Catalogue) -> BTreeSet<&'a str> {
    let fits = |name: &String, action: &str| match name.strip_suffix('*') {
        Some(stem) => action.starts_with(stem),
        None => action == name,
    };
    let actions = catalogue.actions().iter().map(|action| action.name.as_str());
    actions.filter(|action| names.iter().any(|name| fits(name, action))).collect()
}
