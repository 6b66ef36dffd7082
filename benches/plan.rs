//! The time of a plan for a full cluster. Pure: no cluster, no files. Prints figures,
//! judges none. Run as a test (without `--bench`), it does with little of everything.

mod random;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Instant;

use attune::base::{Capabilities, PolicyName, Release, UserName};
use attune::desired::{Authored, DeclaredAttachment, Desired, PolicyEntry, PolicyIntent, PrincipalEntry};
use attune::observed::{Body, Buckets, Duplicates, Identity, Limits, Observed, ObservedUser};
use attune::plan::plan;
use attune::policy::{Document, normal};
use random::Random;

/// How many policies, and how many users: a cluster takes so many policies.
const EACH: usize = 1_024;

/// The same, when run as a test.
const SMALL: usize = 8;

fn main() -> io::Result<()> {
    let each = if std::env::args().any(|argument| argument == "--bench") { EACH } else { SMALL };
    let mut out = io::stdout().lock();
    let mut random = Random { state: 11, negated: false };
    let revisions: Vec<_> = (0..each).map(|_| random.revision()).collect();
    let before: Vec<_> = revisions.iter().map(|(before, _)| before.clone()).collect();
    let after: Vec<_> = revisions.iter().map(|(_, after)| after.clone()).collect();

    writeln!(out, "plans of {each} policies with documents of 2048 bytes, and {each} users:")?;
    let same = |number| number;
    let next = |number| (number + 1) % each;
    let cluster = cluster(&before, same);
    let much = Observed { limits: Limits { policies: 2 * each, ..Limits::default() }, ..cluster.clone() };
    let one = Observed { limits: Limits { policies: each + 1, ..Limits::default() }, ..cluster.clone() };
    let empty = Observed { policies: BTreeMap::new(), users: holding(each, |_| None), ..cluster.clone() };
    measure(&mut out, "nothing to do", &file(&before, same), &cluster)?;
    measure(&mut out, "each policy added, each user attached", &file(&after, same), &empty)?;
    measure(&mut out, "each user moved", &file(&before, next), &cluster)?;
    measure(&mut out, "each policy replaced, room for all", &file(&after, same), &much)?;
    measure(&mut out, "each policy replaced, room for one", &file(&after, same), &one)?;
    measure(&mut out, "each policy replaced, no room", &file(&after, same), &cluster)?;
    measure(&mut out, "each policy replaced, each user moved", &file(&after, next), &much)
}

fn measure(out: &mut impl Write, name: &str, desired: &Desired, observed: &Observed) -> io::Result<()> {
    let start = Instant::now();
    let plan = plan(desired, observed);
    let time = start.elapsed();
    let blocked = if plan.is_blocked() { ", blocked" } else { "" };
    writeln!(out, "  {name:<40} {time:>9.1?}: {} changes, {} calls{blocked}", plan.changes.len(), plan.steps.len())
}

fn policy(number: usize) -> PolicyName {
    PolicyName::reported(format!("policy-{number:04}"))
}

fn user(number: usize) -> UserName {
    UserName::reported(format!("user-{number:04}"))
}

/// A configuration with these documents, where each user has the policy with the number given for it.
fn file(documents: &[Document], held: impl Fn(usize) -> usize) -> Desired {
    let entry = |document: &Document| PolicyEntry::new(PolicyIntent::Present(Authored::new(document.clone(), None)));
    let policies = documents.iter().enumerate().map(|(number, document)| (policy(number), entry(document)));
    let holds = |number| PrincipalEntry { intent: DeclaredAttachment::Has(policy(held(number))), at: None };
    let users = (0..documents.len()).map(|number| (user(number), holds(number)));
    Desired { policies: policies.collect(), users: users.collect(), ..Desired::default() }
}

/// A full cluster with these documents.
fn cluster(documents: &[Document], held: impl Fn(usize) -> usize) -> Observed {
    let bodies = documents.iter().map(|document| Body::Known(normal(document)));
    Observed {
        identity: Identity {
            name: "stewie".to_owned(),
            guid: "guid".to_owned(),
            release: Release::parse("5.1.2").unwrap_or_else(|| unreachable!("a release")),
            tenant: "Root".to_owned(),
            user: UserName::reported("admin"),
            role: "ClusterAdmin".to_owned(),
        },
        capabilities: Capabilities::of(&Release::newest()),
        policies: bodies.enumerate().map(|(number, body)| (policy(number), body)).collect(),
        users: holding(documents.len(), |number| Some(policy(held(number)))),
        groups: BTreeMap::new(),
        groups_known: false,
        duplicates: Duplicates::default(),
        identity_provider: Some(false),
        attachments_known: true,
        keys_can_be_generated: false,
        buckets: Buckets::NotRead,
        limits: Limits { policies: documents.len(), ..Limits::default() },
    }
}

fn holding(users: usize, held: impl Fn(usize) -> Option<PolicyName>) -> BTreeMap<UserName, ObservedUser> {
    let holder = |number| ObservedUser { role: "S3".to_owned(), source: "Internal".to_owned(), attached: held(number) };
    (0..users).map(|number| (user(number), holder(number))).collect()
}
