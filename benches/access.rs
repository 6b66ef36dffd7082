//! How long the access engine takes for documents of the largest size a cluster accepts. Prints figures, judges none.
//! Run as a test (without `--bench`), it does with few of them.

mod random;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use attune::policy::access::{Context, difference};
use attune::policy::{Catalogue, Document, Effect, normal};
use random::{MAX_BYTES, Random, document, statement};

/// How many of what.
struct Counts {
    revisions: usize,
    unrelated: usize,
    users: usize,
    /// How many words the hard document has.
    words: u8,
}

const WHOLE: Counts = Counts { revisions: 2_000, unrelated: 1_000, users: 1_024, words: 14 };

/// When run as a test.
const SMALL: Counts = Counts { revisions: 8, unrelated: 4, users: 8, words: 4 };

fn main() -> io::Result<()> {
    let counts = if std::env::args().any(|argument| argument == "--bench") { WHOLE } else { SMALL };
    let mut out = io::stdout().lock();
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let mut random = Random { state: 7, negated: false };

    writeln!(out, "differences of two documents of {MAX_BYTES} bytes, both profiles, gained and lost:")?;
    let revisions: Vec<_> = (0..counts.revisions).map(|_| random.revision()).collect();
    let unrelated: Vec<_> = (0..counts.unrelated).map(|_| (random.document(), random.document())).collect();
    let mut times = measure(&mut out, "revisions", &revisions, &context)?;
    times.extend(measure(&mut out, "unrelated", &unrelated, &context)?);
    writeln!(out, "  {:>5} all         {}", times.len(), spread(&mut times))?;
    random.negated = true;
    let negating: Vec<_> = (0..counts.unrelated).map(|_| (random.document(), random.document())).collect();
    measure(&mut out, "unrelated, with NotResource", &negating, &context)?;

    let hard = hard(counts.words);
    let start = Instant::now();
    let access = difference(None, Some(&hard), &context);
    let time = start.elapsed();
    writeln!(out, "a document of {} bytes made to be hard: {time:?}", normal(&hard).len())?;
    writeln!(out, "  {} lines, {} patterns undecided", access.gained.len(), access.undecided.len())?;

    let users: Vec<_> = (0..counts.users).map(|number| format!("user-{number:04}")).collect();
    let start = Instant::now();
    let differ = users.iter().zip(&revisions).filter(|(user, (before, after))| {
        let access = difference(Some(before), Some(after), &context.with_user(user));
        !(access.gains_nothing() && access.loses_nothing())
    });
    let differ = differ.count();
    writeln!(out, "{} users, a revision each: {:?}, {differ} differ", users.len(), start.elapsed())
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
fn hard(words: u8) -> Document {
    let mut statements = vec![statement(Effect::Allow, &["s3:*"], vec!["arn:aws:s3:::*".to_owned()])];
    let words = (b'a'..b'a' + words)
        .map(|letter| format!("*-{}-*", char::from(letter)))
        .chain(["*-y".to_owned(), "*-z".to_owned()]);
    statements.extend(words.map(|word| {
        let mut deny = statement(Effect::Deny, &["s3:*"], vec![format!("arn:aws:s3:::{word}")]);
        deny.resources.negated = true;
        deny
    }));
    document(statements)
}
