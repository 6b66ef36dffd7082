//! Combined policies have the statements of other policies. Abstract policies exist only to be combined.

use std::collections::{BTreeMap, BTreeSet};

use super::lint::Allowed;
use super::{Authored, Desired, PolicyEntry, PolicyIntent, RenamedFrom, codes};
use crate::base::{Finding, Location, PolicyName, did_you_mean, list, nearest};
use crate::policy::join;

/// A policy as declared.
pub(super) struct DeclaredPolicy {
    pub(super) description: Option<String>,
    pub(super) lint: Allowed,
    pub(super) renamed_from: Option<RenamedFrom>,
    pub(super) at: Location,
    pub(super) is_abstract: bool,
    pub(super) content: Content,
}

/// What a policy declares.
pub(super) enum Content {
    /// A document of its own, or none.
    Own(PolicyIntent),
    /// The statements of these policies.
    Combined(Vec<Combined>),
    /// Nothing that can be used. The errors are reported.
    Invalid,
}

/// An entry of `combine`.
pub(super) struct Combined {
    pub(super) policy: PolicyName,
    pub(super) at: Location,
}

/// The declared policies by name.
pub(super) type DeclaredPolicies = BTreeMap<PolicyName, DeclaredPolicy>;

/// How deep combinations of combined policies can be.
const MAX_DEPTH: usize = 16;

/// How many statements a combined policy can have. A cluster takes documents of at most some fifty.
const MAX_STATEMENTS: usize = 500;

/// Joins the statements of combined policies, and adds all declared policies to the desired state.
pub(super) fn resolve(declared: DeclaredPolicies, desired: &mut Desired, findings: &mut Vec<Finding>) {
    let mut resolver = Resolver { declared: &declared, known: BTreeMap::new(), open: Vec::new(), findings };
    let combined = declared.iter().filter(|(_, policy)| matches!(policy.content, Content::Combined(_)));
    let mut combined: BTreeMap<PolicyName, Resolved> =
        combined.filter_map(|(name, _)| Some((name.clone(), resolver.resolved(name)?))).collect();
    // An entry of `combine` that could not be read may be the use.
    if !findings.iter().any(Finding::is_error) {
        not_combined(&declared, findings);
    }
    for (name, policy) in declared {
        let (intent, lint) = match policy.content {
            Content::Own(intent) => (intent, policy.lint),
            Content::Combined(_) => match combined.remove(&name) {
                Some(Resolved { authored, lint, .. }) => (PolicyIntent::Present(authored), lint),
                None => continue,
            },
            Content::Invalid => continue,
        };
        let is_broken = intent.authored().is_some_and(Authored::is_broken);
        let (description, renamed_from) = (policy.description, policy.renamed_from);
        let entry = PolicyEntry { description, intent, lint, renamed_from, at: Some(policy.at) };
        let entries = match (is_broken, policy.is_abstract) {
            (true, _) => &mut desired.broken,
            (false, true) => &mut desired.abstracts,
            (false, false) => &mut desired.policies,
        };
        entries.insert(name, entry);
    }
}

/// Reports abstract policies without a use.
fn not_combined(declared: &DeclaredPolicies, findings: &mut Vec<Finding>) {
    let combined = declared.values().flat_map(|policy| match &policy.content {
        Content::Combined(parts) => parts.as_slice(),
        Content::Own(_) | Content::Invalid => &[],
    });
    let combined: BTreeSet<&PolicyName> = combined.map(|part| &part.policy).collect();
    for (name, policy) in declared.iter().filter(|(name, policy)| policy.is_abstract && !combined.contains(name)) {
        let message = format!("policy `{name}` is abstract, and no policy combines it");
        let finding = Finding::warning(codes::NOT_COMBINED, message).at(policy.at.clone());
        findings.push(finding.help("combine it, or remove `abstract = true` to have it on the cluster, or remove it"));
    }
}

#[derive(Clone)]
struct Resolved {
    authored: Authored,
    /// Its own suppressed rules, and those of the policies that it combines.
    lint: Allowed,
    depth: usize,
}

