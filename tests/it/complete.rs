//! Completion of names in a real bash.

use std::net::TcpListener;

use super::harness::Folder;

/// The candidates for the last of these words, and what bash prints beside.
fn candidates(folder: &Folder, words: &[&str]) -> Vec<String> {
    let script = r#"
        source <(ATTUNE_COMPLETE=bash attune)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; COMPREPLY=()
        _clap_complete_attune attune "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = folder.shell("exec bash -c \"$@\"");
    let output = bash.args(["sh", script, "bash"]).args(words).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "a completion prints no errors");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: Vec<String> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('-')).map(str::to_owned).collect();
    found.sort();
    found
}

#[test]
fn names_of_the_configuration_are_completed() {
    let folder = Folder::example("quickstart");
    folder.write("other.toml", "[users.zora]\ndetached = true\n[groups.ml]\npolicy = \"readonly\"\n");
    for (line, expected) in [
        ("attune val", "validate"),
        ("attune access a", "alice"),
        ("attune access policies/ml-t", "policies/ml-training.json"),
        ("attune keys revoke b", "bob"),
        ("attune keys revoke alice b", "bob"),
        ("attune keys rotate --policy ml", "ml-readers ml-training"),
        ("attune access --roles ml-t", "ml-training"),
        ("attune access alice delete-", "delete-bucket delete-bucket-policy delete-object-tags delete-version"),
        ("attune drift --ignore policy/ml", "policy/ml-readers policy/ml-training"),
        ("attune show attune.t", "attune.toml"),
        ("attune --file other.toml access z", "zora"),
        ("attune access --file=other.toml gr", "group/ml"),
    ] {
        let found = candidates(&folder, &line.split(' ').collect::<Vec<_>>()).join(" ");
        let (found, expected) = match line.contains("delete-") {
            true => (found.contains("delete-version").to_string(), "true"),
            false => (found, expected),
        };
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn nothing_that_a_shell_would_run_is_offered() {
    let folder = Folder::example("quickstart");
    for name in ["$(touch pwned)", "`touch pwned`", "a b", "-rf", "x;y"] {
        let text = format!("{}\n[policies.{name:?}]\nabsent = true\n", folder.read("attune.toml"));
        folder.write("attune.toml", &text);
    }
    folder.write("$(touch pwned).json", "{}");
    folder.write("a b.json", "{}");
    folder.write("plain.json", "{}");
    let odd = |found: &[String]| found.iter().any(|name| name.contains(['$', '`', ';', ' ']));
    for words in
        [["attune", "keys", "rotate", "--policy", ""].as_slice(), &["attune", "show", ""], &["attune", "access", ""]]
    {
        let found = candidates(&folder, words);
        assert!(!found.is_empty() && !odd(&found), "{words:?}: {found:?}");
    }
    assert!(candidates(&folder, &["attune", "show", "p"]).contains(&"plain.json".to_owned()));
    assert!(!folder.path("pwned").exists());
}

#[test]
fn a_completion_is_silent_and_offline() {
    let folder = Folder::example("quickstart");
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = format!("https://{}", server.local_addr().unwrap());
    folder.write("attune.toml", &folder.read("attune.toml").replace("sim:cluster.json", &address));
    assert_eq!(candidates(&folder, &["attune", "access", "a"]), ["alice"]);
    assert!(server.accept().is_err(), "the cluster was contacted");
    let nothing: [&str; 0] = [];
    for broken in ["[", "", "include = [\"/etc/*\"]", "\u{0}"] {
        folder.write("attune.toml", broken);
        assert_eq!(candidates(&folder, &["attune", "access", "a"]), nothing);
    }
    assert_eq!(candidates(&folder, &["attune", "-f", "/dev/stdin", "access", "a"]), nothing);
    let unknown = folder.attune_with("plan", &[("ATTUNE_COMPLETE", "tcsh")]).exits(1);
    assert!(unknown.stderr.contains("unknown shell `tcsh`"), "{}", unknown.stderr);
    folder.attune_with("--version", &[("ATTUNE_COMPLETE", ""), ("COMPLETE", "bash")]).exits(0).says("attune 0");
}
