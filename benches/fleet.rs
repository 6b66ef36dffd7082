//! Many clusters at once: the program against simulated clusters that share one port, each with a small configuration. Prints
//! figures, judges none. Run as a test (without `--bench`), it plans a few clusters once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use attune::sim::state::ClusterState;
use attune::sim::{Options, Running, start};
use wait4::Wait4;

/// Any error ends the benchmark.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

struct Sizes {
    clusters: usize,
    /// The latency of a response.
    latency: Duration,
}

const WHOLE: Sizes = Sizes { clusters: 1_000, latency: Duration::from_millis(20) };

const SMALL: Sizes = Sizes { clusters: 6, latency: Duration::from_millis(1) };

/// How much each configuration declares.
const POLICIES: usize = 3;
const USERS: usize = 5;

/// Of so many clusters, one has a user with another policy.
const ONE_DRIFTS: usize = 10;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| args.iter().any(|arg| arg == wanted);
    let mut out = io::stdout().lock();
    if has("--list") {
        // A test runner lists the tests.
        if !has("--ignored") {
            writeln!(out, "fleet: test")?;
        }
        return Ok(());
    }
    let sizes = if has("--bench") { WHOLE } else { SMALL };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    writeln!(
        out,
        "{} clusters, {POLICIES} policies and {USERS} users each, {} ms an answer:",
        sizes.clusters,
        sizes.latency.as_millis()
    )?;
    writeln!(
        out,
        "  {:<36} {:>8} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "seconds", "targets/s", "of ideal", "calls", "at once", "CPU s", "peak MB"
    )?;
    let (mut alone, mut of_simulator) = (None, None);
    for (options, shards) in runs(has("--bench")) {
        let before = memory()?;
        let running = runtime.block_on(clusters(&sizes))?;
        let more = memory()?.saturating_sub(before);
        // Later ones take the memory that the first one gave back.
        let of_simulator = *of_simulator.get_or_insert(more / 1_000 / sizes.clusters as u64);
        let folder = tempfile::tempdir()?;
        configurations(folder.path(), &running)?;
        let took = run(folder.path(), options, shards)?;
        let seconds = took.wall.as_secs_f64();
        let ideal = *alone.get_or_insert(seconds) / shards as f64;
        let processes = if shards == 1 { String::new() } else { format!(", {shards} shards") };
        writeln!(
            out,
            "  {:<36} {seconds:>8.2} {:>10.1} {:>8} {:>8} {:>8} {:>8.2} {:>8}",
            format!("{}{processes}", options.join(" ")),
            sizes.clusters as f64 / seconds,
            if shards == 1 { String::new() } else { format!("{:.2}", ideal / seconds) },
            running.requests(),
            running.most_in_flight(),
            took.cpu.as_secs_f64(),
            took.peak / 1_000_000,
        )?;
        if shards == MERGED {
            merge(&mut out, folder.path(), options)?;
            if has("--bench") {
                writeln!(out, "  the simulator has {of_simulator} KB for each cluster")?;
            }
        }
        runtime.block_on(running.stop());
    }
    Ok(())
}

/// The number of shards whose results are merged.
const MERGED: usize = 16;

/// The commands, and in how many shards each runs. The first one is what the shards are compared with.
fn runs(whole: bool) -> Vec<(&'static [&'static str], usize)> {
    let plan: &[&str] = &["plan"];
    let mut runs = vec![(plan, 1)];
    if whole {
        runs.extend([2, 4, 8].map(|shards| (plan, shards)));
    }
    runs.extend([
        (plan, MERGED),
        (&["plan", "--targets-at-once", "32"], 1),
        (&["plan", "--jobs", "2"], 1),
        (&["plan", "--calls-at-once", "16"], 1),
        (&["drift"], 1),
    ]);
    runs
}

fn name(number: usize) -> String {
    format!("c{number:04}")
}

