//! Runs a command: once, or for each target.

use std::path::PathBuf;

use super::args::GlobalArgs;
use super::command::Command;
use super::exit::{Exit, Failure};
use super::many;
use super::output::Output;
use super::targets::{Division, TargetArgs, Wave, waves};

pub(super) async fn run_once(
    command: &Command,
    mut files: Vec<PathBuf>,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if files.len() > 1 {
        command.of_many(files.len(), output)?;
    }
    let own = GlobalArgs { file: files.pop().unwrap_or_default(), ..global.clone() };
    command.run(&own, output).await
}

/// Runs a command for each target of the configurations. A configuration alone, that is for one tenant, is as if there were no
/// targets.
pub(super) async fn run_for_targets(
    command: &Command,
    (args, division, name): (&TargetArgs, Division, &str),
    files: Vec<PathBuf>,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let is_alone = files.len() == 1 && !args.selects() && !command.saves_many() && command.waves().is_none();
    let targets = args.of(files, division, (global, command.base()), output).await?;
    if let Command::Validate(validate) = command
        && validate.collects()
        && !is_alone
    {
        many::check_cluster(global, targets.iter())?;
        let each: Vec<GlobalArgs> = targets.iter().map(|target| target.arguments_of_many(global)).collect();
        return validate.run_all(&each, output);
    }
    match targets.as_slice() {
        [target] if is_alone && target.tenant.is_none() => command.run(&target.arguments(global), output).await,
        _ => {
            let wanted = command.of_many(targets.len(), output)?;
            let run = async |of: &GlobalArgs, to: &mut Output| command.run(of, to).await;
            let waves = match command.waves() {
                Some(file) => waves::read(file, (global, command.base()))?.of(targets)?,
                None => vec![Wave::only(targets)],
            };
            many::each((global, name), waves, args.at_once(), wanted, output, run).await
        }
    }
}
