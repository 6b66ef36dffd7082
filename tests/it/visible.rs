//! Hidden characters in names, files and arguments are visible in every output.

use crate::harness::{Folder, Run};

/// A character of each invisible kind.
const HIDDEN: [char; 14] = [
    '\u{1b}',
    '\u{7}',
    '\u{9b}',
    '\u{ad}',
    '\u{34f}',
    '\u{180e}',
    '\u{200b}',
    '\u{202e}',
    '\u{2066}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{e0041}',
    '\u{a0}',
];

const FORMATS: [&str; 14] = [
    "plan",
    "plan --format json",
    "plan --format markdown",
    "plan --format html",
    "drift",
    "drift --format json",
    "drift --format markdown",
    "validate",
    "validate --format json",
    "validate --format sarif",
    "validate --format github",
    "report --format html",
    "report --format json",
    "doctor",
];

fn holds_nothing_hidden(what: &str, text: &str) {
    let hidden = text.chars().find(|c| HIDDEN.contains(c) || (c.is_control() && *c != '\n'));
    assert_eq!(hidden, None, "{what}: {text:?}");
}

fn run(folder: &Folder, args: &[&str]) -> Run {
    let output = folder.command(args.iter().copied()).output().unwrap();
    Run::of(&args.join(" "), &output)
}

/// A part of a name that a file may declare.
fn odd() -> String {
    HIDDEN.into_iter().filter(|c| !c.is_control()).chain(['z']).collect()
}

/// A cluster and a configuration in which every name contains a hidden character.
fn folder() -> Folder {
    // Control characters are refused in names, so they are only where the parser accepts them.
    let odd = odd();
    let escaped: String = HIDDEN.iter().map(|c| format!("\\U{:08X}", u32::from(*c))).collect();
    let folder = Folder::new();
    folder.write(
        "attune.toml",
        &format!(
            "# {odd}\n[cluster]\nendpoints = [\"sim:cluster.json\"]\n\n[policies.\"p{odd}\"]\ndescription = \"{escaped}\"\n\
             document = \"odd.json\"\n\n[users.\"u{odd}\"]\npolicy = \"p{odd}\"\n\n[users.\"{escaped}\"]\npolicy = \"x\"\n\n\
             [users.gone]\npolicy = \"{odd}\"\n"
        ),
    );
    folder.write(
        "odd.json",
        &format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Sid\":\"{odd}\",\"Effect\":\"Allow\",\"Action\":\"s3:Get{odd}\",\
             \"Resource\":\"arn:aws:s3:::b{odd}/*\"}}]}}"
        ),
    );
    let state = serde_json::json!({ "release": "5.1.2", "tenants": { "Root": {
        "users": {
            "admin": { "role": "ClusterAdmin", "password": "admin" },
            format!("u{odd}"): { "role": "S3", "policy": format!("q{odd}") },
        },
        "policies": { format!("q{odd}"): { "document": { "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": ["s3:*"], "Resource": [format!("arn:aws:s3:::{odd}/*")]
        }] } } },
    } } });
    folder.write("cluster.json", &state.to_string());
    folder
}

#[test]
fn no_output_hides_a_character_of_a_name_a_document_or_a_file() {
    let folder = folder();
    for command in FORMATS {
        let run = folder.attune(command);
        holds_nothing_hidden(command, &run.stdout);
        holds_nothing_hidden(command, &run.stderr);
    }
    let good = folder.read("attune.toml").lines().filter(|line| !line.contains("U0000")).collect::<Vec<_>>().join("\n");
    folder.write("attune.toml", &good.replace("\npolicy = \"x\"", ""));
    for command in FORMATS.into_iter().chain(["-vv plan", "import --dir new", "access --who s3:GetObject --on b/k"]) {
        let run = folder.attune(command);
        holds_nothing_hidden(command, &run.stdout);
        holds_nothing_hidden(command, &run.stderr);
    }
}

#[test]
fn arguments_and_what_toml_cannot_read_are_shown_as_they_are() {
    let folder = Folder::new();
    folder.write("attune.toml", "[users]\nx\u{1b}[2J\u{202e} = \u{7}\n");
    for args in [&["plan"][..], &["validate"], &["fmt", "--check"]] {
        let run = run(&folder, args);
        holds_nothing_hidden(&format!("{args:?}"), &run.stderr);
    }
    for args in [
        &["pl\u{202e}an\u{1b}[2J"][..],
        &["plan", "--file", "a\u{1b}\u{ad}.toml"],
        &["plan", "--jobs", "\u{7}\u{200b}"],
    ] {
        let run = run(&folder, args);
        assert_eq!(run.code, Some(1));
        assert!(run.stderr.contains("\\u{"), "{}", run.stderr);
        holds_nothing_hidden(&format!("{args:?}"), &run.stderr);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn json_says_exactly_what_the_names_are() {
    let folder = folder();
    let good = folder.read("attune.toml").lines().filter(|line| !line.contains("U0000")).collect::<Vec<_>>().join("\n");
    folder.write("attune.toml", &good.replace("\npolicy = \"x\"", ""));
    let odd = odd();
    let run = folder.attune("drift --format json");
    assert!(run.json().to_string().contains(&odd), "{}", run.stdout);
}
