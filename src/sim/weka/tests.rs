//! Runs of the command on a small cluster: the accepted forms of each release, prompts, and output.

use clap::CommandFactory;
use serde_json::{Value, json};

use super::*;
use crate::sim::operations::testing::{POLICY, cluster};
use crate::sim::switches::CommandShape;
use crate::sim::weka::parse::Weka;

/// The releases, in the order of the columns of the tables.
const RELEASES: [&str; 5] = ["3.14", "4.0", "4.4", "5.1", "6.0"];

fn run(args: &str) -> CommandRun {
    CommandRun { args: args.split_whitespace().map(str::to_owned).collect(), ..CommandRun::default() }
}

fn output_of(state: &mut ClusterState, run: &CommandRun) -> CommandOutput {
    let before = state.clone();
    let response = run.on(state).unwrap_or_else(|response| {
        *state = before;
        response
    });
    match response {
        RunResponse::Output(printed) => printed,
        RunResponse::Needs(needs) => panic!("{:?} needs {needs:?}", run.args),
    }
}

fn with_input(args: &str) -> CommandRun {
    CommandRun { file: Some(POLICY.to_owned()), typed: Some("yes".to_owned()), ..run(args) }
}

fn json_of(state: &mut ClusterState, args: &str) -> Value {
    let CommandOutput { out, err, code } = output_of(state, &with_input(args));
    assert_eq!((err.as_str(), code), ("", 0), "{args}");
    serde_json::from_str(&out).unwrap_or(Value::Null)
}

fn usage(state: &mut ClusterState, args: &str) -> String {
    let CommandOutput { out, err, code } = output_of(state, &with_input(args));
    assert_eq!((out.as_str(), code), ("", 2), "{args}: {err}");
    assert!(err.starts_with("error: usage: "), "{args}: {err}");
    err
}

#[test]
fn the_arguments_are_well_formed() {
    Weka::command().debug_assert();
}

#[test]
fn each_release_accepts_its_own_forms() {
    const ALL: [bool; 5] = [true; 5];
    const NEVER: [bool; 5] = [false; 5];
    const SINCE_5_1: [bool; 5] = [false, false, false, true, true];
    const ONLY_5_1: [bool; 5] = [false, false, false, true, false];
    const NOT_5_1: [bool; 5] = [true, true, true, false, true];
    const SINCE_6_0: [bool; 5] = [false, false, false, false, true];
    for (args, accepted) in [
        ("status", ALL),
        ("version", ALL),
        ("user", ALL),
        ("user whoami", ALL),
        ("s3 policy list", ALL),
        ("s3 policy show ml", ALL),
        ("s3 policy add new file.json", ALL),
        ("s3 policy remove ml", ALL),
        ("s3 policy attach ml bob", ALL),
        ("s3 policy attach ml --user bob", SINCE_6_0),
        ("s3 policy attach ml --group=staff", SINCE_6_0),
        ("s3 policy attach ml", NEVER),
        ("s3 policy attach ml bob --group staff", NEVER),
        ("s3 policy attach ml bob --user bob", NEVER),
        ("s3 policy detach alice", NOT_5_1),
        ("s3 policy detach ml alice", ONLY_5_1),
        ("s3 policy detach --user alice", SINCE_6_0),
        ("s3 policy detach --group staff", SINCE_6_0),
        ("s3 policy detach alice --group staff", NEVER),
        ("s3 policy detach ml alice --user alice", NEVER),
        ("s3 policy detach", NEVER),
        ("s3 policy detach ml alice bob", NEVER),
        ("s3 group list", SINCE_6_0),
        ("s3 user keys-generate", SINCE_5_1),
        ("s3 user keys-generate --user=alice", SINCE_5_1),
        ("s3 sts assume-role --access-key AK --duration 900s", ALL),
        ("s3 sts assume-role --access-key=AK --duration=1w --secret-key=S --policy-file=f.json", ALL),
    ] {
        for (release, accepted) in RELEASES.into_iter().zip(accepted) {
            for (args, json) in
                [(args.to_owned(), false), (format!("--json {args}"), true), (format!("{args} -J"), true)]
            {
                let parsed = parse(&run(&args).args, cluster(release).behaviour());
                assert!(parsed.is_ok() == accepted, "{release}: weka {args}");
                assert!(parsed.is_ok_and(|parsed| parsed.json) == (accepted && json), "{release}: weka {args}");
            }
        }
    }
}

