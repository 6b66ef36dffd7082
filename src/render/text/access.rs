//! Access that is gained and lost, and the differences of documents.

use std::io::{self, Write};

use console::{Alignment, Style, measure_text_width, pad_str};

use super::wrapped;
use crate::base::list_some;
use crate::policy::access::Side;
use crate::policy::{Change as StatementChange, Compared, DiffLine, Document, DocumentDiff, LineKind, Sameness, diff};
use crate::render::Styles;
use crate::render::json::{AccessChangeV1, AccessLineV1, AccessV1, Profile, UndecidedV1};
use crate::render::phrase::{self, count, shown};

/// The maximum width of an aligned column, so that one long entry does not move all others.
const ALIGNED: usize = 40;

struct Row<'s> {
    style: &'s Style,
    mark: &'static str,
    actions: String,
    resources: String,
    example: Option<String>,
    profile: Option<Profile>,
}

/// Writes access that is gained, lost and undecided, each line after `indent`.
pub fn access(out: &mut dyn Write, styles: &Styles, indent: &str, access: &AccessV1) -> io::Result<()> {
    lines(out, styles, indent, access, false)
}

fn lines(out: &mut dyn Write, styles: &Styles, indent: &str, access: &AccessV1, brief: bool) -> io::Result<()> {
    let gained = access.gained.iter().map(|line| row(styles, Side::Gained, line, brief));
    let lost = access.lost.iter().map(|line| row(styles, Side::Lost, line, brief));
    let undecided = access.undecided.iter().map(|open| undecided(styles, open));
    let (some, all): (Vec<_>, Vec<_>) = gained.chain(lost).chain(undecided).partition(|row| row.profile.is_some());
    columns(out, styles, indent, &all)?;
    let part = |row: &Row<'_>| (row.profile, row.style.apply_to(whole(row)).to_string());
    let also = phrase::also(some.iter().map(part));
    let differing = access.in_practice.iter().map(|of| phrase::in_practice(of, shown));
    also.into_iter()
        .chain(differing)
        .try_for_each(|line| writeln!(out, "{indent}{} {line}", styles.change.apply_to("!")))
}

/// Writes rows with aligned resources, unless a line would be too long then.
fn columns(out: &mut dyn Write, styles: &Styles, indent: &str, rows: &[Row<'_>]) -> io::Result<()> {
    let width =
        rows.iter().map(|row| measure_text_width(&row.actions)).filter(|width| *width <= ALIGNED).max().unwrap_or(0);
    let aligned = |row: &Row<'_>| {
        let actions = pad_str(&row.actions, width, Alignment::Left, None);
        format!("{} {actions}   {}{}", row.mark, row.resources, example(row))
    };
    let fits = |line: &str| styles.width.is_none_or(|most| indent.len() + measure_text_width(line) <= most);
    let fit = rows.iter().all(|row| fits(&aligned(row)));
    for row in rows {
        let line = if fit { aligned(row) } else { whole(row) };
        writeln!(out, "{indent}{}", row.style.apply_to(line))?;
    }
    Ok(())
}

fn whole(row: &Row<'_>) -> String {
    format!("{} {} {}{}", row.mark, row.actions, row.resources, example(row))
}

fn example(row: &Row<'_>) -> String {
    row.example.as_ref().map(|example| format!(", e.g. {example}")).unwrap_or_default()
}

fn row<'s>(styles: &'s Styles, side: Side, line: &AccessLineV1, brief: bool) -> Row<'s> {
    let style = match side {
        Side::Gained => &styles.add,
        Side::Lost => &styles.remove,
    };
    Row {
        style,
        mark: phrase::mark(side),
        actions: phrase::actions(line, brief, shown),
        resources: phrase::resources(line, side, shown),
        example: phrase::example(line, shown),
        profile: line.profile,
    }
}

fn undecided<'s>(styles: &'s Styles, open: &UndecidedV1) -> Row<'s> {
    Row {
        style: &styles.change,
        mark: "?",
        actions: shown(&open.actions.join(", ")),
        resources: phrase::undecided(open, shown),
        example: None,
        profile: open.profile,
    }
}

