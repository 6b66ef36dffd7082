//! The preflight check of a cluster: reads its facts, and reports problems. Nothing on the cluster changes.

use crate::base::{Capabilities, Code, Finding, PolicyName, UserName, codes, shell_word};
use crate::cluster::rest::{CALLS, Difference, differences};
use crate::cluster::{CallError, Cluster, ConnectionInfo, UserRecord, Users, capabilities};
use crate::observed::{Body, Duplicates, Identity, newer_than_known};

codes! {
    "All kinds of findings of this room.";
    ROLE = "role-too-weak", "The role of the login may not apply a plan.";
    ROLE_UNKNOWN = "role-unknown", "attune does not know the role of the login, for example a custom role.";
    READ_FAILED = "read-failed", "A read that a plan needs failed, or its answer is unreadable.";
    NO_CALL = "call-not-in-definition", "The cluster's own definition does not have an API call that attune makes.";
    UNKNOWN_FIELD = "field-not-in-definition", "The cluster's own definition does not have a field that attune sends.";
    REQUIRED_FIELD = "field-not-sent", "The cluster's own definition requires a field that attune does not always send.";
    UNREADABLE = "definition-unreadable", "attune cannot get or read the cluster's own definition.";
    UNENCRYPTED = "unencrypted", "The password, the token and the API calls go to the cluster unencrypted.";
    ANY_CERTIFICATE = "any-certificate", "attune does not check the certificate of the cluster (`--insecure`).";
    CLOCK = "clock-skew", "The clocks of the cluster and of this machine differ by more than a minute.";
    PROBE_LEFT = "leftover-of-a-probe", "An interrupted probe left a policy behind.";
    LEFTOVER = "leftover-temporary-policy", "An interrupted apply left a temporary policy behind.";
    ATTACHMENTS_UNKNOWN = "attachments-not-reported", "The release does not report which policies are attached, so plans can only add policies.";
    NO_DOCUMENT = "document-unreadable", "attune cannot read the policy document that the cluster returned.";
    NO_DEFINITION = "no-api-definition", "The cluster has no definition of its own, although its release should have one.";
}

/// The facts about a cluster. The check continues if a read fails.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The cluster, the tenant and the login.
    pub identity: Identity,
    /// What the cluster can do.
    pub capabilities: Capabilities,
    /// The connection.
    pub connection: ConnectionInfo,
    /// The users of the tenant.
    pub users: Result<Users, CallError>,
    /// The names of the policies.
    pub policies: Result<Vec<PolicyName>, CallError>,
    /// One of the policies, and its document as text: `readonly` if it is there. `None` if no policy could be read.
    pub document: Option<(PolicyName, Result<String, CallError>)>,
    /// The cluster's own API definition, if it has one.
    pub definition: Result<Option<String>, CallError>,
}

/// Reads the facts. It is an error if attune cannot identify the cluster.
pub async fn read_facts(cluster: &dyn Cluster) -> Result<Facts, CallError> {
    let identity = cluster.identity().await?;
    // What the cluster can do is in its definition, which is read once.
    let definition = cluster.own_definition().await;
    let capabilities = capabilities(cluster, &identity.release).await;
    let (users, policies) = tokio::join!(cluster.users(), cluster.list_policies());
    let document = match policies.as_ref().ok().and_then(|policies| a_policy(policies)) {
        Some(policy) => Some((policy.clone(), cluster.show_policy(policy).await)),
        None => None,
    };
    let connection = cluster.connection(&identity.release);
    Ok(Facts { identity, capabilities, connection, users, policies, document, definition })
}

fn a_policy(policies: &[PolicyName]) -> Option<&PolicyName> {
    let readonly = policies.iter().find(|policy| policy.as_str() == "readonly");
    readonly.or_else(|| policies.iter().find(|policy| policy.addressable().is_ok()))
}

