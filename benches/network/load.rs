//! A load for the simulator: sixteen open connections, each with the next request as soon as the last is answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::simulator::Simulator;
use crate::table::{Bound, Row, Table};
use crate::world::{World, policy, user};
use crate::{Outcome, Sizes};

const CONNECTIONS: usize = 16;

/// The number of documents and of lists of all users in the responses.
pub(crate) fn reads(sizes: &Sizes, table: &mut Table<'_>) -> Outcome<()> {
    let own: Vec<_> = (0..sizes.each).map(Some).collect();
    let each = sizes.each;
    let of_documents = move |number: usize| format!("GET /s3/policies/{}", policy(number % each));
    let (wall, cpu) =
        load(&World::new(each, &own, &[], None)?, sizes.reads, &move |number| (of_documents(number), String::new()))?;
    let all = (CONNECTIONS * sizes.reads) as f64;
    let (what, least) = ("simulator, documents a second of its processor", Bound::Above(1_000.0));
    table.row(&a_second(what, all, cpu, least))?;
    table.row(&a_second("simulator, documents a second", all, wall, Bound::None))?;
    let few = (sizes.reads / 40).max(1);
    let (_, cpu) = load(&World::new(each, &own, &[], None)?, few, &|_| ("GET /users".to_owned(), String::new()))?;
    let all = (CONNECTIONS * few) as f64;
    table.row(&a_second("simulator, lists of users a second of its p.", all, cpu, Bound::None))
}

/// How many changes the simulator takes.
pub(crate) fn writes(sizes: &Sizes, table: &mut Table<'_>) -> Outcome<()> {
    let none = vec![None; sizes.each];
    let (wall, cpu) = load(&World::new(sizes.each, &none, &[], None)?, sizes.writes, &|number| {
        let body = format!(r#"{{"policy_name":"{}","user_name":"{}"}}"#, policy(0), user(number % sizes.each));
        ("POST /s3/policies/attach".to_owned(), body)
    })?;
    let all = (CONNECTIONS * sizes.writes) as f64;
    // The rate that sixteen concurrent calls need, so that the simulator is no bottleneck: 16 each 100 ms.
    let bound = Bound::Above(CONNECTIONS as f64 / 0.1);
    table.row(&a_second("simulator, changes a second", all, wall, bound))?;
    table.row(&a_second("simulator, changes a second of its processor", all, cpu, Bound::None))
}

fn a_second(what: &str, all: f64, time: Duration, bound: Bound) -> Row<'_> {
    Row::of(what, all / time.as_secs_f64(), "/s", bound)
}

/// Sends so many requests over each of the connections. Returns the time it took, and what the simulator took of the
/// processors from its start to its end.
fn load(
    world: &World,
    each: usize,
    request: &(dyn Fn(usize) -> (String, String) + Sync),
) -> Outcome<(Duration, Duration)> {
    let simulator = Simulator::start(world.path(), Duration::ZERO, false)?;
    let address = simulator.url.trim_start_matches("http://").to_owned();
    let mut line = Line::open(&address)?;
    let login = line.ask("POST /login", r#"{"username":"admin","password":"admin"}"#, "")?;
    let token = serde_json::from_str::<Value>(&login)?["data"]["access_token"].as_str().unwrap_or_default().to_owned();
    let started = Instant::now();
    let ended: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let one = |of: usize| {
            let mut line = Line::open(&address).map_err(|error| error.to_string())?;
            for number in 0..each {
                let (call, body) = request(number * CONNECTIONS + of);
                line.ask(&call, &body, &token).map_err(|error| error.to_string())?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..CONNECTIONS).map(|of| scope.spawn(move || one(of))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("it panicked".to_owned()))).collect()
    });
    let wall = started.elapsed();
    ended.into_iter().collect::<Result<(), String>>()?;
    Ok((wall, simulator.stop()?))
}

/// A connection that is kept open.
struct Line(BufReader<TcpStream>);

impl Line {
    fn open(address: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request and reads its answer, which must be a success.
    fn ask(&mut self, call: &str, body: &str, token: &str) -> Outcome<String> {
        let (method, path) = call.split_once(' ').ok_or("a call is a method and a path")?;
        let length = body.len();
        let request = format!(
            "{method} /api/v2{path} HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (String::new(), 0);
        self.0.read_line(&mut status)?;
        loop {
            let mut header = String::new();
            self.0.read_line(&mut header)?;
            let Some((name, value)) = header.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer)?;
        let answer = String::from_utf8(answer)?;
        if status.contains(" 200 ") { Ok(answer) } else { Err(format!("{call}: {status}{answer}").into()) }
    }
}
