//! How many API calls at once the open files of the process allow.

use std::sync::Once;

use rustix::process::{Resource, getrlimit};

/// Open files per call: its connection or program, an emergency file, and the storing of a secret.
const FILES_PER_CALL: u64 = 8;

/// Open files of a run beside its calls, including those of a simulated cluster.
const OTHER_FILES: u64 = 24;

/// The number of calls for which the open files of the process suffice; any, if they have no limit.
pub(super) fn affordable_calls() -> Option<usize> {
    let files = getrlimit(Resource::Nofile).current?;
    usize::try_from(files.saturating_sub(OTHER_FILES) / FILES_PER_CALL).ok().map(|calls| calls.max(1))
}

/// So many calls at once, or as many as the open files allow.
pub(super) fn affordable(jobs: u16) -> u16 {
    let Some(most) = affordable_calls() else { return jobs };
    let most = u16::try_from(most).unwrap_or(u16::MAX).min(jobs);
    if most < jobs {
        // Once for all clusters.
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            tracing::warn!("limiting API calls to {most} at once: the open file limit is too low (`ulimit -n`)");
        });
    }
    most
}
