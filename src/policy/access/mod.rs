//! The access engine: which access a document gives, and which access one gives that another does not. It is exact, works
//! offline, and never misses a difference.
//!
//! A request is an action, a resource, and an answer to each condition. The engine finds a request that one document
//! allows and the other does not, or proves that there is none. Open questions, such as conditions and variables with an
//! unknown value, count both ways, so the engine may report more than there is. A difference is *undecided* if the search
//! is too long, or if a document has unknown actions or resources: another service, `s3:*Acl`, no ARN of S3.

mod abilities;
mod actions;
mod answer;
mod automaton;
mod basis;
mod bucket;
mod can;
mod class;
mod compare;
mod conditions;
mod decide;
mod describe;
mod engine;
mod findings;
mod formulas;
mod glob;
mod lines;
mod patterns;
mod phrases;
mod practice;
mod question;
mod reach;
mod requester;
mod requests;
mod resources;
mod rules;
mod samples;
mod search;
mod set;
mod terms;
mod values;
mod views;
mod ways;
mod whole;
mod wording;

#[cfg(test)]
pub(crate) mod oracle;

pub use abilities::{RequestLine, RequestWitness, Requests, UndecidedRequests, abilities};
pub use answer::{Answer, Asked, Attachment, ByBucket, Holder, Report};
pub use basis::{Basis, BasisKind, basis};
pub(super) use bucket::within_bucket;
pub use bucket::{ends_behind, similar_beginning};
pub use can::{ActionDecision, Need, RequestDecision, RequestOn, RequestQuestion, WayDecision, decide_request};
pub use compare::{Comparison, Relation, compare};
pub use decide::{Decision, Ground, Request, RequestProblem, Verdict, decide};
pub use describe::{Exception, Reason};
pub use lines::{AccessLine, Cause, Side, Undecided, Witness};
pub use phrases::in_words;
pub use practice::{InPractice, WithoutEffect};
pub use question::Question;
pub use reach::Reach;
pub use requester::is_in_every_request;
pub use requests::{AskedAction, AskedOn, Formula, RequestKind, Way};
pub use resources::ARN;
pub use rules::{
    ALL_RULES, AWS_RULES, BucketPolicies, MINIO_2021_RULES, Preset, RuleList, Rules, RulesProblem, RulesTable,
};
pub use set::{Counterexample, RequestOrAction, RequestSet, SetProblem, beyond, exceeds};
pub use whole::{Missing, Whole};

use std::collections::BTreeMap;

use super::{Catalogue, Document, Effect, Kind, Principals, Statement};
use crate::base::{Principal, UserName};
use actions::{ActionSet, ActionSets, Wildcards, action_sets};
use engine::Engine;
use findings::GroupFindings;
use patterns::Requester;

/// The inputs of an evaluation beside the documents.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The known actions.
    pub catalogue: &'a Catalogue,
    /// The rules that count: a difference under any of them counts.
    pub rules: &'a RuleList,
    /// The name of the user. If `None`, `aws:username` can have any value.
    pub user: Option<&'a str>,
    /// The credentials of the user that count.
    pub credentials: Credentials,
    /// The conditions that count.
    pub conditions: Conditions,
    /// The number of states that one search may visit, and half of the number for all searches of a comparison.
    pub state_cap: usize,
}

/// The credentials of a user that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Credentials {
    /// Its own keys: the answer to what the user can do.
    Own,
    /// Its temporary credentials and service accounts as well: the answer to what certainly nobody can do. Some servers
    /// give them another `aws:username`.
    Any,
    /// None: requests without a login, which only bucket policies allow.
    None,
}

/// How a condition counts whose answer is not known before the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conditions {
    /// It may hold or not: the answer to what certainly nobody can do, and to what differs.
    Any,
    /// The request does not have its key: the answer to what a user can do with a plain request. So `IpAddress` does not
    /// hold, and `NotIpAddress` holds.
    NotGiven,
}

/// A limit that allows every realistic document of 2048 bytes, and takes a fraction of a second.
pub const STATE_CAP: usize = 50_000;

impl<'a> Context<'a> {
    /// All rules, no user, any answer to a condition, the default limit.
    pub fn new(catalogue: &'a Catalogue) -> Self {
        let (credentials, conditions) = (Credentials::Own, Conditions::Any);
        Self { catalogue, rules: &ALL_RULES, user: None, credentials, conditions, state_cap: STATE_CAP }
    }

