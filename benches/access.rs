//! How long the access engine takes for documents of the largest size a cluster accepts. Prints figures, judges none.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use attune::policy::access::{Context, Side, difference};
use attune::policy::{Catalogue, Clause, Document, Effect, Selector, Statement, normal};

const PAIRS: usize = 300;
const USERS: usize = 1;
/// The limit of a document, in bytes.
const MAX_BYTES: usize = 2_048;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let mut random = Random(7);

    let pairs: Vec<_> = (0..PAIRS).map(|_| random.pair()).collect();
    let mut undecided = 0;
    let mut lines = 0;
    let mut times: Vec<_> = pairs
        .iter()
        .map(|(before, after)| {
            let start = Instant::now();
            let access = difference(Some(before), Some(after), &context);
            let time = start.elapsed();
            undecided += usize::from(!access.undecided.is_empty());
            lines += access.gained.len() + access.lost.len();
            time
        })
        .collect();
    writeln!(out, "{PAIRS} pairs of {MAX_BYTES} bytes, both profiles, both directions: {}", spread(&mut times))?;
    writeln!(out, "  {lines} lines, {undecided} pairs undecided")?;

    let hard = hard();
    let start = Instant::now();
    let access = difference(None, Some(&hard), &context);
    let given_up = access.undecided.iter().filter(|open| open.side == Side::Gained).count();
    writeln!(out, "a document made to be hard: {:?}, {given_up} patterns undecided", start.elapsed())?;

    let users: Vec<_> = (0..USERS).map(|number| format!("user-{number:04}")).collect();
    let start = Instant::now();
    for (user, (before, after)) in users.iter().zip(&pairs) {
        std::hint::black_box(difference(Some(before), Some(after), &context.with_user(user)));
    }
    writeln!(out, "{USERS} users, a pair each: {:?}", start.elapsed())
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 1000];
    format!("p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}", at(500), at(990), at(999), at(1000))
}

/// What is left of `*` when each of many two-letter words may or may not have been seen: 2^k states.
fn hard() -> Document {
    let words = |separator: char| {
        let words = ('a'..='z').map(move |letter| format!("arn:aws:s3:::*{letter}{separator}*{separator}{letter}"));
        words.collect::<Vec<_>>()
    };
    document(vec![
        statement(Effect::Allow, &["s3:*"], vec!["arn:aws:s3:::*".to_owned()]),
        statement(Effect::Deny, &["s3:*"], words('_')),
        statement(Effect::Deny, &["s3:*"], vec!["arn:aws:s3:::?*".to_owned()]),
    ])
}

fn document(statements: Vec<Statement>) -> Document {
    Document { version: Some("2012-10-17".to_owned()), id: None, statements, extra: BTreeMap::new() }
}

fn statement(effect: Effect, actions: &[&str], resources: Vec<String>) -> Statement {
    let patterns = actions.iter().map(|action| (*action).to_owned()).collect();
    Statement {
        sid: None,
        effect,
        actions: Selector { negated: false, patterns },
        resources: Selector { negated: false, patterns: resources },
        conditions: Vec::new(),
        extra: BTreeMap::new(),
    }
}

/// SplitMix64: the same documents every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn pattern(&mut self) -> String {
        let bucket =
            self.pick(&["logs", "ml-data", "ml-*", "team-a", "team-?", "scratch", "*", "*-archive", "backup*"]);
        let key = self.pick(&[
            "",
            "/*",
            "/*",
            "/raw/*",
            "/raw/2024-*",
            "/*/tmp/*",
            "/*.log",
            "/*/checkpoints/*.pt",
            "/home/${aws:username}/*",
            "/a?c/*",
            "/models/v*/final",
            "/public/index.html",
        ]);
        format!("arn:aws:s3:::{bucket}{key}")
    }

    fn statement(&mut self) -> Statement {
        let effect = self.pick(&[Effect::Allow, Effect::Allow, Effect::Deny]);
        let actions = self.pick(&[
            &["s3:GetObject", "s3:ListBucket"][..],
            &["s3:*"],
            &["s3:Get*", "s3:List*"],
            &["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            &["s3:*Object*"],
            &["s3:PutBucketPolicy", "s3:DeleteBucket"],
        ]);
        let patterns = (0..=self.below(8)).map(|_| self.pattern()).collect();
        let mut statement = statement(effect, actions, patterns);
        statement.resources.negated = self.below(12) == 0;
        if self.below(4) == 0 {
            let (operator, key, value) = self.pick(&[
                ("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
                ("NotIpAddress", "aws:SourceIp", "10.1.0.0/16"),
                ("StringLike", "s3:prefix", "raw/*"),
                ("Bool", "aws:SecureTransport", "false"),
            ]);
            let values = vec![value.to_owned()];
            statement.conditions.push(Clause { operator: operator.to_owned(), key: key.to_owned(), values });
        }
        statement
    }

    fn document(&mut self) -> Document {
        let mut document = document(Vec::new());
        loop {
            document.statements.push(self.statement());
            if normal(&document).len() > MAX_BYTES {
                document.statements.pop();
                return document;
            }
        }
    }

    /// Two documents: in one of three cases unrelated, else the second a revision of the first.
    fn pair(&mut self) -> (Document, Document) {
        let before = self.document();
        if self.below(3) == 0 {
            let after = self.document();
            return (before, after);
        }
        let mut after = before.clone();
        for _ in 0..=self.below(3) {
            let place = self.below(after.statements.len());
            let pattern = self.pattern();
            let patterns = &mut after.statements[place].resources.patterns;
            let last = patterns.len() - 1;
            patterns[last] = pattern;
        }
        (before, after)
    }
}
