//! `--only`: a plan and an apply for a part of the objects.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::harness::{Folder, Run, allowing};

const TEAMS: [&str; 3] = ["ml", "bio", "web"];

/// Three teams with a file, a policy and a user each. The cluster has the policies with another document.
fn teams() -> Folder {
    let folder = Folder::new();
    let mut users = json!({"admin": {"role": "ClusterAdmin", "password": "admin"}});
    let mut policies = json!({});
    for team in TEAMS {
        folder.write(&format!("teams/{team}.toml"), &team_file(team));
        users[format!("svc-{team}")] = json!({"policy": format!("{team}-rw")});
        policies[format!("{team}-rw")] = json!({"document": document("s3:GetObject", team)});
    }
    folder.write("attune.toml", "include = [\"teams/*.toml\"]\n[cluster]\nendpoints = [\"sim:cluster.json\"]\n");
    let state = json!({"format": "attune.sim/1", "release": "5.1", "tenants": {"Root": {"users": users, "policies": policies}}});
    folder.write("cluster.json", &state.to_string());
    folder
}

fn document(action: &str, bucket: &str) -> Value {
    allowing(action, &format!("arn:aws:s3:::{bucket}-data/*"))
}

fn team_file(team: &str) -> String {
    format!(
        "[[policies.{team}-rw.statement]]\neffect = \"Allow\"\naction = [\"s3:PutObject\"]\nresource = [\"arn:aws:s3:::{team}-data/*\"]\n\
         [users.svc-{team}]\npolicy = \"{team}-rw\"\n"
    )
}

fn has_new_document(folder: &Folder, team: &str) -> bool {
    folder.tenant()["policies"][format!("{team}-rw")]["document"] == document("s3:PutObject", team)
}