    /// The same for one user.
    #[must_use]
    pub fn with_user(self, user: &'a str) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same for one user or group. For a group, a variable can have the name of any member.
    #[must_use]
    pub fn with(self, principal: &'a Principal) -> Self {
        Self { user: principal.user().map(UserName::as_str), ..self }
    }

    /// The same for requests without a login.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { user: None, credentials: Credentials::None, ..self }
    }

    /// The same for these credentials. Requests without a login have none.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        match self.credentials {
            Credentials::None => self,
            Credentials::Own | Credentials::Any => Self { credentials, ..self },
        }
    }

    /// The same with conditions that count like this.
    #[must_use]
    pub fn with_conditions(self, conditions: Conditions) -> Self {
        Self { conditions, ..self }
    }

    /// Who sends the requests, as a server with these rules knows it.
    fn requester(&self, rules: &Rules) -> Requester<'a> {
        let is_own = match self.credentials {
            Credentials::None => return Requester::ANONYMOUS,
            Credentials::Own => true,
            Credentials::Any => false,
        };
        Requester {
            name: self.user.filter(|_| is_own || rules.temporary_username),
            user: self.user.map(|user| (user, is_own)),
            is_anonymous: false,
            is_other: false,
        }
    }

    /// The rules by which requests ask for actions. Without a login, a server of MinIO asks nothing about a Deny of
    /// `s3:DeleteObjectVersion` (measured on that of 2026): who may delete an object may delete its versions.
    fn asked(&self, rules: Rules) -> Rules {
        let is_deaf = self.credentials == Credentials::None && !rules.version_actions;
        Rules { deny_of_versions: rules.deny_of_versions && !is_deaf, ..rules }
    }

    /// The rules that count, in groups that evaluate alike.
    fn groups(&self, is_like: impl Fn(&Rules, &Rules) -> bool) -> Vec<Vec<Rules>> {
        let same = |one: &Rules, other: &Rules| self.requester(one) == self.requester(other);
        self.rules.alike(|one, other| is_like(one, other) && same(one, other))
    }
}

/// The difference in access between two documents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Access that only the document after gives.
    pub gained: Vec<AccessLine>,
    /// Access that only the document before gives.
    pub lost: Vec<AccessLine>,
    /// Undecided differences. They count as gained or lost.
    pub undecided: Vec<Undecided>,
    /// Where what people can do differs from these lines.
    pub in_practice: InPractice,
}

impl Access {
    /// Whether certainly nothing is gained: no action, and no request.
    pub fn gains_nothing(&self) -> bool {
        self.gained.is_empty()
            && !self.undecided.iter().any(|open| open.side == Side::Gained)
            && self.in_practice.beyond.gains_nothing()
    }

    /// Whether certainly nothing is lost: no action, and no request.
    pub fn loses_nothing(&self) -> bool {
        self.lost.is_empty()
            && !self.undecided.iter().any(|open| open.side == Side::Lost)
            && self.in_practice.beyond.loses_nothing()
    }

    /// The difference from the document after to the document before.
    pub fn reversed(&self) -> Self {
        let Self { gained, lost, undecided, in_practice } = self.clone();
        let undecided = undecided.into_iter().map(|open| Undecided { side: open.side.opposite(), ..open });
        Self { gained: lost, lost: gained, undecided: undecided.collect(), in_practice: in_practice.reversed() }
    }
}

/// The access that `after` adds to and removes from `before`. `None` is no policy and gives no access.
pub fn difference(before: Option<&Document>, after: Option<&Document>, context: &Context<'_>) -> Access {
    difference_on(&[Side::Gained, Side::Lost], before, after, context)
}

/// The access that `after` adds to `before`. It takes half the time of [`difference`]; `lost` is empty.
pub fn gains(before: Option<&Document>, after: Option<&Document>, context: &Context<'_>) -> Access {
    difference_on(&[Side::Gained], before, after, context)
}

fn difference_on(sides: &[Side], before: Option<&Document>, after: Option<&Document>, context: &Context<'_>) -> Access {
    let mut engine = Engine::new(before, after, context);
    let mut access = action_lines(&mut engine, sides, [before, after], context.catalogue);
    let requests =
        abilities::requests_of(&mut engine, sides, &practice::notable(context.catalogue, context.rules), None);
    access.in_practice = practice::in_practice(&access, requests, context.catalogue, context.rules);
    access
}

