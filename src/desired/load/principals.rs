//! The declarations of users and groups: their entries, those of `attached_to`, and when their access begins and ends.

use super::Loader;
use super::policies::declare;
use crate::base::{GroupName, Location, NameProblem, PolicyName, Principal, UserName};
use crate::desired::raw::{RawAttached, RawUser};
use crate::desired::schedule::{DETACHED, Moment, Schedule};
use crate::desired::spanned::{At, Time};
use crate::desired::{DeclaredAttachment, Desired, PrincipalEntry, codes};

/// Reads the name of a user or group.
type Parse = fn(&str) -> Result<Principal, NameProblem>;

/// A declaration of a user or group, which may be one of several.
pub(super) struct Declared {
    principal: Principal,
    entry: PrincipalEntry,
    schedule: Option<Schedule>,
    /// The place where its policy is named.
    attachment: Option<Location>,
    /// The policy that has it in `attached_to`.
    pub(super) listed_by: Option<PolicyName>,
}

impl Loader {
    pub(super) fn declare_principal(&mut self, declared: Declared) {
        let Declared { principal, entry, schedule, attachment, .. } = declared;
        if let Some(at) = attachment {
            self.attachments.entry(principal.clone()).or_insert(at);
        }
        if let Some(schedule) = schedule.filter(|_| self.desired.entry(&principal).is_none()) {
            self.desired.schedules.insert(principal.clone(), schedule);
        }
        let Desired { users, groups, .. } = &mut self.desired;
        match principal {
            Principal::User(name) => declare("user", users, name, entry, |entry| entry.at.as_ref(), &mut self.report),
            Principal::Group(name) => {
                declare("group", groups, name, entry, |entry| entry.at.as_ref(), &mut self.report);
            }
        }
    }

    /// Reads an entry of `attached_to`.
    pub(super) fn attached_to(
        &mut self,
        policy: &PolicyName,
        name: &At<String>,
        raw: &RawAttached,
    ) -> Option<Declared> {
        let (written, kind, parse): (_, _, Parse) = match (&raw.name, &raw.user, &raw.group) {
            (Some(name), ..) if name.get().starts_with(Principal::GROUP) => (name, "group", Principal::parse),
            (Some(name), ..) => (name, "user", Principal::parse),
            (None, Some(user), None) => (user, "user", |name| UserName::parse(name).map(Principal::User)),
            (None, None, Some(group)) => (group, "group", |name| GroupName::parse(name).map(Principal::Group)),
            (None, Some(user), Some(_)) => {
                let message = "an entry of `attached_to` has both `user` and `group`";
                self.report.error(codes::ATTACHED_ENTRY, user.span(), message, "write an entry for each");
                return None;
            }
            (None, None, None) => {
                if !self.errors.contain("policies", name.get()) {
                    let spans = [&raw.from, &raw.until].map(|at| at.as_ref().map(At::span));
                    let span = spans.into_iter().flatten().next().unwrap_or(name.span());
                    let message = format!("an entry of `attached_to` of policy `{policy}` names nobody");
                    let help = "add `user = \"NAME\"` or `group = \"NAME\"`";
                    self.report.error(codes::ATTACHED_ENTRY, span, message, help);
                }
                return None;
            }
        };
        if written.get().contains(['*', '?']) {
            let message = format!("`attached_to` takes names, and {:?} is a pattern", written.get());
            let help = "write each name; a user whose name has `*` or `?` needs an entry in `[users]`";
            self.report.error(codes::ATTACHED_PATTERN, written.span(), message, help);
            return None;
        }
        let principal = self.name(kind, parse(written.get()), written)?;
        let at = Some(self.report.at(written.span()));
        let has = DeclaredAttachment::Has(policy.clone());
        let schedule = self.schedule(&principal, &raw.clone().into(), &has)?;
        let entry = PrincipalEntry { intent: has, at: at.clone() };
        Some(Declared { principal, entry, schedule, attachment: at, listed_by: Some(policy.clone()) })
    }

    /// Reads an entry of `[users]` or `[groups]`.
    pub(super) fn principal(&mut self, principal: Principal, raw: &RawUser, name: &At<String>) -> Option<Declared> {
        let detached = raw.detached.unwrap_or(false);
        let term = RawUser { revoke_keys: raw.revoke_keys.clone().filter(|_| !detached), ..raw.clone() };
        let mut attachment = None;
        let intent = match (&raw.policy, detached) {
            (Some(policy), true) => {
                let message = format!("{principal} has both `policy = \"{}\"` and `detached = true`", policy.get());
                self.report.error(codes::USER_CONFLICT, name.span(), message, "keep one of them");
                return None;
            }
            (Some(policy), false) => {
                let attached = self.name("policy", PolicyName::parse(policy.get()), policy)?;
                attachment = Some(self.report.at(policy.span()));
                DeclaredAttachment::Has(attached)
            }
            (None, true) if raw.revoke_keys.as_ref().is_some_and(|revoke| *revoke.get()) => DeclaredAttachment::Revoked,
            (None, true) => DeclaredAttachment::Detached,
            (None, false) => {
                if !self.errors.contain(&format!("{}s", principal.kind()), name.get()) {
                    let message = format!("{principal} has neither `policy` nor `detached`");
                    let help = "add `policy = \"NAME\"`, or `detached = true` for no policy";
                    self.report.error(codes::USER_EMPTY, name.span(), message, help);
                }
                return None;
            }
        };
        let schedule = self.schedule(&principal, &term, &intent)?;
        let entry = PrincipalEntry { intent, at: Some(self.report.at(name.span())) };
        Some(Declared { principal, entry, schedule, attachment, listed_by: None })
    }

