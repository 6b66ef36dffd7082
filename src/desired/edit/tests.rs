//! Tests of edits: what they declare, and what they never change.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::desired::testing;

const POLICIES: &str =
    "[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nresource = \"arn:aws:s3:::a/*\"\n";

fn loaded(text: &str) -> Loaded {
    let loaded = testing::loaded(&[("attune.toml", text)]);
    assert!(!loaded.has_errors(), "{:?} in\n{text}", loaded.findings);
    loaded
}

fn has(policy: &str) -> DeclaredAttachment {
    DeclaredAttachment::Has(PolicyName::parse(policy).unwrap())
}

fn edited(text: &str, edits: &[(&str, DeclaredAttachment)]) -> String {
    let loaded = loaded(text);
    let mut editor = Editor::new(&loaded).unwrap();
    for (principal, attachment) in edits {
        editor.attach(&Principal::parse(principal).unwrap(), attachment).unwrap();
    }
    editor.finish().pop().map_or_else(|| text.to_owned(), |edited| edited.after)
}

#[test]
fn every_form_of_an_entry_keeps_its_form_and_its_comments() {
    let text = "\
#:schema x
users.dotted.policy = 'readonly' # dotted
# about short
[users]
  short   =   'readonly'   # beside short
inline = { policy = \"readonly\" } # beside inline
off = { detached = true }
# about table
[users.table] # beside table
# about its policy
policy = \"readonly\" # beside its policy
[users.gone]
detached = true # since May
# about the keys
revoke_keys = true
# the end
";
    let text = text.replace("users.dotted.policy = 'readonly' # dotted\n", "");
    let names = ["short", "inline", "off", "table", "gone"];
    let moved = edited(&text, &names.map(|name| (name, has("readwrite"))));
    let expected = "\
#:schema x
# about short
[users]
  short   =   \"readwrite\"   # beside short
inline = \"readwrite\" # beside inline
off = \"readwrite\"
# about table
[users.table] # beside table
# about its policy
policy = \"readwrite\" # beside its policy
[users.gone]
# about the keys
policy = \"readwrite\" # since May
# the end
";
    assert_eq!(moved, expected);
    let detached = edited(&moved, &names.map(|name| (name, DeclaredAttachment::Detached)));
    assert!(detached.contains("  short   =   { detached = true }   # beside short\n"), "{detached}");
    assert!(detached.contains("# about its policy\ndetached = true # beside its policy\n"), "{detached}");
    assert_eq!(edited(&moved, &names.map(|name| (name, has("readwrite")))), moved, "nothing to change");
    assert_eq!(edited("users.a.policy = 'readonly' # x\n", &[("a", has("p"))]), "users.a.policy = \"p\" # x\n");
}

#[test]
fn who_leaves_a_list_joins_the_list_of_the_new_policy_or_gets_an_entry() {
    let of = |list: &str| format!("[policies.p]\nattached_to = {list}\n{POLICIES}");
    let cases = [
        ("[\"a\", \"b\", \"c\"]", "b", "[\"a\", \"c\"]"),
        ("[ 'a', 'b' ]", "b", "[ 'a' ]"),
        ("[ 'a', 'b' ]", "a", "[ 'b' ]"),
        ("[\"a\"]", "a", "[]"),
        ("[\n    \"a\", # A\n    \"b\", # B\n]", "a", "[\n    # A\n    \"b\", # B\n]"),
        ("[\n    \"a\", # A\n    \"b\", # B\n]", "b", "[\n    \"a\", # A\n    # B\n]"),
        ("[\n  # one\n  \"a\",\n  # other\n  \"b\"\n]", "b", "[\n  # one\n  \"a\"\n  # other\n]"),
    ];
    for (list, name, expected) in cases {
        let after = edited(&of(list), &[(name, has("readonly"))]);
        assert!(after.starts_with(&format!("[policies.p]\nattached_to = {expected}\n")), "{list}: {after}");
        assert!(after.ends_with(&format!("\n[users]\n{name} = \"readonly\"\n")), "{after}");
    }
    let joins = [
        ("[]", "[\"z\"]"),
        ("[\"a\"]", "[\"a\", \"z\"]"),
        ("[ \"a\" ]", "[ \"a\", \"z\" ]"),
        ("[\n    \"a\", # A\n]", "[\n    \"a\", # A\n    \"z\",\n]"),
        ("[\n  \"a\" # A\n]", "[\n  \"a\", # A\n  \"z\"\n]"),
    ];
    for (list, expected) in joins {
        let after = edited(&of(list), &[("z", has("p"))]);
        assert!(after.starts_with(&format!("[policies.p]\nattached_to = {expected}\n")), "{list}: {after}");
        assert_eq!(loaded(&after).desired.users.len(), loaded(&of(list)).desired.users.len() + 1);
    }
}

/// Tables of `attached_to` are edited like a list. The last one leaves with the whole list.
#[test]
fn who_leaves_tables_of_attached_to_joins_others_or_gets_an_entry() {
    let entry = |name: &str, more: &str| format!("[[policies.p.attached_to]]\nuser = \"{name}\"\n{more}\n");
    let until = "until = 2099-12-31 # the end\n";
    let both = format!("{POLICIES}\n{}{}", entry("a", until), entry("b", ""));
    let after = edited(&both, &[("b", has("readonly"))]);
    assert!(!after.contains("\"b\"\n") && after.contains(until) && after.contains("b = \"readonly\""), "{after}");
    let after = edited(&after, &[("a", has("readonly"))]);
    assert!(!after.contains("attached_to") && after.contains("a = \"readonly\""), "{after}");
    assert_eq!(loaded(&after).desired.users.len(), 2);
    // Back again, with the dates, and after the list is gone.
    let back = edited(&edited(&both, &[("z", has("p"))]), &[("a", DeclaredAttachment::Detached)]);
    assert!(back.contains("[[policies.p.attached_to]]\nuser = \"z\"\n") && !back.contains("2099"), "{back}");
    let gone = edited(&both, &[("a", has("readonly")), ("b", has("readonly"))]);
    let again = edited(&gone, &[("a", has("p"))]);
    assert!(again.contains("a = \"p\"") && !again.contains("attached_to"), "{again}");
}

#[test]
fn a_formatted_file_stays_formatted_and_line_ends_stay() {
    let text = "[cluster]\ntenant = \"x\"\n\n[users]\na = \"readonly\"\nc = \"readonly\"\n\n[users.b]\npolicy = \"readonly\"\n";
    let after = edited(text, &[("b2", has("readonly")), ("group/g", has("readonly"))]);
    let expected = text.replace("c = ", "b2 = \"readonly\"\nc = ") + "\n[groups]\ng = \"readonly\"\n";
    assert_eq!(after, expected);
    let windows = "\u{feff}# x\r\n[users]\r\na = 'readonly'\r\nb = 'readonly'";
    assert_eq!(edited(windows, &[("a", has("p"))]), windows.replacen("'readonly'", "\"p\"", 1));
    let first = "#:schema x\n[users.b]\n policy = 'readonly'\n";
    assert_eq!(edited(first, &[("a", has("p"))]), format!("{first}\n[users]\na = \"p\"\n"));
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Short,
    Inline,
    Table,
    AttachedTo,
    None,
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Short), Just(Form::Inline), Just(Form::Table), Just(Form::AttachedTo), Just(Form::None)]
}

