//! What users and groups may do, or whether they may do one thing, and by which statements.

use std::io::{self, Write};

use super::access::access;
use crate::base::{GroupName, UserName};
use crate::policy::access::{Access, Answer, Decision, Ground, Holder, Profile, Report, Request, Verdict};
use crate::render::Styles;
use crate::render::json::AccessV1;
use crate::render::phrase::who;
use crate::render::words::{list, shown};

/// Writes the answers, one after the other.
///
/// # Errors
/// Those of the writer.
pub fn access_report(out: &mut dyn Write, styles: &Styles, report: &Report) -> io::Result<()> {
    for answer in &report.answers {
        writeln!(out, "{}", holder(&answer.holder))?;
        match (&report.request, &answer.access) {
            _ if !answer.holder.is_known() => {
                writeln!(out, "  {}", styles.change.apply_to("? the document of the policy is not known"))?;
            }
            (Some(request), _) => decisions(out, styles, request, answer)?,
            (None, Some(all)) if *all == Access::default() => writeln!(out, "  nothing is allowed")?,
            (None, Some(all)) => access(out, styles, "  ", &AccessV1::of(all))?,
            (None, None) => {}
        }
    }
    if report.answers.is_empty() {
        writeln!(out, "nobody")?;
    }
    Ok(())
}

fn holder(holder: &Holder) -> String {
    let policy = holder.policy.as_ref().map_or_else(|| "no policy".to_owned(), |policy| shown(policy.as_str()));
    format!(
        "{} holds {policy}",
        who(holder.principal.user().map(UserName::as_str), holder.principal.group().map(GroupName::as_str), shown)
    )
}

/// One line when all profiles say the same, else one for each.
fn decisions(out: &mut dyn Write, styles: &Styles, request: &Request, answer: &Answer) -> io::Result<()> {
    let same = answer.decisions.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let shown = if same { 1 } else { answer.decisions.len() };
    for (profile, decision) in answer.decisions.iter().take(shown) {
        let servers = if same { "" } else { servers(*profile) };
        let style = match decision.verdict {
            Verdict::Allowed => &styles.add,
            Verdict::Denied => &styles.remove,
            Verdict::Depends => &styles.change,
        };
        writeln!(out, "  {}{servers}", style.apply_to(sentence(request, decision)))?;
    }
    Ok(())
}

fn sentence(request: &Request, decision: &Decision) -> String {
    let what = format!("{} on {}", shown(request.action()), shown(request.resource()));
    let allowed = grounds(&decision.allowed_by);
    let denied = grounds(&decision.denied_by);
    match decision.verdict {
        Verdict::Allowed => format!("+ {what}: allowed by {allowed}"),
        Verdict::Denied if decision.denied_by.is_empty() => format!("- {what}: not allowed, no statement allows it"),
        Verdict::Denied if decision.allowed_by.is_empty() => {
            format!("- {what}: not allowed, no statement allows it; denied by {denied}")
        }
        Verdict::Denied => format!("- {what}: denied by {denied}"),
        Verdict::Depends if decision.denied_by.is_empty() => format!("? {what}: depends, allowed by {allowed}"),
        Verdict::Depends => format!("? {what}: depends, allowed by {allowed}; denied by {denied}"),
    }
}

fn grounds(grounds: &[Ground]) -> String {
    let one = |ground: &Ground| {
        let when = ground.conditions.join(" and ");
        let when = if when.is_empty() { when } else { format!(" when {when}") };
        shown(&format!("{}{when}", ground.statement))
    };
    list(&grounds.iter().map(one).collect::<Vec<_>>())
}

fn servers(profile: Profile) -> &'static str {
    match profile {
        Profile::Aws => " (on servers that evaluate as AWS does)",
        Profile::Minio => " (on MinIO-derived servers)",
    }
}
