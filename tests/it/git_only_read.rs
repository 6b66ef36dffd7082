//! `--base` only reads Git: it runs no program from the tree of a proposal, and reads no repository in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::base::{AGREED, commit, git, plan, repository, with_git};
use crate::harness::{Folder, Run};

/// A program that says that it was run.
fn alarm(folder: &Folder, name: &str) -> String {
    folder.write(name, &format!("#!/bin/sh\necho ran >> {}\ncat\n", folder.path("alarm").display()));
    let path = folder.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn quiet(folder: &Folder) {
    assert!(!folder.path("alarm").exists(), "something of the repository was run");
}

fn raw(folder: &Folder, directory: &str, args: &[&str]) {
    let who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "protocol.file.allow=always"];
    let ended = Command::new("git").args(who).args(args).current_dir(folder.path(directory)).output().unwrap();
    assert!(ended.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn programs_in_the_git_configuration_of_a_repository_are_not_run() {
    let folder = repository();
    let program = alarm(&folder, "alarm.sh");
    folder.write(".gitattributes", "*.toml filter=evil diff=evil\n*.json filter=evil\n");
    commit(&folder);
    for (name, value) in [
        ("core.fsmonitor", program.as_str()),
        ("core.hooksPath", folder.path("").to_str().unwrap()),
        ("core.pager", &program),
        ("pager.ls-tree", &program),
        ("filter.evil.smudge", &program),
        ("filter.evil.process", &program),
        ("diff.evil.textconv", &program),
        ("core.sshCommand", &program),
        ("alias.ls-tree", &format!("!{program}")),
    ] {
        git(&folder, &["config", name, value]);
    }
    for hook in ["post-checkout", "post-index-change", "reference-transaction"] {
        alarm(&folder, hook);
    }
    folder.write("live/teams/b.toml", "[users.bob]\npolicy = \"ml\"\n");
    let run = plan(&folder, "--base main --format json").exits(0).json();
    assert_eq!(run["base"]["proposed"].as_array().unwrap().len(), 1);
    quiet(&folder);
}

#[test]
fn a_bare_repository_in_the_tree_is_refused() {
    let folder = repository();
    let program = alarm(&folder, "alarm.sh");
    // A commit can contain the files of a bare repository with its own main beside the configuration.
    raw(&folder, "", &["clone", "-q", "--bare", ".", "evil.git"]);
    raw(&folder, "evil.git", &["config", "core.fsmonitor", &program]);
    raw(&folder, "evil.git", &["config", "core.bare", "false"]);
    raw(&folder, "evil.git", &["config", "core.worktree", "."]);
    for name in ["HEAD", "config", "objects", "refs", "packed-refs"] {
        let _ = fs::rename(folder.path(&format!("evil.git/{name}")), folder.path(&format!("live/{name}")));
    }
    let run = plan(&folder, "--base main").exits(1);
    run.warns("live has the layout of a bare Git repository").warns("remove it");
    quiet(&folder);
    let with = |args: &str| with_git(&folder, args);
    with("apply --yes --file live/attune.toml --base main").exits(1).warns("layout of a bare");
    with("drift --file live/attune.toml --base main").exits(1).warns("layout of a bare");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_submodule_or_a_link_is_not_the_repository_of_the_tree() {
    let folder = repository();
    let other = repository();
    other.write("live/attune.toml", &AGREED.replace("svc-*", "*"));
    commit(&other);
    raw(&folder, "", &["submodule", "--quiet", "add", other.path("").to_str().unwrap(), "sub"]);
    with_git(&folder, "plan --file sub/live/attune.toml --base main").exits(1).warns("inside another one");
    symlink(other.path(""), folder.path("link")).unwrap();
    with_git(&folder, "plan --file link/live/attune.toml --base main").exits(1).warns("outside the repository");
    // A linked work tree is the operator's own.
    raw(&folder, "", &["worktree", "add", "-q", "-b", "side", "side"]);
    folder.write("side/live/cluster.json", &folder.read("live/cluster.json"));
    with_git(&folder, "plan --file side/live/attune.toml --base main").exits(0).says("proposed: none");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_tag_named_as_a_branch_does_not_take_its_place() {
    let folder = repository();
    git(&folder, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    plan(&folder, "--base origin/main").exits(0);
    let blob = git(&folder, &["rev-parse", "HEAD~0"]);
    git(&folder, &["tag", "origin/main"]);
    let run = plan(&folder, "--base origin/main").exits(1).warns("`origin/main` is ambiguous");
    run.warns("refs/remotes/origin/main").warns("refs/tags/origin/main");
    plan(&folder, "--base refs/remotes/origin/main").exits(0);
    // An object and a tag.
    let short = &blob.trim()[..8];
    plan(&folder, &format!("--base {short}")).exits(0);
    git(&folder, &["tag", short]);
    plan(&folder, &format!("--base {short}")).exits(1).warns("is ambiguous");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn no_object_is_replaced_and_none_is_fetched() {
    let folder = repository();
    let first = git(&folder, &["rev-parse", "HEAD"]);
    folder.write("live/teams/b.toml", "[users.bob]\npolicy = \"ml\"\n");
    commit(&folder);
    let second = git(&folder, &["rev-parse", "HEAD"]);
    git(&folder, &["replace", second.trim(), first.trim()]);
    let run = plan(&folder, "--base main --format json").exits(0).json();
    assert_eq!(run["base"]["proposed"], serde_json::json!([]), "the base is what was committed");
    // A clone without the objects of files, whose origin would run a program.
    let program = alarm(&folder, "alarm.sh");
    raw(&folder, "", &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", folder.path("").display());
    let clone = Folder::new();
    raw(&clone, "", &["clone", "-q", "--no-checkout", "--filter=blob:none", &url, "x"]);
    raw(&clone, "x", &["config", "remote.origin.uploadpack", &program]);
    clone.write("x/live/attune.toml", AGREED);
    let run = with_git(&clone, "plan --file x/live/attune.toml --base origin/main --cluster sim:none.json");
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    quiet(&folder);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn links_in_a_revision_lead_to_files_of_the_same_revision_only() {
    let folder = repository();
    fs::create_dir_all(folder.path("shared")).unwrap();
    fs::rename(folder.path("live/policies"), folder.path("shared/policies")).unwrap();
    symlink("../shared/policies", folder.path("live/policies")).unwrap();
    commit(&folder);
    folder.write("shared/policies/ml.json", "{}");
    fs::remove_file(folder.path("live/policies")).unwrap();
    folder.write("live/policies/ml.json", &git(&folder, &["show", "main:shared/policies/ml.json"]));
    plan(&folder, "--base main").exits(0).says("proposed: none");
    // Out of it, there is nothing.
    fs::remove_file(folder.path("live/policies/ml.json")).unwrap();
    let secret = folder.path("secret.json");
    folder.write("secret.json", "{}");
    symlink(&secret, folder.path("live/policies/ml.json")).unwrap();
    commit(&folder);
    fs::remove_file(folder.path("live/policies/ml.json")).unwrap();
    folder.write("live/policies/ml.json", &crate::base::document("s3:GetObject"));
    plan(&folder, "--base main").exits(1).warns("the policy document main:live/policies/ml.json");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_git_of_the_tree_is_not_run() {
    let folder = repository();
    alarm(&folder, "git");
    alarm(&folder, "live/git");
    let path = format!(".:live::{}", std::env::var("PATH").unwrap());
    folder.attune_with("plan --file live/attune.toml --base main", &[("PATH", &path)]).exits(0);
    quiet(&folder);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn git_gets_no_password_and_nothing_of_a_hook() {
    let folder = repository();
    let real = std::env::var("PATH").unwrap();
    folder.write(
        "bin/git",
        &format!("#!/bin/sh\nenv >> {}\nPATH='{real}' exec git \"$@\"\n", folder.path("seen").display()),
    );
    fs::set_permissions(folder.path("bin/git"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{real}", folder.path("bin").display());
    let variables = [
        ("PATH", path.as_str()),
        ("ATTUNE_PASSWORD", "geheim"),
        ("WEKA_TOKEN", "geheim"),
        ("GIT_DIR", "/nowhere"),
        ("GIT_OBJECT_DIRECTORY", "/nowhere"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.fsmonitor"),
        ("GIT_CONFIG_VALUE_0", "false"),
    ];
    let ended: Run = folder.attune_with("plan --file live/attune.toml --base main", &variables);
    ended.exits(0);
    let seen = folder.read("seen");
    for name in ["geheim", "/nowhere", "GIT_CONFIG_KEY_0"] {
        assert!(!seen.contains(name), "{name} is in {seen}");
    }
    assert!(seen.contains("GIT_NO_LAZY_FETCH=1"), "{seen}");
}
