//! `attune report --format csv`, read by a reader of CSV; and pages, which no terminal gets.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::json;

use crate::harness::{Folder, Run};

type Row = BTreeMap<String, String>;

fn rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn cells<'a>(row: &'a Row, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| row[*name].as_str()).collect()
}

/// Name, bucket, objects and request of each row that allows something.
fn allowed(rows: &[Row]) -> BTreeSet<Vec<&str>> {
    let rows = rows.iter().filter(|row| !row["request"].is_empty());
    rows.map(|row| cells(row, &["kind", "name", "bucket", "objects", "request"])).collect()
}

#[test]
fn the_table_has_what_everyone_can_do_as_access_says() {
    let folder = Folder::example("quickstart");
    let run = folder.attune("report --observed --format csv").exits(0).warns("not counted: service accounts");
    let table = rows(&run.stdout);
    assert_eq!(folder.attune("report --observed --format csv").stdout, run.stdout);
    let names: BTreeSet<&str> = table.iter().map(|row| row["name"].as_str()).collect();
    let mut expected = BTreeSet::new();
    for name in &names {
        let of = folder.attune(&format!("access {name} --observed --format json")).json();
        for line in of["principals"][0]["can"]["requests"].as_array().into_iter().flatten() {
            for request in line["requests"].as_array().unwrap() {
                let pattern = line["pattern"].as_str().unwrap().trim_start_matches("arn:aws:s3:::").to_owned();
                expected.insert((name.to_string(), pattern, request.as_str().unwrap().to_owned()));
            }
        }
    }
    let pattern = |row: &[&str]| match (row[2], row[3]) {
        (bucket, "") => bucket.to_owned(),
        (bucket, objects) => format!("{bucket}/{objects}"),
    };
    let found: BTreeSet<_> =
        allowed(&table).iter().map(|row| (row[1].to_owned(), pattern(row), row[4].to_owned())).collect();
    // A pattern without `/` is about all objects of its buckets.
    let is_same = |one: &str, other: &str| one == other || one == format!("{other}/*");
    for (name, pattern, request) in &expected {
        let is_it = |row: &(String, String, String)| row.0 == *name && row.2 == *request && is_same(&row.1, pattern);
        assert!(found.iter().any(is_it), "{name} {pattern} {request} is not in {found:#?}");
    }
    assert_eq!(found.len(), expected.len());
    assert!(expected.len() > 30, "{expected:#?}");
    let none: Vec<&Row> = table.iter().filter(|row| row["access"] == "none").collect();
    assert!(none.iter().any(|row| row["name"] == "bob" && row["bucket"].is_empty()), "{none:#?}");
    assert!(table.iter().all(|row| cells(row, &["cluster", "tenant", "state"]) == ["stewie", "Root", "cluster"]));
}

#[test]
fn a_row_says_whether_the_cluster_the_configuration_or_both_have_it() {
    let folder = Folder::example("quickstart");
    let table = rows(&folder.attune("report --format csv").exits(0).stdout);
    let states = |state: &str| table.iter().filter(|row| row["state"] == state).cloned().collect::<Vec<_>>();
    let [both, cluster, configuration] = ["both", "cluster", "configuration"].map(states);
    assert_eq!(both.len() + cluster.len() + configuration.len(), table.len());
    assert!(!both.is_empty() && !cluster.is_empty() && !configuration.is_empty());
    assert!(cluster.iter().any(|row| row["name"] == "alice" && row["policy"] == "readwrite"));
    assert!(configuration.iter().any(|row| row["name"] == "alice" && row["policy"] == "ml-training"));
    folder.attune("apply --yes").exits(0);
    let table = rows(&folder.attune("report --format csv --out access.csv").exits(0).stdout);
    assert!(table.is_empty(), "it is in the file");
    let table = rows(&folder.read("access.csv"));
    assert!(table.iter().all(|row| row["state"] == "both"), "{table:#?}");
    let declared = rows(&folder.attune("report --desired --format csv").exits(0).stdout);
    assert!(declared.iter().all(|row| cells(row, &["cluster", "state"]) == ["", "configuration"]));
    let of = |rows: &[Row], name: &str| {
        let rows: Vec<Row> = rows.iter().filter(|row| row["name"] == name).cloned().collect();
        allowed(&rows).iter().map(|row| row.join(" ")).collect::<BTreeSet<_>>()
    };
    assert_eq!(of(&declared, "alice"), of(&table, "alice"));
}