/// The actions that only one of the documents of an engine allows.
fn action_lines(
    engine: &mut Engine<'_>,
    sides: &[Side],
    documents: [Option<&Document>; 2],
    catalogue: &Catalogue,
) -> Access {
    let wildcards = Wildcards::new(catalogue);
    let action_sets = action_sets(catalogue, documents.into_iter().flatten());
    let found = engine.actions(sides, &action_sets);
    let lines = |side| found.get(&side).map_or(Vec::new(), |found| lines::lines(found, &wildcards));
    let undecided = |(side, found): (&Side, &GroupFindings<'_>)| lines::undecided(found, *side, &wildcards);
    let (gained, lost) = (lines(Side::Gained), lines(Side::Lost));
    Access { gained, lost, undecided: found.iter().flat_map(undecided).collect(), ..Access::default() }
}

/// The access that a document gives.
pub fn summary(document: &Document, context: &Context<'_>) -> Access {
    difference(None, Some(document), context)
}

/// Where what people can do with a document differs from its actions: actions that it allows or denies without effect,
/// and requests that it allows and no action shows.
pub fn in_practice(document: &Document, context: &Context<'_>) -> InPractice {
    let mut all = summary(document, context).in_practice;
    if !of_effect(document, Effect::Deny).is_empty() {
        let allows = part(document, &of_effect(document, Effect::Allow));
        let denied = difference_on(&[Side::Lost], Some(&allows), Some(document), context);
        all.without_effect.extend(denied.in_practice.without_effect);
    }
    all
}

/// Whether certainly `wide` allows everything that `narrow` allows.
pub fn includes(wide: &Document, narrow: &Document, context: &Context<'_>) -> bool {
    let action_sets = action_sets(context.catalogue, [wide, narrow]);
    let gained = Engine::new(Some(wide), Some(narrow), context).actions(&[Side::Gained], &action_sets);
    gained.values().flatten().all(|(_, findings)| findings.found.is_empty() && findings.undecided.is_empty())
}

/// Whether the glob `wide` matches every text that the glob `narrow` matches.
pub fn pattern_covers(wide: &str, narrow: &str) -> bool {
    match wide.find(['*', '?']) {
        None => wide == narrow,
        // Most pairs differ before the first wildcard, and then no glob is needed.
        Some(end) => narrow.starts_with(&wide[..end]) && glob::Glob::parse(wide).subsumes(&glob::Glob::parse(narrow)),
    }
}

/// Whether a text exists that both globs match.
pub fn patterns_overlap(one: &str, other: &str) -> bool {
    glob::Glob::parse(one).overlaps(&glob::Glob::parse(other))
}

/// Whether a key of conditions is about the user.
fn is_of_user(key: &str) -> bool {
    ["aws:principaltype", "aws:userid", "aws:username"].iter().any(|known| key.eq_ignore_ascii_case(known))
}

/// Whether the access of a document can depend on the user.
pub fn depends_on_user(document: &Document) -> bool {
    let depends = |statement: &Statement| {
        let values = statement.conditions.iter().flat_map(|clause| &clause.values);
        statement.resources.patterns.iter().chain(values).any(|text| text.contains("${"))
            || statement.conditions.iter().any(|clause| is_of_user(&clause.key))
            || statement.principals.as_ref().is_some_and(Principals::depends_on_user)
    };
    document.statements.iter().any(depends)
}

/// Whether certainly both documents give the same access.
pub fn same_access(one: &Document, another: &Document, context: &Context<'_>) -> bool {
    includes(one, another, context) && includes(another, one, context)
}

/// The indices of statements without which the document gives the same access. All of them can be removed at once. Of
/// two that can replace each other, the later one is listed.
pub fn redundant_statements(document: &Document, context: &Context<'_>) -> Vec<usize> {
    let mut needed: Vec<usize> = (0..document.statements.len()).collect();
    let mut redundant = Vec::new();
    for index in (0..document.statements.len()).rev() {
        let without: Vec<_> = needed.iter().copied().filter(|other| *other != index).collect();
        if same_access(document, &part(document, &without), context) {
            needed = without;
            redundant.insert(0, index);
        }
    }
    redundant
}

/// The indices of `Deny` statements that deny nothing that the document allows.
pub fn dead_denies(document: &Document, context: &Context<'_>) -> Vec<usize> {
    let allows = of_effect(document, Effect::Allow);
    let allowed = part(document, &allows);
    let is_dead = |deny: &usize| {
        let denied: Vec<_> = allows.iter().copied().chain([*deny]).collect();
        includes(&part(document, &denied), &allowed, context)
    };
    of_effect(document, Effect::Deny).into_iter().filter(is_dead).collect()
}

/// The indices of `Allow` statements that grant nothing, because the document denies it or they match nothing.
pub fn never_grants(document: &Document, context: &Context<'_>) -> Vec<usize> {
    let denies = of_effect(document, Effect::Deny);
    let is_vain = |allow: &usize| {
        let alone: Vec<_> = denies.iter().copied().chain([*allow]).collect();
        grants_nothing(&part(document, &alone), context)
    };
    of_effect(document, Effect::Allow).into_iter().filter(is_vain).collect()
}

/// What a document allows of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfAction {
    /// Certainly nothing.
    Nothing,
    /// The action on this resource, an ARN: an example.
    On(String),
    /// Perhaps something.
    Unknown,
}

