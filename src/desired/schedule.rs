//! Access that begins and ends: the schedule of a user or group, and the desired state at an instant.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, UtcOffset};
use toml::value::{Datetime, Offset};

use super::{DeclaredAttachment, Desired, PrincipalEntry};
use crate::base::Principal;

/// The word of `before` and `then` for no policy.
pub(super) const DETACHED: &str = "detached";

/// A day, or an instant, that a configuration names. Days begin and end at midnight in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A whole day.
    Day(Date),
    /// An instant in UTC, from a date-time with an offset.
    Instant(OffsetDateTime),
}

impl Moment {
    /// The first instant of it.
    pub fn begin(self) -> OffsetDateTime {
        match self {
            Self::Day(day) => day.midnight().assume_utc(),
            Self::Instant(instant) => instant,
        }
    }

    /// The first instant after it: of a day, the midnight at its end.
    pub fn end(self) -> OffsetDateTime {
        match self {
            // The last day that a date can be has no end.
            Self::Day(day) => day.next_day().map_or(PrimitiveDateTime::MAX, Date::midnight).assume_utc(),
            Self::Instant(instant) => instant,
        }
    }

    /// The day in UTC.
    pub fn day(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Instant(instant) => instant.date(),
        }
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    /// Reads a date, or a date-time with an offset, as TOML writes them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NEITHER: &str = "neither a day nor a time";
        let written: Datetime = text.parse().map_err(|_| NEITHER)?;
        let day = written.date.ok_or("a time without a day")?;
        let month = Month::try_from(day.month).map_err(|_| NEITHER)?;
        let day = Date::from_calendar_date(day.year.into(), month, day.day).map_err(|_| NEITHER)?;
        let Some(time) = written.time else { return Ok(Self::Day(day)) };
        let seconds = time.second.unwrap_or(0);
        let time = time::Time::from_hms_nano(time.hour, time.minute, seconds, time.nanosecond.unwrap_or(0));
        let minutes = match written.offset {
            None => return Err("a time without an offset from UTC"),
            Some(Offset::Z) => 0,
            Some(Offset::Custom { minutes }) => i32::from(minutes),
        };
        let offset = UtcOffset::from_whole_seconds(minutes * 60).map_err(|_| NEITHER)?;
        let instant = day.with_time(time.map_err(|_| NEITHER)?).assume_offset(offset);
        instant.checked_to_offset(UtcOffset::UTC).map(Self::Instant).ok_or("a day that attune cannot count to")
    }
}

impl fmt::Display for Moment {
    /// As TOML writes it, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Instant(at) => {
                write!(f, "{}T{:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())?;
                match at.nanosecond() {
                    0 => {}
                    nanos => write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0'))?,
                }
                f.write_str("Z")
            }
        }
    }
}

/// The access of a user or group that begins, ends, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When it begins; `None` if it has begun.
    pub from: Option<Moment>,
    /// What the user or group has before.
    pub before: DeclaredAttachment,
    /// What it has in between: a policy.
    pub attachment: DeclaredAttachment,
    /// When it ends; `None` if it does not.
    pub until: Option<Moment>,
    /// What the user or group has then.
    pub then: DeclaredAttachment,
}

/// Where a time is in a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PhaseV1")]
pub enum Phase {
    /// Before access begins.
    NotBegun,
    /// While access is in force.
    InForce,
    /// After access has ended.
    Ended,
}

impl Schedule {
    /// Where an instant is.
    pub fn phase(&self, now: OffsetDateTime) -> Phase {
        if self.until.is_some_and(|until| until.end() <= now) {
            return Phase::Ended;
        }
        if self.from.is_some_and(|from| now < from.begin()) { Phase::NotBegun } else { Phase::InForce }
    }

    /// What the user or group has in a phase.
    pub fn during(&self, phase: Phase) -> &DeclaredAttachment {
        match phase {
            Phase::NotBegun => &self.before,
            Phase::InForce => &self.attachment,
            Phase::Ended => &self.then,
        }
    }

