//! `attune import`: the files declare the cluster, and no file is overwritten.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::harness::{ADMIN, Folder, expect_file, files, folders, root};
use super::served::Served;

const SIM: &str = "import --cluster sim:cluster.json";

/// All that was written into a directory, by name.
fn written(folder: &Folder, directory: &str) -> Vec<(String, String)> {
    let directory = folder.path(directory);
    let name = |path: &std::path::Path| path.strip_prefix(&directory).unwrap().to_string_lossy().into_owned();
    let visible = files(&directory, "").into_iter().filter(|path| !name(path).starts_with('.'));
    visible.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn with_state(state: &Value) -> Folder {
    Folder::with(&[("cluster.json", &state.to_string())])
}

fn released(release: &str) -> Folder {
    let folder = Folder::example("quickstart");
    fs::remove_file(folder.path("attune.toml")).unwrap();
    fs::remove_dir_all(folder.path("policies")).unwrap();
    let mut state = folder.state();
    state["release"] = release.into();
    folder.write("cluster.json", &state.to_string());
    folder
}

#[test]
fn the_plan_of_what_was_imported_is_empty_and_the_bytes_are_the_same_again() {
    for release in ["4.0", "4.4", "5.1", "6.0"] {
        let folder = released(release);
        folder.attune("plan").exits(1).warns("attune import --cluster URL");
        let before = folder.read("cluster.json");
        folder
            .attune(SIM)
            .exits(0)
            .says("attune.toml   4 policies, 6 users")
            .warns("next: attune plan --file attune.toml");
        assert!(folder.read("attune.toml").starts_with("#:schema ./attune.schema.json\n"));
        folder.attune("plan --detailed-exitcode").exits(0).says("no changes: 4 policies and 6 users");
        folder.attune("validate").exits(0);
        folder.attune("fmt --check").exits(0);
        for style in ["", " --inline"] {
            for directory in ["a", "b"] {
                folder.attune(&format!("import --out {directory}{style}")).exits(0);
                folder.attune(&format!("plan --detailed-exitcode --file {directory}/attune.toml")).exits(0);
            }
            assert_eq!(written(&folder, "a"), written(&folder, "b"), "{release}{style}");
            for directory in ["a", "b"] {
                fs::remove_dir_all(folder.path(directory)).unwrap();
            }
        }
        assert_eq!(folder.read("cluster.json"), before, "an import changes nothing on the cluster");
    }
}

#[test]
fn every_cluster_of_the_golden_cases_can_be_imported() {
    let mut imported = 0;
    for case in folders(&root().join("tests/golden")) {
        let Ok(state) = fs::read_to_string(case.join("cluster.json")) else { continue };
        let folder = Folder::with(&[("cluster.json", &state)]);
        for style in ["", " --inline"] {
            folder.attune(&format!("{SIM}{style} --out a")).exits(0);
            let planned = folder.attune("plan --detailed-exitcode --file a/attune.toml");
            // The next apply finishes the leftovers of an interrupted one.
            if !state.contains("attune-swap-") {
                assert_eq!(planned.code, Some(0), "{}: {}{}", case.display(), planned.stdout, planned.stderr);
                imported += 1;
            }
            folder.attune(&format!("{SIM}{style} --out b")).exits(0);
            assert_eq!(written(&folder, "a"), written(&folder, "b"), "{}", case.display());
            fs::remove_dir_all(folder.path("a")).unwrap();
            fs::remove_dir_all(folder.path("b")).unwrap();
        }
    }
    assert!(imported > 60, "only {imported}");
}

#[test]
fn an_import_omits_invalid_objects_with_a_reason() {
    let case = root().join("tests/import/out-of-order");
    let folder = Folder::with(&[("cluster.json", &fs::read_to_string(case.join("cluster.json")).unwrap())]);
    for (name, args) in [("files", ""), ("inline", " --inline --policies * --users * --users nobody*")] {
        let run = folder.attune(&format!("{SIM} --out {name}{args}")).exits(0);
        expect_file(&case.join(format!("{name}.stdout")), &run.stdout);
        expect_file(&case.join(format!("{name}.stderr")), &run.stderr);
        expect_file(&case.join(format!("{name}.toml")), &folder.read(&format!("{name}/attune.toml")));
        let documents: String = written(&folder, name)
            .iter()
            .filter(|(file, _)| file.starts_with("policies"))
            .map(|(file, text)| format!("// {file}\n{text}"))
            .collect();
        expect_file(&case.join(format!("{name}.documents")), &documents);
        folder.attune(&format!("validate --file {name}/attune.toml")).exits(0);
        folder.attune(&format!("fmt --check --file {name}/attune.toml")).exits(0);
    }
    // Nothing is left to do once the leftovers are gone.
    folder.drift(|tenant| {
        tenant["policies"].as_object_mut().unwrap().remove("attune-swap-f4c2aebc-moved");
        tenant["users"]["anna"]["policy"] = Value::Null;
    });
    for name in ["files", "inline"] {
        folder.attune(&format!("plan --detailed-exitcode --file {name}/attune.toml")).exits(0);
    }
}

/// Ten teams with two policies and two users each, and one policy apart.
fn ten_teams() -> Folder {
    let (mut users, mut policies) = (json!({"admin": {"role": "ClusterAdmin", "password": "admin"}}), json!({}));
    let document = |actions: &[&str], bucket: &str| {
        let resources = [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")];
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]})
    };
    let teams = ["bio", "cfd", "chem", "data-eng", "eda", "geo", "hep", "ml", "vfx", "web"];
    for (team, bucket) in
        teams.iter().zip(["genomes", "cfd", "molecules", "raw", "chips", "maps", "events", "datasets", "frames", "web"])
    {
        policies[format!("{team}-ro")] = json!({"document": document(&["s3:GetObject", "s3:ListBucket"], bucket)});
        policies[format!("{team}-rw")] = json!({"document": document(&["s3:PutObject"], bucket)});
        users[format!("svc-{team}")] = json!({"policy": format!("{team}-rw")});
        users[format!("{team}-reader")] = json!({"policy": format!("{team}-ro")});
    }
    users["zoe"] = json!({"policy": "ml-ro"});
    policies["audit"] = json!({"document": document(&["s3:GetObject"], "audit/{{x}}")});
    with_state(&json!({"format": "attune.sim/1", "tenants": {"Root": {"users": users, "policies": policies}}}))
}

