//! The commands through the binary: output, exit codes, and that they change only what was approved.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Folder, Run};

/// The digest of the plan as it is now.
fn digest(folder: &Folder) -> String {
    folder.attune("plan --format json").json()["digest"].as_str().unwrap().to_owned()
}

/// The quickstart's user, as the state file has it.
fn user(name: &str) -> String {
    format!("/tenants/Root/users/{name}/policy")
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_quickstart_converges_and_shows_drift() {
    let folder = Folder::example("quickstart");
    let planned = folder.attune("plan --detailed-exitcode").exits(2).says("14 API calls");
    let before = folder.state();
    assert_eq!(before.pointer(&user("alice")), Some(&json!("readwrite")), "a plan changes nothing");
    let applied = folder.attune("apply --yes").exits(0).says("14 API calls: 14 done");
    assert!(applied.stdout.starts_with(&planned.stdout), "apply shows the plan that it runs");
    let applied = applied.says("cluster stewie matches the configuration");
    assert_eq!(applied.stderr, "", "nothing but the plan and its outcome");
    let after = folder.state();
    for (name, policy) in
        [("alice", "ml-training"), ("bob", "ml-readers"), ("erin", "readonly"), ("zoe", "ml-training")]
    {
        assert_eq!(after.pointer(&user(name)), Some(&json!(policy)), "{name}");
    }
    assert_eq!(after.pointer(&user("carol")), None);
    let policies: Vec<&String> = after["tenants"]["Root"]["policies"].as_object().unwrap().keys().collect();
    assert_eq!(policies, ["ml-readers", "ml-training", "web-logs"]);
    folder
        .attune("plan --detailed-exitcode")
        .exits(0)
        .says("no changes: 3 policies and 5 users match the configuration");

    folder.drift(|tenant| tenant["users"]["carol"]["policy"] = "readwrite".into());
    let drifted = folder.attune("plan --detailed-exitcode --format json").exits(2).json();
    assert_eq!(drifted["changes"].as_array().unwrap().len(), 1);
    assert_eq!(drifted["changes"][0]["id"], "user/carol");
    assert_eq!(drifted["changes"][0]["kind"], "detach");
    assert_eq!(drifted["changes"][0]["before"], "readwrite");
    folder.attune("apply --yes").exits(0).says("1 API call: 1 done");
    folder.attune("plan --detailed-exitcode").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn drift_of_every_kind_is_found() {
    let folder = Folder::example("quickstart");
    folder.attune("apply --yes").exits(0);
    let statement = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"});
    let wider = json!({"document": {"Version": "2012-10-17", "Statement": [statement]}});
    for (kind, id, pointer, value) in [
        ("replace_policy", "policy/ml-readers", "policies/ml-readers", Some(&wider)),
        ("add_policy", "policy/ml-readers", "policies/ml-readers", None),
        ("remove_policy", "policy/old-reports", "policies/old-reports", Some(&wider)),
        ("remove_policy", "policy/etl-new", "policies/etl-new", Some(&wider)),
        ("attach", "user/alice", "users/alice/policy", None),
        ("move", "user/alice", "users/alice/policy", Some(&json!("readonly"))),
        ("detach", "user/carol", "users/carol/policy", Some(&json!("readonly"))),
    ] {
        folder.drift(|tenant| {
            let (parent, member) = pointer.rsplit_once('/').unwrap();
            let parent = tenant.pointer_mut(&format!("/{parent}")).unwrap().as_object_mut().unwrap();
            match value {
                Some(value) => parent.insert(member.to_owned(), value.clone()),
                None => parent.remove(member),
            };
        });
        let plan = folder.attune("plan --detailed-exitcode --format json").exits(2).json();
        let changes = plan["changes"].as_array().unwrap();
        assert_eq!((&changes[0]["kind"], &changes[0]["id"]), (&json!(kind), &json!(id)));
        assert_eq!(changes.len(), 1, "{changes:#?}");
        folder.attune("apply --yes").exits(0);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_apply_without_approval_changes_nothing() {
    let folder = Folder::example("quickstart");
    let before = folder.read("cluster.json");
    let plan = folder.attune("plan");
    let digest = digest(&folder);
    for refused in [folder.attune("apply"), folder.attune_fed("apply", "yes\n"), folder.attune("apply -q")] {
        let refused = refused.exits(1).warns("cannot ask for confirmation").warns(&digest[..32]);
        assert_eq!(refused.stdout, plan.stdout);
    }
    let refused = folder.attune("apply --format json").exits(1).warns("cannot ask for confirmation");
    assert_eq!(refused.json()["digest"], digest.as_str(), "the plan that was not confirmed");
    assert_eq!(folder.read("cluster.json"), before);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn only_the_approved_plan_runs() {
    let folder = Folder::example("quickstart");
    let before = folder.read("cluster.json");
    let digest = digest(&folder);
    let other = digest.replace(|c: char| c.is_ascii_digit(), "f");
    for wrong in [&digest[..31], &other, &other[..32], "x", &format!("{digest}0")] {
        let args = format!("apply --approved {wrong}");
        let stale = folder.attune(&args).exits(4).warns(&format!("not the approved {wrong}"));
        assert!(stale.stderr.contains(&digest[..32]) && stale.stderr.contains("nothing was changed"));
        let stale = folder.attune(&format!("{args} --format json")).exits(4);
        assert_eq!(stale.json()["digest"], digest.as_str());
    }
    folder.attune("apply --yes --approved 0123456789abcdef0123456789abcdef").exits(1).warns("cannot be used with");
    assert_eq!(folder.read("cluster.json"), before);
    folder.attune(&format!("apply --approved {}", &digest[..32])).exits(0);
    let again = folder.attune(&format!("apply --approved {digest}"));
    again.exits(0).says("no changes").warns("the approved plan has nothing left to do");

    let folder = Folder::example("quickstart");
    folder.attune(&format!("apply --approved {}", digest.to_uppercase())).exits(0).says("14 done");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_approved_plan_succeeds_when_already_applied_and_runs_again_when_undone() {
    let folder = Folder::example("quickstart");
    let digest = digest(&folder);
    let approved = format!("apply --approved {digest}");
    let before = folder.read("cluster.json");
    folder.attune(&approved).exits(0).says("14 done");
    let again = folder.attune(&format!("{approved} --format json")).exits(0).warns("nothing left to do");
    assert_eq!((&again.json()["converged"], &again.json()["steps"]), (&json!(true), &json!([])));
    // The plan is empty, so the digest does not matter and no journal is read.
    std::fs::remove_dir_all(folder.path(".attune")).unwrap();
    folder.attune(&approved).exits(0);
    folder.attune(&format!("apply --approved {}", "0".repeat(32))).exits(0).warns("nothing left to do");
    // Someone undoes it: the same plan is there again, and still approved.
    folder.write("cluster.json", &before);
    std::fs::remove_dir_all(folder.path("secrets")).unwrap();
    folder.attune(&approved).exits(0).says("14 done");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_journal_of_another_plan_decides_nothing() {
    let folder = Folder::example("quickstart");
    let digest = digest(&folder);
    folder.attune(&format!("apply --approved {digest}")).exits(0);
    folder.drift(|tenant| tenant["users"]["alice"]["policy"] = json!(null));
    let stale =
        folder.attune(&format!("apply --approved {digest}")).exits(4).warns("according to the journal in .attune");
    assert!(stale.stderr.contains(&format!("plan {digest} was applied at 2")), "{}", stale.stderr);
    // No journal is trusted: neither one that says that the current plan is done, nor one with invalid content.
    let now = self::digest(&folder);
    let name = format!(".attune/journal-{}.jsonl", &now[..32]);
    let forged =
        [json!({"event": "begun", "digest": now}), json!({"event": "over", "converged": true, "time": "\u{1b}[2J"})];
    folder.write(&name, &forged.map(|line| format!("{line}\n")).concat());
    folder.attune(&format!("apply --approved {now}")).exits(0).says("1 done");
    for text in ["", "no json", "{\"event\": \"begun\"}\n[]\n\u{1b}"] {
        folder.write(&format!(".attune/journal-{}.jsonl", "0".repeat(32)), text);
        folder.drift(|tenant| tenant["users"]["alice"]["policy"] = json!(null));
        let stale = folder.attune(&format!("apply --approved {}", "0".repeat(32))).exits(4);
        assert!(!stale.stderr.contains("journal"), "{}", stale.stderr);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_lint_after_fixes_uses_the_catalogue_of_the_run() {
    let folder = Folder::example("quickstart");
    let all = "[{\"name\": \"s3:GetObject\", \"kind\": \"object\"}]";
    folder.write("actions.json", all);
    folder.write(
        "new.toml",
        "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[policies.new]\n[[policies.new.statement]]\neffect = \"Allow\"\n\
         action = [\"s3:GetTomorrow\"]\nresource = [\"arn:aws:s3:::x/*\"]\n",
    );
    let unknown = folder.attune("plan -f new.toml").stderr;
    folder.write("actions.json", &all.replace("GetObject", "GetTomorrow"));
    let known = folder.attune("plan -f new.toml --catalogue actions.json").exits(0).stderr;
    assert_ne!(unknown, known, "the built-in catalogue does not know the action");
    folder.attune("apply -f new.toml --yes --catalogue actions.json").exits(0).says("1 done");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_digest_is_changed_by_drift_that_matters_and_by_no_other() {
    let folder = Folder::example("quickstart");
    let first = digest(&folder);
    assert_eq!(digest(&folder), first);
    folder.drift(|tenant| tenant["users"]["frank"]["policy"] = "readwrite".into());
    folder.drift(|tenant| tenant["users"]["newcomer"] = json!({}));
    folder.drift(|tenant| tenant["policies"]["another"] = tenant["policies"]["web-logs"].clone());
    folder.drift(|tenant| _ = tenant["policies"].as_object_mut().unwrap().remove("web-logs"));
    folder.write("attune.toml", &format!("{}\n# a comment\n", folder.read("attune.toml")));
    assert_eq!(digest(&folder), first, "unrelated drift");
    let matters: [fn(&mut Value); 5] = [
        |tenant| tenant["users"]["alice"]["policy"] = "readonly".into(),
        |tenant| _ = tenant["users"]["dora"].as_object_mut().unwrap().remove("policy"),
        |tenant| tenant["users"]["frank"]["policy"] = "ml-training".into(),
        |tenant| tenant["policies"]["old-reports"]["document"]["Statement"][0]["Action"] = "s3:*".into(),
        |tenant| tenant["policies"]["etl-daily"] = tenant["policies"]["etl-nightly"].clone(),
    ];
    let mut seen = vec![first];
    for drift in matters {
        folder.drift(drift);
        let digest = digest(&folder);
        assert!(!seen.contains(&digest), "the digest is as before: {seen:?}");
        seen.push(digest);
    }
    folder.write("attune.toml", &folder.read("attune.toml").replace("s3:ListBucket", "s3:ListAllMyBuckets"));
    assert!(!seen.contains(&digest(&folder)));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_apply_that_the_cluster_refuses_in_part_says_so() {
    // So full that no order of the calls has room for any addition.
    let full = || {
        let folder = Folder::example("quickstart");
        let mut state = folder.state();
        state["limits"]["policies"] = 4.into();
        folder.write("cluster.json", &state.to_string());
        folder
    };
    let applied = full().attune("apply --yes").exits(5).says("refused").says("not started, because of step");
    applied.says("run `attune plan` to see them");
    let folder = full();
    let outcome = folder.attune("apply --yes --format json").exits(5).json();
    assert_eq!(outcome["converged"], false);
    let statuses: Vec<&Value> = outcome["steps"].as_array().unwrap().iter().map(|step| &step["status"]).collect();
    assert!(statuses.contains(&&json!("refused")) && statuses.contains(&&json!("not_reached")), "{statuses:?}");
    let mut state = folder.state();
    state["limits"]["policies"] = 1024.into();
    folder.write("cluster.json", &state.to_string());
    folder.attune("apply --yes").exits(0).says("matches the configuration");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn machine_output_is_what_its_schema_says_and_never_changes_the_exit_code() {
    let broken = "[users.alice]\npolcy = \"readonly\"\n";
    let blocked = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[users.nobody]\npolicy = \"readonly\"\n";
    let folder = Folder::example("quickstart");
    folder.write("broken.toml", broken);
    folder.write("blocked.toml", blocked);
    for (args, code, format) in [
        ("plan", 0, "attune.plan/1"),
        ("plan --detailed-exitcode", 2, "attune.plan/1"),
        ("plan -f broken.toml", 1, "attune.findings/1"),
        ("plan -f blocked.toml", 1, "attune.plan/1"),
        ("plan -f missing.toml", 1, "attune.findings/1"),
        ("plan --cluster sim:missing/cluster.json", 1, "attune.findings/1"),
        ("apply", 1, "attune.plan/1"),
        ("apply --approved 0123456789abcdef0123456789abcdef", 4, "attune.plan/1"),
        ("apply --yes -f broken.toml", 1, "attune.findings/1"),
        ("apply --yes -f blocked.toml", 1, "attune.plan/1"),
        ("apply --yes -f missing.toml", 1, "attune.findings/1"),
        ("validate", 0, "attune.findings/1"),
        ("validate -f broken.toml", 1, "attune.findings/1"),
        ("validate -f missing.toml", 1, "attune.findings/1"),
    ] {
        folder.attune(args).exits(code);
        let machine = folder.attune(&format!("{args} --format json")).exits(code);
        let value = machine.json();
        assert_eq!(value["format"], format, "{args}");
        if code == 1 && format == "attune.findings/1" {
            assert!(!machine.codes().is_empty(), "{args}: a failure without a finding");
        }
    }
    let outcome = folder.attune("apply --yes --format json").exits(0);
    assert_eq!(outcome.json()["format"], "attune.outcome/1");
    assert_eq!(outcome.json()["converged"], true);
    assert!(outcome.stderr.contains("14 API calls"), "the plan is shown beside the JSON: {}", outcome.stderr);
    let nothing = folder.attune("apply --format json").exits(0);
    assert_eq!(nothing.json()["steps"], json!([]), "nothing to do needs nobody to agree");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_plan_is_written_to_a_file_as_well() {
    let folder = Folder::example("quickstart");
    let plan = folder.attune("plan --out plan.json").exits(0);
    assert_eq!(plan.stdout, folder.attune("plan").stdout);
    assert_eq!(folder.read("plan.json"), folder.attune("plan --format json").stdout);
    let both = folder.attune("plan --format json --out both.json --detailed-exitcode").exits(2);
    assert_eq!(folder.read("both.json"), both.stdout);
    folder.attune("plan --out missing/plan.json").exits(1).warns("cannot write the plan to missing/plan.json");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn results_are_on_stdout_and_everything_else_is_on_stderr() {
    let folder = Folder::example("quickstart");
    folder.write(
        "note.toml",
        "include = [\"attune.toml\"]\n[users.gone]\ndetached = true\n[cluster]\nendpoints = [\"sim:cluster.json\"]\n",
    );
    folder.write(
        "attune.toml",
        &folder.read("attune.toml").replace("[cluster]", "[users.gone]\ndetached = true\n[cluster]"),
    );
    let plan = folder
        .attune("plan")
        .exits(0)
        .says(&format!("plan {}", &digest(&folder)[..32]))
        .warns("note[detached-user-absent]");
    assert!(!plan.stdout.contains("note["));
    let quiet = folder.attune("plan -q").exits(0);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (plan.stdout, ""));
    folder.write("broken.toml", "[users.alice]\npolcy = \"readonly\"\n");
    for args in ["plan -q -f broken.toml", "apply -q --yes -f broken.toml"] {
        let broken = folder.attune(args).exits(1).warns("unknown key `polcy`").warns("error: broken.toml has errors");
        assert_eq!(broken.stdout, "");
    }
    let broken = folder.attune("validate -f broken.toml").exits(1).says("unknown key `polcy`");
    assert_eq!(broken.stderr, "error: broken.toml is not valid\n");
    let verbose = folder.attune("plan -v").exits(0).warns("/s3/policies");
    assert_eq!(verbose.stdout, folder.attune("plan").stdout, "-v is for stderr");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn colour_is_for_terminals_by_default() {
    let folder = Folder::example("quickstart");
    folder.write("broken.toml", "[users.alice]\npolcy = \"readonly\"\n");
    let coloured = |run: &Run| (run.stdout.contains('\u{1b}'), run.stderr.contains('\u{1b}'));
    assert_eq!(coloured(&folder.attune("plan")), (false, false));
    assert_eq!(coloured(&folder.attune("plan --color always")), (true, false));
    assert_eq!(coloured(&folder.attune_with("plan --color always", &[("NO_COLOR", "1")])), (true, false));
    assert_eq!(coloured(&folder.attune("plan --color never")), (false, false));
    assert_eq!(coloured(&folder.attune("plan -f broken.toml")), (false, false));
    assert_eq!(coloured(&folder.attune("plan -f broken.toml --color always")), (false, true));
    assert_eq!(coloured(&folder.attune("validate -f broken.toml --color always")), (true, true));
    assert_eq!(coloured(&folder.attune("plan --format json --color always")), (false, false));
    folder.attune("apply --yes --color always").exits(0).says("\u{1b}[");
}

#[test]
fn validate_asks_nothing_of_any_cluster() {
    let folder = Folder::with(&[(
        "attune.toml",
        "[cluster]\nendpoints = [\"https://weka01.invalid:14000\"]\n[users.alice]\npolicy = \"readonly\"\n",
    )]);
    let valid = folder.attune("validate").exits(0);
    assert_eq!(valid.stdout, "attune.toml is valid: 0 policies, 1 user\n");
    let folder = Folder::example("quickstart");
    std::fs::remove_file(folder.path("cluster.json")).unwrap();
    folder.attune("validate").exits(0).says("attune.toml is valid: 3 policies, 5 users");
    assert!(!folder.path("cluster.json").exists(), "no simulated cluster is begun");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::example("quickstart");
    for args in ["plan", "plan --format json", "schema", "validate"] {
        let mut command = folder.command(args.split(' '));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = Run::of(args, &child.wait_with_output().unwrap()).exits(0);
        let complains = ["error", "warning"].iter().any(|word| ended.stderr.contains(word));
        assert!(!complains, "{args}: {}", ended.stderr);
    }
    // Nobody knows whether the changes were shown.
    let mut child = folder.command(["apply", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    Run::of("apply --yes", &child.wait_with_output().unwrap())
        .exits(5)
        .warns("applied; the result could not be written");
    folder.attune("plan --detailed-exitcode").exits(0);
    let mut child = folder.command(["plan", "-f", "missing.toml"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn wrong_arguments_get_the_right_ones() {
    let folder = Folder::new();
    folder.attune("plna").exits(1).warns("similar subcommand exists: 'plan'");
    folder.attune("plan --jobs 0").exits(1).warns("1..=256");
    folder.attune("").exits(1).warns("Usage: attune");
    folder.attune("--version").exits(0).says(env!("CARGO_PKG_VERSION"));
    for command in ["plan", "apply", "doctor", "validate", "schema", "sim", "sim serve"] {
        folder.attune(&format!("{command} --help")).exits(0).says(&format!("Usage: attune {command}"));
    }
}
