//! `attune plan --base`: drift apart from proposed changes, and errors that prevent the comparison.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Folder, Run, allowing};

/// The desired state that was agreed on.
pub(crate) const AGREED: &str = r#"include = ["teams/*.toml"]

[cluster]
endpoints = ["sim:cluster.json"]

[ownership]
users = ["svc-*"]

[policies.ml]
document = "policies/ml.json"

[users.alice]
policy = "ml"
"#;

const TEAM: &str = "[users.bob]\npolicy = \"readonly\"\n";

pub(crate) fn document(action: &str) -> String {
    allowing(action, "arn:aws:s3:::models/*").to_string()
}

/// A repository with the agreed state in a folder of it, and a cluster that is as that says.
pub(crate) fn repository() -> Folder {
    let folder = Folder::with(&[
        ("live/attune.toml", AGREED),
        ("live/teams/b.toml", TEAM),
        ("live/policies/ml.json", &document("s3:GetObject")),
        (".gitignore", "*.lock\n"),
    ]);
    let policy: Value = serde_json::from_str(&document("s3:GetObject")).unwrap();
    let state = json!({"format": "attune.sim/1", "tenants": {"Root": {
        "users": {"admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "ml"},
            "bob": {"policy": "readonly"}, "svc-new": {}},
        "policies": {"ml": {"document": policy}}}}});
    folder.write("live/cluster.json", &state.to_string());
    git(&folder, &["init", "-q", "-b", "main"]);
    commit(&folder);
    folder
}

pub(crate) fn git(folder: &Folder, args: &[&str]) -> String {
    let who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(who).args(args).current_dir(folder.path("")).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn commit(folder: &Folder) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "state"]);
}

pub(crate) fn plan(folder: &Folder, args: &str) -> Run {
    with_git(folder, &format!("plan --file live/attune.toml {args}"))
}

/// Runs attune with git on its path.
pub(crate) fn with_git(folder: &Folder, args: &str) -> Run {
    let path = std::env::var("PATH").unwrap();
    folder.attune_with(args, &[("PATH", &path)])
}

/// Someone changes the cluster by other means.
fn drift(folder: &Folder) {
    let mut state: Value = serde_json::from_str(&folder.read("live/cluster.json")).unwrap();
    state["tenants"]["Root"]["users"]["svc-new"]["policy"] = json!("readwrite");
    folder.write("live/cluster.json", &state.to_string());
}

/// Someone proposes another document, and another policy for bob.
fn propose(folder: &Folder) {
    folder.write("live/policies/ml.json", &document("s3:PutObject"));
    folder.write("live/teams/b.toml", "[users.bob]\npolicy = \"ml\"\n");
}