fn attachment() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![Just(None), Just(Some("p")), Just(Some("q")), Just(Some("readonly"))]
}

const NAMES: [&str; 7] = ["a", "b", "c", "d e", "user/f", "group/a", "group/h"];

/// A configuration with entries in any form, and with a comment at every place that has its bit in `comments`.
fn configuration(forms: &[(Form, Option<&str>)], comments: u64, several_lines: bool) -> String {
    let (mut number, mut lists) = (0, BTreeMap::from([("p", Vec::new()), ("q", Vec::new())]));
    let mut comment = |end: &str| {
        number += 1;
        if comments >> (number % 64) & 1 == 1 {
            format!("# note{number}{end}")
        } else {
            end.trim_start_matches(' ').to_owned()
        }
    };
    let (mut short, mut tables) =
        (BTreeMap::from([("users", String::new()), ("groups", String::new())]), String::new());
    for (name, (form, policy)) in NAMES.iter().zip(forms) {
        let (kind, bare) = name
            .split_once('/')
            .map_or(("users", *name), |(kind, bare)| if kind == "group" { ("groups", bare) } else { ("users", bare) });
        let value = policy.map_or("detached = true".to_owned(), |policy| format!("policy = '{policy}'"));
        let section = short.get_mut(kind).unwrap();
        match (form, policy) {
            (Form::Short, Some(policy)) => {
                *section += &format!("{}\"{bare}\" = '{policy}' {}\n", comment("\n"), comment(""));
            }
            (Form::Short | Form::Inline, _) => {
                *section += &format!("{}\"{bare}\" = {{ {value} }}{}\n", comment("\n"), comment(""));
            }
            (Form::Table, _) => {
                tables += &format!(
                    "{}[{kind}.\"{bare}\"] {}\n{}{value} {}\n",
                    comment("\n"),
                    comment(""),
                    comment("\n"),
                    comment("")
                );
            }
            (Form::AttachedTo, Some(policy @ ("p" | "q"))) => lists.get_mut(policy).unwrap().push(*name),
            (Form::AttachedTo, _) | (Form::None, _) => {}
        }
    }
    let mut text = comment("\n");
    for (policy, names) in lists {
        let entry = |name: &&str| {
            if several_lines {
                format!("\n  {}\"{name}\", {}", comment("\n  "), comment(""))
            } else {
                format!("\"{name}\", ")
            }
        };
        let list: String = names.iter().map(entry).collect();
        let end = if several_lines { "\n" } else { "" };
        let list = if policy == "q" && names.is_empty() {
            String::new()
        } else {
            format!("attached_to = [{list}{end}] {}\n", comment(""))
        };
        text += &POLICIES.replace(".p.", &format!(".{policy}.")).replacen(
            "[[",
            &format!("[policies.{policy}]\n{list}[["),
            1,
        );
    }
    for (section, entries) in short {
        text += &if entries.is_empty() { String::new() } else { format!("[{section}] {}\n{entries}", comment("")) };
    }
    text + &tables + &comment("\n")
}

