//! Which of the options that all commands share mean something to a command.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, Error};

use super::Args;

/// The options about the configuration, by their ids.
const FILE: &[&str] = &["desired_files", "var"];

/// The options about the connection to a cluster, by their ids.
const CONNECTION: &[&str] = &["cluster", "via", "weka_bin", "tenant", "logins", "ca_file", "fingerprint", "insecure"];

/// The option about the time, by its id.
const CLOCK: &[&str] = &["now"];

/// A group of options that a command does not have, and why.
type Without = (&'static [&'static str], &'static str);

const NO_FILE: Without = (FILE, "reads no configuration");
const NO_CLUSTER: Without = (CONNECTION, "does not contact a cluster");
const NO_CLOCK: Without = (CLOCK, "does not depend on `from` and `until`");

/// The groups that a command does not have, or its subcommand of this name.
fn without(command: &str, below: Option<&str>) -> &'static [Without] {
    match (command, below) {
        ("edit", Some("adopt")) => &[],
        ("show" | "approve" | "merge" | "history" | "policy" | "schema" | "sim" | "completions" | "man", _) => {
            &[NO_FILE, NO_CLUSTER, NO_CLOCK]
        }
        ("validate" | "edit", _) => &[NO_CLUSTER],
        ("fmt" | "expand", _) => &[NO_CLUSTER, NO_CLOCK],
        ("init", _) => &[NO_FILE, NO_CLOCK],
        ("doctor" | "import" | "snapshot" | "keys" | "sts", _) => &[NO_CLOCK],
        _ => &[],
    }
}

/// The program's commands. Options that mean nothing to a command are not in its help.
pub(super) fn command() -> Command {
    let mut command = Args::command();
    command.build();
    command.mut_subcommands(|below| {
        let name = below.get_name().to_owned();
        without_unused(below, &name, None)
    })
}

/// The arguments of the process. Only a help or an error needs every command in full.
pub(super) fn matches() -> Result<ArgMatches, Error> {
    Args::command().try_get_matches().or_else(|_| command().try_get_matches())
}

/// Whether the command reads a configuration.
pub(super) fn reads_configuration(matches: &ArgMatches) -> bool {
    !matches.subcommand_name().is_some_and(|name| without(name, None).contains(&NO_FILE))
}

/// The names of the command and its subcommand, and its arguments.
fn leaf(matches: &ArgMatches) -> (Vec<&str>, &ArgMatches) {
    let (mut names, mut leaf) = (Vec::new(), matches);
    while let Some((name, below)) = leaf.subcommand() {
        names.push(name);
        leaf = below;
    }
    (names, leaf)
}

/// Whether the command prints JSON.
pub(super) fn is_json(matches: &ArgMatches) -> bool {
    let format = leaf(matches).1.try_get_raw("format").ok().flatten();
    format.is_some_and(|mut values| values.any(|value| value == "json"))
}

fn without_unused(command: Command, first: &str, below: Option<&str>) -> Command {
    let is_unused = |id: &str| without(first, below).iter().any(|(ids, _)| ids.contains(&id));
    let command =
        command.mut_args(|option| if is_unused(option.get_id().as_str()) { option.hide(true) } else { option });
    command.mut_subcommands(|leaf| {
        let name = leaf.get_name().to_owned();
        without_unused(leaf, first, Some(&name))
    })
}

/// Refuses options that mean nothing to the command. A person who gives one expects something else.
pub(super) fn check(matches: &ArgMatches) -> Result<(), Error> {
    let (names, leaf) = leaf(matches);
    let Some(first) = names.first() else { return Ok(()) };
    let is_given = |id: &str| leaf.value_source(id) == Some(ValueSource::CommandLine);
    for (ids, why) in without(first, names.get(1).copied()) {
        if let Some(id) = ids.iter().find(|id| is_given(id)) {
            let mut command = command();
            let long =
                command.get_arguments().find(|option| option.get_id() == id).and_then(|option| option.get_long());
            let message = format!("`attune {first}` {why}, so it has no `--{}`", long.unwrap_or(id));
            let of = command.find_subcommand_mut(first).map(|of| of.error(ErrorKind::UnknownArgument, &message));
            return Err(of.unwrap_or_else(|| Error::raw(ErrorKind::UnknownArgument, message)));
        }
    }
    Ok(())
}
