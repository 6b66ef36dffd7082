//! Selects the policies, users and groups to declare, and reports the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Import, Inventory, Selection, codes};
use crate::base::{BucketName, Finding, GroupName, NamePatterns, PolicyName, Principal, UserName, list_some};
use crate::observed::ObservedUser;

const NAMED: usize = 5;

impl Inventory {
    pub(super) fn declarable_policies(&self, selection: &Selection) -> BTreeSet<PolicyName> {
        let attached = self.attached_to_selected(selection);
        let selected = self.policies.keys().filter(|name| selection.has_policy(name, &attached));
        selected.filter(|name| NameKind::of(name) == NameKind::Declarable).cloned().collect()
    }

    fn attached_to_selected(&self, selection: &Selection) -> BTreeSet<PolicyName> {
        let selected = self.attachments().filter(|(principal, _)| selection.covers(principal));
        selected.map(|(_, policy)| policy.meant().into_owned()).collect()
    }

    pub(super) fn other_policies(&self, selection: &Selection, import: &mut Import) {
        let attached = self.attached_to_selected(selection);
        for name in self.policies.keys() {
            match NameKind::of(name) {
                NameKind::Predefined => import.left_out.predefined += 1,
                NameKind::Temporary(policy) => import.findings.push(self.temporary(name, &policy)),
                NameKind::Declarable | NameKind::Undeclarable(_) if !selection.has_policy(name, &attached) => {
                    import.left_out.other_policies += 1;
                }
                NameKind::Undeclarable(why) => import.findings.push(undeclarable("policy", name.as_str(), &why)),
                NameKind::Declarable => {}
            }
        }
    }

    fn temporary(&self, name: &PolicyName, policy: &PolicyName) -> Finding {
        let holders: Vec<Principal> =
            self.attachments().filter(|(_, attached)| *attached == name).map(|(principal, _)| principal).collect();
        let with = if holders.is_empty() { String::new() } else { format!(", and so is {}", some(&holders)) };
        let message =
            format!("`{name}` is a temporary policy for `{policy}`, whose replacement was interrupted: left out{with}");
        Finding::warning(codes::TEMPORARY, message).help("apply the interrupted configuration again, then import again")
    }

    /// Declares the users and groups with their policies, and reports the others.
    pub(super) fn declare_holders(&self, selection: &Selection, import: &mut Import) {
        if !self.attachments_known {
            let message = format!("WEKA {} does not report which policies are attached", self.identity.release);
            import.findings.push(
                Finding::warning(codes::ATTACHMENTS_UNKNOWN, format!("{message}: no users are written"))
                    .help("REST reports attachments since 4.0; `--via weka` may report more"),
            );
            return;
        }
        let without = self.users.values().filter(|user| user.attached.is_none() && user.can_have_policy());
        import.left_out.without_policy = without.count();
        for (principal, policy) in self.attachments() {
            if !selection.has_holder(&principal, policy) {
                match principal {
                    Principal::User(_) => import.left_out.other_users += 1,
                    Principal::Group(_) => import.left_out.other_groups += 1,
                }
            } else if policy.temporary_for().is_none() {
                match self.undeclared(&principal, policy) {
                    Some(finding) => import.findings.push(finding),
                    None => _ = import.holders.insert(principal, policy.clone()),
                }
            }
        }
        import.findings.extend(self.directory_users(&import.holders));
    }

    fn user(&self, principal: &Principal) -> Option<&ObservedUser> {
        self.users.get(principal.user()?)
    }

    pub(super) fn undeclared(&self, principal: &Principal, policy: &PolicyName) -> Option<Finding> {
        if self.duplicates.contains(principal) {
            return Some(self.duplicates.about(principal, false));
        }
        if let Err(problem) = principal.addressable() {
            return Some(undeclarable(principal.kind(), principal.name(), &problem.to_string()));
        }
        if let Err(problem) = policy.addressable() {
            let message = format!("{principal} has the policy {:?}, whose name {problem}: left out", policy.as_str());
            let help = match policy.is_list() {
                true => "attach one policy, or merge the policies into one, then import again",
                false => "rename the policy, then import again",
            };
            return Some(Finding::warning(codes::UNDECLARABLE_NAME, message).help(help));
        }
        if !self.policies.contains_key(policy) {
            let message = format!("{principal} has `{policy}`, which does not exist on the cluster: left out");
            let help = "detach it or add the policy, then import again";
            return Some(Finding::warning(codes::MISSING_POLICY, message).help(help));
        }
        let user = self.user(principal).filter(|user| !user.can_have_policy())?;
        let message = format!("{principal} has `{policy}` although its role is {}: left out", user.role);
        let help = "only local users with the role S3 and users from a directory can have policies";
        Some(Finding::warning(codes::CANNOT_HAVE, message).help(help))
    }

