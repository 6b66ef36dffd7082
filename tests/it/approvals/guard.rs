//! `[guards] approvals`: an apply without signatures is refused, and a proposal decides nothing about who signs.

use super::*;

#[test]
fn an_apply_without_signatures_is_refused() {
    let Some(scene) = scene(TWO) else { return };
    let digest = scene.run("plan --file clusters/east.toml --format json").exits(0).json()["digest"].clone();
    for args in ["--yes", &format!("--approved {}", digest.as_str().unwrap()), ""] {
        let run = scene.run(&format!("apply --file clusters/east.toml {args}")).exits(3);
        run.warns("a guard demands an approval that 2 people signed; nothing was changed").warns("attune approve");
    }
    let said = "pply needs an approval that 2 people sign: see `attune approve`";
    scene.run("plan --file clusters/east.toml").exits(0).says(said);
    for format in ["markdown", "html"] {
        let run = scene.run(&format!("plan --file clusters/east.toml --format {format}")).exits(0);
        run.says(said).says("attune apply --approvals approvals.json");
    }
    scene.approve("").exits(0);
    scene.refuses(3, "has 0 of 2 signatures that count");
    scene.refuses(3, "as one of: alice, bob and carol");
    scene.signed_by(&["alice"]);
    scene.refuses(3, "has 1 of 2 signatures that count (alice)");
    for with in ["--yes", "--approved x", "--expired", "--only user/ann"] {
        scene.apply(with).exits(1).warns("cannot be used with");
    }
    scene.signed_by(&["alice", "bob"]);
    scene.accepts("");
    // Nothing is left to do, so nobody has to sign.
    scene.apply("").exits(0);
    scene.unsign();
    scene.run("apply --file clusters/east.toml --yes").exits(0);
}

#[test]
fn access_that_ends_needs_nobody() {
    let Some(scene) = scene(TWO) else { return };
    let text = scene.folder.read("clusters/east.toml").replace("\"readonly\"\n", "\"readonly\"\nuntil = 2020-01-01\n");
    scene.folder.write("clusters/east.toml", &text);
    let state = scene.folder.read("clusters/east.json").replace(r#""ann":{}"#, r#""ann":{"policy":"readonly"}"#);
    scene.folder.write("clusters/east.json", &state);
    scene.run("apply --file clusters/east.toml --expired").exits(0);
    assert_eq!(scene.policy("east"), Value::Null);
}

#[test]
fn signatures_need_people_who_may_sign() {
    let Some(scene) = scene("") else { return };
    scene.approve("--sign ../alice --as alice").exits(0);
    scene.refuses_with("--signature ../approvals.json.alice.sig", 3, "`[guards]` does not say who may sign");
    scene.accepts("");
    for (guards, why) in [
        ("approvals = 2", "needs `allowed_signers`"),
        ("allowed_signers = \"x\"", "needs `approvals`"),
        ("approvals = 0\nallowed_signers = \"x\"", "`approvals` is 0, and not a number from 1 to 16"),
        ("approvals = 17\nallowed_signers = \"x\"", "`approvals` is 17"),
    ] {
        scene.beside.write("bad.toml", &format!("[guards]\n{guards}\n"));
        scene.run("validate --file ../bad.toml").exits(1).says("bad-approvals-guard").says(why);
    }
}

#[test]
fn a_proposal_decides_neither_how_many_sign_nor_who() {
    let Some(scene) = scene(TWO) else { return };
    let approve = || {
        scene.unsign();
        scene.run("plan --base main --file clusters --out ../plans/").exits(0);
        scene.run("approve ../plans --out ../approvals.json").exits(0);
    };
    git(&scene.folder, &["checkout", "-q", "-b", "proposal"]);
    // It adds its author to the file.
    let signers = scene.folder.read("allowed_signers");
    scene.folder.write("allowed_signers", &(signers.clone() + &scene.line("eve", "eve")));
    commit(&scene.folder);
    let run = scene.run("plan --base main --file clusters/east.toml").exits(0);
    run.says("guards.allowed_signers").says("alice, bob and carol").says("eve");
    approve();
    scene.signed_by(&["alice", "eve"]);
    scene.refuses_with("--base main", 3, "is not that of an allowed signer");
    scene.signed_by(&["alice", "bob"]);
    scene.apply("--base main").exits(0);
    git(&scene.folder, &["checkout", "-q", "--", "."]);
    // It removes everyone else, names another file, demands less, or demands nothing.
    let text = scene.folder.read("clusters/east.toml");
    scene.folder.write("mine", &scene.line("eve", "eve"));
    for (from, to, shown) in [
        ("../allowed_signers", "../mine", "\"../mine\""),
        ("approvals = 2", "approvals = 1", "guards.approvals"),
        (TWO, "", "not set"),
    ] {
        scene.folder.write("clusters/east.toml", &text.replace(from, to));
        commit(&scene.folder);
        scene.run("plan --base main --file clusters/east.toml").exits(0).says(shown).says("changed setting");
        scene.unsign();
        approve();
        scene.signed_by(&["eve"]);
        scene.refuses_with("--base main", 3, "has 0 of 2 signatures");
        let run = scene.run("apply --file clusters/east.toml --base main --yes").exits(3);
        run.warns("a guard demands an approval that 2 people signed");
        scene.signed_by(&["alice", "bob"]);
        scene.apply("--base main").exits(0);
        git(&scene.folder, &["checkout", "-q", "--", "."]);
    }
    // It removes the file: that of the base still counts.
    fs::remove_file(scene.folder.path("allowed_signers")).unwrap();
    commit(&scene.folder);
    approve();
    scene.unsign();
    scene.signed_by(&["alice", "bob"]);
    scene.apply("--base main").exits(0);
}
