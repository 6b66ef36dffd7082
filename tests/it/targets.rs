//! Targets: a configuration for several tenants, shards, and merged results.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::base::{commit, git};
use super::harness::{ADMIN, Folder, Run};
use super::served::Served;

const STATE: &str = r#"{"format": "attune.sim/1", "release": "5.1", "tenants": {
    "Root": {"users": {"admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "readonly"}}},
    "ml": {"users": {"admin": {"role": "TenantAdmin", "password": "admin"}, "alice": {}}},
    "bio": {"users": {"admin": {"role": "TenantAdmin", "password": "admin"}, "alice": {"policy": "readonly"}}}}}"#;

const ALICE: &str = "[users.alice]\npolicy = \"readwrite\"\n\n[credentials]\nfile = true\ndir = \"secrets\"\n";

/// Configurations of each kind: for all tenants, for two, for one, wrong, and of a cluster that is down.
fn fleet() -> Folder {
    let folder = Folder::new();
    for (name, cluster) in [
        ("all", "endpoints = [\"sim:all.json\"]\ntenants = [\"*\"]"),
        ("down", "endpoints = [\"https://127.0.0.1:1\"]\ntenants = [\"*\"]"),
        ("one", "endpoints = [\"sim:one.json\"]"),
        ("two", "endpoints = [\"sim:two.json\"]\ntenants = [\"ml\", \"bio\"]"),
        ("wrong", "endpoints = [\"sim:one.json\"]\ntenant = 1"),
    ] {
        folder.write(&format!("clusters/{name}.toml"), &format!("[cluster]\n{cluster}\n\n{ALICE}"));
        folder.write(&format!("clusters/{name}.json"), STATE);
    }
    folder
}

const IDS: [&str; 8] = [
    "clusters/all.toml@Root",
    "clusters/all.toml@bio",
    "clusters/all.toml@ml",
    "clusters/down.toml@*",
    "clusters/one.toml",
    "clusters/two.toml@ml",
    "clusters/two.toml@bio",
    "clusters/wrong.toml",
];

fn run(folder: &Folder, args: &str) -> Run {
    folder.attune_with(args, &ADMIN)
}

fn list(folder: &Folder) {
    let list = run(folder, "targets --file clusters --format json").exits(1);
    folder.write("targets.json", &list.stdout);
}

/// Runs a command in shards; each result is a file.
fn shards(folder: &Folder, command: &str, of: usize) {
    let _ = fs::remove_dir_all(folder.path("results"));
    fs::create_dir_all(folder.path("results")).unwrap();
    for number in 1..=of {
        let shard = format!("--targets targets.json --shard {number}/{of} --format json");
        let result = run(folder, &format!("{command} --file clusters {shard}"));
        folder.write(&format!("results/{number}.json"), &result.stdout);
    }
}

fn merge(folder: &Folder, of: usize, args: &str) -> Run {
    let files: Vec<String> = (1..=of).map(|number| format!("results/{number}.json")).collect();
    folder.attune(&format!("merge --targets targets.json {} {args}", files.join(" ")))
}

#[test]
fn each_tenant_is_a_target_and_one_that_fails_hides_no_other() {
    let folder = fleet();
    let listed = run(&folder, "targets --file clusters").exits(1);
    assert_eq!(listed.stdout.lines().collect::<Vec<_>>(), IDS);
    listed.warns("the tenants cannot be listed: POST /login: no connection to the cluster");
    assert_eq!(run(&folder, "targets").exits(1).warns("there is no configuration attune.toml").stdout, "");
    let plan = run(&folder, "plan --file clusters --retries 0").exits(1);
    for id in IDS {
        assert!(plan.stdout.contains(&format!("== {id}\n")), "{id}: {}", plan.stdout);
    }
    assert_eq!(plan.stdout.matches(": 1 to ").count(), 12, "six tenants have a plan: {}", plan.stdout);
    let json = run(&folder, "plan --file clusters --retries 0 --format json").exits(1).json();
    let tenants: Vec<&str> =
        json["runs"].as_array().unwrap().iter().filter_map(|run| run["result"]["cluster"]["tenant"].as_str()).collect();
    assert_eq!(tenants, ["Root", "bio", "ml", "Root", "ml", "bio"]);
    assert_eq!(json["runs"][1]["result"]["target"], IDS[1]);
    // One of them alone is still one of several.
    let one = run(&folder, "plan --file clusters --target clusters/two.toml@ml").exits(0);
    assert!(one.stdout.starts_with("== clusters/two.toml@ml\n"), "{}", one.stdout);
    run(&folder, "plan --file clusters --target clusters/two.toml@x")
        .exits(1)
        .warns("there is no target `clusters/two.toml@x`");
}