/// Writes one side of access changes under a title, unless it is empty. Users and groups with the same access share lines.
pub(super) fn side<'a>(
    out: &mut dyn Write,
    styles: &Styles,
    all: impl Iterator<Item = &'a AccessChangeV1>,
    side: Side,
    title: &str,
) -> io::Result<()> {
    let mut alike = phrase::alike(all, |of| only(of, side));
    alike.sort_by_key(|((loses_all, _), _)| !loses_all);
    if alike.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {}", styles.strong.apply_to(title))?;
    for ((loses_all, of), some) in alike {
        let all = if loses_all { format!(" {}", phrase::loses_all(some.len())) } else { String::new() };
        writeln!(out, "    {}{all}", list_some(&some, phrase::NAMED, |of| phrase::whose(of, shown)))?;
        lines(out, styles, "      ", &of, side == Side::Lost)?;
    }
    Ok(())
}

/// One side of an access change, and whether no access is left.
fn only(access: &AccessChangeV1, side: Side) -> Option<(bool, AccessV1)> {
    let (gained, lost) = match side {
        Side::Gained => (access.gained.clone(), Vec::new()),
        Side::Lost => (Vec::new(), access.lost.clone()),
    };
    let undecided = access.undecided.iter().filter(|open| open.side == side).cloned().collect();
    let in_practice = access.in_practice.iter().filter(|of| of.side == side).cloned().collect();
    let of_side = AccessV1 { gained, lost, undecided, in_practice };
    (of_side != AccessV1::default()).then_some((side == Side::Lost && access.loses_all, of_side))
}

pub(super) fn documents(
    out: &mut dyn Write,
    styles: &Styles,
    indent: &str,
    before: Option<&Document>,
    after: &Document,
    combined: &[Vec<String>],
) -> io::Result<()> {
    let DocumentDiff { lines, statements, unchanged } = diff(before, Some(after));
    for line in lines.iter().filter(|line| before.is_some() || line.member != "version") {
        entry(out, styles, indent, line)?;
    }
    for statement in &statements {
        let from = phrase::statement_from(statement, combined, shown);
        writeln!(out, "{indent}{}{from}", shown(&statement.title))?;
        let sid = |line: &DiffLine| line.member == "sid" && statement.change != StatementChange::Changed;
        for line in statement.lines.iter().filter(|line| !sid(line)) {
            entry(out, styles, &format!("{indent}  "), line)?;
        }
    }
    if unchanged > 0 && (!statements.is_empty() || !lines.is_empty()) {
        let rest = format!("{} unchanged", count(unchanged, "statement", "statements"));
        writeln!(out, "{indent}{}", styles.dim.apply_to(rest))?;
    }
    Ok(())
}

fn entry(out: &mut dyn Write, styles: &Styles, indent: &str, line: &DiffLine) -> io::Result<()> {
    let (mark, style) = match line.kind {
        LineKind::Add => ("+", &styles.add),
        LineKind::Remove => ("-", &styles.remove),
        LineKind::Context => (" ", &styles.dim),
    };
    let text = format!("{mark} {:<9} {}", line.member, shown(&line.value));
    writeln!(out, "{indent}{}", style.apply_to(text))
}

/// Writes how two documents differ, entry by entry, then in access.
pub fn policy_diff(out: &mut dyn Write, styles: &Styles, compared: &Compared) -> io::Result<()> {
    if compared.sameness == Sameness::Same {
        return writeln!(out, "the same document");
    }
    wrapped(out, styles, |out| differences(out, styles, compared))
}

