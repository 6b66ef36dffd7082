//! The project speaks plain English: a closed list of words stays out of pages, help and messages, and sentences stay short.

use std::fs;
use std::path::Path;

use super::harness::{files, is_test_source, root};

/// How many words a sentence of a page may have.
const LONGEST: usize = 30;

/// Pages with the texts of the program, whose words are those of help, schemas, messages and lint rules.
const GENERATED: [&str; 4] = ["docs/commands.md", "docs/file.md", "docs/findings.md", "docs/lints.md"];

/// Pages beside those of `docs/`.
const OTHERS: [&str; 5] = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "examples/ci/README.md"];

/// `tests/words.txt`.
struct Rules {
    /// Phrase and replacement.
    words: Vec<(String, String)>,
    /// File and phrase.
    exceptions: Vec<(String, String)>,
    /// File and beginning of a sentence.
    long: Vec<(String, String)>,
}

fn rules() -> Rules {
    let text = fs::read_to_string(root().join("tests/words.txt")).unwrap();
    let mut rules = Rules { words: Vec::new(), exceptions: Vec::new(), long: Vec::new() };
    let mut section = "";
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let phrase = || {
            let (phrase, instead) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}: PHRASE = REPLACEMENT"));
            (phrase.to_lowercase(), instead.to_owned())
        };
        let exception = || {
            let cells: Vec<&str> = line.split(" | ").collect();
            let [path, what, reason] = cells.as_slice() else { panic!("{line}: PATH | WHAT | REASON") };
            assert!(!reason.is_empty(), "{line} gives no reason");
            ((*path).to_owned(), (*what).to_owned())
        };
        match section {
            "[words]" => rules.words.push(phrase()),
            "[exceptions]" => rules.exceptions.push(exception()),
            "[long sentences]" => rules.long.push(exception()),
            other => panic!("unknown section {other}"),
        }
    }
    rules
}

/// A file's path inside the repository.
fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

/// The pages that people write, with their texts.
fn written_pages() -> Vec<(String, String)> {
    let docs = files(&root().join("docs"), ".md");
    let others = OTHERS.iter().map(|path| root().join(path));
    let pages = docs.into_iter().chain(others).filter(|path| !GENERATED.contains(&name(path).as_str()));
    pages.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// The prose of a page by paragraphs: no code blocks, no tables, no comments; code and links as the reader counts them.
fn paragraphs(page: &str, with_tables: bool) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut in_code = false;
    for line in page.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") {
            in_code = !in_code;
            found.push(String::new());
            continue;
        }
        let is_table = trimmed.starts_with('|');
        if in_code || trimmed.starts_with("<!--") || (is_table && !with_tables) {
            continue;
        }
        let numbered = trimmed.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        if trimmed.is_empty() || trimmed.starts_with("- ") || trimmed.starts_with('#') || numbered || is_table {
            found.push(String::new());
        }
        if let Some(last) = found.last_mut() {
            last.push_str(trimmed);
            last.push(' ');
        }
        if trimmed.starts_with('#') {
            found.push(String::new());
        }
    }
    found.iter().map(|text| without_code(text)).filter(|text| !text.trim().is_empty()).collect()
}

/// A text in which each piece of code is one word and a link is its text.
fn without_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let text: String = parts.map(|(at, part)| if at % 2 == 0 { part.to_owned() } else { "CODE".to_owned() }).collect();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("](") {
        plain.push_str(&rest[..at]);
        rest = rest[at..].find(')').map_or("", |end| &rest[at + end + 1..]);
    }
    plain.push_str(rest);
    plain.replace(['[', '*'], "")
}

fn sentences(paragraph: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for word in paragraph.split_whitespace() {
        if word == "|" || word == "-" {
            continue;
        }
        if let Some(last) = found.last_mut() {
            last.push_str(word);
            last.push(' ');
        }
        if word.trim_end_matches([')', '"']).ends_with(['.', '!', '?', ':']) {
            found.push(String::new());
        }
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Whether a text has a phrase as whole words.
fn has(text: &str, phrase: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(inside);
        let after = text[at + phrase.len()..].chars().next().is_some_and(inside);
        !before && !after
    })
}

