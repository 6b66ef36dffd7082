//! Envelopes through the binary: what an included file may declare and give, whatever it tries.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::base::{commit, git};
use crate::harness::{Folder, Run};

const MAIN: &str = r#"include = ["teams/*.toml"]

[cluster]
endpoints = ["sim:cluster.json"]

[credentials]
file = true
dir  = "secrets"

[[envelope]]
name       = "ml"
files      = "teams/ml.toml"
policies   = "ml-*"
users      = ["svc-ml-*", "u*"]
groups     = "ml"
may_attach = ["shared", "legacy", "readwrite"]
actions    = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
resources  = ["arn:aws:s3:::ml-*", "arn:aws:s3:::ml-*/*"]
"#;

const TEAM: &str = r#"[policies.ml-rw]
document    = "ml/rw.json"
attached_to = ["svc-ml-a"]
"#;

const GOOD: &str = r#"{ "Version": "2012-10-17", "Statement": [
  { "Sid": "Write", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::ml-data/*" }
] }
"#;

const CLUSTER: &str = r#"{"format":"attune.sim/1","tenants":{"Root":{
    "policies":{"legacy":{"document":{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::*"}]}}},
    "users":{"admin":{"role":"ClusterAdmin","password":"admin"},"svc-ml-a":{},"svc-ml-b":{},"root":{}}}}}"#;

pub(crate) fn folder() -> Folder {
    Folder::with(&[
        ("attune.toml", MAIN),
        ("teams/ml.toml", TEAM),
        ("teams/ml/rw.json", GOOD),
        ("cluster.json", CLUSTER),
        (".gitignore", "*.lock\nsecrets\n.attune\n"),
    ])
}

pub(crate) fn replace(folder: &Folder, file: &str, old: &str, new: &str) {
    let text = folder.read(file);
    assert!(text.contains(old), "{text}");
    folder.write(file, &text.replace(old, new));
}

pub(crate) fn add(folder: &Folder, file: &str, text: &str) {
    folder.write(file, &format!("{}\n{text}", folder.read(file)));
}

/// Runs attune with arguments that have blanks.
fn with_words(folder: &Folder, args: &[&str]) -> Run {
    let output = folder.command(args.iter().copied()).env("PATH", std::env::var("PATH").unwrap()).output().unwrap();
    Run::of(&args.join(" "), &output)
}

/// The configuration has an error of this code, in every command and with every selection.
pub(crate) fn is_refused(folder: &Folder, code: &str, text: &str) {
    let before = folder.read("cluster.json");
    let codes = folder.attune("validate --format json").exits(1).codes();
    assert!(codes.iter().any(|one| one == code), "{codes:?}");
    folder.attune("validate").exits(1).says(code).says(text);
    for command in ["plan", "apply --yes", "apply --yes --only user/root", "test"] {
        folder.attune(command).exits(1).warns(code).warns(text);
    }
    assert_eq!(folder.read("cluster.json"), before);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_wider_document_is_refused_with_one_request_and_its_line() {
    let folder = folder();
    folder.attune("validate").exits(0);
    folder.attune("test").exits(0).says("ok      envelope ml").says("envelopes: 1 holds");
    folder.attune("plan").exits(0).says("envelopes: 1 holds");
    replace(&folder, "teams/ml/rw.json", "\"s3:PutObject\"", "\"s3:DeleteObject\"");
    let what = "policy `ml-rw` allows to delete (delete) `ml-data/x`: its statement \"Write\" allows `s3:DeleteObject`";
    folder.attune("test").exits(3).says("FAILED  envelope ml").says(what).says("at teams/ml/rw.json:2");
    folder.attune("validate").exits(1).says("envelope \"ml\" is exceeded");
    let before = folder.read("cluster.json");
    for command in ["plan", "apply --yes"] {
        let run = folder.attune(command).exits(3).says(&format!("refused: envelope \"ml\" is exceeded: {what}"));
        run.says("at teams/ml/rw.json:2").says("--override envelope=ml").warns("an envelope refuses this plan");
    }
    assert_eq!(folder.read("cluster.json"), before);
    let json = folder.attune("test --format json").exits(3).json();
    assert_eq!(json["envelopes"][0]["files"], json!(["teams/ml.toml"]));
    let breach = &json["envelopes"][0]["breaches"][0];
    assert_eq!((&breach["who"], &breach["failure"]["request"]), (&json!(["svc-ml-a"]), &json!("delete")));
    folder.attune("test --format junit").exits(3).says("name=\"envelope ml\"").says("type=\"envelope-exceeded\"");
    let sarif = folder.attune("test --format sarif").exits(3);
    let sarif: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "envelope-exceeded");
    folder.attune("plan --format markdown").exits(3).says("envelope");
    folder.attune("apply --yes --override envelope=ml").exits(0).says("overridden by envelope=ml");
    folder.attune("test --observed").exits(3).says("FAILED  envelope ml");
    // The cluster has it now, and a plan of everything is still refused.
    folder.attune("plan").exits(3);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn whatever_a_user_of_the_file_has_counts_at_any_time() {
    for (entry, what) in [
        ("svc-ml-b = \"readwrite\"", "by policy `readwrite`"),
        ("svc-ml-b = \"legacy\"", "user `svc-ml-b` can delete the bucket"),
        ("svc-ml-b = { policy = \"ml-rw\", until = 2999-01-01, then = \"readwrite\" }", "by policy `readwrite`"),
        ("svc-ml-b = { policy = \"legacy\", from = 2999-01-01 }", "by policy `legacy`"),
        ("svc-ml-b = { policy = \"ml-rw\", from = 2999-01-01, before = \"legacy\" }", "by policy `legacy`"),
        ("svc-ml-b = { policy = \"ml-rw\", until = 2999-01-01, then = \"shared\" }", "document of policy `shared`"),
    ] {
        let folder = folder();
        add(&folder, "teams/ml.toml", &format!("[users]\n{entry}\n"));
        let run = folder.attune("plan").exits(3).says("envelope \"ml\" is exceeded").says(what);
        run.says("at teams/ml.toml:6");
    }
    // Another file's policy, and one that only the cluster has: nothing is decided offline.
    let folder = folder();
    add(&folder, "teams/ml.toml", "[users]\nsvc-ml-b = \"shared\"\n");
    let run = folder.attune("validate").exits(0).says("envelope-undecided");
    run.says("does not have the policy `shared` of user `svc-ml-b`");
    folder.attune("test").exits(3).says("UNKNOWN envelope ml");
    add(&folder, "attune.toml", "[policies.shared]\ndocument = \"shared.json\"\n");
    folder.write("shared.json", GOOD);
    folder.attune("plan").exits(0);
    folder.write("shared.json", &GOOD.replace("ml-data", "bio"));
    folder.attune("plan").exits(3).says("user `svc-ml-b` can read (read) `bio/x` by policy `shared`");
    folder.attune("validate").exits(1).says("--> shared.json:2");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_plan_of_a_part_is_refused_only_by_what_it_makes_worse() {
    let folder = folder();
    folder.drift(|tenant| tenant["users"]["svc-ml-b"] = json!({"policy": "readwrite"}));
    add(&folder, "teams/ml.toml", "[users]\nsvc-ml-b = { policy = \"readwrite\", until = 2020-01-01 }\n");
    folder.attune("plan").exits(3).says("by policy `readwrite`");
    folder.attune("plan --only policy/ml-rw").exits(2).warns("envelope-exceeded-before");
    folder.attune("apply --expired").exits(0);
    assert_eq!(folder.tenant()["users"]["svc-ml-b"]["policy"], json!(null));
    folder.write("teams/ml/rw.json", &GOOD.replace("ml-data/*", "*"));
    folder.attune("apply --yes --only policy/ml-rw").exits(3).says("policy `ml-rw` allows to");
}

#[test]
fn names_are_bound_in_every_key() {
    let statement =
        "[[policies.X.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nresource = \"arn:aws:s3:::ml-a/*\"\n";
    let policy = |name: &str, more: &str| format!("[policies.{name}]\n{more}\n{}", statement.replace('X', name));
    for text in [
        policy("other", ""),
        policy("ML-x", ""),
        policy("ml-x", "renamed_from = \"other\""),
        policy("ml-x", "attached_to = [\"root\"]"),
        policy("ml-x", "attached_to = [\"user/root\"]"),
        policy("ml-x", "attached_to = [\"group/ops\"]"),
        policy("ml-x", "attached_to = [{ user = \"root\", until = 2999-01-01 }]"),
        policy("ml-x", "attached_to = [{ group = \"ops\", from = 2999-01-01 }]"),
        policy("ml-x", "attached_to = [{ user = \"svc-ml-b\", until = 2999-01-01, then = \"readonly\" }]"),
        policy("ml-x", "attached_to = [{ user = \"svc-ml-b\", from = 2999-01-01, before = \"readonly\" }]"),
        "[policies.other]\nabsent = true\n".to_owned(),
        "[policies.ml-x]\ncombine = [\"ml-rw\", \"base\"]\n".to_owned(),
        "[users]\nroot = { detached = true }\n".to_owned(),
        "[users]\nroot = \"ml-rw\"\n".to_owned(),
        "[users.svc-ml-b]\npolicy = \"readonly\"\n".to_owned(),
        "[users]\nsvc-ml-b = { policy = \"ml-rw\", until = 2999-01-01, then = \"readonly\" }\n".to_owned(),
        "[groups]\nops = \"ml-rw\"\n".to_owned(),
        "[groups]\nml = \"readonly\"\n".to_owned(),
        "[tables.who]\nroot = {}\n[users.\"{{who}}\"]\neach = \"who\"\npolicy = \"ml-rw\"\n".to_owned(),
        "[users.\"svc-ml-{{n}}\"]\neach = [{ n = \"b\", p = \"readonly\" }]\npolicy = \"{{p}}\"\n".to_owned(),
    ] {
        let folder = folder();
        add(&folder, "attune.toml", &format!("[policies.base]\nabstract = true\n{}", statement.replace('X', "base")));
        add(&folder, "teams/ml.toml", &text);
        is_refused(&folder, "outside-envelope", "is outside the envelope");
    }
}

#[test]
fn a_file_is_bound_by_whatever_path() {
    // A link of one team to a file elsewhere counts as that file; so does a link to a file of another team.
    let one = folder();
    one.write("old/admins.toml", "[users]\nroot = \"readwrite\"\n");
    std::fs::remove_file(one.path("teams/ml.toml")).unwrap();
    symlink("../old/admins.toml", one.path("teams/ml.toml")).unwrap();
    is_refused(&one, "file-without-envelope", "`old/admins.toml` is in no envelope");
    add(
        &one,
        "attune.toml",
        "[[envelope]]\nfiles = \"old/*\"\nusers = \"*\"\nmay_attach = \"*\"\nactions = \"*\"\nresources = \"*\"\n",
    );
    is_refused(&one, "outside-envelope", "the user `root` in `old/admins.toml` is outside the envelope \"ml\"");

    // A file that a team includes is bound by the team's envelope as well as by its own.
    let two = folder();
    two.write("old/admins.toml", "[users]\nroot = \"readwrite\"\n");
    two.write("teams/ml.toml", &format!("include = [\"../old/admins.toml\"]\n{TEAM}"));
    is_refused(&two, "file-without-envelope", "`old/admins.toml` is in no envelope");
    add(
        &two,
        "attune.toml",
        "[[envelope]]\nfiles = \"old/*\"\nusers = \"*\"\nmay_attach = \"*\"\nactions = \"*\"\nresources = \"*\"\n",
    );
    is_refused(&two, "outside-envelope", "the user `root` in `old/admins.toml` is outside the envelope \"ml\"");

    // Other spellings of the path are the same file.
    let three = folder();
    replace(&three, "attune.toml", "\"teams/*.toml\"", "\"./old/../teams/ml.toml\", \"teams/*.toml\"");
    std::fs::create_dir(three.path("old")).unwrap();
    three.attune("validate").exits(0);
    add(&three, "teams/ml.toml", "[users]\nroot = \"ml-rw\"\n");
    is_refused(&three, "outside-envelope", "the user `root` in `teams/ml.toml`");

    // `*` matches no `/`, a name with other letters is another one, and nothing is in an envelope by a longer path.
    for other in ["teams/ML.toml", "teams/ml.toml.toml", "teams/x/ml.toml"] {
        let four = folder();
        replace(&four, "attune.toml", "\"teams/*.toml\"", "\"teams/**/*.toml\"");
        four.write(other, "[users]\nsvc-ml-b = { detached = true }\n");
        is_refused(&four, "file-without-envelope", &format!("`{other}` is in no envelope"));
    }
}

