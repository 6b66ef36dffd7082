//! What files declare of users and groups.

use super::at::At;
use super::declared::{Declared, Present, bad_name};
use super::raw::{RawGroup, RawUser};
use super::{DeclaredAttachment, PrincipalEntry, codes};
use crate::base::{Finding, GroupName, Location, PolicyName, Principal, UserName};

/// What is written of a user or group.
struct Said<'a> {
    policy: Option<&'a At<String>>,
    detached: bool,
    /// Whether a part of it was already found wrong.
    broken: bool,
}

impl Declared {
    /// One `[users.NAME]`. `broken` says that a part of it was already found wrong, `present` which policies the file
    /// declares to be there.
    pub(super) fn user(&mut self, name: &At<String>, raw: &RawUser, broken: bool, present: &mut Present) {
        let file = self.file;
        let at = Location { file, span: name.span() };
        let user = match UserName::parse(name.get()) {
            Ok(user) => user,
            Err(problem) => return self.findings.push(bad_name("user", name.get(), problem, at)),
        };
        let revoke = raw.revoke_keys.as_ref().filter(|revoke| *revoke.get());
        if let Some(revoke) = revoke.filter(|_| !raw.detached.unwrap_or(false)) {
            let message = format!("the keys of user `{user}` are to be revoked, but it is not declared detached");
            self.findings.push(
                Finding::error(codes::REVOKE_ALONE, message).at(Location { file, span: revoke.span() }).help(
                    "add `detached = true`, or take `revoke_keys` out: a user that goes on working needs its keys",
                ),
            );
        }
        let said = Said { policy: raw.policy.as_ref(), detached: raw.detached.unwrap_or(false), broken };
        let intent = match self.holding(&Principal::from(&user), &said, &at, present) {
            Some(DeclaredAttachment::Detached) if revoke.is_some() => DeclaredAttachment::Revoked,
            Some(intent) => intent,
            None => return,
        };
        self.users.push((user, PrincipalEntry { intent, at: Some(at) }));
    }

    /// One `[groups.NAME]`, likewise.
    pub(super) fn group(&mut self, name: &At<String>, raw: &RawGroup, broken: bool, present: &mut Present) {
        let file = self.file;
        let at = Location { file, span: name.span() };
        let group = match GroupName::parse(name.get()) {
            Ok(group) => group,
            Err(problem) => return self.findings.push(bad_name("group", name.get(), problem, at)),
        };
        let said = Said { policy: raw.policy.as_ref(), detached: raw.detached.unwrap_or(false), broken };
        if let Some(intent) = self.holding(&Principal::from(&group), &said, &at, present) {
            self.groups.push((group, PrincipalEntry { intent, at: Some(at) }));
        }
    }

    fn holding(
        &mut self,
        principal: &Principal,
        said: &Said<'_>,
        at: &Location,
        present: &mut Present,
    ) -> Option<DeclaredAttachment> {
        match (said.policy, said.detached) {
            (Some(policy), true) => {
                let finding = Finding::error(
                    codes::USER_CONFLICT,
                    format!("{principal} cannot both hold `{}` and be detached", policy.get()),
                );
                self.findings.push(finding.at(at.clone()).help("keep `policy` or `detached = true`"));
                None
            }
            (Some(policy), false) => {
                if let Some(name) = present.get(policy.get()) {
                    return Some(DeclaredAttachment::Has(name));
                }
                let place = Location { file: at.file, span: policy.span() };
                match PolicyName::parse(policy.get()) {
                    Ok(name) => {
                        self.holds.push((principal.clone(), place));
                        Some(DeclaredAttachment::Has(name))
                    }
                    Err(problem) => {
                        self.findings.push(bad_name("policy", policy.get(), problem, place));
                        None
                    }
                }
            }
            (None, true) => Some(DeclaredAttachment::Detached),
            (None, false) => {
                if !said.broken {
                    let finding = Finding::error(codes::USER_EMPTY, format!("nothing is said about {principal}"));
                    let kind = principal.kind();
                    self.findings.push(finding.at(at.clone()).help(format!(
                        "add `policy = \"NAME\"`, or `detached = true` for a {kind} that is to hold none"
                    )));
                }
                None
            }
        }
    }
}