/// The result of a check.
#[derive(Debug, Clone)]
#[must_use]
pub struct Preflight {
    /// The facts that were checked.
    pub facts: Facts,
    /// Whether the role may apply a plan.
    pub may_apply: bool,
    /// The comparison with the cluster's own API definition.
    pub definition: Definition,
    /// The temporary policies on the cluster, sorted by name, if known.
    pub leftovers: Option<Vec<Leftover>>,
    /// The findings, most serious first.
    pub findings: Vec<Finding>,
}

/// The comparison of attune's API calls with the cluster's own definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// There is no definition.
    None,
    /// attune cannot get or read it.
    Unreadable,
    /// Compared.
    Compared {
        /// The number of compared calls.
        calls: usize,
        /// The number of differences.
        differences: usize,
    },
}

/// A temporary policy that an interrupted apply left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its name.
    pub temporary: PolicyName,
    /// The policy that it is temporary for.
    pub policy: PolicyName,
    /// The users that have it, as far as the cluster reports them.
    pub holders: Vec<UserName>,
}

/// The accepted clock difference in seconds: responses take time.
const CLOCK_TOLERANCE: u64 = 60;

/// The roles that may change policies and attachments: cluster administrator, and tenant administrator by its names before
/// and since 5.1.
const ADMINISTRATORS: [&str; 3] = ["ClusterAdmin", "OrgAdmin", "TenantAdmin"];

/// The other roles of the vendor (documentation 4.0 to 6.0). None may change policies. Any other role is a custom one.
const OTHERS: [&str; 4] = ["ReadOnly", "Regular", "S3", "CSI"];

/// Checks the facts about a cluster.
pub fn check(facts: Facts) -> Preflight {
    let Facts { identity, connection, users, policies, .. } = &facts;
    let users = users.as_ref();
    let is_one_of = |roles: &[&str]| roles.iter().any(|role| role.eq_ignore_ascii_case(&identity.role));
    let (is_administrator, is_custom) =
        (is_one_of(&ADMINISTRATORS), !is_one_of(&ADMINISTRATORS) && !is_one_of(&OTHERS));
    // Only a change could prove more.
    let may_apply = is_administrator || (is_custom && users.is_ok() && policies.is_ok());
    let leftovers = policies.as_ref().ok().map(|policies| leftovers(policies, users.ok()));
    let (definition, call_findings) = definition(&facts);

    let mut findings = Vec::new();
    findings.extend((!may_apply).then(|| role(identity, facts.capabilities)));
    findings.extend((may_apply && is_custom).then(|| custom_role(identity)));
    let refused = [users.err(), policies.as_ref().err()];
    findings.extend(refused.into_iter().flatten().map(|error| failed(READ_FAILED, Finding::error, error)));
    findings.extend(facts.document.as_ref().and_then(|(policy, text)| document(policy, text)));
    findings.extend(call_findings);
    findings.extend(connection_findings(connection));
    findings.extend(leftovers.iter().flatten().map(leftover));
    findings.extend(left_by_probes(policies.as_ref().ok().into_iter().flatten(), users.ok()));
    findings.extend(release_findings(&facts));
    findings.extend(several_records(&facts));
    findings.sort_by_key(|finding| finding.severity);
    Preflight { facts, may_apply, definition, leftovers, findings }
}

impl Facts {
    /// Whether the cluster reports attachments, if known.
    pub fn attachments_known(&self) -> Option<bool> {
        Some(self.users.as_ref().ok()?.attachments_known)
    }
}

fn role(identity: &Identity, can: Capabilities) -> Finding {
    let Identity { user, role, tenant, .. } = identity;
    let admin = if can.tenants { "TenantAdmin" } else { "OrgAdmin" };
    let message = format!("`{user}` has the role {role}, which may not change policies and attachments");
    Finding::error(ROLE, message)
        .help(format!("log in as a user with the role ClusterAdmin, or as the {admin} of tenant `{tenant}`"))
}