/// What a document allows of one action on a kind of resource.
pub fn allowed_of(document: &Document, action: &str, kind: Kind, context: &Context<'_>) -> OfAction {
    let only = ActionSets { all: vec![ActionSet::new(action, kind)], is_truncated: false };
    let mut engine = Engine::new(None, Some(document), context);
    engine.is_one_enough = true;
    let found = engine.actions(&[Side::Gained], &only);
    let findings = || found.values().flatten().map(|(_, findings)| findings);
    match findings().flat_map(|findings| findings.found.values()).flat_map(BTreeMap::values).next() {
        Some(example) => OfAction::On(example.resource.clone()),
        None if findings().all(|findings| findings.undecided.is_empty()) => OfAction::Nothing,
        None => OfAction::Unknown,
    }
}

/// Whether certainly a document allows nothing.
pub fn grants_nothing(document: &Document, context: &Context<'_>) -> bool {
    includes(&part(document, &[]), document, context)
}

fn of_effect(document: &Document, effect: Effect) -> Vec<usize> {
    let statements = document.statements.iter().enumerate();
    statements.filter(|(_, statement)| statement.effect == effect).map(|(index, _)| index).collect()
}

fn part(document: &Document, statements: &[usize]) -> Document {
    let statements = statements.iter().filter_map(|&index| document.statements.get(index).cloned()).collect();
    Document { statements, ..document.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::plain;

    const ALL: &str = "arn:aws:s3:::*";

    fn between(before: &[(&str, &str, &str)], after: &[(&str, &str, &str)]) -> Access {
        let catalogue = Catalogue::newest();
        difference(Some(&plain(before)), Some(&plain(after)), &Context::new(&catalogue))
    }

    const READ: (&str, &str, &str) = ("Allow", "s3:GetObject", ALL);

    #[test]
    fn actions_that_nobody_knows_are_not_decided_both_ways() {
        for action in [
            "admin:*",
            "sts:AssumeRole",
            "s3:Replicate*",
            "s3:*Acl",
            "iam:*",
            "nonsense",
            "",
            "s3:Gett*",
            "a b",
            "*:Heal",
        ] {
            let some = ("Allow", action, ALL);
            let gained = between(&[READ], &[READ, some]);
            assert!(!gained.gains_nothing() && gained.loses_nothing(), "{action}: {gained:?}");
            assert!(gained.undecided.iter().any(|open| open.actions == [action] && open.pattern == ALL), "{gained:?}");
            let lost = between(&[READ, some], &[READ]);
            assert!(!lost.loses_nothing() && lost.gains_nothing(), "{action}: {lost:?}");
            let same = between(&[READ, some], &[some, READ]);
            assert_eq!(same, Access::default(), "{action}");
        }
    }

    #[test]
    fn an_action_of_s3_that_is_written_out_is_gained_as_ever() {
        let gained = between(&[READ], &[READ, ("Allow", "s3:PutObjectAcl", ALL)]);
        assert_eq!(gained.gained[0].actions, ["s3:PutObjectAcl"]);
    }

    #[test]
    fn all_of_s3_is_decided_and_all_services_are_not() {
        let everything = ("Allow", "s3:*", ALL);
        assert_eq!(between(&[], &[everything]).undecided, []);
        assert!(between(&[everything], &[everything, ("Allow", "s3:*Acl", ALL)]).gains_nothing());
        for wide in ["*", "s*", "!s3:GetObject", "*:*"] {
            let wider = between(&[everything], &[everything, ("Allow", wide, ALL)]);
            assert!(!wider.gains_nothing(), "{wide}");
        }
    }

    #[test]
    fn a_wider_or_undenied_unknown_is_gained_and_a_narrower_one_is_not() {
        let allow = |action| ("Allow", action, ALL);
        assert!(!between(&[allow("admin:Heal*")], &[allow("admin:*")]).gains_nothing());
        assert!(between(&[allow("admin:*")], &[allow("admin:Heal*")]).gains_nothing());
        let deny = |action| ("Deny", action, ALL);
        for part in ["admin:*", "*:Heal", "*Heal*", "admin:Heal"] {
            let undenied = between(&[allow("admin:*"), deny(part)], &[allow("admin:*")]);
            assert!(!undenied.gains_nothing(), "{part}");
            let denied = between(&[allow("admin:*")], &[allow("admin:*"), deny(part)]);
            assert!(denied.gains_nothing() && !denied.loses_nothing(), "{part}");
        }
        assert!(!between(&[allow("s3:*"), deny("s3:*Acl")], &[allow("s3:*")]).gains_nothing());
        assert!(!between(&[allow("!admin:Heal")], &[allow("!admin:Stop")]).gains_nothing());
        assert!(!between(&[allow("!*Heal*")], &[allow("admin:*")]).gains_nothing());
        assert!(between(&[allow("!admin:Heal")], &[allow("!admin:Heal")]).gains_nothing());
    }

    #[test]
    fn resources_that_are_no_arn_of_s3_are_not_decided() {
        for resource in [
            "b/*",
            "arn:minio:s3:::b/*",
            "arn:aws-cn:s3:::b/*",
            "arn:*:s3:::bbb/*",
            "arn:aws:s3*:::bbb/*",
            "arn:aws:s3:eu-west-1:1:accesspoint/a",
            "ARN:AWS:S3:::b",
            "",
        ] {
            let some = ("Allow", "s3:PutObject", resource);
            let gained = between(&[READ], &[READ, some]);
            assert!(gained.gained.is_empty() && gained.loses_nothing(), "{resource}: {gained:?}");
            assert!(!gained.gains_nothing(), "{resource}");
            assert_eq!(between(&[READ, some], &[READ, some]), Access::default());
        }
        let all_but = |resource| [("Allow", "s3:*", ALL), ("Deny", "s3:*", resource)];
        assert!(!between(&[], &all_but("!b/*")).gains_nothing(), "a server may read the exception as it is meant");
        assert!(!between(&all_but("b/*"), &all_but("c/*")).gains_nothing());
    }

    #[test]
    fn a_few_random_instances_settle_what_a_search_is_too_long_for() {
        let allow = |resource| ("Allow", "s3:GetObject", resource);
        let all_examples = ["arn:aws:s3:::logs/?", "arn:aws:s3:::logs/???", "arn:aws:s3:::logs/*/*"].map(allow);
        let [before, after] = [plain(&all_examples), plain(&[allow("arn:aws:s3:::logs/*")])];
        let catalogue = Catalogue::newest();
        let access = difference(Some(&before), Some(&after), &Context { state_cap: 0, ..Context::new(&catalogue) });
        assert_eq!((access.gained.len(), access.undecided.len()), (1, 0), "{access:?}");
        let key = access.gained[0].witness.resource.strip_prefix("arn:aws:s3:::logs/").unwrap();
        assert!(!key.contains('/') && key.len() != 1 && key.len() != 3, "{key}");
    }

    #[test]
    fn too_many_overlaps_to_tell_apart_leave_everything_open() {
        let many: Vec<_> = (0..20).map(|n| format!("*x{n}:*a*")).collect();
        let few: Vec<_> = (0..20).map(|n| format!("*a{n}*")).collect();
        let allows: Vec<_> = many.iter().map(|action| ("Allow", action.as_str(), ALL)).collect();
        let denies: Vec<_> = few.iter().map(|action| ("Deny", action.as_str(), ALL)).collect();
        assert!(!between(&[allows.as_slice(), &denies].concat(), &allows).gains_nothing());
    }
}
