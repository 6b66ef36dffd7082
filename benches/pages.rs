//! The time of a report of a full cluster, in all formats. Pure: no cluster, no files. Prints figures, judges none. Run as
//! a test (without `--bench`), it does with little of everything.

#[expect(dead_code, reason = "this benchmark needs no document of the largest size")]
mod random;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Instant;

use attune::base::{PolicyName, Principal, UserName};
use attune::observed::Body;
use attune::policy::access::{ALL_RULES, Context};
use attune::policy::{Catalogue, Effect, Normal, normal};
use attune::render::json::{self, ReportV1};
use attune::render::{Styles, access_review, html, text};
use attune::report::{Report, Scope, State, report, review};
use random::{Random, document, statement};

/// How many policies there are, and how many of them get another document.
const POLICIES: (usize, usize) = (1_000, 20);

const USERS: usize = 1_024;

/// How many resources a policy names.
const RESOURCES: usize = 20;

/// How many buckets all policies name, and whether each names buckets of its own, as rows of a template do.
const BUCKETS: [(usize, bool); 2] = [(4_000, false), (20_000, true)];

fn main() -> io::Result<()> {
    let small = if std::env::args().any(|argument| argument == "--bench") { 1 } else { 50 };
    let mut out = io::stdout().lock();
    for (buckets, own) in BUCKETS {
        let (policies, users, buckets) = (POLICIES.0 / small, USERS / small, buckets / small);
        let whose = if own { "of their own" } else { "at random" };
        writeln!(out, "{policies} policies, {RESOURCES} resources each, of {buckets} buckets {whose}; {users} users:")?;
        let world = World { policies, users, buckets, own };
        measure(&mut out, "the cluster", Scope::Cluster(world.state(0)))?;
        let both = Scope::Both { before: world.state(0), after: world.state(POLICIES.1) };
        measure(&mut out, "before and after a plan", both)?;
    }
    Ok(())
}

fn measure(out: &mut impl Write, name: &str, scope: Scope) -> io::Result<()> {
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let mut clock = Instant::now();
    let mut lap = || std::mem::replace(&mut clock, Instant::now()).elapsed();
    let [before, after] = review([scope.before(), scope.after()], &context);
    let mut bytes = Vec::new();
    access_review(&mut bytes, None, before.as_deref(), after.as_deref())?;
    let csv = lap();
    let report: Report = report(scope, None, None, (&catalogue, &ALL_RULES));
    let made = lap();
    let output = ReportV1::of(&report);
    let copied = lap();
    let written = [
        ("html", html::report as fn(&mut dyn Write, &ReportV1) -> io::Result<()>),
        ("text", |out, of| text::report(out, &Styles::default(), of)),
        ("json", |out, of| json::write(out, of)),
    ]
    .map(|(format, write)| {
        let mut bytes = Vec::new();
        lap();
        write(&mut bytes, &output).map(|()| format!("{format} {:.1?} ({} kB)", lap(), bytes.len() / 1_000))
    });
    let written = written.into_iter().collect::<io::Result<Vec<String>>>()?.join(", ");
    writeln!(out, "  {name:<24} report {made:.1?}, copy {copied:.1?}, {written}, csv {csv:.1?}")
}

/// How much of everything there is.
struct World {
    policies: usize,
    users: usize,
    buckets: usize,
    own: bool,
}

impl World {
    /// A state in which one of so many policies has another document.
    fn state(&self, changed: usize) -> State {
        let mut random = Random { state: 7, negated: false };
        let name = |number| PolicyName::reported(format!("policy-{number:04}"));
        let policies: BTreeMap<_, _> = (0..self.policies)
            .map(|number| {
                let buckets: Vec<usize> =
                    (0..RESOURCES)
                        .map(|at| {
                            if self.own { (number * RESOURCES + at) % self.buckets } else { random.below(self.buckets) }
                        })
                        .collect();
                (name(number), Body::Known(self.document(&buckets, changed != 0 && number % changed == 0)))
            })
            .collect();
        let user = |number| Principal::from(&UserName::reported(format!("user-{number:04}")));
        let attachments = (0..self.users).map(|number| (user(number), Some(name(number % self.policies)))).collect();
        State { policies, attachments, attachments_known: true, groups_known: true, ..State::default() }
    }

    fn document(&self, buckets: &[usize], is_changed: bool) -> Normal {
        let resources = buckets.iter().map(|bucket| format!("arn:aws:s3:::bucket-{bucket:05}/*")).collect();
        let mut actions = vec!["s3:GetObject", "s3:PutObject"];
        if is_changed {
            actions.push("s3:DeleteObject");
        }
        normal(&document(vec![statement(Effect::Allow, &actions, resources)]))
    }
}
