//! What files declare of users and groups.

use super::at::At;
use super::raw::{RawGroup, RawUser};
use super::resolve::{Resolver, bad_name, twice};
use super::{HolderEntry, Holding, codes};
use crate::base::{FileId, Finding, GroupName, Location, PolicyName, Principal, UserName};

/// What is written of a user or group.
struct Said<'a> {
    policy: Option<&'a At<String>>,
    detached: bool,
    /// Whether a part of it was already found wrong.
    broken: bool,
}

impl Resolver {
    /// One `[users.NAME]`. `broken` says that a part of it was already found wrong.
    pub(super) fn user(
        &mut self,
        name: &At<String>,
        raw: &RawUser,
        broken: bool,
        file: FileId,
        findings: &mut Vec<Finding>,
    ) {
        let at = Location { file, span: name.span() };
        let user = match UserName::parse(name.get()) {
            Ok(user) => user,
            Err(problem) => return findings.push(bad_name("user", name.get(), problem, at)),
        };
        if let Some(first) = self.desired.users.get(&user) {
            return findings.push(twice("user", user.as_str(), at, first.at.clone()));
        }
        let retire = raw.retire_keys.as_ref().filter(|retire| *retire.get());
        if let Some(retire) = retire.filter(|_| !raw.detached.unwrap_or(false)) {
            let message = format!("the keys of user `{user}` are to be retired, but it is not declared detached");
            findings.push(
                Finding::error(codes::RETIRE_ALONE, message).at(Location { file, span: retire.span() }).help(
                    "add `detached = true`, or take `retire_keys` out: a user that goes on working needs its keys",
                ),
            );
        }
        let said = Said { policy: raw.policy.as_ref(), detached: raw.detached.unwrap_or(false), broken };
        let intent = match self.holding(&Principal::from(&user), &said, &at, findings) {
            Some(Holding::Detached) if retire.is_some() => Holding::Retired,
            Some(intent) => intent,
            None => return,
        };
        self.desired.users.insert(user, HolderEntry { intent, at: Some(at) });
    }

    /// One `[groups.NAME]`. `broken` says that a part of it was already found wrong.
    pub(super) fn group(
        &mut self,
        name: &At<String>,
        raw: &RawGroup,
        broken: bool,
        file: FileId,
        findings: &mut Vec<Finding>,
    ) {
        let at = Location { file, span: name.span() };
        let group = match GroupName::parse(name.get()) {
            Ok(group) => group,
            Err(problem) => return findings.push(bad_name("group", name.get(), problem, at)),
        };
        if let Some(first) = self.desired.groups.get(&group) {
            return findings.push(twice("group", group.as_str(), at, first.at.clone()));
        }
        let said = Said { policy: raw.policy.as_ref(), detached: raw.detached.unwrap_or(false), broken };
        if let Some(intent) = self.holding(&Principal::from(&group), &said, &at, findings) {
            self.desired.groups.insert(group, HolderEntry { intent, at: Some(at) });
        }
    }

    fn holding(
        &mut self,
        principal: &Principal,
        said: &Said<'_>,
        at: &Location,
        findings: &mut Vec<Finding>,
    ) -> Option<Holding> {
        match (said.policy, said.detached) {
            (Some(policy), true) => {
                let finding = Finding::error(
                    codes::USER_CONFLICT,
                    format!("{principal} cannot both hold `{}` and be detached", policy.get()),
                );
                findings.push(finding.at(at.clone()).help("keep `policy` or `detached = true`"));
                None
            }
            (Some(policy), false) => {
                let place = Location { file: at.file, span: policy.span() };
                match PolicyName::parse(policy.get()) {
                    Ok(name) => {
                        self.holds.insert(principal.clone(), place);
                        Some(Holding::Holds(name))
                    }
                    Err(problem) => {
                        findings.push(bad_name("policy", policy.get(), problem, place));
                        None
                    }
                }
            }
            (None, true) => Some(Holding::Detached),
            (None, false) => {
                if !said.broken {
                    let finding = Finding::error(codes::USER_EMPTY, format!("nothing is said about {principal}"));
                    let kind = principal.kind();
                    findings.push(finding.at(at.clone()).help(format!(
                        "add `policy = \"NAME\"`, or `detached = true` for a {kind} that is to hold none"
                    )));
                }
                None
            }
        }
    }
}
