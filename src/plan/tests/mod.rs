//! Plans are checked against a small model of a cluster, in any order of independent calls and after any interruption.
//!
//! The model: policies with documents, and what is attached to users and groups. It refuses everything that the real cluster may refuse.

mod buckets;
mod cases;
mod effects;
mod guards;
mod part;
mod properties;
mod renames;
mod scenes;
mod schedule;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use scenes::{POLICIES, PRINCIPALS, open, scenes};

use crate::base::{Capabilities, GroupName, PolicyName, Principal, Release, UserName};
use crate::desired::{
    Authored, DeclaredAttachment, Desired, Guards, ObjectPatterns, PolicyEntry, PolicyIntent, PrincipalEntry,
};
use crate::observed::{Body, Duplicates, Identity, Limits, Observed, ObservedUser};
use crate::plan::{Call, Plan, Step, StepId, plan};
use crate::policy::{Document, Normal, normal as normalize, read};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct World {
    policies: BTreeMap<PolicyName, Normal>,
    attached: BTreeMap<Principal, Option<PolicyName>>,
    limit: usize,
    revoked: BTreeSet<UserName>,
}

fn policy(name: &str) -> PolicyName {
    PolicyName::reported(name)
}

fn user(name: &str) -> UserName {
    UserName::reported(name)
}

/// A user, or a group written as `group/NAME`.
fn who(label: &str) -> Principal {
    match label.strip_prefix("group/") {
        Some(group) => Principal::Group(GroupName::reported(group)),
        None => Principal::User(user(label)),
    }
}

