//! Many files, each about a cluster: one command, one summary, the worst exit code.

use serde_json::Value;

use super::harness::Folder;

const STATE: &str = r#"{"format": "attune.sim/1", "release": "5.1", "tenants": {"Root": {"users": {
    "admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "readonly"}, "bob": {}}}}}"#;

/// Three clusters: one as its file says, one that is not, one whose file has an error.
fn three() -> Folder {
    let folder = Folder::new();
    for (name, users) in [
        ("a", "[users.alice]\npolicy = \"readonly\"\n"),
        ("b", "[users.alice]\npolicy = \"readwrite\"\n"),
        ("c", "[users.alice]\npolcy = \"readwrite\"\n"),
    ] {
        let file = format!("[cluster]\nendpoints = [\"sim:{name}.json\"]\n{users}");
        folder.write(&format!("clusters/{name}.toml"), &file);
        folder.write(&format!("clusters/{name}.json"), STATE);
    }
    folder
}

fn state(folder: &Folder, name: &str) -> Value {
    serde_json::from_str(&folder.read(&format!("clusters/{name}.json"))).unwrap()
}

#[test]
fn a_directory_is_planned_in_one_go_and_the_worst_is_the_exit_code() {
    let folder = three();
    let run = folder.attune("plan --file clusters").exits(1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let summary = &lines[lines.iter().position(|line| *line == "== 3 files").unwrap() + 1..];
    assert_eq!(summary[0], "clusters/a.toml   exit 0   no changes");
    assert!(summary[1].starts_with("clusters/b.toml   exit 0   plan "), "{}", summary[1]);
    assert!(summary[1].ends_with(": 1 to move · 1 API call"), "{}", summary[1]);
    assert_eq!(
        summary[2],
        "clusters/c.toml   exit 1   error: clusters/c.toml has errors; the cluster was not contacted"
    );
    assert!(run.stderr.contains("unknown key `polcy`"), "{}", run.stderr);
    let heads: Vec<&&str> = lines.iter().filter(|line| line.starts_with("== clusters/")).collect();
    assert_eq!(heads, [&"== clusters/a.toml", &"== clusters/b.toml", &"== clusters/c.toml"]);
    folder.attune("plan --file clusters/a.toml --file clusters/b.toml --detailed-exitcode").exits(2);
    folder.attune("plan -f clusters/a.toml").exits(0).says("no changes");
    // The same again, whatever came first.
    assert_eq!(folder.attune("plan --file clusters").exits(1).stdout, run.stdout);
}

#[test]
fn json_of_many_files_is_one_document_with_a_digest_for_each() {
    let folder = three();
    let output = folder.attune("plan --file clusters --format json").exits(1).json();
    assert_eq!((output["format"].as_str(), output["exit"].as_u64()), (Some("attune.many/1"), Some(1)));
    let runs = output["runs"].as_array().unwrap();
    let kinds: Vec<_> = runs.iter().map(|run| run["result"]["format"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["attune.plan/1", "attune.plan/1", "attune.findings/1"]);
    assert_ne!(runs[0]["result"]["digest"], runs[1]["result"]["digest"]);
    for (run, alone) in runs.iter().zip(["a", "b"]) {
        let alone = folder.attune(&format!("plan --file clusters/{alone}.toml --format json")).exits(0).json();
        assert_eq!(run["result"], alone);
    }
    let valid = folder.attune("validate --file clusters --format json").exits(1).json();
    assert_eq!(valid["runs"][2]["exit"], 1);
    folder.attune("doctor --file clusters/a.toml --file clusters/b.toml --format json").exits(0);
}

#[test]
fn each_cluster_runs_only_the_plan_that_was_approved_for_it() {
    let folder = three();
    folder.write("clusters/c.toml", "[cluster]\nendpoints = [\"sim:c.json\"]\n[users.alice]\ndetached = true\n");
    let digest = |name: &str| {
        let plan = folder.attune(&format!("plan --file clusters/{name}.toml --format json")).exits(0).json();
        plan["digest"].as_str().unwrap().to_owned()
    };
    let (a, b) = (digest("a"), digest("b"));
    let before = state(&folder, "c");
    let run = folder.attune(&format!("apply --file clusters --approved {a} --approved {b}")).exits(4);
    assert!(
        run.stdout.contains("clusters/b.toml   exit 0   1 API call: 1 done · matches the configuration"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("clusters/c.toml   exit 4   plan "), "{}", run.stdout);
    assert_eq!(state(&folder, "b")["tenants"]["Root"]["users"]["alice"]["policy"], "readwrite");
    assert_eq!(state(&folder, "c"), before);
    folder.attune("apply --file clusters --yes").exits(0);
    folder.attune("plan --file clusters --detailed-exitcode").exits(0);
}

#[test]
fn options_for_one_file_or_one_cluster_are_refused_with_many() {
    let folder = three();
    for (args, why) in [
        ("import --file clusters", "takes one file, but 3 are given"),
        ("plan --file clusters --cluster sim:clusters/a.json", "`--cluster` names one cluster"),
        ("plan --file clusters/a.toml --file clusters/b.toml --out p.json", "`--out` takes one configuration"),
        ("plan --file empty", "there is no configuration in the directory empty"),
        ("validate --file clusters --format sarif --cluster sim:a.json", "so it has no `--cluster`"),
    ] {
        std::fs::create_dir_all(folder.path("empty")).unwrap();
        let run = folder.attune(args).exits(1);
        assert!(run.stderr.contains(why), "{args}: {}", run.stderr);
    }
    folder.write("clusters/c.toml", "[cluster]\nendpoints = [\"sim:c.json\"]\n[users.alice]\ndetached = true\n");
    let drift = folder.attune("drift --file clusters").exits(2);
    assert!(drift.stdout.contains("clusters/a.toml   exit 0   no drift"), "{}", drift.stdout);
    let refused = folder.attune("drift --file clusters --since s.json").exits(1);
    assert!(refused.stderr.contains("`--since` takes one configuration"), "{}", refused.stderr);
    // A directory with one file is that file.
    folder.write("one/weka01/attune.toml", "[cluster]\nendpoints = [\"sim:../../clusters/a.json\"]\n");
    assert!(!folder.attune("plan --file one").exits(0).stdout.contains("=="));
}
