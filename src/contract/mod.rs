//! Expectations and envelopes: whether a state keeps the promises of a configuration about who can do what.

mod breach;
mod codes;
mod envelope;
mod explain;
mod mutate;
mod state;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use breach::{Against, Breach, BreachBy};
pub use codes::{CODES, EXCEEDED, FAILED};
pub use envelope::{CheckedEnvelope, check_envelopes, envelope_findings, offline_envelope_findings};
pub use mutate::{Mutation, MutationResult, Widening, mutations};
use state::Records;
pub use state::{Given, State, Subject, Unreported, declared_buckets};

use crate::base::{Finding, PolicyName, list_some};
use crate::desired::{Demand, Desired, Expectation, Who};
use crate::policy::Normal;
use crate::policy::access::{Conditions, Context, Counterexample, Credentials, Holder, Reach, beyond, depends_on_user};

/// An expectation with what breaks it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Checked {
    /// The expectation.
    pub expectation: Expectation,
    /// The number of users, groups and roles that it is about.
    pub subjects: usize,
    /// What breaks it; empty if it holds.
    pub failures: Vec<Failure>,
}

/// A user, group or role for which an expectation fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whose access it is; `None` if it is about everyone.
    pub who: Option<Holder>,
    /// The policy that it has.
    pub policy: Option<PolicyName>,
    /// The reason.
    pub why: Why,
    /// Whether the plan causes it or makes it worse; true if nothing is known about the state before.
    pub is_new: bool,
}

/// Why an expectation fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// This is allowed, and should not be.
    Allowed(Counterexample),
    /// This is not allowed, and should be.
    NotAllowed(Counterexample),
    /// The document of the policy is not known, or that of the policy of a bucket, so nothing can be said.
    UnknownDocument,
    /// There is no such user or group.
    NoSuchPrincipal,
    /// The cluster does not report which policy users, or groups, have.
    NotReported(Unreported),
}

impl Checked {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether it refuses a plan: the plan makes it worse, or it is strict.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.failures.iter().any(|failure| failure.is_new || self.expectation.strict)
    }
}

/// Checks expectations against a state. `before` is the state before a plan, if there is one.
pub fn check(
    expectations: &[Expectation],
    before: Option<&State>,
    after: &State,
    context: &Context<'_>,
) -> Vec<Checked> {
    let checker = Checker::new(before, after, context);
    expectations.iter().map(|expectation| checker.check(expectation)).collect()
}

/// Both states, with each document once.
struct Checker<'a, 's> {
    context: &'a Context<'a>,
    before: Option<&'s State>,
    after: &'s State,
    documents: Vec<Prepared<'s>>,
    /// The indices of the documents.
    indices: BTreeMap<&'s Normal, usize>,
    earlier: Option<Records<'s>>,
}

struct Prepared<'s> {
    reach: Reach<'s>,
    /// Whether what it gives can depend on the user.
    depends_on_user: bool,
}

/// The indices of the documents of a question: before, if it is known, and after.
type Documents = (Option<Option<usize>>, Option<usize>);

/// The answers about documents that give every user, and everyone else, the same access: by whether it is about a user, and by
/// whether about someone without a login.
type Answers = BTreeMap<([bool; 2], Documents), Option<Counterexample>>;

impl<'a, 's> Checker<'a, 's> {
    fn new(before: Option<&'s State>, after: &'s State, context: &'a Context<'a>) -> Self {
        let (mut documents, mut indices) = (Vec::new(), BTreeMap::new());
        for subject in before.iter().flat_map(|state| &state.subjects).chain(&after.subjects) {
            let Given::Document(normal) = &subject.given else { continue };
            indices.entry(normal).or_insert_with(|| {
                let document = normal.document();
                documents.push(Prepared { reach: Reach::new(document), depends_on_user: depends_on_user(document) });
                documents.len() - 1
            });
        }
        Self { context, before, after, documents, indices, earlier: before.map(Records::of) }
    }

