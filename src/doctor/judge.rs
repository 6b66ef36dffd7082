//! From what a cluster told to what is found about it: a pure function.

use super::codes;
use super::{Definition, Facts, Leftover, Report};
use crate::base::{Capabilities, Code, Finding, PolicyName};
use crate::cluster::rest::{CALLS, Difference, differences};
use crate::cluster::{CallError, ConnectionInfo, Users};
use crate::observed::{Duplicates, Identity, newer_than_known};

/// How far the clocks may be apart, in seconds: an answer takes its time, and no sane clock is off by more.
const CLOCK_TOLERANCE: u64 = 60;

/// The roles that may change S3 policies and what users hold: the administrator of the cluster, and that of the tenant by
/// its name before 5.1 and since.
const ADMINISTRATORS: [&str; 3] = ["ClusterAdmin", "OrgAdmin", "TenantAdmin"];

/// What is found about a cluster.
#[must_use]
pub fn judge(facts: &Facts) -> Report {
    let Facts { identity, connection, users, policies, .. } = facts;
    let may_apply = ADMINISTRATORS.iter().any(|role| role.eq_ignore_ascii_case(&identity.role));
    let users = users.as_ref();
    let leftovers = policies.as_ref().ok().map(|policies| leftovers(policies, users.ok()));
    let (definition, about_calls) = definition(facts);

    let mut findings = Vec::new();
    findings.extend((!may_apply).then(|| role(identity)));
    let refused = [users.err(), policies.as_ref().err()];
    findings.extend(refused.into_iter().flatten().map(|error| failed(codes::NOT_TOLD, Finding::error, error)));
    findings.extend(about_calls);
    findings.extend(about_way(connection));
    findings.extend(leftovers.iter().flatten().map(leftover));
    findings.extend(about_release(facts));
    findings.extend(several_records(facts));
    findings.sort_by_key(|finding| finding.severity);
    let attachments_known = users.ok().map(|users| users.attachments_known);
    Report {
        identity: identity.clone(),
        may_apply,
        connection: connection.clone(),
        attachments_known,
        definition,
        leftovers,
        findings,
    }
}

fn role(identity: &Identity) -> Finding {
    let Identity { user, role, tenant, release, .. } = identity;
    let admin = if Capabilities::of(release).tenant_admin { "TenantAdmin" } else { "OrgAdmin" };
    let message = format!("`{user}` has the role {role}, which does not suffice to change policies and who holds them");
    Finding::error(codes::ROLE, message)
        .help(format!("log in as a user with the role ClusterAdmin, or as the {admin} of tenant `{tenant}`"))
}

/// A look that failed, with what the transport advises.
fn failed(code: Code, finding: fn(Code, String) -> Finding, error: &CallError) -> Finding {
    let finding = finding(code, error.to_string());
    match &error.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

fn about_way(connection: &ConnectionInfo) -> Vec<Finding> {
    let mut findings: Vec<Finding> = connection
        .unencrypted
        .iter()
        .map(|address| {
            let message = format!("{address} is not encrypted: the password and the token can be read on the way");
            Finding::warning(codes::UNENCRYPTED, message).help("write https:// under [cluster] endpoints")
        })
        .collect();
    if connection.any_certificate {
        let message = "any certificate is believed: whoever is in between reads the password and changes the calls";
        findings.push(Finding::warning(codes::ANY_CERTIFICATE, message).help(
            "set fingerprint or ca_file under [cluster] and leave out --insecure; without it, attune shows the \
             fingerprint of a certificate that it does not trust",
        ));
    }
    if let Some(ahead) = connection.clock_ahead.filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE) {
        let (seconds, side) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
        let message = format!("the cluster's clock is {seconds} s {side} the one of this machine");
        findings.push(
            Finding::warning(codes::CLOCK, message)
                .help("set the wrong one by NTP: certificates and signatures of S3 requests depend on the time"),
        );
    }
    findings
}