fn custom_role(identity: &Identity) -> Finding {
    let Identity { user, role, .. } = identity;
    let message = format!("`{user}` has the role {role}, which attune does not know: it may read users and policies");
    Finding::note(ROLE_UNKNOWN, message)
        .help("only the first change shows whether the role may change policies and attachments")
}

fn failed(code: Code, finding: fn(Code, String) -> Finding, error: &CallError) -> Finding {
    Finding { help: error.help.clone(), ..finding(code, error.to_string()) }
}

fn document(policy: &PolicyName, text: &Result<String, CallError>) -> Option<Finding> {
    let text = match text {
        Err(error) => return Some(failed(READ_FAILED, Finding::error, error)),
        Ok(text) => text,
    };
    let message = format!("the document of policy `{policy}` is no policy document that attune can read");
    let help = "do not apply: attune would replace what it cannot read; please report the shape of the answer";
    match Body::read(text) {
        Body::Unreadable(_) => Some(Finding::error(NO_DOCUMENT, message).help(help)),
        Body::Known(_) | Body::NotRead => None,
    }
}

fn connection_findings(connection: &ConnectionInfo) -> Vec<Finding> {
    let unencrypted = |address| {
        let message = format!("{address} is not encrypted: others on the network can read the password and the token");
        Finding::warning(UNENCRYPTED, message).help("use https:// in `endpoints` of `[cluster]`")
    };
    let mut findings: Vec<Finding> = connection.unencrypted.iter().map(unencrypted).collect();
    if connection.any_certificate {
        let message = "any certificate is trusted: others on the network can read the password and change API calls";
        findings.push(Finding::warning(ANY_CERTIFICATE, message).help(
            "set `fingerprint` or `ca_file` in `[cluster]` and omit --insecure; then attune shows the fingerprint of a \
             certificate that it does not trust",
        ));
    }
    if let Some(ahead) = connection.clock_ahead.filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE) {
        let (seconds, side) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
        let message = format!("the cluster's clock is {seconds} s {side} the clock of this machine");
        let help = "fix the wrong clock, with NTP: certificates and signatures of S3 requests depend on the time";
        findings.push(Finding::warning(CLOCK, message).help(help));
    }
    findings
}

fn release_findings(facts: &Facts) -> Vec<Finding> {
    let release = &facts.identity.release;
    let mut findings: Vec<Finding> = newer_than_known(release).into_iter().collect();
    if facts.attachments_known() == Some(false) {
        let message =
            format!("WEKA {release} does not report over {} which policies are attached", facts.connection.transport);
        findings.push(Finding::note(ATTACHMENTS_UNKNOWN, message).help("plans can only add policies here"));
    }
    if facts.connection.definition_expected && matches!(facts.definition, Ok(None)) {
        let message = "the cluster has no API definition of its own to compare with (`GET /docs/schema`)";
        findings.push(Finding::note(NO_DEFINITION, message));
    }
    findings
}

fn several_records(facts: &Facts) -> Vec<Finding> {
    let mut several = Duplicates::default();
    several.policies(facts.policies.iter().flatten());
    if let Ok(users) = &facts.users {
        // Only the names with several records matter here.
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
    let users = match holders.as_slice() {
        [] => String::new(),
        [one] => format!(", which `{one}` has"),
        several => format!(", which {} users have", several.len()),
    };
    let message = format!("an interrupted apply left the temporary policy `{temporary}` for `{policy}`{users}");
    Finding::warning(LEFTOVER, message).help("the next `attune apply` resumes and removes it; `attune plan` shows how")
}

/// The policies that a probe did not remove, and who has one.
fn left_by_probes<'a>(policies: impl Iterator<Item = &'a PolicyName>, users: Option<&Users>) -> Vec<Finding> {
    let users: Vec<_> = users.into_iter().flat_map(|users| &users.users).collect();
    let finding = |policy: &PolicyName| {
        let has = |user: &&&UserRecord| user.policy.as_ref().is_some_and(|has| has.gives(policy));
        let holder = users.iter().find(has).map(|user| &user.name);
        let held = holder.map(|user| format!(", which `{user}` has")).unwrap_or_default();
        let message = format!("an interrupted probe left the policy `{policy}`{held}");
        let command = |words: &str, name: &str| shell_word(name).map(|name| format!("`{words} {name}`"));
        let remove = command("weka s3 policy remove", policy.as_str()).unwrap_or_else(|| "remove it".to_owned());
        let help = match holder.and_then(|user| command("weka user delete", user.as_str())) {
            Some(delete) => format!("delete the user that was made for the probe, then the policy: {delete}, {remove}"),
            None => format!("remove it: {remove}"),
        };
        Finding::warning(PROBE_LEFT, message).help(help)
    };
    policies.filter(|policy| policy.as_str().starts_with(PolicyName::PROBE_PREFIX)).map(finding).collect()
}

