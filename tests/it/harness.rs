//! Runs the program in a folder of its own, without anything of this machine's environment.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The login of the administrator of a simulated cluster, as variables of the environment.
pub(crate) const ADMIN: [(&str, &str); 2] = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin")];

/// The folder of the crate.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether the output overwrites the expected texts.
pub(crate) fn update() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Compares a file of the repository with the expected text, or overwrites it if `UPDATE_EXPECT` is set.
pub(crate) fn expect_file(path: &Path, actual: &str) {
    if update() {
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let name = path.strip_prefix(root()).unwrap_or(path).display();
    assert!(expected == actual, "{name} is stale; UPDATE_EXPECT=1 writes it anew:\n{}", difference(&expected, actual));
}

/// The difference line by line.
pub(crate) fn difference(expected: &str, actual: &str) -> String {
    similar::TextDiff::from_lines(expected, actual).unified_diff().to_string()
}

/// The folders in a folder, in the order of their names.
pub(crate) fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Whether only tests compile a file of `src`: its name, or that of a directory above it, says so.
pub(crate) fn is_test_source(path: &Path) -> bool {
    let inside = path.strip_prefix(root().join("src")).unwrap_or(path);
    let names = inside.iter().filter_map(|name| Path::new(name).file_stem()?.to_str());
    names.into_iter().any(|name| ["tests", "testing", "oracle", "properties"].contains(&name))
}

/// All files under a folder that end so, in the order of their names.
pub(crate) fn files(path: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A folder to run the program in. It is gone when this is dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One with a copy of all that is in another.
    pub(crate) fn copy_of(from: &Path) -> Self {
        let folder = Self::new();
        for file in files(from, "") {
            folder.write(&file.strip_prefix(from).unwrap().to_string_lossy(), &fs::read_to_string(&file).unwrap());
        }
        folder
    }

    /// One with a copy of an example.
    pub(crate) fn example(name: &str) -> Self {
        Self::copy_of(&root().join("examples").join(name))
    }

    /// One with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The state of the simulated cluster.
    pub(crate) fn state(&self) -> Value {
        serde_json::from_str(&self.read("cluster.json")).unwrap()
    }

    /// The first tenant of the simulated cluster.
    pub(crate) fn tenant(&self) -> Value {
        self.state()["tenants"]["Root"].take()
    }

    /// Changes the state of the simulated cluster behind the back of the program: drift.
    pub(crate) fn drift(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        change(&mut state["tenants"]["Root"]);
        self.write("cluster.json", &serde_json::to_string_pretty(&state).unwrap());
    }

    /// The program with these arguments, in this folder, with an environment of nothing but a home.
    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
        command.args(args).current_dir(self.0.path()).env_clear();
        command.env("HOME", self.0.path()).env("PATH", self.0.path()).stdin(Stdio::null());
        command
    }

    /// A shell command, with this program and this folder on its path and no other environment.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_attune")).parent().unwrap().display();
        let here = self.path("").display().to_string();
        let mut shell = Command::new("sh");
        shell.args(["-euc", line]).current_dir(self.path("")).env_clear();
        shell.env("PATH", format!("{program}:{here}:/usr/bin:/bin")).env("HOME", &here);
        shell
    }

    /// Runs the program with these arguments, separated by blanks.
    pub(crate) fn attune(&self, args: &str) -> Run {
        self.attune_with(args, &[])
    }

    /// Runs the program with these arguments and these variables.
    pub(crate) fn attune_with(&self, args: &str, variables: &[(&str, &str)]) -> Run {
        let mut command = self.command(args.split_whitespace());
        Run::of(args, &command.envs(variables.iter().copied()).output().unwrap())
    }

    /// Runs the program with these arguments and this on its standard input.
    pub(crate) fn attune_fed(&self, args: &str, input: &str) -> Run {
        let mut command = self.command(args.split_whitespace());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that does not read its input may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Run::of(args, &child.wait_with_output().unwrap())
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) args: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Run {
    pub(crate) fn of(args: &str, output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            args: args.to_owned(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code(),
        }
    }

    /// The same run, which must have ended with this code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "attune {}\n{}{}", self.args, self.stdout, self.stderr);
        self
    }

    /// The same run, which must have this on stdout.
    pub(crate) fn says(self, text: &str) -> Self {
        // Text is wrapped.
        let unwrapped = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_said = self.stdout.contains(text) || unwrapped(&self.stdout).contains(&unwrapped(text));
        assert!(is_said, "attune {}: no `{text}` in\n{}", self.args, self.stdout);
        self
    }

    /// The same run, which must have this on stderr.
    pub(crate) fn warns(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "attune {}: no `{text}` in\n{}", self.args, self.stderr);
        self
    }

    /// The JSON on stdout, checked against its schema.
    pub(crate) fn json(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout));
        validate(&value);
        value
    }

    /// The codes of the findings in the JSON on stdout.
    pub(crate) fn codes(&self) -> Vec<String> {
        let findings = self.json()["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }
}

/// A document that allows one action on one resource.
pub(crate) fn allowing(action: &str, resource: &str) -> Value {
    let statement = json!({"Effect": "Allow", "Action": [action], "Resource": [resource]});
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// Checks JSON output of the program against the checked-in schema of its format, `attune.NAME/1`.
pub(crate) fn validate(value: &Value) {
    static SCHEMAS: Mutex<BTreeMap<String, Arc<JsonSchema>>> = Mutex::new(BTreeMap::new());
    let format = value["format"].as_str().unwrap_or_default();
    let name = format.strip_prefix("attune.").and_then(|rest| rest.strip_suffix("/1"));
    let name = name.unwrap_or_else(|| panic!("no such format: {format:?}")).to_owned();
    let mut schemas = SCHEMAS.lock().unwrap();
    let schema = Arc::clone(schemas.entry(name).or_insert_with_key(|name| Arc::new(JsonSchema::named(name))));
    drop(schemas);
    if let Some(error) = schema.misfit(value) {
        panic!("{error} in {value:#}");
    }
}

/// A JSON Schema, compiled.
pub(crate) struct JsonSchema {
    all: boon::Schemas,
    index: boon::SchemaIndex,
}

impl JsonSchema {
    pub(crate) fn new(schema: Value) -> Self {
        let (mut all, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource("schema.json", schema).unwrap();
        let index = compiler.compile("schema.json", &mut all).unwrap();
        Self { all, index }
    }

    /// The checked-in schema of that name.
    pub(crate) fn named(name: &str) -> Self {
        let path = root().join(format!("schemas/{name}.schema.json"));
        Self::new(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    }

    /// Why a value does not fit.
    pub(crate) fn misfit(&self, value: &Value) -> Option<String> {
        self.all.validate(value, self.index).err().map(|error| error.to_string())
    }
}
