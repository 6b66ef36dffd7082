//! `attune.history/1`: the applies of a state directory.

json_types! {
    /// The applies of a state directory, according to its journals. Anyone who can write to the directory can write a journal.
    pub struct HistoryV1 = "attune.history/1" of(applies: Vec<PastApplyV1>, truncated: bool) {
        /// The applies, newest first.
        applies: Vec<PastApplyV1> = applies,
        /// Whether there are older applies that attune did not read.
        truncated: bool = truncated,
    }

    /// A past apply.
    pub struct PastApplyV1 {
        /// The time of its start (RFC 3339, UTC).
        time: String,
        /// The digest of the plan.
        digest: String,
        /// The cluster's name.
        cluster: String,
        /// The cluster's id.
        guid: String,
        /// The tenant.
        tenant: String,
        /// The user of the login.
        login: String,
        /// The text of `--reason`; missing when there was none.
        reason?: String,
        /// The configuration; missing in journals of old versions.
        file?: String,
        /// The Git commit that was checked out; missing when the configuration was in no repository.
        commit?: String,
        /// How it ended.
        result: PastResultV1,
        /// The number of API calls of the plan.
        calls: usize,
        /// The number of those that are done.
        done: usize,
        /// The command that rolls back; missing when the rollback file does not exist.
        rollback_command?: String,
    }

    /// How a past apply ended.
    pub enum PastResultV1 {
        /// The cluster matched the configuration.
        Applied,
        /// Changes remained.
        PartiallyApplied,
        /// The journal has no end: it was interrupted, or it still runs.
        Unfinished,
    }
}
