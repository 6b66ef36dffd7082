//! The page of the rules with its examples, and all fixes.

use std::collections::BTreeSet;

use super::super::catalogue::Catalogue;
use super::super::document::Document;
use super::super::read::{read, read_bucket_policy};
use super::super::rule::LINTS;
use super::super::testing::{completed, plain, text};
use super::*;
use crate::base::Release;

fn lint_newest(document: &Document, text: &str) -> Vec<Lint> {
    lint(&LintInput {
        document,
        catalogue: &Catalogue::newest(),
        text_length: Some(text.len()),
        depth: Depth::Thorough,
    })
}

fn lint_of_bucket(document: &Document) -> Vec<Lint> {
    let input = LintInput { document, catalogue: &Catalogue::newest(), text_length: None, depth: Depth::Thorough };
    lint_bucket(&input, &BucketName::parse("bucket").unwrap())
}

/// The ids of all broken rules, with those of the reader.
fn broken(text: &str, is_of_bucket: bool) -> BTreeSet<&'static str> {
    let read = if is_of_bucket { read_bucket_policy(text) } else { read(text) };
    let lints = read.document.iter().flat_map(|document| match is_of_bucket {
        true => lint_of_bucket(document),
        false => lint_newest(document, text),
    });
    lints.map(|lint| lint.rule.id).chain(read.problems.iter().map(|problem| problem.rule.id)).collect()
}

fn lints(text: &str) -> Vec<Lint> {
    lint_newest(&read(text).document.unwrap(), text)
}

/// What the page has of a rule behind its texts: the examples.
fn section(rule: &Rule) -> &'static str {
    let Rule { id, code, severity } = rule;
    let heading = format!("\n### {id} `{}` ({})\n\n{}\n\n", code.id, severity.word(), code.about);
    let (_, behind) = LINTS.split_once(&heading).unwrap_or_else(|| panic!("docs/lints.md lacks {heading}"));
    assert!(rule.explanation().ends_with('.') && behind.starts_with(rule.explanation()), "{behind}");
    behind.split("\n##").next().unwrap()
}

/// The documents under a heading of a rule. A line that is indented continues a document.
fn examples(rule: &Rule, heading: &str) -> Vec<String> {
    let Some((_, block)) = section(rule).split_once(&format!("\n{heading}\n\n```json\n")) else { return Vec::new() };
    let mut examples: Vec<String> = Vec::new();
    for line in block.lines().take_while(|line| *line != "```") {
        match examples.last_mut() {
            Some(last) if line.starts_with(' ') => *last += &format!("\n{line}"),
            Some(_) | None => examples.push(line.to_owned()),
        }
    }
    let document = |example: String| if example.starts_with(['{', '[']) { example } else { completed(&example) };
    examples.into_iter().map(document).collect()
}

/// Documents that break a rule.
fn reported(rule: &Rule) -> Vec<String> {
    examples(rule, "Reported for:")
}

/// A minified document of this many bytes, with one long resource.
fn of_length(length: usize) -> String {
    let around = normal(&plain(&[("Allow", "s3:GetObject", "arn:aws:s3:::bucket/")])).len();
    let resource = format!("arn:aws:s3:::bucket/{}", "x".repeat(length - around));
    let document = normal(&plain(&[("Allow", "s3:GetObject", &resource)]));
    assert_eq!(document.len(), length);
    document.json().to_owned()
}

#[test]
fn every_rule_reports_its_examples() {
    for rule in rules() {
        let (fires, silent) = (reported(rule), examples(rule, "Not reported for:"));
        // Its documents are too long for a page.
        let is_shown = !["B08", "S12"].contains(&rule.id);
        assert!(!is_shown || !fires.is_empty() && !silent.is_empty(), "docs/lints.md lacks examples of {}", rule.id);
        for example in fires {
            let broken = broken(&example, rule.id.starts_with('B'));
            assert!(broken.contains(rule.id), "{} does not report {example}: {broken:?}", rule.id);
        }
        for example in silent {
            let broken = broken(&example, rule.id.starts_with('B'));
            assert!(!broken.contains(rule.id), "{} reports {example}", rule.id);
        }
    }
    assert!(broken("\u{feff}{\"Version\": \"2012-10-17\"}", false).contains("S01"));
    assert!(broken(&of_length(MAX_BUCKET_POLICY + 100), true).contains("B08"));
}

#[test]
fn the_page_has_each_rule_once_in_its_table() {
    let rows = rules().into_iter().map(|Rule { id, code, severity, .. }| {
        format!("| {id} | `{}` | {} | {} |", code.id, severity.word(), code.about.replace('|', "\\|"))
    });
    let of_page: BTreeSet<&str> = LINTS.lines().filter(|line| line.contains(" | `")).collect();
    assert_eq!(of_page, rows.collect::<Vec<_>>().iter().map(String::as_str).collect());
    assert_eq!(LINTS.matches("\n### ").count(), rules().len());
}

