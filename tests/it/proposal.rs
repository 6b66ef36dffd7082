//! A configuration under review is data: it reads, writes, runs and shows nothing of the machine that checks it.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

use super::harness::{Folder, Run};

const SECRET: &str = "hunter2-c0rrect-h0rse";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;
const LOGIN: [(&str, &str); 2] = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", SECRET)];

/// A machine: a home with secrets, and a repository in it.
fn machine() -> Folder {
    let folder = Folder::with(&[
        ("repo/attune.toml", "[cluster]\nendpoints = [\"sim:cluster.json\"]\n"),
        ("repo/cluster.json", r#"{"tenants":{"Root":{"users":{"alice":{}}}}}"#),
        ("repo/policies/fine.json", POLICY),
        (".weka/auth-token.json", &format!("{{\"access_token\": \"{SECRET}\"}}")),
        (".ssh/id_ed25519", &format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n")),
        ("elsewhere/attune.toml", &format!("[users.{SECRET}]\npolicy = 7\n")),
    ]);
    fs::create_dir_all(folder.path("repo/.git")).unwrap();
    folder
}

/// Runs attune in the repository.
fn attune(machine: &Folder, args: &str) -> Run {
    let mut command = machine.command(args.split_whitespace());
    let command = command.current_dir(machine.path("repo")).envs(LOGIN);
    Run::of(args, &command.output().unwrap())
}

fn configure(machine: &Folder, what: &str) {
    machine.write("repo/attune.toml", &format!("{what}\n[cluster]\nendpoints = [\"sim:cluster.json\"]\n"));
}

fn is_silent(run: &Run) {
    for text in [SECRET, "PRIVATE KEY", "access_token", "ATTUNE_PASSWORD", "No such file"] {
        assert!(!run.stdout.contains(text) && !run.stderr.contains(text), "{text} in\n{}{}", run.stdout, run.stderr);
    }
}

/// The paths by which a proposal could point to foreign files.
fn paths_outside(machine: &Folder) -> Vec<String> {
    let home = machine.path("").canonicalize().unwrap();
    symlink(home.join(".ssh/id_ed25519"), machine.path("repo/policies/key.json")).unwrap();
    symlink("key.json", machine.path("repo/policies/chain.json")).unwrap();
    symlink("../..", machine.path("repo/policies/home")).unwrap();
    symlink("/proc/self", machine.path("repo/policies/self")).unwrap();
    let mut paths: Vec<String> = [
        "../.ssh/id_ed25519",
        "../.weka/auth-token.json",
        "../.weka/not-there.json",
        "../elsewhere/attune.toml",
        "/proc/self/environ",
        "/etc/passwd",
        "policies/key.json",
        "policies/chain.json",
        "policies/home/.weka/auth-token.json",
        "policies/self/environ",
    ]
    .map(str::to_owned)
    .into();
    paths.push(home.join(".ssh/id_ed25519").display().to_string());
    paths
}

#[test]
fn nothing_outside_the_repository_is_quoted_by_a_document_or_an_include() {
    let machine = machine();
    for path in paths_outside(&machine) {
        for what in [format!("include = [\"{path}\"]"), format!("policies.p.document = \"{path}\"")] {
            configure(&machine, &what);
            for args in ["validate", "validate --format json", "plan", "drift", "fmt --check", "validate --fix"] {
                let run = attune(&machine, args);
                is_silent(&run);
                assert!(run.code == Some(1) || args == "fmt --check", "{args} {what}: {:?}", run.code);
            }
            assert_eq!(attune(&machine, "validate --format json").codes(), ["path-outside"], "{what}");
        }
    }
}

#[test]
fn a_main_file_or_document_that_is_a_link_out_of_the_repository_is_not_quoted() {
    let machine = machine();
    let repo = |name: &str| machine.path("repo").join(name);
    symlink(machine.path("elsewhere"), repo("team")).unwrap();
    symlink(machine.path(".ssh/id_ed25519"), repo("key.json")).unwrap();
    symlink(machine.path("elsewhere/attune.toml"), repo("other.toml")).unwrap();
    fs::remove_file(repo("attune.toml")).unwrap();
    symlink("/proc/self/environ", repo("attune.toml")).unwrap();
    for args in [
        "validate",
        "plan",
        "fmt",
        "fmt --check other.toml",
        "fmt team/attune.toml",
        "validate -f other.toml",
        "validate -f team/attune.toml",
        "policy lint key.json",
        "policy render key.json",
        "policy diff policies/fine.json key.json",
    ] {
        let run = attune(&machine, args);
        is_silent(&run);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(run.code == Some(1) && said.contains("outside the repository"), "{args}: {said}");
    }
}

#[test]
fn secrets_inside_the_repository_that_have_a_dot_before_their_names_are_not_quoted() {
    let machine = machine();
    machine.write("repo/.git/config", &format!("[http]\nextraheader = {SECRET}\n"));
    machine.write("repo/.env", &format!("ATTUNE_PASSWORD={SECRET}\n"));
    symlink(".env", machine.path("repo/env.json")).unwrap();
    for path in [".git/config", ".env", "env.json", "./policies/../.env"] {
        for what in [format!("include = [\"{path}\"]"), format!("policies.p.document = \"{path}\"")] {
            configure(&machine, &what);
            is_silent(&attune(&machine, "validate"));
            assert_eq!(attune(&machine, "validate --format json").codes(), ["path-outside"], "{what}");
        }
    }
}

/// Whether the program ends in a few seconds on a machine with other things to do.
fn ends(machine: &Folder, args: &str) -> Run {
    let begun = Instant::now();
    let run = attune(machine, args);
    assert!(begun.elapsed() < Duration::from_secs(30), "{args} took {:?}", begun.elapsed());
    run
}

#[test]
fn no_pipe_no_device_and_no_pattern_keeps_a_run_from_ending() {
    let machine = machine();
    let pipe = machine.path("repo/policies/pipe.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    symlink("/dev/zero", machine.path("repo/policies/zero.json")).unwrap();
    for (what, code) in [
        ("policies.p.document = \"policies/pipe.json\"", "unreadable-file"),
        ("include = [\"policies/pipe.json\"]", "unreadable-file"),
        ("policies.p.document = \"policies/zero.json\"", "path-outside"),
        ("policies.p.document = \"/dev/zero\"", "path-outside"),
        ("include = [\"/**/*.toml\"]", "path-outside"),
        ("include = [\"../**/*.toml\"]", "path-outside"),
    ] {
        configure(&machine, what);
        assert_eq!(ends(&machine, "validate --format json").exits(1).codes(), [code], "{what}");
    }
    for args in ["validate -f policies/pipe.json", "policy lint policies/pipe.json", "fmt policies/pipe.json"] {
        let run = ends(&machine, args).exits(1);
        assert!(format!("{}{}", run.stdout, run.stderr).contains("not a regular file"), "{args}: {}", run.stderr);
    }
    fs::File::create(machine.path("repo/policies/huge.json")).unwrap().set_len(1 << 40).unwrap();
    configure(&machine, "policies.p.document = \"policies/huge.json\"");
    assert_eq!(ends(&machine, "validate --format json").exits(1).codes(), ["read-limit"]);
}

#[test]
fn files_that_include_each_other_many_times_are_read_once_each() {
    let machine = machine();
    let includes = |names: std::ops::Range<usize>| {
        let names: Vec<String> = names.map(|name| format!("\"{name:05}.toml\"")).collect();
        format!("include = [{}]\n", names.join(", "))
    };
    for file in 0..300 {
        machine.write(&format!("repo/teams/{file:05}.toml"), &includes(0..10_000));
    }
    configure(&machine, "include = [\"teams/*.toml\"]");
    let codes = ends(&machine, "validate --format json").exits(1).codes();
    assert!(codes.iter().all(|code| code == "include-matches-nothing" || code == "read-limit"), "{codes:?}");
    for file in 0..300 {
        let entries = format!("{}[users.u{file}]\npolicy = \"readonly\"\n", includes(0..300));
        machine.write(&format!("repo/teams/{file:05}.toml"), &entries);
    }
    ends(&machine, "validate").exits(0).says("300 users");
}

#[test]
fn a_pipe_that_the_command_line_names_is_read() {
    let machine = machine();
    let text = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[users.alice]\npolicy = \"readonly\"\n";
    machine.attune_fed("validate --file /dev/stdin", text).exits(0).says("1 user");
    let outside = format!("policies.p.document = \"{}\"\n", machine.path("repo/policies/fine.json").display());
    machine.attune_fed("validate --file /dev/stdin", &outside).exits(1).says("path-outside");
}

#[test]
fn no_file_is_written_outside_the_repository_or_through_a_link() {
    let machine = machine();
    let draft = "[users.zoe]\npolicy=\"readonly\"\n[users.adam]\npolicy=\"readonly\"\n";
    let wrong = POLICY.replace("s3:GetObject", "s3:getobject");
    machine.write("elsewhere/draft.toml", draft);
    machine.write("elsewhere/wrong.json", &wrong);
    machine.write("repo/wrong.json", &wrong);
    machine.write("repo/draft.toml", draft);
    let repo = |name: &str| machine.path("repo").join(name);
    symlink("../elsewhere/draft.toml", repo("out.toml")).unwrap();
    symlink("draft.toml", repo("in.toml")).unwrap();
    symlink("../elsewhere", repo("out")).unwrap();
    symlink("wrong.json", repo("in.json")).unwrap();
    for what in ["include = [\"out.toml\"]", "include = [\"out/draft.toml\"]", "include = [\"in.toml\"]"] {
        configure(&machine, what);
        attune(&machine, "fmt");
    }
    for args in ["fmt out.toml", "fmt out/draft.toml", "fmt in.toml"] {
        attune(&machine, args).exits(1);
    }
    configure(&machine, "policies.p.document = \"in.json\"\npolicies.q.document = \"out/wrong.json\"");
    attune(&machine, "validate --fix").exits(1);
    for (name, text) in [
        ("elsewhere/draft.toml", draft),
        ("repo/draft.toml", draft),
        ("elsewhere/wrong.json", &wrong),
        ("repo/wrong.json", &wrong),
    ] {
        assert_eq!(machine.read(name), text, "{name}");
    }
    configure(&machine, "policies.p.document = \"wrong.json\"");
    attune(&machine, "validate --fix").exits(0);
    assert_eq!(machine.read("repo/wrong.json"), POLICY);
}

/// Writes a program that records its environment.
fn trap(machine: &Folder, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    let trace = machine.path("trace").display().to_string();
    machine.write(name, &format!("#!/bin/sh\n/usr/bin/env >> '{trace}'\n"));
    fs::set_permissions(machine.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn no_configuration_names_the_program_that_a_plan_runs() {
    let machine = machine();
    trap(&machine, "repo/x.sh");
    machine.write("repo/attune.toml", "[cluster]\nvia = \"weka\"\nweka_bin = \"./x.sh\"\n");
    for args in [
        "validate",
        "plan",
        "drift",
        "doctor",
        "import --out new",
        "plan --cluster https://localhost:1",
        "keys rotate alice --yes",
        "access alice",
    ] {
        attune(&machine, args).exits(1);
        assert!(!machine.path("trace").exists(), "{args} ran it");
    }
    let run = attune(&machine, "validate").exits(1);
    assert!(run.stdout.contains("unknown key `weka_bin`") && run.stdout.contains("--weka-bin PATH"), "{}", run.stdout);
}

#[test]
fn the_weka_command_is_found_in_absolute_directories_of_the_path_or_named_by_the_command_line() {
    let machine = machine();
    trap(&machine, "repo/weka");
    machine.write("repo/attune.toml", "[cluster]\nvia = \"weka\"\n");
    let plan = |path: &str, args: &str, variables: &[(&str, &str)]| {
        let mut command = machine.command(["plan", "--retries", "0"].into_iter().chain(args.split_whitespace()));
        let command = command.current_dir(machine.path("repo")).env("PATH", path).envs(LOGIN);
        Run::of(args, &command.envs(variables.iter().copied()).output().unwrap()).exits(1)
    };
    for path in ["", ":", ".", "/nowhere::./", "../repo"] {
        plan(path, "", &[]).warns("is not in PATH").warns("--weka-bin PATH");
        assert!(!machine.path("trace").exists(), "{path:?}");
    }
    trap(&machine, "tools/weka");
    let tools = machine.path("tools/weka").display().to_string();
    for (args, variables) in
        [(format!("--weka-bin {tools}"), None), (String::new(), Some(("ATTUNE_WEKA_BIN", tools.as_str())))]
    {
        plan("", &args, variables.as_slice());
        let environment = machine.read("trace");
        // The command's own login; it does not get the one of attune.
        assert!(environment.contains(&format!("WEKA_PASSWORD={SECRET}")), "{environment}");
        assert!(!environment.contains("ATTUNE_"), "{environment}");
        fs::remove_file(machine.path("trace")).unwrap();
    }
}

/// A configuration that makes a key pair for a user and gives it to this command.
fn with_command(user: &str, command: &str) -> Folder {
    let folder = Folder::new();
    let users = serde_json::json!({"admin": {"role": "ClusterAdmin", "password": SECRET}, user: {}});
    folder.write("cluster.json", &serde_json::json!({"tenants": {"Root": {"users": users}}}).to_string());
    let user = serde_json::json!(user);
    let text = format!(
        "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[credentials]\ncommand = {command}\n[users.{user}]\npolicy = \"readonly\"\n"
    );
    folder.write("attune.toml", &text);
    folder
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_credentials_command_does_not_see_the_login() {
    let folder = with_command("bob", "[\"./store.sh\", \"{user}\"]");
    trap(&folder, "store.sh");
    let own = [("WEKA_TOKEN", "/token"), ("WEKA_PASSWORD", SECRET), ("VAULT_TOKEN", "its own")];
    folder.attune_with("apply --yes", &[&LOGIN[..], &own[..]].concat());
    let environment = folder.read("trace");
    assert!(environment.contains("VAULT_TOKEN=its own"), "{environment}");
    assert!(!environment.contains("ATTUNE_") && !environment.contains("WEKA_") && !environment.contains(SECRET));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn no_name_of_a_user_is_run() {
    for command in [
        r#"["sh", "-c", "store {user}"]"#,
        r#"["bash", "-lc", "{user}"]"#,
        r#"["python3", "-c", "store('{user}')"]"#,
        r#"["ssh", "host", "cat > {user}"]"#,
        r#"["env", "-S", "store {user}"]"#,
        r#"["sudo", "sh", "-c", "store \"{user}\""]"#,
    ] {
        let run = with_command("bob", command).attune("validate").exits(1);
        assert!(run.stdout.contains("error[bad-credentials-command]") && run.stdout.contains("$1"), "{}", run.stdout);
    }
    // A shell would run the trap.
    for user in ["$(touch trace)", "x; touch trace", "-x", "a b", "`touch trace`"] {
        let folder = with_command(user, r#"["/bin/sh", "-c", "cat > got; eval \"echo $1\"", "sh", "{user}"]"#);
        folder.attune("apply --yes").exits(1).warns("cannot be an argument");
        assert!(!folder.path("trace").exists() && !folder.path("got").exists(), "{user}");
        assert!(folder.tenant()["users"][user]["keys"].is_null(), "{user}");
    }
    let folder = with_command("bob", r#"["/bin/sh", "-c", "/bin/cat > got; echo \"$1\" >> got", "sh", "{user}"]"#);
    folder.attune("apply --yes").exits(0);
    assert!(folder.read("got").contains("secret_key") && folder.read("got").ends_with("bob\n"));
}
