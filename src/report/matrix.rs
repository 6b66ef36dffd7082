//! The access matrix: users and groups by buckets.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::bucket::{Bucket, is_even};
use super::grade::{Classes, Grades, grades};
use super::state::{Granted, Scope, State};
use crate::base::Principal;
use crate::policy::access::Context;
use crate::policy::{Catalogue, Document, Normal, Statement};

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
    pub holders: Vec<Principal>,
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

pub(super) fn matrix(scope: &Scope, classes: &Classes<'_>, catalogue: &Catalogue) -> Matrix {
    let principals = scope.principals();
    let sides = [scope.before(), scope.after()];
    let everything: Vec<_> = principals.into_iter().map(|who| (who, sides.map(|side| granted(side, who)))).collect();
    let all = everything.iter().flat_map(|(_, sides)| sides);
    let documents: BTreeSet<&Normal> = all.clone().filter_map(|held| held.document()).collect();
    let mut buckets = Bucket::of(&documents.iter().map(|normal| normal.document()).collect::<Vec<_>>());
    if buckets.is_empty() && all.clone().any(|held| matches!(held, Granted::Unknown)) {
        buckets.push(Bucket::Pattern("*".to_owned()));
    }
    let mut evaluator = Evaluator { buckets: &buckets, classes, catalogue, known: BTreeMap::new() };
    let mut rows: BTreeMap<Vec<Cell>, Vec<Principal>> = BTreeMap::new();
    for (who, [before, after]) in everything {
        let same = before.document().is_some() && before.document() == after.document();
        let before = evaluator.line(before, who);
        let after = if same { Rc::clone(&before) } else { evaluator.line(after, who) };
        rows.entry(merged(&before, &after)).or_default().push(who.clone());
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|(cells, holders)| Row { holders, cells }).collect();
    rows.sort_by(|one, other| one.holders.cmp(&other.holders));
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

/// The columns with access.
type Line = BTreeMap<usize, Grades>;

fn merged(before: &Line, after: &Line) -> Vec<Cell> {
    let columns: BTreeSet<usize> = before.keys().chain(after.keys()).copied().collect();
    let of = |line: &Line, column| line.get(column).copied().unwrap_or_default();
    columns
        .iter()
        .map(|bucket| Cell { bucket: *bucket, before: of(before, bucket), after: of(after, bucket) })
        .collect()
}

/// Evaluates each document once, or once for each user if it depends on the user.
struct Evaluator<'a> {
    buckets: &'a [Bucket],
    classes: &'a Classes<'a>,
    catalogue: &'a Catalogue,
    known: BTreeMap<&'a Normal, Evaluation<'a>>,
}

/// The evaluation of a document.
struct Evaluation<'a> {
    /// The part of the document about each column.
    about: Rc<Vec<BucketPart<'a>>>,
    /// The cells that do not depend on the user.
    same: Option<Rc<Line>>,
}

/// The part of a document about one bucket.
struct BucketPart<'a> {
    bucket: (usize, &'a Bucket),
    document: Document,
    /// Whether it depends on the user.
    variable: bool,
    /// The patterns that may match something in the bucket, if they treat all such buckets the same.
    even: Option<Vec<String>>,
}

impl<'a> Evaluator<'a> {
    fn line(&mut self, held: Granted<'a>, who: &Principal) -> Rc<Line> {
        let normal = match held {
            Granted::Nothing => return Rc::default(),
            Granted::Unknown => {
                return Rc::new((0..self.buckets.len()).map(|column| (column, Grades::UNKNOWN)).collect());
            }
            Granted::Document(normal) => normal,
        };
        let buckets = self.buckets;
        let evaluation = self.known.entry(normal).or_insert_with(|| Evaluation::of(normal.document(), buckets));
        let about = Rc::clone(&evaluation.about);
        let same = match &evaluation.same {
            Some(same) => Rc::clone(same),
            None => {
                let context = Context::new(self.catalogue);
                let same = evaluate(about.iter().filter(|part| !part.variable), &context, self.classes);
                Rc::clone(evaluation.same.insert(Rc::new(same)))
            }
        };
        if !about.iter().any(|part| part.variable) {
            return same;
        }
        let context = Context::new(self.catalogue);
        let own = evaluate(about.iter().filter(|part| part.variable), &context.with(who), self.classes);
        Rc::new(same.iter().map(|(column, grades)| (*column, *grades)).chain(own).collect())
    }
}

impl<'a> Evaluation<'a> {
    fn of(document: &Document, buckets: &'a [Bucket]) -> Self {
        let part = |(column, bucket): (usize, &'a Bucket)| BucketPart::of(document, column, bucket);
        Self { about: Rc::new(buckets.iter().enumerate().filter_map(part).collect()), same: None }
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
fn evaluate<'p, 'a: 'p>(
    parts: impl Iterator<Item = &'p BucketPart<'a>>,
    context: &Context<'_>,
    classes: &Classes<'_>,
) -> Line {
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
        if found != Grades::NONE {
            line.insert(column, found);
        }
    }
    line
}
