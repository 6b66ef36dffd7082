//! The check and the import of a cluster.

use std::io::{self, Write};

use super::keys::heading;
use crate::base::{Capabilities, Sources, list};
use crate::doctor::{Definition, Leftover, Preflight};
use crate::import::{Import, LeftOut, MAIN_FILE};
use crate::observed::Identity;
use crate::render::phrase::{count, counted, shown};
use crate::render::{Styles, findings};

/// Writes the properties of the cluster, then the findings. `has_warnings` is whether there are warnings beside the result, for
/// example about emergency files.
pub fn doctor(out: &mut dyn Write, styles: &Styles, report: &Preflight, has_warnings: bool) -> io::Result<()> {
    let (of, connection) = (&report.facts.identity, &report.facts.connection);
    let rights = if report.may_apply { "may apply" } else { "may not apply" };
    let checked = if connection.any_certificate { " · accepts any certificate" } else { "" };
    let lines = [
        ("cluster", format!("{} ({}) · WEKA {}", shown(&of.name), shown(&of.guid), shown(&of.release.to_string()))),
        (
            "login",
            format!("{} · {} · tenant {} · {rights}", shown(of.user.as_str()), shown(&of.role), shown(&of.tenant)),
        ),
        ("transport", format!("{} · {}{checked}", connection.transport, list(&connection.addresses))),
        ("attachments", attachments(report)),
        ("can", capabilities(&report.facts.capabilities)),
        ("clock", clock(connection.clock_ahead)),
        ("API", api(report.definition)),
        ("leftovers", leftovers(report.leftovers.as_deref())),
    ];
    for (about, line) in lines {
        writeln!(out, "{} {line}", styles.strong.apply_to(format!("{about:<11}")))?;
    }
    writeln!(out)?;
    if report.findings.is_empty() {
        return match has_warnings {
            false => writeln!(out, "{}", styles.add.apply_to("no problems found")),
            true => writeln!(out, "no problems on the cluster; see the warnings above"),
        };
    }
    findings(out, styles, &report.findings, &Sources::default())
}

fn attachments(report: &Preflight) -> String {
    match (report.facts.attachments_known(), report.facts.connection.attachments_source) {
        (Some(true), Some(call)) => format!("reported by {call}"),
        (Some(true), None) => "reported".to_owned(),
        (Some(false), _) => "not reported by this release".to_owned(),
        (None, _) => "unknown: the read failed".to_owned(),
    }
}

fn capabilities(can: &Capabilities) -> String {
    let all = [
        (can.key_pairs, "S3 key pairs"),
        (can.key_reset, "key reset over REST"),
        (can.groups, "groups"),
        (can.identity_provider, "identity provider (OIDC)"),
        (can.tenants, "tenants"),
        (can.service_accounts, "service accounts"),
    ];
    let names = |wanted: bool| {
        let names = all.iter().filter(|(has, _)| *has == wanted).map(|(_, name)| (*name).to_owned());
        list(&names.collect::<Vec<_>>())
    };
    let (has, lacks) = (names(true), names(false));
    match (has.is_empty(), lacks.is_empty()) {
        (_, true) => has,
        (true, false) => format!("without {lacks}"),
        (false, false) => format!("{has}; without {lacks}"),
    }
}

fn clock(ahead: Option<i64>) -> String {
    match ahead {
        None => "not reported".to_owned(),
        // The response is rounded to a second, and travels for up to another.
        Some(-2..=2) => "in sync".to_owned(),
        Some(ahead) => {
            format!("{} s {} this machine", ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" })
        }
    }
}

fn api(definition: Definition) -> String {
    match definition {
        Definition::None => "not compared: the cluster has no API definition".to_owned(),
        Definition::Unreadable => "not compared: the API definition of the cluster is unreadable".to_owned(),
        Definition::Compared { calls, differences: 0 } => {
            format!("all {calls} calls match the API definition of the cluster")
        }
        Definition::Compared { calls, differences } => {
            let differences = count(differences, "difference", "differences");
            format!("{calls} calls compared with the API definition of the cluster: {differences}")
        }
    }
}

fn leftovers(leftovers: Option<&[Leftover]>) -> String {
    match leftovers {
        None => "unknown: the read failed".to_owned(),
        Some([]) => "none".to_owned(),
        Some(some) => list(&some.iter().map(|leftover| shown(leftover.temporary.as_str())).collect::<Vec<_>>()),
    }
}

/// Writes the new files, and the objects that are in none of them.
pub fn import(out: &mut dyn Write, styles: &Styles, of: &Identity, import: &Import) -> io::Result<()> {
    heading(out, styles, of)?;
    let policies = count(import.policies.len(), "policy", "policies");
    let groups = import.holders.keys().filter(|who| who.group().is_some()).count();
    let users = count(import.holders.len() - groups, "user", "users");
    let buckets = import.buckets.len();
    let groups: String = counted([(groups, "group", "groups"), (buckets, "bucket", "buckets")])
        .iter()
        .map(|groups| format!(", {groups}"))
        .collect();
    writeln!(out, "  {} {MAIN_FILE}   {policies}, {users}{groups}", styles.add.apply_to("+"))?;
    for path in import.files.keys() {
        writeln!(out, "  {} {path}", styles.add.apply_to("+"))?;
    }
    if let Some(templates) = &import.templates {
        writeln!(out)?;
        if templates.is_empty() {
            writeln!(out, "templates: none; no two policies have the same document but for one word")?;
        }
        for template in templates {
            let (section, entries) = (template.section, count(template.entries, "entry", "entries"));
            writeln!(out, "template [{section}.{:?}]   {entries}", shown(&template.name))?;
        }
    }
    let left = left_out(&import.left_out);
    if !left.is_empty() {
        writeln!(out, "\nnot imported: {}", list(&left))?;
    }
    Ok(())
}

fn left_out(left: &LeftOut) -> Vec<String> {
    counted([
        (left.predefined, "predefined policy", "predefined policies"),
        (left.other_policies, "policy not selected", "policies not selected"),
        (left.without_policy, "user without a policy", "users without a policy"),
        (left.other_users, "user not selected", "users not selected"),
        (left.other_groups, "group not selected", "groups not selected"),
        (left.other_buckets, "bucket not selected", "buckets not selected"),
    ])
}
