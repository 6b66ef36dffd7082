//! Many files, each about a cluster: one command, one summary, the worst exit code.

use serde_json::Value;

use super::harness::{ADMIN, Folder, Run, validate};
use super::html::Page;

const STATE: &str = r#"{"format": "attune.sim/1", "release": "5.1", "tenants": {"Root": {"users": {
    "admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "readonly"}, "bob": {}}}}}"#;

/// Three clusters: one as its file says, one that is not, one whose file has an error.
fn three() -> Folder {
    let folder = Folder::new();
    for (name, users) in [
        ("a", "[users.alice]\npolicy = \"readonly\"\n"),
        ("b", "[users.alice]\npolicy = \"readwrite\"\n"),
        ("c", "[users.alice]\npolcy = \"readwrite\"\n"),
    ] {
        let file = format!("[cluster]\nendpoints = [\"sim:{name}.json\"]\n{users}");
        folder.write(&format!("clusters/{name}.toml"), &file);
        folder.write(&format!("clusters/{name}.json"), STATE);
    }
    folder
}

fn state(folder: &Folder, name: &str) -> Value {
    serde_json::from_str(&folder.read(&format!("clusters/{name}.json"))).unwrap()
}

#[test]
fn a_directory_is_planned_in_one_go_and_the_worst_is_the_exit_code() {
    let folder = three();
    let run = folder.attune("plan --file clusters").exits(1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let summary = &lines[lines.iter().position(|line| *line == "== 3 files").unwrap() + 1..];
    assert_eq!(summary[0], "clusters/a.toml   exit 0   no changes");
    assert!(summary[1].starts_with("clusters/b.toml   exit 0   plan "), "{}", summary[1]);
    assert!(summary[1].ends_with(": 1 to move · 1 API call"), "{}", summary[1]);
    assert_eq!(
        summary[2],
        "clusters/c.toml   exit 1   error: clusters/c.toml has errors; the cluster was not contacted"
    );
    assert!(run.stderr.contains("unknown key `polcy`"), "{}", run.stderr);
    let heads: Vec<&&str> = lines.iter().filter(|line| line.starts_with("== clusters/")).collect();
    assert_eq!(heads, [&"== clusters/a.toml", &"== clusters/b.toml", &"== clusters/c.toml"]);
    folder.attune("plan --file clusters/a.toml --file clusters/b.toml --detailed-exitcode").exits(2);
    folder.attune("plan -f clusters/a.toml").exits(0).says("no changes");
    // The same again, whatever came first.
    assert_eq!(folder.attune("plan --file clusters").exits(1).stdout, run.stdout);
}

#[test]
fn json_of_many_files_is_one_document_with_a_digest_for_each() {
    let folder = three();
    let output = folder.attune("plan --file clusters --format json").exits(1).json();
    assert_eq!((output["format"].as_str(), output["exit"].as_u64()), (Some("attune.many/1"), Some(1)));
    let runs = output["runs"].as_array().unwrap();
    let kinds: Vec<_> = runs.iter().map(|run| run["result"]["format"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["attune.plan/1", "attune.plan/1", "attune.findings/1"]);
    assert_ne!(runs[0]["result"]["digest"], runs[1]["result"]["digest"]);
    for (run, alone) in runs.iter().zip(["a", "b"]) {
        let alone = folder.attune(&format!("plan --file clusters/{alone}.toml --format json")).exits(0).json();
        assert_eq!(run["result"], alone);
    }
    let valid = folder.attune("validate --file clusters --format json").exits(1).json();
    assert_eq!(valid["runs"][2]["exit"], 1);
    folder.attune("doctor --file clusters/a.toml --file clusters/b.toml --format json").exits(0);
}

#[test]
fn each_cluster_runs_only_the_plan_that_was_approved_for_it() {
    let folder = three();
    folder.write("clusters/c.toml", "[cluster]\nendpoints = [\"sim:c.json\"]\n[users.alice]\ndetached = true\n");
    let digest = |name: &str| {
        let plan = folder.attune(&format!("plan --file clusters/{name}.toml --format json")).exits(0).json();
        plan["digest"].as_str().unwrap().to_owned()
    };
    let (a, b) = (digest("a"), digest("b"));
    let before = state(&folder, "c");
    let run = folder.attune(&format!("apply --file clusters --approved {a} --approved {b}")).exits(4);
    assert!(
        run.stdout.contains("clusters/b.toml   exit 0   1 API call: 1 done · matches the configuration"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("clusters/c.toml   exit 4   plan "), "{}", run.stdout);
    assert_eq!(state(&folder, "b")["tenants"]["Root"]["users"]["alice"]["policy"], "readwrite");
    assert_eq!(state(&folder, "c"), before);
    folder.attune("apply --file clusters --yes").exits(0);
    folder.attune("plan --file clusters --detailed-exitcode").exits(0);
}

#[test]
fn options_for_one_file_or_one_cluster_are_refused_with_many() {
    let folder = three();
    for (args, why) in [
        ("import --file clusters", "takes one file, but 3 are given"),
        ("plan --file clusters --cluster sim:clusters/a.json", "`--cluster` names one cluster"),
        ("plan --file clusters --snapshot s.json", "`--snapshot` takes one configuration"),
        ("plan --file empty", "there is no configuration in the directory empty"),
        ("validate --file clusters --format sarif --cluster sim:a.json", "so it has no `--cluster`"),
    ] {
        std::fs::create_dir_all(folder.path("empty")).unwrap();
        let run = folder.attune(args).exits(1);
        assert!(run.stderr.contains(why), "{args}: {}", run.stderr);
    }
    folder.write("clusters/c.toml", "[cluster]\nendpoints = [\"sim:c.json\"]\n[users.alice]\ndetached = true\n");
    let drift = folder.attune("drift --file clusters").exits(2);
    assert!(drift.stdout.contains("clusters/a.toml   exit 0   no drift"), "{}", drift.stdout);
    // A directory with one file is that file.
    folder.write("one/weka01/attune.toml", "[cluster]\nendpoints = [\"sim:../../clusters/a.json\"]\n");
    assert!(!folder.attune("plan --file one").exits(0).stdout.contains("=="));
}

/// Three clusters: one as its file says, one that is not, one that is down.
fn one_down() -> Folder {
    let folder = three();
    folder.write(
        "clusters/c.toml",
        "[cluster]\nendpoints = [\"https://127.0.0.1:1\"]\n[users.alice]\npolicy = \"readwrite\"\n",
    );
    folder
}

fn plan_of(folder: &Folder, args: &str) -> Run {
    folder.attune_with(&format!("plan --retries 0 --file clusters {args}"), &ADMIN)
}

#[test]
fn several_plans_are_one_comment_with_a_section_and_a_digest_for_each() {
    let folder = one_down();
    let comment = plan_of(&folder, "--format markdown").exits(1).stdout;
    let lines: Vec<&str> = comment.lines().collect();
    assert_eq!(lines[0], "<!-- attune:plan files=clusters -->");
    assert!(
        comment.contains("### attune: 3 configurations: 1 plan with changes, 1 without changes and 1 error\n"),
        "{comment}"
    );
    let heads: Vec<&&str> = lines.iter().filter(|line| line.starts_with("#### ")).collect();
    assert_eq!(
        heads,
        [&"#### `clusters/a.toml`: no changes", &"#### `clusters/b.toml`: 1 to move", &"#### `clusters/c.toml`: error"]
    );
    assert_eq!(comment.matches("<!-- attune:digest=").count(), 2, "{comment}");
    let digest =
        folder.attune("plan --file clusters/b.toml --format json").json()["digest"].as_str().unwrap().to_owned();
    assert!(comment.contains(&format!("\nattune apply --file clusters/b.toml --approved {digest}\n")), "{comment}");
    assert!(comment.contains("\n- user `alice`: `readonly` → `readwrite`\n"), "{comment}");
    assert!(comment.contains("cluster-unreachable") && comment.contains("127.0.0.1"), "{comment}");
    // The marker stays when a target is added.
    folder.write("clusters/d.toml", "[cluster]\nendpoints = [\"sim:a.json\"]\n");
    assert_eq!(plan_of(&folder, "--format markdown").stdout.lines().next(), Some(lines[0]));
}

#[test]
fn foreign_names_of_files_and_clusters_stay_text_in_a_comment_and_a_page() {
    let folder = three();
    let name = "clusters/`<!-- <b>x.toml";
    folder.write(name, "[cluster]\nendpoints = [\"sim:c.json\"]\n[users.alice]\npolicy = \"readwrite\"\n");
    let comment = folder.attune("plan --file clusters --format markdown").exits(1).stdout;
    assert!(comment.contains("#### ``clusters/`<!-- <b>x.toml``: 1 to move\n"), "{comment}");
    assert!(comment.contains("attune apply --file 'clusters/`<!-- <b>x.toml' --approved "), "{comment}");
    let page = folder.attune("plan --file clusters --format html").exits(1).stdout;
    Page::read(&page).is_sound();
    assert!(page.contains("&lt;b&gt;x.toml") && !page.contains("<b>x.toml"), "{page}");
}

#[test]
fn several_plans_are_one_page() {
    let folder = one_down();
    let page = plan_of(&folder, "--format html").exits(1).stdout;
    Page::read(&page).is_sound();
    for text in [
        "Plans for 3 configurations",
        "2. clusters/b.toml",
        "attune apply --file clusters/b.toml --approved",
        "cluster-unreachable",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

#[test]
fn saved_plans_of_a_directory_are_shown_again() {
    let folder = one_down();
    let text = plan_of(&folder, "--out plans").exits(1);
    assert!(text.stdout.contains("== 3 files"), "{}", text.stdout);
    let index: Value = serde_json::from_str(&folder.read("plans/index.json")).unwrap();
    validate(&index);
    let saved: Vec<&str> = index["runs"].as_array().unwrap().iter().map(|run| run["saved"].as_str().unwrap()).collect();
    assert_eq!(saved, ["clusters%2Fa.toml.json", "clusters%2Fb.toml.json", "clusters%2Fc.toml.json"]);
    for (file, format) in saved.iter().zip(["attune.plan/1", "attune.plan/1", "attune.findings/1"]) {
        let one: Value = serde_json::from_str(&folder.read(&format!("plans/{file}"))).unwrap();
        validate(&one);
        assert_eq!(one["format"], format);
    }
    for format in ["markdown", "html", "json"] {
        let made = plan_of(&folder, &format!("--format {format}")).exits(1).stdout;
        assert_eq!(folder.attune(&format!("show plans --format {format}")).exits(0).stdout, made, "{format}");
    }
    let shown = folder.attune("show plans").exits(0);
    shown.says("clusters/b.toml   exit 0   plan ").says("clusters/c.toml   exit 1   error: ");
    // Files of earlier runs are ignored, and several files are shown without an index.
    folder.write("plans/old.json", "{}");
    folder.attune("show plans").exits(0);
    let several =
        folder.attune("show plans/clusters%2Fa.toml.json plans/clusters%2Fb.toml.json --format markdown").exits(0);
    assert_eq!(several.stdout.matches("attune:digest=").count(), 2, "{}", several.stdout);
    folder.write("all.json", &plan_of(&folder, "--format json").stdout);
    folder.attune("show all.json").exits(0).says("== 3 files");
    // A directory stays one, however many configurations there are.
    folder.attune("plan --file clusters/a.toml --out plans").exits(0);
    folder.attune("show plans").exits(0).says("== 1 file");
    folder.attune("plan --file clusters/a.toml --out new/").exits(0);
    folder.attune("show new").exits(0).says("no changes");
    let outside = folder.read("plans/index.json").replace("clusters%2Fa.toml.json", "../clusters/a.json");
    folder.write("plans/index.json", &outside);
    folder.attune("show plans").exits(1).warns("is not the name of a file beside it");
}

/// So many clusters, whose files attach a policy to the users.
fn large(clusters: usize, users: usize) -> Folder {
    let folder = Folder::new();
    let (mut file, mut state) =
        (String::new(), serde_json::json!({"admin": {"role": "ClusterAdmin", "password": "admin"}}));
    for user in 0..users {
        file += &format!("[users.svc-user-{user:03}]\npolicy = \"readwrite\"\n");
        state[format!("svc-user-{user:03}")] = serde_json::json!({"policy": "readonly"});
    }
    let state = serde_json::json!({"format": "attune.sim/1", "release": "5.1", "tenants": {"Root": {"users": state}}});
    for cluster in 0..clusters {
        folder.write(&format!("clusters/c{cluster:02}.json"), &state.to_string());
        folder.write(
            &format!("clusters/c{cluster:02}.toml"),
            &format!("[cluster]\nendpoints = [\"sim:c{cluster:02}.json\"]\n{file}"),
        );
    }
    folder
}

#[test]
fn the_sections_of_a_comment_share_the_limit_and_none_leaves_out_a_move() {
    let folder = large(5, 40);
    let whole = folder.attune("plan --file clusters --format markdown --max-chars 1000000").exits(0).stdout;
    let comment = |max: usize| {
        let comment =
            folder.attune(&format!("plan --file clusters --format markdown --max-chars {max}")).exits(0).stdout;
        assert!(comment.chars().count() <= max, "{} of {max}", comment.chars().count());
        comment
    };
    let moves = |comment: &str| comment.matches(": `readonly` → `readwrite`\n").count();
    assert_eq!(moves(&whole), 200);
    let full = whole.chars().count();
    assert_eq!(comment(full), whole);
    // Where the moves of not all fit, some clusters have all of theirs, and the others cannot be approved.
    for part in [4, 3, 2] {
        let shorter = comment(full * part / 5);
        let (approvable, too_large) =
            (shorter.matches("attune:digest=").count(), shorter.matches("attune:too-large=").count());
        assert_eq!((approvable + too_large, shorter.matches("--approved ").count()), (5, approvable), "{shorter}");
        assert_eq!(moves(&shorter), approvable * 40, "{shorter}");
        assert!((1..5).contains(&too_large), "{too_large}");
    }
    let none = comment(1_500);
    assert!(none.starts_with("<!-- attune:plan files=clusters -->\n") && !none.contains("--approved"), "{none}");
    assert!(none.contains("**Do not approve these plans from this comment.**"), "{none}");
}

#[test]
fn drift_of_several_clusters_in_markdown_has_a_heading_for_each() {
    let folder = one_down();
    let drift = folder.attune_with("drift --retries 0 --file clusters --format markdown", &ADMIN).exits(1);
    assert!(drift.stdout.starts_with("## `clusters/a.toml`\n\n### No drift\n"), "{}", drift.stdout);
    assert!(drift.stdout.contains("\n## `clusters/c.toml`\n"), "{}", drift.stdout);
    assert!(!drift.stdout.contains("== "), "{}", drift.stdout);
}