/// Compares attune's API calls with the cluster's own definition.
fn definition(facts: &Facts) -> (Definition, Vec<Finding>) {
    let text = match &facts.definition {
        Err(error) => return (Definition::Unreadable, vec![failed(UNREADABLE, Finding::warning, error)]),
        Ok(None) => return (Definition::None, Vec::new()),
        Ok(Some(text)) => text,
    };
    match differences(&CALLS, text) {
        Ok(found) => {
            let compared = Definition::Compared { calls: CALLS.len(), differences: found.len() };
            (compared, found.iter().map(difference).collect())
        }
        Err(problem) => {
            let message = format!("cannot read the cluster's own definition: {problem}");
            let help = "check that the endpoint is the cluster and not a proxy";
            (Definition::Unreadable, vec![Finding::warning(UNREADABLE, message).help(help)])
        }
    }
}

fn difference(difference: &Difference) -> Finding {
    let (code, message) = match difference {
        Difference::NoCall { call, methods } if methods.is_empty() => {
            (NO_CALL, format!("{call}: this cluster's definition has no such path"))
        }
        Difference::NoCall { call, methods } => {
            (NO_CALL, format!("{call}: this cluster's definition has only {} for this path", methods.join(", ")))
        }
        Difference::UnknownField { call, field, instead } => {
            let instead: Vec<String> = instead.iter().map(|name| format!("`{name}`")).collect();
            let there =
                if instead.is_empty() { String::new() } else { format!("; it has {} instead", instead.join(", ")) };
            let lacks = "which this cluster's definition does not have";
            (UNKNOWN_FIELD, format!("{call}: attune sends `{field}`, {lacks}{there}"))
        }
        Difference::RequiredField { call, field } => {
            let requires = format!("this cluster's definition requires `{field}`");
            (REQUIRED_FIELD, format!("{call}: {requires}, which attune does not send"))
        }
    };
    Finding::error(code, message)
        .help("do not apply with this version of attune: the cluster would refuse or misread its API calls; get a newer version")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Value, json};

    use super::*;
    use crate::base::{Release, Severity};
    use crate::cluster::Effect;

    /// A healthy cluster without an API definition.
    fn facts() -> Facts {
        Facts {
            identity: Identity {
                name: "stewie".into(),
                guid: "guid".into(),
                release: Release::parse("4.4.8").unwrap(),
                tenant: "Root".into(),
                user: UserName::reported("admin"),
                role: "ClusterAdmin".into(),
            },
            capabilities: Capabilities::of(&Release::parse("4.4.8").unwrap()),
            connection: ConnectionInfo {
                transport: "REST",
                addresses: vec!["https://weka01:14000".into()],
                unencrypted: Vec::new(),
                any_certificate: false,
                attachments_source: Some("GET /users"),
                definition_expected: false,
                clock_ahead: Some(1),
            },
            users: Ok(Users { users: Vec::new(), attachments_known: true }),
            policies: Ok(vec![PolicyName::reported("readonly")]),
            document: None,
            definition: Ok(None),
        }
    }

    fn checked(change: impl FnOnce(&mut Facts)) -> Preflight {
        let mut facts = facts();
        change(&mut facts);
        check(facts)
    }

    fn found(report: &Preflight) -> Vec<(&'static str, Severity)> {
        report.findings.iter().map(|finding| (finding.code.id, finding.severity)).collect()
    }

    fn readonly() -> PolicyName {
        PolicyName::reported("readonly")
    }

    fn refused() -> CallError {
        CallError::new("GET /x", Effect::Unauthorized(403), "403 Forbidden").help("log in as another user")
    }

    #[test]
    fn a_healthy_cluster_has_no_findings() {
        let report = checked(|_| {});
        assert_eq!(found(&report), []);
        assert!(report.may_apply);
        assert_eq!(
            (report.definition, report.leftovers, report.facts.attachments_known()),
            (Definition::None, Some(vec![]), Some(true))
        );
    }

    #[test]
    fn every_code_has_exactly_one_cause() {
        type Change = fn(&mut Facts);
        let cases: [(&str, Severity, Change); 18] = [
            ("role-unknown", Severity::Note, |facts| facts.identity.role = "s3-operators".into()),
            ("role-too-weak", Severity::Error, |facts| facts.identity.role = "ReadOnly".into()),
            ("read-failed", Severity::Error, |facts| facts.users = Err(refused())),
            ("read-failed", Severity::Error, |facts| facts.policies = Err(refused())),
            ("read-failed", Severity::Error, |facts| facts.document = Some((readonly(), Err(refused())))),
            ("document-unreadable", Severity::Error, |facts| {
                facts.document = Some((readonly(), Ok(r#"{"name":"readonly","content":{}}"#.into())));
            }),
            ("unencrypted", Severity::Warning, |facts| {
                facts.connection.unencrypted = vec!["http://weka01:14000".into()];
            }),
            ("any-certificate", Severity::Warning, |facts| facts.connection.any_certificate = true),
            ("clock-skew", Severity::Warning, |facts| facts.connection.clock_ahead = Some(-61)),
            ("leftover-temporary-policy", Severity::Warning, |facts| {
                facts.policies = Ok(vec![PolicyName::reported("ml").temporary("0a1b2c3d")]);
            }),
            ("leftover-of-a-probe", Severity::Warning, |facts| {
                facts.policies = Ok(vec![PolicyName::reported("attune-probe-abc-t")]);
            }),
            ("release-newer-than-known", Severity::Note, |facts| {
                facts.identity.release = Release::parse("7.0.1").unwrap();
            }),
            ("attachments-not-reported", Severity::Note, |facts| {
                facts.users = Ok(Users { users: Vec::new(), attachments_known: false });
            }),
            ("no-api-definition", Severity::Note, |facts| facts.connection.definition_expected = true),
            ("definition-unreadable", Severity::Warning, |facts| facts.definition = Err(refused())),
            ("definition-unreadable", Severity::Warning, |facts| facts.definition = Ok(Some("<html>".into()))),
            ("call-not-in-definition", Severity::Error, |facts| {
                facts.definition = Ok(Some(definition().replace("/users/whoami", "/whoami")));
            }),
            ("field-not-in-definition", Severity::Error, |facts| {
                facts.definition = Ok(Some(definition().replace("refresh_token", "renewal")));
            }),
        ];
        let mut seen = BTreeSet::from(["field-not-sent"]);
        let own = |code: &&str| CODES.iter().any(|known| known.id == *code);
        for (code, severity, change) in cases {
            let report = checked(change);
            assert_eq!(found(&report), [(code, severity)]);
            seen.insert(code);
        }
        let required = checked(|facts| {
            let needs = r#""requestBody":{"content":{"application/json":{"schema":{"required":["reason"],"properties":{"reason":{}}}}}}"#;
            let delete = format!("\"delete\":{{{needs}}}");
            facts.definition = Ok(Some(definition().replace("\"delete\":{}", &delete)));
        });
        assert_eq!(found(&required), [("field-not-sent", Severity::Error)]);
        assert_eq!(seen.into_iter().filter(own).collect::<BTreeSet<_>>(), CODES.iter().map(|code| code.id).collect());
    }

    /// A short API definition with the calls of a plan and an apply.
    fn definition() -> String {
        let body = |fields: &[&str]| {
            let fields: BTreeMap<&str, Value> = fields.iter().map(|field| (*field, json!({}))).collect();
            let content = json!({ "application/json": { "schema": { "properties": fields } } });
            json!({ "post": { "requestBody": { "content": content } }, "get": {} })
        };
        let get = json!({ "get": {} });
        let paths = json!({
            "/login": body(&["username", "password", "org"]),
            "/login/refresh": body(&["refresh_token"]),
            "/cluster": get,
            "/users/whoami": get,
            "/users": get,
            "/s3/policies": body(&["policy_name", "policy_file_content"]),
            "/s3/policies/{policy}": { "get": {}, "delete": {} },
            "/s3/policies/attach": body(&["policy_name", "user_name"]),
            "/s3/policies/detach": body(&["user_name"]),
            "/s3/sts": body(&["access_key", "secret_key", "duration", "policy_file_content"]),
        });
        json!({ "paths": paths }).to_string()
    }

    #[test]
    fn a_matching_definition_has_no_differences() {
        let report = checked(|facts| facts.definition = Ok(Some(definition())));
        assert_eq!(found(&report), []);
        assert_eq!(report.definition, Definition::Compared { calls: CALLS.len(), differences: 0 });
    }

    #[test]
    fn errors_come_first() {
        let report = checked(|facts| {
            facts.identity.release = Release::parse("7.0").unwrap();
            facts.connection.any_certificate = true;
            facts.definition = Ok(Some(definition().replace("\"delete\":{}", "\"put\":{}")));
        });
        let severities: Vec<Severity> = report.findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Note]);
        assert!(report.findings[0].message.contains("DELETE /s3/policies/{policy}"), "{:?}", report.findings[0]);
        assert!(report.findings[0].message.contains("has only GET, PUT for this path"), "{:?}", report.findings[0]);
    }

    #[test]
    fn the_role_that_may_apply_depends_on_the_release() {
        for role in ["ClusterAdmin", "OrgAdmin", "TenantAdmin", "clusteradmin"] {
            assert!(checked(|facts| facts.identity.role = role.into()).may_apply, "{role}");
        }
        // A custom role may do what it is seen to do.
        assert!(checked(|facts| facts.identity.role = "s3-operators".into()).may_apply);
        let refused = checked(|facts| {
            facts.identity.role = "s3-operators".into();
            facts.policies = Err(refused());
        });
        assert!(!refused.may_apply && found(&refused).iter().any(|code| code.0 == "role-too-weak"), "{refused:?}");
        for (release, named) in [("4.4.8", "OrgAdmin"), ("5.1.2", "TenantAdmin")] {
            let report = checked(|facts| {
                facts.identity.role = "S3".into();
                facts.capabilities = Capabilities::of(&Release::parse(release).unwrap());
            });
            assert!(report.findings[0].help.as_ref().unwrap().contains(named), "{release}");
        }
    }

    #[test]
    fn a_leftover_names_its_policy_and_users() {
        let temporary = PolicyName::reported("ml").temporary("0a1b2c3d");
        let holder = |name: &str| UserRecord {
            name: UserName::reported(name),
            role: "S3".into(),
            source: "Internal".into(),
            policy: Some(temporary.clone()),
        };
        let report = checked(|facts| {
            facts.policies = Ok(vec![temporary.clone()]);
            facts.users = Ok(Users { users: vec![holder("zoe"), holder("bob")], attachments_known: true });
        });
        let leftover = &report.leftovers.as_ref().unwrap()[0];
        assert_eq!((leftover.policy.as_str(), leftover.holders[0].as_str()), ("ml", "bob"));
        assert!(report.findings[0].message.contains("for `ml`, which 2 users have"));
    }
}
