//! The columns of the matrix, which are the buckets in documents: which patterns meet which columns, and what a document says of each.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::access::{ARN, depends_on_user, ends_behind, patterns_overlap, similar_beginning};
use crate::policy::{Catalogue, Document, Effect, Kind, Normal, Selector, Statement, with_variables};

/// What a document says of a bucket. Two of them are equal if they differ only in the beginning of the bucket's name: they
/// give the same access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    /// The resources of the bucket: itself, and everything in it.
    pub(super) bucket: [String; 2],
    /// The statements that can allow or deny something there.
    pub(super) document: Document,
}

impl Part {
    pub(super) fn depends_on_user(&self) -> bool {
        self.bucket[0].contains("${") || depends_on_user(&self.document)
    }
}

/// The parts of a document, each with its columns. Columns where it allows nothing are missing.
pub(super) type Parts = BTreeMap<Part, Vec<usize>>;

/// The columns, with those that each pattern of the documents meets.
pub(super) struct Columns<'a> {
    buckets: &'a [Bucket],
    met: BTreeMap<&'a str, Vec<Met>>,
}

/// A column that a pattern meets.
struct Met {
    column: usize,
    /// What the pattern matches behind the beginning of the column; `None` if servers read that differently.
    ends: Option<Vec<String>>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(buckets: &'a [Bucket], documents: &BTreeSet<&'a Normal>) -> Self {
        let mut beginnings: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (column, bucket) in buckets.iter().enumerate() {
            beginnings.entry(bucket.beginning()).or_default().push(column);
        }
        let statements = documents.iter().flat_map(|normal| &normal.document().statements);
        let patterns: BTreeSet<&str> =
            statements.flat_map(|statement| &statement.resources.patterns).map(String::as_str).collect();
        let met = |pattern| (pattern, met(pattern, buckets, &beginnings));
        Self { buckets, met: patterns.into_iter().map(met).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// What a document says of the columns.
    pub(super) fn parts(&self, document: &'a Document, catalogue: &Catalogue) -> Parts {
        let statements: Vec<&Statement> =
            document.statements.iter().filter(|statement| is_about_buckets(statement, catalogue)).collect();
        let mut columns: BTreeMap<usize, Vec<(usize, &str, &Met)>> = BTreeMap::new();
        for statement in statements.iter().filter(|statement| statement.effect == Effect::Allow) {
            if statement.resources.negated {
                columns.extend((0..self.buckets.len()).map(|column| (column, Vec::new())));
            } else {
                columns.extend(self.met_by(statement).map(|(_, met)| (met.column, Vec::new())));
            }
        }
        for (index, statement) in statements.iter().enumerate() {
            for (pattern, met) in self.met_by(statement) {
                if let Some(all) = columns.get_mut(&met.column) {
                    all.push((index, pattern, met));
                }
            }
        }
        let mut alike: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
        for (column, met) in columns {
            alike.entry(self.place(column, &met)).or_default().push(column);
        }
        alike.into_iter().map(|(place, columns)| (place.part(document, &statements), columns)).collect()
    }

    /// A column and the patterns that meet it, with another beginning of its name if that changes nothing.
    fn place(&self, column: usize, met: &[(usize, &str, &Met)]) -> Place {
        let bucket = &self.buckets[column];
        let beginning = bucket.beginning();
        let has_ends = met.iter().all(|(_, _, met)| met.ends.is_some());
        match similar_beginning(beginning).filter(|_| has_ends) {
            None => Place {
                bucket: bucket.resources(),
                patterns: met.iter().map(|(statement, pattern, _)| (*statement, (*pattern).to_owned())).collect(),
            },
            Some(similar) => {
                let ends = met.iter().flat_map(|(at, _, met)| met.ends.iter().flatten().map(move |end| (*at, end)));
                Place {
                    bucket: resources(&format!("{similar}{}", &bucket.text()[beginning.len()..])),
                    patterns: ends.map(|(at, end)| (at, format!("{ARN}{similar}{end}"))).collect(),
                }
            }
        }
    }

    fn met_by<'s>(&'s self, statement: &'s Statement) -> impl Iterator<Item = (&'s str, &'s Met)> {
        let patterns = statement.resources.patterns.iter();
        patterns
            .flat_map(|pattern| self.met.get(pattern.as_str()).into_iter().flatten().map(|met| (pattern.as_str(), met)))
    }
}

/// A column and the patterns that meet it, each with the index of its statement.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    bucket: [String; 2],
    patterns: Vec<(usize, String)>,
}