#[test]
fn policies_that_differ_in_one_word_become_a_template_only_when_asked() {
    let folder = ten_teams();
    for style in ["", " --inline"] {
        folder.attune(&format!("{SIM} --out plain{style}")).exits(0);
        let run = folder.attune(&format!("{SIM} --out folded --templates{style}")).exits(0);
        run.says("template [policies.\"{{name}}-ro\"] 10 entries").says("template [users.\"svc-{{name}}\"] 10 entries");
        let text = folder.read("folded/attune.toml");
        assert!(text.contains("\n[tables.name]\nbio = { bucket = \"genomes\" }\n"), "{text}");
        assert!(text.contains("\nzoe = \"ml-ro\"\n") && text.contains("[policies.audit"), "{text}");
        assert!(!folder.read("plain/attune.toml").contains("each"));
        let expanded = |directory: &str| {
            let text = folder.attune(&format!("expand --file {directory}/attune.toml")).exits(0).stdout;
            let table: toml::Table = text.parse().unwrap();
            (table, text)
        };
        let ((plain, _), (folded, text)) = (expanded("plain"), expanded("folded"));
        assert_eq!(plain["users"].as_table().unwrap().len(), 21);
        let names =
            |of: &toml::Table, section: &str| of[section].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&plain, "policies"), names(&folded, "policies"), "{text}");
        let policy_of = |of: &toml::Table, user: &str| {
            let entry = &of["users"][user];
            entry.get("policy").unwrap_or(entry).clone()
        };
        for user in names(&plain, "users") {
            assert_eq!(policy_of(&plain, &user), policy_of(&folded, &user), "{user}");
        }
        folder.attune("plan --detailed-exitcode --file folded/attune.toml").exits(0);
        let checked = folder.attune("validate --file folded/attune.toml").exits(0).stdout;
        assert!(!checked.contains("warning["), "{checked}");
        folder.attune("fmt --check --file folded/attune.toml").exits(0);
        let files: Vec<String> = written(&folder, "folded").into_iter().map(|(name, _)| name).collect();
        let documents: Vec<&str> = files.iter().filter_map(|name| name.strip_prefix("policies/")).collect();
        let expected = if style.is_empty() { vec!["audit.json", "name-ro.json", "name-rw.json"] } else { Vec::new() };
        assert_eq!(documents, expected);
        let json = folder.attune(&format!("{SIM} --out again --templates --format json{style}")).exits(0).json();
        assert_eq!(json["templates"].as_array().unwrap().len(), 4);
        assert_eq!(json["policies"].as_array().unwrap().len(), 21);
        assert_eq!(written(&folder, "folded"), written(&folder, "again"));
        for directory in ["plain", "folded", "again"] {
            fs::remove_dir_all(folder.path(directory)).unwrap();
        }
    }
    let run = folder.attune(&format!("{SIM} --out one --policies audit --templates")).exits(0);
    run.says("templates: none");
}

