//! `attune init`: makes a directory a configuration, from a cluster or from a commented example.

use std::path::{Path, PathBuf};

use super::args::{CallArgs, GlobalArgs};
use super::exit::{self, Exit, Failure};
use super::files::{NewFile, create_new, shown};
use super::import::ImportArgs;
use super::output::Output;
use crate::base::shell_line;
use crate::desired::SCHEMA;
use crate::import::{MAIN_FILE, SCHEMA_FILE};

/// Start a configuration in a directory
///
/// Without --cluster, writes a commented `attune.toml` that plans against a simulated cluster. With --cluster, imports that
/// cluster, like `attune import`. Both write a schema for editors, and a `.gitignore` for what does not belong into a
/// repository: the state directory with journals and rollback files, and new secrets. No file is changed or overwritten.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune init
  attune init s3-access
  attune init --cluster https://weka01.example.com:14000
  attune init --via weka      import, on a host of the cluster")]
pub(super) struct InitArgs {
    /// Directory
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    calls: CallArgs,
}

const TEMPLATE: &str = include_str!("template.toml");

const GIT_IGNORE: &str = ".gitignore";

/// What does not belong into a repository, and why.
const IGNORED: [(&str, &str); 4] = [
    (".attune/", "journals, rollback files and emergency files"),
    ("secrets/", "new keys, unless they are encrypted"),
    ("cluster.json", "a simulated cluster"),
    (".cluster.json.lock", "its lock"),
];

impl InitArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let main = self.directory.join(MAIN_FILE);
        self.check_is_free(&main)?;
        if global.names_cluster() {
            // No other configuration may have a say in this one.
            let own = GlobalArgs { file: main, ..global.clone() };
            ImportArgs::everything(&self.directory, self.calls).run(&own, output).await?;
            self.create(&[], output)?;
        } else {
            self.create(&[NewFile { path: MAIN_FILE, text: TEMPLATE }], output)?;
            let commands = [("plan", "show what it would change"), ("apply", "change it, after a question")];
            let commands = commands.map(|(name, what)| (self.command(name, &main).unwrap_or_default(), what));
            let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
            output.result(|out, _| {
                writeln!(out, "\n{} plans against a simulated cluster. Next:", shown(&main))?;
                for (command, what) in &commands {
                    writeln!(out, "  {command:<width$}   {what}")?;
                }
                writeln!(out, "Then edit it, and replace `endpoints` by the address of your cluster.")?;
                writeln!(out, "To start from what a cluster has: attune init DIR --cluster https://HOST:14000")
            })?;
        }
        Ok(Exit::Done)
    }

    /// A command for the new configuration, from this directory.
    fn command(&self, name: &str, main: &Path) -> Option<String> {
        let file = if self.directory == Path::new(".") { None } else { Some(main.to_str()?) };
        shell_line(["attune", name].into_iter().chain(file.into_iter().flat_map(|file| ["--file", file])))
    }

    fn check_is_free(&self, main: &Path) -> Result<(), Failure> {
        if main.symlink_metadata().is_err() {
            return Ok(());
        }
        let message = format!("nothing was written, since {} exists", shown(main));
        Err(Failure::new(&exit::IN_THE_WAY, message).help("name another directory: `attune init DIR`"))
    }

    /// Creates these files, and the schema and `.gitignore` if there are none.
    fn create(&self, files: &[NewFile<'_>], output: &mut Output) -> Result<(), Failure> {
        let ignored: String = IGNORED.iter().map(|(path, what)| format!("# {what}\n/{path}\n")).collect();
        let may_exist = [NewFile { path: SCHEMA_FILE, text: SCHEMA }, NewFile { path: GIT_IGNORE, text: &ignored }];
        let is_new = |file: &&NewFile<'_>| self.directory.join(file.path).symlink_metadata().is_err();
        let new: Vec<NewFile<'_>> = files.iter().chain(may_exist.iter().filter(is_new)).copied().collect();
        let help = ["name another directory: `attune init DIR`", "name a writable directory: `attune init DIR`"];
        create_new(&self.directory, &new, help)?;
        output.result(|out, _| {
            let shown =
                |file: &NewFile<'_>| self.directory.strip_prefix(".").unwrap_or(&self.directory).join(file.path);
            new.iter().try_for_each(|file| writeln!(out, "created {}", shown(file).display()))
        })?;
        if !new.iter().any(|file| file.path == GIT_IGNORE) {
            output.info(|out, _| {
                writeln!(out, "{GIT_IGNORE} exists and was not changed; these lines belong into it:")?;
                IGNORED.iter().try_for_each(|(path, what)| writeln!(out, "  /{path:<20} {what}"))
            });
        }
        Ok(())
    }
}
