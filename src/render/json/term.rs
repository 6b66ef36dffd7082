//! When access begins and ends, as parts of plans, drifts and reports.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::base::Principal;
use crate::desired::{DeclaredAttachment, Moment, Phase, Schedule, Term};

json_types! {
    /// When the access of a declared user or group begins and ends.
    #[derive(PartialEq, Eq)]
    pub struct TermV1 {
        /// The user or group: `user/NAME` or `group/NAME`.
        id: String,
        /// Where the time of the run is.
        phase: PhaseV1,
        /// The policy that the user or group has in between.
        policy: String,
        /// When access begins, as a day or a time in UTC; missing when it has no beginning.
        from?: String,
        /// The first instant of access (RFC 3339, UTC); missing when it has no beginning.
        begins?: String,
        /// The policy before access begins; missing when it is none.
        before?: String,
        /// When access ends, as a day or a time in UTC; missing when it has no end.
        until?: String,
        /// The first instant without access (RFC 3339, UTC); missing when it has no end.
        ends?: String,
        /// The policy after access ends; missing when it is none.
        then?: String,
        /// Whether the keys of the user are revoked at the end.
        revokes_keys: bool,
        /// How many days it is until access begins or ends, by the calendar in UTC; missing when neither comes.
        days?: i64,
    }

    /// Where a time is in a term.
    pub enum PhaseV1 {
        /// Before access begins.
        NotBegun,
        /// While access is in force.
        InForce,
        /// After access has ended.
        Ended,
    }
}

/// A time as RFC 3339, in whole seconds.
pub fn time_text(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

impl TermV1 {
    /// A copy of a term.
    pub fn of(principal: &Principal, term: &Term) -> Self {
        let Term { schedule: Schedule { from, before, attachment, until, then }, phase, days } = term;
        let policy = |of: &DeclaredAttachment| of.policy().map(ToString::to_string);
        Self {
            id: format!("{}/{}", principal.kind(), principal.name()),
            phase: match phase {
                Phase::NotBegun => PhaseV1::NotBegun,
                Phase::InForce => PhaseV1::InForce,
                Phase::Ended => PhaseV1::Ended,
            },
            policy: policy(attachment).unwrap_or_default(),
            from: from.map(|from| from.to_string()),
            begins: from.map(|from| time_text(from.begin())),
            before: policy(before),
            until: until.map(|until| until.to_string()),
            ends: until.map(Moment::end).map(time_text),
            then: policy(then),
            revokes_keys: *then == DeclaredAttachment::Revoked,
            days: *days,
        }
    }
}