#[test]
fn ids_and_names_are_unique_and_say_the_group() {
    let rules = rules();
    let ids: BTreeSet<_> = rules.iter().map(|rule| rule.id).collect();
    let names: BTreeSet<_> = rules.iter().map(|rule| rule.code.id).collect();
    assert_eq!((ids.len(), names.len()), (rules.len(), rules.len()));
    assert!(ids.iter().all(|id| id.len() == 3 && id.starts_with(['S', 'A', 'R', 'V', 'C', 'X', 'G', 'P', 'B'])));
}

#[test]
fn a_fix_removes_its_finding() {
    let mut fixes = 0;
    for text in rules().into_iter().flat_map(reported) {
        let read_text = read(&text);
        let Some(document) = &read_text.document else { continue };
        for lint in lint_newest(document, &text) {
            let Some(fix) = &lint.fix else { continue };
            let edit = read_text.places.get(fix.place).map(|span| (span, fix.written()));
            let fixed = apply_edits(&text, edit.iter().map(|(span, with)| (span.clone(), with.as_str())));
            assert_ne!(fixed, text, "{lint:?}");
            let mut left = lints(&fixed).into_iter();
            let same = left.any(|other| other.rule.id == lint.rule.id && other.place == lint.place);
            assert!(!same, "{fixed}: {lint:?}");
            fixes += 1;
        }
    }
    assert!(fixes > 15, "only {fixes} fixes");
}

