//! The pages of the reference that are made from the program itself.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use super::harness::{Folder, expect_file, root};
use super::help::below;

/// The reference of the configuration, from its schema.
fn file_page() -> String {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root().join("schemas/attune.schema.json")).unwrap()).unwrap();
    let mut page = String::from(
        "# Configuration keys\n\nEvery section and key of a configuration, from its [schema](../schemas/attune.schema.json). For an annotated example, see\n\
         [The configuration file](configuration.md). This page is generated.\n",
    );
    section(&mut page, "Top level", &schema, &schema);
    for (name, of) in schema["properties"].as_object().unwrap() {
        let (title, table) = match named(of, &schema) {
            Some(entry) => (format!("[{name}.NAME]"), entry),
            None => (format!("[{name}]"), resolved(of, &schema)),
        };
        if table["properties"].is_object() {
            section(&mut page, &format!("`{title}`"), table, &schema);
        }
    }
    page
}

fn section(page: &mut String, title: &str, table: &Value, schema: &Value) {
    let about = table["description"].as_str().unwrap_or_default();
    write!(page, "\n## {title}\n\n{about}\n\n| key | value | |\n|---|---|---|\n").unwrap();
    for (key, of) in table["properties"].as_object().unwrap() {
        let about = of["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        writeln!(page, "| `{key}` | {} | {about} |", kind(of, schema)).unwrap();
    }
}

/// The target of a reference; for an optional value, its type.
fn resolved<'a>(of: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(name) = of["$ref"].as_str() {
        return &schema["$defs"][name.rsplit('/').next().unwrap()];
    }
    let options = of["anyOf"].as_array().or(of["oneOf"].as_array());
    match options.and_then(|options| options.iter().find(|option| option["$ref"].is_string())) {
        Some(option) => resolved(option, schema),
        None => of,
    }
}

/// The entries of a table whose keys are names.
fn named<'a>(of: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let entries = &of["additionalProperties"];
    entries.is_object().then(|| resolved(entries, schema))
}

/// The type of a key, in a few words.
fn kind(of: &Value, schema: &Value) -> String {
    if let Some(entry) = named(of, schema) {
        let is_text = types(&entry["type"]).contains(&"string");
        return if is_text { "texts or tables by name" } else { "tables by name" }.to_owned();
    }
    let of = resolved(of, schema);
    let words: Vec<String> = match (&of["enum"], &of["anyOf"]) {
        (Value::Array(words), _) => words.iter().map(|word| format!("`{word}`")).collect(),
        (_, Value::Array(options)) => {
            options.iter().map(|one| kind(one, schema)).filter(|word| word != "nothing").collect()
        }
        _ => types(&of["type"]).into_iter().map(word).filter(|word| *word != "nothing").map(str::to_owned).collect(),
    };
    let mut unique: Vec<String> = Vec::new();
    for word in words {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    unique.join(" or ")
}

fn types(of: &Value) -> Vec<&str> {
    match of {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn word(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "array" => "list",
        "object" => "table",
        "boolean" => "true or false",
        "integer" | "number" => "number",
        "null" => "nothing",
        other => other,
    }
}

/// The reference of the command line, from its help.
fn commands_page() -> String {
    let mut page = String::from("# Commands\n\nThe output of `--help` for each command. This page is generated.\n");
    let folder = Folder::new();
    let mut waiting = vec![String::new()];
    while let Some(command) = waiting.pop() {
        let help = folder.attune(format!("{command} --help").trim()).exits(0).stdout;
        let title = format!("attune {command}");
        write!(page, "\n## `{}`\n\n```text\n{}\n```\n", title.trim(), help.trim_end()).unwrap();
        let mut under: Vec<String> = below(&folder, &command).iter().map(|command| command.trim().to_owned()).collect();
        under.reverse();
        waiting.extend(under);
    }
    page
}

#[test]
fn the_reference_matches_the_program() {
    expect_file(&root().join("docs/file.md"), &file_page());
    expect_file(&root().join("docs/commands.md"), &commands_page());
}
