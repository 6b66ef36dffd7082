//! Rules on variables, `${…}`, in resources and in values of conditions.

use crate::base::{Code, Severity};

use super::super::place::Place;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::Context;
use super::vocabulary::COMMON_KEYS;
use super::{Check, Lint};
use crate::base::nearest;

pub(super) const CHECKS: &[Check] =
    &[Check { rule: &VARIABLE, run: variable }, Check { rule: &UNSUPPORTED_FORM, run: unsupported_form }];

/// What is found in a text where a variable is, or seems to be.
#[derive(Debug, PartialEq, Eq)]
enum Found<'t> {
    /// `${` without `}`.
    Unclosed,
    /// `${key}`, with anything for a key.
    Variable(&'t str),
    /// `{key}` of a known key, without `$`.
    NoDollar(&'t str),
}

/// All variables of a text, and what seems to be one.
fn variables(text: &str) -> Vec<Found<'_>> {
    let braces = text.match_indices('{').filter_map(|(open, _)| {
        let inside = text[open + 1..].split_once('}').map(|(inside, _)| inside);
        let known = |inside: &str| COMMON_KEYS.iter().any(|key| key.eq_ignore_ascii_case(inside));
        match (text[..open].ends_with('$'), inside) {
            (true, None) => Some(Found::Unclosed),
            (true, Some(inside)) => Some(Found::Variable(inside)),
            (false, Some(inside)) if known(inside) => Some(Found::NoDollar(inside)),
            (false, _) => None,
        }
    });
    braces.collect()
}

/// The text without its variables.
pub(super) fn without_variables(text: &str) -> String {
    let mut parts = text.split("${");
    let front = parts.next().unwrap_or_default().to_owned();
    parts.fold(front, |text, part| text + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// All texts of the document in which variables are expanded.
fn texts<'a>(context: &Context<'a>) -> impl Iterator<Item = (Place, &'a str)> + use<'a> {
    let resources = context.resources().map(|entry| (entry.place, entry.pattern));
    let values = context.clauses().flat_map(|clause| clause.values());
    resources.chain(values)
}

static VARIABLE: Rule = Rule {
    id: "V01",
    code: Code::new("variable", "A variable is not closed, empty, misspelt or unknown."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage know a fixed set of variables, in exactly one spelling; anything else stays in the \
              text as it is and matches nothing.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:userName}/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:username/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/{aws:username}/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:PrincipalTag/team}/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${ aws:username }/*""#),
    ],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::home/${aws:username}/*""#)],
};

fn variable(context: &Context<'_>) -> Vec<Lint> {
    let found = texts(context).flat_map(|(place, text)| {
        variables(text).into_iter().filter_map(move |found| variable_lint(place, text, &found))
    });
    found.collect()
}

fn variable_lint(place: Place, text: &str, found: &Found<'_>) -> Option<Lint> {
    let lint = |message: String| Lint::new(&VARIABLE, place, message);
    match found {
        Found::Unclosed => Some(lint(format!("`${{` in `{text}` is not closed")).help("add `}`")),
        Found::NoDollar(key) => {
            let plain = format!("{{{key}}}");
            Some(lint(format!("`{plain}` is not a variable without `$`")).fix(text.replacen(
                &plain,
                &format!("${plain}"),
                1,
            )))
        }
        Found::Variable("") => Some(lint(format!("`${{}}` in `{text}` is empty")).help("write the key, or remove it")),
        Found::Variable(key) if COMMON_KEYS.contains(key) || is_aws_only(key) => None,
        Found::Variable(key) => {
            let lint = lint(format!("`${{{key}}}` is not a variable that a cluster knows"));
            let proper = COMMON_KEYS.iter().find(|known| known.eq_ignore_ascii_case(key.trim()));
            let near = || nearest(key, COMMON_KEYS.iter().copied());
            Some(match proper {
                Some(proper) => lint.fix(text.replace(&format!("${{{key}}}"), &format!("${{{proper}}}"))),
                None => match near() {
                    Some(near) => lint.help(format!("the nearest one is `${{{near}}}`")),
                    None => lint,
                },
            })
        }
    }
}

static UNSUPPORTED_FORM: Rule = Rule {
    id: "V02",
    code: Code::new("variable-unsupported-form", "A variable has a form that only AWS knows."),
    severity: Severity::Warning,
    because: "`${*}`, `${?}`, `${$}` and `${key, 'default'}` stay in the text as they are on servers of MinIO's lineage, and a \
              `*` in them is a wildcard.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::bucket/${*}""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:username, 'nobody'}/*""#),
    ],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::home/${aws:username}/*""#)],
};

fn is_aws_only(key: &str) -> bool {
    matches!(key, "*" | "?" | "$") || key.contains(',')
}

fn unsupported_form(context: &Context<'_>) -> Vec<Lint> {
    let found = texts(context).flat_map(|(place, text)| {
        variables(text).into_iter().filter_map(move |found| match found {
            Found::Variable(key) if is_aws_only(key) => {
                let message = format!("`${{{key}}}` is understood by AWS only");
                Some(Lint::new(&UNSUPPORTED_FORM, place, message).help("leave it out"))
            }
            Found::Variable(_) | Found::Unclosed | Found::NoDollar(_) => None,
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_in_a_text() {
        let text = "a/${aws:username}/{aws:UserId}/{x}/${}/${unclosed";
        assert_eq!(
            variables(text),
            [Found::Variable("aws:username"), Found::NoDollar("aws:UserId"), Found::Variable(""), Found::Unclosed]
        );
        assert_eq!(without_variables("a${b}c${*}d"), "acd");
        assert_eq!(without_variables("plain"), "plain");
    }
}
