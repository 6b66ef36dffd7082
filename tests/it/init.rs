//! `attune init`: a directory becomes a configuration, and nothing that is there changes.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::Folder;

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_empty_directory_becomes_a_configuration_that_plans_and_applies() {
    let folder = Folder::new();
    let run =
        folder.attune("init").exits(0).says("created attune.toml").says("created .gitignore").says("  attune plan ");
    assert_eq!(run.stderr, "");
    let valid = folder.attune("validate").exits(0).says("1 policy");
    assert_eq!(valid.stdout.lines().count(), 1, "no finding: {}", valid.stdout);
    folder.attune("fmt --check").exits(0);
    folder.attune("plan --detailed-exitcode").exits(2).says("+ policy reports-read");
    folder.attune("apply --yes").exits(0).says("1 done");
    folder.attune("plan --detailed-exitcode").exits(0);
    assert!(folder.read("attune.schema.json").contains("json-schema.org"));
    // The user of the example, once it exists.
    let with_user = folder.read("attune.toml").replace("# [users", "[users").replace("# alice =", "alice =");
    folder.write("attune.toml", &with_user);
    folder.drift(|tenant| tenant["users"]["alice"] = serde_json::json!({}));
    folder.attune("apply --yes").exits(0);
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(folder.path("")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!([".attune", "secrets", "cluster.json"].iter().all(|path| folder.path(path).exists()));
    git(&["init", "--quiet"]);
    let tracked = git(&["ls-files", "--others", "--exclude-standard"]);
    assert_eq!(tracked, ".gitignore\nattune.schema.json\nattune.toml\n");
}

#[test]
fn nothing_that_exists_is_changed() {
    let folder = Folder::new();
    folder.write("ignored", "target/\n");
    folder.write("attune.schema.json", "own");
    symlink("ignored", folder.path(".gitignore")).unwrap();
    let run = folder.attune("init").exits(0).warns(".gitignore exists and was not changed").warns("/.attune/");
    assert!(!run.stdout.contains("created .gitignore") && !run.stdout.contains("schema"), "{}", run.stdout);
    assert_eq!((folder.read("ignored"), folder.read("attune.schema.json")), ("target/\n".into(), "own".into()));
    let before = folder.read("attune.toml");
    folder.attune("init").exits(1).warns("nothing was written, since attune.toml exists");
    folder.attune("init --cluster sim:cluster.json").exits(1).warns("attune.toml exists");
    assert_eq!(folder.read("attune.toml"), before);
    for make in [
        |folder: &Folder| symlink("nowhere/attune.toml", folder.path("attune.toml")).unwrap(),
        |folder: &Folder| fs::create_dir(folder.path("attune.toml")).unwrap(),
    ] {
        let folder = Folder::new();
        make(&folder);
        folder.attune("init").exits(1).warns("attune.toml exists");
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1, "nothing else was written");
    }
    folder.write("plain", "");
    folder.attune("init plain").exits(1).warns("nothing was written");
    assert_eq!(folder.read("plain"), "");
}

#[test]
fn a_configuration_in_another_directory_is_named_by_the_next_commands() {
    let folder = Folder::new();
    folder.write("attune.toml", "no TOML, and of no matter");
    let run = folder.command(["init", "s3 access"]).output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success() && text.contains("  attune plan --file 's3 access/attune.toml'  "), "{text}");
    assert!(folder.path("s3 access/.gitignore").exists());
    folder.attune("init new --file attune.toml").exits(1).warns("`attune init` reads no configuration");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_cluster_becomes_a_configuration_without_changes() {
    let folder = Folder::example("quickstart");
    folder.write("attune.toml", "no TOML, and of no matter");
    let run = folder.attune("init clusters/weka01 --cluster sim:cluster.json").exits(0);
    run.says("created clusters/weka01/.gitignore").warns("attune plan --file clusters/weka01/attune.toml");
    folder.attune("plan --detailed-exitcode --file clusters/weka01/attune.toml").exits(0).says("no changes");
    assert!(folder.read("clusters/weka01/.gitignore").contains("/.attune/"));
    let folder = Folder::new();
    folder.attune("init new --cluster https://127.0.0.1:1").exits(1);
    assert!(!folder.path("new").exists(), "a failed import writes nothing");
}
