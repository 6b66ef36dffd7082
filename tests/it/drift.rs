//! `attune drift`: differences between the cluster and the configuration, for people and machines, once or repeatedly.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::harness::{Folder, Run, allowing, expect_file, root, validate};

const FILE: &str = r#"[cluster]
endpoints = ["sim:cluster.json"]

[ownership]
policies = ["tmp-*"]
users = ["svc-*"]

[policies.ml]
statement = [{ effect = "Allow", action = "s3:GetObject", resource = "arn:aws:s3:::models/*" }]

[policies.web]
statement = [{ effect = "Allow", action = "s3:GetObject", resource = "arn:aws:s3:::web/*" }]

[users.alice]
policy = "ml"

[users.bob]
policy = "web"

[users.carol]
policy = "web"
"#;

fn document(action: &str, bucket: &str) -> Value {
    json!({"document": allowing(action, &format!("arn:aws:s3:::{bucket}/*"))})
}

/// A cluster of that release, as the file says.
fn world(release: &str) -> Folder {
    let state = json!({"format": "attune.sim/1", "release": release, "tenants": {"Root": {
        "users": {"admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "ml"},
            "bob": {"policy": "web"}, "carol": {"policy": "web"}, "svc-a": {}, "other": {"policy": "readonly"}},
        "policies": {"ml": document("s3:GetObject", "models"), "web": document("s3:GetObject", "web")}}}});
    Folder::with(&[("attune.toml", FILE), ("cluster.json", &state.to_string())])
}

/// Someone changes about everything by other means.
fn spoil(folder: &Folder) {
    folder.drift(|tenant| {
        tenant["users"]["alice"]["policy"] = json!("readwrite");
        tenant["users"]["bob"].as_object_mut().unwrap().remove("policy");
        tenant["users"]["svc-a"]["policy"] = json!("tmp-x");
        tenant["users"].as_object_mut().unwrap().remove("carol");
        tenant["policies"]["ml"] = document("s3:DeleteObject", "models");
        tenant["policies"].as_object_mut().unwrap().remove("web");
        tenant["policies"]["tmp-x"] = document("s3:PutObject", "web");
    });
}

fn kinds(value: &Value, list: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = value.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().map(|object| (text(&object["id"]), text(&object["kind"]))).collect()
}

fn expected(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(id, kind)| ((*id).to_owned(), (*kind).to_owned())).collect()
}

#[test]
fn drift_is_found_on_every_release_that_reports_attachments() {
    for release in ["4.0", "4.4", "5.1", "6.0"] {
        let folder = world(release);
        folder.attune("drift").exits(0).says("no drift");
        spoil(&folder);
        let output = folder.attune("drift --format json").exits(2).json();
        let all = [
            ("policy/ml", "policy_changed"),
            ("policy/web", "policy_removed"),
            ("policy/tmp-x", "policy_added"),
            ("user/alice", "user_moved"),
            ("user/bob", "user_detached"),
            ("user/carol", "user_removed"),
            ("user/svc-a", "user_attached"),
        ];
        assert_eq!(kinds(&output, "drift"), expected(&all), "{release}");
        let of = |id: &str| output["drift"].as_array().unwrap().iter().find(|of| of["id"] == id).unwrap().clone();
        assert_eq!(
            (of("user/alice")["declared"].clone(), of("user/alice")["observed"].clone()),
            (json!("ml"), json!("readwrite"))
        );
        let gained = &of("user/svc-a")["access"][0]["gained"][0];
        assert_eq!(
            (gained["actions"][0].clone(), gained["pattern"].clone()),
            (json!("s3:PutObject"), json!("arn:aws:s3:::web/*"))
        );
        assert_eq!(of("user/bob")["access"][0]["lost"][0]["pattern"], "arn:aws:s3:::web/*");
        assert_eq!(output["unmanaged"]["users"], json!(["other"]));
    }
}

#[test]
fn drift_reads_as_expected() {
    let folder = world("5.1");
    spoil(&folder);
    folder.write(
        "attune.toml",
        &format!("{FILE}\n[[drift.ignore]]\nobject = \"user/bob\"\nreason = \"on leave | `x`\"\nuntil = 9999-12-31\n"),
    );
    let run = folder.attune("drift --ignore policy/web").exits(2);
    expect_file(&root().join("tests/drift/drift.txt"), &run.stdout);
    let markdown = folder.attune("drift --ignore policy/web --format markdown").exits(2);
    expect_file(&root().join("tests/drift/drift.md"), &markdown.stdout);
    let json = folder.attune("drift --ignore policy/web --format json").exits(2);
    json.json();
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    expect_file(&root().join("tests/drift/drift.json"), &json.stdout.replace(&version, "\"VERSION\""));
    let gained = run.stdout.find("access that the cluster allows and the configuration does not").unwrap();
    assert!(gained < run.stdout.find("  > user alice").unwrap(), "what is gained comes first");
}

