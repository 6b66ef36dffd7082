//! A probe: what it is about to do, and what it found.

use std::io::{self, Write};

use super::wrapped;
use crate::base::UserName;
use crate::observed::Identity;
use crate::render::Styles;
use crate::render::json::{ProbeUserV1, ProbeV1};
use crate::render::phrase::shown;

/// What a probe is about to do.
pub struct AboutProbe<'a> {
    /// The cluster.
    pub identity: &'a Identity,
    /// The user, if there is one.
    pub user: Option<&'a UserName>,
    /// Whether the user may get a key pair that cannot be replaced here.
    pub keys_stay: bool,
}

/// Writes what a probe is about to do.
pub fn about_probe(out: &mut dyn Write, styles: &Styles, of: &AboutProbe<'_>) -> io::Result<()> {
    wrapped(out, styles, |out| {
        let Identity { name, release, tenant, .. } = of.identity;
        let title = format!("probe cluster {} (WEKA {release}), tenant {}:", shown(name), shown(tenant));
        writeln!(out, "{}", styles.strong.apply_to(title))?;
        writeln!(out, "  add about 20 policies named attune-probe-…, one or two at a time, and remove each")?;
        writeln!(out, "  they grant only on buckets named attune-probe-…, which do not exist, or only deny")?;
        if let Some(user) = of.user {
            let user = shown(user.as_str());
            writeln!(out, "  attach some of them to `{user}`, and detach it again")?;
            if of.keys_stay {
                writeln!(out, "  the cluster may create a key pair for `{user}`, which cannot be replaced here:")?;
                writeln!(out, "  delete the user afterwards")?;
            }
        }
        Ok(())
    })
}

/// Writes what a probe found.
pub fn probe(out: &mut dyn Write, styles: &Styles, of: &ProbeV1) -> io::Result<()> {
    wrapped(out, styles, |out| {
        writeln!(out, "{}", styles.strong.apply_to(format!("WEKA {} over {}", of.release, of.transport)))?;
        let width = of.answers.iter().map(|answer| answer.about.chars().count()).max().unwrap_or(0);
        for answer in &of.answers {
            writeln!(out, "  {:<width$}   {}", answer.about, answer.answer)?;
        }
        writeln!(out, "\n{}", styles.strong.apply_to("shapes of the answers"))?;
        for (call, shape) in &of.shapes {
            writeln!(out, "  {call}: {shape}")?;
        }
        match &of.rules {
            Some(rules) => writeln!(out, "\nthe answers point to: [cluster] rules = \"{rules}\"")?,
            None => writeln!(out, "\nthe answers point to no set of rules")?,
        }
        ends(out, styles, of)
    })
}

/// Writes what is left, and why the probe stopped.
fn ends(out: &mut dyn Write, styles: &Styles, of: &ProbeV1) -> io::Result<()> {
    if let Some(why) = &of.stopped {
        writeln!(out, "{} not all questions were asked: {}", styles.remove.apply_to("error:"), shown(why))?;
    }
    for policy in &of.left {
        let left = styles.remove.apply_to("error:");
        writeln!(out, "{left} the policy `{}` may be left; remove it: weka s3 policy remove {0}", shown(policy))?;
    }
    match of.user {
        Some(ProbeUserV1::KeysLeft) => {
            let note = "the user may have a key pair that nobody knows: delete the user with `weka user delete`";
            writeln!(out, "{} {note}", styles.change.apply_to("warning:"))
        }
        Some(ProbeUserV1::Attached) => {
            let error = "the user may still have a policy of the probe: delete the user with `weka user delete`";
            writeln!(out, "{} {error}", styles.remove.apply_to("error:"))
        }
        Some(ProbeUserV1::AsBefore) | None => Ok(()),
    }
}
