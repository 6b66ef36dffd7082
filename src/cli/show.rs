//! `attune show`: a saved plan or outcome, as it looked.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::plan_format::{MaxChars, PlanFormat};
use crate::render::json::{self, Saved};
use crate::render::{html, markdown, text};

/// The name of a file that stands for the standard input.
const INPUT: &str = "-";

/// Show a saved plan or outcome
///
/// Reads what `attune plan --out FILE`, `attune plan --format json` or `attune apply --format json` wrote. Nothing is looked at
/// but the file, so that it shows what was reviewed, wherever it is read. A plan that was saved is never run: `attune apply
/// --approved DIGEST` makes it anew.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune plan --out plan.json; attune show plan.json
  attune show plan.json --format markdown > comment.md
  attune apply --yes --format json | attune show -")]
pub(super) struct ShowArgs {
    /// The file, or `-` for the standard input
    #[arg(value_name = "FILE")]
    saved: PathBuf,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    #[command(flatten)]
    max_chars: MaxChars,
}

impl ShowArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let name = if self.saved.as_os_str() == INPUT { "the standard input".to_owned() } else { shown(&self.saved) };
        let text = self.text().map_err(|error| {
            Failure::new(&exit::NOT_SAVED, format!("cannot read {name}: {error}"))
                .help("name a file that `attune plan --out FILE` wrote")
        })?;
        let saved = Saved::read(&text).map_err(|problem| {
            let failure = Failure::new(&exit::NOT_SAVED, format!("{name} cannot be shown: {problem}"));
            failure.help("it takes what `attune plan --out FILE` or `attune apply --format json` wrote")
        })?;
        match (&saved, self.format) {
            (Saved::Plan(plan), PlanFormat::Text) => {
                output.aside(|out, styles| text::saved_findings(out, styles, &plan.findings));
                output.result(|out, styles| text::plan(out, styles, plan))?;
            }
            (Saved::Outcome(outcome), PlanFormat::Text) => {
                output.result(|out, styles| text::outcome(out, styles, outcome))?;
            }
            (Saved::Plan(plan), PlanFormat::Json) => output.result(|out, _| json::write(out, plan))?,
            (Saved::Outcome(outcome), PlanFormat::Json) => output.result(|out, _| json::write(out, outcome))?,
            (Saved::Plan(plan), PlanFormat::Markdown) => {
                let comment = markdown::plan(plan, self.max_chars.max_chars);
                output.result(|out, _| out.write_all(comment.as_bytes()))?;
            }
            (Saved::Plan(plan), PlanFormat::Html) => output.result(|out, _| html::plan(out, plan, None))?,
            (Saved::Outcome(saved), PlanFormat::Html) => output.result(|out, _| html::outcome(out, saved))?,
            (Saved::Outcome(outcome), PlanFormat::Markdown) => {
                let comment = markdown::outcome(outcome, self.max_chars.max_chars);
                output.result(|out, _| out.write_all(comment.as_bytes()))?;
            }
        }
        Ok(Exit::Done)
    }

    fn text(&self) -> std::io::Result<String> {
        if self.saved.as_os_str() != INPUT {
            return std::fs::read_to_string(&self.saved);
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        Ok(text)
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
