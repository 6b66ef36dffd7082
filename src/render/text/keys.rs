//! Rotations and revocations of key pairs: what is about to happen, and how it ended.

use std::io::{self, Write};

use super::wrapped;
use crate::base::{Capabilities, UserName, shell_word};
use crate::keys::{Revocation, Rotation, Selected};
use crate::observed::Identity;
use crate::render::Styles;
use crate::render::json::{DetachedV1, KeysV1, RevocationV1, RevokedKeysV1, RevokedV1, RotatedV1, RotationStatusV1};
use crate::render::phrase::{count, shown};

fn users(number: usize) -> String {
    count(number, "user", "users")
}

fn names(users: &[UserName]) -> String {
    users.iter().map(|user| shown(user.as_str())).collect::<Vec<_>>().join(", ")
}

/// Writes what a rotation is about to do.
pub fn rotation(out: &mut dyn Write, styles: &Styles, of: &Rotation) -> io::Result<()> {
    wrapped(out, styles, |out| {
        heading(out, styles, &of.identity)?;
        if of.users.is_empty() {
            writeln!(out, "no key pair to rotate")?;
        } else {
            let title = format!("rotate the S3 keys of {}, one after the other:", users(of.users.len()));
            writeln!(out, "{}", styles.strong.apply_to(title))?;
            let width = of.users.iter().map(|of| shown(of.user.as_str()).chars().count()).max().unwrap_or(0);
            for Selected { user, policy, is_imported } in &of.users {
                let origin = if *is_imported { "   from a directory" } else { "" };
                let mark = styles.change.apply_to("~");
                let policy = shown(policy.as_str());
                writeln!(out, "  {mark} {:<width$}   {policy}{origin}", shown(user.as_str()))?;
            }
            writeln!(out)?;
            writeln!(
                out,
                "the present key pair of each stops working at once: the user has no access until it has the new pair"
            )?;
            writeln!(out, "destination of the secrets: {}", shown(&of.destination))?;
        }
        if !of.already.is_empty() {
            writeln!(out, "rotated before by the interrupted run: {}", names(&of.already))?;
        }
        if !of.without_policy.is_empty() {
            writeln!(out, "not rotated, because the user has no policy: {}", names(&of.without_policy))?;
        }
        if !of.later.is_empty() {
            writeln!(out, "left for a later run by `--max`: {}", users(of.later.len()))?;
        }
        Ok(())
    })
}

/// Writes how a rotation ended: each user, then the counts.
pub fn rotated(out: &mut dyn Write, styles: &Styles, keys: &KeysV1) -> io::Result<()> {
    wrapped(out, styles, |out| {
        for of in &keys.users {
            match of.status {
                RotationStatusV1::Rotated => {
                    let key = of.access_key.as_deref().unwrap_or_default();
                    let place = of.secret_stored_in.as_deref().unwrap_or_default();
                    writeln!(
                        out,
                        "  {} {}: access key {}, secret in {}",
                        styles.add.apply_to("✓"),
                        shown(&of.user),
                        shown(key),
                        shown(place)
                    )?;
                }
                RotationStatusV1::NotStarted => {}
                RotationStatusV1::InEmergencyFile
                | RotationStatusV1::SecretUnknown
                | RotationStatusV1::Refused
                | RotationStatusV1::NotSent => {
                    let line = format!("  {} {}: {}", "✗", shown(&of.user), failure(of));
                    writeln!(out, "{}", styles.remove.apply_to(line))?;
                }
            }
        }
        writeln!(out, "{}", counts(keys))
    })
}

fn failure(of: &RotatedV1) -> String {
    let why = shown(of.reason.as_deref().unwrap_or_default());
    match (of.status, &of.secret_stored_in) {
        (RotationStatusV1::InEmergencyFile, Some(path)) => {
            format!(
                "rotated, but the secret is in the emergency file {}: {why}; move it to its destination",
                shown(path)
            )
        }
        (RotationStatusV1::SecretUnknown, Some(path)) => format!(
            "secret unknown: the answer may hold the new pair, and is in the emergency file {}; the old pair may be revoked; {why}",
            shown(path)
        ),
        (RotationStatusV1::SecretUnknown, None) => {
            format!("secret unknown: the old pair may be revoked, and the new one lost; rotate the keys again; {why}")
        }
        (RotationStatusV1::Refused, _) => format!("refused, the old pair works: {why}"),
        _ => format!("not sent, the old pair works: {why}"),
    }
}

