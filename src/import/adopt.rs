//! Takes single objects as the cluster has them, for a configuration that exists, with the rules that their documents break.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Array, Item, Table, value};

use super::select::NameKind;
use super::{Inventory, codes};
use crate::base::{Finding, PolicyName, Principal, Release, Severity};
use crate::desired::{DeclaredAttachment, Desired, Phase};
use crate::policy::{self, Catalogue, Depth, Document, Lint, LintInput};

/// The objects to adopt, by their names.
#[derive(Debug, Clone, Default)]
pub struct Adopted {
    /// The policies.
    pub policies: Vec<PolicyName>,
    /// The users and groups.
    pub principals: Vec<Principal>,
}

/// The declarations that match what a cluster has.
#[derive(Debug, Default)]
pub struct Adoption {
    /// The users and groups.
    pub attachments: BTreeMap<Principal, DeclaredAttachment>,
    /// The policies; `None` for one that does not exist.
    pub policies: BTreeMap<PolicyName, Option<AdoptedDocument>>,
    /// The objects that no configuration can declare so.
    pub refused: Vec<Finding>,
}

/// The document of a policy.
#[derive(Debug)]
pub struct AdoptedDocument {
    /// The text of its file.
    pub text: String,
    /// The document.
    pub document: Document,
    /// The rules to suppress for it, because they would block a plan.
    pub allowed: Vec<&'static str>,
}

/// What a configuration must declare to have these objects as the cluster has them.
pub fn adoption(objects: &Adopted, inventory: &Inventory, desired: &Desired) -> Adoption {
    let mut adoption = Adoption::default();
    for principal in &objects.principals {
        match inventory.attachment_to_adopt(principal, desired) {
            Ok(attachment) => _ = adoption.attachments.insert(principal.clone(), attachment),
            Err(refused) => adoption.refused.push(*refused),
        }
    }
    for name in &objects.policies {
        match inventory.document_to_adopt(name, desired) {
            Ok(document) => _ = adoption.policies.insert(name.clone(), document),
            Err(refused) => adoption.refused.push(*refused),
        }
    }
    adoption
}

fn unknown(what: &str) -> Box<Finding> {
    let message = format!("{what} is neither on the cluster nor in the configuration");
    let finding = Finding::error(codes::NOT_ADOPTED, message);
    Box::new(finding.help("check the name: `attune report` lists what is on the cluster"))
}

/// Whether a user or group has this policy before its access begins or after it ended: taken over, it would stay for good.
fn is_out_of_term(desired: &Desired, principal: &Principal, policy: &PolicyName) -> bool {
    let is_out = desired.term(principal).is_some_and(|term| term.phase != Phase::InForce);
    let has = DeclaredAttachment::Has(policy.clone());
    is_out && desired.entry(principal).is_some_and(|entry| entry.intent != has)
}

impl Inventory {
    fn attachment_to_adopt(
        &self,
        principal: &Principal,
        desired: &Desired,
    ) -> Result<DeclaredAttachment, Box<Finding>> {
        let refused = |message: String, help: &str| Box::new(Finding::error(codes::NOT_ADOPTED, message).help(help));
        if !self.attachments_known || principal.group().is_some() && !self.groups_known {
            let message = format!("the cluster does not report here which policy {principal} has");
            return Err(refused(message, "reach the cluster through its `weka` command: `--via weka`"));
        }
        let attached = match principal {
            Principal::User(user) => self.users.get(user).map(|user| user.attached.as_ref()),
            Principal::Group(group) => self.groups.get(group).map(Some),
        };
        match attached {
            None if desired.entry(principal).is_none() => Err(unknown(&principal.to_string())),
            None | Some(None) => Ok(DeclaredAttachment::Detached),
            Some(Some(policy)) if policy.temporary_for().is_some() => {
                let message =
                    format!("{principal} has the temporary policy `{policy}`: an apply runs or was interrupted");
                Err(refused(message, "apply the interrupted configuration again"))
            }
            Some(Some(policy)) if is_out_of_term(desired, principal, policy) => {
                let message = format!("{principal} has `{policy}`, but its access has not begun or has ended");
                Err(refused(message, "apply the configuration, or change its `from` or `until` by hand"))
            }
            Some(Some(policy)) => match self.undeclared(principal, policy) {
                Some(finding) => Err(Box::new(Finding { severity: Severity::Error, ..finding })),
                None => Ok(DeclaredAttachment::Has(policy.clone())),
            },
        }
    }

    fn document_to_adopt(&self, name: &PolicyName, desired: &Desired) -> Result<Option<AdoptedDocument>, Box<Finding>> {
        if let Some(why) = NameKind::of(name).reason() {
            let message = format!("policy `{name}` {why}, so no configuration can declare it");
            return Err(Box::new(Finding::error(codes::NOT_ADOPTED, message).help("leave it as it is")));
        }
        let Some(reported) = self.policies.get(name) else {
            let is_declared = desired.policies.contains_key(name);
            return if is_declared { Ok(None) } else { Err(unknown(&format!("policy `{name}`"))) };
        };
        let (text, document) = policy::reviewed(reported.as_deref().unwrap_or_default()).map_err(|why| {
            let message = format!("cannot declare the document of policy `{name}`: {why}");
            let finding = Finding::error(codes::UNDECLARABLE_DOCUMENT, message);
            Box::new(finding.help("replace it: declare the policy with a valid document"))
        })?;
        let allowed = broken_rules(&document, &catalogues(&self.identity.release), policy::lint);
        Ok(Some(AdoptedDocument { text, document, allowed }))
    }
}

/// The catalogues that a plan, and a validation without a cluster, check documents against.
pub(super) fn catalogues(release: &Release) -> [Catalogue; 2] {
    [Catalogue::of(release), Catalogue::newest()]
}

/// The rules that would block a plan, or a validation without a cluster.
pub(super) fn broken_rules(
    document: &Document,
    catalogues: &[Catalogue; 2],
    lint: impl Fn(&LintInput<'_>) -> Vec<Lint>,
) -> Vec<&'static str> {
    let found = |catalogue| lint(&LintInput { document, catalogue, text_length: None, depth: Depth::Quick });
    let errors = catalogues.iter().flat_map(found).filter(|lint| lint.severity == Severity::Error);
    let rules: BTreeSet<&'static str> = errors.map(|lint| lint.rule.code.id).collect();
    rules.into_iter().collect()
}

/// Adds the rules to suppress to the entry of a document, if there are any.
pub(super) fn suppress(rules: &[&'static str], entry: &mut Table) {
    if !rules.is_empty() {
        let mut lint = Table::new();
        lint.insert("allow", value(rules.iter().copied().collect::<Array>()));
        entry.insert("lint", Item::Table(lint));
    }
}