#[test]
fn groups_drift_as_users_do() {
    let folder = Folder::with(&[(
        "attune.toml",
        "[cluster]\nvia = \"weka\"\n[ownership]\ngroups = [\"svc-*\"]\n[groups.a]\npolicy = \"readonly\"\n[groups.b]\npolicy = \"readonly\"\n",
    )]);
    let state = json!({"format": "attune.sim/1", "release": "6.0.1", "tenants": {"Root": {
        "users": {"admin": {"role": "ClusterAdmin", "password": "admin"}},
        "groups": {"a": "readwrite", "svc-c": "readonly"}}}});
    folder.write("cluster.json", &state.to_string());
    crate::weka::face(&folder);
    let output = folder.attune("drift --format json").exits(2).json();
    let all = [("group/a", "group_moved"), ("group/b", "group_detached"), ("group/svc-c", "group_attached")];
    assert_eq!(kinds(&output, "drift"), expected(&all));
}

#[test]
fn unreadable_drift_is_an_error_and_never_no_drift() {
    let folder = world("3.14");
    let run = folder.attune("drift").exits(1).warns("does not report the policy of user `alice`");
    assert_eq!(run.stdout, "");
    assert!(folder.attune("drift --format json").exits(1).codes().contains(&"attachments-unknown".to_owned()));
    let folder = world("5.1");
    folder.write("attune.toml", &FILE.replace("policy = \"ml\"", "polcy = \"ml\""));
    folder.attune("drift").exits(1).warns("unknown key");
    folder.write("attune.toml", &FILE.replace("s3:GetObject", "s3:NoSuchThing"));
    folder.attune("drift").exits(1);
    folder.attune("drift --cluster https://127.0.0.1:1 --retries 0").exits(1);
    folder.attune("drift --ignore svc-*").exits(1).warns("is not a pattern of objects");
    // An error that only blocks calls does not hide drift.
    let folder = world("5.1");
    folder.drift(|tenant| tenant["users"]["alice"] = json!({"role": "ReadOnly"}));
    folder.attune("drift").exits(2).warns("warning[not-an-s3-user]").says("user alice   has no policy");
    // A plan without differences but with an error does not prove that there is no drift.
    folder.drift(|tenant| tenant["users"]["alice"]["policy"] = json!("ml"));
    folder.attune("drift").exits(1).warns("error[not-an-s3-user]");
}

#[test]
fn ignored_drift_is_listed_until_its_last_day() {
    let folder = world("5.1");
    folder.drift(|tenant| tenant["users"]["svc-a"]["policy"] = json!("readwrite"));
    let with = |until: &str| {
        let entry = format!("\n[[drift.ignore]]\nobject = \"user/svc-*\"\nreason = \"a test\"\nuntil = {until}\n");
        folder.write("attune.toml", &format!("{FILE}{entry}"));
    };
    with("9999-12-31");
    let run = folder.attune("drift").exits(0).says("ignored: user svc-a: a test (until 9999-12-31)");
    assert!(run.stdout.contains("no drift, 1 ignored") && run.stderr.is_empty(), "{run:?}");
    let output = folder.attune("drift --format json").exits(0).json();
    assert_eq!(
        (output["summary"]["ignored"].clone(), output["ignored"][0]["reason"].clone()),
        (json!(1), json!("a test"))
    );
    folder.attune("plan").exits(0).says("- user svc-a");
    with("2020-01-01");
    folder
        .attune("drift")
        .exits(2)
        .warns("was ignored until 2020-01-01 and is no longer ignored")
        .warns("attune.toml:");
    assert_eq!(folder.attune("drift --format json").exits(2).codes(), ["ignore-expired"]);
    folder.attune("drift --ignore user/svc-a").exits(0).says("ignored on the command line");
    folder.write("attune.toml", &format!("{FILE}\n[[drift.ignore]]\nobject = \"user/svc-*\"\n"));
    folder.attune("drift").exits(1).warns("has no `reason`").warns("has no `until`");
    folder.attune("fmt").exits(0);
}

