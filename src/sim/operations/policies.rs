//! Policies: list, show, add, remove. No release has a call that updates a policy.

use serde_json::{Map, Value};

use super::{Caller, Refusal};
use crate::sim::check::texts;
use crate::sim::document::StoredDocument;
use crate::sim::state::{ClusterState, Policy};
use crate::sim::switches::{AddOver, CommaInName, ListDuplicates, RemoveAttached};

pub(crate) fn list(state: &ClusterState, caller: &Caller) -> Result<Vec<String>, Refusal> {
    let tenant = caller.require_s3_reader(state)?;
    let mut names: Vec<String> = state.predefined.keys().chain(tenant.policies.keys()).cloned().collect();
    if state.switches.lists == ListDuplicates::PoliciesTwice {
        names.extend(tenant.policies.keys().cloned());
    }
    names.sort();
    Ok(names)
}

pub(crate) fn show(state: &ClusterState, caller: &Caller, name: &str) -> Result<StoredDocument, Refusal> {
    let own = caller.require_s3_reader(state)?.policies.get(name).map(|policy| &policy.document);
    own.or_else(|| state.predefined.get(name)).cloned().ok_or_else(|| missing(name))
}

pub(crate) fn add(
    state: &mut ClusterState,
    caller: &Caller,
    name: &str,
    document: StoredDocument,
) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    // The allowed characters of a name are unknown; an empty name could never be shown or removed.
    if name.is_empty() {
        return Err(Refusal::param("policy_name", "the policy name is empty"));
    }
    if name.contains(',') && state.switches.comma == CommaInName::List {
        return Err(Refusal::param("policy_name", "the policy name has a comma"));
    }
    if state.predefined.contains_key(name) {
        return Err(Refusal::param("policy_name", format!("Policy \"{name}\" is predefined and cannot be changed")));
    }
    check_document(&document, state.limits.document_bytes)?;
    let (limit, predefined, add_over) = (state.limits.policies, state.predefined.len(), state.switches.add_over);
    let policies = &mut caller.tenant_mut(state)?.policies;
    match (policies.contains_key(name), add_over) {
        (true, AddOver::Refuse) => {
            return Err(Refusal::param("policy_name", format!("Policy \"{name}\" already exists")));
        }
        (false, AddOver::Refuse | AddOver::Overwrite) if policies.len() + predefined >= limit => {
            return Err(Refusal::invalid(format!("The maximum number of policies ({limit}) is reached")));
        }
        (false, AddOver::Refuse | AddOver::Overwrite) | (true, AddOver::Overwrite) => {}
    }
    policies.insert(name.to_owned(), Policy { document });
    Ok(())
}

/// Removes a policy. Where the switch allows it for an attached policy, the name stays attached or is taken from the users: how
/// a real cluster treats them is unknown.
pub(crate) fn remove(state: &mut ClusterState, caller: &Caller, name: &str) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    if state.predefined.contains_key(name) {
        return Err(Refusal::param("policy", format!("Policy \"{name}\" is predefined and cannot be removed")));
    }
    let (rule, comma) = (state.switches.remove_attached, state.switches.comma);
    let groups = state.behaviour().groups;
    let tenant = caller.tenant_mut(state)?;
    if !tenant.policies.contains_key(name) {
        return Err(missing(name));
    }
    let has = |attached: &str| comma.names(attached).contains(&name);
    let mut users = tenant.users.iter().filter(|(_, user)| user.policy.as_deref().is_some_and(has));
    if let (RemoveAttached::Refuse, Some((attached_user, _))) = (rule, users.next()) {
        return Err(Refusal::param("policy", format!("Policy \"{name}\" is attached to user \"{attached_user}\"")));
    }
    // Groups in a state file count only on releases that have groups.
    let mut attached_groups = tenant.groups.iter().filter(|(_, held)| groups && held.as_deref().is_some_and(has));
    if let (RemoveAttached::Refuse, Some((group, _))) = (rule, attached_groups.next()) {
        return Err(Refusal::param("policy", format!("Policy \"{name}\" is attached to group \"{group}\"")));
    }
    tenant.policies.remove(name);
    if rule == RemoveAttached::Detaches {
        let users = tenant.users.values_mut().map(|user| &mut user.policy);
        for attached in users.chain(tenant.groups.values_mut()) {
            let rest = attached.as_deref().map(|attached| {
                comma.names(attached).into_iter().filter(|part| *part != name).collect::<Vec<_>>().join(",")
            });
            *attached = rest.filter(|rest| !rest.is_empty());
        }
    }
    Ok(())
}

