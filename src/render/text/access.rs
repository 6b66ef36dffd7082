//! What access is gained and lost, a line each.

use std::io::{self, Write};

use console::{Alignment, Style, measure_text_width, pad_str};

use crate::policy::access::{Profile, Side};
use crate::render::Styles;
use crate::render::json::{AccessLineV1, AccessV1, UndecidedV1};
use crate::render::phrase;
use crate::render::words::shown;

/// How far columns are aligned, in characters: one long entry does not push all others aside.
const ALIGNED: usize = 40;

/// One line, in columns.
struct Row<'s> {
    style: &'s Style,
    mark: &'static str,
    actions: String,
    resources: String,
    example: Option<String>,
    profile: Option<Profile>,
}

/// Writes what is gained, what is lost and what was not decided, each line after `indent`. Nothing when nothing is.
///
/// # Errors
/// Those of the writer.
pub fn access(out: &mut dyn Write, styles: &Styles, indent: &str, access: &AccessV1) -> io::Result<()> {
    let gained = access.gained.iter().map(|line| row(styles, Side::Gained, line));
    let lost = access.lost.iter().map(|line| row(styles, Side::Lost, line));
    let undecided = access.undecided.iter().map(|open| undecided(styles, open));
    let (some, all): (Vec<_>, Vec<_>) = gained.chain(lost).chain(undecided).partition(|row| row.profile.is_some());
    columns(out, indent, &all)?;
    for row in &some {
        let servers = row.profile.map(phrase::servers).unwrap_or_default();
        let text = format!("{} {} {}{}", row.mark, row.actions, row.resources, example(row));
        writeln!(out, "{indent}{} {servers}: {}", styles.change.apply_to("!"), row.style.apply_to(text))?;
    }
    Ok(())
}

fn columns(out: &mut dyn Write, indent: &str, rows: &[Row<'_>]) -> io::Result<()> {
    let actions = widest(rows.iter().map(|row| row.actions.as_str()));
    let resources = widest(rows.iter().map(|row| row.resources.as_str()));
    for row in rows {
        let pad = |text: &str, width: usize| pad_str(text, width, Alignment::Left, None).into_owned();
        let text = format!("{} {}   {}", row.mark, pad(&row.actions, actions), pad(&row.resources, resources));
        writeln!(out, "{indent}{}", row.style.apply_to(format!("{text}{}", example(row)).trim_end()))?;
    }
    Ok(())
}

fn widest<'t>(texts: impl Iterator<Item = &'t str>) -> usize {
    texts.map(measure_text_width).filter(|width| *width <= ALIGNED).max().unwrap_or(0)
}

fn example(row: &Row<'_>) -> String {
    row.example.as_ref().map(|example| format!("   e.g. {example}")).unwrap_or_default()
}

fn row<'s>(styles: &'s Styles, side: Side, line: &AccessLineV1) -> Row<'s> {
    let style = match side {
        Side::Gained => &styles.add,
        Side::Lost => &styles.remove,
    };
    Row {
        style,
        mark: phrase::mark(side),
        actions: actions(&line.actions),
        resources: phrase::resources(line, side, shown),
        example: phrase::example(line, shown),
        profile: line.profile,
    }
}

fn undecided<'s>(styles: &'s Styles, open: &UndecidedV1) -> Row<'s> {
    Row {
        style: &styles.change,
        mark: "?",
        actions: actions(&open.actions),
        resources: phrase::undecided(open, shown),
        example: None,
        profile: open.profile,
    }
}

fn actions(actions: &[String]) -> String {
    shown(&actions.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::access::{Context, difference};
    use crate::policy::{Catalogue, read};

    fn lines(before: &str, after: &str) -> String {
        let catalogue = Catalogue::newest();
        let document = |statements: &str| {
            let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
            read(&text).document.unwrap()
        };
        let found = difference(Some(&document(before)), Some(&document(after)), &Context::new(&catalogue));
        let mut out = Vec::new();
        access(&mut out, &Styles::default(), "  ", &AccessV1::of(&found)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn gains_and_losses_are_in_columns_and_what_only_some_servers_do_comes_last() {
        let before = r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::archive", "arn:aws:s3:::logs/*"]}"#;
        let after = r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteBucket"], "Resource": "arn:aws:s3:::logs/*"}"#;
        insta::assert_snapshot!(lines(before, after), @r"
  + s3:PutObject    on logs/*    e.g. logs/x
  - s3:ListBucket   on archive
  ! on MinIO-derived servers also: + s3:DeleteBucket on logs/*   e.g. logs
  ! on MinIO-derived servers also: - s3:ListBucket on logs/*   e.g. logs
");
    }

    #[test]
    fn conditions_exceptions_and_denials_are_said() {
        let before = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/private/*"}"#;
        let after = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs*/*",
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}"#;
        insta::assert_snapshot!(lines(before, after), @r"
  + s3:GetObject   on logs*/* when aws:SourceIp in 10.0.0.0/8, except logs/*   e.g. logsx/x
  + s3:GetObject   on logs/private/*, no longer denied when aws:SourceIp in 10.0.0.0/8   e.g. logs/private/x/x
  - s3:GetObject   on logs/*, except logs/private/*, except when aws:SourceIp in 10.0.0.0/8   e.g. logs/x when aws:SourceIp not in 10.0.0.0/8
");
    }
}
