//! `attached_to`, the short form of `[users]`, and combined policies: from the plan to drift and rollback.

use serde_json::json;

use crate::harness::Folder;

const CLUSTER: &str = r#"{"tenants": {"Root": {"users": {"admin": {"role": "ClusterAdmin", "password": "admin"},
    "alice": {}, "bob": {"policy": "readonly"}, "carol": {}}}}}"#;

const POLICY: &str = "\
[[policies.ml.statement]]
effect = \"Allow\"
action = \"s3:GetObject\"
resource = \"arn:aws:s3:::models/*\"
";

const HEAD: &str = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[credentials]\nfile = true\ndir = \"secrets\"\n[ownership]\nusers = [\"*\"]\n";

fn listed() -> String {
    format!("{HEAD}[policies.ml]\nattached_to = [\"alice\", \"bob\"]\n{POLICY}[users]\ncarol = \"ml\"\n")
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn users_of_a_list_are_declared_like_others() {
    let folder = Folder::with(&[("cluster.json", CLUSTER), ("attune.toml", &listed())]);
    folder.attune("plan --detailed-exitcode").exits(2).says("user alice").says("attach ml").says("readonly → ml");
    folder.attune("apply --yes").exits(0);
    folder.attune("plan --detailed-exitcode").exits(0).says("1 policy and 3 users");
    let rollback = std::fs::read_dir(folder.path(".attune")).unwrap().flatten().find_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name.starts_with("before-") && name.ends_with(".toml")).then_some(name)
    });
    let rollback = folder.read(&format!(".attune/{}", rollback.unwrap()));
    assert!(
        rollback.contains("\nbob = \"readonly\"\n") && rollback.contains("[users.alice]\ndetached = true\n"),
        "{rollback}"
    );

    folder.drift(|tenant| tenant["users"]["alice"]["policy"] = json!("readwrite"));
    folder.attune("drift --since known.json").exits(2).says("user alice").says("has readwrite, should have ml");
    folder.attune("drift --since known.json").exits(0).says("known");
    folder.attune("access alice").exits(0).says("ml");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn another_form_of_the_same_declarations_is_no_change() {
    let folder = Folder::with(&[("cluster.json", CLUSTER), ("before.toml", &listed())]);
    folder.attune("apply --yes --file before.toml").exits(0);
    let tables = "[users.alice]\npolicy = \"ml\"\n[users.bob]\npolicy = \"ml\"\n[users.carol]\npolicy = \"ml\"\n";
    for users in ["[users]\nalice = \"ml\"\nbob = \"ml\"\ncarol = \"ml\"\n", tables] {
        folder.write("attune.toml", &format!("{HEAD}{POLICY}{users}"));
        let run = folder.attune("plan --base ./before.toml --detailed-exitcode").exits(0);
        assert!(!run.stdout.contains("no longer declared"), "{}", run.stdout);
    }
    folder.write("attune.toml", &format!("{HEAD}{POLICY}[users]\nbob = \"ml\"\ncarol = \"ml\"\n"));
    folder
        .attune("plan --base ./before.toml --detailed-exitcode")
        .exits(2)
        .says("no longer declared")
        .says("user alice");
}