fn document(policy: usize) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::team-{policy}","arn:aws:s3:::team-{policy}/*"]}}]}}"#
    )
}

/// The clusters, which are as their configurations say, except for some.
async fn clusters(sizes: &Sizes) -> Outcome<Running> {
    let policies: Vec<String> =
        (0..POLICIES).map(|policy| format!(r#""team-{policy}":{{"document":{}}}"#, document(policy))).collect();
    let state = |drifts: bool| -> Outcome<ClusterState> {
        let policy = |user: usize| if drifts && user == 0 { 1 } else { user % POLICIES };
        let users: Vec<String> =
            (0..USERS).map(|user| format!(r#""user-{user}":{{"policy":"team-{}"}}"#, policy(user))).collect();
        let (policies, users) = (policies.join(","), users.join(","));
        let text =
            format!(r#"{{"release":"5.1","tenants":{{"Root":{{"policies":{{{policies}}},"users":{{{users}}}}}}}}}"#);
        Ok(serde_json::from_str(&text)?)
    };
    let (same, drifts) = (state(false)?, state(true)?);
    let one =
        |number: usize| (name(number), if number.is_multiple_of(ONE_DRIFTS) { drifts.clone() } else { same.clone() });
    let several = Options::several((0..sizes.clusters).map(one));
    Ok(start(Options { latency: sizes.latency, ..several }).await?)
}

/// A configuration for each cluster.
fn configurations(folder: &Path, running: &Running) -> Outcome<()> {
    let clusters = folder.join("clusters");
    fs::create_dir(&clusters)?;
    for policy in 0..POLICIES {
        fs::write(clusters.join(format!("team-{policy}.json")), document(policy))?;
    }
    for cluster in running.clusters() {
        let mut text = format!("[cluster]\nendpoints = [\"{}\"]\n", cluster.url());
        for policy in 0..POLICIES {
            text.push_str(&format!("[policies.team-{policy}]\ndocument = \"team-{policy}.json\"\n"));
        }
        for user in 0..USERS {
            text.push_str(&format!("[users.user-{user}]\npolicy = \"team-{}\"\n", user % POLICIES));
        }
        fs::write(clusters.join(format!("{}.toml", cluster.name())), text)?;
    }
    Ok(())
}

struct Took {
    wall: Duration,
    /// Of all processes together.
    cpu: Duration,
    /// The most memory that one of them had, in bytes.
    peak: u64,
}

fn attune(folder: &Path, args: &[&str], result: &str) -> Outcome<Command> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command.args(args).current_dir(folder).env_clear();
    command.env("HOME", folder).env("ATTUNE_USERNAME", "admin").env("ATTUNE_PASSWORD", "admin");
    command.stdin(Stdio::null()).stdout(File::create(folder.join(result))?).stderr(Stdio::inherit());
    Ok(command)
}

/// Runs a command for all configurations, in so many processes at once.
fn run(folder: &Path, options: &[&str], shards: usize) -> Outcome<Took> {
    let started = Instant::now();
    let start = |number: usize| {
        let shard = format!("{number}/{shards}");
        let args = [options, &["--file", "clusters", "--quiet", "--format", "json", "--shard", &shard]].concat();
        Ok(attune(folder, &args, &format!("{number}.json"))?.spawn()?)
    };
    let children = (1..=shards).map(start).collect::<Outcome<Vec<_>>>()?;
    let mut took = Took { wall: Duration::ZERO, cpu: Duration::ZERO, peak: 0 };
    for mut child in children {
        let ended = child.wait4()?;
        if !matches!(ended.status.code(), Some(0 | 2)) {
            return Err(format!("attune {} ended with {}", options.join(" "), ended.status).into());
        }
        took.cpu += ended.rusage.utime + ended.rusage.stime;
        took.peak = took.peak.max(ended.rusage.maxrss);
    }
    Ok(Took { wall: started.elapsed(), ..took })
}

/// Merges the results of shards, and compares the whole with the result of one process.
fn merge(out: &mut impl Write, folder: &Path, options: &[&str]) -> Outcome<()> {
    let finish = |args: &[&str], result: &str| -> Outcome<Duration> {
        let started = Instant::now();
        let status = attune(folder, args, result)?.status()?;
        if !matches!(status.code(), Some(0 | 2)) {
            return Err(format!("attune {} ended with {status}", args.join(" ")).into());
        }
        Ok(started.elapsed())
    };
    finish(&["targets", "--file", "clusters", "--format", "json"], "targets.json")?;
    let results: Vec<String> = (1..=MERGED).map(|number| format!("{number}.json")).collect();
    let results: Vec<&str> = results.iter().map(String::as_str).collect();
    let merging = [&["merge", "--quiet", "--targets", "targets.json", "--format", "json"], results.as_slice()].concat();
    let took = finish(&merging, "merged.json")?;
    finish(&[options, &["--file", "clusters", "--quiet", "--format", "json"]].concat(), "whole.json")?;
    let same = fs::read(folder.join("merged.json"))? == fs::read(folder.join("whole.json"))?;
    let verdict = if same { "the same" } else { "not the same" };
    writeln!(out, "  merged in {:.2} s: {verdict} bytes as one process prints", took.as_secs_f64())?;
    Ok(())
}

/// The memory of this process now, in bytes.
fn memory() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