#[test]
fn a_usage_error_changes_nothing_and_says_so() {
    let mut state = cluster("5.1");
    for args in [
        "",
        "s3",
        "s3 policy",
        "nonsense",
        "user nobody",
        "s3 policy list more",
        "s3 policy list --user bob",
        "s3 policy show",
        "s3 policy show -x",
        "s3 policy remove --ml",
        "s3 policy add ml",
        "s3 policy attach ml bob --group",
        "s3 user keys-generate bob",
        "s3 sts assume-role --duration 60m",
        "s3 sts assume-role --access-key AK",
        "s3 sts assume-role --access-key AK --access-key AK --duration 60m",
    ] {
        usage(&mut state, args);
    }
    assert_eq!(state, cluster("5.1"));
    assert!(usage(&mut cluster("4.4"), "s3 user keys-generate").contains("is not a command of this release"));
    assert!(usage(&mut cluster("5.1"), "s3 policy detach bob").contains("weka s3 policy detach <policy> <user>"));
    // In clap, a name that looks like an option comes after `--`.
    let message = output_of(&mut state, &with_input("s3 policy show -- -x")).err;
    assert!(message.contains("Policy \"-x\" does not exist"), "{message}");
    let help = output_of(&mut state, &run("s3 policy --help"));
    assert!(help.code == 0 && help.out.contains("Usage: weka s3 policy"), "{help:?}");
}

#[test]
fn temporary_credentials_last_from_15_minutes_to_1_week() {
    let ask = |duration: &str| format!("s3 sts assume-role --access-key AK --secret-key SK --duration {duration}");
    let valid = ["900s", "15m", "7d", "1w", "+900s"].map(|duration| (duration, true));
    let others = ["899s", "14m", "8d", "2w", "1h", "60", "1.5d", "99999999999999999999w", "60é"];
    for (duration, fits) in valid.into_iter().chain(others.map(|duration| (duration, false))) {
        let parsed = parse(&run(&ask(duration)).args, cluster("5.1").behaviour());
        assert_eq!(parsed.is_ok(), fits, "{duration}");
    }
}

#[test]
fn a_run_asks_for_its_needs_on_releases_that_have_the_command() {
    let yes_or_no = ("The existing S3 credentials will be replaced. Continue? [yes/no]: ", false);
    let secret = ("secret-key: ", true);
    for (args, since_5_1, file, prompt) in [
        ("s3 policy add new a.json", false, Some("a.json"), None),
        ("s3 user keys-generate --user alice", true, None, Some(yes_or_no)),
        ("s3 sts assume-role --access-key AK --duration 1w", false, None, Some(secret)),
        ("s3 sts assume-role --access-key AK --duration 1w --policy-file b.json", false, Some("b.json"), Some(secret)),
        ("s3 sts assume-role --access-key AK --duration 1w --secret-key S --policy-file=b", false, Some("b"), None),
    ] {
        for release in RELEASES {
            let mut state = cluster(release);
            if since_5_1 && !state.behaviour().own_key_pairs {
                usage(&mut state, args);
                continue;
            }
            let prompt = prompt.map(|(text, hidden)| Prompt { text: text.to_owned(), hidden });
            let needs = RunNeeds { file: file.map(str::to_owned), prompt };
            assert_eq!(run(args).on(&mut state), Err(RunResponse::Needs(needs)), "{release}: {args}");
            assert_eq!(run(args).writes(&state), None, "{release}: {args}");
            assert!(with_input(args).writes(&state).is_some(), "{release}: {args}");
            assert_eq!(state, cluster(release));
        }
    }
}

#[test]
fn a_question_is_answered_with_a_line() {
    let mut state = cluster("5.1");
    json_of(&mut state, "s3 policy attach ml bob");
    let old = state.clone();
    for (typed, message) in [("no", "error: aborted\n"), ("", "error: aborted\n"), ("YES", "error: aborted\n")] {
        let answered = CommandRun { typed: Some(typed.to_owned()), ..run("s3 user keys-generate --user bob") };
        let CommandOutput { out, err, code } = output_of(&mut state, &answered);
        assert_eq!((out.as_str(), err.as_str(), code), ("", message, 1), "{typed}");
    }
    assert_eq!(state, old);
    let keys = json_of(&mut state, "s3 user keys-generate --user bob --json");
    let (access_key, secret_key) = (keys["access_key"].as_str().unwrap(), keys["secret_key"].as_str().unwrap());
    let ask = run(&format!("s3 sts assume-role --access-key {access_key} --duration 60m --json"));
    let right = CommandRun { typed: Some(format!("{secret_key}\r\n")), ..ask.clone() };
    let credentials: Value = serde_json::from_str(&output_of(&mut state, &right).out).unwrap();
    assert!(credentials["session_token"].is_string() && credentials["access_key_id"].is_string(), "{credentials}");
    let wrong = output_of(&mut state, &CommandRun { typed: Some("another secret".to_owned()), ..ask });
    assert!(wrong.code == 1 && wrong.err.contains("invalid"), "{wrong:?}");
}

