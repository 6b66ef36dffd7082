//! The access matrix: users and groups by buckets.

use std::collections::{BTreeMap, BTreeSet};

use super::bucket::{Bucket, is_even};
use super::grade::{ClassActions, Grades, grades};
use super::state::{Granted, Scope, State};
use crate::base::Principal;
use crate::policy::access::Context;
use crate::policy::{Document, Normal, Statement};

/// The matrix. All rows are different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The columns.
    pub buckets: Vec<Bucket>,
    /// The rows, in the order of their first user or group.
    pub rows: Vec<Row>,
}

/// Users and groups with the same access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The users and groups.
    pub principals: Vec<Principal>,
    /// Whether anyone without a login has this access as well.
    pub anonymous: bool,
    /// The cells with access before or after, in the order of the columns.
    pub cells: Vec<Cell>,
}

/// Access to a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The column.
    pub bucket: usize,
    /// The access now; none if not reported.
    pub before: Grades,
    /// The access after; none if not reported.
    pub after: Grades,
}

pub(super) fn matrix(scope: &Scope, classes: &[ClassActions], context: &Context<'_>) -> Matrix {
    let sides = [scope.before(), scope.after()];
    let everything: Vec<_> =
        scope.principals().into_iter().map(|who| (who, sides.map(|side| granted(side, who)))).collect();
    let without_login = sides.map(|side| side.map_or(Granted::Nothing, State::without_login));
    let all = everything.iter().flat_map(|(_, sides)| sides).chain(&without_login);
    let documents: BTreeSet<&Normal> = all.clone().filter_map(|granted| granted.document()).collect();
    let mut buckets = Bucket::of(&documents.iter().map(|normal| normal.document()).collect::<Vec<_>>());
    if buckets.is_empty() && all.clone().any(|granted| matches!(granted, Granted::Unknown)) {
        buckets.push(Bucket::Pattern("*".to_owned()));
    }
    let mut evaluator = Evaluator { buckets: &buckets, classes, context, known: BTreeMap::new() };
    let mut rows: BTreeMap<Vec<Cell>, Vec<Principal>> = BTreeMap::new();
    for (who, [before, after]) in everything {
        let (before, after) = (evaluator.line(before, who), evaluator.line(after, who));
        rows.entry(merged(&before, &after)).or_default().push(who.clone());
    }
    let mut rows: Vec<Row> =
        rows.into_iter().map(|(cells, principals)| Row { principals, anonymous: false, cells }).collect();
    if sides.iter().flatten().any(|state| state.anonymous.is_some()) {
        let context = context.anonymous();
        let mut evaluator = Evaluator { buckets: &buckets, classes, context: &context, known: BTreeMap::new() };
        let [before, after] = without_login.map(|granted| evaluator.line_of(granted, &context));
        let cells = merged(&before, &after);
        match rows.iter_mut().find(|row| row.cells == cells) {
            Some(row) => row.anonymous = true,
            None => rows.push(Row { principals: Vec::new(), anonymous: true, cells }),
        }
    }
    rows.sort_by(|one, other| one.principals.cmp(&other.principals));
    Matrix { buckets, rows }
}

fn granted<'a>(side: Option<&'a State>, who: &Principal) -> Granted<'a> {
    side.map_or(Granted::Nothing, |state| state.granted(who))
}

impl<'a> Granted<'a> {
    fn document(&self) -> Option<&'a Normal> {
        match self {
            Self::Document(normal) => Some(normal),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

type Line = BTreeMap<usize, Grades>;

fn merged(before: &Line, after: &Line) -> Vec<Cell> {
    let columns: BTreeSet<usize> = before.keys().chain(after.keys()).copied().collect();
    let of = |line: &Line, column| line.get(column).copied().unwrap_or_default();
    columns
        .iter()
        .map(|bucket| Cell { bucket: *bucket, before: of(before, bucket), after: of(after, bucket) })
        .collect()
}

/// Evaluates each document once, and the parts that depend on the user once for each user.
struct Evaluator<'a> {
    buckets: &'a [Bucket],
    classes: &'a [ClassActions],
    context: &'a Context<'a>,
    known: BTreeMap<&'a Normal, Evaluation<'a>>,
}

struct Evaluation<'a> {
    /// The parts that depend on the user.
    variable: Vec<BucketPart<'a>>,
    /// The cells of the other parts.
    same: Line,
}

/// The part of a document about one bucket.
struct BucketPart<'a> {
    bucket: (usize, &'a Bucket),
    document: Document,
    variable: bool,
    /// The patterns that may match something in the bucket, if they treat all such buckets the same.
    even: Option<Vec<String>>,
}

impl<'a> Evaluator<'a> {
    fn line(&mut self, granted: Granted<'a>, who: &Principal) -> Line {
        let context = self.context.with(who);
        self.line_of(granted, &context)
    }

    fn line_of(&mut self, granted: Granted<'a>, of_one: &Context<'_>) -> Line {
        let normal = match granted {
            Granted::Nothing => return Line::new(),
            Granted::Unknown => {
                return (0..self.buckets.len()).map(|column| (column, Grades::unknown(self.context.rules))).collect();
            }
            Granted::Document(normal) => normal,
        };
        let (buckets, classes, context) = (self.buckets, self.classes, self.context);
        let Evaluation { variable, same } = self.known.entry(normal).or_insert_with(|| {
            let part = |(column, bucket)| BucketPart::of(normal.document(), column, bucket);
            let parts = buckets.iter().enumerate().filter_map(part);
            let (variable, same): (Vec<_>, Vec<_>) = parts.partition(|part| part.variable);
            Evaluation { variable, same: evaluate(&same, context, classes) }
        });
        let own = evaluate(variable, of_one, classes);
        same.iter().map(|(column, grades)| (*column, *grades)).chain(own).collect()
    }
}

impl<'a> BucketPart<'a> {
    fn of(document: &Document, column: usize, bucket: &'a Bucket) -> Option<Self> {
        let mut met = Vec::new();
        let mut even = bucket.is_one();
        let mut about = |statement: &Statement| {
            let mut statement = statement.clone();
            let resources = &mut statement.resources;
            let (meets, misses): (Vec<_>, Vec<_>) =
                std::mem::take(&mut resources.patterns).into_iter().partition(|pattern| bucket.meets(pattern));
            even &= meets.iter().all(|pattern| is_even(pattern));
            met.push(meets.join(" "));
            let keep = resources.negated || !meets.is_empty();
            resources.patterns = if resources.negated { [meets, misses].concat() } else { meets };
            keep.then_some(statement)
        };
        let statements: Vec<_> = document.statements.iter().filter_map(&mut about).collect();
        if statements.is_empty() {
            return None;
        }
        let document = Document { statements, ..document.clone() };
        let variable = bucket.is_variable() || crate::policy::access::depends_on_user(&document);
        Some(Self { bucket: (column, bucket), document, variable, even: even.then_some(met) })
    }
}

/// The columns with access by these parts. Buckets that a document treats the same are evaluated once.
fn evaluate(parts: &[BucketPart<'_>], context: &Context<'_>, classes: &[ClassActions]) -> Line {
    let mut seen: BTreeMap<&Vec<String>, Grades> = BTreeMap::new();
    let mut line = Line::new();
    for part in parts {
        let (column, bucket) = part.bucket;
        let found = match part.even.as_ref().and_then(|even| seen.get(even)) {
            Some(found) => *found,
            None => grades(&part.document, bucket, context, classes),
        };
        if let Some(even) = &part.even {
            seen.insert(even, found);
        }
        if found != Grades::default() {
            line.insert(column, found);
        }
    }
    line
}
