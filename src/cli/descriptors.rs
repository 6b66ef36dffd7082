//! How many calls at once the machine has room for: each takes open files, and so does the secret that it may bring.

use std::fs::File;
use std::sync::OnceLock;

/// How many files a call may have open at once: its connection or its program, an emergency file, and what storing a secret
/// takes.
const PER_CALL: usize = 8;

/// How many files a run has open beside its calls, those of a cluster that is simulated included.
const BESIDE: usize = 16;

/// How many of so many calls at once there are descriptors for; at least one.
pub(super) fn affordable(jobs: usize) -> usize {
    static ROOM: OnceLock<usize> = OnceLock::new();
    let room = *ROOM.get_or_init(|| room(jobs * PER_CALL + BESIDE));
    let most = if room < jobs * PER_CALL + BESIDE { room.saturating_sub(BESIDE) / PER_CALL } else { jobs };
    if most < jobs {
        tracing::warn!("only {} calls at once: too few files may be open (`ulimit -n`)", most.max(1));
    }
    most.max(1)
}

/// How many more files can be opened, at most so many. There is no other way to tell that every system has.
fn room(wanted: usize) -> usize {
    let opened = (0..wanted).map_while(|_| File::open("/dev/null").ok());
    if cfg!(unix) { opened.collect::<Vec<_>>().len() } else { wanted }
}