/// The string literals of a Rust source, without those of its tests.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|after| after.len() - after.trim_start_matches('#').len());
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(hashes) = raw.filter(|hashes| rest[1 + hashes..].starts_with('"')) {
            let text = &rest[hashes + 2..];
            let end = text.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(text.len());
            found.push(text[..end].to_owned());
            rest = text.get(end + hashes + 1..).unwrap_or_default();
        } else if let Some(text) = rest.strip_prefix('"') {
            let end = end_of_literal(text);
            found.push(text[..end].replace("\\n", " ").replace("\\\n", " "));
            rest = text.get(end + 1..).unwrap_or_default();
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest = rest[1..].find('\'').map_or("", |end| &rest[end + 2..]).trim_start_matches('\'');
        } else {
            // Identifiers are passed as a whole, so that the `r` at the end of one begins no literal.
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest = &rest[word.max(first.len_utf8())..];
        }
    }
    found
}

/// Where a literal ends that begins with this text.
fn end_of_literal(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// What ships, by file: the string literals.
fn messages() -> Vec<(String, Vec<String>)> {
    let sources = files(&root().join("src"), ".rs").into_iter().filter(|path| !is_test_source(path));
    sources.map(|path| (name(&path), literals(&fs::read_to_string(&path).unwrap()))).collect()
}

/// What a text says otherwise than it should, unless that is an exception.
fn wrong(place: &str, text: &str, rules: &Rules) -> Vec<String> {
    let excepted =
        |phrase: &str| rules.exceptions.iter().any(|(path, what)| path == place && what.eq_ignore_ascii_case(phrase));
    let found = rules.words.iter().filter(|(phrase, _)| has(text, phrase) && !excepted(phrase));
    found.map(|(phrase, instead)| format!("{place}: \"{phrase}\" (say \"{instead}\"): {}", text.trim())).collect()
}

#[test]
fn pages_help_and_messages_have_no_words_of_their_own() {
    let rules = rules();
    let mut found = Vec::new();
    for (path, page) in written_pages() {
        for paragraph in paragraphs(&page, true) {
            found.extend(wrong(&path, &paragraph, &rules));
        }
    }
    for path in GENERATED {
        for line in fs::read_to_string(root().join(path)).unwrap().split("\n\n") {
            found.extend(wrong(path, line, &rules));
        }
    }
    for (path, texts) in messages() {
        for text in texts {
            found.extend(wrong(&path, &text, &rules));
        }
    }
    assert!(found.is_empty(), "{} phrases:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_sentence_of_a_page_has_to_be_read_twice() {
    let rules = rules();
    let mut found = Vec::new();
    for (path, page) in written_pages() {
        for sentence in paragraphs(&page, false).iter().flat_map(|paragraph| sentences(paragraph)) {
            let words = sentence.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
            let excepted =
                rules.long.iter().any(|(place, start)| *place == path && sentence.starts_with(start.as_str()));
            if words > LONGEST && !excepted {
                found.push(format!("{path}: {words} words: {sentence}"));
            }
        }
    }
    assert!(found.is_empty(), "{} sentences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn literals_are_found_and_code_is_not() {
    let source = "let a = \"one \\\" two\"; // \"no\"\nlet b = r#\"three \"4\" five\"#; let c = '\"'; f(\"six\");\n\
                  let for_r = number;\n#[cfg(test)]\nmod tests { \"no\" }";
    assert_eq!(literals(source), ["one \\\" two", "three \"4\" five", "six"]);
}

#[test]
fn phrases_match_whole_words_and_sentences_end_where_they_end() {
    assert!(has("It is\nin  doubt.", "in doubt") && has("Sink", "sink"));
    assert!(!has("sinking in_doubts", "sink") && !has("a stand-in", "stand"));
    let page =
        "# Title\n\nOne `a b` two [three four](x.md). Five?\n\n- six\n- seven\n\n```\ncode. code\n```\n\n| a | b |\n";
    let all: Vec<String> = paragraphs(page, false).iter().flat_map(|text| sentences(text)).collect();
    assert_eq!(all, ["# Title ", "One CODE two three four. ", "Five? ", "six ", "seven "]);
}
