//! The access matrix: users and groups by buckets.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{Bucket, Columns, Part, Parts};
use super::grade::{ClassActions, Grades, grades};
use super::state::{Granted, Scope, State};
use crate::base::{Principal, map};
use crate::policy::Normal;
use crate::policy::access::Context;

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
    let columns = Columns::new(&buckets, &documents);
    let of_everyone = everything.iter().flat_map(|(_, sides)| sides).filter_map(Granted::document);
    let grader = Grader::new(of_everyone, &columns, classes, *context);
    // Who has the same documents has the same row, unless a document depends on the user.
    let mut alike: BTreeMap<([Granted<'_>; 2], Option<&Principal>), Vec<&Principal>> = BTreeMap::new();
    for (who, sides) in everything {
        let is_own = sides.iter().any(|granted| grader.depends_on_user(granted));
        alike.entry((sides, is_own.then_some(who))).or_default().push(who);
    }
    let mut rows: BTreeMap<Vec<Cell>, BTreeSet<Principal>> = BTreeMap::new();
    for (([before, after], who), principals) in alike {
        let (before, after) = (grader.line(before, who), grader.line(after, who));
        rows.entry(merged(&before, &after)).or_default().extend(principals.into_iter().cloned());
    }
    let row = |(cells, principals): (_, BTreeSet<_>)| Row {
        principals: principals.into_iter().collect(),
        anonymous: false,
        cells,
    };
    let mut rows: Vec<Row> = rows.into_iter().map(row).collect();
    if sides.iter().flatten().any(|state| state.anonymous.is_some()) {
        let documents = without_login.iter().filter_map(Granted::document);
        let grader = Grader::new(documents, &columns, classes, context.anonymous());
        let [before, after] = without_login.map(|granted| grader.line(granted, None));
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

/// Grades parts of documents. The same part of several documents and columns is graded once.
struct Grader<'a> {
    columns: usize,
    classes: &'a [ClassActions],
    context: Context<'a>,
    documents: BTreeMap<&'a Normal, Graded>,
}

struct Graded {
    /// The parts that depend on the user.
    by_user: Vec<(Part, Vec<usize>)>,
    /// The cells of the other parts.
    same: Line,
}

impl<'a> Grader<'a> {
    fn new(
        documents: impl Iterator<Item = &'a Normal>,
        columns: &Columns<'a>,
        classes: &'a [ClassActions],
        context: Context<'a>,
    ) -> Self {
        let documents: BTreeSet<&Normal> = documents.collect();
        let parts: Vec<(&Normal, Parts)> =
            documents.into_iter().map(|normal| (normal, columns.parts(normal.document(), context.catalogue))).collect();
        let same: BTreeSet<&Part> =
            parts.iter().flat_map(|(_, parts)| parts.keys()).filter(|part| !part.depends_on_user()).collect();
        let graded = map(same.into_iter().collect(), |part| (part, part.grades(&context, classes)));
        let grades: BTreeMap<&Part, Grades> = graded.into_iter().collect();
        let graded = |parts: &Parts| {
            let mut graded = Graded { by_user: Vec::new(), same: Line::new() };
            for (part, columns) in parts {
                match grades.get(part) {
                    Some(found) => enter(&mut graded.same, columns, *found),
                    None => graded.by_user.push((part.clone(), columns.clone())),
                }
            }
            graded
        };
        let documents = parts.iter().map(|(normal, parts)| (*normal, graded(parts))).collect();
        Self { columns: columns.len(), classes, context, documents }
    }

    fn depends_on_user(&self, granted: &Granted<'_>) -> bool {
        granted.document().and_then(|normal| self.documents.get(normal)).is_some_and(|of| !of.by_user.is_empty())
    }

    /// The cells of a document, for this user or group if it depends on that.
    fn line(&self, granted: Granted<'_>, who: Option<&Principal>) -> Line {
        let Self { columns, classes, context, documents } = self;
        let normal = match granted {
            Granted::Nothing => return Line::new(),
            Granted::Unknown => {
                return (0..*columns).map(|column| (column, Grades::unknown(context.rules))).collect();
            }
            Granted::Document(normal) => normal,
        };
        let Some(Graded { by_user, same }) = documents.get(normal) else { return Line::new() };
        let mut line = same.clone();
        let context = who.map_or(*context, |who| context.with(who));
        for (part, columns) in by_user {
            enter(&mut line, columns, part.grades(&context, classes));
        }
        line
    }
}

impl Part {
    fn grades(&self, context: &Context<'_>, classes: &[ClassActions]) -> Grades {
        grades(&self.document, &self.bucket, context, classes)
    }
}

/// Enters the grades of columns into a line, if they give access.
fn enter(line: &mut Line, columns: &[usize], grades: Grades) {
    if grades != Grades::default() {
        line.extend(columns.iter().map(|column| (*column, grades)));
    }
}
