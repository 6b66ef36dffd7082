//! The command line: the commands, their dispatch, and logging.

mod access;
mod adopt;
mod ahead;
mod allowed_signers;
mod apply;
mod approvals;
mod approve;
mod args;
mod base;
mod command;
mod complete;
mod connect;
mod dispatch;
mod doctor;
mod documents;
mod drift;
mod edit;
mod edited;
mod ended;
mod exit;
mod expand;
mod expired;
mod files;
mod find;
mod fmt;
mod format_args;
mod generate;
mod git;
mod history;
mod import;
mod init;
mod journal;
mod keys;
mod log;
mod logins;
mod lost_keys;
mod many;
mod notify;
mod open_files;
mod options;
mod output;
mod people;
mod plan;
mod policy;
mod preflight;
mod probe;
mod progress;
mod report;
mod results;
mod revoke;
mod rotations;
mod service;
mod settings;
mod shared;
mod signers;
#[cfg(feature = "sim")]
mod sim;
mod snapshot;
mod spool;
mod state;
mod sts;
mod targets;
mod test;
mod usage;
mod validate;
mod verify;
mod verify_new;
mod why;

use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::{FromArgMatches, Parser};

use args::GlobalArgs;
use command::Command;
use dispatch::{run_for_targets, run_once};
pub use exit::{CODES, Exit, Failure};
use find::Found;
use log::log_to_stderr;
use output::Output;

/// Manage S3 access on WEKA clusters as code
///
/// Declare policies and who gets them in TOML. Review the changes with `attune plan`, and roll them out with `attune apply`.
#[derive(Debug, Parser)]
#[command(name = "attune", version, propagate_version = true, after_long_help = NOTES)]
struct Args {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

const NOTES: &str = "\
Examples:
  attune init                              start a configuration
  attune import --cluster URL              write attune.toml from a cluster
  attune validate                          check attune.toml, offline
  attune fmt --check                       check that files are formatted
  attune edit move --from a --to b         move everyone with policy a to b
  attune plan                              show pending changes
  attune plan --format json --out p.json   print and save the plan as JSON
  attune apply --approved DIGEST           apply exactly the reviewed plan
  attune drift                             show what changed outside attune
  attune history                           list past applies
  attune plan --file clusters              plan all files of a directory
  attune doctor                            check connection, login and cluster
  attune test                              check the expectations
  attune access alice                      show what alice may do
  attune report --out report.html          write a page of who may do what
  attune policy diff old.json new.json     show gained and lost access
  attune --cluster sim:cluster.json plan   use a simulated cluster

Login:
  1. ATTUNE_TOKEN, or ATTUNE_TOKEN_FILE
  2. ATTUNE_USERNAME, and ATTUNE_PASSWORD or ATTUNE_PASSWORD_FILE
  3. WEKA_USERNAME and WEKA_PASSWORD (and WEKA_ORG)
  4. the login of `weka user login` (WEKA_TOKEN, or ~/.weka/auth-token.json)

Exit codes:
  0    done, or nothing to do
  1    error
  2    changes (plan --detailed-exitcode, policy diff, fmt --check,
       edit --check), drift, something left out (--only), denied access
       (access), warnings (doctor)
  3    refused by a guard, an expectation or an envelope; a failed one (test)
  4    not the approved plan
  5    partially applied
  130  interrupted";

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    match complete::complete() {
        Ok(false) => {}
        Ok(true) => return Exit::Done.into(),
        Err(error) => return usage::usage(error, &options::command(), &[]),
    }
    let parsed = options::matches().and_then(|matches| {
        options::check(&matches)?;
        Ok((Args::from_arg_matches(&matches)?, matches))
    });
    let (args, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let arguments: Vec<String> = std::env::args_os().skip(1).map(|one| one.to_string_lossy().into()).collect();
            return usage::usage(error, &options::command(), &arguments);
        }
    };
    let found = match options::reads_configuration(&matches) {
        true => find::configuration(&args.global.desired_files),
        false => find::directory_above(),
    };
    let mut output = Output::of_process(args.global.color, args.global.quiet, options::is_json(&matches));
    log_to_stderr(args.global.verbose);
    match run(&args, found, &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// How long stuck work may delay the end of the program, such as a read of a disk that does not answer.
const SHUTDOWN: Duration = Duration::from_secs(1);

fn run(args: &Args, found: Found, output: &mut Output) -> Result<Exit, Failure> {
    let command = &args.command;
    if let Some(above) = &found.above
        && !found.files.is_empty()
    {
        output.info(|out, _| writeln!(out, "configuration: {}", above.display()));
    }
    let above = found.above.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_path_buf();
    let global = &GlobalArgs { about_file: found.about, above, ..args.global.clone() };
    let files = many::files(&found.files, command.base())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(&exit::ENVIRONMENT, format!("cannot start: {error}")))?;
    // Boxed, since the future of a command is large.
    let work: Pin<Box<dyn Future<Output = Result<Exit, Failure>> + '_>> = match (command, command.targets()) {
        (Command::Targets(list), _) => Box::pin(list.run(global, files, output)),
        (_, Some(division)) => Box::pin(run_for_targets(command, division, files, global, output)),
        (_, None) => Box::pin(run_once(command, files, global, output)),
    };
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(SHUTDOWN);
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
