//! The access matrix: equal rows and equal columns are merged, and rows without access are left out.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Text, class_words, label, name, names, reach, scrolling};
use crate::render::json::{BucketKindV1, BucketV1, CellV1, GradesV1, PrincipalV1, Profile, ReportV1, ScopeV1};
use crate::render::phrase::rules;
use crate::report::{Class, Grade, Reach};

/// The maximum number of columns. A wider matrix has a row for each bucket instead.
const WIDEST: usize = 32;

/// How many names of a row or column are shown outside a fold.
const NAMED: usize = 4;

const CLASSES: [Class; 3] = [Class::Read, Class::Write, Class::Admin];

pub(super) fn matrix(report: &ReportV1) -> Markup {
    if !report.attachments_known {
        return html! { p { "This cluster does not report attachments over REST." } };
    }
    let view = View::of(report);
    let wide = view.columns.len() > WIDEST;
    html! {
        (legend(report, wide))
        @if view.rows.is_empty() { p { "Nobody has access to any bucket." } }
        @else if wide { (scrolling("Table of access by user, group and bucket", &long(&view, report))) }
        @else { (scrolling("Table of the access matrix", &grid(&view, report))) }
        @if !view.without.is_empty() {
            div.p { (view.without.len()) " without access to any bucket: " (names(&view.without, NAMED * 3)) }
        }
    }
}

fn legend(report: &ReportV1, wide: bool) -> Markup {
    const REACHES: [Reach; 5] = [Reach::All, Reach::Part, Reach::Depends, Reach::None, Reach::Unknown];
    let reaches = REACHES.map(reach);
    html! {
        p {
            @for (symbol, word) in reaches { b { (symbol) } " " (word) ", " }
            @if wide { "for each of reading, writing and administration. " }
            @else { "for each of reading (R), writing (W) and administration (A). An empty cell means no access. " }
            @if report.scope == ScopeV1::Both {
                "A change is written before → after, with " b { "+" } " for gained, " b { "−" } " for lost and " b { "±" }
                " for other changes."
            }
        }
        details {
            summary { "Exact meaning" }
            ul {
                li { b { "all" } ": the core actions of the class are always allowed on the bucket and on all objects in it." }
                li { b { "part" } ": something of the class is always allowed, such as on some of the objects." }
                li { b { "depends" } ": something is allowed, but only under conditions." }
                li { b { "none" } ": no action of the class is allowed on anything in the bucket." }
                li { b { "unknown" } ": attune could not read the document, or gave up the search." }
                li { "The rules that count: " (Text(&report.rules.join(", "))) ". If AWS rules and MinIO rules disagree, both are shown, the "
                    (rules(report.leading)) " first." }
                li { "A column with wildcards covers all buckets that it matches. A variable in it has its value for the user of the row." }
                @for class in &report.classes {
                    li {
                        b { (class_words(class.class).1) } ": " (Text(&class.actions.join(", ")))
                        ". Core: " (Text(&class.core.join(", ")))
                    }
                }
                li { "The row \"anonymous\" is everyone without a login, by the policies of buckets. The other rows do not include these, and no row the listing of all buckets." }
            }
        }
    }
}

fn grid(view: &View<'_>, report: &ReportV1) -> Markup {
    html! {
        table.m {
            caption { "Rows: users and groups. Columns: buckets. Those with equal access share a row or column." }
            thead {
                tr {
                    th scope="col" { "Users and groups" }
                    @for buckets in &view.columns { th scope="col" { (heading(buckets)) } }
                }
            }
            tbody {
                @for row in &view.rows {
                    tr {
                        th scope="row" { (names(&row.principals, NAMED)) }
                        @for column in 0..view.columns.len() {
                            @match row.cells.get(&column) {
                                Some(pair) => td { (cell(*pair, report)) },
                                None => td {},
                            }
                        }
                    }
                }
            }
        }
    }
}

fn long(view: &View<'_>, report: &ReportV1) -> Markup {
    html! {
        table.n {
            caption { "Users and groups with equal access share a group of rows, buckets with equal access share a row." }
            thead {
                tr {
                    th scope="col" { "Users and groups" }
                    th scope="col" { "Bucket" }
                    @for class in CLASSES { th scope="col" { (class_words(class).1) } }
                }
            }
            @for row in &view.rows { (long_rows(view, row, report)) }
        }
    }
}

