//! The access matrix.

use maud::{Markup, html};

use super::page::scrolling;
use super::text::{Text, name, names};
use super::view::{Pair, RowView, View};
use super::words;
use crate::render::json::{BucketKindV1, BucketV1, GradesV1, ReportV1, ScopeV1};
use crate::report::{Class, Reach};

/// With more columns than this, a row a bucket can be read and a column a bucket cannot.
const WIDEST: usize = 32;

/// How many names of a row or column are seen at once.
const NAMED: usize = 4;

const CLASSES: [Class; 3] = [Class::Read, Class::Write, Class::Admin];

/// The matrix, with what its symbols mean.
pub(super) fn matrix(report: &ReportV1) -> Markup {
    if !report.attachments_known {
        return html! { p { "This cluster does not tell over REST who holds what." } };
    }
    let view = View::of(report);
    let wide = view.columns.len() > WIDEST;
    html! {
        (legend(report, wide))
        @if view.rows.is_empty() { p { "Nobody has access to any bucket." } }
        @else if wide { (scrolling("Access by user, group and bucket", &long(&view, report.scope))) }
        @else { (scrolling("Access matrix", &grid(&view, report.scope))) }
        @if !view.without.is_empty() {
            div.p { (view.without.len()) " without access to any bucket: " (names(&view.without, NAMED * 3)) }
        }
    }
}

fn legend(report: &ReportV1, wide: bool) -> Markup {
    const REACHES: [Reach; 5] = [Reach::All, Reach::Part, Reach::Depends, Reach::None, Reach::Unknown];
    let reaches = REACHES.map(words::reach);
    html! {
        p {
            @for (symbol, word) in reaches { b { (symbol) } " " (word) ", " }
            @if wide { "each of reading, writing and administration. " }
            @else { "each of reading (R), writing (W) and administration (A). An empty cell is no access. " }
            @if report.scope == ScopeV1::Both {
                "A change is written before → after, with " b { "+" } " for gained, " b { "−" } " for lost and " b { "±" }
                " for other changes."
            }
        }
        details {
            summary { "What this means exactly" }
            ul {
                li { b { "all" } ": the core actions of the class are always allowed on the bucket and on all objects in it." }
                li { b { "part" } ": something of the class is always allowed, such as on some of the objects." }
                li { b { "depends" } ": something is allowed, under conditions only." }
                li { b { "none" } ": no action of the class is allowed on anything in the bucket." }
                li { b { "not known" } ": the document could not be read, or the search was given up." }
                li { "Where AWS's rules and those of MinIO-derived servers disagree, both are shown: AWS / MinIO." }
                li { "A column with wildcards is about all buckets that it matches; a variable in it is the user of the row." }
                @for class in &report.classes {
                    li {
                        b { (words::class(class.class).1) } ": " (Text(&class.actions.join(", ")))
                        ". Core: " (Text(&class.core.join(", ")))
                    }
                }
                li { "Bucket policies, and listing all buckets, are outside." }
            }
        }
    }
}

fn grid(view: &View<'_>, looked: ScopeV1) -> Markup {
    html! {
        table.m {
            caption { "Rows: users and groups, those with equal access in one. Columns: buckets, those with equal access in one." }
            thead {
                tr {
                    th scope="col" { "Users and groups" }
                    @for buckets in &view.columns { th scope="col" { (heading(buckets)) } }
                }
            }
            tbody {
                @for row in &view.rows {
                    tr {
                        th scope="row" { (names(&row.holders, NAMED)) }
                        @for column in 0..view.columns.len() {
                            @match row.cells.get(&column) {
                                Some(pair) => td { (cell(*pair, looked)) },
                                None => td {},
                            }
                        }
                    }
                }
            }
        }
    }
}

fn long(view: &View<'_>, looked: ScopeV1) -> Markup {
    html! {
        table.n {
            caption { "Users and groups with equal access are in one group of rows, buckets with equal access in one row." }
            thead {
                tr {
                    th scope="col" { "Users and groups" }
                    th scope="col" { "Bucket" }
                    @for class in CLASSES { th scope="col" { (words::class(class).1) } }
                }
            }
            @for row in &view.rows { (long_rows(view, row, looked)) }
        }
    }
}