#[test]
fn templates_of_every_golden_cluster_have_no_plan() {
    let mut folded = 0;
    for case in folders(&root().join("tests/golden")) {
        let Ok(state) = fs::read_to_string(case.join("cluster.json")) else { continue };
        if state.contains("attune-swap-") {
            continue;
        }
        let folder = Folder::with(&[("cluster.json", &state)]);
        let run = folder.attune(&format!("{SIM} --templates --format json --out a")).exits(0).json();
        let planned = folder.attune("plan --detailed-exitcode --file a/attune.toml");
        assert_eq!(planned.code, Some(0), "{}: {}{}", case.display(), planned.stdout, planned.stderr);
        folded += run["templates"].as_array().unwrap().len();
    }
    assert!(folded > 3, "only {folded}");
}

#[test]
fn every_code_of_an_import_is_found_somewhere() {
    let case = root().join("tests/import/out-of-order");
    let output: String = files(&case, ".stderr").iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let output = output + &released("3.14").attune(SIM).exits(0).stderr;
    let folder = Folder::example("quickstart");
    let output = output + &folder.attune("edit adopt policy/readonly").exits(1).stderr;
    // Only a cluster that refuses to show buckets gives these: see the unit tests of the import.
    let of_buckets = ["buckets-not-imported", "bucket-not-declarable"];
    for code in attune::import::CODES.iter().filter(|code| !of_buckets.contains(&code.id)) {
        assert!(output.contains(&format!("[{}]", code.id)), "{} is in no case", code.id);
    }
}

#[test]
fn an_import_without_reported_attachments_writes_only_policies() {
    let folder = released("3.14");
    folder
        .attune(SIM)
        .exits(0)
        .says("4 policies, 0 users")
        .warns("does not report which policies are attached: no users are written");
    folder.attune("plan --detailed-exitcode").exits(0);
}

#[test]
fn a_thousand_of_everything_is_imported() {
    let statement = |n: usize| json!({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [format!("arn:aws:s3:::bucket-{n}/*")]});
    let policy = |n: usize| {
        (format!("policy-{n:04}"), json!({"document": {"Version": "2012-10-17", "Statement": [statement(n)]}}))
    };
    let user = |n: usize| (format!("user-{n:04}"), json!({"policy": format!("policy-{:04}", n % 1021)}));
    let mut users: serde_json::Map<String, Value> = (0..1024).map(user).collect();
    users.insert("admin".into(), json!({"role": "ClusterAdmin", "password": "admin"}));
    // Predefined policies count for the limit.
    let policies: serde_json::Map<String, Value> = (0..1021).map(policy).collect();
    let folder = with_state(&json!({
        "format": "attune.sim/1", "tenants": {"Root": {"users": users, "policies": policies}},
    }));
    for (style, directory) in [("", "files"), (" --inline", "inline")] {
        let run = folder.attune(&format!("{SIM} --out {directory}{style} --format json")).exits(0).json();
        assert_eq!(run["policies"].as_array().unwrap().len(), 1021);
        assert_eq!(run["users"].as_array().unwrap().len(), 1024);
        folder.attune(&format!("plan --detailed-exitcode --file {directory}/attune.toml")).exits(0);
        folder.attune(&format!("fmt --check --file {directory}/attune.toml")).exits(0);
    }
    assert_eq!(fs::read_dir(folder.path("files/policies")).unwrap().count(), 1021);
    assert!(!folder.path("inline/policies").exists());
}