fn differences(out: &mut dyn Write, styles: &Styles, compared: &Compared) -> io::Result<()> {
    documents(out, styles, "", Some(&compared.before), &compared.after, &[])?;
    writeln!(out)?;
    match compared.sameness {
        Sameness::Same | Sameness::IdsOnly => writeln!(out, "{}", phrase::ONLY_IDS),
        Sameness::Different if compared.same_access() => {
            writeln!(out, "no access change")?;
            let mut basis = compared.basis.iter().map(|of| phrase::basis(of, shown));
            basis.try_for_each(|text| writeln!(out, "  {}", styles.change.apply_to(text)))
        }
        Sameness::Different => {
            writeln!(out, "{}", styles.strong.apply_to("access gained (+) and lost (-)"))?;
            access(out, styles, "  ", &AccessV1::of(&compared.access))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::access::{Context, Exception, difference};
    use crate::policy::{Catalogue, read};
    use crate::render::printed::{self, Said};

    fn found(before: &str, after: &str) -> AccessV1 {
        let catalogue = Catalogue::newest();
        let document = |statements: &str| {
            let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
            read(&text).document.unwrap()
        };
        AccessV1::of(&difference(Some(&document(before)), Some(&document(after)), &Context::new(&catalogue)))
    }

    fn lines(before: &str, after: &str) -> String {
        let mut out = Vec::new();
        access(&mut out, &Styles::default(), "  ", &found(before, after)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn gains_and_losses_are_in_columns_and_speak_by_the_rules_that_lead() {
        let before = r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::archive", "arn:aws:s3:::logs/*"]}"#;
        let after = r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteBucket"], "Resource": "arn:aws:s3:::logs/*"}"#;
        insta::assert_snapshot!(lines(before, after), @r"
  + s3:DeleteBucket, s3:PutObject   on logs/*
  - s3:ListBucket                   on archive
  - s3:ListBucket                   on logs/*, e.g. logs
");
    }

    #[test]
    fn conditions_exceptions_and_denials_are_shown() {
        let before = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/private/*"}"#;
        let after = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs*/*",
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}"#;
        insta::assert_snapshot!(lines(before, after), @r"
  + s3:GetObject   on logs*/* when aws:SourceIp in 10.0.0.0/8, except logs/*, had before, e.g. logsx/x
  + s3:GetObject   on logs/private/*, no longer denied when aws:SourceIp in 10.0.0.0/8
  - s3:GetObject   on logs/*, except logs/private/*, denied, except when aws:SourceIp in 10.0.0.0/8, still allowed
");
    }

    const READ_LOGS: &str = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}"#;

    fn from(addresses: &str) -> String {
        let condition = format!(r#""Condition": {{"IpAddress": {{"aws:SourceIp": {addresses}}}}}"#);
        READ_LOGS.replace("}", &format!(", {condition}}}"))
    }

    #[test]
    fn an_exception_says_whether_it_was_had_or_is_denied() {
        let before = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::logs/a/*", "arn:aws:s3:::logs/b/*"]}"#;
        let deny = r#"{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/private/*"}"#;
        let after = format!("{READ_LOGS}, {deny}");
        insta::assert_snapshot!(lines(before, &after), @r"
  + s3:GetObject   on logs/*, except logs/a/* and logs/b/*, had before, except logs/private/*, denied
");
        insta::assert_snapshot!(lines(READ_LOGS, before), @r"
  - s3:GetObject   on logs/*, except logs/a/* and logs/b/*, still allowed
");
    }

    #[test]
    fn conditions_on_addresses_alone_are_said_once() {
        let inside = from(r#"["10.0.0.0/8", "192.168.0.0/16"]"#);
        let both = format!("{}, {}", from(r#""10.0.0.0/8""#), from(r#""192.168.0.0/16""#));
        insta::assert_snapshot!(lines(&inside, READ_LOGS), @r"
  + s3:GetObject   on logs/* from anywhere; before only from 10.0.0.0/8, 192.168.0.0/16
");
        assert_eq!(lines(&both, READ_LOGS), lines(&inside, READ_LOGS));
        insta::assert_snapshot!(lines(READ_LOGS, &inside), @r"
  - s3:GetObject   on logs/* from anywhere; now only from 10.0.0.0/8, 192.168.0.0/16
");
        let if_present = inside.replace("IpAddress", "IpAddressIfExists");
        insta::assert_snapshot!(lines(&if_present, READ_LOGS), @r"
  + s3:GetObject   on logs/* from anywhere; before only from 10.0.0.0/8, 192.168.0.0/16
  ! by AWS's rules also: + s3:GetObject on logs/*, except when aws:SourceIp in 10.0.0.0/8 or 192.168.0.0/16, if present, had before, e.g. logs/x when not (aws:SourceIp in 10.0.0.0/8 or 192.168.0.0/16, if present)
");
    }

    #[test]
    fn an_object_is_its_own_example() {
        let after = READ_LOGS.replace("logs/*", "logs/a");
        assert_eq!(lines("", &after), "  + s3:GetObject   on logs/a\n");
    }

    #[test]
    fn networks_are_compared_as_sets_of_addresses() {
        let whole = from(r#""10.0.0.0/8""#);
        let halves = from(r#"["10.0.0.0/9", "10.128.0.0/9"]"#);
        let alone = format!("{}, {}", from(r#""10.0.0.0/9""#), from(r#""10.128.0.0/9""#));
        for [before, after] in
            [[&whole, &halves], [&halves, &alone], [&alone, &whole], [&halves, &whole], [&whole, &alone]]
        {
            assert_eq!(lines(before, after), "", "{before} {after}");
        }
        let most = from(r#"["10.0.0.0/9", "10.128.0.0/10"]"#);
        insta::assert_snapshot!(lines(&alone, &most), @r"
  - s3:GetObject   on logs/* when aws:SourceIp in 10.128.0.0/9, except when aws:SourceIp in 10.0.0.0/9 or 10.128.0.0/10, still allowed
");
    }

    #[test]
    fn conditions_of_several_exceptions_are_said_once() {
        let inside = from(r#""10.0.0.0/8""#);
        let two = inside.replace("\"arn:aws:s3:::logs/*\"", r#"["arn:aws:s3:::logs/a/*", "arn:aws:s3:::logs/b, c/*"]"#);
        insta::assert_snapshot!(lines(&two, READ_LOGS), @r#"
  + s3:GetObject   on logs/*, except logs/a/* and "logs/b, c/*" when aws:SourceIp in 10.0.0.0/8, had before
"#);
    }

    #[test]
    fn what_only_other_rules_give_is_one_line() {
        let before = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}"#;
        let after = r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::logs/*", "arn:aws:s3:::?-logs", "arn:aws:s3:::archive*"]},
            {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": ["arn:aws:s3:::audit/*", "arn:aws:s3:::a-logs/*"]}"#;
        insta::assert_snapshot!(lines(before, after), @r"
  + s3:GetObject, s3:ListBucket   on archive*
  + s3:ListBucket                 on logs/*, e.g. logs
  ! by AWS's rules also: + s3:ListBucket on ?-logs
");
    }

    #[test]
    fn the_example_of_a_variable_names_its_value() {
        let before = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::home/${aws:username}/public/*"}"#;
        let after =
            r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::home/${aws:username}/*"}"#;
        insta::assert_snapshot!(lines(before, after), @r#"
  + s3:GetObject   on home/${aws:username}/*, except home/${aws:username}/public/*, had before, e.g. home/xx/x when aws:username is "xx"
"#);
        insta::assert_snapshot!(lines(READ_LOGS, after), @r#"
  + s3:GetObject   on home/${aws:username}/*, e.g. home/xx/x when aws:username is "xx"
  - s3:GetObject   on logs/*
"#);
    }

    /// A statement of one action on one resource under some conditions.
    fn under(conditions: &str) -> String {
        let condition =
            if conditions.is_empty() { String::new() } else { format!(r#", "Condition": {{{conditions}}}"#) };
        format!(r#"{{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::data"{condition}}}"#)
    }

    /// The lines of another condition, without what all of them have.
    fn by_conditions(before: &str, after: &str) -> Vec<String> {
        let lines = lines(&under(before), &under(after));
        let beside = |line: &str| {
            let line = line.replace(" s3:ListBucket   on data", "");
            line.replace(", had before", "").replace(", still allowed", "").trim().to_owned()
        };
        lines.lines().map(beside).collect()
    }

    #[test]
    fn another_condition_gives_and_takes_what_it_says() {
        let before_2036 = r#""DateLessThan": {"aws:CurrentTime": "2036-01-01T00:00:00Z"}"#;
        let before_2027 = r#""DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}"#;
        let tightened =
            "- when aws:CurrentTime < 2036-01-01T00:00:00Z, except when aws:CurrentTime < 2027-01-01T00:00:00Z";
        assert_eq!(by_conditions(before_2036, before_2027), [tightened]);
        assert_eq!(by_conditions(before_2027, before_2036), [tightened.replacen('-', "+", 1)]);
        let since = r#""DateGreaterThan": {"aws:CurrentTime": "2036-01-01T00:00:00Z"}"#;
        assert_eq!(
            by_conditions(before_2036, since),
            ["+ when aws:CurrentTime > 2036-01-01T00:00:00Z", "- when aws:CurrentTime < 2036-01-01T00:00:00Z"]
        );
        let bool = |value: &str| format!(r#""Bool": {{"aws:SecureTransport": "{value}"}}"#);
        assert_eq!(
            by_conditions(&bool("true"), &bool("false")),
            ["+ when aws:SecureTransport is false", "- when aws:SecureTransport is true"]
        );
        let null = |value: &str| format!(r#""Null": {{"s3:prefix": "{value}"}}"#);
        assert_eq!(
            by_conditions(&null("true"), &null("false")),
            ["+ when s3:prefix is present", "- when s3:prefix is absent"]
        );
        let keys = |operator: &str, most: u32| format!(r#""{operator}": {{"s3:max-keys": "{most}"}}"#);
        assert_eq!(
            by_conditions(&keys("NumericLessThan", 10), &keys("NumericLessThan", 100)),
            ["+ when s3:max-keys < 100, except when s3:max-keys < 10"]
        );
        assert_eq!(
            by_conditions(&keys("NumericLessThan", 10), &keys("NumericLessThanEquals", 10)),
            ["+ when s3:max-keys <= 10, except when s3:max-keys < 10"]
        );
        let from = |networks: &str| format!(r#""IpAddress": {{"aws:SourceIp": [{networks}]}}"#);
        assert_eq!(
            by_conditions(&from(r#""10.0.0.0/16""#), &from(r#""10.0.0.0/8""#)),
            ["+ when aws:SourceIp in 10.0.0.0/8, except when aws:SourceIp in 10.0.0.0/16"]
        );
        let both = format!("{}, {}", bool("true"), from(r#""10.0.0.0/8""#));
        let widened = ["+ when aws:SourceIp in 10.0.0.0/8, except when aws:SecureTransport is true"];
        assert_eq!(by_conditions(&both, &from(r#""10.0.0.0/8""#)), widened);
        assert_eq!(by_conditions(&from(r#""10.0.0.0/8""#), &both), [widened[0].replacen('+', "-", 1)]);
    }

    #[test]
    fn another_test_of_a_text_gives_and_takes_what_it_says() {
        let agent = |operator: &str, value: &str| format!(r#""{operator}": {{"aws:UserAgent": "{value}"}}"#);
        assert_eq!(by_conditions(&agent("StringEquals", "App"), &agent("StringLike", "App")), [""; 0]);
        assert_eq!(
            by_conditions(&agent("StringLike", "App*"), &agent("StringLike", "A*")),
            [r#"+ when aws:UserAgent like "A*", except when aws:UserAgent like "App*""#]
        );
        assert_eq!(
            by_conditions(&agent("StringEquals", "App"), &agent("StringEqualsIgnoreCase", "app")),
            [r#"+ when aws:UserAgent is, in any case, "app", except when aws:UserAgent is "App""#]
        );
        let prefix = |operator: &str, values: &str| format!(r#""{operator}": {{"s3:prefix": [{values}]}}"#);
        assert_eq!(
            by_conditions(&prefix("StringEquals", r#""a""#), &prefix("StringEquals", r#""a", "b""#)),
            [r#"+ when s3:prefix is "a" or "b", except when s3:prefix is "a""#]
        );
        assert_eq!(
            by_conditions(&prefix("StringNotEquals", r#""a", "b""#), &prefix("StringNotEquals", r#""a""#)),
            [r#"+ when s3:prefix is not "a", except when s3:prefix is none of "a", "b""#]
        );
    }

    #[test]
    fn values_that_read_as_words_are_in_quotes() {
        let prefix = |values: &str| format!(r#""StringEquals": {{"s3:prefix": [{values}]}}"#);
        assert_eq!(
            lines("", &under(&prefix(r#""", "/", "raw/", "raw""#))),
            "  + s3:ListBucket   on data when s3:prefix is \"\", \"/\", \"raw\" or \"raw/\"\n"
        );
        assert_eq!(
            lines("", &under(&prefix(r#""  ", "a or b", "x, except when aws:SourceIp in 10.0.0.0/8""#))),
            "  + s3:ListBucket   on data when s3:prefix is \"  \", \"a or b\" or \"x, except when aws:SourceIp in \
             10.0.0.0/8\"\n"
        );
    }

    #[test]
    fn the_name_of_a_user_is_never_empty() {
        let list = |resource: &str| {
            format!(r#"{{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::{resource}"}}"#)
        };
        for of_user in ["home${aws:username}*", "home${aws:username}", "${aws:username}home"] {
            let both = format!("{}, {}", list(of_user), list("home"));
            let lines = lines(&list(of_user), &both);
            assert_eq!(lines, "  + s3:ListBucket   on home\n", "{of_user}");
        }
    }

    /// What a line means.
    fn meant(line: &AccessLineV1, side: Side, catalogue: &Catalogue) -> Said {
        let bare = |text: &str| text.replace("arn:aws:s3:::", "");
        let except = |of: &Exception| (of.resources.as_deref().map(bare), of.conditions.clone(), of.reason);
        Said {
            side,
            only_aws: line.profile == Some(Profile::Aws),
            actions: printed::actions(&line.actions.join(", "), catalogue),
            pattern: bare(&line.pattern),
            denied: line.denied.as_deref().map(bare),
            conditions: line.conditions.clone(),
            except: line.except.iter().map(except).collect(),
        }
    }

    fn any_statement() -> impl Strategy<Value = String> {
        let one_of = |texts: &'static [&'static str]| {
            prop::collection::vec(prop::sample::select(texts), 1..3)
                .prop_map(|some| serde_json::json!(some).to_string())
        };
        let resources = one_of(&[
            "arn:aws:s3:::*",
            "arn:aws:s3:::data",
            "arn:aws:s3:::data/*",
            "arn:aws:s3:::data/a/*",
            "arn:aws:s3:::data/b, except c/*",
            "arn:aws:s3:::data/\"a\" when b",
            "arn:aws:s3:::data/x and y",
            "arn:aws:s3:::*/a?*",
        ]);
        let actions = one_of(&["s3:*", "s3:Get*", "s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:Delete*"]);
        let values =
            one_of(&["", "a", "a, except when b", "\"", "a\" and s3:prefix is \"b", " on x", "${aws:username}"]);
        let operator = prop::sample::select(&["StringEquals", "StringNotEquals", "StringLike"][..]);
        let condition = prop::option::of((operator, values)).prop_map(|condition| match condition {
            Some((operator, values)) => format!(r#", "Condition": {{"{operator}": {{"s3:prefix": {values}}}}}"#),
            None => String::new(),
        });
        let names = prop::sample::select(&[("Allow", "Resource"), ("Allow", "NotResource"), ("Deny", "Resource")][..]);
        (names, actions, resources, condition).prop_map(|((effect, member), actions, resources, condition)| {
            format!(r#"{{"Effect": "{effect}", "Action": {actions}, "{member}": {resources}{condition}}}"#)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn what_is_printed_is_what_is_meant(
            before in prop::collection::vec(any_statement(), 1..4),
            after in prop::collection::vec(any_statement(), 1..4),
        ) {
            let catalogue = Catalogue::newest();
            let access = found(&before.join(","), &after.join(","));
            prop_assert!(access.undecided.is_empty());
            let gained = access.gained.iter().map(|line| (line, Side::Gained));
            for (line, side) in gained.chain(access.lost.iter().map(|line| (line, Side::Lost))) {
                let alone = match side {
                    Side::Gained => AccessV1 { gained: vec![line.clone()], ..AccessV1::default() },
                    Side::Lost => AccessV1 { lost: vec![line.clone()], ..AccessV1::default() },
                };
                let mut out = Vec::new();
                super::access(&mut out, &Styles::default(), "  ", &alone).unwrap();
                let text = String::from_utf8(out).unwrap();
                prop_assert_eq!(text.lines().count(), 1);
                let (mut said, mut meant) = (printed::read(&text, &catalogue).remove(0), meant(line, side, &catalogue));
                // Where it matters, an exception has the start of its ARN.
                said.except.iter_mut().flat_map(|(some, ..)| some).for_each(|some| *some = some.replace("arn:aws:s3:::", ""));
                [&mut said, &mut meant].into_iter().for_each(|of| of.except.sort());
                prop_assert_eq!(said, meant, "{}", text);
            }
        }
    }

    #[test]
    fn printed_lines_are_the_differences_of_brute_force() {
        printed::agree(printed::pairs(200), |of| {
            let mut out = Vec::new();
            access(&mut out, &Styles::default(), "", of).unwrap();
            String::from_utf8(out).unwrap()
        });
    }
}
