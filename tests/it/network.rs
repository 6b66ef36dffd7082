//! How the program uses the network, by the log of a simulated cluster: how many requests, over how many
//! connections, and how a busy or slow cluster is treated. Nothing here depends on how long anything takes.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{ADMIN, Folder, allowing};
use super::served::Served;

/// A cluster with this number of policies, each attached to a user, and a matching configuration.
fn of(policies: usize, release: &str) -> Folder {
    let document = allowing("s3:GetObject", "arn:aws:s3:::b/*");
    let mut root = json!({ "users": { "admin": { "role": "ClusterAdmin", "password": "admin" } }, "policies": {} });
    let mut file = String::new();
    for number in 0..policies {
        root["policies"][format!("p{number:03}")] = json!({ "document": document });
        root["users"][format!("u{number:03}")] = json!({ "policy": format!("p{number:03}") });
        file += &format!(
            "[[policies.p{number:03}.statement]]\neffect = \"Allow\"\naction = [\"s3:GetObject\"]\n\
             resource = [\"arn:aws:s3:::b/*\"]\n[users.u{number:03}]\npolicy = \"p{number:03}\"\n"
        );
    }
    let state = json!({ "format": "attune.sim/1", "release": release, "tenants": { "Root": root } });
    Folder::with(&[("cluster.json", &state.to_string()), ("attune.toml", &file)])
}

/// A request as the simulator logged it.
struct Logged {
    connection: u64,
    call: String,
    status: Option<u64>,
}

fn log(folder: &Folder) -> Vec<Logged> {
    let entry = |line: &str| {
        let entry: Value = serde_json::from_str(line).unwrap();
        let path = entry["path"].as_str().unwrap().trim_start_matches("/api/v2");
        Logged {
            connection: entry["connection"].as_u64().unwrap(),
            call: format!("{} {path}", entry["method"].as_str().unwrap()),
            status: entry["status"].as_u64(),
        }
    };
    folder.read("log.jsonl").lines().map(entry).collect()
}

#[test]
fn a_plan_reads_each_object_once_over_few_connections() {
    // From 5.0 a cluster has a definition of its own, which is read once.
    for (release, lists) in [("4.0", 6), ("5.1", 7)] {
        let folder = of(48, release);
        // So that a connection always comes about sooner than an answer.
        let served = Served::start(&folder, "--log log.jsonl --latency 10ms");
        folder.attune_with(&format!("plan --jobs 4 --detailed-exitcode --cluster {}", served.url), &ADMIN).exits(0);
        let log = log(&folder);
        let calls: BTreeSet<&str> = log.iter().map(|logged| logged.call.as_str()).collect();
        assert_eq!((log.len(), calls.len()), (48 + lists, 48 + lists), "{release}");
        let connections: BTreeSet<u64> = log.iter().map(|logged| logged.connection).collect();
        // As many as jobs; one more is opened when an answer is read whole just before its connection is known to be free.
        assert!(connections.len() <= 4 + 2, "{release}: {connections:?}");
    }
}

#[test]
fn independent_reads_run_concurrently_up_to_the_limit_of_jobs() {
    // The fault delays a call that arrives while another one is in flight, so that it is visible.
    for (jobs, crowded) in [("1", false), ("2", true)] {
        let folder = of(4, "5.1");
        let served =
            Served::start_with(&folder, &["--log", "log.jsonl", "--latency", "20ms", "--fault", "crowd:1=delay:1ms"]);
        folder.attune_with(&format!("plan --jobs {jobs} --cluster {}", served.url), &ADMIN).exits(0);
        assert_eq!(folder.read("log.jsonl").contains("delay"), crowded, "--jobs {jobs}");
    }
}

#[test]
fn an_apply_succeeds_on_a_cluster_that_is_sometimes_busy() {
    for status in ["429", "503", "429-after", "503-after"] {
        let folder = of(12, "4.4");
        folder.drift(|root| {
            for number in 0..12 {
                root["users"][format!("u{number:03}")] = json!({});
            }
        });
        let fault = format!("p=0.2,seed=3,times=12={status}:0");
        let served = Served::start_with(&folder, &["--log", "log.jsonl", "--fault", &fault]);
        let args = format!("apply --yes --jobs 4 --retries 8 --cluster {}", served.url);
        folder.attune_with(&args, &ADMIN).exits(0).says("12 API calls: 12 done");
        assert!(log(&folder).iter().any(|logged| logged.status.is_some_and(|status| status >= 429)), "{status}");
    }
}

#[test]
fn a_login_waits_if_the_cluster_is_busy() {
    for status in ["429", "503"] {
        let folder = of(1, "5.1");
        let fault = format!("POST /login,times=2={status}:0");
        let served = Served::start_with(&folder, &["--log", "log.jsonl", "--fault", &fault]);
        folder.attune_with(&format!("plan --cluster {}", served.url), &ADMIN).exits(0);
        assert_eq!(log(&folder).iter().filter(|logged| logged.call == "POST /login").count(), 3);
    }
}