/// Requires the policies that a name in an attach stands for.
pub(super) fn require_policies(state: &ClusterState, caller: &Caller, attached: &str) -> Result<(), Refusal> {
    let own = &caller.tenant(state)?.policies;
    let exists = |name: &str| own.contains_key(name) || state.predefined.contains_key(name);
    let names = state.switches.comma.names(attached);
    match names.iter().find(|name| !exists(name)) {
        Some(name) => Err(missing(name)),
        None if names.is_empty() => Err(missing(attached)),
        None => Ok(()),
    }
}

/// The definitions have 400 and 401 for these calls and no 404, so a missing policy is a 400.
fn missing(name: &str) -> Refusal {
    Refusal::param("policy", format!("Policy \"{name}\" does not exist"))
}

/// The only version of a document. Assumed: it is optional.
const VERSION: &str = "2012-10-17";

/// Requires a document that a cluster accepts.
///
/// How strictly a real cluster checks is unknown. These checks follow from the documentation and from the code that its S3
/// descends from. Actions, conditions and further members are not checked.
pub(crate) fn check_document(document: &StoredDocument, limit: usize) -> Result<(), Refusal> {
    let size = document.as_str().len();
    if size > limit {
        return Err(invalid_document(&format!("the policy is {size} bytes long; at most {limit} are allowed")));
    }
    let value = serde_json::from_str(document.as_str()).map_err(|error| invalid_document(&error.to_string()))?;
    let Value::Object(policy) = value else { return Err(invalid_document("the policy is not an object")) };
    if policy.get("Version").is_some_and(|version| version != VERSION) {
        return Err(invalid_document(&format!("Version must be \"{VERSION}\"")));
    }
    // AWS allows a single statement without brackets; the code that WEKA's S3 descends from does not.
    match policy.get("Statement").and_then(Value::as_array) {
        None => Err(invalid_document("Statement must be an array")),
        Some(statements) if statements.is_empty() => Err(invalid_document("Statement is empty")),
        Some(statements) => statements.iter().try_for_each(check_statement),
    }
}

fn check_statement(value: &Value) -> Result<(), Refusal> {
    let Value::Object(statement) = value else { return Err(invalid_document("a statement is not an object")) };
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(invalid_document("Effect must be \"Allow\" or \"Deny\""));
    }
    strings(statement, "Action", "NotAction")?;
    for resource in strings(statement, "Resource", "NotResource")? {
        if resource != "*" && !resource.starts_with("arn:aws:s3:::") {
            return Err(invalid_document(&format!("the resource \"{resource}\" does not begin with arn:aws:s3:::")));
        }
    }
    Ok(())
}

/// The strings under one of two names: a string, or an array of at least one.
fn strings<'v>(statement: &'v Map<String, Value>, name: &str, negated: &str) -> Result<Vec<&'v str>, Refusal> {
    let value = statement.get(name).or_else(|| statement.get(negated)).unwrap_or(&Value::Null);
    let strings = texts(value);
    if value.as_array().is_some_and(|items| items.len() > strings.len()) {
        return Err(invalid_document(&format!("{name} holds something that is not a string")));
    }
    if strings.is_empty() { Err(invalid_document(&format!("a statement has no {name}"))) } else { Ok(strings) }
}