/// The document of that number; all differ in what they allow.
fn document(number: u8) -> Document {
    of_statements(&format!(
        r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket{number}/*"}}"#
    ))
}

fn of_statements(statements: &str) -> Document {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    read(&text).document.expect("a document")
}

fn normal(number: u8) -> Normal {
    normalize(&document(number))
}

/// The temporary policy of a policy for the document of that number.
fn temporary(name: &str, number: u8) -> PolicyName {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(normal(number).json());
    policy(name).temporary(&hex::encode(&hash[..4]))
}

impl World {
    /// A cluster with the predefined policies and room for many more.
    pub(crate) fn new() -> Self {
        let policies = PolicyName::PREDEFINED.iter().zip(200..).map(|(name, number)| (policy(name), normal(number)));
        Self { policies: policies.collect(), attached: BTreeMap::new(), limit: 1024, revoked: BTreeSet::new() }
    }

    pub(crate) fn with(mut self, name: &str, number: u8) -> Self {
        self.policies.insert(policy(name), normal(number));
        self
    }

    fn with_temporary(mut self, name: &str, number: u8) -> Self {
        self.policies.insert(temporary(name, number), normal(number));
        self
    }

    pub(crate) fn attached(mut self, name: &str, held: &str) -> Self {
        self.attached.insert(who(name), (!held.is_empty()).then(|| policy(held)));
        self
    }

    fn room(mut self, free: usize) -> Self {
        self.limit = self.policies.len() + free;
        self
    }

    pub(crate) fn observed(&self, release: &str) -> Observed {
        let user = |(principal, attached): (&Principal, &Option<PolicyName>)| {
            let user = ObservedUser { role: "S3".into(), source: "Internal".into(), attached: attached.clone() };
            Some((principal.user()?.clone(), user))
        };
        let group = |(principal, attached): (&Principal, &Option<PolicyName>)| {
            Some((principal.group()?.clone(), attached.clone()?))
        };
        Observed {
            identity: Identity {
                name: "stewie".to_owned(),
                guid: "guid".to_owned(),
                release: Release::parse(release).expect("a release"),
                tenant: "Root".to_owned(),
                user: UserName::reported("admin"),
                role: "ClusterAdmin".to_owned(),
            },
            capabilities: Capabilities::of(&Release::parse(release).expect("a release")),
            policies: self.policies.iter().map(|(name, body)| (name.clone(), Body::Known(body.clone()))).collect(),
            users: self.attached.iter().filter_map(user).collect(),
            groups: self.attached.iter().filter_map(group).collect(),
            groups_known: true,
            duplicates: Duplicates::default(),
            identity_provider: Some(false),
            attachments_known: true,
            keys_can_be_generated: true,
            buckets: crate::observed::Buckets::NotRead,
            limits: Limits { policies: self.limit, document_bytes: 2048 },
        }
    }

    /// Makes a call; an error says which rule it breaks.
    fn call(&mut self, call: &Call) -> Result<(), String> {
        let check = |is_fine: bool, problem: &dyn Fn() -> String| if is_fine { Ok(()) } else { Err(problem()) };
        let with = |policy: &PolicyName, except: &[Principal]| {
            let gives = |attached: &Option<PolicyName>| attached.as_ref().is_some_and(|name| name.gives(policy));
            self.attached
                .iter()
                .find(|(who, attached)| gives(attached) && !except.contains(who))
                .map(|(who, _)| who.clone())
        };
        match call {
            Call::AddPolicy { policy, document, has } => {
                let other = with(policy, has);
                check(other.is_none(), &|| format!("{policy} is added, and nothing says that {other:?} has its name"))?;
                let before = self.policies.insert(policy.clone(), document.clone());
                check(before.is_none(), &|| format!("{policy} is added over itself"))?;
                check(self.policies.len() <= self.limit, &|| format!("more than {} policies", self.limit))
            }
            Call::RemovePolicy { policy, expects } => {
                let other = with(policy, &[]);
                check(other.is_none(), &|| format!("{policy} is removed while {other:?} has it"))?;
                let removed = self.policies.remove(policy).ok_or_else(|| format!("{policy} does not exist"))?;
                check(expects.as_deref() == Some(removed.json()), &|| format!("{policy} is another"))
            }
            Call::Attach { principal, policy, expects, grants } => {
                let found = self.policies.get(policy).ok_or_else(|| format!("no {policy} for {principal}"))?;
                let is_granted = grants.as_deref().is_none_or(|grants| grants == found.json());
                check(is_granted, &|| format!("{policy} does not give {principal} what the plan says"))?;
                let had = self.attached.insert(principal.clone(), Some(policy.clone())).ok_or("no such principal")?;
                check(had == *expects, &|| format!("{principal} has {had:?}, not {expects:?}"))
            }
            Call::RevokeKeys { user } => {
                let has = self.attached.get(&Principal::from(user)).ok_or("no such user")?;
                self.revoked.insert(user.clone());
                check(has.is_some(), &|| format!("{user} has no policy, so no pair can be created"))
            }
            Call::Detach { principal, policy } => {
                let had = self.attached.insert(principal.clone(), None).ok_or("no such principal")?;
                check(had.as_ref() == Some(policy), &|| format!("{principal} has {had:?}"))
            }
            Call::SetBucketPolicy { bucket, .. } => Err(format!("{bucket} is in no world")),
        }
    }

    /// The document by which a user or group has access.
    fn access(&self, principal: &Principal) -> Option<&Normal> {
        self.policies.get(self.attached.get(principal)?.as_ref()?)
    }

    /// All documents by which a user or group has access.
    fn accesses(&self, principal: &Principal) -> BTreeSet<&Normal> {
        let attached = self.attached.get(principal).and_then(Option::as_ref);
        let policies = attached.into_iter().flat_map(PolicyName::listed);
        policies.filter_map(|policy| self.policies.get(&policy)).collect()
    }
}

/// Runs at most `most` steps, each time one of those that are ready, chosen by `choices`; `check` sees every state.
fn run(
    plan: &Plan,
    world: &mut World,
    choices: &[u16],
    most: usize,
    mut check: impl FnMut(&World) -> Result<(), String>,
) -> Result<(), String> {
    let mut waiting: Vec<&Step> = plan.steps.iter().collect();
    let mut done: Vec<StepId> = Vec::new();
    while !waiting.is_empty() && done.len() < most {
        let ready: Vec<usize> =
            (0..waiting.len()).filter(|index| waiting[*index].after.iter().all(|first| done.contains(first))).collect();
        let choice = usize::from(choices[done.len() % choices.len()]) % ready.len().max(1);
        let index = *ready.get(choice).ok_or("steps wait for each other")?;
        let step = waiting.remove(index);
        world.call(&step.call).map_err(|error| format!("step {}: {error}", step.id))?;
        check(world).map_err(|error| format!("after step {} ({:?}): {error}", step.id, step.call))?;
        done.push(step.id);
    }
    Ok(())
}

/// A desired state, put together by hand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared(pub(crate) Desired);

impl Declared {
    pub(crate) fn policy(self, name: &str, number: u8) -> Self {
        self.document(name, document(number))
    }

    fn document(self, name: &str, document: Document) -> Self {
        self.intent(name, PolicyIntent::Present(Authored::new(document, None)))
    }

    fn absent(self, name: &str) -> Self {
        self.intent(name, PolicyIntent::Absent)
    }

    fn intent(mut self, name: &str, intent: PolicyIntent) -> Self {
        self.0.policies.insert(policy(name), PolicyEntry::new(intent));
        self
    }

    /// All guards that refuse a change of access.
    fn strict(mut self) -> Self {
        let all = || ["*"].iter().map(|text| text.parse().unwrap()).collect();
        let protected = ObjectPatterns { users: all(), groups: all(), ..ObjectPatterns::default() };
        self.0.guards = Guards { deny_new_access: true, protected, ..Guards::default() };
        self
    }

    pub(crate) fn has(self, name: &str, held: &str) -> Self {
        self.entry(name, DeclaredAttachment::Has(policy(held)))
    }

    pub(crate) fn detached(self, name: &str) -> Self {
        self.entry(name, DeclaredAttachment::Detached)
    }

    fn revoked(self, name: &str) -> Self {
        self.entry(name, DeclaredAttachment::Revoked)
    }

    fn entry(mut self, name: &str, intent: DeclaredAttachment) -> Self {
        let entry = PrincipalEntry { intent, at: None };
        match who(name) {
            Principal::User(user) => self.0.users.insert(user, entry),
            Principal::Group(group) => self.0.groups.insert(group, entry),
        };
        self
    }

    /// Patterns of groups are written as `group/PATTERN`.
    fn owning(mut self, policies: &[&str], holders: &[&str]) -> Self {
        let (groups, users): (Vec<&str>, Vec<&str>) = holders.iter().partition(|text| text.starts_with("group/"));
        let groups: Vec<&str> = groups.iter().filter_map(|text| text.strip_prefix("group/")).collect();
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a pattern")).collect();
        self.0.ownership = ObjectPatterns {
            policies: patterns(policies),
            users: patterns(&users),
            groups: patterns(&groups),
            ..ObjectPatterns::default()
        };
        self
    }

    fn gap(mut self) -> Self {
        self.0.cluster.replace = crate::desired::Strategy::Gap;
        self
    }
}

/// A random world, a desired state, and the order of independent calls.
#[derive(Clone)]
struct Scene {
    declared: Declared,
    world: World,
    choices: Vec<u16>,
    /// After how many steps a run is interrupted.
    stop: usize,
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |text: &str| text.split("bucket").nth(1).map(|rest| rest[..1].to_owned()).unwrap_or_default();
        let (declared, world) = (&self.declared.0, &self.world);
        writeln!(f, "limit {}, replace {:?}, owned {:?}", world.limit, declared.cluster.replace, declared.ownership)?;
        for (name, normal) in world.policies.iter().filter(|(name, _)| !name.is_predefined()) {
            writeln!(f, "  exists: policy {name} {}", short(normal.json()))?;
        }
        for (principal, attached) in &world.attached {
            writeln!(f, "  exists: {principal} {}", attached.as_ref().map_or("", PolicyName::as_str))?;
        }
        for (name, entry) in &declared.policies {
            let text = format!("{:?}", entry.intent);
            let old = entry.renamed_from.as_ref().map(|old| format!("from {} ", old.policy)).unwrap_or_default();
            writeln!(f, "  declared: policy {name} {old}{}", if text == "Absent" { text } else { short(&text) })?;
        }
        for (principal, entry) in declared.principals() {
            writeln!(f, "  declared: {principal} {:?}", entry.intent)?;
        }
        Ok(())
    }
}

fn planned(declared: &Declared, world: &World) -> Plan {
    plan(&declared.0, &world.observed("5.1.2"))
}

fn refused(plan: &Plan) -> Vec<&'static str> {
    plan.refusals.iter().map(|refusal| refusal.code.id).filter(|id| id.starts_with("guard-")).collect()
}
