//! Which policies, users and groups are declared, and what is said of the others.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Survey;
use super::{LeftOut, Selection, codes};
use crate::base::{Finding, GroupName, PolicyName, Principal, UserName};
use crate::observed::ObservedUser;

/// How many names are told of a kind that may have a thousand.
const TOLD: usize = 5;

/// What becomes of what is not declared.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) left_out: LeftOut,
    pub(super) findings: Vec<Finding>,
}

impl Survey {
    /// The policies that are wanted and that a file can declare, as far as their names tell.
    pub(super) fn declarable_policies(&self, selection: &Selection) -> BTreeSet<PolicyName> {
        let held = self.held_by_wanted(selection);
        let names = self.policies.keys();
        names.filter(|name| selection.policy(name, &held) && fate(name) == Fate::Declarable).cloned().collect()
    }

    /// The policies that those hold who match a pattern of users or groups.
    fn held_by_wanted(&self, selection: &Selection) -> BTreeSet<PolicyName> {
        self.holdings().filter(|(who, _)| selection.names(who)).map(|(_, policy)| policy.meant().into_owned()).collect()
    }

    /// Says what becomes of the policies that cannot be declared, or are not wanted.
    pub(super) fn other_policies(&self, selection: &Selection, rest: &mut Rest) {
        let held = self.held_by_wanted(selection);
        for name in self.policies.keys() {
            match fate(name) {
                Fate::Predefined => rest.left_out.predefined += 1,
                Fate::InTransit(policy) => rest.findings.push(self.in_transit(name, &policy)),
                Fate::Declarable | Fate::Undeclarable(_) if !selection.policy(name, &held) => {
                    rest.left_out.other_policies += 1;
                }
                Fate::Undeclarable(why) => rest.findings.push(undeclarable("policy", name.as_str(), &why)),
                Fate::Declarable => {}
            }
        }
    }

    fn in_transit(&self, name: &PolicyName, policy: &PolicyName) -> Finding {
        let holders: Vec<Principal> = self.holdings().filter(|(_, held)| *held == name).map(|(who, _)| who).collect();
        let holders = if holders.is_empty() { String::new() } else { format!(", and so is {}", some(&holders)) };
        let message =
            format!("`{name}` stands in for `{policy}`, whose replacement was interrupted: it is left out{holders}");
        Finding::warning(codes::IN_TRANSIT, message)
            .help("apply the file that was being applied once more, then import again")
    }

    /// The users and groups that are declared, with what they hold. Of the others it is said why they are not.
    pub(super) fn holders(&self, selection: &Selection, rest: &mut Rest) -> BTreeMap<Principal, PolicyName> {
        if !self.attachments_known {
            let message = format!("WEKA {} does not report who holds what", self.identity.release);
            rest.findings.push(
                Finding::warning(codes::HOLDERS_UNKNOWN, format!("{message}: no user is written"))
                    .help("over REST it is reported since 4.0; `--via weka` may tell more"),
            );
            return BTreeMap::new();
        }
        let idle = self.users.values().filter(|user| user.holds.is_none() && user.can_hold());
        rest.left_out.holding_nothing = idle.count();
        let mut declared = BTreeMap::new();
        for (who, policy) in self.holdings() {
            if !selection.holder(&who, policy) {
                match who {
                    Principal::User(_) => rest.left_out.other_users += 1,
                    Principal::Group(_) => rest.left_out.other_groups += 1,
                }
            } else if policy.temporary_for().is_none() {
                match self.undeclared(&who, policy) {
                    Some(finding) => rest.findings.push(finding),
                    None => _ = declared.insert(who, policy.clone()),
                }
            }
        }
        rest.findings.extend(self.imported_among(&declared));
        declared
    }

    fn user(&self, who: &Principal) -> Option<&ObservedUser> {
        self.users.get(who.user()?)
    }

    /// Why somebody that holds a policy cannot be declared.
    fn undeclared(&self, who: &Principal, policy: &PolicyName) -> Option<Finding> {
        if self.duplicates.contains(who) {
            return Some(self.duplicates.about(who, false));
        }
        if let Err(problem) = who.addressable() {
            return Some(undeclarable(who.kind(), who.name(), &problem.to_string()));
        }
        if let Err(problem) = policy.addressable() {
            let message = format!("{who} holds the policy {:?}, whose name {problem}: left out", policy.as_str());
            let help = match policy.is_list() {
                true => "attach one policy to it, or several as one policy, then import again",
                false => "rename the policy, then import again",
            };
            return Some(Finding::warning(codes::UNDECLARABLE_NAME, message).help(help));
        }
        if !self.policies.contains_key(policy) {
            let message = format!("{who} holds `{policy}`, which is not on the cluster: left out");
            let help = "detach it, or add the policy, then import again";
            return Some(Finding::warning(codes::HELD_MISSING, message).help(help));
        }
        let user = self.user(who).filter(|user| !user.can_hold())?;
        let message = format!("{who} holds `{policy}` although its role is {}: left out", user.role);
        let help = "policies are held by local users with the role S3 and by users of a directory";
        Some(Finding::warning(codes::CANNOT_HOLD, message).help(help))
    }