fn long_rows(view: &View<'_>, row: &RowView, report: &ReportV1) -> Markup {
    html! {
        tbody {
            @for (index, (column, pair)) in row.cells.iter().enumerate() {
                tr {
                    @if index == 0 { th scope="rowgroup" rowspan=(row.cells.len()) { (names(&row.principals, NAMED)) } }
                    th scope="row" { (heading(&view.columns[*column])) }
                    @for class in CLASSES {
                        @let state = State::of(class, *pair, report);
                        @let (mark, style) = state.change();
                        td.s { i class=[style] { (mark) (state.symbols()) " " (state.words()) } }
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

fn cell(pair: Pair, report: &ReportV1) -> Markup {
    let states: Vec<State> = CLASSES.into_iter().map(|class| State::of(class, pair, report)).collect();
    let states: Vec<&State> = states.iter().filter(|state| state.has_access()).collect();
    let label: Vec<_> =
        states.iter().map(|state| format!("{} {}", class_words(state.class).1, state.words())).collect();
    html! {
        span role="img" aria-label=(label.join("; ")) {
            @for state in states {
                @let (mark, style) = state.change();
                i class=[style] { (mark) (class_words(state.class).0) " " (state.symbols()) }
            }
        }
    }
}

/// The level of access in one class by each of the rules that count, those that lead first.
type Levels = Vec<(Profile, Reach)>;

struct State {
    class: Class,
    before: Option<Levels>,
    now: Levels,
}

impl State {
    fn of(class: Class, (before, after): Pair, report: &ReportV1) -> Self {
        let of = |grades: GradesV1| {
            let reach = |grade: Option<Grade>| grade.map(|grade| grade.reach(class));
            let all = [(Profile::Minio, reach(grades.minio)), (Profile::Aws, reach(grades.aws))];
            let mut levels: Levels = all.into_iter().filter_map(|(profile, reach)| Some((profile, reach?))).collect();
            levels.sort_by_key(|(profile, _)| *profile != report.leading);
            levels
        };
        let (before, after) = (of(before), of(after));
        match report.scope {
            ScopeV1::Cluster => Self { class, before: None, now: before },
            ScopeV1::Configuration => Self { class, before: None, now: after },
            ScopeV1::Both => Self { class, before: Some(before).filter(|before| *before != after), now: after },
        }
    }

    fn has_access(&self) -> bool {
        self.now.iter().any(|(_, reach)| *reach != Reach::None) || self.before.is_some()
    }

    /// The mark of a change and its style, if there is one.
    fn change(&self) -> (&'static str, Option<&'static str>) {
        let Some(before) = &self.before else { return ("", None) };
        let pairs: Vec<_> = before.iter().zip(&self.now).map(|((_, before), (_, now))| (*before, *now)).collect();
        let known = pairs.iter().all(|(before, now)| ![before, now].contains(&&Reach::Unknown));
        if known && pairs.iter().all(|(before, now)| now >= before) {
            ("+", Some("g"))
        } else if known && pairs.iter().all(|(before, now)| now <= before) {
            ("−", Some("l"))
        } else {
            ("±", Some("c"))
        }
    }

    fn symbols(&self) -> String {
        let of = |levels: &Levels| match levels.as_slice() {
            [(_, lead), (_, other)] if lead != other => format!("{}/{}", reach(*lead).0, reach(*other).0),
            levels => levels.first().map(|(_, lead)| reach(*lead).0.to_owned()).unwrap_or_default(),
        };
        let before = self.before.as_ref().map(|before| format!("{}→", of(before))).unwrap_or_default();
        format!("{before}{}", of(&self.now))
    }

    fn words(&self) -> String {
        let of = |levels: &Levels| match levels.as_slice() {
            [(_, lead), (profile, other)] if lead != other => {
                format!("{} ({} by {})", reach(*lead).1, reach(*other).1, rules(*profile))
            }
            levels => levels.first().map(|(_, lead)| reach(*lead).1.to_owned()).unwrap_or_default(),
        };
        let before = self.before.as_ref().map(|before| format!(", was {}", of(before))).unwrap_or_default();
        format!("{}{before}", of(&self.now))
    }
}

type Pair = (GradesV1, GradesV1);

struct View<'a> {
    columns: Vec<Vec<&'a BucketV1>>,
    rows: Vec<RowView>,
    /// Users and groups without access to any bucket.
    without: Vec<String>,
}

struct RowView {
    principals: Vec<String>,
    cells: BTreeMap<usize, Pair>,
}

impl<'a> View<'a> {
    fn of(report: &'a ReportV1) -> Self {
        let mut by_bucket: BTreeMap<&str, Vec<(usize, Pair)>> = BTreeMap::new();
        for (row, cell) in report.rows.iter().enumerate().flat_map(|(row, of)| of.cells.iter().map(move |c| (row, c))) {
            let CellV1 { bucket, before, after } = cell;
            by_bucket.entry(bucket).or_default().push((row, (*before, *after)));
        }
        let mut columns: Vec<Vec<&BucketV1>> = Vec::new();
        let mut places: BTreeMap<Vec<(usize, Pair)>, usize> = BTreeMap::new();
        for bucket in &report.buckets {
            let Some(cells) = by_bucket.get(bucket.name.as_str()) else { continue };
            let place = *places.entry(cells.clone()).or_insert_with(|| {
                columns.push(Vec::new());
                columns.len() - 1
            });
            columns[place].push(bucket);
        }
        let mut cells: Vec<BTreeMap<usize, Pair>> = report.rows.iter().map(|_| BTreeMap::new()).collect();
        for (column, (row, pair)) in places.iter().flat_map(|(of, place)| of.iter().map(move |cell| (*place, *cell))) {
            cells[row].insert(column, pair);
        }
        let (mut rows, mut without) = (Vec::new(), Vec::new());
        for (row, cells) in report.rows.iter().zip(cells) {
            let name = |of: &PrincipalV1| match of.anonymous {
                Some(true) => "anonymous".to_owned(),
                Some(false) | None => label(of.user.as_deref(), of.group.as_deref()),
            };
            let principals: Vec<String> = row.principals.iter().map(name).collect();
            if cells.is_empty() {
                without.extend(principals);
            } else {
                rows.push(RowView { principals, cells });
            }
        }
        Self { columns, rows, without }
    }
}