    fn check(&self, expectation: &Expectation) -> Checked {
        let (before, after) = (self.before, self.after);
        let subjects: Vec<&Subject> =
            after.subjects.iter().filter(|subject| is_about(expectation, &subject.who)).collect();
        let mut answers = Answers::new();
        let mut failures: Vec<Failure> =
            subjects.iter().filter_map(|subject| self.failure(expectation, subject, &mut answers)).collect();
        failures.extend(without_subject(expectation, before, after));
        if let Some(kind) = after.unreported(&expectation.who) {
            let is_new = before.is_none_or(|before| before.unreported(&expectation.who).is_none());
            failures.push(Failure { who: None, policy: None, why: Why::NotReported(kind), is_new });
        }
        // Anyone without a login is no user, group or role.
        let names_anonymous = expectation.who.names_anonymous();
        let subjects = subjects.iter().filter(|subject| names_anonymous || subject.who != Holder::Anonymous).count();
        Checked { expectation: expectation.clone(), subjects, failures }
    }

    fn failure(&self, expectation: &Expectation, subject: &Subject, answers: &mut Answers) -> Option<Failure> {
        let found =
            |why, is_new| Some(Failure { who: Some(subject.who.clone()), policy: subject.policy.clone(), why, is_new });
        let earlier = || self.earlier.as_ref().map(|records| records.like(subject));
        let document = match &subject.given {
            Given::Unknown => {
                let is_same = |earlier: &Subject| earlier.given == Given::Unknown && earlier.policy == subject.policy;
                return found(Why::UnknownDocument, !earlier().flatten().is_some_and(is_same));
            }
            Given::Nothing => None,
            Given::Document(normal) => self.indices.get(normal).copied(),
        };
        let example = self.example(expectation, &subject.who, (None, document), answers)?;
        let why = |example: Counterexample| match expectation.demand {
            _ if example.needs_unknown_policy() => Why::UnknownDocument,
            Demand::Can(_) => Why::NotAllowed(example),
            Demand::Cannot(_) | Demand::Only(_) => Why::Allowed(example),
        };
        let given = earlier().map(|earlier| earlier.map_or(&Given::Nothing, |earlier| &earlier.given));
        let before = match given {
            // Nothing is known about the state before.
            None | Some(Given::Unknown) => return found(why(example), true),
            Some(Given::Nothing) => None,
            Some(Given::Document(normal)) => self.indices.get(normal).copied(),
        };
        match self.example(expectation, &subject.who, (Some(before), document), answers) {
            Some(worse) => found(why(worse), true),
            None => found(why(example), false),
        }
    }

    /// The example that breaks an expectation: with a document before, one that did not break it then.
    fn example(
        &self,
        expectation: &Expectation,
        who: &Holder,
        documents: Documents,
        answers: &mut Answers,
    ) -> Option<Counterexample> {
        let kind = [who.user().is_some(), *who == Holder::Anonymous];
        if let Some(known) = answers.get(&(kind, documents)) {
            return known.clone();
        }
        let context = explain::of_holder(who, self.context);
        let of = |index: Option<usize>| index.and_then(|index| self.documents.get(index));
        let (before, after) = (documents.0.map(of), of(documents.1));
        let before_reach = before.map(|before| before.map(|of| &of.reach));
        let example = broken(&expectation.demand, (before_reach, after.map(|of| &of.reach)), &context);
        if !before.flatten().into_iter().chain(after).any(|of| of.depends_on_user) {
            answers.insert((kind, documents), example.clone());
        }
        example
    }
}

/// A request that breaks a demand with the document after. With a document before, one that did not break it then.
fn broken(
    demand: &Demand,
    (before, after): (Option<Option<&Reach<'_>>>, Option<&Reach<'_>>),
    context: &Context<'_>,
) -> Option<Counterexample> {
    let certain = context.with_credentials(Credentials::Any);
    match demand {
        // Nothing was allowed before, so nothing is worse.
        Demand::Can(_) if matches!(before, Some(None)) => None,
        Demand::Can(set) => set.missing(before.flatten(), after, &context.with_conditions(Conditions::NotGiven)),
        Demand::Cannot(set) => set.allowed(before.flatten(), after?, &certain),
        Demand::Only(granted) => beyond(after?.document(), granted, before.flatten().map(Reach::document), &certain),
    }
}

