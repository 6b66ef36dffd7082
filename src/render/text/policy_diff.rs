//! How two policy documents differ: entry by entry, then in access.

use std::io::{self, Write};

use super::access::access;
use super::diff::documents;
use crate::policy::{Compared, Sameness};
use crate::render::Styles;
use crate::render::json::AccessV1;

/// Writes what differs between two documents.
///
/// # Errors
/// Those of the writer.
pub fn policy_diff(out: &mut dyn Write, styles: &Styles, compared: &Compared) -> io::Result<()> {
    if compared.sameness == Sameness::Same {
        return writeln!(out, "the same document");
    }
    documents(out, styles, "", Some(&compared.before), &compared.after)?;
    writeln!(out)?;
    match compared.sameness {
        Sameness::Same | Sameness::IdsOnly => writeln!(out, "ids only: no access change"),
        Sameness::Different if compared.same_access() => writeln!(out, "no access change"),
        Sameness::Different => {
            writeln!(out, "{}", styles.strong.apply_to("access gained (+) and lost (-)"))?;
            access(out, styles, "  ", &AccessV1::of(&compared.access))
        }
    }
}