    fn directory_users(&self, declared: &BTreeMap<Principal, PolicyName>) -> Option<Finding> {
        let users = declared.keys().filter(|user| self.user(user).is_some_and(ObservedUser::is_imported));
        let users: Vec<Principal> = users.cloned().collect();
        let (verb, their) = match users.len() {
            0 => return None,
            1 => ("comes", "its"),
            _ => ("come", "their"),
        };
        let message =
            format!("{} {verb} from a directory, which sets {their} policy again at each refresh", some(&users));
        let help = "change their policies in the directory too (attribute `wekaS3Policy`), or remove them from the configuration";
        Some(Finding::warning(codes::FROM_DIRECTORY, message).help(help))
    }

    pub(super) fn unused_patterns(&self, selection: &Selection, import: &mut Import) {
        let policies: Vec<&str> = self.policies.keys().map(PolicyName::as_str).collect();
        let users: Vec<&str> = self.users.keys().map(UserName::as_str).collect();
        let groups: Vec<&str> = self.groups.keys().map(GroupName::as_str).collect();
        let buckets: Vec<&str> =
            self.buckets.known().into_iter().flat_map(BTreeMap::keys).map(BucketName::as_str).collect();
        let kinds: [(&str, &NamePatterns, &[&str]); 4] = [
            ("policy", &selection.policies, &policies),
            ("user", &selection.users, &users),
            ("group with a policy", &selection.groups, &groups),
            ("bucket", &selection.buckets, &buckets),
        ];
        for (kind, patterns, names) in kinds {
            for pattern in patterns.iter().filter(|pattern| !names.iter().any(|name| pattern.matches(name))) {
                let message = format!("no {kind} on the cluster matches `{pattern}`");
                import.findings.push(Finding::warning(codes::NO_MATCH, message));
            }
        }
    }
}

impl Selection {
    fn has_policy(&self, name: &PolicyName, attached: &BTreeSet<PolicyName>) -> bool {
        match (self.policies.is_empty(), self.has_no_holders()) {
            (true, true) => self.buckets.is_empty(),
            (true, false) => attached.contains(name),
            (false, _) => self.covers_policy(name),
        }
    }

    fn has_holder(&self, principal: &Principal, attached: &PolicyName) -> bool {
        match (self.has_no_holders(), self.policies.is_empty()) {
            (true, true) => self.buckets.is_empty(),
            (true, false) => self.covers_policy(&attached.meant()),
            (false, _) => self.covers(principal),
        }
    }

    /// Whether it selects buckets: all if it has no patterns at all.
    pub(super) fn has_buckets(&self) -> bool {
        !self.buckets.is_empty() || self.policies.is_empty() && self.has_no_holders()
    }

    pub(super) fn has_bucket(&self, bucket: &BucketName) -> bool {
        if self.buckets.is_empty() { self.has_buckets() } else { self.covers_bucket(bucket) }
    }

    fn has_no_holders(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    Declarable,
    Predefined,
    /// A temporary policy for this policy.
    Temporary(PolicyName),
    /// It cannot, for this reason.
    Undeclarable(String),
}

impl NameKind {
    /// Why a configuration cannot declare it.
    pub(super) fn reason(&self) -> Option<String> {
        match self {
            Self::Declarable => None,
            Self::Predefined => Some("is predefined".to_owned()),
            Self::Temporary(policy) => Some(format!("is a temporary policy of `{policy}`")),
            Self::Undeclarable(why) => Some(why.clone()),
        }
    }

    pub(super) fn of(name: &PolicyName) -> Self {
        if name.is_predefined() {
            return Self::Predefined;
        }
        if let Some(policy) = name.temporary_for() {
            return Self::Temporary(policy);
        }
        match name.addressable() {
            Err(problem) => Self::Undeclarable(problem.to_string()),
            Ok(()) if name.as_str().starts_with(PolicyName::TEMPORARY_PREFIX) => {
                Self::Undeclarable(format!("starts with `{}`, which is reserved", PolicyName::TEMPORARY_PREFIX))
            }
            Ok(()) => Self::Declarable,
        }
    }
}

pub(super) fn undeclarable(kind: &str, name: &str, why: &str) -> Finding {
    let message = format!("the {kind} name {name:?} {why}: left out");
    Finding::warning(codes::UNDECLARABLE_NAME, message)
        .help("rename it to manage it with attune; until then it stays as it is")
}

fn some(holders: &[Principal]) -> String {
    list_some(holders, NAMED, ToString::to_string)
}