impl Place {
    fn part(self, document: &Document, statements: &[&Statement]) -> Part {
        let about = |(index, statement): (usize, &&Statement)| {
            let resources = &statement.resources;
            let own = self.patterns.iter().filter(|(at, _)| *at == index).map(|(_, pattern)| pattern.clone());
            let mut patterns: Vec<String> = own.collect();
            if resources.negated {
                // A server may read these in its own way.
                patterns.extend(resources.patterns.iter().filter(|pattern| !pattern.starts_with(ARN)).cloned());
                if patterns.is_empty() {
                    patterns.push(ARN.to_owned());
                }
            }
            let resources = Selector { negated: resources.negated, patterns };
            (!resources.patterns.is_empty()).then(|| Statement { sid: None, resources, ..(*statement).clone() })
        };
        let statements = statements.iter().enumerate().filter_map(about).collect();
        Part { bucket: self.bucket, document: Document { id: None, statements, ..document.clone() } }
    }
}

/// Whether a statement can be about a bucket, and not only about actions without one, such as listing all buckets.
fn is_about_buckets(statement: &Statement, catalogue: &Catalogue) -> bool {
    let has_none = |name: &String| catalogue.get(name).is_some_and(|action| action.kind == Kind::Account);
    statement.actions.negated || !statement.actions.patterns.iter().all(has_none)
}

/// The columns that a pattern meets, in their order.
fn met(pattern: &str, buckets: &[Bucket], beginnings: &BTreeMap<&str, Vec<usize>>) -> Vec<Met> {
    let start = beginning(pattern.strip_prefix(ARN).unwrap_or_default());
    // Both are the same up to the end of the shorter beginning.
    let longer = beginnings.range(start..).take_while(|(beginning, _)| beginning.starts_with(start));
    let shorter = start.char_indices().filter_map(|(end, _)| beginnings.get_key_value(&start[..end]));
    let mut columns: Vec<usize> = longer.chain(shorter).flat_map(|(_, columns)| columns).copied().collect();
    columns.sort_unstable();
    let met = columns.into_iter().filter(|column| buckets[*column].meets(pattern));
    met.map(|column| Met { column, ends: ends_behind(pattern, buckets[column].beginning()) }).collect()
}

/// A bucket, or several that a document names by one pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// The bucket of this name.
    Named(String),
    /// All buckets that this pattern matches. A variable has its value for the user of the row.
    Pattern(String),
    /// All buckets without a column of their own. This example is evaluated for them.
    Others(String),
}

impl Bucket {
    pub(super) fn of(documents: &[&Document]) -> Vec<Self> {
        let statements = || documents.iter().flat_map(|document| &document.statements);
        let patterns: BTreeSet<&String> = statements().flat_map(|statement| &statement.resources.patterns).collect();
        let mut buckets: BTreeSet<Self> = patterns.iter().filter_map(|pattern| named(pattern)).collect();
        let negated = statements().any(|statement| statement.resources.negated);
        let fresh = fresh(&buckets);
        if negated || patterns.iter().any(|pattern| fresh.meets(pattern)) {
            buckets.insert(fresh);
        }
        buckets.into_iter().collect()
    }

    pub(super) fn resources(&self) -> [String; 2] {
        resources(self.text())
    }

    /// Whether a pattern of a document may match something in it, for any user.
    pub(super) fn meets(&self, pattern: &str) -> bool {
        let pattern = open(pattern);
        self.resources().iter().any(|resource| patterns_overlap(&pattern, &open(resource)))
    }

    /// The beginning of its name that has no wildcard and no variable.
    pub(super) fn beginning(&self) -> &str {
        beginning(self.text())
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Named(text) | Self::Pattern(text) | Self::Others(text) => text,
        }
    }
}

/// A bucket, or several, and everything in it.
pub(super) fn resources(name: &str) -> [String; 2] {
    [format!("{ARN}{name}"), format!("{ARN}{name}/*")]
}

/// What is in front of the first wildcard or variable.
pub(super) fn beginning(pattern: &str) -> &str {
    let end = ["*", "?", "${"].iter().filter_map(|open| pattern.find(open)).min();
    &pattern[..end.unwrap_or(pattern.len())]
}