fn counts(keys: &KeysV1) -> String {
    let of = |wanted: &[RotationStatusV1]| keys.users.iter().filter(|of| wanted.contains(&of.status)).count();
    let rotated = of(&[RotationStatusV1::Rotated]);
    let failed = of(&[RotationStatusV1::InEmergencyFile, RotationStatusV1::SecretUnknown]);
    let others = [
        (failed, "without a stored secret"),
        (of(&[RotationStatusV1::Refused, RotationStatusV1::NotSent]), "not rotated"),
        (of(&[RotationStatusV1::NotStarted]), "not started"),
        (keys.rotated_before.len(), "rotated before"),
        (keys.left.len(), "left for a later run"),
    ];
    let others = others.into_iter().filter(|(number, _)| *number > 0);
    let others: String = others.map(|(number, what)| format!(", {number} {what}")).collect();
    format!("{} rotated{others}", users(rotated))
}

/// Writes what a revocation is about to do, and what it cannot do. `no_new_keys` says why the cluster makes no new key pairs here.
pub fn revocation(
    out: &mut dyn Write,
    styles: &Styles,
    (identity, can): (&Identity, Capabilities),
    all: &[Revocation],
    no_new_keys: Option<&str>,
) -> io::Result<()> {
    wrapped(out, styles, |out| {
        heading(out, styles, identity)?;
        let title = format!("revoke {}:", users(all.len()));
        writeln!(out, "{}", styles.strong.apply_to(title))?;
        for user in all {
            let name = shown(user.user.as_str());
            writeln!(out, "  {} {name}", styles.remove.apply_to("-"))?;
            match user.keys_stay(no_new_keys) {
                None => writeln!(out, "      make a new key pair that nobody gets: the present one stops working")?,
                Some(why) => {
                    let line = format!("keys not revoked: {}; they work again with the next policy", shown(&why));
                    writeln!(out, "      {}", styles.change.apply_to(line))?;
                }
            }
            let policies: Vec<String> = user.policies.iter().map(|policy| shown(policy.as_str())).collect();
            match policies.as_slice() {
                [] if user.is_reported => writeln!(out, "      no policy to detach")?,
                [] => writeln!(out, "      detach the policy, if it has one: the cluster does not report it")?,
                some => writeln!(out, "      detach {}", some.join(", "))?,
            }
            if user.is_imported {
                writeln!(out, "      {}", styles.change.apply_to(FROM_DIRECTORY))?;
            }
        }
        if can.groups {
            writeln!(out, "\n{}", styles.change.apply_to(GROUPS))?;
        }
        writeln!(out)
    })
}

const GROUPS: &str = "a user keeps the access that its groups have: take it out of them in the directory as well";

const FROM_DIRECTORY: &str =
    "from a directory: the detach holds until the next refresh; take the policy away there as well";

pub(super) fn heading(out: &mut dyn Write, styles: &Styles, identity: &Identity) -> io::Result<()> {
    let cluster = styles.strong.apply_to(shown(&identity.name));
    let release = shown(&identity.release.to_string());
    writeln!(out, "cluster {cluster} · WEKA {release} · tenant {}\n", shown(&identity.tenant))
}

/// Writes how a revocation ended, and what still works until a user is deleted.
pub fn revoked(out: &mut dyn Write, styles: &Styles, of: &RevocationV1) -> io::Result<()> {
    wrapped(out, styles, |out| {
        for user in &of.users {
            let lines = [keys_ended(user), detach_ended(user)];
            for (is_good, line) in lines {
                let style = if is_good { &styles.add } else { &styles.remove };
                let mark = if is_good { "✓" } else { "✗" };
                writeln!(out, "  {} {}: {line}", style.apply_to(mark), shown(&user.user))?;
            }
            if user.from_directory {
                writeln!(out, "    {}", styles.change.apply_to(FROM_DIRECTORY))?;
            }
        }
        writeln!(out, "\ntemporary credentials and service accounts of a user end only when the user is deleted:")?;
        for user in &of.users {
            match shell_word(&user.user) {
                _ if user.from_directory => writeln!(out, "  {}: delete it in the directory", shown(&user.user))?,
                Some(name) => writeln!(out, "  weka user delete {name}")?,
                None => writeln!(out, "  `weka user delete`, with exactly this name: {}", shown(&user.user))?,
            }
        }
        Ok(())
    })
}

fn keys_ended(user: &RevokedV1) -> (bool, String) {
    let why = shown(user.keys_reason.as_deref().unwrap_or_default());
    match user.keys {
        RevokedKeysV1::Revoked => (true, "keys revoked".to_owned()),
        RevokedKeysV1::Kept => (false, format!("keys not revoked, they work again with the next policy: {why}")),
        RevokedKeysV1::Unknown => (false, format!("keys perhaps not revoked: {why}")),
    }
}

fn detach_ended(user: &RevokedV1) -> (bool, String) {
    let why = shown(user.policy_reason.as_deref().unwrap_or_default());
    match user.policy {
        DetachedV1::Detached => (true, "detached".to_owned()),
        DetachedV1::HadNone => (true, "had no policy".to_owned()),
        DetachedV1::Failed => (false, format!("still has a policy: {why}")),
        DetachedV1::Unknown => (false, format!("may still have a policy: {why}")),
    }
}
