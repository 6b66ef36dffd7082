//! `attune approve` and `attune apply --approvals`: one file for many targets, and the people who sign it.

mod guard;
mod people;
mod tampered;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::base::{commit, git, with_git};
use crate::harness::{Folder, Run, validate};

/// A repository with two clusters, and beside it the keys of people and all that is approved.
pub(crate) struct Scene {
    pub(crate) folder: Folder,
    pub(crate) beside: Folder,
}

pub(crate) const NAMESPACE: &str = "attune-approvals@v1";

/// `None` without `ssh-keygen`: prints SKIPPED, and fails in CI.
pub(crate) fn scene(guards: &str) -> Option<Scene> {
    let path = std::env::var_os("PATH")?;
    if !std::env::split_paths(&path).any(|folder| folder.join("ssh-keygen").is_file()) {
        let is_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
        assert!(!is_ci, "there is no ssh-keygen, and in CI there must be");
        // Not `eprintln`, because the test runner captures it.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no ssh-keygen on PATH; nothing was signed");
        return None;
    }
    let scene = Scene { folder: Folder::new(), beside: Folder::new() };
    for person in ["alice", "bob", "carol", "eve"] {
        scene.key(person);
    }
    let lines = ["alice", "bob", "carol"].map(|person| scene.line(person, person));
    scene.folder.write("allowed_signers", &lines.concat());
    scene.folder.write(".gitignore", "*.lock\n.attune/\n");
    for cluster in ["east", "west"] {
        let credentials = format!("[credentials]\nfile = true\ndir = \"secrets-{cluster}\"\n");
        let text = format!(
            "[cluster]\nendpoints = [\"sim:{cluster}.json\"]\n{guards}{credentials}[users.ann]\npolicy = \"readonly\"\n"
        );
        scene.folder.write(&format!("clusters/{cluster}.toml"), &text);
        let users = json!({"admin": {"role": "ClusterAdmin", "password": "admin"}, "ann": {}, "ben": {}});
        let state = json!({"format": "attune.sim/1", "guid": guid(cluster), "name": cluster,
            "tenants": {"Root": {"users": users.clone()}, "ml": {"users": users}}});
        scene.folder.write(&format!("clusters/{cluster}.json"), &state.to_string());
    }
    git(&scene.folder, &["init", "-q", "-b", "main"]);
    commit(&scene.folder);
    Some(scene)
}

fn guid(cluster: &str) -> String {
    let digit = if cluster == "east" { "1" } else { "2" };
    format!("{0}-{1}-{1}-{1}-{2}", digit.repeat(8), digit.repeat(4), digit.repeat(12))
}

pub(crate) const TWO: &str = "[guards]\napprovals = 2\nallowed_signers = \"../allowed_signers\"\n";

impl Scene {
    /// Makes a key.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        let path = self.beside.path(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path).output();
        assert!(made.unwrap().status.success());
        path
    }

    /// The line of an allowed signer.
    pub(crate) fn line(&self, name: &str, key: &str) -> String {
        format!("{name} {}", self.beside.read(&format!("{key}.pub")))
    }

    pub(crate) fn run(&self, args: &str) -> Run {
        with_git(&self.folder, &args.replace("../", &format!("{}/", self.beside.path("").display())))
    }

    /// Plans both clusters, and approves the plans.
    pub(crate) fn approve(&self, args: &str) -> Run {
        self.unsign();
        self.run("plan --file clusters --out ../plans/").exits(0);
        self.run(&format!("approve ../plans --out ../approvals.json {args}"))
    }

    /// Signs a file beside the repository, by hand.
    pub(crate) fn sign(&self, key: &str, file: &str, namespace: &str) -> String {
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "sign", "-n", namespace, "-f"]).arg(self.beside.path(key));
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.beside.read(file).as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    /// Signs the approvals as these people.
    pub(crate) fn signed_by(&self, people: &[&str]) {
        self.unsign();
        for person in people {
            let signature = self.sign(person, "approvals.json", NAMESPACE);
            self.beside.write(&format!("approvals.json.{person}.sig"), &signature);
        }
    }

    /// Removes all signatures.
    pub(crate) fn unsign(&self) {
        for entry in fs::read_dir(self.beside.path("")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "sig") {
                fs::remove_file(path).unwrap();
            }
        }
    }

    pub(crate) fn apply(&self, args: &str) -> Run {
        self.run(&format!("apply --file clusters/east.toml --approvals ../approvals.json {args}"))
    }

    pub(crate) fn state(&self, cluster: &str) -> Value {
        serde_json::from_str(&self.folder.read(&format!("clusters/{cluster}.json"))).unwrap()
    }

    /// The policy of the user that the configuration of a cluster attaches.
    pub(crate) fn policy(&self, cluster: &str) -> Value {
        self.state(cluster)["tenants"]["Root"]["users"]["ann"]["policy"].clone()
    }

    /// Checks that an apply to the first cluster is refused, and that nothing changed.
    pub(crate) fn refuses(&self, code: i32, why: &str) {
        self.refuses_with("", code, why);
    }

    pub(crate) fn refuses_with(&self, args: &str, code: i32, why: &str) {
        let run = self.apply(args);
        assert_eq!(run.code, Some(code), "{why}\n{}{}", run.stdout, run.stderr);
        run.warns(why).warns("nothing was changed");
        assert_eq!(self.policy("east"), Value::Null, "{why}");
    }

    /// Checks that an apply to the first cluster works, and puts its state back.
    pub(crate) fn accepts(&self, args: &str) -> Run {
        let state = self.folder.read("clusters/east.json");
        let run = self.apply(args).exits(0);
        assert_eq!(self.policy("east"), json!("readonly"));
        self.folder.write("clusters/east.json", &state);
        fs::remove_dir_all(self.folder.path("clusters/secrets-east")).unwrap();
        run
    }
}

