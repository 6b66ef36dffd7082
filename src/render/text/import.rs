//! What was imported, for a person: the files, what they declare, and what they leave out.

use std::io::{self, Write};

use crate::import::{Import, LeftOut, MAIN_FILE};
use crate::observed::Identity;
use crate::render::Styles;
use crate::render::words::{count, list, shown};

/// Writes the files that were written, and what is in none of them.
///
/// # Errors
/// Those of the writer.
pub fn import(out: &mut dyn Write, styles: &Styles, of: &Identity, import: &Import) -> io::Result<()> {
    let (cluster, release, tenant) = (shown(&of.name), shown(&of.release.to_string()), shown(&of.tenant));
    writeln!(out, "cluster {} · WEKA {release} · tenant {tenant}\n", styles.strong.apply_to(cluster))?;
    let policies = count(import.policies.len(), "policy", "policies");
    let groups = import.holders.keys().filter(|who| who.group().is_some()).count();
    let users = count(import.holders.len() - groups, "user", "users");
    let groups = if groups == 0 { String::new() } else { format!(", {}", count(groups, "group", "groups")) };
    writeln!(out, "  {} {MAIN_FILE}   {policies}, {users}{groups}", styles.add.apply_to("+"))?;
    for path in import.documents.keys() {
        writeln!(out, "  {} {path}", styles.add.apply_to("+"))?;
    }
    let left = left_out(&import.left_out);
    if !left.is_empty() {
        writeln!(out, "\nleft out: {}", list(&left))?;
    }
    Ok(())
}

fn left_out(left: &LeftOut) -> Vec<String> {
    [
        (left.predefined, "predefined policy", "predefined policies"),
        (left.other_policies, "policy that was not asked for", "policies that were not asked for"),
        (left.holding_nothing, "user without a policy", "users without a policy"),
        (left.other_users, "user that was not asked for", "users that were not asked for"),
        (left.other_groups, "group that was not asked for", "groups that were not asked for"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect()
}