    fn imported_among(&self, declared: &BTreeMap<Principal, PolicyName>) -> Option<Finding> {
        let imported = declared.keys().filter(|who| self.user(who).is_some_and(ObservedUser::is_imported));
        let imported: Vec<Principal> = imported.cloned().collect();
        let (verb, their) = match imported.len() {
            0 => return None,
            1 => ("comes", "its"),
            _ => ("come", "their"),
        };
        let message =
            format!("{} {verb} from a directory, which sets {their} policy again at each refresh", some(&imported));
        let help = "change their policies in the directory as well (the attribute `wekaS3Policy`), or take them out of the file";
        Some(Finding::warning(codes::FROM_DIRECTORY, message).help(help))
    }

    /// Says which patterns match nothing at all.
    pub(super) fn idle_patterns(&self, selection: &Selection, rest: &mut Rest) {
        let policies: Vec<&str> = self.policies.keys().map(PolicyName::as_str).collect();
        let users: Vec<&str> = self.users.keys().map(UserName::as_str).collect();
        let groups: Vec<&str> = self.groups.keys().map(GroupName::as_str).collect();
        let kinds = [
            ("policy", &selection.policies, &policies),
            ("user", &selection.users, &users),
            ("group that holds a policy", &selection.groups, &groups),
        ];
        for (what, patterns, names) in kinds {
            for pattern in patterns.iter().filter(|pattern| !names.iter().any(|name| pattern.matches(name))) {
                let message = format!("no {what} on the cluster matches `{pattern}`");
                rest.findings.push(Finding::warning(codes::NO_MATCH, message));
            }
        }
    }
}

impl Selection {
    fn policy(&self, name: &PolicyName, held: &BTreeSet<PolicyName>) -> bool {
        match (self.policies.is_empty(), self.names_nobody()) {
            (true, true) => true,
            (true, false) => held.contains(name),
            (false, _) => matches(&self.policies, name.as_str()),
        }
    }

    fn holder(&self, who: &Principal, holds: &PolicyName) -> bool {
        match (self.names_nobody(), self.policies.is_empty()) {
            (true, true) => true,
            (true, false) => matches(&self.policies, holds.meant().as_str()),
            (false, _) => self.names(who),
        }
    }

    /// Whether it says nothing of users and groups.
    fn names_nobody(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    fn names(&self, who: &Principal) -> bool {
        let patterns = match who {
            Principal::User(_) => &self.users,
            Principal::Group(_) => &self.groups,
        };
        matches(patterns, who.name())
    }
}

/// What can become of a policy, by its name alone.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Declarable,
    Predefined,
    InTransit(PolicyName),
    Undeclarable(String),
}

fn fate(name: &PolicyName) -> Fate {
    if name.is_predefined() {
        return Fate::Predefined;
    }
    if let Some(policy) = name.temporary_for() {
        return Fate::InTransit(policy);
    }
    match name.addressable() {
        Err(problem) => Fate::Undeclarable(problem.to_string()),
        Ok(()) if name.as_str().starts_with(PolicyName::TRANSIT_PREFIX) => {
            Fate::Undeclarable(format!("begins with `{}`, as attune's own do", PolicyName::TRANSIT_PREFIX))
        }
        Ok(()) => Fate::Declarable,
    }
}

fn undeclarable(what: &str, name: &str, why: &str) -> Finding {
    let message = format!("the {what} name {name:?} {why}: left out");
    Finding::warning(codes::UNDECLARABLE_NAME, message)
        .help("attune leaves alone what it cannot name; rename it if it is to be managed")
}

fn matches(patterns: &[glob::Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

/// The first of some users and groups, and how many more there are.
fn some(holders: &[Principal]) -> String {
    let told: Vec<String> = holders.iter().take(TOLD).map(ToString::to_string).collect();
    let more = holders.len().saturating_sub(TOLD);
    match (told.as_slice(), more) {
        (told, 1..) => format!("{} and {more} more", told.join(", ")),
        ([only], 0) => only.clone(),
        ([front @ .., last], 0) => format!("{} and {last}", front.join(", ")),
        ([], 0) => String::new(),
    }
}