struct Resolver<'a> {
    declared: &'a DeclaredPolicies,
    known: BTreeMap<&'a PolicyName, Option<Resolved>>,
    /// The combined policies that are being resolved, each combined by the one before.
    open: Vec<&'a PolicyName>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Resolver<'a> {
    /// A declared policy with its document. `None` if it has none, and the reason is reported.
    fn resolved(&mut self, name: &'a PolicyName) -> Option<Resolved> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let policy = self.declared.get(name)?;
        let resolved = match &policy.content {
            Content::Own(PolicyIntent::Present(authored)) => {
                Some(Resolved { authored: authored.clone(), lint: policy.lint.clone(), depth: 0 })
            }
            Content::Own(PolicyIntent::Absent) | Content::Invalid => None,
            Content::Combined(parts) => {
                self.open.push(name);
                let combined = self.combined(policy, parts);
                self.open.pop();
                combined
            }
        };
        self.known.insert(name, resolved.clone());
        resolved
    }

    fn combined(&mut self, policy: &DeclaredPolicy, parts: &'a [Combined]) -> Option<Resolved> {
        let resolved: Vec<_> = parts.iter().map(|part| Some((&part.policy, self.part(part)?))).collect();
        let resolved: Vec<(&PolicyName, Resolved)> = resolved.into_iter().collect::<Option<_>>()?;
        let versions: BTreeSet<_> =
            resolved.iter().map(|(_, of)| of.authored.normal().document().version.clone()).collect();
        let at = parts.first()?.at.clone();
        if versions.len() > 1 {
            let message =
                "the combined policies have different values of `Version`, which give `${…}` different meanings";
            self.error(at, message.to_owned(), "give all of them the version `2012-10-17`");
            return None;
        }
        let mut joined = join(resolved.iter().map(|(_, of)| of.authored.document()));
        if joined.document.statements.len() > MAX_STATEMENTS {
            let message = format!("the combined policies have more than {MAX_STATEMENTS} statements");
            self.error(at, message, "combine fewer policies: no cluster takes such a document");
            return None;
        }
        joined.document.version = versions.into_iter().next().flatten();
        let origins = joined.origins.iter().map(|of| {
            let each = of.iter().filter_map(|origin| {
                let (name, part) = resolved.get(origin.document)?;
                Some(part.authored.origins_of(origin.statement, name))
            });
            each.flatten().collect()
        });
        let authored = Authored::combined(joined.document, origins.collect(), at);
        let is_broken = resolved.iter().any(|(_, of)| of.authored.is_broken());
        let lint = resolved.iter().fold(policy.lint.clone(), |lint, (_, of)| lint.and(&of.lint));
        let depth = resolved.iter().map(|(_, of)| of.depth + 1).max().unwrap_or_default();
        Some(Resolved { authored: if is_broken { authored.broken() } else { authored }, lint, depth })
    }

    /// The policy of an entry of `combine`.
    fn part(&mut self, part: &'a Combined) -> Option<Resolved> {
        let name = &part.policy;
        let error = |of: &mut Self, message: String, help: &str| of.error(part.at.clone(), message, help);
        if let Some(start) = self.open.iter().position(|open| *open == name) {
            let chain: Vec<String> = self.open[start..].iter().skip(1).map(|policy| format!("`{policy}`")).collect();
            let through = if chain.is_empty() { String::new() } else { format!(", through {}", list(&chain)) };
            error(self, format!("policy `{name}` combines itself{through}"), "remove one of the entries of `combine`");
            return None;
        }
        let too_deep = format!("combinations are nested deeper than {MAX_DEPTH}");
        if self.open.len() > MAX_DEPTH {
            error(self, too_deep, "name the policies with the statements directly");
            return None;
        }
        match self.declared.get(name) {
            None if name.is_predefined() => {
                let help = "declare an abstract policy with its statements, and combine that";
                error(self, format!("policy `{name}` is predefined, and its statements are not declared"), help);
                return None;
            }
            None => {
                let near = nearest(name.as_str(), self.declared.keys().map(PolicyName::as_str));
                let declare =
                    || format!("declare `[policies.{name}]`, with `abstract = true` if only `combine` needs it");
                let help = did_you_mean(near, declare);
                error(self, format!("policy `{name}` is not declared, so it cannot be combined"), &help);
                return None;
            }
            Some(DeclaredPolicy { content: Content::Own(PolicyIntent::Absent), .. }) => {
                let help = "remove it from `combine`, or give it a document";
                error(self, format!("policy `{name}` is declared absent, so it cannot be combined"), help);
                return None;
            }
            Some(_) => {}
        }
        let resolved = self.resolved(name)?;
        if resolved.depth >= MAX_DEPTH {
            error(self, too_deep, "name the policies with the statements directly");
            return None;
        }
        Some(resolved)
    }

    fn error(&mut self, at: Location, message: String, help: &str) {
        self.findings.push(Finding::error(codes::BAD_COMBINE, message).at(at).help(help));
    }
}
