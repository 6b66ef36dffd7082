//! Access that ends, through the binary: `apply --expired`, drift, metrics, `validate` and `edit prune`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::harness::Folder;

const CLUSTER: &str = r#"{"format":"attune.sim/1","tenants":{"Root":{"users":{
    "admin":{"role":"ClusterAdmin","password":"admin"},
    "carol":{"policy":"readwrite"},"dora":{"policy":"readwrite"},"erin":{"policy":"readonly"},
    "frank":{},"gina":{"policy":"readwrite"},"other":{"policy":"readwrite"}}}}}"#;

/// Users whose access ended, changes, has begun, and goes on; and a policy that is to be added.
const CONFIG: &str = r#"
[cluster]
endpoints = ["sim:cluster.json"]
[ownership]
users = ["oth*"]
[credentials]
file = true
dir = "secrets"
[policies.new]
attached_to = [{ user = "gina", until = 2999-12-31 }]
[[policies.new.statement]]
effect = "Allow"
action = "s3:GetObject"
resource = "arn:aws:s3:::models/*"
[users]
# The guest of the spring.
carol = { policy = "readwrite", until = 2020-01-01 }
dora = { policy = "readwrite", until = 2020-01-01, then = "readonly" }
erin = { policy = "readonly", until = 2020-01-01, then = "readwrite" }
frank = { policy = "readonly", from = 2020-01-01 }
"#;

fn folder() -> Folder {
    Folder::with(&[("cluster.json", CLUSTER), ("attune.toml", CONFIG)])
}

fn policies(folder: &Folder) -> Vec<Value> {
    let state = folder.state();
    let users = &state["tenants"]["Root"]["users"];
    ["carol", "dora", "erin", "frank", "gina", "other"].iter().map(|user| users[user]["policy"].clone()).collect()
}