#[test]
fn a_command_for_one_tenant_needs_its_name_and_only_that_of_its_configuration() {
    let folder = fleet();
    run(&folder, "snapshot --file clusters/two.toml").exits(1).warns("for several tenants: ml, bio").warns("--tenant");
    let other = run(&folder, "snapshot --file clusters/two.toml --tenant Root").exits(1);
    other.warns("not for the tenant \"Root\", but for ml, bio");
    run(&folder, "snapshot --file clusters/two.toml --tenant bio").exits(0);
    let one = run(&folder, "plan --file clusters/two.toml --tenant bio").exits(0);
    assert!(one.stdout.starts_with("== clusters/two.toml@bio\n"), "{}", one.stdout);
    run(&folder, "plan --file clusters/two.toml --tenant Root").exits(1).warns("not for the tenant");
}

#[test]
fn users_of_the_same_name_in_two_tenants_do_not_share_a_file_for_their_secret() {
    let folder = fleet();
    let state = STATE.replace("\"alice\": {\"policy\": \"readonly\"}", "\"alice\": {}");
    folder.write("clusters/two.json", &state);
    run(&folder, "apply --file clusters/two.toml --yes").exits(0);
    for tenant in ["ml", "bio"] {
        let record: Value =
            serde_json::from_str(&folder.read(&format!("clusters/secrets/{tenant}/alice.json"))).unwrap();
        assert_eq!(record["tenant"], tenant);
    }
}

#[test]
fn merged_results_are_those_of_one_run_byte_for_byte() {
    let folder = fleet();
    list(&folder);
    for (command, formats) in [
        ("plan --retries 0", &["text", "json", "markdown", "html"][..]),
        ("drift --retries 0", &["text", "json", "markdown"]),
        ("report", &["text", "json"]),
        ("validate", &["text", "json"]),
        ("doctor --retries 0", &["text"]),
    ] {
        for of in [1, 3, 11] {
            shards(&folder, command, of);
            for format in formats {
                let whole = run(&folder, &format!("{command} --file clusters --format {format}"));
                let merged = merge(&folder, of, &format!("--format {format}"));
                let [merged_text, whole_text] = [&merged, &whole].map(|run| without_ports(&run.stdout));
                assert_eq!(merged_text, whole_text, "{command} in {of} parts as {format}");
                assert_eq!(merged.code, whole.code, "{command} in {of} parts as {format}");
            }
        }
    }
}

/// A doctor names the port of its simulated cluster.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("http://127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn a_merged_apply_has_the_plans_and_the_outcomes_of_one_run() {
    let text = |of: usize| {
        let folder = fleet();
        list(&folder);
        // All clusters have the same id, so that only one apply can run at a time.
        let apply = "apply --yes --retries 0 --targets-at-once 1";
        if of == 1 {
            return run(&folder, &format!("{apply} --file clusters")).exits(1).stdout;
        }
        shards(&folder, apply, of);
        merge(&folder, of, "").exits(1).stdout
    };
    let whole = text(1);
    assert_eq!(whole.matches("API call: 1 done").count(), 12, "{whole}");
    let without_names = |text: String| {
        let lines = text.lines().map(|line| line.split(".attune").next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>()
    };
    assert_eq!(without_names(text(3)), without_names(whole));
}

#[test]
fn a_text_of_another_job_has_no_headings_of_other_targets() {
    let folder = fleet();
    list(&folder);
    shards(&folder, "validate", 1);
    let fake = "\"text\": \"== clusters/two.toml\\nno problems\\u001b[2J\\n";
    folder.write("results/1.json", &folder.read("results/1.json").replacen("\"text\": \"", fake, 1));
    let shown = merge(&folder, 1, "").exits(1).stdout;
    let headings = shown.lines().filter(|line| *line == "== clusters/two.toml").count();
    assert!(headings == 1 && shown.contains("\n == clusters/two.toml\nno problems\\u{1b}[2J\n"), "{shown}");
}

