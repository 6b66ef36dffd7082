//! Approvals and signatures that someone tampered with: nothing is applied.

use super::*;

#[test]
fn signatures_tampered_with_in_many_ways_are_refused() {
    let Some(scene) = scene(TWO) else { return };
    scene.approve("--note CHG-4711").exits(0);
    scene.signed_by(&["alice", "bob"]);
    scene.accepts("");
    let good = scene.beside.read("approvals.json");
    let file = |text: &str| {
        assert_ne!(text, good, "nothing was changed");
        scene.beside.write("approvals.json", text);
    };
    // The file is changed after people signed it.
    let first = good.find("\"digest\": \"").unwrap() + "\"digest\": \"".len();
    let other_digit = if good[first..].starts_with('0') { "1" } else { "0" };
    let digest = format!("{}{other_digit}{}", &good[..first], &good[first + 1..]);
    let entry = "    {\n      \"target\": \"clusters/other.toml\",";
    let added = good.replacen("    {\n      \"target\": \"clusters/west.toml\",", entry, 1);
    let signed = |text: &str| {
        file(text);
        scene.refuses(3, "has 0 of 2 signatures that count");
        scene.refuses(3, "no signature of these approvals: ");
    };
    signed(&digest);
    signed(&good.replacen("\"expires\": \"20", "\"expires\": \"21", 1));
    signed(&good.replace("CHG-4711", "CHG-4712"));
    signed(&added);
    // It is not as attune writes it.
    let commit = good.lines().find(|line| line.contains("\"commit\"")).unwrap();
    let unreadable = |text: &str, why: &str| {
        file(text);
        scene.refuses_quietly(why);
    };
    unreadable(&good.replacen("  \"commit\"", " \"commit\"", 1), "it was changed");
    unreadable(&good.replace('\n', "\r\n"), "it was changed");
    unreadable(&format!("{good}{good}"), "trailing characters");
    unreadable(&good.replacen(commit, &format!("{commit}\n{commit}"), 1), "duplicate field `commit`");
    unreadable(&good.replacen(commit, &format!("{commit}\n  \"comment\": \"x\","), 1), "unknown field `comment`");
    unreadable(&good.replacen("CHG", "\u{202e}CHG", 1), "it was changed");
    unreadable("", "it is no file of approvals");
    // Even if both people sign such a file.
    scene.signed_by(&["alice", "bob"]);
    unreadable("[]", "it is no file of approvals");
    file(&good.replacen(commit, &format!("{commit}\n{commit}"), 1));
    scene.signed_by(&["alice", "bob"]);
    scene.refuses_quietly("duplicate field `commit`");
    scene.beside.write("approvals.json", &good);
    scene.signed_by(&["alice", "bob"]);
    scene.accepts("");
}

#[test]
fn signatures_of_something_else_or_of_someone_else_do_not_count() {
    let Some(scene) = scene(TWO) else { return };
    scene.approve("").exits(0);
    let bob = |signature: &str, why: &str| {
        scene.signed_by(&["alice"]);
        scene.beside.write("approvals.json.bob.sig", signature);
        scene.refuses(3, "has 1 of 2 signatures that count (alice)");
        scene.refuses(3, why);
    };
    let good = scene.sign("bob", "approvals.json", NAMESPACE);
    scene.beside.write("other.json", "other");
    bob(&scene.sign("bob", "other.json", NAMESPACE), "no signature of these approvals: ");
    bob(&scene.sign("bob", "approvals.json", "git"), "namespace does not match");
    bob(&scene.sign("bob", "approvals.json", "file"), "namespace does not match");
    bob(&scene.sign("eve", "approvals.json", NAMESPACE), "is not that of an allowed signer");
    bob(&good[..good.len() / 2], "no signature of these approvals: ");
    bob("", "no signature of these approvals: ");
    bob(&good.replacen("U1NIU0lH", "U1NIU0lI", 1), "no signature of these approvals: ");
    bob(&scene.sign("alice", "approvals.json", NAMESPACE), "alice is the same person as alice");
    // A signature that is too large, and one that is no file.
    bob(&format!("{good}{}", "x".repeat(70_000)), "larger than 64 KiB");
    fs::remove_file(scene.beside.path("approvals.json.bob.sig")).unwrap();
    fs::create_dir(scene.beside.path("approvals.json.bob.sig")).unwrap();
    scene.refuses(3, "not a regular file");
    fs::remove_dir(scene.beside.path("approvals.json.bob.sig")).unwrap();
    // The right one.
    scene.beside.write("approvals.json.bob.sig", &good);
    scene.accepts("");
    // Named one by one, the others are not read.
    let alice = scene.beside.path("approvals.json.alice.sig").display().to_string();
    scene.refuses_with(&format!("--signature {alice}"), 3, "has 1 of 2 signatures");
    scene.refuses_with(&format!("--signature {alice} --signature {alice}"), 3, "has 1 of 2 signatures");
    scene.accepts("--signature ../approvals.json.alice.sig --signature ../approvals.json.bob.sig");
}

#[test]
fn invisible_characters_of_a_note_are_shown_as_numbers() {
    let Some(scene) = scene("") else { return };
    scene.run("plan --file clusters --out ../plans/").exits(0);
    let mut command = scene.folder.command(["approve"]);
    command.arg(scene.beside.path("plans")).arg("--out").arg(scene.beside.path("approvals.json"));
    command.arg("--note=CHG \u{202e}drow").env("PATH", std::env::var_os("PATH").unwrap());
    let run = Run::of("approve", &command.output().unwrap()).exits(0).says("note:     CHG \\u{202e}drow");
    assert!(!run.stdout.contains('\u{202e}'));
    assert!(scene.beside.read("approvals.json").contains(r"CHG \u202edrow"));
    scene.run("approve ../approvals.json").exits(0).says("note:     CHG \\u{202e}drow");
    scene.accepts("");
}

impl Scene {
    fn refuses_quietly(&self, why: &str) {
        self.apply("").exits(1).warns("cannot use the approvals").warns(why);
        assert_eq!(self.policy("east"), Value::Null, "{why}");
    }
}