#[test]
fn a_document_lies_below_the_directory_of_its_file() {
    let folder = folder();
    folder.write("shared/rw.json", GOOD);
    replace(&folder, "teams/ml.toml", "ml/rw.json", "../shared/rw.json");
    is_refused(&folder, "document-outside-envelope", "`shared/rw.json`");
    // Through a link as well.
    replace(&folder, "teams/ml.toml", "../shared/rw.json", "ml/link.json");
    symlink("../../shared/rw.json", folder.path("teams/ml/link.json")).unwrap();
    is_refused(&folder, "document-outside-envelope", "`shared/rw.json`");
    replace(&folder, "attune.toml", "may_attach", "documents  = \"shared/*\"\nmay_attach");
    folder.attune("validate").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn templates_and_rows_of_different_files_escape_neither_way() {
    // A template of the main file with the rows of a team.
    let folder = folder();
    add(
        &folder,
        "attune.toml",
        "[policies.\"{{team}}-x\"]\neach = \"team\"\ndocument = \"teams/ml/{{doc}}.json\"\nattached_to = [\"svc-{{team}}-b\"]\n",
    );
    add(&folder, "teams/ml.toml", "[tables.team]\nml = { doc = \"rw\" }\n");
    folder.attune("plan").exits(0);
    replace(&folder, "teams/ml.toml", "ml = { doc = \"rw\" }", "ml = { doc = \"rw\" }\nbio = { doc = \"rw\" }");
    is_refused(&folder, "outside-envelope", "the policy `bio-x` in `teams/ml.toml`");
    // The row chooses a wide document.
    replace(&folder, "teams/ml.toml", "\nbio = { doc = \"rw\" }", "");
    replace(&folder, "teams/ml.toml", "ml = { doc = \"rw\" }", "ml = { doc = \"wide\" }");
    folder.write("teams/ml/wide.json", &GOOD.replace("ml-data/*", "*"));
    folder.attune("plan").exits(3).says("policy `ml-x` allows to");
    // A row makes neither an envelope nor an expectation, and the file has none of its own.
    for (main, team) in [
        (
            "[[envelope]]\neach = \"who\"\nname = \"x{{who}}\"\nfiles = \"teams/{{who}}.toml\"\n",
            "[tables.who]\nml = {}\n",
        ),
        ("[[expect]]\neach = \"who\"\nnobody = \"delete\"\non = \"{{who}}-data\"\n", "[tables.who]\nml = {}\n"),
        ("", "[[envelope]]\nname = \"own\"\nfiles = \"teams/ml.toml\"\n"),
        ("", "[[envelope]]\neach = [{ n = \"own\" }]\nname = \"{{n}}\"\nfiles = \"teams/ml.toml\"\n"),
        ("", "[[expect]]\nnobody = \"delete\"\non = \"ml-data\"\n"),
        ("", "[[expect]]\neach = [{ n = \"ml-data\" }]\nnobody = \"delete\"\non = \"{{n}}\"\n"),
    ] {
        let folder = self::folder();
        add(&folder, "attune.toml", main);
        add(&folder, "teams/ml.toml", team);
        folder.attune("plan").exits(1).warns("included file");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_proposal_is_bound_by_the_envelopes_of_its_base() {
    let wide = GOOD.replace("\"s3:PutObject\"", "\"s3:DeleteObject\"");
    let start = || {
        let folder = folder();
        git(&folder, &["init", "-q", "-b", "main"]);
        commit(&folder);
        folder
    };
    // It widens the envelope and uses it.
    let folder = start();
    folder.write("teams/ml/rw.json", &wide);
    replace(&folder, "attune.toml", "\"s3:PutObject\"]", "\"s3:*\"]");
    let run = with_words(&folder, &["plan", "--base", "main"]).exits(3);
    run.says("envelope.ml").says("envelope \"ml (base)\" is exceeded").says("--override 'envelope=ml (base)'");
    let before = folder.read("cluster.json");
    with_words(&folder, &["apply", "--yes", "--base", "main"]).exits(3);
    assert_eq!(folder.read("cluster.json"), before);
    let by = "envelope=ml (base)";
    with_words(&folder, &["plan", "--base", "main", "--override", by])
        .exits(0)
        .says("overridden by envelope=ml (base)");
    with_words(&folder, &["plan", "--base", "main", "--override", "envelope=ml"]).exits(3);

    // It removes the envelope, and names what it likes.
    let folder = start();
    let main = folder.read("attune.toml");
    folder.write("attune.toml", main.split("[[envelope]]").next().unwrap());
    add(&folder, "teams/ml.toml", "[users]\nroot = \"ml-rw\"\n");
    let run = with_words(&folder, &["plan", "--base", "main"]).exits(3);
    run.says("envelope.ml").says("the user `root` in `teams/ml.toml` is outside the envelope \"ml\"");
    with_words(&folder, &["plan", "--base", "main", "--override", "envelope=ml"])
        .exits(0)
        .says("overridden by envelope=ml");

    // It moves the file out, with an envelope of its own.
    let folder = start();
    git(&folder, &["mv", "teams/ml.toml", "teams/zz.toml"]);
    add(
        &folder,
        "attune.toml",
        "[[envelope]]\nfiles = \"teams/zz.toml\"\npolicies = \"*\"\nusers = \"*\"\nactions = \"*\"\nresources = \"*\"\n",
    );
    folder.attune("plan").exits(0);
    let run = with_words(&folder, &["plan", "--base", "main"]).exits(3);
    run.says("`teams/zz.toml` is in no envelope of the base").says("--override envelope=teams/zz.toml");
    with_words(&folder, &["plan", "--base", "main", "--only", "policy/ml-rw"]).exits(3);
    with_words(&folder, &["plan", "--base", "main", "--override", "envelope=teams/zz.toml"]).exits(0);

    // The base allows a new envelope for the same files, and another name, reason and order.
    let folder = start();
    add(
        &folder,
        "attune.toml",
        "[[envelope]]\nname = \"more\"\nfiles = \"teams/*\"\npolicies = \"*\"\nusers = \"*\"\nactions = \"s3:*\"\nresources = \"*\"\n",
    );
    replace(&folder, "attune.toml", "name       = \"ml\"", "name       = \"ML\"\nreason = \"so\"");
    with_words(&folder, &["plan", "--base", "main"]).exits(0).says("envelopes: 2 hold");
}

#[test]
fn a_file_in_two_envelopes_is_bound_by_both() {
    let folder = folder();
    add(
        &folder,
        "attune.toml",
        "[[envelope]]\nname = \"reads\"\nfiles = \"**\"\npolicies = \"*\"\nusers = \"*\"\nactions = \"s3:Get*\"\nresources = \"*\"\n",
    );
    let run = folder.attune("test").exits(3).says("ok      envelope ml").says("FAILED  envelope reads");
    run.says("policy `ml-rw` allows to write (write) `ml-data/x`");
}

#[test]
fn mounted_files_are_links_of_one_directory() {
    let folder = folder();
    for file in ["attune.toml", "teams/ml.toml", "teams/ml/rw.json", "cluster.json"] {
        let text = folder.read(file).replace("sim:cluster.json", "sim:c.json");
        folder.write(&format!("m/..2030/{file}"), &text);
    }
    folder.write("m/c.json", CLUSTER);
    symlink("..2030", folder.path("m/..data")).unwrap();
    for name in ["attune.toml", "teams"] {
        symlink(format!("..data/{name}"), folder.path(&format!("m/{name}"))).unwrap();
    }
    folder.attune("-f m/attune.toml validate").exits(0);
    folder.write("m/..2030/teams/ml/rw.json", &GOOD.replace("ml-data/*", "*"));
    folder.attune("-f m/attune.toml validate").exits(1).says("envelope \"ml\" is exceeded");
}

#[test]
fn a_flat_configuration_keeps_the_lists_of_all_files_and_templates() {
    let folder = Folder::with(&[
        (
            "attune.toml",
            "include = [\"t.toml\"]\n[[expect]]\nname = \"one\"\nnobody = \"delete\"\non = \"abc\"\n\
             [[expect]]\neach = [{ b = \"two\" }]\nname = \"{{b}}\"\nnobody = \"delete\"\non = \"abc\"\n",
        ),
        (
            "t.toml",
            "[users.\"{{u}}\"]\neach = [{ u = \"al\" }]\npolicy = \"readonly\"\n\
             [[expect]]\nname = \"three\"\nnobody = \"delete\"\non = \"abc\"\n",
        ),
    ]);
    let run = folder.attune("expand").exits(0);
    run.says("name = \"one\"").says("name = \"two\"").says("name = \"three\"");
}