#[test]
fn findings_are_in_the_order_of_the_document() {
    let text = r#"{"Statement": [
        {"Effect": "Allow", "Action": "s3:getobject", "Resource": "bucket"},
        {"Sid": "a b", "Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let found = lints(text);
    let places: Vec<_> = found.iter().map(|lint| lint.place).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn one_mistake_in_an_action_is_one_finding() {
    for action in ["s3:getobject", "s3:Gett*", "iam:GetUser", "s3:HeadObject", "s3:GetObject ", "GetObject", ""] {
        let found = lints(&completed(&format!(r#""Action": "{action}""#)));
        assert_eq!(found.len(), 1, "{action}: {found:?}");
    }
}

#[test]
fn actions_are_those_of_the_release() {
    let text = completed(r#""Action": ["s3:GetObjectTagging", "s3:*ObjectTagging"]"#);
    let document = read(&text).document.unwrap();
    let found = |catalogue: &Catalogue| -> Vec<(&str, Option<String>)> {
        let input = LintInput { document: &document, catalogue, text_length: None, depth: Depth::Thorough };
        let found = lint(&input).into_iter().filter(|lint| lint.severity == Severity::Error);
        found.map(|lint| (lint.rule.id, lint.help)).collect()
    };
    assert_eq!(found(&Catalogue::newest()), []);
    assert_eq!(
        found(&Catalogue::of(&Release::parse("4.4.0").unwrap())),
        [
            ("A01", Some("only later releases have it".to_owned())),
            ("A02", Some("only later releases have such actions".to_owned())),
        ]
    );
}

#[test]
fn the_size_is_that_of_the_normal_form() {
    let size = |length: usize, spaces: usize| {
        let text = of_length(length) + &" ".repeat(spaces);
        let found = lints(&text).into_iter().find(|lint| lint.rule.id == "S12");
        found.map(|lint| (lint.severity, lint.message))
    };
    assert_eq!(size(1842, 3000), None);
    let message = "the sent document has 1843 bytes, 300 fewer than the text; a cluster accepts 2048";
    assert_eq!(size(1843, 300), Some((Severity::Warning, message.to_owned())));
    assert_eq!(size(2048, 0).unwrap().0, Severity::Warning);
    assert_eq!(size(2049, 0).unwrap().0, Severity::Error);
}

#[test]
fn a_huge_document_is_only_measured() {
    let resources: Vec<String> = (0..30_000).map(|at| format!("\"arn:aws:s3:::b/{at}\"")).collect();
    let text =
        format!(r#"{{"Statement": [{{"Effect": "Allow", "Action": "s3:*", "Resource": [{}]}}]}}"#, resources.join(","));
    let ids: Vec<_> = lints(&text).iter().map(|lint| lint.rule.id).collect();
    assert_eq!(ids, ["S12"]);
}

#[test]
fn a_repeated_statement_is_less_severe_with_the_same_sid() {
    let repeating = rules().into_iter().filter(|rule| rule.id == "S13").flat_map(reported);
    let found = repeating.flat_map(|text| lints(&text)).filter(|lint| lint.rule.id == "S13");
    let severities: Vec<Severity> = found.map(|lint| lint.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
}

#[test]
fn an_ordinary_policy_is_clean() {
    let text = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "Top", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::models",
         "Condition": {"StringEquals": {"s3:prefix": "", "s3:delimiter": "/"}}},
        {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::models",
         "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}}},
        {"Sid": "Locate", "Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": "arn:aws:s3:::models"},
        {"Sid": "Write", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::models/${aws:username}/*",
         "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "true"}}},
        {"Sid": "Keep", "Effect": "Deny", "Action": "s3:DeleteObject*", "Resource": "arn:aws:s3:::models/release-*"}]}"#;
    assert_eq!(read(text).problems.len(), 0);
    let found: Vec<_> = lints(text).iter().map(|lint| (lint.severity, lint.rule.id)).collect();
    assert_eq!(found, [(Severity::Note, "P06")]);
}

#[test]
fn one_cause_is_one_finding() {
    let folder = r#"{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::ward/scans/*"}"#;
    let read = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ward/scans/*"}"#;
    let all = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::ward"}"#;
    let versions = r#"{"Effect": "Deny", "Action": "s3:DeleteObjectVersion", "Resource": "arn:aws:s3:::ward/*"}"#;
    let delete = r#"{"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::ward/*"}"#;
    for (statements, ids) in [
        (vec![folder, read], vec!["R06"]),
        (vec![folder], vec!["R06"]),
        (vec![all], vec!["R05"]),
        (vec![delete, versions], vec!["P01"]),
    ] {
        let found = lints(&text(&statements.join(",")));
        assert_eq!(found.iter().map(|lint| lint.rule.id).collect::<Vec<_>>(), ids, "{statements:?}: {found:?}");
    }
}

#[test]
fn the_only_protection_of_versions_is_never_called_useless() {
    let allow =
        r#"{"Effect": "Allow", "Action": ["s3:DeleteObject", "s3:PutObject"], "Resource": "arn:aws:s3:::ward/*"}"#;
    let elsewhere =
        r#"{"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::other", "arn:aws:s3:::other/*"]}"#;
    for action in ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"] {
        let deny = format!(r#"{{"Effect": "Deny", "Action": "{action}", "Resource": "arn:aws:s3:::ward/*"}}"#);
        let found = lints(&text(&[allow, elsewhere, &deny].join(",")));
        assert!(found.iter().all(|lint| !matches!(lint.rule.id, "X02" | "X03")), "{action}: {found:?}");
    }
}

#[test]
fn mistakes_from_reports_of_users_are_found() {
    let prefixed = r#"`{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::data", "Condition": {"StringLike": {"s3:prefix": "media/*"}}}`"#;
    let sealed = r#""Effect": "Deny", "Action": ["s3:PutObjectTagging", "s3:PutObject"], "Resource": "arn:aws:s3:::data/*", "Condition": {"StringEquals": {"s3:ExistingObjectTag/sealed": "on"}}"#;
    let plain = r#""Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*", "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}"#;
    let newest = r#""Resource": "arn:aws:s3:::data/*", "Condition": {"Null": {"s3:versionid": "true"}}"#;
    for (members, id, severity, help) in [
        (r#""Action": "s3:*", "Resource": "arn:aws:s3:::data/media/*""#, "R06", Severity::Warning, prefixed),
        (r#""Action": "s3:*", "Resource": "arn:aws:s3:::data""#, "R05", Severity::Warning, "`arn:aws:s3:::data/*`"),
        (plain, "C10", Severity::Warning, "default encryption"),
        (newest, "C11", Severity::Warning, ""),
        (sealed, "C02", Severity::Error, "its own statement"),
    ] {
        let found = lints(&completed(members));
        let lint = found.iter().find(|lint| lint.rule.id == id).unwrap_or_else(|| panic!("{members}: {found:?}"));
        assert_eq!(lint.severity, severity, "{members}");
        assert!(lint.help.clone().unwrap_or_default().contains(help), "{members}: {lint:?}");
        assert!(lint.fix.is_none(), "{members}");
    }
}

#[test]
fn the_policy_of_a_bucket_has_rules_of_its_own() {
    let found = |members: &str| -> Vec<&str> {
        let text =
            format!(r#"{{"Version": "2012-10-17", "Id": "p", "Statement": [{{"Effect": "Allow", {members}}}]}}"#);
        let read = read_bucket_policy(&text);
        lint_of_bucket(&read.document.unwrap()).iter().map(|lint| lint.rule.id).collect()
    };
    let good = r#""Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]"#;
    let own = r#""Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#;
    assert_eq!(found(&format!("{good}, {own}")), [] as [&str; 0]);
    assert_eq!(found(&format!(r#"{good}, "Resource": ["arn:aws:s3:::bucket/*"]"#)), ["B05"]);
    assert_eq!(
        found(&format!(
            r#"{good}, "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*", "arn:aws:s3:::other/*"]"#
        )),
        ["B04"]
    );
    assert_eq!(found(&format!(r#""Principal": "*", "Action": "s3:*", {own}"#)), ["B03", "B06", "B06"]);
    assert_eq!(found(&format!(r#""Principal": "*", "NotAction": "s3:GetObject", {own}"#)), ["B06", "B06", "S11"]);
    assert_eq!(found(&format!(r#""Principal": {{"AWS": "al"}}, "Action": "s3:PutBucketPolicy", {own}"#)), ["B07"]);
    assert_eq!(found(&format!(r#""Action": "s3:GetObject", {own}"#)), ["B01"]);
}