fn ids(plan: &Value, section: &str) -> Vec<String> {
    let changes = plan["base"][section].as_array().unwrap();
    changes.iter().map(|change| change["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn drift_and_proposed_changes_are_shown_apart_and_the_digest_covers_both() {
    let folder = repository();
    drift(&folder);
    propose(&folder);
    let before = git(&folder, &["status", "--porcelain=v2", "-z"]);
    let run = plan(&folder, "--base main --format json").exits(0);
    let both = run.json();
    assert_eq!(both["base"]["revision"], "main");
    assert_eq!(ids(&both, "drift"), ["user/svc-new"]);
    assert_eq!(ids(&both, "proposed"), ["policy/ml", "user/bob"]);
    let comment = plan(&folder, "--base main --format markdown").exits(0);
    for part in ["**Drift, to make the cluster match `main`: ", "**Proposed, compared with `main`: "] {
        assert!(comment.stdout.contains(part), "{}", comment.stdout);
    }
    plan(&folder, "--base main --format html").exits(0).says("Drift and proposed").says("Proposed: compared with");
    let text = plan(&folder, "--base main").exits(0);
    for part in [
        "drift: 1 change, to make the cluster match main\n  - user svc-new   detach readwrite\n",
        "proposed: 2 changes, compared with main\n",
        "  ± policy ml   new document, attached to 1 user\n  > user bob    readonly → ml\n",
        "plan: drift and proposed changes\n\ncluster ",
    ] {
        assert!(text.stdout.contains(part), "{part:?} is not in {}", text.stdout);
    }
    let mut alone = plan(&folder, "--format json").exits(0).json();
    assert!(alone.get("base").is_none());
    alone["base"] = both["base"].clone();
    assert_eq!(alone, both, "the base changes nothing but what is said about it");
    assert!(text.stdout.ends_with(&plan(&folder, "").exits(0).stdout));
    plan(&folder, "--base main --out plan.json").exits(0);
    assert_eq!(serde_json::from_str::<Value>(&folder.read("plan.json")).unwrap(), both);
    std::fs::remove_file(folder.path("plan.json")).unwrap();
    assert_eq!(
        git(&folder, &["status", "--porcelain=v2", "-z"]),
        before,
        "the work tree and the index stay as they are"
    );
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_base_whose_files_are_not_all_in_the_clone_is_refused() {
    let folder = repository();
    propose(&folder);
    // A clone with a filter has only the files that were checked out.
    for path in ["live/attune.toml", "live/teams/b.toml", "live/policies/ml.json"] {
        let id = git(&folder, &["rev-parse", &format!("main:{path}")]);
        let object = folder.path(&format!(".git/objects/{}/{}", &id[..2], id[2..].trim()));
        let content = std::fs::read(&object).unwrap();
        std::fs::remove_file(&object).unwrap();
        let run = plan(&folder, "--base main").exits(1);
        run.warns(&format!("this clone lacks the file `{path}` of `main`")).warns("git fetch --refetch --no-filter");
        std::fs::write(&object, content).unwrap();
    }
    plan(&folder, "--base main").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_unchanged_configuration_proposes_nothing_and_a_matching_cluster_has_no_drift() {
    let folder = repository();
    plan(&folder, "--base HEAD")
        .exits(0)
        .says("drift: none, the cluster matches HEAD")
        .says("proposed: none, the configuration is the same as in HEAD")
        .says("no changes: ");
    drift(&folder);
    let drifted = plan(&folder, "--base HEAD --format json").exits(0).json();
    assert_eq!((ids(&drifted, "drift").len(), ids(&drifted, "proposed").len()), (1, 0));
    let folder = repository();
    propose(&folder);
    let proposed = plan(&folder, "--base HEAD --format json").exits(0).json();
    assert_eq!((ids(&proposed, "drift").len(), ids(&proposed, "proposed").len()), (0, 2));
    assert_eq!(proposed["base"]["proposed"], proposed["changes"]);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_base_may_be_a_file_and_no_file_takes_the_place_of_a_revision() {
    let folder = repository();
    propose(&folder);
    folder.write("live/before.toml", &AGREED.replace("teams/*", "agreed"));
    folder.write("live/agreed.toml", TEAM);
    let output = plan(&folder, "--base live/before.toml --format json").exits(0).json();
    // Both name the document that is proposed.
    assert_eq!(
        (ids(&output, "drift"), ids(&output, "proposed")),
        (vec!["policy/ml".to_owned()], vec!["user/bob".to_owned()])
    );
    let cluster = "[cluster]\nendpoints = [\"sim:live/cluster.json\"]\n";
    folder.write("main", &format!("{cluster}[users.alice]\ndetached = true\n"));
    assert_eq!(ids(&plan(&folder, "--base main --format json").exits(0).json(), "proposed").len(), 2);
    let output = plan(&folder, "--base ./main --format json").exits(0).json();
    assert_eq!(ids(&output, "drift"), ["user/alice"]);
    plan(&folder, "--base ./nowhere").exits(1).warns("cannot read the base ./nowhere");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn everything_is_proposed_if_the_file_is_missing_in_the_base() {
    let folder = repository();
    git(&folder, &["mv", "live/attune.toml", "live/moved.toml"]);
    commit(&folder);
    git(&folder, &["mv", "live/moved.toml", "live/attune.toml"]);
    propose(&folder);
    // No setting of a proposal is trusted, so the command line must name the cluster.
    let nowhere = plan(&folder, "--base HEAD --format json").exits(1).warns("no trusted settings name the cluster");
    assert_eq!(nowhere.codes(), ["no-trusted-settings"]);
    let by_hand = "--base HEAD --cluster sim:live/cluster.json --format json";
    let run = plan(&folder, by_hand).exits(0).warns("the configuration does not exist at HEAD");
    let output = run.json();
    assert_eq!(ids(&output, "drift"), Vec::<String>::new());
    assert_eq!(output["base"]["proposed"], output["changes"]);
    assert!(run.codes().contains(&"base-without-file".to_owned()), "{:?}", run.codes());
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_unusable_base_is_reported_and_the_whole_plan_is_shown() {
    let folder = repository();
    let whole = plan(&folder, "").exits(0).stdout;
    folder.write("live/attune.toml", &format!("{AGREED}[users.nobody]\npolicy = \"readonly\"\n"));
    commit(&folder);
    folder.write("live/attune.toml", AGREED);
    let run = plan(&folder, "--base main").exits(0).warns("drift and proposed changes are not separated");
    assert!(run.stdout.ends_with(&whole), "{}", run.stdout);
    run.says("user nobody   keeps readonly, unmanaged").warns("user `nobody` does not exist");
    let machine = plan(&folder, "--base main --format json").exits(0).json();
    assert!(machine.get("base").is_none());
    assert_eq!(machine["findings"][0]["code"], "base-not-planned");
    assert_eq!(machine["review"]["undeclared"][0]["id"], "user/nobody");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_settings_of_a_base_with_errors_are_not_trusted() {
    for (name, text, why) in [
        ("live/policies/ml.json", "no JSON", "main has errors"),
        ("live/attune.toml", "[users.alice]\n[users.bob]\n", "(and 1 more)"),
        ("live/attune.toml", "[policies.ml]\ndocument = \"gone.json\"\n", "the policy document main:live/gone.json"),
        ("live/attune.toml", "[guards]\nmax_removal = 3\n", "unknown key `max_removal`"),
    ] {
        let folder = repository();
        let kept = folder.read(name);
        folder.write(name, text);
        commit(&folder);
        folder.write(name, &kept);
        let run = plan(&folder, "--base main --format json").exits(1).warns(why).warns("an earlier revision");
        assert_eq!(run.codes(), ["no-base"]);
        plan(&folder, "--base main~1").exits(0);
    }
}

#[test]
fn an_unusable_revision_is_reported() {
    let folder = repository();
    plan(&folder, "--base nowhere").exits(1).warns("there is no revision `nowhere`").warns("fetch it first");
    plan(&folder, "--base=-x").exits(1).warns("there is no revision `-x`");
    plan(&folder, "--base main:live/attune.toml").exits(1).warns("there is no revision");
    folder.attune("plan --file live/attune.toml --base main").exits(1).warns("git cannot be run").warns("PATH");
    let run = plan(&folder, "--base nowhere --format json").exits(1);
    assert_eq!(run.codes(), ["no-base"]);
    // A repository of someone else is not trusted by git, and is no missing one.
    let other = [("PATH", &*std::env::var("PATH").unwrap()), ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")]
        .map(|(name, value)| (name, value.to_owned()));
    let other: Vec<(&str, &str)> = other.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run =
        folder.attune_with("plan --file live/attune.toml --base main", &other).exits(1).warns("dubious ownership");
    assert!(!run.stderr.contains("not in a Git repository"), "{}", run.stderr);
    let outside = Folder::example("quickstart");
    let path = std::env::var("PATH").unwrap();
    outside.attune_with("plan --base main", &[("PATH", &path)]).exits(1).warns("is not in a Git repository");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_base_is_read_in_a_hook_and_from_a_link_as_well() {
    let folder = repository();
    propose(&folder);
    let path = std::env::var("PATH").unwrap();
    let hook = [("PATH", path.as_str()), ("GIT_DIR", "/nowhere"), ("GIT_INDEX_FILE", "/nowhere/index")];
    let run = folder.attune_with("plan --file live/attune.toml --base main --format json", &hook).exits(0);
    assert_eq!(ids(&run.json(), "proposed").len(), 2);
    let mut command = folder.command(["plan", "--base", "main", "--format", "json"]);
    let output = command.env("PATH", path).current_dir(folder.path("live")).output().unwrap();
    assert_eq!(ids(&Run::of("", &output).exits(0).json(), "proposed").len(), 2);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_rules_of_a_proposal_are_shown_and_those_of_the_base_hold() {
    let folder = repository();
    let rules = |of: &str| AGREED.replace("[cluster]\n", &format!("[cluster]\nrules = \"{of}\"\n"));
    folder.write("live/attune.toml", &rules("minio-2021"));
    commit(&folder);
    // By the rules of AWS, the document gives no bucket away.
    folder.write("live/attune.toml", &rules("aws"));
    folder.write("live/policies/ml.json", &document("s3:DeleteBucket"));
    let gained = |args: &str| -> Vec<Value> {
        let json = plan(&folder, &format!("--format json {args}")).json();
        json["changes"][0]["access"][0]["gained"].as_array().unwrap().clone()
    };
    assert_eq!(gained(""), [""; 0], "without a base, the rules of the configuration hold");
    let with_base = gained("--base HEAD");
    assert_eq!(with_base[0]["actions"], json!(["s3:DeleteBucket"]));
    let run = plan(&folder, "--base HEAD").exits(0);
    run.says("cluster.rules").says("\"minio-2021\"").says("\"aws\"").says("s3:DeleteBucket");
}