#[test]
fn only_new_drift_is_reported_and_resolved_drift_is_mentioned() {
    let folder = world("5.1");
    folder.drift(|tenant| tenant["users"]["svc-a"]["policy"] = json!("readwrite"));
    let run = |code| folder.attune("drift --since state/drift.json --format json").exits(code).json();
    let state = || {
        let state: Value = serde_json::from_str(&folder.read("state/drift.json")).unwrap();
        validate(&state);
        kinds(&state, "reported")
    };
    assert_eq!(kinds(&run(2), "drift"), expected(&[("user/svc-a", "user_attached")]));
    assert_eq!(state(), expected(&[("user/svc-a", "user_attached")]));
    folder.drift(|tenant| tenant["users"]["bob"]["policy"] = json!("readwrite"));
    let second = run(2);
    assert_eq!(kinds(&second, "drift"), expected(&[("user/bob", "user_moved")]));
    assert_eq!(kinds(&second, "known"), expected(&[("user/svc-a", "user_attached")]));
    let third = run(0);
    assert_eq!((third["summary"]["reported"].clone(), third["summary"]["known"].clone()), (json!(0), json!(2)));
    folder.attune("drift --since state/drift.json").exits(0).says("no new drift, 2 known");
    folder.attune("drift").exits(2);
    // Another policy for the same user is another drift, and fixed drift is resolved.
    folder.drift(|tenant| {
        tenant["users"]["bob"]["policy"] = json!("writeonly");
        tenant["users"]["svc-a"].as_object_mut().unwrap().remove("policy");
    });
    let fourth = run(2);
    assert_eq!(kinds(&fourth, "drift"), expected(&[("user/bob", "user_moved")]));
    assert_eq!(kinds(&fourth, "resolved"), expected(&[("user/svc-a", "user_attached")]));
    assert_eq!(state(), expected(&[("user/bob", "user_moved")]));
    folder.attune("drift --since state/drift.json").exits(0);
    let kept = folder.read("state/drift.json");
    for (text, why) in [
        ("{", "EOF"),
        (&*kept.replace("drift-state/1", "drift-state/2"), "attune.drift-state/2"),
        (&*kept.replace("\"Root\"", "\"Other\""), "it belongs to the tenant \"Other\""),
    ] {
        folder.write("state/drift.json", text);
        folder.attune("drift --since state/drift.json").exits(1).warns(why).warns("all drift is new");
        assert_eq!(folder.read("state/drift.json"), text, "what is not understood is left as it is");
    }
}

/// The series of a file of metrics by name and labels. As strict as the text format is: help and type first, each once, then
/// its series; names, labels and values are valid.
fn series(text: &str) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let mut current = String::new();
    let mut seen: Vec<String> = Vec::new();
    assert!(text.ends_with('\n'));
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            current = help.split(' ').next().unwrap().to_owned();
            assert!(!seen.contains(&current) && help.len() > current.len() + 5, "{line}");
            seen.push(current.clone());
            assert_eq!(lines.next(), Some(&*format!("# TYPE {current} gauge")));
            continue;
        }
        let rest = line.strip_prefix(&current).unwrap_or_else(|| panic!("{line} is not of {current}"));
        let end = rest.rfind(' ').unwrap();
        let (labels, value) = (&rest[..end], &rest[end + 1..]);
        if !labels.is_empty() {
            let mut rest = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
            while !rest.is_empty() {
                let (name, value) = rest.split_once("=\"").unwrap();
                assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{line}");
                let mut escaped = false;
                let end = value.char_indices().find(|(_, c)| {
                    let ends = *c == '"' && !escaped;
                    assert!(!escaped || ['\\', '"', 'n'].contains(c), "{line}");
                    escaped = *c == '\\' && !escaped;
                    ends
                });
                rest = &value[end.unwrap().0 + 1..];
                rest = rest.strip_prefix(',').unwrap_or(rest);
            }
        }
        assert!(found.insert(format!("{current}{labels}"), value.parse().unwrap()).is_none(), "{line} twice");
    }
    found
}

fn value(text: &str, start: &str) -> f64 {
    let found: Vec<f64> = series(text).iter().filter(|(name, _)| name.starts_with(start)).map(|(_, v)| *v).collect();
    assert_eq!(found.len(), 1, "{start} in {text}");
    found[0]
}

