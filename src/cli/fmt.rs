//! `attune fmt`: keeps desired-state files in one form.

use std::io::Read;
use std::path::{Path, PathBuf};

use diffy::DiffOptions;

use super::args::GlobalArgs;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::desired::{self, Boundary, FileProblem, LARGEST, NotToml, Tree, format_toml};

/// The name of a file that stands for the standard input.
const INPUT: &str = "-";

/// Bring files into their one form
///
/// Without FILES, the desired-state file and the `.toml` files that it includes. Sections come in the order of the
/// documentation, policies, users and groups in that of their names; comments stay with what they precede. What the file says does
/// not change, and documents of policies are not touched. `-` reads the standard input and writes to the standard output.
///
/// A comment that stands alone, with an empty line after it, heads what follows: names are put in order between two such
/// headings.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune fmt
  attune fmt --check                         exit 2 when a file is not in form, and show how it would be
  attune fmt teams/*.toml
  attune fmt - < draft.toml")]
pub(super) struct FmtArgs {
    /// Write nothing; name the files that are not in form, and show what would change
    #[arg(long)]
    check: bool,
    /// The files, or `-`
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
}

/// How a file stands to its form.
enum Found {
    InForm,
    Not { text: String, formed: String },
    Broken(NotToml),
}

impl FmtArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        if self.files.iter().any(|file| file.as_os_str() == INPUT) {
            return self.input(output);
        }
        let files = if self.files.is_empty() { included(&global.file)? } else { self.files.clone() };
        let (mut broken, mut changed) = (0, 0);
        for file in &files {
            let name = file.display().to_string();
            // A file that is named is one by itself; those that are included lie within the boundary of the main file.
            let main = if self.files.is_empty() { &global.file } else { file };
            let tree = Tree::open(main, Boundary::Repository).map_err(|problem| unreadable(&name, &problem))?;
            let text = tree.read(file).map_err(|problem| unreadable(&name, &problem))?;
            match found(&name, text) {
                Found::InForm => {}
                Found::Broken(what) => {
                    broken += 1;
                    output.findings(&what.findings, &what.sources);
                }
                Found::Not { text, formed } => {
                    changed += 1;
                    self.settle(&tree, file, (&text, &formed), output)?;
                }
            }
        }
        if broken > 0 {
            let what = if broken == 1 { "a file is".to_owned() } else { format!("{broken} files are") };
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, format!("{what} no TOML, and not touched")));
        }
        Ok(if self.check && changed > 0 { Exit::Changes } else { Exit::Done })
    }

    fn settle(
        &self,
        tree: &Tree,
        file: &Path,
        (text, formed): (&str, &str),
        output: &mut Output,
    ) -> Result<(), Failure> {
        let name = file.display().to_string();
        if self.check {
            return output.result(|out, _| write!(out, "not in form: {name}\n{}", difference(&name, text, formed)));
        }
        tree.replace(file, formed).map_err(|problem| {
            Failure::new(&exit::ENVIRONMENT, format!("cannot write {name}: {problem}")).help(problem.help())
        })?;
        output.result(|out, _| writeln!(out, "brought into form: {name}"))
    }

    fn input(&self, output: &mut Output) -> Result<Exit, Failure> {
        if self.files.len() > 1 {
            let message = "`-` stands for the standard input, and goes with no other file";
            return Err(Failure::new(&exit::NO_FILE, message).help("name either files or `-`"));
        }
        let mut text = String::new();
        let read = std::io::stdin().take(LARGEST).read_to_string(&mut text);
        read.map_err(|error| unreadable("the standard input", &error.into()))?;
        match found("<stdin>", text.clone()) {
            Found::InForm if self.check => Ok(Exit::Done),
            Found::InForm => output.exact(text.as_bytes()).map(|()| Exit::Done),
            Found::Not { text, formed } if self.check => {
                let shown = difference("<stdin>", &text, &formed);
                output.result(|out, _| write!(out, "not in form: <stdin>\n{shown}"))?;
                Ok(Exit::Changes)
            }
            Found::Not { formed, .. } => output.exact(formed.as_bytes()).map(|()| Exit::Done),
            Found::Broken(what) => {
                output.findings(&what.findings, &what.sources);
                Err(Failure::new(&exit::FILE_HAS_ERRORS, "the standard input is no TOML"))
            }
        }
    }
}

fn found(name: &str, text: String) -> Found {
    match format_toml(name, &text) {
        Ok(formed) if formed == text => Found::InForm,
        Ok(formed) => Found::Not { text, formed },
        Err(broken) => Found::Broken(broken),
    }
}

/// The file with those that it includes; a file of another kind, such as a document, is none of them.
fn included(main: &Path) -> Result<Vec<PathBuf>, Failure> {
    let loaded = desired::load(main, Boundary::Repository).map_err(|error| super::desired::unreadable(&error))?;
    let others = loaded.sources.files().iter().skip(1).map(|file| PathBuf::from(&file.path));
    let others = others.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    Ok([main.to_path_buf()].into_iter().chain(others).collect())
}

/// What would change, without what may be a secret.
fn difference(name: &str, text: &str, formed: &str) -> String {
    let (text, formed) = (desired::without_secrets(text), desired::without_secrets(formed));
    let mut options = DiffOptions::new();
    options.set_original_filename(name.to_owned()).set_modified_filename(format!("{name} (in form)"));
    options.create_patch(&text, &formed).to_string()
}

fn unreadable(name: &str, problem: &FileProblem) -> Failure {
    let failure = Failure::new(&exit::NO_FILE, format!("cannot read {name}: {problem}"));
    if matches!(problem, FileProblem::Io(_)) { failure } else { failure.help(problem.help()) }
}
