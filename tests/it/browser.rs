//! Pages in headless Chromium: over its protocol, it reports loaded resources, errors and the accessibility tree.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use crate::harness::Folder;
use crate::html::large;

/// How long a browser may take to answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A script for the page: finds text with less contrast than WCAG requires.
const FAINT: &str = r"(() => {
  const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.add(`${element.tagName}.${element.className}: ${contrast.toFixed(2)}`);
  }
  return [...faint].join('\n');
})()";

/// A browser on one page.
struct Browser {
    child: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    sent: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

/// The browser of this machine: `CHROMIUM`, or one of the usual names.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file())
}

impl Browser {
    /// `None` without a browser: prints SKIPPED, and fails in CI.
    fn start() -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci.is_empty() || ci == "false"),
                "there is no browser, and in CI there must be"
            );
            // Not `eprintln`, because the test runner captures it.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: there is no Chromium on PATH or in CHROMIUM; pages were not looked at"
            );
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut lines = Vec::new();
        let url = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "the browser has gone: {lines:?}");
            if let Some(url) = line.trim().strip_prefix("DevTools listening on ") {
                break url.to_owned();
            }
            lines.push(line);
        };
        // Its further output is not used, but must be drained.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let host = url.trim_start_matches("ws://").split('/').next().unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let (socket, _) = tungstenite::client(url.as_str(), stream).unwrap();
        let mut browser = Self { child, socket, session: None, sent: 0, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Runtime", "Log", "Network", "Page", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.sent += 1;
        let mut call = json!({"id": self.sent, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).unwrap();
        loop {
            let answer = self.next();
            if answer["id"] == json!(self.sent) {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    /// Opens a file, and waits until it is loaded.
    fn open(&mut self, file: &Path) {
        self.events.clear();
        let opened = self.call("Page.navigate", &json!({"url": format!("file://{}", file.display())}));
        assert_eq!(opened["errorText"], Value::Null);
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.next();
            self.events.push(event);
        }
    }

    fn evaluate(&mut self, script: &str) -> Value {
        let answer = self.call("Runtime.evaluate", &json!({"expression": script, "returnByValue": true}));
        assert_eq!(answer["exceptionDetails"], Value::Null, "{script}");
        answer["result"]["value"].clone()
    }

    fn said(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| &event["params"]).collect()
    }

    /// Nothing on the console, no exception, and no request but for the page itself.
    fn is_quiet(&mut self) {
        // A response comes after all earlier events.
        self.evaluate("1");
        for method in ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"] {
            assert!(self.said(method).is_empty(), "{method}: {:#?}", self.said(method));
        }
        let requests = self.said("Network.requestWillBeSent");
        let urls: Vec<_> = requests.iter().map(|request| request["request"]["url"].as_str().unwrap()).collect();
        assert!(urls.len() == 1 && urls[0].starts_with("file://"), "{urls:?}");
    }

    /// The rules of axe-core, without the contrast of single characters, which it cannot tell: [`FAINT`] does. Only if `AXE` is the path of its script. `.ci/run` installs it.
    fn is_accessible(&mut self) {
        let Some(path) = std::env::var_os("AXE").filter(|path| !path.is_empty()) else {
            let _ =
                writeln!(std::io::stderr(), "SKIPPED: AXE is not the path of axe.min.js; its rules were not checked");
            return;
        };
        let script = std::fs::read_to_string(path).unwrap();
        self.evaluate(&format!("{script}\n;typeof axe.run"));
        let run = "axe.run(document, {resultTypes: ['violations', 'incomplete']}).then((found) => JSON.stringify(
            [found.passes.length, ...found.violations, ...found.incomplete.filter((rule) => rule.id !== 'color-contrast')].map((rule) => rule.id
                ? [rule.id, rule.help, ...rule.nodes.slice(0, 3).map((node) => node.html + ': ' + node.failureSummary)] : rule)))";
        let answer =
            self.call("Runtime.evaluate", &json!({"expression": run, "awaitPromise": true, "returnByValue": true}));
        let found: Vec<Value> = serde_json::from_str(answer["result"]["value"].as_str().unwrap()).unwrap();
        assert!(found[0].as_u64().unwrap() > 15, "axe has passed few rules: {}", found[0]);
        assert!(found.len() == 1, "{:#?}", &found[1..]);
    }

    /// The accessibility tree: role and name of everything.
    fn read_out(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != json!(true));
        let texts = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        nodes.map(|node| (texts(&node["role"]), texts(&node["name"]))).collect()
    }

    fn is_readable(&mut self) {
        for scheme in ["light", "dark"] {
            let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
            self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
            assert_eq!(self.evaluate(FAINT), json!(""), "too faint in the {scheme} scheme");
        }
        for width in [360, 1280] {
            let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
            self.call("Emulation.setDeviceMetricsOverride", &metrics);
            let wide = self.evaluate("document.documentElement.scrollWidth");
            assert!(wide.as_u64().unwrap() <= width, "{wide} pixels at a width of {width}");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a page for the browser.
fn written(folder: &Folder, args: &str) -> PathBuf {
    let page = folder.attune(args).exits(0).stdout;
    folder.write("page.html", &page);
    folder.path("page.html")
}

fn count(read: &[(String, String)], role: &str) -> usize {
    read.iter().filter(|(of, _)| of == role).count()
}

#[test]
fn the_page_of_a_plan_reads_well_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = Folder::example("quickstart");
    browser.open(&written(&folder, "plan --format html"));
    browser.is_quiet();
    let read = browser.read_out();
    for landmark in ["banner", "navigation", "main", "contentinfo"] {
        assert_eq!(count(&read, landmark), 1, "{landmark}");
    }
    let named: Vec<&str> = read.iter().filter(|(role, _)| role == "heading").map(|(_, name)| name.as_str()).collect();
    assert!(named[0].starts_with("Plan "), "{named:?}");
    for heading in ["Access gained and lost", "Changes", "Access matrix", "Attachments", "Policies by size"] {
        assert!(named.contains(&heading), "{heading} is not in {named:?}");
    }
    let cells: BTreeMap<&str, usize> = read.iter().fold(BTreeMap::new(), |mut cells, (role, _)| {
        *cells.entry(role.as_str()).or_default() += 1;
        cells
    });
    assert_eq!(cells["table"], 2);
    assert!(cells["columnheader"] >= 6 && cells["rowheader"] >= 5, "{cells:?}");
    let said = |text: &str| read.iter().any(|(role, name)| role == "image" && name == text);
    assert!(said("read all, was none"), "bob may read models then: {read:?}");
    assert!(said("read none, was part"), "carol may not read reports any more");
    assert!(read.iter().all(|(role, name)| role != "image" || !name.is_empty()));
    browser.is_readable();
    browser.is_accessible();
    // The page of an outcome, with a command to roll back.
    folder.write("outcome.json", &folder.attune("apply --yes --format json").exits(0).stdout);
    browser.open(&written(&folder, "show outcome.json --format html"));
    browser.is_readable();
    browser.is_accessible();
}

#[test]
fn a_page_of_many_users_loads_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    for (policies, table) in [(24, "table.m"), (300, "table.n")] {
        let folder = large(200, policies);
        browser.open(&written(&folder, "report"));
        browser.is_quiet();
        assert_eq!(browser.evaluate("document.querySelector('h1').textContent"), json!("S3 access: large"));
        let rows = browser.evaluate(&format!("document.querySelectorAll('{table} tbody tr').length"));
        assert!(rows.as_u64().unwrap() >= policies as u64, "{rows} rows of {policies} policies");
        let named = "[...document.querySelectorAll('tbody th')].map((th) => th.textContent).join(' ').match(/user-\\d{4}/g).length";
        assert_eq!(browser.evaluate(named), json!(200), "every user is in the matrix");
        let sticky = "getComputedStyle(document.querySelector('thead th')).position";
        assert_eq!(browser.evaluate(sticky), json!("sticky"));
        browser.is_readable();
        browser.is_accessible();
    }
}

#[test]
fn nasty_names_do_nothing_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = Folder::example("quickstart");
    let page = folder.attune("report --format json").json().to_string();
    let nasty = "<img src=http://127.0.0.1:9/x onerror=console.log(1)>";
    let report = serde_json::from_str(&page.replace("alice", nasty)).unwrap();
    let mut page = Vec::new();
    attune::render::html::report(&mut page, &report).unwrap();
    folder.write("page.html", std::str::from_utf8(&page).unwrap());
    browser.open(&folder.path("page.html"));
    browser.is_quiet();
    assert_eq!(browser.evaluate("document.images.length"), json!(0));
    assert_eq!(browser.evaluate("document.body.textContent.includes('<img src=')"), json!(true));
}