#[test]
fn metrics_match_the_run_and_a_failure_keeps_the_last_success() {
    let folder = world("5.1");
    spoil(&folder);
    let mut state = folder.state();
    state["name"] = json!("we\"k\\a");
    folder.write("cluster.json", &state.to_string());
    folder.attune("drift --metrics attune.prom").exits(2);
    let text = folder.read("attune.prom");
    let all = series(&text);
    let kinds: Vec<_> = all.keys().filter(|name| name.starts_with("attune_drift_objects{")).collect();
    assert_eq!(kinds.len(), 12, "{text}");
    assert!(kinds[0].contains("tenant=\"Root\",kind="), "{text}");
    assert_eq!(
        all.iter().filter(|(name, _)| name.starts_with("attune_drift_objects")).map(|(_, v)| v).sum::<f64>(),
        7.0
    );
    assert!(value(&text, "attune_drift_gained_access_lines") > 0.0);
    let times = ["attune_drift_success", "attune_drift_exit_code"].map(|name| value(&text, name));
    assert_eq!(times, [1.0, 2.0]);
    let success = value(&text, "attune_drift_last_success_timestamp_seconds");
    assert!(success > 1.7e9, "{text}");
    assert_eq!(fs::metadata(folder.path("attune.prom")).unwrap().permissions().mode() & 0o777, 0o644);
    // A run that fails says so, and keeps when one last succeeded.
    let kept = text.replace(&format!("{success}"), "1700000000");
    folder.write("attune.prom", &kept);
    folder.attune("drift --metrics attune.prom --cluster https://127.0.0.1:1 --retries 0").exits(1);
    let failed = folder.read("attune.prom");
    assert_eq!(value(&failed, "attune_drift_last_success_timestamp_seconds"), 1.7e9);
    assert!(value(&failed, "attune_drift_last_run_timestamp_seconds") > 1.7e9);
    assert_eq!((value(&failed, "attune_drift_success"), value(&failed, "attune_drift_exit_code")), (0.0, 1.0));
    assert!(!failed.contains("attune_drift_objects"), "what is not known is not said: {failed}");
    folder.attune("drift --metrics attune.prom --file nowhere.toml").exits(1);
    assert_eq!(value(&folder.read("attune.prom"), "attune_drift_last_success_timestamp_seconds"), 1.7e9);
    folder.attune("drift --metrics attune.prom --since s.json").exits(2);
    assert_eq!(value(&folder.read("attune.prom"), "attune_drift_new_objects"), 7.0);
    folder.attune("drift --metrics attune.prom --since s.json").exits(0);
    let again = folder.read("attune.prom");
    assert_eq!((value(&again, "attune_drift_new_objects"), value(&again, "attune_drift_exit_code")), (0.0, 0.0));
    assert!(again.contains("kind=\"user_moved\"} 1\n"), "what is known still differs: {again}");
    folder.attune("drift --metrics first.prom --file nowhere.toml").exits(1);
    assert_eq!(value(&folder.read("first.prom"), "attune_drift_success"), 0.0);
    let left: Vec<_> = fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[test]
fn metrics_that_cannot_be_written_are_an_error() {
    let folder = world("5.1");
    folder
        .attune("drift --metrics nowhere/attune.prom")
        .exits(1)
        .warns("cannot write the metrics to nowhere/attune.prom")
        .says("no drift");
    fs::create_dir(folder.path("taken.prom")).unwrap();
    folder.attune("drift --metrics taken.prom").exits(1).warns("cannot write the metrics");
    folder.attune("drift --metrics nowhere/attune.prom --file no.toml").exits(1).warns("no.toml").warns("the metrics");
    folder.write("file", "");
    folder.attune("drift --since file/state.json").exits(1);
}

#[test]
fn files_are_written_atomically() {
    let folder = world("5.1");
    spoil(&folder);
    folder.attune("drift --metrics attune.prom --since state.json").exits(2);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                assert!(series(&folder.read("attune.prom")).len() >= 16);
                let state: Value = serde_json::from_str(&folder.read("state.json")).unwrap();
                assert_eq!(state["reported"].as_array().unwrap().len(), 7);
                reads += 1;
            }
            reads
        });
        let runs: Vec<Run> = (0..8).map(|_| folder.attune("drift --metrics attune.prom --since state.json")).collect();
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
        assert!(runs.iter().all(|run| run.code == Some(0)));
    });
}
