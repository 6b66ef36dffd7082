//! `attune history`: the applies of a state directory, according to its journals. It decides nothing.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::args::{Format, GlobalArgs, StateDir};
use super::exit::{Exit, Failure};
use super::journal::{PastApply, applies};
use super::lost_keys::files_in;
use super::output::Output;
use super::state::{JOURNAL, is_journal_of_plan, rollback_command};
use crate::apply::files;
use crate::render::json::{self, HistoryV1, PastApplyV1, PastResultV1};
use crate::render::text;

/// The most that is read of all journals; a step takes about 1000. Bytes.
const MAX_READ: u64 = 256 << 20;

/// The longest text of a journal that is shown, in characters. Anyone who can write to the directory can write a journal.
const LONGEST: usize = 500;

/// List the applies of a state directory
///
/// Reads the journals of the state directory, and no cluster. Shows the newest apply first: time, result, cluster, login,
/// plan, configuration, reason and the command that rolls back. Journals are information: nothing depends on them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune history
  attune apply --reason 'CHG-4711'; attune history
  attune history --format json | jq -r '.applies[0].rollback_command'")]
pub(super) struct HistoryArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    state_dir: StateDir,
}

impl HistoryArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let dir = self.state_dir.of(global);
        let history = history(&dir);
        match self.format {
            Format::Text if history.applies.is_empty() => {
                let dir = dir.display();
                output.result(|out, _| writeln!(out, "no applies in the state directory {dir}"))?;
            }
            Format::Text => output.result(|out, styles| text::history(out, styles, &history))?,
            Format::Json => output.result(|out, _| json::write(out, &history))?,
        }
        Ok(Exit::Done)
    }
}

fn history(dir: &Path) -> HistoryV1 {
    let (mut left, mut truncated, mut found) = (MAX_READ, false, Vec::new());
    for (path, _) in files_in(dir, is_journal_of_plan) {
        truncated = left == 0;
        if truncated {
            break;
        }
        // No links, and nothing endless such as a device.
        let Ok(file) = files::open(&path) else { continue };
        let mut read = BufReader::new(file.take(left));
        found.extend(
            applies(&mut read).into_iter().filter(|apply| is_of(&path, apply)).map(|apply| (path.clone(), apply)),
        );
        left = read.into_inner().limit();
    }
    // The times of one run after the other are never equal; of foreign journals, the path decides.
    found.sort_by(|(path, one), (other_path, other)| (other.begun, other_path).cmp(&(one.begun, path)));
    HistoryV1::of(found.into_iter().map(|(_, apply)| past(dir, apply)).collect(), truncated)
}

/// Whether the name of a journal is that of its plan.
fn is_of(path: &Path, apply: &PastApply) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digits = name.strip_prefix(JOURNAL).and_then(|name| name.strip_suffix(".jsonl"));
    digits.is_some_and(|digits| apply.digest.starts_with(digits))
}

fn past(dir: &Path, apply: PastApply) -> PastApplyV1 {
    let short = |text: String| text.chars().take(LONGEST).collect::<String>();
    let rollback_file = apply.digest.get(..32).map(|digits| dir.join(format!("before-{digits}.toml")));
    let exists = |file: &PathBuf| file.symlink_metadata().is_ok_and(|found| found.is_file());
    PastApplyV1 {
        time: apply.time,
        cluster: short(apply.cluster),
        guid: short(apply.guid),
        tenant: short(apply.tenant),
        login: short(apply.login),
        reason: apply.reason.map(short),
        approved_by: apply.approved_by.into_iter().map(short).collect(),
        file: apply.file.map(short),
        commit: apply.commit.map(short),
        result: match apply.converged {
            Some(true) => PastResultV1::Applied,
            Some(false) => PastResultV1::PartiallyApplied,
            None => PastResultV1::Unfinished,
        },
        calls: apply.calls,
        done: apply.done,
        // The journal could name any command, so this one is made here.
        rollback_command: rollback_file.filter(exists).and_then(|file| rollback_command(dir, &file, &[])),
        digest: apply.digest,
    }
}