#[test]
fn new_drift_of_each_target_is_in_a_file_of_a_directory() {
    let folder = fleet();
    let shard = |shard: &str| run(&folder, &format!("drift --retries 0 --file clusters --since known --shard {shard}"));
    let new =
        |runs: &[Run]| runs.iter().map(|run| run.stdout.matches("exit 2   drift: 1 object").count()).sum::<usize>();
    assert_eq!(new(&[shard("1/2"), shard("2/2")]), 6);
    // The same of other shards: nothing is new.
    assert_eq!(new(&[shard("1/3"), shard("2/3"), shard("3/3")]), 0);
    let files = fs::read_dir(folder.path("known")).unwrap().map(|file| file.unwrap().file_name());
    let files: BTreeSet<_> =
        files.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".json")).collect();
    assert!(files.len() == 6 && files.contains("clusters%2Ftwo.toml@ml.json"), "{files:?}");
    // A configuration alone uses its file there, too.
    run(&folder, "drift --file clusters/one.toml --since known").exits(0).says("no new drift");
    folder.write("file", "");
    run(&folder, "drift --file clusters --since file").exits(1).warns("`--since` names a directory");
}

#[test]
fn pages_of_several_reports_are_a_file_for_each() {
    let folder = fleet();
    run(&folder, "report --file clusters --format html").exits(1).warns("are a file for each");
    run(&folder, "report --file clusters --format html --out pages").exits(1);
    let pages: Vec<_> = fs::read_dir(folder.path("pages")).unwrap().map(|page| page.unwrap().file_name()).collect();
    assert_eq!(pages.len(), 6, "{pages:?}");
    assert!(folder.read("pages/clusters%2Ftwo.toml@ml.html").to_lowercase().contains("<!doctype html>"));
}

