//! The `weka` command as a transport, against the simulator's face of it: the same plans and the same ends as over REST.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use attune::base::PolicyName;
use attune::cluster::weka::{WekaCluster, WekaOptions};
use attune::cluster::{Cluster, Effect};
use serde_json::Value;

use super::harness::{Folder, folders, root};
use super::rollback_file::access;

/// Puts a program named `weka` beside the file that is the simulator's face over the state beside it.
pub(crate) fn temporary(folder: &Folder, script: &str) {
    folder.write("weka", script);
    fs::set_permissions(folder.path("weka"), fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn face(folder: &Folder) {
    let (program, state) = (env!("CARGO_BIN_EXE_attune"), folder.path("cluster.json"));
    temporary(folder, &format!("#!/bin/sh\nexec {program} sim weka --state {} -- \"$@\"\n", state.display()));
}

/// The example, on a cluster of this release; over the command its file says so.
pub(crate) fn example(release: &str, via_weka: bool) -> Folder {
    let folder = Folder::example("quickstart");
    let mut state = folder.state();
    state["release"] = release.into();
    folder.write("cluster.json", &state.to_string());
    if via_weka {
        let file = folder.read("attune.toml");
        folder.write("attune.toml", &file.replace("endpoints = [\"sim:cluster.json\"]", "via = \"weka\""));
        face(&folder);
    }
    folder
}

/// A state without the ids and keys that depend on the number of calls.
fn said(folder: &Folder) -> Value {
    let mut state = folder.state();
    state.as_object_mut().unwrap().remove("serial");
    for user in state["tenants"]["Root"]["users"].as_object_mut().unwrap().values_mut() {
        user.as_object_mut().unwrap().remove("keys");
    }
    state
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_apply_has_the_same_result_as_over_rest_on_every_release_that_reports_attachments() {
    for release in ["4.0", "4.4", "5.1", "6.0"] {
        let (rest, weka) = (example(release, false), example(release, true));
        let plans = [&rest, &weka].map(|folder| folder.attune("plan --format json").exits(0).json());
        assert_eq!(plans[0]["steps"], plans[1]["steps"], "{release}");
        assert_eq!(plans[0]["digest"], plans[1]["digest"], "{release}");
        for folder in [&rest, &weka] {
            folder.attune("apply --yes").exits(0);
            folder.attune("plan --detailed-exitcode").exits(0);
        }
        assert_eq!(said(&rest), said(&weka), "{release}");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_new_key_pair_is_stored_and_the_old_one_is_gone() {
    for release in ["5.1", "6.0"] {
        let folder = example(release, true);
        let keys = |folder: &Folder| folder.tenant()["users"]["alice"]["keys"].clone();
        let old = keys(&folder);
        let run = folder.attune("keys rotate alice --yes --format json").exits(0);
        let new = keys(&folder);
        assert_ne!(old, new);
        assert_eq!(run.json()["users"][0]["access_key"], new["access_key"]);
        let kept: Value = serde_json::from_str(&folder.read("secrets/alice.json")).unwrap();
        assert_eq!(kept["secret_key"], new["secret_key"]);
        let secret = new["secret_key"].as_str().unwrap();
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret));
    }
    let folder = example("5.1", true);
    folder.attune("keys rotate bob --yes").exits(1).warns("the cluster makes keys only for users with one");
    let old = example("4.4", true).attune("keys rotate alice --yes").exits(1);
    old.warns("the name and the password of a user are its key pair");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn keys_are_revoked_before_the_detach_if_the_command_can_create_new_ones() {
    for release in ["4.4", "5.1", "6.0"] {
        let folder = example(release, true);
        folder.write("attune.toml", "[cluster]\nvia = \"weka\"\n[users.alice]\ndetached = true\nrevoke_keys = true\n");
        let old = folder.tenant()["users"]["alice"]["keys"].clone();
        if release == "4.4" {
            folder.attune("apply --yes").exits(1);
            continue;
        }
        folder.attune("apply --yes").exits(0).says("revokes the S3 keys first");
        let alice = folder.tenant()["users"]["alice"].clone();
        assert!(alice.get("policy").is_none(), "{alice}");
        assert_ne!(alice["keys"], old);
        // Nothing is left to do, and the next plan does not pass over it in silence.
        folder.attune("plan").exits(1).warns("it has no policy").warns("take `revoke_keys` out");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn temporary_credentials_and_the_doctor_work_over_the_command() {
    for release in ["4.4", "5.1", "6.0"] {
        let folder = example(release, true);
        let keys = [("ATTUNE_SECRET_KEY", "example+secret+key+of+simulated+alice")];
        let ask = "sts assume-role --access-key 0000EXAMPLEKEY000000 --duration 60m --format env";
        if release != "4.4" {
            let output = folder.attune_with(ask, &keys).exits(0);
            assert!(output.stdout.contains("export AWS_SESSION_TOKEN="), "{release}: {}", output.stdout);
        }
        folder.attune("doctor").exits(0).says("the weka command");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_other_form_of_detach_is_tried_and_remembered() {
    let folder = example("5.1", true);
    // As after an upgrade without a change of the configuration: the form of 4.4, which this cluster refuses.
    let file = folder.read("attune.toml");
    folder.write("attune.toml", &file.replace("via = \"weka\"", "via = \"weka\"\nrelease = \"4.4\""));
    folder.attune("apply --yes").exits(0);
    folder.attune("plan --detailed-exitcode").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_login_from_the_environment_is_not_in_the_arguments_of_the_command() {
    let folder = example("5.1", true);
    let wrong = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "wr0ng")];
    let refused = folder.attune_with("plan", &wrong).exits(1);
    assert!(refused.stderr.contains("error[not-authorized]") || refused.stderr.contains("Not logged in"));
    assert!(!refused.stderr.contains("wr0ng"), "{}", refused.stderr);
    folder.attune_with("plan", &[("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin")]).exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn only_the_tenant_of_the_login_is_changed_and_only_if_it_is_the_configured_one() {
    for release in ["4.4", "5.1", "6.0"] {
        let folder = example(release, true);
        let mut state = folder.state();
        state["tenants"]["etl"] = serde_json::json!({"users": {
            "boss": {"role": "TenantAdmin", "password": "pw"}, "alice": {"policy": "readwrite"}, "bob": {}}});
        folder.write("cluster.json", &state.to_string());
        let root = access(&folder.state());
        // The host is logged in to Root.
        for args in ["plan --tenant etl", "apply --yes --tenant etl"] {
            let refused = folder.attune(args).exits(1);
            assert!(refused.stderr.contains("\"etl\" is expected"), "{}", refused.stderr);
        }
        let boss = [("ATTUNE_USERNAME", "boss"), ("ATTUNE_PASSWORD", "pw")];
        folder.write("attune.toml", "[cluster]\nvia = \"weka\"\ntenant = \"etl\"\n[users.alice]\ndetached = true\n");
        folder.attune_with("apply --yes", &boss).exits(0);
        assert!(folder.state()["tenants"]["etl"]["users"]["alice"].get("policy").is_none(), "{release}");
        assert_eq!(access(&folder.state()), root, "{release}");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_unknown_newer_release_counts_as_the_newest_with_a_warning() {
    let folder = example("6.0", true);
    let script = folder.read("weka").replacen("exec ", "", 1).trim_end().to_owned()
        + " | /usr/bin/env PATH=/usr/bin:/bin sed 's/\"6\\.0[^\"]*\"/\"7.2.1\"/'\n";
    temporary(&folder, &script);
    let plan = folder.attune("plan").exits(0);
    assert!(plan.stderr.contains("WEKA 7.2.1 is newer than 6.0"), "{}", plan.stderr);
    folder.attune("apply --yes").exits(0);
    folder.attune("plan --detailed-exitcode").exits(0);
}

#[test]
fn a_missing_command_or_unreadable_output_is_a_clear_error() {
    let folder = example("5.1", true);
    fs::remove_file(folder.path("weka")).unwrap();
    let gone = folder.attune("plan --retries 0").exits(1);
    assert!(gone.stderr.contains("cannot be run") && gone.stderr.contains("--weka-bin PATH"), "{}", gone.stderr);
    temporary(&folder, "#!/bin/sh\necho Welcome to WEKA\n");
    let nonsense = folder.attune("plan --retries 0").exits(1);
    assert!(nonsense.stderr.contains("does not hold a user's name and role"), "{}", nonsense.stderr);
    assert!(!Path::new(&folder.path(".attune")).exists());
}

/// Every command of the vendor's page "Manage S3 users and authentication using the CLI", as it is written there, and how
/// it ends on each release: its exit status, and a part of its output.
#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn every_command_of_the_vendors_page_exists() {
    const DONE: [i32; 5] = [0; 5];
    const FAILS: [i32; 5] = [1; 5];
    // Key pairs of their own are there since 5.1; detach names the policy on 5.1 alone.
    const SINCE_5_1: [i32; 5] = [2, 2, 2, 0, 0];
    const ONLY_5_1: [i32; 5] = [2, 2, 2, 0, 2];
    const NOT_5_1: [i32; 5] = [0, 0, 0, 2, 0];
    let table: [(&str, &str, [i32; 5], &str); 16] = [
        ("s3 policy list", "", DONE, "readonly"),
        ("s3 policy show readonly", "", DONE, "s3:GetObject"),
        ("s3 policy add mine policy.json", "", DONE, ""),
        ("s3 policy add mine policy.json", "", FAILS, "error: "),
        ("s3 policy attach mine bob", "", DONE, ""),
        ("s3 policy remove mine", "", FAILS, "error: "),
        ("s3 user keys-generate --user bob", "yes\n", SINCE_5_1, ""),
        ("s3 user keys-generate --user bob", "no\n", [2, 2, 2, 1, 1], "error: "),
        ("s3 user keys-generate", "yes\n", SINCE_5_1, ""),
        ("s3 policy detach mine bob", "", ONLY_5_1, ""),
        ("s3 policy detach bob", "", NOT_5_1, ""),
        ("s3 user keys-generate --user bob", "yes\n", [2, 2, 2, 1, 1], "error: "),
        ("s3 policy remove mine", "", DONE, ""),
        ("s3 sts assume-role --access-key nobody --duration 60m", "a-secret-key\n", FAILS, "error: "),
        ("s3 sts assume-role --access-key {alice} --duration 60m", "{secret}\n", DONE, "session_token: "),
        (
            "s3 sts assume-role --access-key {alice} --duration 1w --policy-file policy.json",
            "{secret}\n",
            DONE,
            "_token: ",
        ),
    ];
    for (at, release) in ["3.14", "4.0", "4.4", "5.1", "6.0"].into_iter().enumerate() {
        let folder = Folder::new();
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;
        folder.write("policy.json", document);
        // The login is an S3 user of a directory here, which can have a policy.
        let admin = r#"{"role":"ClusterAdmin","password":"admin","source":"LDAP","policy":"readonly"}"#;
        let keys = r#"{"access_key":"AK","secret_key":"alices-secret"}"#;
        let users = format!(
            r#"{{"admin":{admin},"alice":{{"password":"alices-secret","policy":"readonly","keys":{keys}}},"bob":{{}}}}"#
        );
        let state = format!(r#"{{"release":"{release}","tenants":{{"Root":{{"users":{users}}}}}}}"#);
        folder.write("cluster.json", &state);
        let alice = if at < 3 { "alice" } else { "AK" };
        for (command, typed, codes, said) in table {
            let command = command.replace("{alice}", alice);
            let typed = typed.replace("{secret}", "alices-secret");
            let run =
                folder.attune_fed(&format!("sim weka --state cluster.json -- {command}"), &typed).exits(codes[at]);
            let (printed, what) = (format!("{}{}", run.stdout, run.stderr), format!("{release}: weka {command}"));
            assert!(codes[at] == 2 || printed.contains(said), "{what}: {printed}");
            assert!(codes[at] != 2 || printed.starts_with("error: usage:"), "{what}: {printed}");
            let shows_pair = at >= 3 && codes[at] == 0 && (command.contains("attach") || typed == "yes\n");
            assert_eq!(printed.contains("secret_key: "), shows_pair, "{what}: {printed}");
        }
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn no_secret_is_an_argument_and_only_the_owner_can_read_a_document() {
    let folder = example("5.1", true);
    let (program, state, log) =
        (env!("CARGO_BIN_EXE_attune"), folder.path("cluster.json"), folder.path("arguments.txt"));
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {log}\nif [ \"$2 $3\" = 'policy add' ]; then /bin/ls -l \"$5\" >> {log}; fi\n\
         exec {program} sim weka --state {} -- \"$@\"\n",
        state.display(),
        log = log.display()
    );
    temporary(&folder, &script);
    let admin =
        [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin-password"), ("ATTUNE_SECRET_KEY", "s3cr3t-key")];
    folder.drift(|root| root["users"]["admin"]["password"] = "admin-password".into());
    folder.attune_with("apply --yes", &admin).exits(0);
    folder.attune_with("sts assume-role --access-key AK --duration 60m", &admin).exits(1);
    let log = folder.read("arguments.txt");
    for secret in ["admin-password", "s3cr3t-key"] {
        assert!(!log.contains(secret), "{log}");
    }
    let modes: Vec<&str> = log.lines().filter(|line| line.starts_with("-r")).collect();
    assert!(!modes.is_empty() && modes.iter().all(|line| line.starts_with("-rw-------")), "{log}");
    let commands = log.lines().filter(|line| !line.starts_with("-r"));
    assert!(commands.clone().count() > 10 && commands.clone().all(|line| line.ends_with("--json")), "{log}");
}

#[tokio::test]
async fn a_command_that_hangs_is_killed() {
    let folder = Folder::new();
    temporary(&folder, &format!("#!/bin/sh\necho $$ > {}\nexec /bin/sleep 600\n", folder.path("pid").display()));
    let (login, server, tenant, release) = (None, None, None, None);
    let limit = Duration::from_millis(500);
    let cluster = WekaCluster::new(WekaOptions {
        program: folder.path("weka"),
        login,
        server,
        tenant,
        release,
        any_certificate: false,
        limit,
    });
    let error = cluster.remove_policy(&PolicyName::parse("old").unwrap()).await.unwrap_err();
    assert!(error.message.contains("did not end within 0.5 s, and was killed"), "{error}");
    // The identity check hung: the removal was never sent.
    assert_eq!(error.effect, Effect::NotSent);
    drop(cluster);
    let process = format!("/proc/{}/stat", folder.read("pid").trim());
    for _ in 0..100 {
        // One that is dead may wait for its parent to see it.
        if fs::read_to_string(&process).map_or(true, |stat| stat.contains(") Z ")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it still runs");
}

/// The golden cases are plans over REST; the command gives the same plans.
#[test]
fn every_golden_case_has_the_same_plan_as_over_rest() {
    const ENDPOINT: &str = "endpoints = [\"sim:cluster.json\"]";
    // REST cannot create a key pair, and these cases are about that.
    const ABOUT_REST: [&str; 1] = ["keys-that-cannot-be-revoked"];
    let mut compared = 0;
    for case in folders(&root().join("tests/golden")) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let (rest, weka) = (Folder::copy_of(&case), Folder::copy_of(&case));
        let file = rest.read("attune.toml");
        if !file.contains(ENDPOINT) || !rest.path("cluster.json").exists() || ABOUT_REST.contains(&name.as_str()) {
            continue;
        }
        weka.write("attune.toml", &file.replace(ENDPOINT, "via = \"weka\""));
        face(&weka);
        let plans = [&rest, &weka].map(|folder| folder.attune("plan --format json"));
        assert_eq!(plans[0].code, plans[1].code, "{name}: {}", plans[1].stderr);
        let [output, same] = plans.map(|run| run.json());
        for part in ["steps", "digest", "summary"] {
            assert_eq!(output[part], same[part], "{name}: {part}");
        }
        // Over the command it is not known whether there is an identity provider.
        let changes = |plan: &Value| {
            let mut changes = plan["changes"].clone();
            for change in changes.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                let Some(Value::Array(notes)) = change.get_mut("notes") else { continue };
                notes.retain(|note| !["name_absent", "name_gone", "old_name_gone"].contains(&note.as_str().unwrap()));
                if notes.is_empty() {
                    change.remove("notes");
                }
            }
            changes
        };
        assert_eq!(changes(&output), changes(&same), "{name}");
        let refusals = |plan: &Value| {
            let all = plan["refusals"].as_array().cloned().unwrap_or_default();
            all.into_iter()
                .filter(|refusal| !refusal["message"].as_str().unwrap().contains("does not report"))
                .collect::<Vec<_>>()
        };
        assert_eq!(refusals(&output), refusals(&same), "{name}");
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_import_over_the_command_is_the_same_as_over_rest() {
    for release in ["4.4", "5.1", "6.0"] {
        let folder = example(release, true);
        let reports = ["--out over-weka", "--cluster sim:cluster.json --via rest --out over-rest"]
            .map(|args| folder.attune(&format!("import --format json {args}")).exits(0).json());
        for of in ["cluster", "files", "policies", "users"] {
            assert_eq!(reports[0][of], reports[1][of], "{release}");
        }
        assert!(folder.read("over-weka/attune.toml").contains("via = \"weka\""));
        for directory in ["over-weka", "over-rest"] {
            folder.attune(&format!("plan --detailed-exitcode --file {directory}/attune.toml")).exits(0);
        }
    }
    let folder = example("5.1", true);
    fs::remove_file(folder.path("attune.toml")).unwrap();
    folder.attune("import --via weka --out here").exits(0);
    folder.attune("plan --detailed-exitcode --file here/attune.toml").exits(0);
}
