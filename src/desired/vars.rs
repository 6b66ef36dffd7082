//! Variables: `[vars]` of the main file, `--var` and `ATTUNE_VAR_…`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::codes;
use super::spanned::Report;
use crate::base::{Finding, Location, did_you_mean, nearest};

/// The values of variables that come from outside of the configuration. They go before those of `[vars]`.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    command_line: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    /// Whether a value for an undeclared variable is ignored without a word.
    ignores_undeclared: bool,
}

impl Overrides {
    /// The values of the command line (`--var`), which go first, and of the environment (`ATTUNE_VAR_…`), by the names of the
    /// variables.
    pub fn new(command_line: BTreeMap<String, String>, environment: BTreeMap<String, String>) -> Self {
        Self { command_line, environment, ignores_undeclared: false }
    }

    /// The same values for another revision, which may lack a variable that this one declares.
    pub fn for_base(&self) -> Self {
        Self { ignores_undeclared: true, ..self.clone() }
    }
}

/// The origin of the value of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    CommandLine,
    Environment,
    File,
}

/// A value that may replace a placeholder.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) text: String,
    /// Whether it may have `*`, `?` and `/`.
    pub(super) is_pattern: bool,
    pub(super) origin: Origin,
    /// The place of the declaration.
    pub(super) at: Location,
    /// Whether a finding says that the value does not fit.
    pub(super) is_reported: Cell<bool>,
    is_used: Cell<bool>,
}

impl Value {
    pub(super) fn new(text: String, is_pattern: bool, origin: Origin, at: Location) -> Self {
        Self { text, is_pattern, origin, at, is_reported: Cell::new(false), is_used: Cell::new(false) }
    }

    /// Counts the value as used from now on, and returns it.
    pub(super) fn used(&self) -> &Self {
        self.is_used.set(true);
        self
    }

    pub(super) fn is_used(&self) -> bool {
        self.is_used.get()
    }

    /// The first character that only a description may have.
    pub(super) fn odd_character(&self) -> Option<char> {
        let fits = |c: char| c.is_alphanumeric() || "._-".contains(c) || (self.is_pattern && "*?/".contains(c));
        self.text.chars().find(|c| !fits(*c))
    }
}

/// The values of the columns in one row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) at: Location,
    /// Such as: row `ml` of `[tables.team]`.
    pub(super) label: String,
}

/// The variables of a configuration.
#[derive(Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Value>);

impl Variables {
    /// Reads `[vars]` of the main file. What does not fit the schema is no longer in the table.
    pub(super) fn read(root: &DeTable<'_>, overrides: &Overrides, report: &mut Report) -> Self {
        let table = root.get("vars").and_then(|table| table.get_ref().as_table());
        let mut variables = BTreeMap::new();
        for (name, value) in table.into_iter().flatten() {
            let (span, name) = (name.span(), name.get_ref().as_ref());
            if !is_name(name) {
                let message = format!("{name:?} is no name of a variable");
                let help = "use letters, digits, `_` and `-`, and start with a letter or `_`";
                report.error(codes::BAD_VARIABLE, span, message, help);
            } else if let Some(value) = variable(name, value, span, overrides, report) {
                variables.insert(name.to_owned(), value);
            }
        }
        let variables = Self(variables);
        let declared: Vec<&str> = table.into_iter().flatten().map(|(name, _)| name.get_ref().as_ref()).collect();
        if !overrides.ignores_undeclared {
            undeclared(&declared, overrides, report);
        }
        variables
    }

    /// The value of a variable, which counts as used from now on.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(Value::used)
    }

    /// The place of a declared variable.
    pub(super) fn at(&self, name: &str) -> Option<&Location> {
        self.0.get(name).map(|value| &value.at)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The used values that the command line or the environment gives.
    pub(super) fn overridden(&self) -> BTreeMap<String, String> {
        let given = self.0.iter().filter(|(_, value)| value.is_used.get() && value.origin != Origin::File);
        given.map(|(name, value)| (name.clone(), value.text.clone())).collect()
    }

    /// A warning for each variable that no placeholder names.
    pub(super) fn unused(&self) -> Vec<Finding> {
        let unused = self.0.iter().filter(|(_, value)| !value.is_used.get());
        let warning = |(name, value): (&String, &Value)| {
            Finding::warning(codes::UNUSED_VARIABLE, format!("no placeholder uses the variable `{name}`"))
                .at(value.at.clone())
                .help(format!("write `{{{{{name}}}}}` in a name, a description or a document, or remove the variable"))
        };
        unused.map(warning).collect()
    }
}

/// Whether a text is the name of a variable or column.
pub(super) fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

/// The text of a value or of its key `value`, and whether it may be a pattern.
pub(super) fn text_and_pattern<'t>(written: &'t Spanned<DeValue<'_>>) -> (Option<&'t str>, bool) {
    match written.get_ref().as_table() {
        Some(options) => {
            let is_pattern = options.get("pattern").and_then(|pattern| pattern.get_ref().as_bool());
            (options.get("value").and_then(|value| value.get_ref().as_str()), is_pattern.unwrap_or(false))
        }
        None => (written.get_ref().as_str(), false),
    }
}

/// A declared variable with the value that counts. None if it has no value.
fn variable(
    name: &str,
    written: &Spanned<DeValue<'_>>,
    span: Range<usize>,
    overrides: &Overrides,
    report: &mut Report,
) -> Option<Value> {
    let (in_file, is_pattern) = text_and_pattern(written);
    let of_command_line = overrides.command_line.get(name).map(|text| (text.as_str(), Origin::CommandLine));
    let of_environment = || overrides.environment.get(name).map(|text| (text.as_str(), Origin::Environment));
    let found = of_command_line.or_else(of_environment).or_else(|| Some((in_file?, Origin::File)));
    if found.is_none() {
        let message = format!("the variable `{name}` has no value");
        let help = format!("add `value = \"…\"`, run attune with `--var {name}=VALUE`, or set ATTUNE_VAR_{name}");
        report.error(codes::BAD_VARIABLE, span.clone(), message, help);
    }
    let (text, origin) = found?;
    Some(Value::new(text.to_owned(), is_pattern, origin, report.at(span)))
}

/// Values for variables that the configuration does not have.
fn undeclared(declared: &[&str], overrides: &Overrides, report: &mut Report) {
    let help = |name: &str| {
        let declare = || format!("declare it in the main file: `[vars]`, then `{name} = \"…\"`");
        did_you_mean(nearest(name, declared.iter().copied()), declare)
    };
    let unknown = |name: &&String| !declared.contains(&name.as_str());
    for name in overrides.command_line.keys().filter(unknown) {
        let message = format!("`--var {name}` names no variable of this configuration");
        report.findings.push(Finding::error(codes::UNKNOWN_VARIABLE, message).help(help(name)));
    }
    for name in overrides.environment.keys().filter(unknown) {
        let message = format!("ATTUNE_VAR_{name} names no variable of this configuration");
        report.findings.push(Finding::warning(codes::UNKNOWN_VARIABLE, message).help(help(name)));
    }
}