fn about_release(facts: &Facts) -> Vec<Finding> {
    let release = &facts.identity.release;
    let mut findings: Vec<Finding> = newer_than_known(release).into_iter().collect();
    if facts.users.as_ref().is_ok_and(|users| !users.attachments_known) {
        let message = format!("WEKA {release} does not report over {} who holds what", facts.connection.transport);
        findings.push(Finding::note(codes::HOLDERS_UNKNOWN, message).help("only policies can be added here"));
    }
    if facts.connection.definition_expected && matches!(facts.definition, Ok(None)) {
        let message = "the cluster has no definition of its own to hold the calls against (`GET /docs/schema`)";
        findings.push(Finding::note(codes::NO_DEFINITION, message));
    }
    findings
}

/// Names under which the cluster reports several records.
fn several_records(facts: &Facts) -> Vec<Finding> {
    let mut several = Duplicates::default();
    several.policies(facts.policies.iter().flatten());
    if let Ok(users) = &facts.users {
        // Only the names that have several are of interest here.
        drop(users.clone().by_name(&mut several));
    }
    let policies = several.policies.keys().map(|policy| several.about_policy(policy, false));
    policies.chain(several.principals().map(|principal| several.about(&principal, false))).collect()
}

fn leftovers(policies: &[PolicyName], users: Option<&Users>) -> Vec<Leftover> {
    let holders = |policy: &PolicyName| {
        let users = users.into_iter().flat_map(|users| &users.users);
        let mut holders: Vec<_> =
            users.filter(|user| user.policy.as_ref() == Some(policy)).map(|user| user.name.clone()).collect();
        holders.sort();
        holders
    };
    let leftover = |name: &PolicyName| {
        Some(Leftover { policy: name.temporary_for()?, temporary: name.clone(), holders: holders(name) })
    };
    let mut leftovers: Vec<Leftover> = policies.iter().filter_map(leftover).collect();
    leftovers.sort_by(|a, b| a.temporary.cmp(&b.temporary));
    leftovers
}

fn leftover(leftover: &Leftover) -> Finding {
    let Leftover { temporary, policy, holders } = leftover;
    let held = match holders.as_slice() {
        [] => String::new(),
        [one] => format!(", and `{one}` holds it"),
        several => format!(", and {} users hold it", several.len()),
    };
    let message = format!("an interrupted apply left `{temporary}` behind, which stands in for `{policy}`{held}");
    Finding::warning(codes::LEFTOVER, message)
        .help("`attune plan` shows how the next `attune apply` finishes what was begun and removes it")
}

/// What holding the calls against the cluster's own definition gives.
fn definition(facts: &Facts) -> (Definition, Vec<Finding>) {
    let text = match &facts.definition {
        Err(error) => return (Definition::Unreadable, vec![failed(codes::UNREADABLE, Finding::warning, error)]),
        Ok(None) => return (Definition::None, Vec::new()),
        Ok(Some(text)) => text,
    };
    match differences(&CALLS, text) {
        Ok(found) => {
            let compared = Definition::Compared { calls: CALLS.len(), differences: found.len() };
            (compared, found.iter().map(difference).collect())
        }
        Err(problem) => {
            let message = format!("the cluster's own definition cannot be read: {problem}");
            let help = "check that the endpoint is the cluster itself, and not a proxy that answers in its place";
            (Definition::Unreadable, vec![Finding::warning(codes::UNREADABLE, message).help(help)])
        }
    }
}

fn difference(difference: &Difference) -> Finding {
    let finding = match difference {
        Difference::NoCall { call, methods } if methods.is_empty() => {
            Finding::error(codes::NO_CALL, format!("{call}: this cluster's definition has no such path"))
        }
        Difference::NoCall { call, methods } => {
            let message = format!("{call}: this cluster's definition takes only {} there", methods.join(", "));
            Finding::error(codes::NO_CALL, message)
        }
        Difference::UnknownField { call, field, instead } => {
            let instead: Vec<String> = instead.iter().map(|name| format!("`{name}`")).collect();
            let there =
                if instead.is_empty() { String::new() } else { format!("; it has {} instead", instead.join(", ")) };
            let message =
                format!("{call}: attune sends `{field}`, which this cluster's definition does not have{there}");
            Finding::error(codes::UNKNOWN_FIELD, message)
        }
        Difference::RequiredField { call, field } => {
            let message = format!("{call}: this cluster's definition requires `{field}`, which attune does not send");
            Finding::error(codes::REQUIRED_FIELD, message)
        }
    };
    finding
        .help("do not apply with this version of attune: its calls would be refused or misread; look for a newer one")
}