#[test]
fn conditions_exceptions_and_unknown_documents_are_in_the_table() {
    let folder = Folder::example("quickstart");
    let inside = json!({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::logs/*"],
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}});
    let denied = json!({"Effect": "Deny", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::logs/secret/*"]});
    folder.drift(|tenant| {
        tenant["policies"]["inside"] = json!({"document": {"Version": "2012-10-17", "Statement": [inside, denied]}});
        tenant["users"]["alice"]["policy"] = json!("inside");
    });
    let table = rows(&folder.attune("report --observed --format csv").exits(0).stdout);
    let read = table.iter().find(|row| row["name"] == "alice" && row["request"] == "read").unwrap();
    let expected = ["inside", "logs", "*", "conditional"];
    assert_eq!(cells(read, &["policy", "bucket", "objects", "access"]), expected, "{read:#?}");
    assert!(read["conditions"].contains("aws:SourceIp") && read["conditions"].contains("10.0.0.0/8"), "{read:#?}");
    assert_eq!(read["except"], "logs/secret/*, denied");
    folder.drift(|tenant| tenant["policies"]["inside"]["document"] = json!({"Statement": "?"}));
    let table = rows(&folder.attune("report --observed --format csv").exits(0).stdout);
    let alice: Vec<&Row> = table.iter().filter(|row| row["name"] == "alice").collect();
    assert_eq!(alice.len(), 1);
    assert_eq!(cells(alice[0], &["bucket", "request", "access"]), ["", "", "unknown"]);
}

#[test]
fn no_name_of_the_cluster_is_a_formula_or_a_second_cell() {
    let folder = Folder::example("quickstart");
    let names = [
        "=2+5+cmd|' /C calc'!A0",
        "+alice",
        "-alice",
        "@SUM(1)",
        "a,=1",
        "a\"\",=1",
        "tab\t=1",
        "line\n=1",
        "\r=1",
        "＝1",
        "x;=1",
        "\u{202e}=1",
    ];
    folder.drift(|tenant| {
        for name in names {
            tenant["users"][name] = json!({"policy": "readonly"});
        }
    });
    let run = folder.attune("report --observed --format csv").exits(0);
    folder.attune("report --observed --format csv --out access.csv").exits(0);
    assert_eq!(folder.read("access.csv"), run.stdout, "a file is as harmless as the output");
    let table = rows(&run.stdout);
    let found: BTreeSet<&str> = table.iter().map(|row| row["name"].as_str()).collect();
    for name in names {
        let visible =
            name.replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r").replace('\u{202e}', "\\u{202e}");
        let harmless = if visible.starts_with(['=', '+', '-', '@', '＝']) { format!("'{visible}") } else { visible };
        assert!(found.contains(harmless.as_str()), "{harmless:?} is not in {found:#?}");
    }
    let is_formula = |cell: &String| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']);
    assert!(!table.iter().flat_map(Row::values).any(is_formula));
}

#[test]
fn a_cluster_that_reports_no_attachments_has_no_table() {
    let folder = Folder::example("quickstart");
    let mut state = folder.state();
    state["release"] = json!("3.14");
    folder.write("cluster.json", &state.to_string());
    let run = folder.attune("report --observed --format csv").exits(1).warns("does not report who has which policy");
    assert_eq!(run.stdout, "", "an empty table would mean that nobody has access");
}

/// Runs a command on a terminal of its own.
fn on_terminal(folder: &Folder, line: &str) -> Run {
    let mut shell = folder.shell(&format!("script -qec '{line}' /dev/null"));
    let path = shell.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).map(ToOwned::to_owned);
    Run::of(line, &shell.env("PATH", path.unwrap_or_default()).env("TERM", "dumb").output().unwrap())
}

#[test]
fn a_page_is_never_printed_on_a_terminal() {
    if Command::new("script").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "the test needs `script`");
        return;
    }
    let folder = Folder::example("quickstart");
    folder.attune("plan --out plan.json").exits(0);
    for line in ["attune report --format html", "attune plan --format html", "attune show plan.json --format html"] {
        let run = on_terminal(&folder, line).exits(1);
        assert!(run.stdout.contains("an HTML page is not for a terminal"), "{}", run.stdout);
        assert!(!run.stdout.contains("<html"), "{line}: {}", run.stdout);
    }
    on_terminal(&folder, "attune report --format html").exits(1).says("`--format text`");
    on_terminal(&folder, "attune report").exits(0).says("access by bucket");
    on_terminal(&folder, "attune report --out report.html").exits(0);
    on_terminal(&folder, "attune report --format csv").exits(0).says("alice");
    assert!(folder.read("report.html").contains("<html"));
    folder.attune("report").exits(0).says("<html");
}