fn is_about(expectation: &Expectation, who: &Holder) -> bool {
    match who {
        Holder::Principal(principal) => expectation.who.covers(principal),
        Holder::Roles(role) => expectation.who.covers_role(role),
        Holder::Anonymous => expectation.who.covers_anonymous(),
        Holder::Document(_) => false,
    }
}

/// The failure of an expectation that something is allowed to a user or group that is not there.
fn without_subject(expectation: &Expectation, before: Option<&State>, after: &State) -> Option<Failure> {
    let Who::One(principal) = &expectation.who else { return None };
    let who = Holder::Principal(principal.clone());
    let is_in = |state: &State| state.subjects.iter().any(|subject| subject.who == who);
    let is_reported = after.unreported(&expectation.who).is_none();
    let is_broken = matches!(expectation.demand, Demand::Can(_)) && is_reported && !is_in(after);
    let is_new = before.is_none_or(is_in);
    is_broken.then_some(Failure { who: Some(who), policy: None, why: Why::NoSuchPrincipal, is_new })
}

/// The number of users that a finding names.
const NAMED: usize = 6;

/// The finding about an expectation that fails: an error if it refuses a plan, else a warning. Its place is that of the statement
/// that decides, if the configuration has it.
pub fn finding(checked: &Checked, desired: &Desired, context: &Context<'_>) -> Finding {
    let refuses = checked.refuses();
    let counted = |failure: &&Failure| !refuses || failure.is_new || checked.expectation.strict;
    let failures: Vec<&Failure> = checked.failures.iter().filter(counted).collect();
    let leading = failures.iter().find(|failure| explain::is_certain(failure)).or(failures.first()).copied();
    let what = leading.map(explain::what).unwrap_or_default();
    let cause = leading.and_then(|failure| explain::cause(failure, desired, context));
    let by = cause.as_ref().map(|cause| format!(": {}", cause.text)).unwrap_or_default();
    let others: Vec<&Failure> = failures.iter().copied().filter(|failure| leading != Some(*failure)).collect();
    let others = match others.len() {
        0 => String::new(),
        _ => format!("; likewise {}", list_some(&others, NAMED, |failure| explain::who(failure))),
    };
    let is_old = refuses && leading.is_some_and(|failure| !failure.is_new);
    let already = if is_old { " (already before this plan)" } else { "" };
    let message = format!("expectation {:?} fails: {what}{by}{already}{others}", checked.expectation.name);
    let finding = match refuses {
        true => Finding::error(codes::EXPECTATION_FAILED, message),
        false => Finding::warning(codes::EXPECTATION_FAILED_BEFORE, message),
    };
    let place = checked.expectation.at.clone();
    match (cause.and_then(|cause| cause.at), place) {
        (Some(at), Some(place)) => finding.at(at).label(place, "the expectation"),
        (at, place) => finding.at(at.or(place)),
    }
}

/// The findings of a check without a cluster. Where only the cluster has the document of a policy, it is a warning.
#[must_use]
pub fn offline_findings(checked: &[Checked], desired: &Desired, context: &Context<'_>) -> Vec<Finding> {
    let failed = checked.iter().filter(|checked| !checked.holds());
    let finding = |checked: &Checked| {
        let is_known = |failure: &Failure| failure.why != Why::UnknownDocument;
        let (known, unknown): (Vec<Failure>, Vec<Failure>) = checked.failures.iter().cloned().partition(is_known);
        if known.is_empty() {
            let missing = list_some(&unknown, NAMED, |failure| match &failure.policy {
                Some(policy) => format!("`{policy}` of {}", explain::who(failure)),
                None => "those of buckets".to_owned(),
            });
            let message = format!(
                "expectation {:?} is not decided offline: the configuration does not have these policies: {missing}",
                checked.expectation.name
            );
            let help = "check the cluster as well: `attune test --observed`, or `attune plan`";
            let finding = Finding::warning(codes::EXPECTATION_UNDECIDED, message);
            return finding.at(checked.expectation.at.clone()).help(help);
        }
        self::finding(&Checked { failures: known, ..checked.clone() }, desired, context)
    };
    failed.map(finding).collect()
}
