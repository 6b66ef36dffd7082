//! Reads a cluster for a plan, and evaluates access while the documents arrive.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::base::Reviewed;
use crate::cluster::{CallError, Cluster, observe_watched};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::plan::Ahead;
use crate::policy::Catalogue;

/// Reads what the plan of a configuration needs. Meanwhile, a thread evaluates what users and groups gain and lose by the
/// documents that are there.
pub(super) async fn observe_ahead(
    cluster: &dyn Cluster,
    reviewed: &Reviewed,
    jobs: usize,
) -> Result<(Observed, Option<Ahead>), CallError> {
    let (tell, told) = channel();
    let desired = reviewed.loaded.desired.clone();
    let thread = thread::spawn(move || evaluate(&desired, &told));
    let watch = |so_far: &Observed| _ = tell.send(so_far.clone());
    let observed = observe_watched(cluster, &reviewed.states(), jobs, &watch).await?;
    drop(tell);
    let ahead = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    Ok((observed, ahead))
}

fn evaluate(desired: &Desired, told: &Receiver<Observed>) -> Option<Ahead> {
    let mut ahead: Option<Ahead> = None;
    while let Ok(so_far) = told.recv() {
        // Of several, the last has the most documents.
        let so_far = told.try_iter().last().unwrap_or(so_far);
        let catalogue = || Catalogue::of(&so_far.identity.release);
        ahead.get_or_insert_with(|| Ahead::new(desired, catalogue())).answer(desired, &so_far);
    }
    ahead
}
