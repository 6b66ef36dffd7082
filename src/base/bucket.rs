//! Names of buckets, and the bucket policies that have a name instead of a document.

use std::fmt;
use std::str::FromStr;

/// A bucket policy with a name instead of a document. Which requests it lets in, only the cluster says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CannedPolicy {
    /// No policy: no request without a login.
    None,
    /// Reading without a login.
    Download,
    /// Writing without a login.
    Upload,
    /// Both.
    Public,
}

impl CannedPolicy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Download, Self::Upload, Self::Public];

    /// The name in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Public => "public",
        }
    }

    /// The name in API calls (vendor definitions 3.14 to 5.1).
    pub fn wire(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Download => "Download",
            Self::Upload => "Upload",
            Self::Public => "Public",
        }
    }
}

impl fmt::Display for CannedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no canned policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of `none`, `download`, `upload` and `public`")]
pub struct NoCannedPolicy;

/// The name in any case.
impl FromStr for CannedPolicy {
    type Err = NoCannedPolicy;

    fn from_str(text: &str) -> Result<Self, NoCannedPolicy> {
        Self::ALL.into_iter().find(|canned| canned.as_str().eq_ignore_ascii_case(text)).ok_or(NoCannedPolicy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BucketName;

    #[test]
    fn the_names_of_canned_policies_are_read_in_any_case() {
        for canned in CannedPolicy::ALL {
            assert_eq!(canned.wire().parse(), Ok(canned));
            assert_eq!(canned.as_str().parse(), Ok(canned));
        }
        assert_eq!("Custom".parse::<CannedPolicy>(), Err(NoCannedPolicy));
    }

    #[test]
    fn bucket_names_are_those_that_servers_take() {
        for name in ["abc", "data-1", "a.b.c", "0-0", &"a".repeat(63), "1.2.3.4.5", "1.2.3.400"] {
            assert!(BucketName::parse(name).is_ok(), "{name}");
        }
        for name in ["", "ab", "Data", "a_b", "-ab", "ab-", ".ab", "a/b", "a..", "1.2.3.4", &"a".repeat(64), "a\u{1b}b"]
        {
            assert!(BucketName::parse(name).is_err(), "{name}");
        }
    }
}