#[test]
fn one_file_approves_the_plans_of_many_targets() {
    let Some(scene) = scene("") else { return };
    let run = scene.approve("--note CHG-4711 --expires 8h").exits(0);
    let head = git(&scene.folder, &["rev-parse", "HEAD"]);
    run.says("clusters/east.toml   plan ")
        .says(": 1 to attach · 1 API call")
        .says(&format!("approved: 2 plans of commit {head}"))
        .says("note:     CHG-4711")
        .warns("to sign it: attune approve --sign KEY ");
    let file: Value = serde_json::from_str(&scene.beside.read("approvals.json")).unwrap();
    validate(&file);
    let targets = file["targets"].as_array().unwrap();
    let ids: Vec<&str> = targets.iter().map(|of| of["target"].as_str().unwrap()).collect();
    assert_eq!(ids, ["clusters/east.toml", "clusters/west.toml"]);
    assert_eq!((&targets[0]["guid"], &targets[0]["tenant"]), (&json!(guid("east")), &json!("Root")));
    let plan: Value = serde_json::from_str(&scene.beside.read("plans/clusters%2Feast.toml.json")).unwrap();
    assert_eq!((&targets[0]["digest"], &plan["target"]), (&plan["digest"], &targets[0]["target"]));
    // What is written is shown in the same way.
    scene
        .run("approve ../approvals.json")
        .exits(0)
        .says("clusters/west.toml   plan ")
        .says("cluster west, tenant Root");
    scene.run("apply --file clusters --approvals ../approvals.json").exits(0);
    assert_eq!((scene.policy("east"), scene.policy("west")), (json!("readonly"), json!("readonly")));
    scene.run("history").exits(0).says("reason: CHG-4711");
    // Run again, nothing is left to do: with this file, and without an entry.
    scene.run("apply --file clusters --approvals ../approvals.json").exits(0);
    let run = scene.approve("").exits(0).says("no changes, so it needs no approval");
    run.says("approved: 0 plans").warns("the file approves nothing");
    scene.run("apply --file clusters --approvals ../approvals.json").exits(0);
}

#[test]
fn a_target_without_an_entry_is_not_changed_and_the_others_are() {
    let Some(scene) = scene("") else { return };
    scene.run("plan --file clusters/west.toml --out ../west.json").exits(0);
    scene.run("approve ../west.json --out ../approvals.json").exits(0);
    let run = scene.run("apply --file clusters --approvals ../approvals.json").exits(4);
    run.warns("does not approve the plan of clusters/east.toml: they have no entry for it").says("exit 4");
    assert_eq!((scene.policy("east"), scene.policy("west")), (Value::Null, json!("readonly")));
}

