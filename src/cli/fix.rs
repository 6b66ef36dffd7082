//! Mends documents in the files where what was meant is clear: only the named strings change.

use std::collections::BTreeMap;
use std::path::Path;

use super::exit::{self, Failure};
use super::output::Output;
use crate::base::{Severity, Sources};
use crate::desired::{Boundary, Edit, FileProblem, Loaded, Tree, fixes};
use crate::policy::{self, Catalogue, apply_edits};

/// Puts all edits into the files, and says which.
pub(super) fn mend(main: &Path, loaded: &Loaded, catalogue: &Catalogue, output: &mut Output) -> Result<(), Failure> {
    let mut files: BTreeMap<String, BTreeMap<usize, Edit>> = BTreeMap::new();
    for edit in fixes(&loaded.desired, catalogue) {
        let path = loaded.sources.file(edit.at.file).path.clone();
        files.entry(path).or_default().entry(edit.at.span.start).or_insert(edit);
    }
    for (path, edits) in &files {
        let edits: Vec<&Edit> = edits.values().collect();
        let mended = Tree::open(main, Boundary::Repository)
            .and_then(|tree| mend_file(&tree, path, &edits, &loaded.sources, output));
        mended.map_err(|problem| {
            Failure::new(&exit::ENVIRONMENT, format!("cannot mend {path}: {problem}")).help(problem.help())
        })?;
    }
    Ok(())
}

fn mend_file(
    tree: &Tree,
    path: &str,
    edits: &[&Edit],
    sources: &Sources,
    output: &mut Output,
) -> Result<(), FileProblem> {
    let text = tree.read(Path::new(path))?;
    let Some(mended) = mended(&text, edits, sources).filter(|mended| still_reads(&text, mended)) else {
        output.warn(&format!("{path} is left as it is: the edits do not go together"));
        return Ok(());
    };
    tree.replace(Path::new(path), &mended)?;
    for edit in edits {
        let (line, _) = sources.line_column(&edit.at);
        let before = text.get(edit.at.span.clone()).unwrap_or_default();
        output.aside(|out, _| writeln!(out, "fixed {path}:{line}: {before} → {}", edit.with));
    }
    Ok(())
}

/// The text with the edits, unless it has become another since it was read.
fn mended(text: &str, edits: &[&Edit], sources: &Sources) -> Option<String> {
    let known = |edit: &&Edit| {
        let read = &sources.file(edit.at.file).text;
        read.len() == text.len() && read.get(edit.at.span.clone()) == text.get(edit.at.span.clone())
    };
    let all = edits.iter().all(known);
    all.then(|| apply_edits(text, edits.iter().map(|edit| (edit.at.span.clone(), edit.with.as_str()))))
}

/// Whether a text that was a document or a TOML file still is one: a member that gets its proper name may meet another
/// that has it already.
fn still_reads(before: &str, after: &str) -> bool {
    if policy::read(before).document.is_some() {
        return !policy::read(after).problems.iter().any(|problem| problem.severity == Severity::Error);
    }
    toml::from_str::<toml::Table>(after).is_ok()
}
