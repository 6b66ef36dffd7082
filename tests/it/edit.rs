//! `attune edit`: what it writes, what it prints, and when it changes nothing.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::harness::{Folder, allowing};

const POLICIES: &str = "\
[cluster]
endpoints = [\"sim:cluster.json\"]

[policies.ml-ro] # readers
attached_to = [
    \"svc-a\", # the nightly job
    \"carol\",
]

[[policies.ml-ro.statement]]
effect = \"Allow\"
action = \"s3:GetObject\"
resource = \"arn:aws:s3:::models/*\"

[[policies.ml-rw.statement]]
effect = \"Allow\"
action = [\"s3:GetObject\", \"s3:PutObject\"]
resource = \"arn:aws:s3:::models/*\"
";

const TEAM: &str = "\
# the team
[users]
alice = \"ml-ro\" # since May
bob = \"readonly\"

[users.svc-b]
policy = \"ml-ro\"

[groups]
ops = \"ml-ro\"
";

fn team() -> Folder {
    Folder::with(&[("attune.toml", &format!("include = [\"teams/*\"]\n\n{POLICIES}")), ("teams/ml.toml", TEAM)])
}

#[test]
fn a_move_changes_every_form_in_every_file_and_prints_one_diff() {
    let folder = team();
    let before = folder.read("attune.toml");
    let checked = folder.attune("edit move --from ml-ro --to ml-rw --check").exits(2);
    assert_eq!((folder.read("attune.toml"), folder.read("teams/ml.toml")), (before, TEAM.to_owned()));
    let run =
        folder.attune("edit move --from ml-ro --to ml-rw").exits(0).warns("changed attune.toml and teams/ml.toml");
    assert_eq!(run.stdout, checked.stdout);
    let changed: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    let expected = [
        "--- attune.toml",
        "+++ attune.toml",
        "-    \"svc-a\", # the nightly job",
        "-    \"carol\",",
        "+    # the nightly job",
        "+",
        "+[users]",
        "+carol = \"ml-rw\"",
        "+svc-a = \"ml-rw\"",
        "--- teams/ml.toml",
        "+++ teams/ml.toml",
        "-alice = \"ml-ro\" # since May",
        "+alice = \"ml-rw\" # since May",
        "-policy = \"ml-ro\"",
        "+policy = \"ml-rw\"",
        "-ops = \"ml-ro\"",
        "+ops = \"ml-rw\"",
    ];
    assert_eq!(changed, expected, "{}", run.stdout);
    folder.attune("fmt --check").exits(0);
    folder.attune("validate").exits(0);
    let run = folder.attune("edit move --from ml-ro --to ml-rw").exits(0).warns("nothing to change");
    assert_eq!(run.stdout, "");
}

#[test]
fn patterns_choose_who_is_moved() {
    let folder = team();
    folder.attune("edit move --from ml-ro --to readonly --users svc-*").exits(0);
    let (main, team) = (folder.read("attune.toml"), folder.read("teams/ml.toml"));
    assert!(main.contains("\"carol\"") && main.contains("svc-a = \"readonly\""), "{main}");
    assert!(team.contains("alice = \"ml-ro\"") && team.contains("[users.svc-b]\npolicy = \"readonly\""), "{team}");
    folder.attune("edit move --from ml-ro --to readonly --groups *").exits(0);
    assert!(folder.read("teams/ml.toml").contains("ops = \"readonly\""));
    folder.attune("edit move --from ml-r --to readonly").exits(1).warns("did you mean `ml-ro`?");
    folder.attune("edit move --from ml-ro --to ml-ro").exits(1).warns("the same policy");
    folder.attune("edit move --from ml-ro --to ml-rww --check").exits(2).warns("did you mean `ml-rw`?");
}

#[test]
fn moving_fifty_users_is_one_command_and_one_diff() {
    let mut text =
        POLICIES.replace("    \"svc-a\", # the nightly job\n    \"carol\",\n", "    \"x\",\n") + "\n[users]\n";
    for number in 0..50 {
        writeln!(text, "user{number:02} = \"ml-ro\"").unwrap();
    }
    let folder = Folder::with(&[("attune.toml", &text)]);
    let run = folder.attune("edit move --from ml-ro --to ml-rw --users user*").exits(0);
    let lines = |mark: &str| run.stdout.lines().filter(|line| line.starts_with(mark)).count();
    assert_eq!((lines("-user"), lines("+user"), lines("@@")), (50, 50, 1), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 2 + 1 + 100 + 3, "no other line: {}", run.stdout);
    assert_eq!(folder.read("attune.toml"), text.replace("= \"ml-ro\"", "= \"ml-rw\""));
    // Twenty of them, back.
    let names: Vec<String> = (0..20).map(|number| format!("user{number:02}")).collect();
    folder.attune(&format!("edit detach {}", names.join(" "))).exits(0);
    assert_eq!(folder.read("attune.toml").matches("{ detached = true }").count(), 20);
}

#[test]
fn users_are_detached_and_added_where_they_belong() {
    let folder = team();
    folder.attune("edit detach alice carol group/ops svc-b").exits(0);
    let (main, ml) = (folder.read("attune.toml"), folder.read("teams/ml.toml"));
    assert!(main.ends_with("\n[users]\ncarol = { detached = true }\n") && !main.contains("\"carol\""), "{main}");
    assert!(ml.contains("alice = { detached = true } # since May\n"), "{ml}");
    assert!(ml.contains("[users.svc-b]\ndetached = true\n") && ml.contains("ops = { detached = true }\n"), "{ml}");
    folder.attune("edit detach alise").exits(1).warns("user `alise` is not declared").warns("did you mean `alice`?");
    let run = folder.attune("edit detach alice").exits(0).warns("nothing to change");
    assert_eq!(run.stdout, "");

    folder.attune("edit add-user dora group/lab --policy ml-ro").exits(0);
    assert!(
        folder.read("attune.toml").contains("    \"dora\",\n    \"group/lab\",\n]"),
        "{}",
        folder.read("attune.toml")
    );
    folder.attune("edit add-user erin --policy ml-rw").exits(0);
    assert!(folder.read("attune.toml").contains("carol = { detached = true }\nerin = \"ml-rw\"\n"));
    folder.attune("edit add-user erin --policy ml-rw").exits(0).warns("nothing to change");
    let run = folder.attune("edit add-user erin --policy ml-ro").exits(1).warns("user `erin` is declared already");
    run.warns("attune edit move --from ml-rw --to ml-ro");
    folder.attune("edit add-user a/b --policy ml-ro").exits(1);
}

#[test]
fn an_invalid_result_or_a_file_that_may_not_be_written_changes_nothing() {
    let folder = team();
    let text = format!(
        "{}\n[policies.base]\nabstract = true\nstatement = [{{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }}]\n[policies.of-base]\ncombine = [\"base\"]\n",
        folder.read("attune.toml")
    );
    folder.write("attune.toml", &text);
    let unchanged = |folder: &Folder| {
        assert_eq!((folder.read("attune.toml"), folder.read("teams/ml.toml")), (text.clone(), TEAM.to_owned()));
    };
    folder
        .attune("edit move --from ml-ro --to base")
        .exits(1)
        .warns("attached-policy-abstract")
        .warns("nothing was changed");
    unchanged(&folder);

    fs::set_permissions(folder.path("teams/ml.toml"), PermissionsExt::from_mode(0o444)).unwrap();
    folder.attune("edit move --from ml-ro --to ml-rw").exits(1).warns("cannot write teams/ml.toml: it is read-only");
    unchanged(&folder);
    fs::set_permissions(folder.path("teams/ml.toml"), PermissionsExt::from_mode(0o644)).unwrap();

    fs::rename(folder.path("teams/ml.toml"), folder.path("ml.toml")).unwrap();
    symlink("../ml.toml", folder.path("teams/ml.toml")).unwrap();
    folder.attune("edit move --from ml-ro --to ml-rw").exits(1).warns("teams/ml.toml: it is a symbolic link");
    unchanged(&folder);

    folder.attune_fed("edit detach alice --file -", TEAM).exits(1).warns("`edit` cannot change standard input");
    folder.write("attune.toml", "[users]\nalice = 3\n");
    folder.attune("edit detach alice").exits(1).warns("wrong-type").warns("nothing was changed");
    folder.attune("edit detach alice --file missing.toml").exits(1).warns("cannot read missing.toml");
}

#[test]
fn an_edit_reads_no_cluster_and_shows_no_secret() {
    let folder = Folder::with(&[(
        "attune.toml",
        "[cluster]\nendpoints = [\"https://127.0.0.1:1\"]\n# password = hunter2\n[users]\na = \"readonly\"\n",
    )]);
    let run = folder.attune("edit move --from readonly --to readwrite").exits(0);
    assert!(run.stdout.contains("+a = \"readwrite\"") && !run.stdout.contains("hunter2"), "{}", run.stdout);
    assert!(folder.read("attune.toml").contains("hunter2"));
    folder.attune("edit detach a --cluster sim:x.json").exits(1).warns("does not contact a cluster");
}

/// The quickstart, whose cluster differs from the configuration in every way.
fn quickstart() -> Folder {
    Folder::example("quickstart")
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn objects_of_the_cluster_are_adopted_into_the_configuration() {
    let folder = quickstart();
    let state = folder.state();
    let args = "edit adopt user/bob user/alice policy/etl-nightly policy/ml-readers policy/ml-training";
    let checked = folder.attune(&format!("{args} --check")).exits(2);
    assert!(!folder.path("policies/etl-nightly.json").exists());
    let run = folder.attune(args).exits(0).warns("policies/etl-nightly.json");
    assert_eq!(run.stdout, checked.stdout);
    let text = folder.read("attune.toml");
    assert!(text.contains("[policies.etl-nightly]\ndocument = \"policies/etl-nightly.json\"\n"), "{text}");
    assert!(text.contains(
        "[policies.ml-readers]\ndescription = \"Everyone in the group may look at models\"\nabsent = true\n"
    ));
    assert!(
        text.contains("[users.bob]\ndetached = true\n") && text.contains("[users.alice]\npolicy = \"readwrite\"\n")
    );
    assert!(
        folder.read("policies/ml-training.json").contains("\"s3:*\""),
        "the file of the policy has the new document"
    );
    folder.attune("fmt --check").exits(0);
    assert_eq!(folder.state(), state, "the cluster is not changed");
    folder.attune(args).exits(0).warns("nothing to change");
    folder.attune("edit adopt policy/ml-readers").exits(0).warns("nothing to change");

    for (object, why) in [
        ("policy/readonly", "is predefined"),
        ("policy/nosuch", "neither on the cluster nor in the configuration"),
        ("user/nosuch", "neither on the cluster nor in the configuration"),
        ("group/ops", "does not report here"),
        ("alice", "write `user/NAME`"),
    ] {
        folder.attune(&format!("edit adopt user/dora {object}")).exits(1).warns(why);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn adopted_drift_is_gone() {
    let folder = quickstart();
    folder.attune("apply --yes").exits(0);
    folder.drift(|tenant| {
        tenant["users"]["alice"]["policy"] = "readonly".into();
        tenant["users"]["dora"]["policy"] = serde_json::Value::Null;
        let document = tenant["policies"]["ml-training"]["document"].clone();
        tenant["policies"]["ml-readers"]["document"] = document;
        tenant["policies"]["etl-new"] = tenant["policies"]["ml-training"].clone();
    });
    let text = folder.read("attune.toml");
    folder.attune("drift --adopt --format json").exits(1).warns("`--adopt` prints a diff");
    folder.attune("drift --adopt --ignore policy/*").exits(0).says("+policy = \"readonly\"").says("+detached = true");
    assert!(!folder.path("policies").read_dir().unwrap().any(|file| file.unwrap().file_name() == "etl-new.json"));
    folder.attune("drift --adopt").exits(0).says("drift: 2 objects differ").says("+++ policies/ml-readers.json");
    folder.attune("drift").exits(0).says("no drift");
    folder.attune("plan --detailed-exitcode").exits(0);
    assert_ne!(folder.read("attune.toml"), text);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn what_several_policies_share_is_not_adopted() {
    let document = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::a/*\"}]}";
    let config = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[policies.a]\ndocument = \"x.json\"\n[policies.b]\ndocument = \"x.json\"\n\
                  [policies.c]\ncombine = [\"a\"]\n";
    let folder = Folder::with(&[("attune.toml", config), ("x.json", document)]);
    folder.attune("apply --yes").exits(0);
    folder.drift(|tenant| {
        for name in ["a", "c"] {
            tenant["policies"][name]["document"]["Statement"][0]["Action"] = "s3:PutObject".into();
        }
    });
    folder.attune("edit adopt policy/a").exits(1).warns("belongs to several policies").warns("nothing was changed");
    folder.attune("drift --adopt").exits(1).warns("policy `c` combines others");
    assert_eq!((folder.read("attune.toml"), folder.read("x.json")), (config.to_owned(), document.to_owned()));
}

const TEMPLATE: &str = "\
[cluster]
endpoints = [\"sim:cluster.json\"]

[tables.team]
ml = {}
bio = {}

[policies.\"{{team}}-ro\"]
each = \"team\"
attached_to = [\"reader-{{team}}\"]
statement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::{{team}}-data/*\" }]

[users.\"svc-{{team}}\"]
each = \"team\"
policy = \"{{team}}-ro\"

[users]
zoe = \"ml-ro\"
";

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn what_rows_make_is_not_edited_and_its_place_is_named() {
    let document =
        |team: &str, action: &str| json!({"document": allowing(action, &format!("arn:aws:s3:::{team}-data/*"))});
    let state = json!({"format": "attune.sim/1", "tenants": {"Root": {
        "users": {"admin": {"role": "ClusterAdmin", "password": "admin"}, "svc-ml": {"policy": "bio-ro"}, "reader-ml": {}, "zoe": {}},
        "policies": {"ml-ro": document("ml", "s3:PutObject"), "bio-ro": document("bio", "s3:GetObject")}}}});
    let folder = Folder::with(&[("attune.toml", TEMPLATE), ("cluster.json", &state.to_string())]);
    for (args, place) in [
        ("move --from ml-ro --to readonly", "row `ml` of `[tables.team]`"),
        ("move --from bio-ro --to ml-ro --users svc-*", "row `bio` of `[tables.team]`"),
        ("detach svc-ml", "row `ml` of `[tables.team]`"),
        ("detach reader-ml", "row `ml` of `[tables.team]`"),
        ("detach zoe svc-bio", "row `bio` of `[tables.team]`"),
        ("add-user svc-ml --policy readonly", "svc-ml"),
        ("adopt user/svc-ml", "row `ml` of `[tables.team]`"),
        ("adopt user/reader-ml", "row `ml` of `[tables.team]`"),
        ("adopt policy/ml-ro", "row `ml` of `[tables.team]`"),
    ] {
        folder.attune(&format!("edit {args}")).exits(1).warns(place).warns("nothing was changed");
        assert_eq!(folder.read("attune.toml"), TEMPLATE, "{args}");
    }
    folder.attune("drift --adopt").exits(1).warns("row `ml` of `[tables.team]`");
    assert_eq!(folder.read("attune.toml"), TEMPLATE);
    // An entry beside them can be changed, and a new user gets an entry of its own.
    folder.attune("edit move --from ml-ro --to bio-ro --users zoe").exits(0).says("+zoe = \"bio-ro\"");
    folder.attune("edit add-user bob --policy ml-ro").exits(0).says("+bob = \"ml-ro\"");
    folder.attune("edit detach zoe").exits(0);
    folder.attune("validate").exits(0);
}