    /// Reads when access begins and ends. `Some(None)` if it does neither; `None` is an error.
    #[expect(clippy::option_option, reason = "a declaration with an error is left out, one without a schedule is not")]
    fn schedule(
        &mut self,
        principal: &Principal,
        written: &RawUser,
        attachment: &DeclaredAttachment,
    ) -> Option<Option<Schedule>> {
        let known = self.report.findings.len();
        self.combination(principal, written, attachment);
        let [from, until] = [&written.from, &written.until].map(|at| self.moment(at.as_ref()));
        let [before, then] = [&written.before, &written.then].map(|other| self.other_attachment(other.as_ref()));
        if let (Some(from), Some(until), Some(at)) = (from, until, &written.until)
            && until.end() <= from.begin()
        {
            let message = format!("the access of {principal} ends on {until}, before it begins on {from}");
            self.report.error(codes::BAD_TERM, at.span(), message, "write a later `until`, or an earlier `from`");
        }
        let is_true = written.revoke_keys.as_ref().is_some_and(|revoke| *revoke.get());
        let revokes = is_true && then == DeclaredAttachment::Detached;
        let then = if revokes { DeclaredAttachment::Revoked } else { then };
        if self.report.findings.len() > known {
            return None;
        }
        let has_schedule = from.is_some() || until.is_some();
        Some(has_schedule.then(|| Schedule { from, before, attachment: attachment.clone(), until, then }))
    }

    /// Reports keys that need others.
    fn combination(&mut self, principal: &Principal, written: &RawUser, attachment: &DeclaredAttachment) {
        let RawUser { from, before, until, then, revoke_keys, .. } = written;
        let mut bad = |span, message: String, help: &str| self.report.error(codes::BAD_TERM, span, message, help);
        if let (Some(before), None) = (before, from) {
            bad(before.span(), format!("`before` of {principal} needs `from`"), "add `from`, or remove `before`");
        }
        if let (Some(then), None) = (then, until) {
            bad(then.span(), format!("`then` of {principal} needs `until`"), "add `until`, or remove `then`");
        }
        let has_policy = matches!(attachment, DeclaredAttachment::Has(_));
        if let Some(at) = from.as_ref().or(until.as_ref()).filter(|_| !has_policy) {
            let message = format!("{principal} has no policy, so its access neither begins nor ends");
            bad(at.span(), message, "name the policy, or remove `from` and `until`");
        }
        let Some(revoke) = revoke_keys.as_ref().filter(|revoke| *revoke.get()) else { return };
        let keeps = then.as_ref().filter(|then| then.get() != DETACHED);
        let message = match (until, keeps) {
            (None, _) => format!("`revoke_keys` of {principal} needs `detached = true` or `until`"),
            (Some(_), Some(then)) => {
                format!("`revoke_keys` of {principal} needs `then = \"{DETACHED}\"`, not `{}`", then.get())
            }
            (Some(_), None) => return,
        };
        let help = "add `detached = true`, or remove `revoke_keys`: a user that keeps its policy needs its keys";
        self.report.error(codes::REVOKE_ALONE, revoke.span(), message, help);
    }

    fn moment(&mut self, written: Option<&At<Time>>) -> Option<Moment> {
        let written = written?;
        let bad = |problem| {
            let message = format!("`{}` is {problem}", written.get().0);
            let help =
                "write a day as `2030-12-31`, or a time with its offset from UTC, such as `2030-12-31T18:00:00Z`";
            self.report.error(codes::BAD_TERM, written.span(), message, help);
        };
        written.get().0.parse().map_err(bad).ok()
    }

    /// Reads `before` or `then`: a policy, or none. An invalid name is an error.
    fn other_attachment(&mut self, written: Option<&At<String>>) -> DeclaredAttachment {
        let Some(written) = written.filter(|written| written.get() != DETACHED) else {
            return DeclaredAttachment::Detached;
        };
        let policy = self.name("policy", PolicyName::parse(written.get()), written);
        policy.map_or(DeclaredAttachment::Detached, DeclaredAttachment::Has)
    }
}