fn long_rows(view: &View<'_>, row: &RowView, looked: ScopeV1) -> Markup {
    html! {
        tbody {
            @for (index, (column, pair)) in row.cells.iter().enumerate() {
                tr {
                    @if index == 0 { th scope="rowgroup" rowspan=(row.cells.len()) { (names(&row.holders, NAMED)) } }
                    th scope="row" { (heading(&view.columns[*column])) }
                    @for class in CLASSES {
                        @let state = State::of(class, *pair, looked);
                        td.s { i class=[state.change.class()] { (state.change.mark()) (state.symbols()) " " (state.words()) } }
                    }
                }
            }
        }
    }
}

fn heading(buckets: &[&BucketV1]) -> Markup {
    let label = |bucket: &&BucketV1| match bucket.kind {
        BucketKindV1::Bucket | BucketKindV1::Pattern => bucket.name.clone(),
        BucketKindV1::Others => "all other buckets".to_owned(),
    };
    let labels: Vec<String> = buckets.iter().map(label).collect();
    match labels.as_slice() {
        [one] => name(one),
        several => names(several, NAMED),
    }
}

/// The classes of which there is something, before or after.
fn cell(pair: Pair, looked: ScopeV1) -> Markup {
    let states: Vec<State> = CLASSES.into_iter().map(|class| State::of(class, pair, looked)).collect();
    let states: Vec<&State> = states.iter().filter(|state| state.is_something()).collect();
    let said: Vec<_> =
        states.iter().map(|state| format!("{} {}", words::class(state.class).1, state.words())).collect();
    html! {
        span role="img" aria-label=(said.join("; ")) {
            @for state in states {
                i class=[state.change.class()] {
                    (state.change.mark()) (words::class(state.class).0) " " (state.symbols())
                }
            }
        }
    }
}

/// How far access goes in one class, by AWS's rules and by MinIO's.
type Both = (Reach, Reach);

/// One class of a cell.
struct State {
    class: Class,
    before: Option<Both>,
    now: Both,
    change: Change,
}

/// A direction of change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Gained,
    Lost,
    Other,
}

impl Change {
    fn mark(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gained => "+",
            Self::Lost => "−",
            Self::Other => "±",
        }
    }

    fn class(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gained => Some("g"),
            Self::Lost => Some("l"),
            Self::Other => Some("c"),
        }
    }

    fn of(before: Both, after: Both) -> Self {
        let unknown = [before.0, before.1, after.0, after.1].contains(&Reach::Unknown);
        let (up, down) = (after.0 >= before.0 && after.1 >= before.1, after.0 <= before.0 && after.1 <= before.1);
        match (before == after, unknown, up, down) {
            (true, ..) => Self::None,
            (false, false, true, _) => Self::Gained,
            (false, false, false, true) => Self::Lost,
            (false, true, ..) | (false, false, false, false) => Self::Other,
        }
    }
}

impl State {
    fn of(class: Class, (before, after): Pair, looked: ScopeV1) -> Self {
        let of = |grades: GradesV1| (grades.aws.reach(class), grades.minio.reach(class));
        let (before, after) = (of(before), of(after));
        match looked {
            ScopeV1::Cluster => Self { class, before: None, now: before, change: Change::None },
            ScopeV1::Configuration => Self { class, before: None, now: after, change: Change::None },
            ScopeV1::Both => {
                let change = Change::of(before, after);
                Self { class, before: (change != Change::None).then_some(before), now: after, change }
            }
        }
    }

    fn is_something(&self) -> bool {
        const NOTHING: Both = (Reach::None, Reach::None);
        self.now != NOTHING || self.before.is_some()
    }

    fn symbols(&self) -> String {
        let of = |(aws, minio): Both| {
            let (aws, minio) = (words::reach(aws).0, words::reach(minio).0);
            if aws == minio { aws.to_owned() } else { format!("{aws}/{minio}") }
        };
        let before = self.before.map(|before| format!("{}→", of(before))).unwrap_or_default();
        format!("{before}{}", of(self.now))
    }

    fn words(&self) -> String {
        let of = |(aws, minio): Both| {
            let (aws, minio) = (words::reach(aws).1, words::reach(minio).1);
            if aws == minio { aws.to_owned() } else { format!("{aws} by AWS's rules and {minio} by MinIO's") }
        };
        let before = self.before.map(|before| format!(", was {}", of(before))).unwrap_or_default();
        format!("{}{before}", of(self.now))
    }
}
