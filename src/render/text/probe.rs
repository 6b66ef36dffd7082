//! A probe: what it is about to do, and what it found.

use std::io::{self, Write};

use super::wrapped;
use crate::base::UserName;
use crate::observed::Identity;
use crate::probe::{ServiceOptions, UserEnd};
use crate::render::Styles;
use crate::render::json::{ProbeServiceV1, ProbeV1};
use crate::render::phrase::{grouped, shown};

/// Writes what a probe is about to do.
///
/// The user comes with whether it may get a key pair that cannot be replaced here.
pub fn about_probe(
    out: &mut dyn Write,
    styles: &Styles,
    Identity { name, release, tenant, .. }: &Identity,
    user: Option<(&UserName, bool)>,
    service: Option<&ServiceOptions>,
) -> io::Result<()> {
    wrapped(out, styles, |out| {
        let title = format!("probe cluster {} (WEKA {release}), tenant {}:", shown(name), shown(tenant));
        writeln!(out, "{}", styles.strong.apply_to(title))?;
        let policies = if service.is_some() { 35 } else { 20 };
        writeln!(out, "  add about {policies} policies named attune-probe-…, one or two at a time, and remove each")?;
        writeln!(out, "  they grant only on buckets named attune-probe-…, which do not exist, or only deny")?;
        if let Some((user, keys_stay)) = user {
            let user = shown(user.as_str());
            writeln!(out, "  attach some of them to `{user}`, and detach it again")?;
            if keys_stay {
                writeln!(out, "  the cluster may create a key pair for `{user}`, which cannot be replaced here:")?;
                writeln!(out, "  delete the user afterwards")?;
            }
        }
        service.map_or(Ok(()), |service| about_service(out, service))
    })
}

fn about_service(out: &mut dyn Write, of: &ServiceOptions) -> io::Result<()> {
    writeln!(out, "  ask the S3 service {} about 200 times, with the keys of the user:", of.client.endpoint())?;
    writeln!(out, "  reads, and deletions of versions that do not exist, at most 20 in a second")?;
    writeln!(out, "  wait for at most {} s each time until it knows a new policy", of.wait.as_secs())?;
    let Some(bucket) = &of.bucket else { return Ok(()) };
    let bucket = shown(bucket.as_str());
    writeln!(out, "  some policies grant on the bucket `{bucket}`, which must be empty")?;
    writeln!(out, "  for a moment, everyone may ask for the location of `{bucket}`")
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
        if let Some(service) = &of.service {
            told_by_service(out, styles, service)?;
        }
        match of.settings.strip_prefix("[cluster]\n").map(str::trim_end) {
            Some(rules) => writeln!(out, "\nthe answers point to: [cluster] {rules}")?,
            None => writeln!(out, "\nthe answers point to no set of rules")?,
        }
        ends(out, styles, of)
    })
}

/// Writes by which rules the S3 service evaluates documents.
fn told_by_service(out: &mut dyn Write, styles: &Styles, of: &ProbeServiceV1) -> io::Result<()> {
    let requests = if of.sent == 1 { "request" } else { "requests" };
    let title = format!("rules of the S3 service, by {} {requests}", of.sent);
    writeln!(out, "\n{}", styles.strong.apply_to(title))?;
    for answer in &of.answers {
        let value = format!("{} = {}", answer.rule, answer.value);
        writeln!(out, "  {value:<36} {}", answer.about)?;
    }
    if let Some(comma) = &of.comma {
        writeln!(out, "  a user attached to two names with a comma has {comma}")?;
    }
    // What ended the questions is said once, at the end.
    let unanswered = of.unanswered.iter().filter(|unanswered| of.stopped.as_ref() != Some(&unanswered.why));
    let reasons = grouped(unanswered.map(|unanswered| (unanswered.why.as_str(), unanswered.rule.as_str())));
    if !reasons.is_empty() {
        writeln!(out, "\n{}", styles.strong.apply_to("not answered"))?;
    }
    for (why, rules) in reasons {
        writeln!(out, "  {}: {}", rules.join(", "), shown(why))?;
    }
    Ok(())
}

/// Writes what is left, and why the probe stopped.
fn ends(out: &mut dyn Write, styles: &Styles, of: &ProbeV1) -> io::Result<()> {
    if let Some(why) = &of.stopped {
        writeln!(out, "{} not all questions were asked: {}", styles.remove.apply_to("error:"), shown(why))?;
    }
    if let Some(why) = of.service.as_ref().and_then(|service| service.stopped.as_ref()).filter(|_| of.stopped.is_none())
    {
        writeln!(out, "{} the S3 service tells nothing more: {}", styles.remove.apply_to("error:"), shown(why))?;
    }
    if let Some(bucket) = &of.opened {
        let (error, bucket) = (styles.remove.apply_to("error:"), shown(bucket));
        writeln!(
            out,
            "{error} the bucket `{bucket}` may have a policy of the probe; unset it: weka s3 bucket policy reset {bucket}"
        )?;
    }
    for policy in &of.left {
        let left = styles.remove.apply_to("error:");
        writeln!(out, "{left} the policy `{}` may be left; remove it: weka s3 policy remove {0}", shown(policy))?;
    }
    match of.user {
        Some(UserEnd::KeysLeft) => {
            let note = "the user may have a key pair that nobody knows: delete the user with `weka user delete`";
            writeln!(out, "{} {note}", styles.change.apply_to("warning:"))
        }
        Some(UserEnd::Attached) => {
            let error = "the user may still have a policy of the probe: delete the user with `weka user delete`";
            writeln!(out, "{} {error}", styles.remove.apply_to("error:"))
        }
        Some(UserEnd::AsBefore) | None => Ok(()),
    }
}
