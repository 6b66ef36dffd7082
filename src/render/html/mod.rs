//! Pages.
use super::json::ReportV1;
use std::io::{self, Write};
/// x
pub fn report(out: &mut dyn Write, _report: &ReportV1) -> io::Result<()> {
    writeln!(out)
}
