//! `attune.approvals/1`: the approved plans of several targets. People sign these bytes, so they are read strictly: a file is as
//! attune wrote it, or it is refused.

use std::collections::BTreeMap;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::change::time_text;
use super::plan::Head;
use crate::approvals::{Approvals, Approved};

json_types! {
    /// The approved plans of several targets.
    #[serde(deny_unknown_fields)]
    pub struct ApprovalsV1 = "attune.approvals/1" of(approvals: &Approvals) {
        /// The commit that was reviewed: its full hash.
        commit: String = approvals.commit.clone(),
        /// When the approvals end (RFC 3339, UTC).
        expires: String = time_text(approvals.expires),
        /// Why; missing when there is no note.
        note?: String = approvals.note.clone(),
        /// The approved plans, in the order of the ids of their targets.
        targets: Vec<ApprovedV1> = approvals.targets.iter().map(|(id, of)| ApprovedV1::of(id, of)).collect(),
    }

    /// The approved plan of a target.
    #[serde(deny_unknown_fields)]
    pub struct ApprovedV1 of(id: &str, approved: &Approved) {
        /// The id of the target.
        target: String = id.to_owned(),
        /// The digest of the plan: 64 hexadecimal digits.
        digest: String = approved.digest.clone(),
        /// The cluster's name.
        cluster: String = approved.cluster.clone(),
        /// The cluster's id.
        guid: String = approved.guid.clone(),
        /// The tenant.
        tenant: String = approved.tenant.clone(),
    }
}

const FORMAT: &str = "attune.approvals/1";

/// Whether a text is JSON that says that it is a file of approvals.
pub fn is_approvals(text: &str) -> bool {
    serde_json::from_str::<Head>(text).is_ok_and(|head| head.format.starts_with("attune.approvals/"))
}

impl ApprovalsV1 {
    /// Reads a file.
    ///
    /// # Errors
    /// Anything that `attune approve` of this version would not have written, byte for byte. So no two programs read a file
    /// differently.
    pub fn read(text: &str) -> Result<Approvals, String> {
        let head: Head = serde_json::from_str(text).map_err(|error| format!("it is no file of approvals: {error}"))?;
        if head.format != FORMAT {
            return Err(format!("its format is `{}`, and this attune reads `{FORMAT}`", head.format));
        }
        let file: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let own = env!("CARGO_PKG_VERSION");
        if file.tool_version != own {
            let version = &file.tool_version;
            return Err(format!(
                "attune {version} wrote it, and this is {own}: plan, approve and apply with one version"
            ));
        }
        let expires = OffsetDateTime::parse(&file.expires, &Rfc3339).map_err(|_| "`expires` is no time")?;
        let expires = expires.to_offset(UtcOffset::UTC);
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if ![40, 64].contains(&file.commit.len()) || !is_hex(&file.commit) {
            return Err(format!("`{}` is not the full hash of a commit", file.commit));
        }
        if let Some(of) = file.targets.iter().find(|of| of.digest.len() != 64 || !is_hex(&of.digest)) {
            return Err(format!("the digest of {} does not have 64 hexadecimal digits", of.target));
        }
        let entry = |of: &ApprovedV1| {
            let ApprovedV1 { digest, cluster, guid, tenant, .. } = of.clone();
            (of.target.clone(), Approved { digest, cluster, guid, tenant })
        };
        let targets: BTreeMap<String, Approved> = file.targets.iter().map(entry).collect();
        let approvals = Approvals { commit: file.commit, expires, note: file.note, targets };
        if approvals.text() != text {
            return Err(
                "it is not as `attune approve` writes it: it was changed, or a target is in it twice".to_owned()
            );
        }
        Ok(approvals)
    }
}

impl Approvals {
    /// The file: the bytes that people sign.
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail.
        let _ = super::write(&mut bytes, &ApprovalsV1::of(self));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn approvals() -> Approvals {
        let approved = |digit: &str| Approved {
            digest: digit.repeat(64),
            cluster: "east".to_owned(),
            guid: "g".to_owned(),
            tenant: "Root".to_owned(),
        };
        Approvals {
            commit: "c".repeat(40),
            expires: OffsetDateTime::UNIX_EPOCH + Duration::days(20_000),
            note: Some("CHG \u{202e}1".to_owned()),
            targets: BTreeMap::from([("b.toml".to_owned(), approved("b")), ("a.toml".to_owned(), approved("a"))]),
        }
    }

    #[test]
    fn a_file_is_read_only_as_it_was_written() {
        let (approvals, text) = (approvals(), approvals().text());
        assert_eq!(ApprovalsV1::read(&text), Ok(approvals));
        assert!(text.contains("CHG \\u202e1") && is_approvals(&text), "{text}");
        let first = text.find("    {\n      \"target\"").unwrap();
        let end = text.find("    },\n").unwrap() + "    },\n".len();
        let entry = &text[first..end];
        for (changed, why) in [
            (text.replace("  \"commit\"", "\"commit\""), "it was changed"),
            (text.trim_end().to_owned(), "it was changed"),
            (format!("{text}{text}"), "trailing characters"),
            (text.replace("a.toml", "\\u0061.toml"), "it was changed"),
            (text.replace("a.toml", "b.toml"), "in it twice"),
            (text.replace(entry, &format!("{entry}{entry}")), "in it twice"),
            (text.replace("  \"expires\"", "  \"commit\": \"x\",\n  \"expires\""), "duplicate field `commit`"),
            (text.replace("  \"expires\"", "  \"expired\": false,\n  \"expires\""), "unknown field `expired`"),
            (text.replace("      \"guid\"", "      \"guid\": \"other\",\n      \"guid\""), "duplicate field `guid`"),
            (text.replace(&"a".repeat(64), &"A".repeat(64)), "64 hexadecimal digits"),
            (text.replace(&"a".repeat(64), &"a".repeat(32)), "64 hexadecimal digits"),
            (text.replace(&"c".repeat(40), "main"), "not the full hash"),
            (text.replace("2024-", "24-"), "no time"),
            (text.replace("T00:00:00Z", "T01:00:00+01:00"), "it was changed"),
            (text.replace("approvals/1", "approvals/2"), "`attune.approvals/2`"),
            (text.replace(env!("CARGO_PKG_VERSION"), "0.0.9"), "attune 0.0.9 wrote it"),
            ("[]".to_owned(), "no file of approvals"),
        ] {
            assert_ne!(changed, text, "{why}");
            let error = ApprovalsV1::read(&changed).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
