//! What is found about clusters of every kind.

use std::collections::BTreeSet;

use super::{CODES, Definition, Facts, Report, judge};
use crate::base::{PolicyName, Release, Severity, UserName};
use crate::cluster::rest::CALLS;
use crate::cluster::{CallError, ConnectionInfo, Effect, UserRecord, Users};
use crate::observed::Identity;

/// A cluster with which all is well, as far as it has no definition of its own.
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
        definition: Ok(None),
    }
}

fn told(change: impl FnOnce(&mut Facts)) -> Report {
    let mut facts = facts();
    change(&mut facts);
    judge(&facts)
}

fn found(report: &Report) -> Vec<(&'static str, Severity)> {
    report.findings.iter().map(|finding| (finding.code.id, finding.severity)).collect()
}

fn refused() -> CallError {
    CallError::new("GET /x", Effect::Unauthorized(403), "403 Forbidden").help("log in as somebody else")
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let report = told(|_| {});
    assert_eq!(found(&report), []);
    assert!(report.may_apply);
    assert_eq!(
        (report.definition, report.leftovers, report.attachments_known),
        (Definition::None, Some(vec![]), Some(true))
    );
}

#[test]
fn every_code_is_found_by_what_it_is_for_and_by_nothing_else() {
    type Change = fn(&mut Facts);
    let cases: [(&str, Severity, Change); 14] = [
        ("role-too-weak", Severity::Error, |facts| facts.identity.role = "ReadOnly".into()),
        ("read-failed", Severity::Error, |facts| facts.users = Err(refused())),
        ("read-failed", Severity::Error, |facts| facts.policies = Err(refused())),
        ("unencrypted", Severity::Warning, |facts| facts.connection.unencrypted = vec!["http://weka01:14000".into()]),
        ("any-certificate", Severity::Warning, |facts| facts.connection.any_certificate = true),
        ("clock-skew", Severity::Warning, |facts| facts.connection.clock_ahead = Some(-61)),
        ("leftover-temporary-policy", Severity::Warning, |facts| {
            facts.policies = Ok(vec![PolicyName::reported("ml").transit("0a1b2c3d")]);
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
        let report = told(change);
        assert_eq!(found(&report), [(code, severity)]);
        seen.insert(code);
    }
    let required = told(|facts| {
        let needs = r#""requestBody":{"content":{"application/json":{"schema":{"required":["reason"],"properties":{"reason":{}}}}}}"#;
        let delete = format!("\"delete\":{{{needs}}}");
        facts.definition = Ok(Some(definition().replace("\"delete\":{}", &delete)));
    });
    assert_eq!(found(&required), [("field-not-sent", Severity::Error)]);
    assert_eq!(seen.into_iter().filter(own).collect::<BTreeSet<_>>(), CODES.iter().map(|code| code.id).collect());
}

/// A definition of the calls that a plan and an apply come to, as short as can be.
fn definition() -> String {
    let body = |fields: &[&str]| {
        let fields: Vec<String> = fields.iter().map(|field| format!("\"{field}\":{{}}")).collect();
        let schema = format!("{{\"properties\":{{{}}}}}", fields.join(","));
        format!(
            "{{\"post\":{{\"requestBody\":{{\"content\":{{\"application/json\":{{\"schema\":{schema}}}}}}}}},\"get\":{{}}}}"
        )
    };
    let (get, both) = ("{\"get\":{}}".to_owned(), "{\"get\":{},\"delete\":{}}".to_owned());
    let paths = [
        ("/login", body(&["username", "password", "org"])),
        ("/login/refresh", body(&["refresh_token"])),
        ("/cluster", get.clone()),
        ("/users/whoami", get.clone()),
        ("/users", get),
        ("/s3/policies", body(&["policy_name", "policy_file_content"])),
        ("/s3/policies/{policy}", both),
        ("/s3/policies/attach", body(&["policy_name", "user_name"])),
        ("/s3/policies/detach", body(&["user_name"])),
        ("/s3/sts", body(&["access_key", "secret_key", "duration", "policy_file_content"])),
    ];
    let paths: Vec<String> = paths.iter().map(|(path, item)| format!("\"{path}\":{item}")).collect();
    format!("{{\"paths\":{{{}}}}}", paths.join(","))
}

#[test]
fn a_definition_that_fits_is_said_to() {
    let report = told(|facts| facts.definition = Ok(Some(definition())));
    assert_eq!(found(&report), []);
    assert_eq!(report.definition, Definition::Compared { calls: CALLS.len(), differences: 0 });
}

#[test]
fn what_weighs_most_comes_first() {
    let report = told(|facts| {
        facts.identity.release = Release::parse("7.0").unwrap();
        facts.connection.any_certificate = true;
        facts.definition = Ok(Some(definition().replace("\"delete\":{}", "\"put\":{}")));
    });
    let severities: Vec<Severity> = report.findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Note]);
    assert!(report.findings[0].message.contains("DELETE /s3/policies/{policy}"), "{:?}", report.findings[0]);
    assert!(report.findings[0].message.contains("takes only GET, PUT there"), "{:?}", report.findings[0]);
}

#[test]
fn the_role_that_suffices_is_that_of_the_release() {
    for role in ["ClusterAdmin", "OrgAdmin", "TenantAdmin", "clusteradmin"] {
        assert!(told(|facts| facts.identity.role = role.into()).may_apply, "{role}");
    }
    for (release, named) in [("4.4.8", "OrgAdmin"), ("5.1.2", "TenantAdmin")] {
        let report = told(|facts| {
            facts.identity.role = "S3".into();
            facts.identity.release = Release::parse(release).unwrap();
        });
        assert!(report.findings[0].help.as_ref().unwrap().contains(named), "{release}");
    }
}

#[test]
fn a_leftover_says_for_whom_it_stands_and_who_holds_it() {
    let temporary = PolicyName::reported("ml").transit("0a1b2c3d");
    let holder = |name: &str| UserRecord {
        name: UserName::reported(name),
        role: "S3".into(),
        source: "Internal".into(),
        policy: Some(temporary.clone()),
    };
    let report = told(|facts| {
        facts.policies = Ok(vec![temporary.clone()]);
        facts.users = Ok(Users { users: vec![holder("zoe"), holder("bob")], attachments_known: true });
    });
    let leftover = &report.leftovers.as_ref().unwrap()[0];
    assert_eq!((leftover.policy.as_str(), leftover.holders[0].as_str()), ("ml", "bob"));
    assert!(report.findings[0].message.contains("stands in for `ml`, and 2 users hold it"));
}