fn notes(text: &str) -> Vec<&str> {
    let mut notes: Vec<&str> =
        text.split('#').skip(1).map(|note| note.split_whitespace().next().unwrap_or_default()).collect();
    notes.sort_unstable();
    notes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_edit_declares_what_it_should_and_keeps_every_comment(
        forms in prop::collection::vec((form(), attachment()), NAMES.len()),
        comments in any::<u64>(),
        several_lines in any::<bool>(),
        edits in prop::collection::vec((0..NAMES.len(), attachment()), 0..9),
    ) {
        let text = configuration(&forms, comments, several_lines);
        let before = loaded(&text);
        let state = |loaded: &Loaded| -> BTreeMap<Principal, DeclaredAttachment> {
            loaded.desired.principals().map(|(principal, entry)| (principal, entry.intent.clone())).collect()
        };
        let mut expected = state(&before);
        let mut wanted = BTreeMap::new();
        for (name, policy) in edits {
            let attachment = policy.map_or(DeclaredAttachment::Detached, has);
            wanted.insert(Principal::parse(NAMES[name]).unwrap(), attachment);
        }
        let mut editor = Editor::new(&before).unwrap();
        for (principal, attachment) in &wanted {
            editor.attach(principal, attachment).unwrap();
        }
        expected.extend(wanted);
        let after = editor.finish().pop().map_or_else(|| text.clone(), |edited| edited.after);
        prop_assert_eq!(state(&loaded(&after)), expected, "{}\n---\n{}", text, after);
        prop_assert_eq!(notes(&after), notes(&text), "{}\n---\n{}", text, after);
    }
}
