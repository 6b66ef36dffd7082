//! Access: differences as parts of plans and of `attune.policy-diff/1`; what people can do, and the decision about a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::Principal;
use crate::plan::{AccessChange, NameAccess};
use crate::policy::access::{
    Access, AccessLine, ActionDecision, Basis, Cause, Exception, Ground, Holder, InPractice, Need, RequestDecision,
    RequestKind, RequestLine, RequestWitness, Requests, Rules, Side, Undecided, UndecidedRequests, Verdict,
    WayDecision, Witness, in_words,
};
use crate::policy::{Compared, Sameness};

impl Profile {
    fn of(rules: &[Rules]) -> Option<Self> {
        rules.first().map(Self::from)
    }
}

impl From<&Rules> for Profile {
    fn from(rules: &Rules) -> Self {
        if rules.objects_cover_bucket { Self::Minio } else { Self::Aws }
    }
}

json_types! {
    /// The rules that evaluate a document. WEKA does not document which rules its servers follow; its S3 shows signs of
    /// MinIO.
    #[derive(PartialOrd, Ord)]
    pub enum Profile {
        /// AWS rules, by the AWS user guide.
        Aws,
        /// MinIO rules: the resource of a bucket is `bucket/`, so `bucket/*` covers the bucket.
        Minio,
    }

    /// Access that is gained and lost.
    #[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
    pub struct AccessV1 of(access: &Access) {
        /// Allowed after the change and not before.
        gained: Vec<AccessLineV1> = access.gained.iter().map(AccessLineV1::of).collect(),
        /// Allowed before the change and not after.
        lost: Vec<AccessLineV1> = access.lost.iter().map(AccessLineV1::of).collect(),
        /// Undecided: it may be gained or lost. Treat it as if it were.
        undecided: Vec<UndecidedV1> = access.undecided.iter().map(UndecidedV1::of).collect(),
        /// Where what people can do differs from these lines.
        in_practice*: InPracticeV1 = InPracticeV1::all(&access.in_practice),
    }

    /// A set of requests that are gained or lost.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct AccessLineV1 of(line: &AccessLine) {
        /// The actions. A wildcard stands for the actions of the release that it matches.
        actions: Vec<String> = line.actions.clone(),
        /// The same actions in words; missing when they are not all of a kind.
        in_words?: String = line.in_words.clone(),
        /// The resources, as a pattern of one of the documents.
        pattern: String = line.pattern.clone(),
        /// The requests of `pattern` that are excluded.
        except: Vec<Exception> = line.except.clone(),
        /// The conditions, all of which must hold.
        conditions: Vec<String> = line.conditions.clone(),
        /// The only rules under which this line holds; missing when it holds under all rules that attune evaluates.
        profile?: Profile = Profile::of(&line.rules),
        /// The resources of the `Deny` that makes the difference, if one does. For `gained`, the `Deny` is removed; for `lost`,
        /// it is added. The line covers only the resources of `pattern` that are among these.
        denied?: String = match &line.cause {
            Cause::Allow => None,
            Cause::Deny { pattern } => Some(pattern.clone()),
        },
        /// One of the requests.
        example: ExampleV1 = ExampleV1::of(&line.witness),
        /// The policies that this line comes from, if the policy that decides it combines others.
        from*: String = Vec::new(),
    }

    /// A request.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct ExampleV1 of(witness: &Witness) {
        /// The action.
        action: String = witness.action.clone(),
        /// The resource, as an ARN.
        resource: String = witness.resource.clone(),
        /// The conditions that must hold, and those that must not.
        conditions: Vec<String> = witness.conditions.clone(),
    }

    /// Undecided access: attune does not know the actions or the resources, or it gave up the search.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct UndecidedV1 of(open: &Undecided) {
        /// Whether it may be gained or lost.
        side: Side = open.side,
        /// The actions.
        actions: Vec<String> = open.actions.clone(),
        /// The pattern of the resources.
        pattern: String = open.pattern.clone(),
        /// The only rules under which this holds; missing when it holds under all rules that attune evaluates.
        profile?: Profile = Profile::of(&open.rules),
    }

    /// The access that a user or group gains and loses.
    pub struct AccessChangeV1 {
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// True if it is everyone without a login.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        anonymous: bool,
        /// The policy whose name gives the access to principals that the cluster does not report. Only in `unreported` of a plan.
        policy?: String,
        /// Whether no access is left; missing when some is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        loses_all: bool,
        /// Allowed after the change and not before.
        gained: Vec<AccessLineV1>,
        /// Allowed before the change and not after.
        lost: Vec<AccessLineV1>,
        /// Undecided: it may be gained or lost. Treat it as if it were.
        undecided: Vec<UndecidedV1>,
        /// Where what people can do differs from these lines.
        in_practice*: InPracticeV1,
    }

    /// Where what people can do differs from the lines of actions: a server may ask for other actions than a request is named
    /// after.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct InPracticeV1 {
        /// The direction.
        side: Side,
        /// What differs.
        kind: PracticeKind,
        /// The actions that have no effect; empty for other kinds.
        actions*: String,
        /// The kinds of requests, such as `delete-version`.
        requests: Vec<String>,
        /// The resources, as a pattern of one of the documents.
        pattern: String,
        /// Further patterns: the resources are also among each of these.
        within*: String,
        /// The requests of `pattern` that are excluded.
        except*: Exception,
        /// The conditions, all of which must hold.
        conditions*: String,
        /// The rules by which this holds; empty if all rules that count.
        rules*: String,
    }

    /// What differs from the lines of actions.
    #[derive(PartialOrd, Ord)]
    pub enum PracticeKind {
        /// The actions are in a line, and people can do the same as before.
        NoEffect,
        /// People can do something else than before, and no line says so.
        Requests,
        /// The same, undecided. Treat it as if it were so.
        Undecided,
    }

    /// How two policy documents differ.
    pub struct PolicyDiffV1 = "attune.policy-diff/1" of(compared: &Compared) {
        /// Whether both are the same document, apart from formatting.
        same_document: bool = compared.sameness == Sameness::Same,
        /// Whether both documents certainly allow the same.
        same_access: bool = compared.same_access(),
        /// What it rests on that both documents allow the same.
        basis*: Basis = compared.basis.clone(),
        /// Allowed by the newer document only.
        gained: Vec<AccessLineV1> = compared.access.gained.iter().map(AccessLineV1::of).collect(),
        /// Allowed by the older document only.
        lost: Vec<AccessLineV1> = compared.access.lost.iter().map(AccessLineV1::of).collect(),
        /// Undecided: it may be gained or lost. Treat it as if it were.
        undecided: Vec<UndecidedV1> = compared.access.undecided.iter().map(UndecidedV1::of).collect(),
        /// Where what people can do differs from these lines.
        in_practice*: InPracticeV1 = InPracticeV1::all(&compared.access.in_practice),
    }
}