/// The bucket of a pattern, unless it matches all buckets.
fn named(pattern: &str) -> Option<Bucket> {
    let part = pattern.strip_prefix(ARN)?.split('/').next().unwrap_or_default();
    let all = part.chars().all(|letter| letter == '*');
    let wild = part.contains(['*', '?']) || part.contains("${");
    match (all, wild) {
        (true, _) => None,
        (false, true) => Some(Bucket::Pattern(part.to_owned())),
        (false, false) => Some(Bucket::Named(part.to_owned())),
    }
}

/// A bucket that is none of these.
fn fresh(buckets: &BTreeSet<Bucket>) -> Bucket {
    const NAMES: [&str; 6] = ["any-other-bucket", "some-bucket", "xyzzy", "zzz", "qqq-0", "777"];
    let fits = |name: &&str| !buckets.iter().any(|bucket| patterns_overlap(&open(bucket.text()), name));
    let name = NAMES.iter().find(|name| fits(name));
    // If the patterns match all names, one column has all buckets.
    name.map_or_else(|| Bucket::Pattern("*".to_owned()), |name| Bucket::Others((*name).to_owned()))
}

fn open(pattern: &str) -> String {
    with_variables(pattern, "*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::access::Context;
    use crate::policy::{Clause, Random, normal};
    use crate::report::grade::{self, Grades, grades};

    fn statement(random: &mut Random) -> Statement {
        let effect = random.pick(&[Effect::Allow, Effect::Allow, Effect::Deny]);
        let action = random.pick(&["s3:GetObject", "s3:*", "s3:ListBucket", "s3:ListAllMyBuckets"]);
        let bucket = ["logs", "logs-", "log", "ab", "a", "Logs", "x.y", "*", "", "l*", "?ogs", "*s", "${aws:username}"];
        let pattern = |random: &mut Random| {
            let key =
                random.pick(&["", "/*", "/*", "/raw/*", "*", "-${aws:username}/*", "/${aws:username}/*", "?", "/"]);
            let start = random.pick(&[ARN, ARN, ARN, ARN, ARN, ARN, ARN, "arn:aws:s3*", "*"]);
            format!("{start}{}{key}", random.pick(&bucket))
        };
        let patterns: Vec<String> = (0..random.pick(&[1, 2, 3])).map(|_| pattern(random)).collect();
        let mut statement = Statement::plain(effect, [action], patterns.iter().map(String::as_str));
        statement.resources.negated = random.pick(&[true, false, false, false, false]);
        if random.pick(&[true, false, false]) {
            let (operator, key, values) = ("IpAddress".into(), "aws:SourceIp".into(), vec!["10.0.0.0/8".into()]);
            statement.conditions.push(Clause { operator, key, values });
        }
        statement
    }

    /// The parts of a document give the same access to each bucket as the whole document.
    #[test]
    fn the_part_about_a_bucket_gives_the_access_of_the_whole_document() {
        let catalogue = Catalogue::newest();
        let classes = grade::classes(&catalogue);
        let mut random = Random(3);
        let mut renamed = 0;
        for _ in 0..80 {
            let statements = (0..random.pick(&[1, 2, 3])).map(|_| statement(&mut random)).collect();
            let document = Document { version: Some("2012-10-17".into()), statements, ..Document::default() };
            let normal = normal(&document);
            let document = normal.document();
            let buckets = Bucket::of(&[document]);
            let parts = Columns::new(&buckets, &BTreeSet::from([&normal])).parts(document, &catalogue);
            let context = Context::new(&catalogue).with_user("logs");
            let mut found = vec![Grades::default(); buckets.len()];
            for (part, columns) in &parts {
                renamed += usize::from(part.bucket[0].starts_with("arn:aws:s3:::bucket"));
                for column in columns {
                    found[*column] = grades(&part.document, &part.bucket, &context, &classes);
                }
            }
            for (bucket, found) in buckets.iter().zip(found) {
                let whole = grades(document, &bucket.resources(), &context, &classes);
                assert_eq!(found, whole, "{bucket:?} {}", normal.json());
            }
        }
        assert!(renamed > 10, "{renamed}");
    }

    #[test]
    fn variables_match_everything() {
        assert_eq!(open("home-${aws:username}/x${b}"), "home-*/x*");
        assert!(Bucket::Named("home-al".into()).meets("arn:aws:s3:::home-${aws:username}/*"));
        assert!(!Bucket::Named("logs".into()).meets("arn:aws:s3:::log/*"));
    }
}
