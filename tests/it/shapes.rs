//! Answers as clusters give them: each is read, or refused with a clear error.

use std::fs;

use serde_json::Value;

use crate::harness::{Folder, files, root};
use crate::weka::{example, temporary};

fn shape(name: &str) -> String {
    fs::read_to_string(root().join("tests/shapes").join(name)).unwrap()
}

/// A folder whose `weka` command prints these files: as `(start of the arguments, file)`. Other commands fail.
fn scripted(answers: &[(&str, &str)]) -> Folder {
    let folder = Folder::with(&[("attune.toml", "[cluster]\nvia = \"weka\"\n")]);
    let mut script = "#!/bin/sh\ncase \"$*\" in\n".to_owned();
    for (arguments, name) in answers {
        folder.write(name, &shape(name));
        let path = folder.path(name);
        let (stream, code) = if ["s3-down.txt", "cli-usage-error.txt"].contains(name) { (" >&2", 1) } else { ("", 0) };
        script += &format!("  \"{arguments}\"*) /bin/cat \"{}\"{stream}; exit {code};;\n", path.display());
    }
    script += "esac\necho \"error: unknown command $*\" >&2\nexit 2\n";
    temporary(&folder, &script);
    folder
}

const HOST: [(&str, &str); 3] =
    [("status", "status-4.4-k8s.json"), ("user whoami", "whoami-J.json"), ("user --json", "user-J.json")];

fn host(others: &[(&'static str, &'static str)]) -> Folder {
    scripted(&[&HOST, others].concat())
}

#[test]
fn the_captured_host_is_read_whole() {
    for show in ["policy-show-J-raw.json", "policy-show-bare.json"] {
        let folder =
            host(&[("s3 policy show ml", show), ("s3 policy show readonly", show), ("s3 policy list", "list.json")]);
        // The only problem is the time of the answer: it was captured long ago.
        let run = folder.attune("doctor").exits(2);
        let run = run.says("lab-infra").says("4.4.2.157-k8s.2").says("admin · ClusterAdmin · tenant Root");
        assert_eq!(run.says("warning[clock-skew]").stdout.matches("[clock-skew]").count(), 1);
        folder.write(
            "attune.toml",
            "[cluster]\nvia = \"weka\"\n[policies.ml]\ndocument = \"ml.json\"\n[users.alice]\npolicy = \"readonly\"\n",
        );
        folder.write("ml.json", &shape("policy-show-bare.json"));
        folder.attune("plan --detailed-exitcode").exits(0).says("no changes");
        folder.attune("import --out imported").exits(0);
        let document: Value = serde_json::from_str(&folder.read("imported/policies/ml.json")).unwrap();
        assert_eq!(document["Statement"][0]["Action"][0], "s3:GetObject", "{show}");
    }
}

#[test]
fn complaints_of_the_command_are_shown_with_help() {
    let folder = host(&[("s3 policy list", "s3-down.txt")]);
    let run = folder.attune("plan --retries 0").exits(1);
    run.warns("Could not find a running S3 container").warns("weka s3 cluster status");
    let folder = host(&[("s3 policy list", "cli-usage-error.txt")]);
    folder.attune("plan --retries 0").exits(1).warns("Cannot pass option");
}

#[test]
fn temporary_credentials_are_read_from_labels() {
    let folder = host(&[("s3 sts assume-role", "sts-assume-role-human.txt")]);
    let ask = "sts assume-role --access-key AK --duration 60m --format env";
    let run = folder.attune_with(ask, &[("ATTUNE_SECRET_KEY", "a-secret-key")]).exits(0);
    run.says("AWS_ACCESS_KEY_ID").says("AAAAAAAAAAAAAAAAAAAA").says("e30.c2ln");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn policies_are_read_in_every_shape_that_the_command_may_print() {
    for (release, shape, as_string) in [
        ("5.1", "raw", false),
        ("4.4", "raw", true),
        ("5.1", "table", true),
        ("6.0", "table", false),
        ("5.1", "bare", false),
    ] {
        let folder = example(release, true);
        let mut state = folder.state();
        state["switches"]["command_shape"] = shape.into();
        state["switches"]["content_as_string"] = as_string.into();
        folder.write("cluster.json", &state.to_string());
        folder.attune("import --out imported").exits(0);
        folder.attune("apply --yes").exits(0);
        folder.attune("plan --detailed-exitcode").exits(0);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_document_in_an_unknown_shape_is_an_error_and_never_replaced() {
    let folder = example("5.1", true);
    let script = folder.read("weka").replacen("exec ", "", 1).trim_end().to_owned()
        + " | /usr/bin/env PATH=/usr/bin:/bin sed 's/\"content\":/\"body\":/'\n";
    temporary(&folder, &script);
    let before = folder.read("cluster.json");
    folder.attune("doctor --retries 0").exits(1).says("does not hold a policy with its content");
    for command in ["plan --retries 0", "apply --yes --retries 0", "import --out imported --retries 0"] {
        folder.attune(command).exits(1).warns("does not hold a policy with its content");
    }
    assert_eq!(folder.read("cluster.json"), before);
}

#[test]
fn the_command_refuses_unknown_certificates_unless_told_otherwise() {
    let strictness = |args: &str, environment: &[(&str, &str)]| {
        let folder = host(&[]);
        let script =
            folder.read("weka").replacen("case", "echo \"${WEKA_TLS_STRICTNESS-none}\" >> strictness\ncase", 1);
        temporary(&folder, &script);
        folder.attune_with(args, environment);
        folder.read("strictness").lines().next().unwrap().to_owned()
    };
    assert_eq!(strictness("plan --retries 0", &[]), "strict");
    assert_eq!(strictness("plan --retries 0", &[("WEKA_TLS_STRICTNESS", "")]), "strict");
    assert_eq!(strictness("plan --retries 0", &[("WEKA_TLS_STRICTNESS", "paranoid")]), "paranoid");
    assert_eq!(strictness("plan --retries 0 --insecure", &[]), "none");
    let folder = host(&[]);
    temporary(&folder, "#!/bin/sh\necho 'error: x509: certificate signed by unknown authority' >&2\nexit 1\n");
    folder.attune("plan --retries 0").exits(1).warns("unknown authority").warns("WEKA_TLS_STRICTNESS");
}

#[test]
fn every_shape_has_a_test() {
    let sources = files(&root().join("src/cluster"), ".rs").into_iter().chain([root().join("tests/it/shapes.rs")]);
    let sources: String = sources.map(|path| fs::read_to_string(path).unwrap()).collect();
    for path in files(&root().join("tests/shapes"), "") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name == "README.md" || sources.contains(&name), "{name} is in no test");
    }
}