#[test]
fn import_selects_users_and_policies_by_patterns() {
    let folder = released("5.1");
    let chosen = |args: &str| {
        let run = folder.attune(&format!("{SIM} --out chosen {args} --format json")).exits(0).json();
        folder.attune("plan --detailed-exitcode --file chosen/attune.toml").exits(0);
        fs::remove_dir_all(folder.path("chosen")).unwrap();
        ["policies", "users"].map(|of| {
            let names = run[of].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned());
            names.collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(chosen("--policies ml-* --policies web*"), ["ml-training web-logs", "dora zoe"]);
    assert_eq!(chosen("--users carol --users ?ora"), ["ml-training old-reports", "carol dora"]);
    assert_eq!(chosen("--policies web* --users carol"), ["web-logs", "carol"]);
    assert_eq!(chosen("--policies readonly"), ["", "erin frank"]);
    let run = folder.attune(&format!("{SIM} --policies nosuch*")).exits(0);
    run.says("0 policies, 0 users").warns("no policy on the cluster matches `nosuch*`");
    folder.attune(&format!("{SIM} --policies=")).exits(1);
}

#[test]
fn nothing_is_written_over() {
    let folder = released("5.1");
    folder.write("attune.toml", "[cluster]\nendpoints = [\"sim:cluster.json\"]\n");
    folder.write("policies/ml-training.json", "mine");
    let before: BTreeSet<_> = written(&folder, "").into_iter().collect();
    let run = folder.attune("import").exits(1).warns("these files exist: attune.toml, policies/ml-training.json");
    run.warns("--out DIR");
    let codes = folder.attune("import --format json").exits(1).codes();
    assert_eq!(codes, ["file-in-the-way"]);
    folder.write("blocked/policies", "a file");
    folder.attune("import --out blocked").exits(1).warns("blocked/policies");
    fs::remove_dir_all(folder.path("blocked")).unwrap();
    assert_eq!(written(&folder, "").into_iter().collect::<BTreeSet<_>>(), before);
}

#[test]
fn no_file_is_needed_and_an_existing_one_is_used() {
    let folder = released("5.1");
    folder.attune("import").exits(1).warns("no cluster is configured").warns("--cluster https://HOST:14000");
    let served = Served::start(&folder, "--tls");
    let (url, fingerprint) = (&served.url, served.fingerprint.clone().unwrap());
    folder.attune(&format!("import --cluster {url}")).exits(1).warns("no credentials");
    folder
        .attune_with(&format!("import --cluster {url}"), &ADMIN)
        .exits(1)
        .warns(&fingerprint)
        .warns("use `--fingerprint`");
    let trusting = format!("import --cluster {url} --fingerprint {fingerprint}");
    folder.attune_with(&trusting, &ADMIN).exits(0);
    let text = folder.read("attune.toml");
    assert!(text.contains(&format!("endpoints = [\"{url}\"]")) && text.contains(&fingerprint), "{text}");
    assert!(!text.contains("password"), "{text}");
    folder.attune_with("plan --detailed-exitcode", &ADMIN).exits(0);
    folder.attune_with("import --out again", &ADMIN).exits(0);
    assert_eq!(folder.read("again/attune.toml"), text);
}

#[test]
fn paths_of_the_file_are_those_of_the_new_place() {
    let folder = released("5.1");
    folder.write(
        "old/attune.toml",
        "[cluster]\nendpoints = [\"sim:../cluster.json\"]\nca_file = \"ca.pem\"\nreplace = \"gap\"\n",
    );
    folder.attune("import --file old/attune.toml --out new/deep").exits(0);
    let text = folder.read("new/deep/attune.toml");
    for line in ["endpoints = [\"sim:../../cluster.json\"]", "ca_file = \"../../old/ca.pem\"", "replace = \"gap\""] {
        assert!(text.contains(line), "{text}");
    }
    folder.attune("plan --detailed-exitcode --file new/deep/attune.toml").exits(0);
    let run = folder.attune("import --file old/attune.toml --out json --format json").exits(0).json();
    assert_eq!(run["files"][0], "attune.toml");
    assert_eq!(run["directory"], "json");
    assert_eq!(run["left_out"]["users_without_policy"], 1);
}
