//! Completion in a shell that knows the names of the configuration: `source <(ATTUNE_COMPLETE=bash attune)`.
//!
//! A shell puts a candidate into the command line as it is. Names and paths may come from someone else's repository, so only
//! those that no shell interprets are offered.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use clap::{Arg, Command, ValueHint};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::args::variables_of_environment;
use super::find;
use super::options::command;
use crate::base::{Principal, shell_word};
use crate::desired::{Boundary, Desired, Overrides, load_with};
use crate::policy::access::RequestKind;

/// The variable with the name of the shell. The shell's function sets it.
const VARIABLE: &str = "ATTUNE_COMPLETE";

/// How long a person waits for names at most.
const LIMIT: Duration = Duration::from_secs(1);

/// How many names are offered at most.
const MAX_NAMES: usize = 1000;

/// Prints the function for a shell, or the candidates that the function asks for. Whether it did either.
pub(super) fn complete() -> Result<bool, clap::Error> {
    let here = std::env::current_dir().ok();
    let arguments = std::env::args_os();
    CompleteEnv::with_factory(|| with_candidates(command())).var(VARIABLE).try_complete(arguments, here.as_deref())
}

fn with_candidates(command: Command) -> Command {
    command.mut_args(with_candidates_of).mut_subcommands(with_candidates)
}

fn with_candidates_of(argument: Arg) -> Arg {
    let names = |names: fn(&Desired) -> Vec<String>| ArgValueCompleter::new(move |start: &OsStr| named(start, names));
    match argument.get_id().as_str() {
        "user" => argument.add(ArgValueCompleter::new(|start: &OsStr| {
            named(start, principals).into_iter().chain(documents(start)).collect::<Vec<_>>()
        })),
        "users" | "moved-users" => argument.add(names(users)),
        "principals" => argument.add(names(principals)),
        "policy" | "roles" | "from" | "to" => argument.add(names(policies)),
        "ignore" | "objects" => argument.add(names(objects)),
        "action" => argument.add(ArgValueCompleter::new(|start: &OsStr| {
            among(start, RequestKind::ALL.iter().map(|kind| kind.word().to_owned()))
        })),
        _ if matches!(argument.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath) => {
            argument.add(ArgValueCompleter::new(paths))
        }
        _ => argument,
    }
}

fn users(desired: &Desired) -> Vec<String> {
    desired.users.keys().map(ToString::to_string).collect()
}

fn policies(desired: &Desired) -> Vec<String> {
    desired.policies.keys().map(ToString::to_string).collect()
}

fn principals(desired: &Desired) -> Vec<String> {
    desired.principals().map(|(principal, _)| principal.label()).collect()
}

fn objects(desired: &Desired) -> Vec<String> {
    let policies = policies(desired).into_iter().map(|name| format!("policy/{name}"));
    let users = users(desired).into_iter().map(|name| format!("user/{name}"));
    let groups = principals(desired).into_iter().filter(|label| label.starts_with(Principal::GROUP));
    policies.chain(users).chain(groups).collect()
}

/// The names of the configuration that start so. None if it cannot be read: a completion prints no errors.
fn named(start: &OsStr, names: fn(&Desired) -> Vec<String>) -> Vec<CompletionCandidate> {
    among(start, desired().as_ref().map(names).unwrap_or_default())
}

fn among(start: &OsStr, all: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let Some(start) = start.to_str() else { return Vec::new() };
    let fits: BTreeSet<String> = all.into_iter().filter(|name| name.starts_with(start) && is_plain(name)).collect();
    fits.into_iter().take(MAX_NAMES).map(CompletionCandidate::new).collect()
}

fn paths(start: &OsStr) -> Vec<CompletionCandidate> {
    let found = PathCompleter::any().complete(start).into_iter();
    found.filter(|path| path.get_value().to_str().is_some_and(is_plain)).take(MAX_NAMES).collect()
}

/// Policy documents, and directories that may have some.
fn documents(start: &OsStr) -> Vec<CompletionCandidate> {
    let is_one = |path: &str| path.ends_with(".json") || path.ends_with('/');
    paths(start).into_iter().filter(|path| path.get_value().to_str().is_some_and(is_one)).collect()
}

/// Whether a shell takes the text as one word that is no option.
fn is_plain(text: &str) -> bool {
    !text.starts_with('-') && shell_word(text).as_deref() == Some(text)
}

/// The configuration that a command with these options would read. A slow disk is not waited for.
fn desired() -> Option<Desired> {
    let named = file(std::env::args_os().skip_while(|argument| argument != "--").skip(1));
    let file = find::configuration(named.as_slice()).files.pop()?;
    // A pipe has no names, and reading one would take its text from the command.
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return None;
    }
    let variables = Overrides::new(BTreeMap::new(), variables_of_environment());
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more if this fails.
        let _ = send.send(load_with(&file, Boundary::Repository, &variables).ok().map(|loaded| loaded.desired));
    });
    receive.recv_timeout(LIMIT).ok()?
}

fn file(words: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let (mut file, mut is_next) = (None, false);
    for word in words {
        let text = word.to_string_lossy();
        if is_next {
            file = Some(PathBuf::from(&word));
        } else if let Some(path) = text.strip_prefix("--file=") {
            file = Some(PathBuf::from(path));
        }
        is_next = text == "--file" || text == "-f";
    }
    file.filter(|file| file != Path::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_file_of_the_line_counts() {
        for (line, expected) in [
            ("attune access", None),
            ("attune -f a.toml access", Some("a.toml")),
            ("attune --file=a.toml access --file b.toml", Some("b.toml")),
            ("attune access -f", None),
        ] {
            assert_eq!(file(line.split(' ').map(OsString::from)), expected.map(PathBuf::from), "{line}");
        }
    }

    #[test]
    fn nothing_that_a_shell_interprets_is_offered() {
        for text in ["$(id)", "`id`", "a b", "a;b", "-rf", "~", "a*", "'", "é", "a\u{202e}", "", "#x", "!x"] {
            assert!(!is_plain(text), "{text}");
        }
        for text in ["alice", "group/ml", "svc-a_1.b", "policies/a.json", "./x"] {
            assert!(is_plain(text), "{text}");
        }
    }
}
