//! Tests of the form: what it is, and what it never changes.

use proptest::prelude::*;

use super::format_toml;

fn formed(text: &str) -> String {
    let once = format_toml("a.toml", text).unwrap();
    assert_eq!(format_toml("a.toml", &once).unwrap(), once, "another time, another form");
    once
}

#[test]
fn sections_and_names_are_sorted_with_their_comments() {
    let text = "\
#:schema ./attune.schema.json
# About the whole file.

# About zoe.
[users.zoe]   # holds it
policy='b'
[policies.b]
    # the document
  document   =   \"b.json\"  # of b


[policies . \"a\" . lint]
allow=[\"R07\",]
[ cluster ] # where
# no endpoint


tenant = \"Root\"
[policies.a]
document = \"a.json\"
[users.\"al ice\"]
policy = \"a\"
# The end.";
    let expected = "\
#:schema ./attune.schema.json
# About the whole file.

[cluster] # where
# no endpoint

tenant = \"Root\"

[policies.a.lint]
allow = [\"R07\"]

[policies.a]
document = \"a.json\"

[policies.b]
# the document
document = \"b.json\" # of b

[users.\"al ice\"]
policy = \"a\"

# About zoe.
[users.zoe] # holds it
policy = 'b'
# The end.
";
    assert_eq!(formed(text), expected);
}

#[test]
fn a_comment_with_an_empty_line_after_it_is_a_heading() {
    let text = "\
include = [\"teams/*.toml\"]
# --- The first team ---

[users.b]
policy = \"x\"
[users.a]
policy = \"x\"

# --- The second team ---

# About d.
[users.d]
policy = \"x\"
[users.c]
policy = \"x\"
";
    let expected = "\
include = [\"teams/*.toml\"]

# --- The first team ---

[users.a]
policy = \"x\"

[users.b]
policy = \"x\"

# --- The second team ---

[users.c]
policy = \"x\"

# About d.
[users.d]
policy = \"x\"
";
    assert_eq!(formed(text), expected);
}

#[test]
fn entries_on_lines_of_their_own_are_sorted_between_headings_and_empty_lines() {
    let text = "\
[users.zoe]
detached = true
[users]
# the boss
bob='x' # since May
alice = { policy = \"y\" }
# --- The second team ---

dora = 'x'

carol = 'x'
  # about anna
anna = 'x'
";
    let expected = "\
[users]
alice = { policy = \"y\" }
# the boss
bob = 'x' # since May
# --- The second team ---

dora = 'x'

# about anna
anna = 'x'
carol = 'x'

[users.zoe]
detached = true
";
    assert_eq!(formed(text), expected);
}

#[test]
fn lists_without_comments_are_on_one_line_if_they_fit() {
    let long: Vec<String> = (0..9).map(|n| format!("\"s3:action-{n}-of-many\"")).collect();
    let text = format!(
        "[[policies.p.statement]]\neffect = \"Allow\"\nresource = [\n  \"a\",\n  \"b\"\n]\naction = [{}]\n\
         condition = {{StringLike={{\"s3:prefix\"=[ \"a/*\",\"b/*\" ,]}}}} # only there\n\
         not_action = [ # all but\n  # the first\n  \"a\", # a\n  \"b\" # b\n  # the last\n]\nnot_resource = [\n# none\n]\n",
        long.join(",")
    );
    let formed = formed(&text);
    assert!(formed.contains("\nresource = [\"a\", \"b\"]\n"), "{formed}");
    assert!(formed.contains("\naction = [\n    \"s3:action-0-of-many\",\n    \"s3:action-1-of-many\",\n"), "{formed}");
    assert!(
        formed.contains("\ncondition = { StringLike = { \"s3:prefix\" = [\"a/*\", \"b/*\"] } } # only there\n"),
        "{formed}"
    );
    let commented =
        "\nnot_action = [\n    # all but\n    # the first\n    \"a\", # a\n    \"b\", # b\n    # the last\n]\n";
    assert!(formed.contains(commented), "{formed}");
    assert!(formed.ends_with("\nnot_resource = [\n    # none\n]\n"), "{formed}");
}

#[test]
fn tables_of_an_entry_keep_their_order() {
    let text = "\
[[policies.b.statement]]
effect = \"Allow\"
[policies.b.statement.condition.StringLike]
\"s3:prefix\" = \"a\"
[policies.a]
document = \"a\"
[[policies.b.statement]]
effect = \"Deny\"
[policies.b.lint]
allow = []
";
    let order: Vec<String> = formed(text).lines().filter(|line| line.starts_with('[')).map(str::to_owned).collect();
    assert_eq!(
        order,
        [
            "[policies.a]",
            "[[policies.b.statement]]",
            "[policies.b.statement.condition.StringLike]",
            "[[policies.b.statement]]",
            "[policies.b.lint]"
        ]
    );
}

#[test]
fn invalid_toml_is_a_finding_with_its_place_and_without_secrets() {
    let broken = format_toml("a.toml", "[cluster]\npassword = \"hunter2\"\ntenant = \n").unwrap_err();
    let at = broken.findings[0].at.clone().unwrap();
    assert_eq!(broken.sources.line_column(&at).0, 3);
    assert!(!broken.sources.file(at.file).text.contains("hunter2"));
    let twice = format_toml("a.toml", "[a]\nx = 1\n[a]\ny = 1\n").unwrap_err();
    assert_eq!(twice.findings[0].code.id, "toml-syntax");
    assert!(twice.findings[0].at.is_some());
}

#[test]
fn odd_files_are_formatted() {
    for (text, expected) in [
        ("", ""),
        ("\n\n", ""),
        ("# only\n\n\n# comments", "# only\n\n# comments\n"),
        ("\u{feff}a = 1", "a = 1\n"),
        ("[x]\r\na = 1\r\n# c\r\n", "[x]\na = 1\n# c\n"),
        (
            "users = { b = { policy = \"x\" }, a.policy = \"y\" }",
            "users = { b = { policy = \"x\" }, a.policy = \"y\" }\n",
        ),
        ("users.b.policy = \"x\"\nusers.a . policy = 'y'\n", "users.b.policy = \"x\"\nusers.a.policy = 'y'\n"),
        ("[users]\nb = {policy=\"x\"}\n\n\n\na = {}\n", "[users]\nb = { policy = \"x\" }\n\na = {}\n"),
        ("[unknown]\n[cluster]\n", "[cluster]\n\n[unknown]\n"),
        ("x = \"\"\"\na\n  b\"\"\"\n", "x = \"\"\"\na\n  b\"\"\"\n"),
        ("x = { # kept\n  a = 1 }\n", "x = { # kept\n  a = 1 }\n"),
    ] {
        assert_eq!(formed(text), expected, "{text:?}");
    }
}

/// The lines of a file, at random: sections, entries, keys and comments, with any blanks between.
fn files() -> impl Strategy<Value = String> {
    let header = prop_oneof![
        Just("[cluster]".to_owned()),
        Just("[ownership]".to_owned()),
        Just("[other . section]".to_owned()),
        "[a-e]{1,2}".prop_map(|name| format!("[policies.{name}]")),
        "[a-e]{1,2}".prop_map(|name| format!("[ policies.\"{name}\".lint ]")),
        "[a-e]{1,2}".prop_map(|name| format!("[[policies.{name}.statement]]")),
        "[a-e ]{1,2}".prop_map(|name| format!("[users.\"{name}\"]")),
        Just("[users]".to_owned()),
    ];
    let value = prop_oneof![
        Just("1".to_owned()),
        "[a-z]{1,60}".prop_map(|text| format!("'{text}'")),
        prop::collection::vec("[a-z]{1,40}", 0..6)
            .prop_map(|texts| format!("[ {}]", texts.iter().map(|text| format!("\"{text}\", ")).collect::<String>())),
        prop::collection::vec(("[a-z]{1,9}", "[a-z]{0,3}"), 0..4).prop_map(|entries| {
            let entry = |(text, comment): &(String, String)| match comment.as_str() {
                "" => format!("\"{text}\",\n"),
                _ => format!("\"{text}\" # {comment}\n  # {comment}\n,"),
            };
            format!("[#in\n{}]", entries.iter().map(entry).collect::<String>())
        }),
        Just("{ a=1 , b.c = [2,3,] }".to_owned()),
    ];
    let key = ("[a-z]{1,3}", "[a-z]{0,2}", value).prop_map(|(key, more, value)| match more.as_str() {
        "" => format!("{key}={value}"),
        _ => format!("{key} . {more}  ={value}"),
    });
    let comment = "[a-z :]{0,9}".prop_map(|text| format!("#{text}"));
    let line = prop_oneof![3 => header, 6 => key, 3 => comment, 3 => Just(String::new())];
    let ended = (line, " {0,3}", any::<bool>()).prop_map(|(line, blanks, comment)| {
        let end = if comment && !line.starts_with('#') { "  #end" } else { "" };
        format!("{blanks}{line}{blanks}{end}")
    });
    (prop::collection::vec(ended, 0..24), prop_oneof![Just("\n"), Just("\n\n"), Just("\r\n")])
        .prop_map(|(lines, end)| lines.join(end))
}

fn comments(text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        text.lines().filter_map(|line| line.split_once('#')).map(|(_, text)| text.trim().to_owned()).collect();
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn formatting_is_idempotent_and_keeps_content_and_comments(text in files()) {
        let Ok(once) = format_toml("a.toml", &text) else {
            // Random keys repeat.
            prop_assert!(toml::from_str::<toml::Table>(&text).is_err());
            return Ok(());
        };
        prop_assert_eq!(format_toml("a.toml", &once).unwrap(), once.clone());
        prop_assert_eq!(toml::from_str::<toml::Table>(&text).unwrap(), toml::from_str::<toml::Table>(&once).unwrap());
        prop_assert_eq!(comments(&text), comments(&once));
        prop_assert!(once.lines().all(|line| line.trim_end() == line), "{}", once);
        prop_assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"), "{:?}", once);
        prop_assert!(!once.contains("\n\n\n") && !once.starts_with('\n'), "{}", once);
    }
}