fn invalid_document(why: &str) -> Refusal {
    Refusal::param("policy_file_content", format!("Invalid policy: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::testing::{POLICY, admin, cluster, policy};

    fn refused(result: Result<(), Refusal>, part: &str) {
        let message = result.unwrap_err().message();
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn a_policy_is_added_listed_shown_and_removed() {
        let mut state = cluster("5.1");
        add(&mut state, &admin(), "etl", policy()).unwrap();
        assert_eq!(list(&state, &admin()).unwrap(), ["etl", "ml", "readonly", "readwrite", "writeonly"]);
        assert_eq!(show(&state, &admin(), "etl").unwrap().as_str(), POLICY);
        remove(&mut state, &admin(), "etl").unwrap();
        assert!(show(&state, &admin(), "etl").unwrap_err().message().contains("does not exist"));
        refused(remove(&mut state, &admin(), "etl"), "does not exist");
        refused(remove(&mut state, &admin(), "ML"), "does not exist");
    }

    #[test]
    fn predefined_policies_differ_by_release_and_cannot_be_changed() {
        let mut state = cluster("4.4");
        assert!(!show(&state, &admin(), "readonly").unwrap().as_str().contains("ListBucket"));
        assert!(show(&cluster("5.1"), &admin(), "readonly").unwrap().as_str().contains("ListBucket"));
        refused(add(&mut state, &admin(), "readonly", policy()), "predefined");
        refused(remove(&mut state, &admin(), "readonly"), "predefined");
    }

    #[test]
    fn adding_over_a_name_follows_the_switch() {
        let mut state = cluster("5.1");
        refused(add(&mut state, &admin(), "ml", policy()), "already exists");
        state.switches.add_over = AddOver::Overwrite;
        let other = StoredDocument::parse(&POLICY.replace("Allow", "Deny")).unwrap();
        add(&mut state, &admin(), "ml", other.clone()).unwrap();
        assert_eq!(show(&state, &admin(), "ml").unwrap(), other);
    }

    #[test]
    fn removing_an_attached_policy_follows_the_switch() {
        let mut state = cluster("5.1");
        refused(remove(&mut state, &admin(), "ml"), "attached to user \"alice\"");
        state.switches.remove_attached = RemoveAttached::Allow;
        remove(&mut state, &admin(), "ml").unwrap();
        assert_eq!(state.tenants["Root"].users["alice"].policy.as_deref(), Some("ml"));
    }

    #[test]
    fn the_limit_counts_the_predefined_ones() {
        let mut state = cluster("5.1");
        state.limits.policies = 5;
        add(&mut state, &admin(), "one", policy()).unwrap();
        refused(add(&mut state, &admin(), "two", policy()), "maximum number");
    }

    #[test]
    fn readers_change_nothing_and_a_deleted_s3_answers_nothing() {
        let mut state = cluster("5.1");
        let eve = Caller::log_in(&state, "Root", "eve", "Evening-1").unwrap();
        list(&state, &eve).unwrap();
        assert!(matches!(add(&mut state, &eve, "x", policy()), Err(Refusal::Forbidden(_))));
        let alice = Caller::log_in(&state, "Root", "alice", "Alices-1").unwrap();
        assert!(matches!(list(&state, &alice), Err(Refusal::Forbidden(_))));
        state.s3_deleted = true;
        refused(list(&state, &admin()).map(|_| ()), "not configured");
        refused(add(&mut state, &admin(), "x", policy()), "not configured");
    }

    #[test]
    fn tenants_do_not_see_each_other() {
        let state = cluster("5.1");
        let boss = Caller::log_in(&state, "lab", "boss", "Boss-1234").unwrap();
        assert_eq!(list(&state, &boss).unwrap().len(), 3);
        assert!(show(&state, &boss, "ml").is_err());
    }

    fn verdict(text: &str) -> Result<(), String> {
        check_document(&StoredDocument::parse(text).unwrap(), 2048).map_err(|refusal| refusal.message())
    }

    #[test]
    fn predefined_and_plain_documents_pass() {
        for release in ["3.14", "5.1"] {
            for (_, text) in release.parse::<crate::sim::SimRelease>().unwrap().behaviour().predefined {
                verdict(text).unwrap();
            }
        }
        verdict(POLICY).unwrap();
        verdict(r#"{"Statement":[{"Effect":"Deny","NotAction":["s3:*"],"Resource":"*","Sid":"","Condition":{}}]}"#)
            .unwrap();
    }

    #[test]
    fn invalid_documents_are_refused() {
        for (text, part) in [
            ("[]", "not an object"),
            ("{}", "Statement must be an array"),
            (r#"{"Statement":[]}"#, "Statement is empty"),
            (r#"{"Statement":{"Effect":"Allow"}}"#, "must be an array"),
            (r#"{"Version":"2008-10-17","Statement":[1]}"#, "Version"),
            (r#"{"Statement":[1]}"#, "not an object"),
            (r#"{"Statement":[{"Effect":"allow","Action":"s3:*","Resource":"*"}]}"#, "Effect"),
            (r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#, "no Action"),
            (r#"{"Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]}"#, "no Action"),
            (r#"{"Statement":[{"Effect":"Allow","Action":[1],"Resource":"*"}]}"#, "not a string"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"s3:*"}]}"#, "no Resource"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}]}"#, "arn:aws:s3:::"),
        ] {
            let error = verdict(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_size_is_that_of_the_minified_text() {
        let document = StoredDocument::parse(&POLICY.replace(',', ",\n   ")).unwrap();
        assert!(check_document(&document, POLICY.len()).is_ok());
        assert!(check_document(&document, POLICY.len() - 1).unwrap_err().message().contains("bytes long"));
    }
}