impl InPracticeV1 {
    pub(super) fn all(all: &InPractice) -> Vec<Self> {
        let new = |side, kind, requests: &[RequestKind], pattern: &str, rules: &[Rules]| Self {
            side,
            kind,
            actions: Vec::new(),
            requests: words(requests),
            pattern: pattern.to_owned(),
            within: Vec::new(),
            except: Vec::new(),
            conditions: Vec::new(),
            rules: names(rules),
        };
        let without_effect = all.without_effect.iter().map(|of| Self {
            actions: of.actions.clone(),
            ..new(of.side, PracticeKind::NoEffect, &of.requests, &of.pattern, &of.rules)
        });
        let line = |side| {
            move |line: &RequestLine| Self {
                within: line.within.clone(),
                except: line.except.clone(),
                conditions: line.conditions.clone(),
                ..new(side, PracticeKind::Requests, &line.requests, &line.pattern, &line.rules)
            }
        };
        let Requests { gained, lost, undecided } = &all.beyond;
        let open = undecided
            .iter()
            .map(|open| new(open.side, PracticeKind::Undecided, &open.requests, &open.pattern, &open.rules));
        let changed = gained.iter().map(line(Side::Gained)).chain(lost.iter().map(line(Side::Lost)));
        without_effect.chain(changed).chain(open).collect()
    }
}

impl AccessChangeV1 {
    pub(super) fn of(of: &AccessChange) -> Self {
        let (user, group) = (of.holder.principal().and_then(user), of.holder.principal().and_then(group));
        let anonymous = of.holder == Holder::Anonymous;
        let AccessV1 { mut gained, mut lost, undecided, in_practice } = AccessV1::of(&of.access);
        if let Some(combined) = &of.combined {
            let names =
                |line: &AccessLine, side| combined.of_line(line, side).iter().map(ToString::to_string).collect();
            gained.iter_mut().zip(&of.access.gained).for_each(|(copy, line)| copy.from = names(line, Side::Gained));
            lost.iter_mut().zip(&of.access.lost).for_each(|(copy, line)| copy.from = names(line, Side::Lost));
        }
        Self { user, group, anonymous, policy: None, loses_all: of.loses_all, gained, lost, undecided, in_practice }
    }

    pub(super) fn by_name(of: &NameAccess) -> Self {
        let access = AccessChange {
            holder: Holder::Anonymous,
            access: Arc::clone(&of.access),
            loses_all: false,
            combined: None,
        };
        Self { anonymous: false, policy: Some(of.policy.to_string()), ..Self::of(&access) }
    }
}

