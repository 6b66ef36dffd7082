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
        "  {:<34} {:>8} {:>10} {:>8} {:>9} {:>9} {:>7}",
        "", "seconds", "targets/s", "calls", "at once", "CPU s", "peak MB"
    )?;
    let mut of_simulator = 0;
    for options in [&["plan"][..], &["plan", "--jobs", "2"], &["plan", "--calls-at-once", "16"], &["drift"]] {
        let before = memory()?;
        let running = runtime.block_on(clusters(&sizes))?;
        of_simulator = of_simulator.max(memory()?.saturating_sub(before) / 1_000 / sizes.clusters as u64);
        let folder = tempfile::tempdir()?;
        configurations(folder.path(), &running)?;
        let took = run(folder.path(), options, &running)?;
        writeln!(
            out,
            "  {:<34} {:>8.2} {:>10.1} {:>8} {:>9} {:>9.2} {:>7}",
            options.join(" "),
            took.wall.as_secs_f64(),
            sizes.clusters as f64 / took.wall.as_secs_f64(),
            took.calls,
            running.most_in_flight(),
            took.cpu.as_secs_f64(),
            took.peak / 1_000_000,
        )?;
        runtime.block_on(running.stop());
    }
    if has("--bench") {
        writeln!(out, "  the simulator has {of_simulator} KB for each cluster")?;
    }
    Ok(())
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
    cpu: Duration,
    /// The most memory it had, in bytes.
    peak: u64,
    calls: u64,
}

/// Runs a command for all configurations.
fn run(folder: &Path, options: &[&str], running: &Running) -> Outcome<Took> {
    let before = running.requests();
    let said = folder.join("stderr");
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command.args(options).args(["--file", "clusters", "--quiet"]).current_dir(folder).env_clear();
    command.env("HOME", folder).env("ATTUNE_USERNAME", "admin").env("ATTUNE_PASSWORD", "admin");
    command.stdin(Stdio::null()).stdout(File::create(folder.join("stdout"))?).stderr(File::create(&said)?);
    let started = Instant::now();
    let ended = command.spawn()?.wait4()?;
    let wall = started.elapsed();
    if !matches!(ended.status.code(), Some(0 | 2)) {
        return Err(format!(
            "attune {} ended with {}:\n{}",
            options.join(" "),
            ended.status,
            fs::read_to_string(said)?
        )
        .into());
    }
    let cpu = ended.rusage.utime + ended.rusage.stime;
    let calls = running.requests() - before;
    Ok(Took { wall, cpu, peak: ended.rusage.maxrss, calls })
}

/// The memory of this process now, in bytes.
fn memory() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
