//! What included files write, for the envelopes that bind them.

use std::path::Path;

use super::Loader;
use crate::base::{FileId, Finding, Location, Sources};
use crate::desired::envelope::{IncludedFile, Written};
use crate::desired::files::without_dots;
use crate::desired::rows::Made;
use crate::desired::{Desired, codes};

impl Loader {
    /// Notes an included file, and the paths by which envelopes bind it: its own, and those of the files that include it.
    pub(super) fn note_included(&mut self, id: FileId, path: &Path, at: Location) {
        // A file that was read has a path.
        let Ok(real) = self.tree.beside_main(path) else { return };
        let by = self.included(at.file.whole());
        let mut bound_as = by.map(|by| self.desired.included[by].bound_as.clone()).unwrap_or_default();
        let written = path.strip_prefix(&self.directory).unwrap_or(path);
        bound_as.extend(without_dots(written));
        bound_as.insert(real.clone());
        self.desired.included.push(IncludedFile { id, path: real, bound_as, at, written: Vec::new() });
    }

    /// Notes a name that a file writes. One that a row makes counts for the file of the template and for that of the row.
    pub(super) fn note_written(&mut self, file: FileId, made: Option<&Made>, written: &Written) {
        let of_row = made.map(|made| made.row.at.file.whole()).filter(|of_row| *of_row != file);
        for file in [Some(file), of_row].into_iter().flatten() {
            if let Some(index) = self.included(file) {
                self.desired.included[index].written.push(written.clone());
            }
        }
    }

    /// The index of an included file. They are in the order of their ids.
    pub(super) fn included(&self, file: FileId) -> Option<usize> {
        self.desired.included.binary_search_by_key(&file, |included| included.id).ok()
    }
}

/// What weakens a configuration with envelopes: expectations of included files, which a team may take back, and rows of
/// included files that make an expectation or an envelope.
pub(super) fn beside_envelopes(desired: &Desired, main: FileId, sources: &Sources) -> Vec<Finding> {
    if desired.envelopes.is_empty() {
        return Vec::new();
    }
    let is_foreign = |at: &Location| at.file.whole() != main;
    let made_elsewhere = |at: &Location| sources.place_of_use(at.file).is_some_and(&is_foreign);
    let mut findings = Vec::new();
    for at in desired.expectations.iter().filter_map(|expectation| expectation.at.as_ref()) {
        let (message, help) = if is_foreign(at) {
            ("an included file cannot have `[[expect]]` beside envelopes", "move the expectation to the main file")
        } else if made_elsewhere(at) {
            ("a row of an included file makes an expectation beside envelopes", "move the rows to the main file")
        } else {
            continue;
        };
        findings.push(Finding::error(codes::SECTION_IN_INCLUDE, message).at(at.clone()).help(help));
    }
    for at in desired.envelopes.iter().filter_map(|envelope| envelope.at.as_ref()).filter(|at| made_elsewhere(at)) {
        let message = "a row of an included file makes an envelope";
        findings
            .push(Finding::error(codes::BAD_ENVELOPE, message).at(at.clone()).help("move the rows to the main file"));
    }
    findings
}