#[test]
fn a_slow_cluster_delays_no_other() {
    const FILES: usize = 20;
    let folder = Folder::new();
    let (heard, asked) = mpsc::channel();
    for number in 0..FILES {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let file = format!("[cluster]\nendpoints = [\"http://{address}\"]\n[users.u]\ndetached = true\n");
        folder.write(&format!("clusters/{number:02}.toml"), &file);
        let heard = heard.clone();
        std::thread::spawn(move || {
            let mut held: Vec<TcpStream> = Vec::new();
            while let Ok((mut stream, _)) = listener.accept() {
                // The first cluster takes the connection and never answers; the others hang up.
                if number == 0 {
                    held.push(stream);
                    continue;
                }
                let _ = stream.read(&mut [0; 16]);
                let _ = heard.send(number);
            }
        });
    }
    let mut command = folder.command(["plan", "--retries", "0", "--file", "clusters"]);
    let mut child =
        command.envs(ADMIN).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut all = BTreeSet::new();
    while all.len() < FILES - 1 {
        // A run that waits for the slow one asks no more of the others.
        match asked.recv_timeout(Duration::from_secs(50)) {
            Ok(number) => all.insert(number),
            Err(_) => break,
        };
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(all.len(), FILES - 1, "{all:?}");
}

/// How often each document was read.
fn reads(folder: &Folder) -> std::collections::BTreeMap<String, usize> {
    let mut reads = std::collections::BTreeMap::new();
    for logged in log(folder) {
        if let Some(policy) = logged.call.strip_prefix("GET /s3/policies/") {
            *reads.entry(policy.to_owned()).or_default() += 1;
        }
    }
    reads
}

#[test]
fn an_apply_reads_no_document_again_that_it_does_not_change() {
    let folder = of(30, "5.1");
    let file = folder.read("attune.toml");
    let (before, edited) = file.split_once("[[policies.p007.statement]]").unwrap();
    let edited = edited.replacen("s3:GetObject", "s3:PutObject", 1);
    folder.write("attune.toml", &format!("{before}[[policies.p007.statement]]{edited}"));
    let served = Served::start(&folder, "--log log.jsonl");
    let apply = format!("apply --yes --cluster {}", served.url);
    let run = folder.attune_with(&apply, &ADMIN).exits(0).says("cluster stewie matches the configuration");
    run.says("not read again after the last call: 29 documents");
    let twice: Vec<_> = reads(&folder).into_iter().filter(|(_, times)| *times != 1).map(|(policy, _)| policy).collect();
    assert!(twice.iter().all(|policy| policy.contains("p007")), "{twice:?}");
    // Nothing to do: nothing is read twice.
    let requests = log(&folder).len();
    let lists_and_documents = 30 + 8;
    folder.attune_with(&apply, &ADMIN).exits(0);
    assert!(log(&folder).len() - requests <= lists_and_documents, "{}", log(&folder).len() - requests);
}

#[test]
fn a_new_document_is_read_once_before_someone_gets_it() {
    let folder = of(40, "5.1");
    let mut state: Value = serde_json::from_str(&folder.read("cluster.json")).unwrap();
    state["tenants"]["Root"]["policies"] = json!({});
    let users = state["tenants"]["Root"]["users"].as_object_mut().unwrap();
    users.values_mut().for_each(|user| user["policy"] = Value::Null);
    folder.write("cluster.json", &state.to_string());
    folder.write(
        "attune.toml",
        &format!("[credentials]\nfile = true\ndir = \"secrets\"\n{}", folder.read("attune.toml")),
    );
    let served = Served::start(&folder, "--log log.jsonl");
    let run = folder.attune_with(&format!("apply --yes --cluster {}", served.url), &ADMIN).exits(0);
    run.says("80 API calls: 80 done").says("cluster stewie matches the configuration");
    assert!(reads(&folder).values().all(|times| *times == 1), "{:?}", reads(&folder));
    assert!(log(&folder).len() <= 3 * 40 + 40, "{}", log(&folder).len());
}

#[test]
fn documents_do_not_wait_for_the_policies_of_buckets() {
    let folder = of(4, "5.1");
    let mut state: Value = serde_json::from_str(&folder.read("cluster.json")).unwrap();
    state["tenants"]["Root"]["buckets"] = json!({ "data": { "policy": "none" } });
    folder.write("cluster.json", &state.to_string());
    folder.write("attune.toml", &format!("{}[buckets.data]\npolicy = \"none\"\n", folder.read("attune.toml")));
    let served = Served::start(&folder, "--log log.jsonl --latency 20ms");
    folder.attune_with(&format!("plan --detailed-exitcode --cluster {}", served.url), &ADMIN).exits(0);
    let calls: Vec<String> = log(&folder).into_iter().map(|logged| logged.call).collect();
    let at = |start: &str| calls.iter().position(|call| call.starts_with(start)).unwrap();
    assert!(at("GET /s3/policies/p000") < at("GET /s3/buckets/data/policyJson"), "{calls:?}");
    // A login, the identity, the definition, the lists: four rounds.
    let before = &calls[..at("GET /s3/policies/")];
    assert!(before.len() <= 9, "{before:?}");
}