    /// The schedule after an edit gave its user or group another attachment in a phase. Dates stay only with a policy that
    /// is in force.
    #[must_use]
    pub fn edited(&self, phase: Phase, attachment: &DeclaredAttachment) -> Option<Self> {
        let stays = phase == Phase::InForce && matches!(attachment, DeclaredAttachment::Has(_));
        stays.then(|| Self { attachment: attachment.clone(), ..self.clone() })
    }

    /// The term at an instant.
    pub fn term(&self, now: OffsetDateTime) -> Term {
        let phase = self.phase(now);
        let next = match phase {
            Phase::NotBegun => self.from,
            Phase::InForce => self.until,
            Phase::Ended => None,
        };
        let days = next.map(|next| (next.day() - now.to_offset(UtcOffset::UTC).date()).whole_days());
        Term { schedule: self.clone(), phase, days }
    }

    /// What the user or group has before and then.
    pub(super) fn others(&self) -> impl Iterator<Item = &DeclaredAttachment> {
        [self.from.map(|_| &self.before), self.until.map(|_| &self.then)].into_iter().flatten()
    }
}

/// A schedule, and where an instant is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The schedule.
    pub schedule: Schedule,
    /// The phase.
    pub phase: Phase,
    /// How many days it is until the next phase, by the calendar in UTC; `None` if there is none.
    pub days: Option<i64>,
}

/// The instant of a desired state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// The instant.
    pub at: OffsetDateTime,
    /// Whether the command line gives it.
    pub is_given: bool,
}

impl Desired {
    /// The desired state at an instant. It only depends on the schedules, so it can be asked again for another instant.
    pub fn at(mut self, as_of: AsOf) -> Self {
        for (principal, schedule) in &self.schedules {
            let entry = match principal {
                Principal::User(user) => self.users.get_mut(user),
                Principal::Group(group) => self.groups.get_mut(group),
            };
            if let Some(entry) = entry {
                entry.intent = schedule.during(schedule.phase(as_of.at)).clone();
            }
        }
        self.as_of = Some(as_of);
        self
    }

    /// The term of a declared user or group that has a schedule.
    pub fn term(&self, principal: &Principal) -> Option<Term> {
        self.entry(principal)?;
        Some(self.schedules.get(principal)?.term(self.as_of?.at))
    }

    /// The declared users and groups that have a schedule, with their terms: users first, each in the order of their names.
    pub fn terms(&self) -> impl Iterator<Item = (&Principal, Term)> {
        self.schedules.keys().filter_map(|principal| Some((principal, self.term(principal)?)))
    }

    /// Whether it has schedules, and nobody said for which instant it is.
    pub fn is_timeless(&self) -> bool {
        self.as_of.is_none() && !self.schedules.is_empty()
    }

    /// Declares another attachment, as an edit of the configuration does.
    pub fn attach(&mut self, principal: &Principal, attachment: &DeclaredAttachment) {
        if self.entry(principal).is_some_and(|entry| entry.intent == *attachment) {
            return;
        }
        let term = self.term(principal);
        match term.and_then(|term| term.schedule.edited(term.phase, attachment)) {
            Some(schedule) => _ = self.schedules.insert(principal.clone(), schedule),
            None => _ = self.schedules.remove(principal),
        }
        let entry = PrincipalEntry { intent: attachment.clone(), at: None };
        match principal {
            Principal::User(user) => _ = self.users.insert(user.clone(), entry),
            Principal::Group(group) => _ = self.groups.insert(group.clone(), entry),
        }
    }

