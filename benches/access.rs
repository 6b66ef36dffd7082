//! How long the access engine takes for documents of the largest size a cluster accepts. Prints figures, judges none.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use attune::policy::access::{Context, difference};
use attune::policy::{Catalogue, Clause, Document, Effect, Selector, Statement, normal};

const REVISIONS: usize = 2_000;
const UNRELATED: usize = 1_000;
const USERS: usize = 1_024;
/// The limit of a document, in bytes.
const MAX_BYTES: usize = 2_048;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let mut random = Random(7);

    writeln!(out, "differences of two documents of {MAX_BYTES} bytes, both profiles, gained and lost:")?;
    let revisions: Vec<_> = (0..REVISIONS).map(|_| random.revision()).collect();
    let unrelated: Vec<_> = (0..UNRELATED).map(|_| (random.document(), random.document())).collect();
    let mut times = measure(&mut out, "revisions", &revisions, &context)?;
    times.extend(measure(&mut out, "unrelated", &unrelated, &context)?);
    writeln!(out, "  {:>5} all         {}", times.len(), spread(&mut times))?;

    let hard = hard();
    let start = Instant::now();
    let access = difference(None, Some(&hard), &context);
    let time = start.elapsed();
    writeln!(out, "a document of {} bytes made to be hard: {time:?}", normal(&hard).len())?;
    writeln!(out, "  {} lines, {} patterns undecided", access.gained.len(), access.undecided.len())?;

    let users: Vec<_> = (0..USERS).map(|number| format!("user-{number:04}")).collect();
    let start = Instant::now();
    let differ = users.iter().zip(&revisions).filter(|(user, (before, after))| {
        let access = difference(Some(before), Some(after), &context.with_user(user));
        !(access.gains_nothing() && access.loses_nothing())
    });
    let differ = differ.count();
    writeln!(out, "{USERS} users, a revision each: {:?}, {differ} differ", start.elapsed())
}

fn measure(
    out: &mut impl Write,
    name: &str,
    pairs: &[(Document, Document)],
    context: &Context<'_>,
) -> io::Result<Vec<Duration>> {
    let (mut times, mut lines, mut undecided) = (Vec::new(), 0, 0);
    for (before, after) in pairs {
        let start = Instant::now();
        let access = difference(Some(before), Some(after), context);
        times.push(start.elapsed());
        lines += access.gained.len() + access.lost.len();
        undecided += usize::from(!access.undecided.is_empty());
    }
    let spread = spread(&mut times);
    let mean = lines as f64 / pairs.len() as f64;
    writeln!(out, "  {:>5} {name}   {spread}; {mean:.1} lines each, {undecided} undecided", pairs.len())?;
    Ok(times)
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 1000];
    format!("p50 {:.2?}, p99 {:.2?}, max {:.2?}", at(500), at(990), at(1000))
}

/// A resource that may be used has all of many words in it, in any order, and two different ends: there is none, but to
/// see that takes a look at each set of words.
fn hard() -> Document {
    let mut statements = vec![statement(Effect::Allow, &["s3:*"], vec!["arn:aws:s3:::*".to_owned()])];
    let words = ('a'..='n').map(|letter| format!("*-{letter}-*")).chain(["*-y".to_owned(), "*-z".to_owned()]);
    statements.extend(words.map(|word| {
        let mut deny = statement(Effect::Deny, &["s3:*"], vec![format!("arn:aws:s3:::{word}")]);
        deny.resources.negated = true;
        deny
    }));
    document(statements)
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

    /// A document, and the same with one to three of its patterns changed.
    fn revision(&mut self) -> (Document, Document) {
        let before = self.document();
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