#[test]
fn groups_get_policies_on_6_0() {
    let mut state = cluster("6.0");
    assert_eq!(json_of(&mut state, "s3 group list --json"), json!([]));
    json_of(&mut state, "s3 policy attach readonly --group staff");
    json_of(&mut state, "s3 policy attach ml --group staff");
    assert_eq!(json_of(&mut state, "-J s3 group list"), json!([{ "name": "staff", "policy": "ml" }]));
    json_of(&mut state, "s3 policy detach --user alice");
    let refused = output_of(&mut state, &run("s3 policy remove ml"));
    assert!(refused.code == 1 && refused.err.contains("attached to group \"staff\""), "{refused:?}");
    json_of(&mut state, "s3 policy detach --group staff");
    let unheld = output_of(&mut state, &run("s3 policy detach --group staff"));
    assert!(unheld.code == 1 && unheld.err.contains("no policy attached"), "{unheld:?}");
    json_of(&mut state, "s3 policy remove ml");
    let writes = |args| run(args).writes(&cluster("6.0"));
    assert_eq!(writes("s3 policy attach ml --group g"), Some(true));
    assert_eq!((writes("s3 policy detach --group g"), writes("s3 group list")), (Some(true), Some(false)));
}

#[test]
fn the_login_of_a_run_is_checked() {
    let login = |username: Option<&str>, password: Option<&str>, org: Option<&str>| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Some(CommandLogin { username: text(username), password: text(password), org: text(org) })
    };
    let eve = login(Some("eve"), Some("Evening-1"), None);
    for (login, args, said) in [
        (login(Some("admin"), None, None), "user", "Not logged in"),
        (login(None, Some("admin"), None), "user", "Not logged in"),
        (login(Some("admin"), Some("wrong"), None), "user", "Not logged in"),
        (eve.clone(), "s3 policy attach ml bob", "permission denied"),
        // The rights are checked before the attachments.
        (eve.clone(), "s3 policy detach readonly alice", "permission denied"),
        (eve.clone(), "s3 policy detach ml alice", "permission denied"),
        (login(Some("boss"), Some("Boss-1234"), Some("lab")), "s3 policy show ml", "does not exist"),
    ] {
        let mut state = cluster("5.1");
        let CommandOutput { out, err, code } = output_of(&mut state, &CommandRun { login, ..run(args) });
        assert!(out.is_empty() && code == 1 && err.starts_with("error: ") && err.contains(said), "{args}: {err}");
        assert_eq!(state, cluster("5.1"));
    }
    let mut state = cluster("5.1");
    assert_eq!(output_of(&mut state, &CommandRun { login: eve, ..run("s3 policy list") }).code, 0);
    assert_eq!(json_of(&mut state, "user whoami --json")[0]["username"], "admin");
}

#[test]
fn json_is_in_the_dialect_of_the_release() {
    let alice = |state: &mut ClusterState| {
        let all = json_of(state, "user --json");
        all.as_array().unwrap().iter().find(|row| row["username"] == "alice").unwrap().clone()
    };
    for release in RELEASES {
        let mut state = cluster(release);
        let wekactl = release == "6.0";
        let (user, who) = (alice(&mut state), json_of(&mut state, "user whoami --json"));
        let raw = json_of(&mut state, "s3 policy show ml --json");
        assert_eq!(raw["policy"]["content"]["Version"], "2012-10-17");
        let listed = json_of(&mut state, "s3 policy list -J");
        assert_eq!(listed["policies"][0], "ml");
        state.switches.command_shape = CommandShape::Bare;
        assert_eq!(json_of(&mut state, "s3 policy show ml --json")["Version"], "2012-10-17");
        state.switches.command_shape = CommandShape::Table;
        let policy = json_of(&mut state, "s3 policy show ml --json");
        if wekactl {
            assert_eq!((&user["uid"], &user["tenantId"], &user["tenant"]), (&json!(2), &json!(0), &json!("Root")));
            assert_eq!((&user["s3policy"], &user["s3_policy"]), (&json!("ml"), &Value::Null));
            assert_eq!((&who["uid"], &who["tenantId"]), (&json!(1), &json!(0)));
            assert_eq!(policy["content"]["Version"], "2012-10-17");
        } else {
            assert_eq!((&user["uid"], &user["org_id"]), (&json!("UserId<2>"), &json!("OrgId<0>")));
            let policy_name = if release == "3.14" { Value::Null } else { json!("ml") };
            assert_eq!((&user["s3_policy"], &user["s3policy"]), (&policy_name, &Value::Null), "{release}");
            let uid = if release == "3.14" { Value::Null } else { json!("UserId<1>") };
            assert_eq!((&who[0]["uid"], &who[0]["org_id"]), (&uid, &json!("OrgId<0>")));
            assert_eq!(policy[0]["content"]["Version"], "2012-10-17");
        }
        let status = json_of(&mut state, "status --json");
        assert_eq!(status["release"], state.release.as_str());
        let version = output_of(&mut state, &run("version"));
        assert_eq!(version.out.trim(), state.release.as_str());
        let names = json_of(&mut state, "s3 policy list -J");
        assert_eq!(names[0], json!({ "name": "ml" }));
        let lines = output_of(&mut state, &run("s3 policy list")).out;
        assert!(lines.starts_with("name: ml\n"), "{lines}");
    }
}