fn text(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap()
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn what_has_expired_is_taken_away_without_an_approval_and_nothing_else_happens() {
    let folder = folder();
    let run = folder.attune("apply --expired --format json");
    // erin would gain access, so it stays.
    run.exits(2).warns("access-not-ended").warns("nothing proves that `readwrite` gives no more").warns("attune.toml:");
    assert_eq!(
        policies(&folder),
        [Value::Null, json!("readonly"), json!("readonly"), Value::Null, json!("readwrite"), json!("readwrite")]
    );
    assert!(folder.tenant()["policies"].get("new").is_none(), "no other change");
    let rollback = std::fs::read_dir(folder.path(".attune")).unwrap().map(|entry| entry.unwrap().path());
    let rollback = rollback.into_iter().find(|path| path.extension().is_some_and(|end| end == "toml")).unwrap();
    let before = std::fs::read_to_string(rollback).unwrap();
    assert!(before.contains("carol") && !before.contains("until") && !before.contains("erin"), "{before}");
    folder.attune("history").exits(0).says("2 of 2 API calls");
    // A timer runs it again.
    folder
        .attune("apply --expired")
        .exits(2)
        .says("there is nothing to take away")
        .says("only: access that has expired");
    folder.write("attune.toml", &CONFIG.replace(", then = \"readwrite\"", ", then = \"readonly\""));
    folder.attune("apply --expired").exits(0).says("no changes");
    folder.attune("plan --detailed-exitcode").exits(2).says("user frank").says("user other").says("policy new");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn guards_hold_for_what_expires() {
    let folder = folder();
    folder.write("attune.toml", &format!("{CONFIG}[guards]\nmax_detached = 0\n"));
    let before = policies(&folder);
    folder.attune("apply --expired").exits(3).says("0 may be");
    assert_eq!(policies(&folder), before);
    folder
        .attune("apply --expired --override max_detached=1")
        .exits(2)
        .says("--expired")
        .says("--override max_detached=1");
    assert_eq!(policies(&folder)[0], Value::Null);
    folder.attune("apply --expired --approved 0").exits(1);
    folder.attune("apply --expired --base main").exits(1);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn another_clock_does_nothing() {
    let folder = folder();
    let before = policies(&folder);
    for minutes in [-10, 10, 1_000_000] {
        let now = text(OffsetDateTime::now_utc() + Duration::minutes(minutes));
        folder.attune(&format!("apply --expired --now {now}")).exits(1).warns("so `--expired` does nothing");
    }
    assert_eq!(policies(&folder), before);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn access_ends_at_its_instant_whatever_the_time_zone() {
    let end = OffsetDateTime::now_utc() + Duration::minutes(2);
    let abroad = end.to_offset(time::UtcOffset::from_hms(13, 45, 0).unwrap());
    for (until, zone) in [(text(end), "Pacific/Kiritimati"), (text(abroad), "America/Los_Angeles")] {
        let folder = folder();
        let users = format!("[users]\ncarol = {{ policy = \"readwrite\", until = {until} }}\n");
        folder.write("attune.toml", &format!("{}{users}", CONFIG.split_once("[ownership]").unwrap().0));
        let run = |args: &str| folder.attune_with(args, &[("TZ", zone)]);
        let before = text(end - Duration::seconds(1));
        run(&format!("plan --now {before}"))
            .exits(0)
            .says("no changes")
            .says(&format!("carol expires at {}", text(end)));
        run(&format!("apply --expired --now {before}")).exits(0).says("no changes");
        let planned = run(&format!("plan --now {}", text(end))).exits(0);
        assert_eq!(planned.stdout, folder.attune(&format!("plan --now {}", text(end))).stdout, "{zone}");
        // An approval of another time is none.
        let digest =
            run(&format!("plan --now {} --format json", text(end))).json()["digest"].as_str().unwrap().to_owned();
        run(&format!("apply --approved {digest} --now {}", text(end + Duration::seconds(1)))).exits(4);
        run(&format!("apply --approved {digest}")).exits(0).warns("nothing left to do");
        let ended = run(&format!("apply --expired --now {}", text(end))).exits(0).says("access expired at");
        assert!(!ended.stdout.contains("matches the configuration"), "{}", ended.stdout);
        assert_eq!(policies(&folder)[0], Value::Null, "{zone}");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_approval_covers_the_dates_of_those_whom_the_plan_changes() {
    let config = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[credentials]\nfile = true\ndir = \"secrets\"\n[users]\n\
                  frank = { policy = \"readonly\", until = 2998-12-31 }\ngina = { policy = \"readwrite\", until = 2998-12-31 }\n";
    let folder = Folder::with(&[("cluster.json", CLUSTER), ("attune.toml", config)]);
    let digest = folder.attune("plan --format json").json()["digest"].as_str().unwrap().to_owned();
    folder.write("attune.toml", &config.replacen("2998", "2999", 1));
    folder.attune(&format!("apply --approved {digest}")).exits(4);
    folder.write("attune.toml", &config.replace("\"readwrite\", until = 2998", "\"readwrite\", until = 2999"));
    folder.attune(&format!("apply --approved {digest}")).exits(0).says("expires on 2998-12-31");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn drift_metrics_and_validate_show_what_has_expired_and_prune_takes_it_out() {
    let folder = folder();
    let drift = folder.attune("drift --metrics attune.prom").exits(2);
    drift.says("carol").says("access expired on 2020-01-01").says("access that the cluster allows");
    let metrics = folder.read("attune.prom");
    assert!(metrics.contains("attune_access_expired_objects{cluster=\"stewie\",tenant=\"Root\"} 3"), "{metrics}");
    let expiry = "attune_access_expiry_timestamp_seconds{cluster=\"stewie\",tenant=\"Root\",user=\"carol\"} 1577923200";
    assert!(metrics.contains(expiry), "{metrics}");
    let notes = folder.attune("validate --format json").exits(0).codes();
    assert_eq!(notes.iter().filter(|code| *code == "access-ended").count(), 3, "{notes:?}");
    let plan = folder.attune("plan").exits(0).stdout;
    folder.attune("edit prune --check").exits(2);
    folder.attune("edit prune").exits(0).says("-carol = { policy = \"readwrite\", until = 2020-01-01 }");
    let pruned = folder.read("attune.toml");
    for part in [
        "# The guest of the spring.\ncarol = { detached = true }",
        "dora = \"readonly\"",
        "erin = \"readwrite\"",
        "until = 2999",
    ] {
        assert!(pruned.contains(part), "{part}: {pruned}");
    }
    folder.attune("edit prune").exits(0);
    folder.attune("validate --format json").exits(0).json();
    let actions = |plan: &str| -> Vec<String> {
        plan.lines().filter(|line| line.starts_with("  > ") || line.starts_with("  - ")).map(str::to_owned).collect()
    };
    assert_eq!(actions(&folder.attune("plan").exits(0).stdout), actions(&plan));
    // At another time, nothing has ended yet.
    folder.write("attune.toml", CONFIG);
    folder.attune("edit prune --now 2019-12-31").exits(0);
    assert_eq!(folder.read("attune.toml"), CONFIG);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_edit_keeps_the_dates_of_a_policy_that_is_in_force() {
    let folder = folder();
    folder.attune("edit move --from new --to readonly").exits(0);
    folder.attune("edit move --from readwrite --to readonly --now 2019-06-01").exits(0);
    let text = folder.read("attune.toml");
    for part in [
        "carol = { policy = \"readonly\", until = 2020-01-01 }",
        "dora = { policy = \"readonly\", until = 2020-01-01, then = \"readonly\" }",
        "gina = { policy = \"readonly\", until = 2999-12-31 }",
        "attached_to = []",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    folder.attune("edit detach carol gina --now 2019-06-01").exits(0);
    let text = folder.read("attune.toml");
    assert!(text.contains("carol = { detached = true }") && text.contains("gina = { detached = true }"), "{text}");
    folder.attune("edit detach frank --now 2019-06-01").exits(0).warns("nothing to change");
    folder.attune("edit add-user frank --policy readwrite --now 2019-06-01").exits(1);
    // What the cluster has after the end is not taken for good.
    folder.write("attune.toml", CONFIG);
    folder.attune("edit adopt user/carol").exits(1).warns("has not begun or has ended");
    folder.attune("edit adopt user/other").exits(0);
}

#[test]
fn a_flat_configuration_keeps_dates_and_rows_can_have_them() {
    let folder = folder();
    folder.write("attune.toml", &format!("{CONFIG}[users.\"{{{{name}}}}\"]\neach = [{{ name = \"hugo\", end = \"2030-12-31\" }}]\npolicy = \"readonly\"\nuntil = \"{{{{end}}}}\"\n"));
    let flat = folder.attune("expand").exits(0).stdout;
    assert!(
        flat.contains("{ user = \"gina\", until = 2999-12-31 }") && flat.contains("until = \"2030-12-31\""),
        "{flat}"
    );
    let plan = folder.attune("plan --format json --now 2030-12-30").json();
    folder.write("attune.toml", &flat);
    folder.attune("fmt --check").exits(0);
    assert_eq!(folder.attune("plan --format json --now 2030-12-30").json()["digest"], plan["digest"]);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_base_shows_changed_dates() {
    let folder = folder();
    std::fs::copy(folder.path("attune.toml"), folder.path("before.toml")).unwrap();
    folder.write(
        "attune.toml",
        &CONFIG
            .replace("gina\", until = 2999-12-31", "gina\", until = 2999-12-30")
            .replace("carol = { policy = \"readwrite\", until = 2020-01-01 }", "carol = \"readwrite\""),
    );
    let plan = folder.attune("plan --base ./before.toml").exits(0);
    plan.says("users.gina.until")
        .says("2999-12-31 → 2999-12-30")
        .says("users.carol.until")
        .says("2020-01-01 → not set");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_report_has_a_section_for_access_that_begins_or_ends() {
    let folder = folder();
    let report = folder.attune("report --format json").exits(0).json();
    let ids: Vec<&str> = report["terms"].as_array().unwrap().iter().map(|term| term["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["user/carol", "user/dora", "user/erin", "user/frank", "user/gina"]);
    assert_eq!(report["terms"][4]["ends"], "3000-01-01T00:00:00Z");
    for args in ["report --out report.html", "report --desired --out report.html"] {
        folder.attune(args).exits(0);
        let page = folder.read("report.html");
        assert!(page.contains("Access that begins or ends") && page.contains("expires on 2999-12-31"), "{args}");
        assert!(page.contains("access expired on 2020-01-01, then readonly"), "{args}");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_weka_command_says_what_time_it_is_on_the_cluster() {
    let folder = folder();
    folder.write("attune.toml", &CONFIG.replace("endpoints = [\"sim:cluster.json\"]", "via = \"weka\""));
    folder.write("weka", "#!/bin/sh\nexec attune sim weka --state cluster.json -- \"$@\"\n");
    let run = |args: &str| {
        let mut shell = folder.shell(&format!("chmod +x weka; {args}"));
        crate::harness::Run::of(args, &shell.output().unwrap())
    };
    run("attune apply --expired --now 2020-06-01").exits(1).warns("the cluster's clock is");
    run("attune apply --expired").exits(2);
    assert_eq!(policies(&folder)[0], Value::Null);
}
