//! An apply that is interrupted, and one whose ground moves under it.

use std::process::{Child, Command, Stdio};

use super::harness::{ADMIN, Folder, Run};
use super::served::Served;

const FILE: &str = r#"
[credentials]
file = true
dir  = "secrets"
[users.ua]
policy = "readonly"
[users.ub]
policy = "readonly"
[users.uc]
policy = "readonly"
"#;

fn folder() -> Folder {
    let state = r#"{"tenants":{"Root":{"users":{"ua":{},"ub":{},"uc":{}}}}}"#;
    Folder::with(&[("attune.toml", FILE), ("cluster.json", state)])
}

fn begun(folder: &Folder, served: &Served) -> Child {
    let args = ["apply", "--yes", "--jobs", "1", "--cluster", &served.url];
    let mut command = folder.command(args);
    command.envs(ADMIN);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the journal has the second call, which the cluster delays.
fn under_way(folder: &Folder, child: &mut Child) {
    journal_has(folder, child, "\"started\"", 2);
}

/// Waits until the journal has the end of this number of calls.
fn ended(folder: &Folder, child: &mut Child, calls: usize) {
    journal_has(folder, child, "\"ended\"", calls);
}

fn journal_has(folder: &Folder, child: &mut Child, event: &str, times: usize) {
    loop {
        let journals = std::fs::read_dir(folder.path(".attune")).into_iter().flatten();
        let mut journals = journals.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some());
        let journal = journals.find(|path| path.extension().is_some_and(|end| end == "jsonl"));
        let text = journal.map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default();
        if text.matches(event).count() == times {
            return;
        }
        assert_eq!(child.try_wait().unwrap(), None, "the apply ended before it was interrupted: {text}");
        std::thread::yield_now();
    }
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn an_interruption_completes_calls_in_flight_and_starts_no_more() {
    let folder = folder();
    let served = Served::start(&folder, "--fault write:2=delay:2s");
    let mut child = begun(&folder, &served);
    under_way(&folder, &mut child);
    interrupt(&child);
    let run = Run::of("apply", &child.wait_with_output().unwrap()).exits(130);
    let run = run.says("3 API calls: 2 done, 1 not started").says("not started before the interruption");
    run.warns("interrupted: finishing API calls in flight");
    folder.attune_with(&format!("apply --yes --cluster {}", served.url), &ADMIN).exits(0).says("1 API call: 1 done");
}

#[test]
fn an_interruption_that_leaves_no_work_is_a_success() {
    let folder = folder();
    // Each reading of the users takes its time, the last one too.
    let served = Served::start_with(&folder, &["--fault", "GET /users=delay:1s"]);
    let mut child = begun(&folder, &served);
    ended(&folder, &mut child, 3);
    interrupt(&child);
    let run = Run::of("apply", &child.wait_with_output().unwrap()).exits(0);
    run.says("3 API calls: 3 done").warns("interrupted");
}

#[test]
fn a_second_interruption_after_the_last_call_only_ends_the_reading() {
    let folder = folder();
    // Each reading of the users takes its time: how many there are before the last one depends on the machine.
    let served = Served::start_with(&folder, &["--fault", "GET /users=delay:2s"]);
    let mut child = begun(&folder, &served);
    ended(&folder, &mut child, 3);
    let mut stderr = interrupted_twice(&mut child);
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(5), "{stderr}");
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut stderr).unwrap();
    assert!(stderr.contains("the cluster was not read again") && stderr.contains("3 API calls: 3 done"), "{stderr}");
}

/// Interrupts a run twice, and returns what it says on stderr.
fn interrupted_twice(child: &mut Child) -> String {
    interrupt(child);
    // The second is sent after the message about the first: signals of one kind do not queue.
    let mut text = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut text).unwrap();
    interrupt(child);
    std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
    text
}

#[test]
fn a_second_interruption_stops_immediately() {
    let folder = folder();
    let served = Served::start(&folder, "--fault write:2=delay:1h");
    let mut child = begun(&folder, &served);
    under_way(&folder, &mut child);
    let stderr = interrupted_twice(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(stderr.contains("stopped at once"), "{stderr}");
}

#[test]
fn a_concurrent_change_of_another_administrator_is_not_overwritten() {
    let folder = folder();
    // The first look at the users is for the plan, the second before the first call.
    let behind = r#"behind:{"attach":{"policy":"readwrite","user":"ub"}}"#;
    let served = Served::start_with(&folder, &["--fault", &format!("GET /users#2={behind}")]);
    let run = folder.attune_with(&format!("apply --yes --cluster {}", served.url), &ADMIN).exits(5);
    run.says("attach readonly to ub: changed outside attune: user `ub` has `readwrite`")
        .says("3 API calls: 2 done, 1 changed outside attune")
        .says("\n  user/ub\n");
    assert_eq!(folder.tenant()["users"]["ub"]["policy"], "readwrite");
}
