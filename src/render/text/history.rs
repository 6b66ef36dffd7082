//! The applies of a state directory.

use std::io::{self, Write};

use crate::render::Styles;
use crate::render::json::{HistoryV1, PastApplyV1, PastResultV1};
use crate::render::phrase::shown;

/// How many digits of a commit are shown.
const COMMIT: usize = 12;

/// How many digits of a digest are shown.
const DIGEST: usize = 32;

/// Writes the applies, newest first.
pub fn history(out: &mut dyn Write, styles: &Styles, history: &HistoryV1) -> io::Result<()> {
    for (number, apply) in history.applies.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        one(out, styles, apply)?;
    }
    if history.truncated { writeln!(out, "\nolder applies are not shown") } else { Ok(()) }
}

fn one(out: &mut dyn Write, styles: &Styles, apply: &PastApplyV1) -> io::Result<()> {
    let (style, result) = match apply.result {
        PastResultV1::Applied => (&styles.add, "applied"),
        PastResultV1::PartiallyApplied => (&styles.remove, "partially applied"),
        PastResultV1::Unfinished => (&styles.remove, "unfinished: interrupted, or still running"),
    };
    let PastApplyV1 { calls, done, .. } = apply;
    let time = styles.strong.apply_to(shown(&apply.time));
    writeln!(out, "{time}   {} · {done} of {calls} API calls", style.apply_to(result))?;
    let (cluster, tenant, login) = (shown(&apply.cluster), shown(&apply.tenant), shown(&apply.login));
    writeln!(out, "  cluster {cluster} · tenant {tenant} · login {login}")?;
    writeln!(out, "  plan {}", start(&apply.digest, DIGEST))?;
    let commit = apply.commit.as_ref().map(|commit| format!(" at commit {}", start(commit, COMMIT)));
    if let Some(file) = &apply.file {
        writeln!(out, "  configuration {}{}", shown(file), commit.unwrap_or_default())?;
    }
    if let Some(reason) = &apply.reason {
        writeln!(out, "  reason: {}", shown(reason))?;
    }
    match &apply.rollback_command {
        Some(command) => writeln!(out, "  to roll back: {}", shown(command)),
        None => writeln!(out, "  {}", styles.dim.apply_to("no rollback file")),
    }
}

fn start(text: &str, length: usize) -> String {
    shown(text).chars().take(length).collect()
}
