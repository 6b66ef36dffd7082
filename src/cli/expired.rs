//! `apply --expired`: whether the clocks agree, and what has ended and stays.

use super::args::GlobalArgs;
use super::exit::{self, Failure};
use crate::base::{Finding, Principal};
use crate::desired::{AsOf, Desired};
use crate::plan::Expired;

/// By how many seconds the clock of a run of `--expired` may differ from the cluster's.
const CLOCK_TOLERANCE: i64 = 5 * 60;

/// Without an approval, the time alone decides. So two clocks must agree on it.
pub(super) fn check_clock(ahead: Option<i64>, global: &GlobalArgs) -> Result<(), Failure> {
    let AsOf { at, .. } = global.as_of();
    let Some(ahead) = ahead else {
        let message = "the cluster does not say what time it is, so `--expired` does nothing";
        return Err(Failure::new(&exit::CLOCK, message).help("apply with an approval instead"));
    };
    let ahead = ahead + (global.started - at).whole_seconds();
    if ahead.abs() <= CLOCK_TOLERANCE {
        return Ok(());
    }
    let (seconds, side) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
    let message =
        format!("the cluster's clock is {seconds} s {side} the time of this run, so `--expired` does nothing");
    Err(Failure::new(&exit::CLOCK, message).help("fix the wrong clock, with NTP; `--now` may differ by 5 minutes, too"))
}

/// A warning for each user or group whose access has ended and stays.
pub(super) fn not_ended(of: &Expired, desired: &Desired) -> Vec<Finding> {
    let finding = |(principal, why): (&Principal, &String)| {
        let message = format!("the access of {principal} has ended and stays: {why}");
        let at = desired.entry(principal).and_then(|entry| entry.at.clone());
        Finding::warning(exit::NOT_ENDED, message).at(at).help("run `attune plan`, and apply it with an approval")
    };
    of.left_out.iter().map(finding).collect()
}
