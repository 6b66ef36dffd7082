//! How long the check of 200 expectations takes for a full cluster, where each user has a document of its own, of the
//! largest size a cluster accepts. Prints figures, judges none. Run as a test (without `--bench`), it does with few.

mod random;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Instant;

use attune::base::{PolicyName, Principal, UserName};
use attune::contract::{Given, State, Subject, check};
use attune::desired::{Boundary, Desired, load};
use attune::policy::access::{Context, Holder};
use attune::policy::{Catalogue, Document, Effect, normal};
use random::{MAX_BYTES, Random, document, statement};

/// How many of what.
#[derive(Clone, Copy)]
struct Counts {
    users: usize,
    expectations: usize,
}

const WHOLE: Counts = Counts { users: 1_024, expectations: 200 };

/// When run as a test.
const SMALL: Counts = Counts { users: 8, expectations: 20 };

fn main() -> io::Result<()> {
    let counts = if std::env::args().any(|argument| argument == "--bench") { WHOLE } else { SMALL };
    let mut out = io::stdout().lock();
    let start = Instant::now();
    let desired = expectations(counts)?;
    let time = start.elapsed();
    writeln!(out, "{} expectations, {} users with a document each:", counts.expectations, counts.users)?;
    writeln!(out, "  loading the expectations: {time:.1?}")?;

    let mut random = Random { state: 7, negated: false };
    let teams: Vec<_> = (0..counts.users).map(|number| team(number, &mut random)).collect();
    let (before, after): (Vec<_>, Vec<_>) = teams.into_iter().unzip();
    measure(&mut out, "documents of teams, one state", &desired, None, &after)?;
    measure(&mut out, "documents of teams, before and after", &desired, Some(&before), &after)?;
    let (before, after): (Vec<_>, Vec<_>) = (0..counts.users).map(|_| random.revision()).unzip();
    measure(&mut out, "random documents, before and after", &desired, Some(&before), &after)
}

fn measure(
    out: &mut impl Write,
    name: &str,
    desired: &Desired,
    before: Option<&[Document]>,
    after: &[Document],
) -> io::Result<()> {
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let (before, after) = (before.map(state), state(after));
    let start = Instant::now();
    let checked = check(&desired.expectations, before.as_ref(), &after, &context);
    let time = start.elapsed();
    let failing = checked.iter().filter(|checked| !checked.holds()).count();
    writeln!(out, "  {name:<40} {time:>9.1?}: {failing} fail")
}

fn state(documents: &[Document]) -> State {
    let subject = |(number, document): (usize, &Document)| Subject {
        who: Holder::Principal(Principal::from(&UserName::reported(user(number)))),
        policy: Some(PolicyName::reported(format!("policy-{number:04}"))),
        given: Given::Document(normal(document)),
    };
    State { subjects: documents.iter().enumerate().map(subject).collect(), unreported: Vec::new() }
}

fn user(number: usize) -> String {
    format!("user-{number:04}")
}

/// A document of the largest size about the buckets of one team and shared ones, and a revision of it.
fn team(number: usize, random: &mut Random) -> (Document, Document) {
    let arn = |bucket: &str, key: &str| format!("arn:aws:s3:::{bucket}{key}");
    let own = format!("team-{number:04}");
    let mut statements = vec![
        statement(Effect::Allow, &["s3:ListBucket", "s3:GetBucketLocation"], vec![arn(&own, ""), arn("shared-*", "")]),
        statement(
            Effect::Allow,
            &["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            vec![arn(&own, "/*"), arn(&own, "-*/*")],
        ),
        statement(Effect::Allow, &["s3:GetObject"], vec![arn("shared-*", "/public/*")]),
        statement(Effect::Deny, &["s3:Delete*"], vec![arn(&own, "/keep/*"), arn("*", "/legal/*")]),
    ];
    loop {
        let keys = (0..4).map(|_| arn(&own, &format!("/projects/{:06}/*", random.below(1_000_000)))).collect();
        statements.push(statement(Effect::Allow, &["s3:AbortMultipartUpload", "s3:PutObjectTagging"], keys));
        if normal(&document(statements.clone())).len() > MAX_BYTES {
            statements.pop();
            break;
        }
    }
    let before = document(statements);
    let mut after = before.clone();
    after.statements.truncate(after.statements.len() - 1);
    (before, after)
}

/// A configuration with expectations of each kind.
fn expectations(counts: Counts) -> io::Result<Desired> {
    let mut text = String::new();
    for number in 0..counts.expectations {
        let of = number * counts.users / counts.expectations;
        let user = user(of);
        // Writing to a string does not fail.
        let _ = match number % 10 {
            0 => writeln!(text, "[[expect]]\nuser = \"{user}\"\ncan = \"read\"\non = \"team-{of:04}/*\""),
            1 => {
                writeln!(text, "[[expect]]\nuser = \"{user}\"\nonly = \"s3:*\"\non = [\"team-{of:04}*\", \"shared-*\"]")
            }
            2 => writeln!(text, "[[expect]]\nusers = \"user-*\"\ncannot = \"s3:PutBucketPolicy\"\non = \"*-{of:04}\""),
            3 => writeln!(text, "[[expect]]\nnobody = \"s3:Delete*\"\non = \"*/legal/{of}/*\""),
            4 => writeln!(text, "[[expect]]\nnobody = [\"write\", \"delete\"]\non = \"shared-{of}*\""),
            _ => writeln!(
                text,
                "[[expect]]\nnobody = [\"s3:GetObject\", \"s3:PutObject\", \"s3:DeleteObject*\"]\n\
                 on = \"team-{of:04}/*\"\nexcept = [\"{user}\"]"
            ),
        };
    }
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("attune.toml");
    std::fs::write(&file, text)?;
    let loaded = load(&file, Boundary::Repository).map_err(io::Error::other)?;
    match loaded.findings.iter().find(|finding| finding.is_error()) {
        Some(finding) => Err(io::Error::other(format!("{finding:?}"))),
        None => Ok(loaded.desired),
    }
}