#[test]
fn the_plans_of_shards_and_of_several_tenants_are_approved_together() {
    let Some(scene) = scene(TWO) else { return };
    let text = scene.folder.read("clusters/east.toml");
    scene.folder.write("clusters/east.toml", &text.replacen("endpoints", "tenants = [\"Root\", \"ml\"]\nendpoints", 1));
    commit(&scene.folder);
    for shard in ["1", "2"] {
        let plans = scene.run(&format!("plan --file clusters --shard {shard}/2 --format json")).exits(0).stdout;
        scene.beside.write(&format!("{shard}.json"), &plans);
    }
    let ids = ["clusters/east.toml@Root", "clusters/east.toml@ml", "clusters/west.toml"];
    let run = scene.run("approve ../1.json ../2.json --out ../approvals.json").exits(0);
    ids.into_iter().fold(run, Run::says).says("approved: 3 plans of");
    scene.signed_by(&["alice", "bob"]);
    // The entry of one tenant is not for another.
    let swapped = scene.beside.read("approvals.json");
    let swapped = swapped.replace("toml@Root", "toml@x").replace("toml@ml", "toml@Root").replace("toml@x", "toml@ml");
    scene.beside.write("swapped.json", &swapped);
    scene.run("apply --file clusters --approvals ../swapped.json").exits(1).warns("it was changed");
    let run = scene.run("apply --file clusters --approvals ../approvals.json").exits(0);
    ids.into_iter().fold(run, Run::says).says("== 3 targets");
    let users = |tenant: &str| scene.state("east")["tenants"][tenant]["users"]["ann"]["policy"].clone();
    assert_eq!((users("Root"), users("ml")), (json!("readonly"), json!("readonly")));
}

#[test]
fn an_old_approval_cannot_be_used_again_once_the_state_is_back() {
    let Some(scene) = scene("") else { return };
    let before = scene.folder.read("clusters/east.json");
    scene.approve("").exits(0);
    let approved = scene.beside.read("approvals.json");
    scene.accepts("");
    // Another commit.
    git(&scene.folder, &["commit", "-q", "--allow-empty", "-m", "next"]);
    scene.refuses(4, "is checked out");
    git(&scene.folder, &["reset", "-q", "--hard", "HEAD~1"]);
    scene.folder.write("clusters/east.json", &before);
    scene.accepts("");
    // Another tenant, and another cluster with the same state.
    let digest = |text: &str| serde_json::from_str::<Value>(text).unwrap()["targets"][0]["digest"].clone();
    scene.folder.write("clusters/east.json", &before.replace(&guid("east"), &guid("west")));
    scene.refuses(4, "and this one has guid 22222222");
    scene.folder.write("clusters/east.json", &before);
    scene.refuses_with("--tenant ml", 4, "they are for tenant `Root`, and this is tenant `ml`");
    // Its time.
    let expired = approved.replacen("\"expires\": \"2", "\"expires\": \"1", 1);
    scene.beside.write("approvals.json", &expired);
    scene.refuses(4, "they ended at 1");
    scene.refuses_with("--now 1000-01-01", 4, "they ended at 1");
    scene.beside.write("approvals.json", &approved.replacen("\"expires\": \"2", "\"expires\": \"9", 1));
    scene.refuses(4, "more than 30 days from now");
    assert_eq!(digest(&expired), digest(&approved));
    // Another plan.
    scene.beside.write("approvals.json", &approved);
    scene.folder.write("clusters/east.toml", &scene.folder.read("clusters/east.toml").replace("readonly", "readwrite"));
    scene.refuses(4, "not the approved");
}

#[test]
fn a_merge_of_the_approved_commit_that_changes_no_file_is_that_commit() {
    let Some(scene) = scene("") else { return };
    git(&scene.folder, &["checkout", "-q", "-b", "proposal"]);
    let proposed = scene.folder.read("clusters/east.toml").replace("readonly", "readwrite");
    scene.folder.write("clusters/east.toml", &proposed);
    commit(&scene.folder);
    scene.approve("").exits(0);
    git(&scene.folder, &["checkout", "-q", "main"]);
    git(&scene.folder, &["merge", "-q", "--no-ff", "-m", "merge", "proposal"]);
    let state = scene.folder.read("clusters/east.json");
    scene.apply("").exits(0);
    // A merge that changes more is another commit.
    scene.folder.write("clusters/east.json", &state);
    git(&scene.folder, &["reset", "-q", "--hard", "HEAD~1"]);
    scene.folder.write("other", "");
    commit(&scene.folder);
    git(&scene.folder, &["merge", "-q", "--no-ff", "-m", "merge", "proposal"]);
    scene.refuses(4, "is checked out");
    // So is a squash.
    git(&scene.folder, &["reset", "-q", "--hard", "HEAD~1"]);
    git(&scene.folder, &["merge", "-q", "--squash", "proposal"]);
    commit(&scene.folder);
    scene.refuses(4, "is checked out");
}

