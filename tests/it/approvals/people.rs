//! How many people signed: one person counts once, and no one counts who proposed the change.

use super::*;

/// Makes a commit that this person signs.
fn signed_commit(scene: &Scene, person: &str) {
    let key = format!("user.signingkey={}", scene.beside.path(person).display());
    git(&scene.folder, &["add", "-A"]);
    git(&scene.folder, &["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--allow-empty", "-m", "signed"]);
}

/// Commits other allowed signers, approves, and has these keys sign.
fn with_signers(scene: &Scene, lines: &str, keys: &[&str]) {
    scene.folder.write("allowed_signers", lines);
    commit(&scene.folder);
    scene.approve("").exits(0);
    scene.signed_by(keys);
}

#[test]
fn one_person_counts_once_with_several_keys_or_names() {
    let Some(scene) = scene(TWO) else { return };
    scene.key("alice2");
    let two_keys = scene.line("alice", "alice") + &scene.line("alice", "alice2") + &scene.line("bob", "bob");
    with_signers(&scene, &two_keys, &["alice", "alice2"]);
    scene.refuses(3, "alice is the same person as alice, whose signature counts");
    scene.signed_by(&["alice2", "bob"]);
    scene.accepts("");
    let two_names = scene.line("alice", "alice") + &scene.line("bob", "alice");
    with_signers(&scene, &two_names, &["alice"]);
    scene.beside.write("approvals.json.bob.sig", &scene.beside.read("approvals.json.alice.sig"));
    scene.refuses(3, "is the same person as alice");
}

#[test]
fn lines_that_do_not_name_one_person_are_refused_and_options_are_those_of_ssh_keygen() {
    let Some(scene) = scene(TWO) else { return };
    for (name, why) in [("*", "line 1 has a pattern"), ("alice,bob", "a list"), ("\"alice\"", "a quoted name")] {
        with_signers(&scene, &(scene.line(name, "alice") + &scene.line("bob", "bob")), &["alice", "bob"]);
        scene.refuses(3, why);
    }
    let bob = |options: &str| scene.line("alice", "alice") + &scene.line(&format!("bob {options}"), "bob");
    with_signers(&scene, &bob("namespaces=\"git\""), &["alice", "bob"]);
    scene.refuses(3, "bob may not sign with the key SHA256:");
    with_signers(&scene, &bob("valid-before=\"20200101\""), &["alice", "bob"]);
    scene.refuses(3, "bob may not sign with the key SHA256:");
    with_signers(&scene, &bob("namespaces=\"git,attune-approvals@v1\",valid-after=\"20200101\""), &["alice", "bob"]);
    scene.accepts("");
    // Without the file, nobody may sign.
    fs::remove_file(scene.folder.path("allowed_signers")).unwrap();
    scene.refuses(3, "cannot use the allowed signers: No such file");
}

#[test]
fn the_proposer_does_not_count() {
    let Some(scene) = scene(TWO) else { return };
    scene.approve("").exits(0);
    scene.signed_by(&["alice", "bob"]);
    scene.refuses_with("--proposer bob", 3, "bob proposed the change (`--proposer`)");
    scene.refuses_with("--proposer x --proposer ALICE", 3, "alice proposed the change (`--proposer`)");
    scene.accepts("--proposer carol").warns("2 of 2 signatures");
    scene.accepts("--proposer octocat").warns("no allowed signer is called octocat");
    scene.signed_by(&["alice", "bob", "carol"]);
    scene.accepts("--proposer bob").warns("2 of 2 signatures: alice and carol");
}

#[test]
fn the_signer_of_a_commit_of_the_proposal_does_not_count() {
    let Some(scene) = scene(TWO) else { return };
    git(&scene.folder, &["checkout", "-q", "-b", "proposal"]);
    scene.folder.write("note", "1");
    signed_commit(&scene, "bob");
    scene.folder.write("note", "2");
    signed_commit(&scene, "alice");
    let base = "plan --base main --file clusters --out ../plans/";
    let approve = || {
        scene.run(base).exits(0);
        scene.run("approve ../plans --out ../approvals.json").exits(0);
    };
    approve();
    scene.signed_by(&["alice", "bob", "carol"]);
    scene.refuses_with("--base main", 3, "has 1 of 2 signatures that count (carol)");
    scene.refuses_with("--base main", 3, "bob signed commit ");
    // Of the commits since another base, alice signed all.
    let since = "--base HEAD~1";
    let run = scene.apply(since).exits(0);
    run.warns("alice signed commit ").warns("2 of 2 signatures: bob and carol");
    git(&scene.folder, &["checkout", "-q", "--", "."]);
    // A commit without a signature tells nothing about who wrote it.
    scene.folder.write("note", "3");
    git(&scene.folder, &["add", "-A"]);
    git(&scene.folder, &["commit", "-q", "-m", "unsigned", "--author", "carol <carol@example.com>"]);
    scene.unsign();
    approve();
    scene.signed_by(&["bob", "carol"]);
    let run = scene.apply("--base HEAD~1").exits(0);
    run.warns("1 commit since HEAD~1 without an SSH signature that holds: it is unknown who proposed");
    git(&scene.folder, &["checkout", "-q", "--", "."]);
}

