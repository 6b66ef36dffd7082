//! Approvals of several plans in one file: what such a file binds, and who signed it.

mod signers;

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

pub use signers::{AllowedSigners, Counted, Exclusion, Signature, count_signers};

/// The longest time for which a file approves.
pub const LONGEST: Duration = Duration::days(30);

/// The approvals of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// The commit that was reviewed: its full hash.
    pub commit: String,
    /// When the approvals end.
    pub expires: OffsetDateTime,
    /// Why, in the words of the person who wrote the file.
    pub note: Option<String>,
    /// The approved plans, by the ids of their targets.
    pub targets: BTreeMap<String, Approved>,
}

/// An approved plan, and the cluster and tenant that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The digest of the plan: all of its digits.
    pub digest: String,
    /// The name of the cluster, for people.
    pub cluster: String,
    /// The guid of the cluster.
    pub guid: String,
    /// The tenant.
    pub tenant: String,
}

/// A plan that is about to run.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The id of its target.
    pub target: &'a str,
    /// Its digest.
    pub digest: &'a str,
    /// The guid of the cluster.
    pub guid: &'a str,
    /// The tenant.
    pub tenant: &'a str,
    /// The commits that an approval may name: the one that is checked out and, if it is a merge, its parents with the same files.
    pub commits: &'a [String],
    /// The time, by the clock of the machine.
    pub now: OffsetDateTime,
}

/// Why a file does not approve a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// Its time is over.
    #[error("they ended at {0}")]
    Expired(String),
    /// It approves for longer than any file may.
    #[error("they end at {0}, more than {days} days from now", days = LONGEST.whole_days())]
    TooLong(String),
    /// Another commit is checked out.
    #[error("they are for commit {approved}, and {found} is checked out")]
    Commit {
        /// The commit of the file.
        approved: String,
        /// The commit that is checked out.
        found: String,
    },
    /// The file has no such target.
    #[error("they have no entry for it")]
    NoEntry,
    /// It is another cluster.
    #[error("they are for the cluster with guid {approved}, and this one has guid {found}")]
    Cluster {
        /// The guid of the file.
        approved: String,
        /// The guid of the cluster.
        found: String,
    },
    /// It is another tenant.
    #[error("they are for tenant `{approved}`, and this is tenant `{found}`")]
    Tenant {
        /// The tenant of the file.
        approved: String,
        /// The tenant of the run.
        found: String,
    },
    /// It is another plan.
    #[error("the plan is now {found}, not the approved {approved}")]
    Plan {
        /// The digest of the file.
        approved: String,
        /// The digest of the plan.
        found: String,
    },
}

impl NotApproved {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Expired(_) | Self::TooLong(_) => "review the plans again, and make a new file with `attune approve`",
            Self::Commit { .. } => {
                "check out the approved commit, or a merge commit of it with the same files; after a squash or a rebase, \
                 review the plans of the new commit"
            }
            Self::NoEntry => "review the plan above, and make a new file with `attune approve` that has this target",
            Self::Cluster { .. } | Self::Tenant { .. } => {
                "check which cluster and tenant the configuration and the login lead to"
            }
            Self::Plan { .. } => {
                "the cluster or the configuration has changed since the review: review the plan above, and approve again"
            }
        }
    }
}

impl Approvals {
    /// Checks that these approvals are for this plan, on this cluster, of this commit, at this time.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn check(&self, run: &Run<'_>) -> Result<&Approved, NotApproved> {
        let ends = || self.expires.to_string();
        if self.expires <= run.now {
            return Err(NotApproved::Expired(ends()));
        }
        if self.expires - run.now > LONGEST {
            return Err(NotApproved::TooLong(ends()));
        }
        if !run.commits.contains(&self.commit) {
            let found = run.commits.first().cloned().unwrap_or_else(|| "none".to_owned());
            return Err(NotApproved::Commit { approved: self.commit.clone(), found });
        }
        let entry = self.targets.get(run.target).ok_or(NotApproved::NoEntry)?;
        if entry.guid != run.guid {
            return Err(NotApproved::Cluster { approved: entry.guid.clone(), found: run.guid.to_owned() });
        }
        if entry.tenant != run.tenant {
            return Err(NotApproved::Tenant { approved: entry.tenant.clone(), found: run.tenant.to_owned() });
        }
        if entry.digest != run.digest {
            return Err(NotApproved::Plan { approved: entry.digest.clone(), found: run.digest.to_owned() });
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approvals() -> Approvals {
        let approved =
            Approved { digest: "d1".into(), cluster: "east".into(), guid: "g1".into(), tenant: "Root".into() };
        Approvals {
            commit: "c1".into(),
            expires: OffsetDateTime::UNIX_EPOCH + Duration::hours(24),
            note: None,
            targets: BTreeMap::from([("east.toml".to_owned(), approved)]),
        }
    }

    #[test]
    fn an_approval_is_for_one_plan_cluster_tenant_commit_and_time() {
        let commits = ["c1".to_owned()];
        let run = Run {
            target: "east.toml",
            digest: "d1",
            guid: "g1",
            tenant: "Root",
            commits: &commits,
            now: OffsetDateTime::UNIX_EPOCH,
        };
        let file = approvals();
        let why = |run: &Run<'_>| file.check(run).err().map(|why| why.to_string());
        assert_eq!(why(&run), None);
        let merged = ["m1".to_owned(), "c1".to_owned()];
        assert_eq!(why(&Run { commits: &merged, ..run }), None);
        let other = ["c2".to_owned()];
        for (run, expected) in [
            (Run { target: "west.toml", ..run }, "no entry"),
            (Run { digest: "d2", ..run }, "the plan is now d2, not the approved d1"),
            (Run { guid: "g2", ..run }, "guid g1, and this one has guid g2"),
            (Run { tenant: "ml", ..run }, "tenant `Root`, and this is tenant `ml`"),
            (Run { commits: &other, ..run }, "commit c1, and c2 is checked out"),
            (Run { commits: &[], ..run }, "commit c1, and none is checked out"),
            (Run { now: file.expires, ..run }, "they ended at 1970-01-02"),
            (Run { now: file.expires - LONGEST - Duration::seconds(1), ..run }, "more than 30 days from now"),
        ] {
            assert!(why(&run).unwrap().contains(expected), "{expected}: {:?}", why(&run));
        }
        assert_eq!(why(&Run { now: file.expires - Duration::seconds(1), ..run }), None);
        assert_eq!(why(&Run { now: file.expires - LONGEST, ..run }), None);
    }
}