const PARTS: &str = "\
[policies.bio]
abstract = true
[[policies.bio.statement]]
sid = \"Read\"
effect = \"Allow\"
action = \"s3:GetObject\"
resource = \"arn:aws:s3:::genomes/*\"
[policies.both]
combine = [\"ml\", \"bio\"]
";

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_combined_policy_has_the_statements_of_its_parts_and_the_plan_says_whose() {
    let config = format!("{HEAD}{POLICY}{PARTS}[users]\nalice = \"both\"\nbob = \"readonly\"\n");
    let folder = Folder::with(&[("cluster.json", CLUSTER), ("attune.toml", &config)]);
    let plan = folder.attune("plan").exits(0).says("Read (from bio)").says("statement 1 (from ml)");
    plan.says("s3:GetObject on genomes/* (from bio)").says("s3:GetObject on models/* (from ml)");
    folder.attune("plan --format markdown").exits(0).says("@@ Read (from bio) @@").says("(from ml)");
    assert!(folder.attune("plan --format html").exits(0).stdout.contains("Read (from bio)"));
    let plan = folder.attune("plan --format json").exits(0).json();
    let changes = plan["changes"].as_array().unwrap();
    let both = changes.iter().find(|change| change["id"] == "policy/both").unwrap();
    assert_eq!(both["combined_from"], json!([["ml"], ["bio"]]), "{both:#}");
    assert!(changes.iter().all(|change| change["id"] != "policy/bio"), "an abstract policy is not planned");
    folder.attune("apply --yes").exits(0);
    let state = folder.state();
    let statements = state["tenants"]["Root"]["policies"]["both"]["document"]["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 2);
    assert!(state["tenants"]["Root"]["policies"].get("bio").is_none());
    folder.attune("plan --detailed-exitcode").exits(0);
    // The access of a user whose policy did not change comes from nowhere new.
    folder.write("attune.toml", &config.replace("genomes/*", "genomes/raw/*"));
    folder.attune("plan").exits(0).says("± policy both").says("Read (from bio)");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_abstract_policy_that_the_cluster_has_is_unmanaged_or_owned() {
    let config = format!("{HEAD}{POLICY}{PARTS}[users]\nalice = \"both\"\nbob = \"readonly\"\n");
    let folder = Folder::with(&[("cluster.json", CLUSTER), ("attune.toml", &config)]);
    folder.attune("apply --yes").exits(0);
    folder.drift(|tenant| tenant["policies"]["bio"] = tenant["policies"]["ml"].clone());
    let plan = folder.attune("plan --detailed-exitcode").exits(0);
    plan.says("unmanaged: 1 policy");
    folder.write("attune.toml", &config.replace("[ownership]\n", "[ownership]\npolicies = [\"b*\"]\n"));
    folder.attune("plan --detailed-exitcode").exits(2).says("- policy bio");
    folder.attune("apply --yes").exits(0);
    assert!(folder.tenant()["policies"].get("bio").is_none());
}

#[test]
fn findings_in_a_combined_policy_name_the_place_of_the_statement() {
    let wall = "\
[[policies.wall.statement]]
effect = \"Deny\"
action = \"s3:*\"
resource = [\"arn:aws:s3:::*\"]
";
    let config = format!("{wall}{POLICY}[policies.all]\ncombine = [\"ml\", \"wall\"]\n");
    let folder = Folder::with(&[("attune.toml", &config)]);
    folder.attune("validate").exits(0).says("found in this combined policy");
    // A problem of one part is reported once, at that part.
    folder.write("attune.toml", &config.replace("s3:GetObject", "s3:GetObjct"));
    let findings = folder.attune("validate --format json").json()["findings"].as_array().unwrap().clone();
    let of_action = findings.iter().filter(|finding| finding["message"].as_str().unwrap().contains("s3:GetObjct"));
    assert_eq!(of_action.count(), 1, "{findings:#?}");
}

#[test]
fn the_limits_of_combined_policies_are_checked() {
    let statement = |name: &str, number: usize| {
        let resources: Vec<String> =
            (0..30).map(|at| format!("\"arn:aws:s3:::bucket-of-{name}-{number}-{at}/*\"")).collect();
        let list = resources.join(", ");
        format!("[[policies.{name}.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nresource = [{list}]\n")
    };
    let config = format!("{}{}[policies.both]\ncombine = [\"a\", \"b\"]\n", statement("a", 0), statement("b", 0));
    let folder = Folder::with(&[("attune.toml", &config)]);
    // Each is small enough, and both are not.
    let run = folder.attune("validate").exits(1).says("found in this combined policy").says("a cluster accepts 2048");
    assert_eq!(run.stdout.matches("error[").count(), 1, "{}", run.stdout);

    let chain = |length: usize| -> String {
        let link = |at: usize| format!("[policies.p{at:02}]\ncombine = [\"p{:02}\"]\n", at + 1);
        (0..length).map(link).collect::<String>() + &POLICY.replace("ml.", &format!("p{length:02}."))
    };
    folder.write("attune.toml", &chain(16));
    folder.attune("validate").exits(0);
    folder.write("attune.toml", &chain(17));
    folder.attune("validate").exits(1).says("combinations are nested deeper than 16");
}
