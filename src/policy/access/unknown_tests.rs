//! What is not known is not decided: actions of other services, patterns that match nothing, resources that are no ARN of S3.

use super::*;
use crate::policy::read_lenient;

const ALL: &str = "arn:aws:s3:::*";

fn document(statements: &[(&str, &str, &str)]) -> Document {
    let statement = |(effect, actions, resources): &(&str, &str, &str)| {
        let (action, actions) = match actions.strip_prefix('!') {
            Some(actions) => ("NotAction", actions),
            None => ("Action", *actions),
        };
        let (resource, resources) = match resources.strip_prefix('!') {
            Some(resources) => ("NotResource", resources),
            None => ("Resource", *resources),
        };
        format!(r#"{{"Effect":"{effect}","{action}":"{actions}","{resource}":"{resources}"}}"#)
    };
    let statements: Vec<_> = statements.iter().map(statement).collect();
    read_lenient(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))).unwrap()
}

fn between(before: &[(&str, &str, &str)], after: &[(&str, &str, &str)]) -> Access {
    let catalogue = Catalogue::newest();
    difference(Some(&document(before)), Some(&document(after)), &Context::new(&catalogue))
}

const READ: (&str, &str, &str) = ("Allow", "s3:GetObject", ALL);

#[test]
fn actions_that_nobody_knows_are_not_decided_both_ways() {
    for action in
        ["admin:*", "sts:AssumeRole", "s3:Replicate*", "s3:*Acl", "iam:*", "nonsense", "", "s3:Gett*", "a b", "*:Heal"]
    {
        let some = ("Allow", action, ALL);
        let gained = between(&[READ], &[READ, some]);
        assert!(!gained.gains_nothing() && gained.loses_nothing(), "{action}: {gained:?}");
        assert!(gained.undecided.iter().any(|open| open.actions == [action] && open.pattern == ALL), "{gained:?}");
        let lost = between(&[READ, some], &[READ]);
        assert!(!lost.loses_nothing() && lost.gains_nothing(), "{action}: {lost:?}");
        let same = between(&[READ, some], &[some, READ]);
        assert_eq!(same, Access::default(), "{action}");
    }
}

#[test]
fn an_action_of_s3_that_is_written_out_is_gained_as_ever() {
    let gained = between(&[READ], &[READ, ("Allow", "s3:PutObjectAcl", ALL)]);
    assert_eq!(gained.gained[0].actions, ["s3:PutObjectAcl"]);
}

#[test]
fn what_all_of_s3_gives_is_decided_and_all_of_everything_is_not() {
    let everything = ("Allow", "s3:*", ALL);
    assert_eq!(between(&[], &[everything]).undecided, []);
    assert!(between(&[everything], &[everything, ("Allow", "s3:*Acl", ALL)]).gains_nothing());
    for wide in ["*", "s*", "!s3:GetObject", "*:*"] {
        let wider = between(&[everything], &[everything, ("Allow", wide, ALL)]);
        assert!(!wider.gains_nothing(), "{wide}");
    }
}

#[test]
fn a_wider_or_undenied_unknown_is_gained_and_a_narrower_one_is_not() {
    let allow = |action| ("Allow", action, ALL);
    assert!(!between(&[allow("admin:Heal*")], &[allow("admin:*")]).gains_nothing());
    assert!(between(&[allow("admin:*")], &[allow("admin:Heal*")]).gains_nothing());
    let deny = |action| ("Deny", action, ALL);
    for part in ["admin:*", "*:Heal", "*Heal*", "admin:Heal"] {
        let undenied = between(&[allow("admin:*"), deny(part)], &[allow("admin:*")]);
        assert!(!undenied.gains_nothing(), "{part}");
        let denied = between(&[allow("admin:*")], &[allow("admin:*"), deny(part)]);
        assert!(denied.gains_nothing() && !denied.loses_nothing(), "{part}");
    }
    assert!(!between(&[allow("s3:*"), deny("s3:*Acl")], &[allow("s3:*")]).gains_nothing());
    assert!(!between(&[allow("!admin:Heal")], &[allow("!admin:Stop")]).gains_nothing());
    assert!(!between(&[allow("!*Heal*")], &[allow("admin:*")]).gains_nothing());
    assert!(between(&[allow("!admin:Heal")], &[allow("!admin:Heal")]).gains_nothing());
}

#[test]
fn resources_that_are_no_arn_of_s3_are_not_decided() {
    for resource in [
        "b/*",
        "arn:minio:s3:::b/*",
        "arn:aws-cn:s3:::b/*",
        "arn:aws:s3:eu-west-1:1:accesspoint/a",
        "ARN:AWS:S3:::b",
        "",
    ] {
        let some = ("Allow", "s3:PutObject", resource);
        let gained = between(&[READ], &[READ, some]);
        assert!(gained.gained.is_empty() && gained.loses_nothing(), "{resource}: {gained:?}");
        assert!(!gained.gains_nothing(), "{resource}");
        assert_eq!(between(&[READ, some], &[READ, some]), Access::default());
    }
    let all_but = |resource| [("Allow", "s3:*", ALL), ("Deny", "s3:*", resource)];
    assert!(!between(&[], &all_but("!b/*")).gains_nothing(), "a server may read the exception as it is meant");
    assert!(!between(&all_but("b/*"), &all_but("c/*")).gains_nothing());
}

#[test]
fn too_many_overlaps_to_tell_apart_leave_everything_open() {
    let many: Vec<_> = (0..20).map(|n| format!("*x{n}:*a*")).collect();
    let few: Vec<_> = (0..20).map(|n| format!("*a{n}*")).collect();
    let allows: Vec<_> = many.iter().map(|action| ("Allow", action.as_str(), ALL)).collect();
    let denies: Vec<_> = few.iter().map(|action| ("Deny", action.as_str(), ALL)).collect();
    assert!(!between(&[allows.as_slice(), &denies].concat(), &allows).gains_nothing());
}