    /// The declared users and groups with everything that they have, now or at another time.
    pub fn ever(&self) -> Vec<(Principal, &PrincipalEntry, &DeclaredAttachment)> {
        let mut ever = Vec::new();
        for (principal, entry) in self.principals() {
            let schedule = self.schedules.get(&principal);
            let own = schedule.map_or(&entry.intent, |schedule| &schedule.attachment);
            let others = schedule.into_iter().flat_map(Schedule::others);
            ever.extend(std::iter::once(own).chain(others).map(|attachment| (principal.clone(), entry, attachment)));
        }
        ever
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UserName;
    use crate::desired::testing::desired;

    fn at(text: &str) -> AsOf {
        AsOf { at: text.parse::<Moment>().unwrap().begin(), is_given: false }
    }

    /// What each user has at an instant, by the configuration.
    fn users(desired: &Desired, now: &str) -> Vec<String> {
        let resolved = desired.clone().at(at(now));
        let has = |(user, entry): (&UserName, &PrincipalEntry)| match &entry.intent {
            DeclaredAttachment::Has(policy) => format!("{user}={policy}"),
            DeclaredAttachment::Detached => format!("{user}=-"),
            DeclaredAttachment::Revoked => format!("{user}=revoked"),
        };
        resolved.users.iter().map(has).collect()
    }

    #[test]
    fn days_are_whole_and_in_utc() {
        let desired = desired(
            "[policies.p]\nattached_to = [{ user = 'a', from = 2030-05-01, until = 2030-05-02, then = 'readonly' }]\n\
             [[policies.p.statement]]\neffect = 'Allow'\naction = 's3:*'\nresource = '*'\n\
             [users]\nb = { policy = 'p', until = 2030-05-01T01:30:00+01:30, revoke_keys = true }\nc = 'p'\n",
        );
        for (now, expected) in [
            ("2030-04-30T23:59:59.999999999Z", ["a=-", "b=p", "c=p"]),
            ("2030-05-01T00:00:00Z", ["a=p", "b=revoked", "c=p"]),
            ("2030-05-02T23:59:59Z", ["a=p", "b=revoked", "c=p"]),
            ("2030-05-03T02:00:00+02:01", ["a=p", "b=revoked", "c=p"]),
            ("2030-05-03T02:00:00+02:00", ["a=readonly", "b=revoked", "c=p"]),
        ] {
            assert_eq!(users(&desired, now), expected, "{now}");
            let later = desired.clone().at(at("2031-01-01")).at(at(now));
            assert_eq!(users(&later, now), expected, "{now}, asked again");
        }
    }

    #[test]
    fn a_moment_is_a_day_or_has_an_offset() {
        for (text, shown) in [
            ("2030-12-31", "2030-12-31"),
            ("2030-12-31T18:00:00+05:30", "2030-12-31T12:30:00Z"),
            ("2030-12-31 23:59:59.25z", "2030-12-31T23:59:59.25Z"),
            ("2031-01-01T00:30:00+14:00", "2030-12-31T10:30:00Z"),
            ("9999-12-31", "9999-12-31"),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.to_string(), shown);
            assert_eq!(shown.parse(), Ok(moment));
            assert!(moment.begin() <= moment.end(), "{text}");
        }
        for text in ["", "2030-12", "2030-02-30", "18:00:00Z", "2030-12-31T18:00:00", "2030-12-31T24:00:00Z", "today"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_days_left_are_those_of_the_calendar() {
        let desired =
            desired("[users]\na = { policy = 'readonly', from = 2030-05-01, until = 2030-05-02T12:00:00Z }\n");
        let left = |now| {
            let term = desired.clone().at(at(now)).term(&Principal::User(UserName::parse("a").unwrap())).unwrap();
            (term.phase, term.days)
        };
        assert_eq!(left("2030-04-29T23:00:00Z"), (Phase::NotBegun, Some(2)));
        assert_eq!(left("2030-05-01T00:00:00Z"), (Phase::InForce, Some(1)));
        assert_eq!(left("2030-05-02T11:59:59Z"), (Phase::InForce, Some(0)));
        assert_eq!(left("2030-05-02T12:00:00Z"), (Phase::Ended, None));
    }
}
