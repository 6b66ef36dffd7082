//! When access begins and ends, as parts of plans, drifts and reports.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::base::Principal;
use crate::desired::{DeclaredAttachment, Moment, Phase, Term};

json_types! {
    /// When the access of a declared user or group begins and ends.
    #[derive(PartialEq, Eq)]
    pub struct TermV1 of(principal: &Principal, term: &Term) {
        /// The user or group: `user/NAME` or `group/NAME`.
        id: String = format!("{}/{}", principal.kind(), principal.name()),
        /// Where the time of the run is.
        phase: Phase = term.phase,
        /// The policy that the user or group has in between.
        policy: String = policy(&term.schedule.attachment).unwrap_or_default(),
        /// When access begins, as a day or a time in UTC; missing when it has no beginning.
        from?: String = term.schedule.from.map(|from| from.to_string()),
        /// The first instant of access (RFC 3339, UTC); missing when it has no beginning.
        begins?: String = term.schedule.from.map(|from| time_text(from.begin())),
        /// The policy before access begins; missing when it is none.
        before?: String = policy(&term.schedule.before),
        /// When access ends, as a day or a time in UTC; missing when it has no end.
        until?: String = term.schedule.until.map(|until| until.to_string()),
        /// The first instant without access (RFC 3339, UTC); missing when it has no end.
        ends?: String = term.schedule.until.map(Moment::end).map(time_text),
        /// The policy after access ends; missing when it is none.
        then?: String = policy(&term.schedule.then),
        /// Whether the keys of the user are revoked at the end.
        revokes_keys: bool = term.schedule.then == DeclaredAttachment::Revoked,
        /// How many days it is until access begins or ends, by the calendar in UTC; missing when neither comes.
        days?: i64 = term.days,
    }

}

/// A time as RFC 3339, in whole seconds.
pub fn time_text(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

fn policy(of: &DeclaredAttachment) -> Option<String> {
    of.policy().map(ToString::to_string)
}