#[test]
fn an_error_response_is_printed_as_by_the_command() {
    let said = |status, body: &str| match RunResponse::read(status, body.as_bytes()) {
        Some(RunResponse::Output(CommandOutput { err, code, .. })) => Some((err, code)),
        Some(RunResponse::Needs(needs)) => panic!("{needs:?}"),
        None => None,
    };
    for (status, body, err) in [
        (400, r#"{"message":"it is attached"}"#, "error: it is attached\n"),
        (409, r#"{"message":"it is there","data":{"error":"x"}}"#, "error: it is there\n"),
        (401, r#"{"data":"Unauthorized"}"#, "error: Not logged in, or the login is not accepted\n"),
        (403, r#"{"message":"not you"}"#, "error: permission denied: not you\n"),
        (429, r#"{"message":"too fast"}"#, "error: try again later: too fast\n"),
        (503, r#"{"message":"not now"}"#, "error: internal error 503: not now\n"),
        (418, "{}", "error: status 418\n"),
    ] {
        assert_eq!(said(status, body), Some((err.to_owned(), 1)));
    }
    for (status, body) in [(200, "{\"pri"), (200, r#"{"data":{}}"#), (502, "<html>"), (204, ""), (302, "{}")] {
        assert_eq!(said(status, body), None, "{status} {body}");
    }
    let needs = RunResponse::Needs(RunNeeds { file: Some("f".to_owned()), prompt: None });
    assert_eq!(RunResponse::read(200, serde_json::to_string(&needs).unwrap().as_bytes()), Some(needs));
}

#[test]
fn bucket_policies_have_the_order_of_arguments_of_their_release() {
    const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::data/*"]}]}"#;
    for release in RELEASES {
        let mut state = cluster(release);
        let [add, set, custom, reset] = if release == "6.0" {
            [
                "s3 bucket add data",
                "s3 bucket policy set data public",
                "s3 bucket policy set-custom data file.json",
                "s3 bucket policy reset data",
            ]
        } else {
            [
                "s3 bucket create data",
                "s3 bucket policy set public data",
                "s3 bucket policy set-custom file.json data",
                "s3 bucket policy unset data",
            ]
        };
        json_of(&mut state, add);
        assert_eq!(json_of(&mut state, "s3 bucket list -J")["buckets"][0]["name"], "data");
        let word = |state: &mut ClusterState| json_of(state, "s3 bucket policy get data -J")["policy"].clone();
        assert_eq!(word(&mut state), "None");
        json_of(&mut state, set);
        assert_eq!(word(&mut state), "Public");
        let wrong =
            if release == "6.0" { "s3 bucket policy set download data" } else { "s3 bucket policy set data download" };
        assert_eq!(output_of(&mut state, &run(wrong)).code, 1, "{release}");
        assert_eq!(word(&mut state), "Public");
        let sent = CommandRun { file: Some(DOCUMENT.to_owned()), ..run(custom) };
        assert_eq!(output_of(&mut state, &sent).code, 0, "{release}");
        assert_eq!(word(&mut state), "Custom");
        assert_eq!(json_of(&mut state, "s3 bucket policy get-json data -J")["policy"], DOCUMENT);
        json_of(&mut state, reset);
        assert_eq!(word(&mut state), "None");
        assert_eq!(json_of(&mut state, "s3 bucket policy get-json data -J")["policy"], "");
        json_of(&mut state, "s3 bucket remove data");
        assert_eq!(output_of(&mut state, &run("s3 bucket policy get data")).code, 1);
    }
}