#[test]
fn what_cannot_be_approved_is_refused() {
    let Some(scene) = scene("") else { return };
    let nothing = |run: Run, why: &str| {
        run.exits(1).warns(why);
        assert!(!scene.beside.path("approvals.json").exists());
    };
    let plan = "plan --file clusters/east.toml --out ../east.json";
    scene.run(&format!("{plan} --only user/ann")).exits(0);
    nothing(scene.run("approve ../east.json --out ../approvals.json"), "the plan is of a part (user/ann)");
    scene.run(&format!("{plan} --deny-new-access")).exits(3);
    nothing(scene.run("approve ../east.json --out ../approvals.json"), "refused by a guard");
    scene.run("snapshot --cluster sim:clusters/east.json --out ../snapshot.json").exits(0);
    scene.run(&format!("{plan} --snapshot ../snapshot.json")).exits(0);
    nothing(scene.run("approve ../east.json --out ../approvals.json"), "from a snapshot");
    scene.run(plan).exits(0);
    fs::copy(scene.beside.path("east.json"), scene.beside.path("again.json")).unwrap();
    nothing(scene.run("approve ../east.json ../again.json --out ../approvals.json"), "two plans are for the target");
    let no_target = scene.beside.read("east.json").replace("  \"target\": \"clusters/east.toml\",\n", "");
    scene.beside.write("again.json", &no_target);
    nothing(scene.run("approve ../again.json --out ../approvals.json"), "names no target");
    for expires in ["31d", "2020-01-01", "soon"] {
        nothing(scene.run(&format!("approve ../east.json --out ../approvals.json --expires {expires}")), "`--expires");
    }
    nothing(scene.run("approve ../east.json --out ../approvals.json --commit nowhere"), "no revision `nowhere`");
    nothing(scene.run("approve ../east.json"), "cannot use the approvals");
    // One that fails leaves out none of the others.
    scene.folder.write("clusters/west.toml", "[users.ann]\npolicy = \"nowhere\"\n");
    scene.run("plan --file clusters --out ../plans/").exits(1);
    nothing(scene.run("approve ../plans --out ../approvals.json"), "not approved: clusters/west.toml: ");
    let run = scene.run("approve ../plans --out ../approvals.json --skip-failed").exits(0);
    run.says("approved: 1 plan of").warns("not approved: clusters/west.toml: ");
    scene.accepts("");
}

#[test]
fn signatures_of_attune_and_of_ssh_keygen_are_the_same_and_none_is_overwritten() {
    let Some(scene) = scene(TWO) else { return };
    scene.approve("--sign ../alice --as alice").exits(0).says("signed with the key SHA256:");
    scene.run("approve --sign ../alice --as alice ../approvals.json").exits(1).warns("no signature is overwritten");
    assert_eq!(scene.beside.read("approvals.json.alice.sig"), scene.sign("alice", "approvals.json", NAMESPACE));
    // The second person checks the plans first.
    scene.run("approve ../plans --same-as ../approvals.json --sign ../bob --as bob").exits(0).says("1 to attach");
    scene.accepts("").warns("approvals: 2 of 2 signatures: alice and bob");
    scene.run("history").exits(0).says("approved by alice, bob");
    let past = scene.run("history --format json").exits(0).json();
    assert_eq!(past["applies"][0]["approved_by"], json!(["alice", "bob"]));
    // What one person signed is not exchanged under the other.
    scene.run("approve ../plans --out ../approvals.json --note other").exits(1).warns("is signed already");
    scene.unsign();
    scene.run("plan --file clusters --allow-access ann:s3:GetObject:x --out ../plans/").exits(0);
    let run = scene.run("approve ../plans --same-as ../approvals.json --sign ../bob --as bob").exits(1);
    run.warns("does not approve exactly these plans: `clusters/east.toml` and `clusters/west.toml`");
    assert!(!scene.beside.path("approvals.json.bob.sig").exists());
    scene.run("approve --sign ../nowhere ../approvals.json").exits(1).warns("there is no such file");
    scene.run("approve --sign ../approvals.json ../approvals.json").exits(1).warns("cannot sign with");
    scene.run("approve --sign ../bob --as ../x ../approvals.json").exits(1).warns("use letters, digits");
}