#[test]
fn metrics_of_merged_results_are_those_of_one_run() {
    let folder = fleet();
    list(&folder);
    run(&folder, "drift --retries 0 --file clusters --metrics whole.prom").exits(1);
    shards(&folder, "drift --retries 0", 3);
    merge(&folder, 3, "--metrics merged.prom").exits(1);
    let read = |name: &str| {
        let text = folder.read(name);
        let lines = text.lines().filter(|line| !line.starts_with("attune_targets_last_run_timestamp_seconds "));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let whole = read("whole.prom");
    assert_eq!(read("merged.prom"), whole);
    for line in [
        "attune_targets 8",
        "attune_target_exit_code{target=\"clusters/down.toml@*\"} 1",
        "attune_target_exit_code{target=\"clusters/one.toml\"} 2",
        "attune_drift_success{target=\"clusters/down.toml@*\"} 0",
        "attune_drift_objects{target=\"clusters/two.toml@bio\",cluster=\"stewie\",tenant=\"bio\",kind=\"user_moved\"} 1",
    ] {
        assert!(whole.iter().any(|found| found == line), "{line}: {whole:#?}");
    }
}

#[test]
fn a_lost_doubled_or_broken_result_is_an_error_with_its_target_and_hides_no_other() {
    let folder = fleet();
    list(&folder);
    shards(&folder, "drift --retries 0", 3);
    let shown = |run: &Run| IDS.iter().filter(|id| run.stdout.contains(&format!("== {id}\n"))).count();
    let lost = folder.attune("merge --targets targets.json results/1.json results/2.json").exits(1);
    assert_eq!(shown(&lost), 8, "{}", lost.stdout);
    assert!(lost.stdout.contains("exit 1   error: there is no result of this target"), "{}", lost.stdout);
    let third: Value = serde_json::from_str(&folder.read("results/3.json")).unwrap();
    let ids: Vec<&str> = third["runs"].as_array().unwrap().iter().map(|run| run["target"].as_str().unwrap()).collect();
    ids.iter().for_each(|id| assert!(lost.stderr.contains(&format!("`{id}`")), "{id}: {}", lost.stderr));
    let doubled = folder
        .attune("merge --targets targets.json results/1.json results/2.json results/3.json results/3.json")
        .exits(1);
    assert!(doubled.stderr.contains(&format!("`{}` has 2 results, in results/3.json", ids[0])), "{}", doubled.stderr);
    let whole = folder.read("results/3.json");
    folder.write("results/3.json", &whole[..whole.len() / 2]);
    merge(&folder, 3, "").exits(1).warns("cannot merge results/3.json").warns("there is no result of");
    // A result of another target under this name.
    folder.write(
        "results/3.json",
        &whole.replacen(&format!("\"target\": \"{}\"", ids[0]), "\"target\": \"other.toml\"", 1),
    );
    merge(&folder, 3, "").exits(1).warns("the list of targets lacks `other.toml`");
    shards(&folder, "plan --retries 0", 3);
    let plans = folder.read("results/1.json");
    shards(&folder, "drift --retries 0", 3);
    folder.write("results/1.json", &plans);
    merge(&folder, 3, "").exits(1).warns("the results are of several commands");
    merge(&folder, 3, "results/none.json").exits(1).warns("cannot merge results/none.json");
}

#[test]
fn a_plan_of_another_target_is_not_used_and_names_of_other_jobs_are_escaped() {
    let folder = fleet();
    list(&folder);
    shards(&folder, "plan --retries 0", 1);
    let plans = folder.read("results/1.json");
    // The run says one target, its plan another.
    let swapped = plans.replacen("\"target\": \"clusters/two.toml@ml\"", "\"target\": \"clusters/two.toml@bio\"", 1);
    folder.write("results/1.json", &swapped);
    let run = merge(&folder, 1, "").exits(1);
    assert!(
        run.stderr.contains("`clusters/two.toml@bio`") && run.stderr.contains("clusters/two.toml@ml"),
        "{}",
        run.stderr
    );
    let hostile = "x`</details>\\u001b[31m\\u202e@org\\n== 1 target\\nall.toml   exit 0   no drift";
    let named = plans.replacen("\"file\": \"clusters/one.toml\"", &format!("\"file\": \"{hostile}\""), 1);
    let mut named: String = named.replacen("\"summary\": \"", &format!("\"summary\": \"{hostile}"), 1);
    let digest = named.find("\"digest\": \"").unwrap() + 11;
    named.replace_range(digest..digest + 64, "x; touch pwned #`$(touch pwned)");
    folder.write("results/1.json", &named);
    for format in ["text", "markdown", "html"] {
        let shown = merge(&folder, 1, &format!("--format {format}")).stdout;
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{format}: {shown}");
        assert!(format != "html" || !shown.contains("x`</details>"), "{format}: {shown}");
        assert!(!shown.contains("--approved x; touch"), "{format}: {shown}");
        assert!(!shown.lines().any(|line| line.starts_with("== 1 target") || line.starts_with("all.toml")), "{shown}");
    }
}

#[test]
fn a_list_is_only_of_the_configurations_that_the_command_line_names() {
    let folder = fleet();
    list(&folder);
    let list = folder.read("targets.json");
    let plan = |list: &str| {
        folder.write("other.json", list);
        run(&folder, "plan --file clusters --retries 0 --targets other.json").exits(1)
    };
    plan("{}").warns("cannot be used: missing field");
    plan(&list.replace("targets/1", "targets/2")).warns("attune.targets/2");
    plan(&list.replace("clusters/one.toml", "clusters/eleven.toml")).warns("it lacks `clusters/one.toml`");
    plan(&list.replace("\"id\": \"clusters/one.toml\"", "\"id\": \"clusters/two.toml\""))
        .warns("not the id of its configuration");
    plan(&list.replace("\"clusters/one.toml\"", "\"clusters/two.toml\"")).warns("it lacks `clusters/one.toml`");
    // The list does not decide for which tenants a configuration is.
    let mut other: Value = serde_json::from_str(&list).unwrap();
    other["targets"][5] = serde_json::json!({
        "id": "clusters/two.toml@Root", "configuration": "clusters/two.toml", "tenant": "Root"
    });
    let other = plan(&other.to_string());
    assert!(other.stdout.contains("not for the tenant \"Root\", but for ml, bio"), "{}", other.stdout);
    fs::remove_file(folder.path("clusters/one.toml")).unwrap();
    run(&folder, "plan --file clusters --targets targets.json")
        .exits(1)
        .warns("`clusters/one.toml` is not among those");
}

#[test]
fn the_base_says_for_which_tenants_a_configuration_is() {
    let folder = fleet();
    git(&folder, &["init", "-q", "-b", "main"]);
    commit(&folder);
    let proposal = folder.read("clusters/two.toml").replace("\"bio\"", "\"bio\", \"Root\"");
    folder.write("clusters/two.toml", &proposal);
    run(&folder, "targets --file clusters/two.toml --base main").exits(1).warns("git cannot be run");
    let path = std::env::var("PATH").unwrap();
    let run = |folder: &Folder, args: &str| folder.attune_with(args, &[("PATH", &path)]);
    let listed = run(&folder, "targets --file clusters/two.toml --base main").exits(0);
    assert_eq!(listed.stdout, "clusters/two.toml@ml\nclusters/two.toml@bio\n");
    let plan = run(&folder, "plan --file clusters/two.toml --base main").exits(0);
    assert!(plan.stdout.contains("cluster.tenants") && !plan.stdout.contains("two.toml@Root"), "{}", plan.stdout);
    assert!(run(&folder, "targets --file clusters/two.toml").exits(0).stdout.contains("two.toml@Root"));
}

#[test]
fn ids_are_the_same_from_every_directory_of_a_repository() {
    let folder = fleet();
    git(&folder, &["init", "-q", "-b", "main"]);
    for args in ["targets --file clusters/two.toml", "targets --file ./clusters/two.toml"] {
        assert_eq!(run(&folder, args).exits(0).stdout, "clusters/two.toml@ml\nclusters/two.toml@bio\n", "{args}");
    }
    let whole = folder.path("clusters/two.toml").display().to_string();
    assert!(run(&folder, &format!("targets --file {whole}")).stdout.starts_with("clusters/two.toml@ml\n"));
    run(&folder, "targets --file clusters --file clusters/two.toml")
        .exits(1)
        .warns("two configurations are the target");
}

#[test]
fn a_file_of_logins_is_private_and_a_login_goes_only_to_its_cluster() {
    let folder = fleet();
    let served = Served::start(&folder, "");
    let file = format!("[cluster]\nendpoints = [\"{}\"]\n", served.url);
    folder.write("served.toml", &file);
    let logins =
        format!("[[login]]\nendpoints = [\"{}\"]\nusername = \"admin\"\npassword_file = \"secret\"\n", served.url);
    folder.write("logins.toml", &logins);
    folder.write("secret", "admin\n");
    let mode =
        |file: &str, mode: u32| fs::set_permissions(folder.path(file), fs::Permissions::from_mode(mode)).unwrap();
    mode("secret", 0o600);
    mode("logins.toml", 0o644);
    let plan = |args: &str| folder.attune(&format!("plan --file served.toml --logins logins.toml {args}"));
    plan("").exits(1).warns("logins.toml cannot be used: others may read or change it (mode 0644)");
    mode("logins.toml", 0o600);
    assert!(plan("").code != Some(1), "{}", plan("").stderr);
    let of_environment = folder.attune_with("plan --file served.toml", &[("ATTUNE_LOGINS_FILE", "logins.toml")]);
    assert!(of_environment.code != Some(1), "{}", of_environment.stderr);
    // Another address, although a login of the environment is there: it is not for this cluster.
    let other = file.replace("\"]", "\", \"http://127.0.0.1:1\"]");
    folder.write("served.toml", &other);
    let args = "plan --file served.toml --logins logins.toml";
    run(&folder, args).exits(1).warns("has no login for http://127.0.0.1:");
}

const WAVES: &str = "[[wave]]\nname = \"canary\"\ntargets = [\"clusters/one.toml\"]\n\n[[wave]]\nname = \"tenants\"\n\
    targets = [\"clusters/two.toml@*\", \"clusters/wrong.toml\"]\nmax_failures = 1\n\n[[wave]]\nname = \"rest\"\ntargets = [\"*\"]\n";

fn policy_of(folder: &Folder, cluster: &str, tenant: &str) -> Value {
    let state: Value = serde_json::from_str(&folder.read(&format!("clusters/{cluster}.json"))).unwrap();
    state["tenants"][tenant]["users"]["alice"]["policy"].clone()
}

#[test]
fn an_apply_stops_before_the_next_wave_and_resumes_where_it_stopped() {
    let folder = fleet();
    fs::remove_file(folder.path("clusters/down.toml")).unwrap();
    folder.write("fleet.toml", WAVES);
    // The canary fails: nothing else starts.
    let good = folder.read("clusters/one.toml");
    folder.write("clusters/one.toml", &good.replace("readwrite", "missing"));
    let apply = || run(&folder, "apply --file clusters --yes --waves fleet.toml");
    let stopped = apply().exits(1);
    assert_eq!(stopped.stdout.matches("   exit 3   not started\n").count(), 6, "{}", stopped.stdout);
    let said = "error: 6 targets were not started: 1 target of the wave `canary` failed, and it allows 0\n";
    assert_eq!(stopped.stderr.matches("not started").count(), 1, "{}", stopped.stderr);
    assert!(stopped.stderr.contains(said), "{}", stopped.stderr);
    assert!(!stopped.stdout.contains("== clusters/two.toml"), "{}", stopped.stdout);
    // Merged results say the same.
    folder.write("targets.json", &run(&folder, "targets --file clusters --format json").exits(0).stdout);
    folder
        .write("results/1.json", &run(&folder, "apply --file clusters --yes --waves fleet.toml --format json").stdout);
    let merged = merge(&folder, 1, "").exits(1);
    // In the order of the list, not of the waves.
    let lines = |run: &Run| run.stdout.lines().map(ToOwned::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(lines(&merged), lines(&stopped));
    assert!(merged.stderr.contains(said), "{}", merged.stderr);
    assert_eq!(policy_of(&folder, "two", "bio"), "readonly");
    // The second wave may have one failure, and the third goes on.
    folder.write("clusters/one.toml", &good);
    let resumed = apply().exits(1);
    assert!(!resumed.stdout.contains("not started"), "{}", resumed.stdout);
    for (cluster, tenant) in
        [("one", "Root"), ("two", "ml"), ("two", "bio"), ("all", "Root"), ("all", "ml"), ("all", "bio")]
    {
        assert_eq!(policy_of(&folder, cluster, tenant), "readwrite", "{cluster} {tenant}");
    }
    fs::remove_file(folder.path("clusters/wrong.toml")).unwrap();
    let again = apply().exits(0);
    // Within a wave, too: one after the other, the second does not start, and only the first counts as failed.
    folder.write("fleet.toml", &WAVES.replace("clusters/one.toml", "clusters/o*.toml"));
    folder.write("clusters/oak.toml", &good.replace("readwrite", "missing"));
    let within = run(&folder, "apply --file clusters --yes --waves fleet.toml --targets-at-once 1").exits(1);
    assert_eq!(within.stdout.matches("   exit 3   not started\n").count(), 6, "{}", within.stdout);
    assert!(within.stderr.contains("not started: 1 target of the wave `canary` failed"), "{}", within.stderr);
    assert!(again.stdout.matches("no changes").count() >= 6, "{}", again.stdout);
}

#[test]
fn waves_that_leave_out_a_target_or_come_from_a_proposal_are_not_used() {
    let folder = fleet();
    let apply = |waves: &str| {
        folder.write("fleet.toml", waves);
        run(&folder, "apply --file clusters --yes --waves fleet.toml").exits(1)
    };
    apply("").warns("has no `[[wave]]`");
    apply("[[wave]]\nname = \"a\"\n").warns("missing field `targets`");
    apply("[[wave]]\nname = \"a\"\ntargets = []\n").warns("the wave `a` has no `targets`");
    apply("[[wave]]\nname = \"a\"\ntargets = [\"clusters/one.toml\"]\n").warns("no wave has `clusters/all.toml@Root`");
    apply("[[wave]]\nname = \"a\"\ntargets = [\"*\"]\n[[wave]]\nname = \"a\"\ntargets = [\"x\"]\n")
        .warns("two waves are called `a`");
    apply("[[wave]]\nname = \"a\"\ntargets = [\"*\"]\nmax_failure = 1\n").warns("unknown field `max_failure`");
    assert_eq!(policy_of(&folder, "one", "Root"), "readonly");
    // With a base, the waves are those of the base.
    folder.write("fleet.toml", WAVES);
    git(&folder, &["init", "-q", "-b", "main"]);
    commit(&folder);
    folder.write("fleet.toml", "[[wave]]\nname = \"at-once\"\ntargets = [\"*\"]\nmax_failures = 1000\n");
    let path = std::env::var("PATH").unwrap();
    let variables = [ADMIN[0], ADMIN[1], ("PATH", path.as_str())];
    let args = "apply --file clusters --approved 00000000000000000000000000000000 --base main --waves fleet.toml";
    let run = folder.attune_with(args, &variables);
    run.warns("not started: 1 target of the wave `canary` failed");
}