#[test]
fn a_signature_of_another_commit_tells_nothing() {
    let Some(scene) = scene(TWO) else { return };
    signed_commit(&scene, "bob");
    let stored = git(&scene.folder, &["cat-file", "commit", "HEAD"]);
    assert!(stored.contains("BEGIN SSH SIGNATURE"), "{stored}");
    scene.folder.write(".attune/forged", &stored.replace("\nsigned", "\nforged"));
    let forged = git(&scene.folder, &["hash-object", "-t", "commit", "-w", ".attune/forged"]);
    git(&scene.folder, &["reset", "-q", "--hard", forged.trim()]);
    scene.run("plan --base HEAD~1 --file clusters --out ../plans/").exits(0);
    scene.run("approve ../plans --out ../approvals.json").exits(0);
    scene.signed_by(&["alice", "bob"]);
    let run = scene.apply("--base HEAD~1").exits(0);
    run.warns("1 commit since HEAD~1 without an SSH signature that holds").warns("2 of 2 signatures: alice and bob");
}

#[test]
fn a_shallow_clone_that_lacks_commits_is_refused_and_a_file_is_no_proposal() {
    let Some(scene) = scene(TWO) else { return };
    let base = git(&scene.folder, &["rev-parse", "HEAD"]);
    scene.folder.write("note", "1");
    commit(&scene.folder);
    scene.folder.write("note", "2");
    commit(&scene.folder);
    // Of another base, the clone has no commit between.
    scene.run(&format!("plan --base {} --file clusters --out ../plans/", base.trim())).exits(0);
    scene.run("approve ../plans --out ../approvals.json").exits(0);
    scene.signed_by(&["alice", "bob"]);
    scene.folder.write(".git/shallow", &git(&scene.folder, &["rev-parse", "HEAD~1"]));
    git(&scene.folder, &["update-ref", "refs/heads/base", base.trim()]);
    let why = "cannot tell who proposed the change: this clone lacks commits of the proposal";
    scene.refuses_with("--base base", 3, why);
    std::fs::remove_file(scene.folder.path(".git/shallow")).unwrap();
    scene.folder.write(
        "before.toml",
        &scene.folder.read("clusters/east.toml").replace("../allowed", "allowed").replace("sim:", "sim:clusters/"),
    );
    scene.apply("--base ./before.toml").exits(4).warns("it is unknown who proposed the change");
}

#[test]
fn without_a_base_nobody_is_known_to_have_proposed() {
    let Some(scene) = scene(TWO) else { return };
    scene.folder.write("note", "1");
    signed_commit(&scene, "bob");
    scene.approve("").exits(0);
    scene.signed_by(&["alice", "bob"]);
    scene.accepts("").warns("without `--base REV`, it is unknown who proposed the change");
}

#[test]
fn a_merge_that_changes_no_file_excludes_nobody() {
    let Some(scene) = scene(TWO) else { return };
    git(&scene.folder, &["checkout", "-q", "-b", "proposal"]);
    scene.folder.write("note", "1");
    signed_commit(&scene, "carol");
    scene.run("plan --base main --file clusters --out ../plans/").exits(0);
    scene.run("approve ../plans --out ../approvals.json").exits(0);
    scene.signed_by(&["alice", "bob"]);
    git(&scene.folder, &["checkout", "-q", "main"]);
    let key = format!("user.signingkey={}", scene.beside.path("bob").display());
    let merge = ["-c", "gpg.format=ssh", "-c", &key, "merge", "-q", "-S", "--no-ff", "-m", "merge", "proposal"];
    git(&scene.folder, &merge);
    scene.apply("--base HEAD^1").exits(0).warns("2 of 2 signatures: alice and bob");
}