fn changes(plan: &Run) -> Vec<String> {
    let plan = plan.json();
    let ids = plan["changes"].as_array().into_iter().flatten().filter_map(|change| change["id"].as_str());
    ids.map(str::to_owned).collect()
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_part_is_planned_and_applied_and_the_rest_stays_and_is_counted() {
    let folder = teams();
    let plan = folder.attune("plan --only policy/ml-* --format json").exits(2);
    assert_eq!(changes(&plan), ["policy/ml-rw"]);
    let only = plan.json()["only"].clone();
    assert_eq!(only["patterns"], json!(["policy/ml-*"]));
    assert_eq!(only["left_out"], json!(["policy/bio-rw", "policy/web-rw"]));
    folder.attune("plan --only policy/ml-*").exits(2).says("left out: 2 differences: policy/bio-rw and policy/web-rw");
    let outcome = folder.attune("apply --yes --only policy/ml-* --format json").exits(2).json();
    assert_eq!(
        (&outcome["converged"], &outcome["only"]["left_out"]),
        (&json!(true), &json!(["policy/bio-rw", "policy/web-rw"]))
    );
    assert_eq!(TEAMS.map(|team| has_new_document(&folder, team)), [true, false, false]);
    // Nothing is left of the part, and the rest still differs.
    let again = folder.attune("apply --yes --only policy/ml-*").exits(2);
    again.says("2 differences");
    folder.attune("apply --yes --only file:teams/bio.toml --only policy/web-rw").exits(0).says("selected part");
    folder.attune("plan --only policy/ml-*").exits(0);
    folder.attune("plan --detailed-exitcode").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_approval_is_for_the_part_or_for_the_whole() {
    let folder = teams();
    let digest = |args: &str| {
        let plan = folder.attune(&format!("plan --format json {args}"));
        plan.json()["digest"].as_str().unwrap().to_owned()
    };
    // One pattern selects everything, and is still another plan.
    let parts = ["", "--only policy/ml-*", "--only policy/*", "--only file:teams/*"];
    let digests: Vec<String> = parts.iter().map(|args| digest(args)).collect();
    assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), parts.len());
    for (digest, of) in digests.iter().zip(parts) {
        for args in parts.iter().filter(|args| **args != of) {
            folder.attune(&format!("apply --approved {digest} {args}")).exits(4);
        }
    }
    assert!(!has_new_document(&folder, "ml"));
    let comment = folder.attune("plan --only policy/ml-* --format markdown").exits(2);
    let command = comment.stdout.lines().find(|line| line.starts_with("attune apply ")).unwrap().to_owned();
    assert_eq!(command, format!("attune apply --approved {} --only 'policy/ml-*'", digests[1]));
    assert!(
        comment.stdout.contains("**Left out**: 2 differences: `policy/bio-rw` and `policy/web-rw`"),
        "{}",
        comment.stdout
    );
    folder.attune(&format!("apply --approved {} --only policy/ml-*", digests[1])).exits(2);
    assert_eq!(TEAMS.map(|team| has_new_document(&folder, team)), [true, false, false]);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_error_of_one_team_blocks_only_that_team() {
    let owning = "include = [\"teams/*.toml\"]\n[cluster]\nendpoints = [\"sim:cluster.json\"]\n[ownership]\npolicies = [\"*\"]\nusers = [\"*\"]\n";
    for (broken, why) in [
        ("[users.svc-bio]\npolcy = \"bio-rw\"\n", "unknown key `polcy`"),
        ("[users.svc-bio\npolicy = \"bio-rw\"\n", "toml-syntax"),
        ("[policies.bio-rw]\ndocument = \"gone.json\"\n[users.svc-bio]\npolicy = \"bio-rw\"\n", "unreadable-file"),
        ("[[policies.bio-rw.statement]]\neffect = \"Allow\"\naction = [\"s3:Nothing\"]\nresource = [\"bio\"]\n", "bio"),
        ("[guards]\nmax_removals = 0\n", "section-in-include"),
    ] {
        let folder = teams();
        folder.write("attune.toml", owning);
        folder.write("teams/bio.toml", broken);
        folder.attune("plan").exits(1);
        let before = folder.tenant().clone();
        for args in ["--only policy/ml-* --only user/svc-ml", "--only file:teams/ml.toml"] {
            let plan = folder.attune(&format!("plan {args} --format json")).exits(2);
            assert_eq!(changes(&plan), ["policy/ml-rw"], "{broken}");
            assert!(plan.stderr.contains(why) && plan.stderr.contains("(left out by `--only`)"), "{}", plan.stderr);
            // Nothing of the team is taken for no longer declared.
            let policies = folder.attune("plan --only policy/* --only user/* --format json");
            if policies.code == Some(2) {
                let kinds = policies.json()["changes"].to_string();
                assert!(!kinds.contains("remove_policy") && !kinds.contains("detach"), "{broken}: {kinds}");
            }
        }
        folder.attune("apply --yes --only policy/ml-*").exits(2);
        let after = folder.tenant().clone();
        for team in ["bio", "web"] {
            let (policy, user) = (format!("{team}-rw"), format!("svc-{team}"));
            let document = |state: &Value| state["policies"][&policy]["document"].clone();
            assert_eq!(document(&before), document(&after), "{broken}");
            assert_eq!(before["users"][&user]["policy"], after["users"][&user]["policy"], "{broken}");
        }
        assert!(has_new_document(&folder, "ml"));
    }
}

#[test]
fn an_error_within_the_part_or_in_a_setting_blocks_it() {
    let folder = teams();
    folder.write("teams/bio.toml", "[users.svc-bio]\npolcy = \"bio-rw\"\n[policies.bio-rw]\nabsent = true\n");
    for args in ["--only user/svc-*", "--only file:teams/bio.toml", "--only user/svc-bio --only policy/ml-rw"] {
        let run = folder.attune(&format!("plan {args}")).exits(1);
        assert!(run.stderr.contains("unknown key `polcy`") && run.stderr.contains("has errors"), "{}", run.stderr);
    }
    folder.write("teams/bio.toml", "[users.svc-bio\n");
    folder.attune("plan --only file:teams/bio.toml").exits(1).warns("toml-syntax");
    folder.write("teams/bio.toml", &team_file("bio"));
    let main = folder.read("attune.toml");
    for setting in ["[guards]\nmax_removal = 0\n", "[ownership]\npolicies = 3\n", "[cluster\n"] {
        folder.write("attune.toml", &format!("{main}{setting}"));
        folder.attune("plan --only policy/ml-*").exits(1).warns("error[");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_need_that_cannot_be_read_is_an_error() {
    let folder = teams();
    folder.write("teams/ml.toml", "[users.svc-ml]\npolicy = \"bio-rw\"\n");
    folder.write("teams/bio.toml", "[policies.bio-rw]\ndocument = \"gone.json\"\n");
    let run = folder.attune("plan --only user/svc-ml").exits(1);
    run.warns("user `svc-ml` needs policy `bio-rw`, whose declaration cannot be read");
    // The declaration may be in the file that cannot be read.
    folder.write("teams/bio.toml", "[policies.bio-rw\n");
    folder.attune("plan --only user/svc-ml").exits(1).warns("error[only-needs-more]");
    folder.write("teams/bio.toml", "[[policies.bio-rw.statement]]\neffect = \"Allow\"\naction = [\"s3:PutObject\"]\nresource = [\"arn:aws:s3:::bio-data/*\"]\n");
    let plan = folder.attune("plan --only user/svc-ml --format json");
    assert_eq!(changes(&plan), ["policy/bio-rw", "user/svc-ml"]);
    assert_eq!(plan.json()["only"]["needed"], json!([{"id": "policy/bio-rw", "by": "user/svc-ml"}]));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_policy_that_combines_one_with_an_error_blocks_only_those_who_select_it() {
    let folder = teams();
    let both = "[policies.both]\ncombine = [\"ml-rw\", \"bio-rw\"]\n";
    folder.write("attune.toml", &format!("{}{both}", folder.read("attune.toml")));
    folder.write("teams/bio.toml", "[policies.bio-rw]\ndocument = \"gone.json\"\n");
    folder
        .attune("plan --only policy/both")
        .exits(1)
        .warns("policy `both` cannot be read, because of an error in another part");
    let plan = folder.attune("plan --only policy/ml-rw --format json").exits(2);
    assert_eq!(changes(&plan), ["policy/ml-rw"]);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn guards_and_effects_look_at_the_whole_cluster() {
    let folder = teams();
    folder.drift(|tenant| tenant["users"]["zoe"] = json!({"policy": "ml-rw"}));
    let plan = folder.attune("plan --only policy/ml-rw --deny-new-access --format json").exits(3).json();
    assert!(plan["refusals"].to_string().contains("zoe"), "{}", plan["refusals"]);
    let main = folder.read("attune.toml");
    folder.write("attune.toml", &format!("{main}[guards]\nprotected_policies = [\"ml-rw\"]\n"));
    folder.attune("plan --only policy/ml-rw").exits(3).says("policy `ml-rw` is protected");
    folder.attune("plan --only policy/bio-rw").exits(2);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn patterns_are_checked() {
    let folder = teams();
    folder.attune("plan --only ml-*").exits(1).warns("is not a pattern");
    folder.attune("plan --only policy/ml-wr").exits(1).warns("did you mean `--only policy/ml-rw`?");
    folder.attune("apply --yes --only file:team/ml.toml").exits(1).warns("only-matches-nothing");
    // A path counts from here, and from the main file.
    folder.write(
        "sub/attune.toml",
        "include = [\"../teams/*.toml\"]\n[cluster]\nendpoints = [\"sim:../cluster.json\"]\n",
    );
    std::fs::create_dir(folder.path(".git")).unwrap();
    for args in ["file:teams/ml.toml", "file:./teams/ml.toml", "file:*/ml.toml"] {
        let plan = folder.attune(&format!("plan --file sub/attune.toml --only {args} --format json")).exits(2);
        assert_eq!(changes(&plan), ["policy/ml-rw"], "{args}");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_owned_removal_that_is_done_leaves_nothing_to_do_and_a_typo_is_told() {
    let folder = teams();
    let main = folder.read("attune.toml");
    folder.write("attune.toml", &format!("{main}[ownership]\npolicies = [\"old-*\"]\nusers = [\"svc-*\"]\n"));
    TEAMS.iter().for_each(|team| {
        folder.drift(|tenant| {
            tenant["policies"][format!("{team}-rw")] = json!({"document": document("s3:PutObject", team)});
        });
    });
    folder.drift(|tenant| tenant["policies"]["old-x"] = json!({"document": document("s3:GetObject", "old")}));
    let apply = "apply --yes --only policy/old-x";
    folder.attune(apply).exits(0).says("1 to remove");
    for pattern in ["policy/old-x", "policy/old-*", "policy/*-x"] {
        let again = folder.attune(&format!("apply --yes --only {pattern}")).exits(0);
        again.warns("warning[only-matches-nothing]").warns("nothing is left to do");
    }
    // A name that is similar is still told, and one that nothing owns is an error.
    folder.attune("plan --only user/svc-bioo").exits(0).warns("did you mean `--only user/svc-bio`?");
    folder.attune("plan --only policy/ml-wr").exits(1).warns("error[only-matches-nothing]");
    folder.attune("apply --yes --only group/old-x").exits(1).warns("error[only-matches-nothing]");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn both_names_of_a_rename_come_along_and_stay_known() {
    let (old, new) = ("ml-rw", "ml-write");
    for selected in [format!("policy/{old}"), format!("policy/{new}"), "user/svc-ml".to_owned()] {
        let folder = teams();
        let team = team_file("ml").replace(old, new);
        folder.write("teams/ml.toml", &format!("[policies.{new}]\nrenamed_from = \"{old}\"\n{team}"));
        let plan = folder.attune(&format!("plan --only {selected} --format json")).exits(2);
        assert_eq!(changes(&plan), [format!("policy/{new}")], "{selected}");
        assert_eq!(plan.json()["changes"][0]["renamed_from"], old, "{selected}");
        folder.attune(&format!("apply --yes --only {selected}")).exits(2);
        let tenant = folder.tenant().clone();
        assert!(tenant["policies"][old].is_null() && tenant["policies"][new].is_object(), "{selected}");
        assert_eq!(tenant["users"]["svc-ml"]["policy"], new);
        assert_eq!(TEAMS.map(|team| has_new_document(&folder, team)), [false; 3]);
        // Once it is done, nothing is left of it.
        let again = folder.attune(&format!("apply --yes --only {selected} --format json")).exits(2);
        assert!(!again.stderr.contains("only-matches-nothing"), "{}", again.stderr);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_error_of_one_row_blocks_only_that_row() {
    let folder = teams();
    TEAMS.iter().for_each(|team| folder.write(&format!("teams/{team}.toml"), ""));
    let template = "[tables.team]\nml = { action = \"PutObject\" }\nbio = { action = \"Put,Object\" }\nweb = { action = \"PutObject\" }\n\
                    [policies.\"{{team}}-rw\"]\neach = \"team\"\n[[policies.\"{{team}}-rw\".statement]]\neffect = \"Allow\"\n\
                    action = [\"s3:{{action}}\"]\nresource = [\"arn:aws:s3:::{{team}}-data/*\"]\n\
                    [users.\"svc-{{team}}\"]\neach = \"team\"\npolicy = \"{{team}}-rw\"\n";
    folder.write("teams/ml.toml", template);
    folder.attune("plan").exits(1).warns("row `bio` of `[tables.team]`");
    folder.attune("plan --only policy/bio-rw").exits(1);
    let plan = folder.attune("plan --only policy/ml-rw --only user/svc-ml --format json").exits(2);
    assert_eq!(changes(&plan), ["policy/ml-rw"]);
    assert!(plan.stderr.contains("(left out by `--only`)"), "{}", plan.stderr);
    folder.attune("apply --yes --only policy/ml-rw").exits(2);
    assert_eq!(TEAMS.map(|team| has_new_document(&folder, team)), [true, false, false]);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_bad_value_blocks_every_object_that_has_it_although_it_is_shown_once() {
    let folder = teams();
    folder.write("attune.toml", &format!("{}[vars]\nenv = \"a,b\"\n", folder.read("attune.toml")));
    for team in ["ml", "bio"] {
        folder.write(&format!("teams/{team}.toml"), &team_file(team).replace("-data", "-{{env}}"));
    }
    let whole = folder.attune("plan").exits(1);
    assert_eq!(whole.stderr.matches("error[bad-variable]").count(), 1, "{}", whole.stderr);
    for args in ["policy/ml-rw", "policy/bio-rw", "user/svc-ml --only policy/bio-rw"] {
        folder.attune(&format!("plan --only {args}")).exits(1).warns("error[bad-variable]");
    }
    assert_eq!(changes(&folder.attune("plan --only policy/web-rw --format json").exits(2)), ["policy/web-rw"]);
    // A setting blocks everything, also if a policy has the value before it.
    let main = folder.read("attune.toml");
    folder.write(
        "attune.toml",
        &format!("{main}[policies.\"x-{{{{env}}}}\"]\nabsent = true\n[ownership]\nusers = [\"{{{{env}}}}-*\"]\n"),
    );
    folder.attune("plan --only policy/web-rw").exits(1).warns("error[bad-variable]");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_same_error_of_several_rows_blocks_each_of_them() {
    let folder = teams();
    TEAMS.iter().for_each(|team| folder.write(&format!("teams/{team}.toml"), ""));
    let template = "[tables.team]\nml = { action = \"PutObject\" }\nbio = { action = \"Bad\" }\nweb = { action = \"Bad\" }\n\
                    [policies.\"{{team}}-rw\"]\neach = \"team\"\ndocument = \"rw.json\"\n\
                    [policies.\"{{team}}-other\"]\neach = \"team\"\ndocument = \"rw.json\"\n";
    folder.write("teams/ml.toml", template);
    folder.write("teams/rw.json", r#"{"Version": "2012-10-17", "Statement": [{"Effect": "{{action}}", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::{{team}}-data/*"}]}"#);
    folder.attune("plan").exits(1);
    for name in ["bio-rw", "web-rw", "web-other"] {
        folder.attune(&format!("plan --only policy/{name}")).exits(1).warns("error[effect]");
    }
    folder.write("teams/ml.toml", &template.replace("PutObject", "Allow"));
    assert_eq!(changes(&folder.attune("plan --only policy/ml-rw --format json").exits(2)), ["policy/ml-rw"]);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_entry_of_attached_to_that_cannot_be_read_blocks_its_user() {
    let folder = teams();
    let statement = team_file("bio").split("[users").next().unwrap().to_owned();
    for attached in ["\"svc-bio\"", "[\"svc-bio\", 7]", "[\"svc-*\", \"svc-bio\"]"] {
        folder.write("teams/bio.toml", &format!("[policies.bio-rw]\nattached_to = {attached}\n{statement}"));
        folder.attune("plan --only user/svc-bio").exits(1).warns("error[");
        folder.attune("plan --only file:teams/bio.toml").exits(1).warns("error[");
        assert_eq!(changes(&folder.attune("plan --only policy/ml-rw --format json").exits(2)), ["policy/ml-rw"]);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn with_a_base_what_cannot_be_read_is_not_shown_as_no_longer_declared() {
    let folder = teams();
    folder.write("base/attune.toml", "include = [\"teams/*.toml\"]\n[cluster]\nendpoints = [\"sim:../cluster.json\"]\n[ownership]\npolicies = [\"*\"]\nusers = [\"svc-*\"]\n");
    TEAMS.iter().for_each(|team| folder.write(&format!("base/teams/{team}.toml"), &team_file(team)));
    let base = "--base ./base/attune.toml --format json";
    folder.write("teams/bio.toml", "");
    let plan = folder.attune(&format!("plan {base} --only policy/* --only user/*")).json();
    assert!(plan["review"]["undeclared"].to_string().contains("policy/bio-rw"), "{plan:#}");
    let plan = folder.attune(&format!("plan {base} --only policy/ml-rw")).exits(2).json();
    assert!(!plan["review"].to_string().contains("bio-rw"), "{plan:#}");
    folder.write("teams/bio.toml", "[policies\n");
    let plan = folder.attune(&format!("plan {base} --only policy/* --only user/*")).json();
    assert!(!plan["review"].to_string().contains("bio-rw") && plan["only"]["errors"] == 1, "{plan:#}");
    assert!(!plan["changes"].to_string().contains("remove_policy"), "{plan:#}");
}
