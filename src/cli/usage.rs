//! What the command line prints instead of running a command: help, the version, and usage errors.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, Command, Error, ValueEnum};
use console::Term;

use super::exit::Exit;
use super::output::{use_colors, visible_text};

/// Prints the requested help or version, or else a usage error. That exits with 1, since 2 means that there are changes.
pub(super) fn usage(mut error: Error, command: &Command, arguments: &[String]) -> ExitCode {
    let is_error = error.use_stderr();
    if let Some(tip) = tip(&error, command, arguments) {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    let stream: &mut dyn Write = if is_error { &mut io::stderr() } else { &mut io::stdout() };
    let term = if is_error { Term::stderr() } else { Term::stdout() };
    let styled = use_colors(color(arguments), &term);
    let text = error.render();
    let mut text = if styled { text.ansi().to_string() } else { text.to_string() };
    if error.kind() == ErrorKind::DisplayVersion && arguments.iter().any(|argument| is_verbose(argument)) {
        text += &build();
    }
    // A closed stream cannot be reported anywhere.
    let _ = stream.write_all(visible_text(text.as_bytes(), styled).as_bytes());
    if is_error { Exit::Error.into() } else { Exit::Done.into() }
}

/// The value of `--color`. The parser has stopped before it knows.
fn color(arguments: &[String]) -> ColorChoice {
    let mut options = arguments.iter().take_while(|argument| *argument != "--");
    let mut value = None;
    while let Some(option) = options.next() {
        value = match option.strip_prefix("--color") {
            Some("") => options.next().map(String::as_str),
            Some(given) => given.strip_prefix('=').or(value),
            None => value,
        };
    }
    value.and_then(|value| ColorChoice::from_str(value, false).ok()).unwrap_or(ColorChoice::Auto)
}

/// Whether an argument is `--verbose`, or short options with `-v`, such as `-Vv`.
fn is_verbose(argument: &str) -> bool {
    let short = argument.strip_prefix('-').unwrap_or_default();
    argument == "--verbose" || short.contains('v') && short.chars().all(|letter| "vVq".contains(letter))
}

/// How this program was built, for a bug report.
fn build() -> String {
    let commit = option_env!("ATTUNE_COMMIT").filter(|commit| !commit.is_empty());
    let features = [("age", cfg!(feature = "age")), ("html", cfg!(feature = "html")), ("sim", cfg!(feature = "sim"))];
    let features: Vec<&str> = features.into_iter().filter_map(|(name, is_on)| is_on.then_some(name)).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    let libc = if cfg!(target_env = "musl") {
        " (musl)"
    } else if cfg!(target_env = "gnu") {
        " (glibc)"
    } else {
        ""
    };
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!(
        "commit: {}\nfeatures: {features}\nTLS: rustls with ring\nplatform: {} {}{libc}\nprofile: {profile}\n",
        commit.unwrap_or("unknown (not a release build)"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

/// Options and commands of other tools, and what attune has instead.
const HABITS: [(&str, &str); 13] = [
    ("--auto-approve", "`--yes` skips the confirmation, and `--approved DIGEST` runs only the reviewed plan"),
    ("--destroy", DESTROY),
    ("--dry-run", "`attune plan` shows the changes and makes none"),
    ("--refresh-only", "`attune drift` shows what changed outside attune"),
    ("--target", "attune applies a whole configuration; `--file` names a smaller one"),
    ("destroy", DESTROY),
    ("delete", DESTROY),
    ("diff", "`attune plan` shows the changes, and `attune policy diff` compares documents"),
    ("lint", "`attune validate` checks a configuration, and `attune policy lint` checks documents"),
    ("login", "log in with environment variables; `attune --help` lists them"),
    ("output", "`attune plan --format json` and `attune report --format json` are for machines"),
    ("refresh", "`attune plan` reads the cluster each time"),
    ("state", "attune keeps no state: `attune plan` reads the cluster each time"),
];

const DESTROY: &str = "declare policies `absent = true` and users `detached = true`, then run `attune apply`";

/// What to write instead, if the error is a habit from another tool.
fn tip(error: &Error, command: &Command, arguments: &[String]) -> Option<String> {
    let kinds = [
        (ErrorKind::UnknownArgument, ContextKind::InvalidArg),
        (ErrorKind::InvalidSubcommand, ContextKind::InvalidSubcommand),
    ];
    let (_, wrong) = kinds.iter().find(|(kind, _)| *kind == error.kind())?;
    let Some(ContextValue::String(wrong)) = error.get(*wrong) else { return None };
    let long = long_with_one_dash(wrong, arguments);
    let name = long.as_deref().unwrap_or(wrong);
    let habit = HABITS.iter().find(|(habit, _)| *habit == name).map(|(_, instead)| (*instead).to_owned());
    let two_dashes = || {
        long.filter(|long| has_option(command, long))
            .map(|long| format!("options of several letters have two dashes: `{long}`"))
    };
    habit.or_else(two_dashes)
}

/// For an unknown letter: the option `-like-this` that has it, with two dashes and without its value.
fn long_with_one_dash(wrong: &str, arguments: &[String]) -> Option<String> {
    let letter = wrong.strip_prefix('-').filter(|letter| letter.chars().count() == 1)?;
    let words = arguments.iter().filter_map(|argument| argument.strip_prefix('-'));
    let mut words = words.filter(|word| !word.starts_with('-')).map(|word| word.split('=').next().unwrap_or_default());
    words.find(|word| word.chars().count() > 2 && word.contains(letter)).map(|word| format!("--{word}"))
}

fn has_option(command: &Command, option: &str) -> bool {
    let is_it = |long: &str| option.strip_prefix("--") == Some(long);
    command.get_arguments().filter_map(|argument| argument.get_long()).any(is_it)
        || command.get_subcommands().any(|below| has_option(below, option))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_last_color_before_two_dashes_counts() {
        for (line, expected) in [
            ("plan", ColorChoice::Auto),
            ("--color never plan", ColorChoice::Never),
            ("plan --color=always", ColorChoice::Always),
            ("plan --color=always --color never", ColorChoice::Never),
            ("plan --colors=always -- --color=always", ColorChoice::Auto),
            ("plan --color sometimes", ColorChoice::Auto),
            ("plan --color", ColorChoice::Auto),
        ] {
            assert_eq!(color(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn only_the_option_asks_for_more() {
        for (argument, expected) in
            [("-v", true), ("-Vv", true), ("-vV", true), ("-vv", true), ("--verbose", true), ("-V", false)]
        {
            assert_eq!(is_verbose(argument), expected, "{argument}");
        }
        for argument in ["--version", "v", "-fv", "-file=v", ""] {
            assert!(!is_verbose(argument), "{argument}");
        }
    }
}