/// The name of a user.
pub(super) fn user(principal: &Principal) -> Option<String> {
    principal.user().map(ToString::to_string)
}

/// The name of a group.
pub(super) fn group(principal: &Principal) -> Option<String> {
    principal.group().map(ToString::to_string)
}

json_types! {
    /// What someone can do.
    #[derive(Default, PartialEq, Eq)]
    pub struct CanV1 of(can: &Requests) {
        /// The requests that are allowed.
        requests: Vec<RequestLineV1> = can.gained.iter().map(RequestLineV1::of).collect(),
        /// Requests that may be allowed: the search was too long, or a document has unknown resources.
        undecided: Vec<UndecidedRequestsV1> = can
            .undecided
            .iter()
            .filter(|open| open.side == Side::Gained)
            .map(UndecidedRequestsV1::of)
            .collect(),
    }

    /// A set of requests on some resources.
    #[derive(PartialEq, Eq)]
    pub struct RequestLineV1 of(line: &RequestLine) {
        /// The words of the requests, such as `delete-version`.
        requests: Vec<String> = words(&line.requests),
        /// The same in a phrase.
        in_words: String = in_words(line.requests.iter().copied()),
        /// The resources, as a pattern of the document.
        pattern: String = line.pattern.clone(),
        /// Further patterns: the resources are also among each of these.
        within*: String = line.within.clone(),
        /// The requests of `pattern` that are excluded.
        except: Vec<Exception> = line.except.clone(),
        /// The conditions, all of which must hold.
        conditions: Vec<String> = line.conditions.clone(),
        /// The only rules under which this line holds; missing when it holds under all rules that count.
        rules*: String = names(&line.rules),
        /// One of the requests.
        example: RequestExampleV1 = RequestExampleV1::of(&line.witness),
    }

    /// A request.
    #[derive(PartialEq, Eq)]
    pub struct RequestExampleV1 of(witness: &RequestWitness) {
        /// Its word.
        request: String = witness.request.word().to_owned(),
        /// The resource, as an ARN.
        resource: String = witness.resource.clone(),
        /// The conditions that must hold, and those that must not.
        conditions: Vec<String> = witness.conditions.clone(),
    }

    /// Requests that may be allowed.
    #[derive(PartialEq, Eq)]
    pub struct UndecidedRequestsV1 of(open: &UndecidedRequests) {
        /// The words of the requests.
        requests: Vec<String> = words(&open.requests),
        /// The pattern of the resources.
        pattern: String = open.pattern.clone(),
        /// The only rules under which this holds; missing when it holds under all rules that count.
        rules*: String = names(&open.rules),
    }

    /// The decision about a request, by some of the rules.
    pub struct DecisionV1 of(rules: &[Rules], decision: &RequestDecision) {
        /// The rules.
        rules: Vec<String> = names(rules),
        /// The answer.
        verdict: Verdict = decision.verdict,
        /// The ways to be allowed: one that allows the request is enough.
        ways: Vec<WayV1> = decision.ways.iter().map(WayV1::of).collect(),
    }

    /// One way to be allowed.
    pub struct WayV1 of(way: &WayDecision) {
        /// Whether this way alone allows the request.
        verdict: Verdict = way.verdict,
        /// The actions that a server asks for.
        actions: Vec<AskedActionV1> = way.actions.iter().map(AskedActionV1::of).collect(),
    }

    /// An action that a server asks for.
    pub struct AskedActionV1 of(of: &ActionDecision) {
        /// The action.
        action: String = of.action.to_owned(),
        /// The resource, as an ARN.
        resource: String = of.resource.clone(),
        /// The keys that the server sets for it, with their values.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        keys: BTreeMap<String, String> =
            of.keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        /// What the request needs.
        need: Need = of.need,
        /// The answer about the action alone.
        verdict: Verdict = of.decision.verdict,
        /// The statements that allow it.
        allowed_by: Vec<GroundV1> = of.decision.allowed_by.iter().map(GroundV1::of).collect(),
        /// The statements that deny it.
        denied_by: Vec<GroundV1> = of.decision.denied_by.iter().map(GroundV1::of).collect(),
    }

    /// A statement that allows or denies an action.
    pub struct GroundV1 of(ground: &Ground) {
        /// Its `Sid`, or else `statement N`, counted from 1.
        statement: String = ground.statement.clone(),
        /// The conditions under which it applies, all of them.
        conditions: Vec<String> = ground.conditions.clone(),
    }
}

/// The words of requests.
pub(super) fn words(kinds: &[RequestKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.word().to_owned()).collect()
}

/// The names of rules.
pub(super) fn names(rules: &[Rules]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}
