//! `attune history`: the applies of a state directory, with what its journals say.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::base::{commit, git, repository, with_git};
use crate::harness::Folder;

const TAKEN: &str = "[users.svc-new]\npolicy = \"ml\"\n[credentials]\nfile = true\ndir = \"/tmp/never\"\n";

fn history(folder: &Folder) -> Vec<Value> {
    folder.attune("history --format json").exits(0).json()["applies"].as_array().unwrap().clone()
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn each_apply_is_listed_with_reason_commit_login_and_the_command_that_rolls_back() {
    let folder = repository();
    folder.attune("history").exits(0).says("no applies in the state directory .attune\n");
    folder.write("live/teams/b.toml", "[users.bob]\npolicy = \"ml\"\n");
    commit(&folder);
    let head = git(&folder, &["rev-parse", "HEAD"]).trim().to_owned();
    let mut command =
        folder.command(["apply", "--yes", "--file", "live/attune.toml", "--reason", " CHG-4711: bob trains "]);
    let applied = command.env("PATH", std::env::var("PATH").unwrap()).output().unwrap();
    assert!(applied.status.success(), "{applied:?}");
    let all = history(&folder);
    let [one] = all.as_slice() else { panic!("{all:?}") };
    for (member, value) in [
        ("reason", "CHG-4711: bob trains"),
        ("commit", head.as_str()),
        ("file", "live/attune.toml"),
        ("login", "admin"),
        ("tenant", "Root"),
        ("result", "applied"),
    ] {
        assert_eq!(one[member], value, "{member}");
    }
    assert_eq!((&one["calls"], &one["done"]), (&json!(1), &json!(1)));
    let text = folder.attune("history").exits(0);
    let text = text.says(" applied · 1 of 1 API calls\n").says("\n  reason: CHG-4711: bob trains\n");
    let text = text.says(&format!("\n  configuration live/attune.toml at commit {}\n", &head[..12]));
    assert!(text.stdout.contains("\n  to roll back: attune apply --file .attune/before-"), "{}", text.stdout);
    assert!(text.stdout.lines().all(|line| line.len() <= 100), "{}", text.stdout);
    // The command works as printed, and is an apply of its own, the newest.
    let command = one["rollback_command"].as_str().unwrap();
    let rolled_back = folder.attune(&format!("{} --yes", command.strip_prefix("attune ").unwrap())).exits(0);
    rolled_back.says("matches the configuration");
    let all = history(&folder);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["digest"], one["digest"]);
    assert!(all[0]["file"].as_str().unwrap().starts_with(".attune/before-"), "{all:?}");
    assert_eq!(all[0].get("reason"), None);
    // The rollback file says when it was written.
    let name = command.rsplit(' ').next().unwrap();
    let begin = folder.read(name);
    let minute = &one["time"].as_str().unwrap()[..16];
    assert!(begin.lines().take(3).any(|line| line.contains(&minute[..13])), "{begin}");
    // Without the file there is no command.
    fs::remove_file(folder.path(name)).unwrap();
    assert_eq!(history(&folder)[1].get("rollback_command"), None);
    // Another directory has another history.
    folder.attune("history --state-dir elsewhere").exits(0).says("no applies");
}

#[test]
fn a_reason_is_a_line_of_text() {
    let folder = repository();
    for (reason, why) in [("  ", "it is empty"), (&*"x".repeat(501), "longer than 500")] {
        let output = folder.command(["apply", "--yes", "--reason", reason]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{output:?}");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_apply_that_failed_or_was_cut_off_says_so() {
    let folder = repository();
    folder.write("live/attune.toml", &(folder.read("live/attune.toml") + TAKEN));
    // A user that is protected by its role on the cluster: the attachment fails.
    folder.write("faults.json", "{}");
    let stopped = folder.attune("apply --yes --file live/attune.toml");
    assert_eq!(stopped.code, Some(0), "{}{}", stopped.stdout, stopped.stderr);
    let journal = fs::read_dir(folder.path(".attune")).unwrap().map(|entry| entry.unwrap().path());
    let journal = journal.into_iter().find(|path| path.extension().is_some_and(|end| end == "jsonl")).unwrap();
    let lines: Vec<String> = fs::read_to_string(&journal).unwrap().lines().map(str::to_owned).collect();
    // A killed run: its journal ends in the middle of a line.
    fs::write(&journal, format!("{}\n{{\"event\":\"sta", lines[0])).unwrap();
    let all = history(&folder);
    assert_eq!((&all[0]["result"], &all[0]["done"]), (&json!("unfinished"), &json!(0)));
    folder.attune("history").exits(0).says("unfinished: interrupted, or still running · 0 of 1 API calls");
    let failed = lines.join("\n").replace("\"converged\":true", "\"converged\":false") + "\n";
    fs::write(&journal, failed).unwrap();
    folder.attune("history").exits(0).says("partially applied · 1 of 1 API calls");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_forged_journal_shows_no_hidden_character_and_no_command_of_its_own() {
    let folder = repository();
    folder.write("live/teams/b.toml", "[users.bob]\npolicy = \"ml\"\n");
    folder.attune("apply --yes --file live/attune.toml").exits(0);
    let digest = "ab".repeat(32);
    let forged = json!({"event": "begun", "time": "2026-01-02T03:04:05Z", "digest": digest, "cluster": "c\u{1b}[2J",
        "guid": "g", "tenant": "t\u{202e}", "user": "u\nto roll back: rm -rf /", "steps": 1,
        "reason": "x".repeat(2000), "rollback_command": "rm -rf /", "commit": "\u{7}"});
    let path = format!(".attune/journal-{}.jsonl", &digest[..32]);
    folder.write(&path, &format!("{forged}\nno json\n[]\n{{\"event\": \"over\"}}\n"));
    let shown = folder.attune("history").exits(0);
    assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{}", shown.stdout);
    assert!(!shown.stdout.lines().any(|line| line.starts_with("to roll back")), "{}", shown.stdout);
    assert!(shown.stdout.contains("u\\nto roll back: rm -rf /") && !shown.stdout.contains(&"x".repeat(501)));
    assert_eq!(history(&folder).last().unwrap().get("rollback_command"), None, "only attune's own command is shown");
    // Journals of another plan, of rotations, behind a link, or without an end to read are no applies.
    let count = history(&folder).len();
    let other = format!(".attune/journal-{}.jsonl", "cd".repeat(16));
    folder.write(&other, &format!("{forged}\n"));
    folder.write(".attune/journal-keys-12345678.jsonl", &format!("{forged}\n"));
    folder.write("elsewhere.jsonl", &folder.read(&path));
    fs::remove_file(folder.path(&path)).unwrap();
    symlink(folder.path("elsewhere.jsonl"), folder.path(&path)).unwrap();
    symlink("/dev/zero", folder.path(&format!(".attune/journal-{}.jsonl", "ef".repeat(16)))).unwrap();
    assert_eq!(history(&folder).len(), count - 1);
    with_git(&folder, "plan --file live/attune.toml").exits(0).says("no changes");
}
