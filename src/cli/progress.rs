//! What a run shows of its progress, and how Ctrl-C ends it: the first finishes the calls in flight, the second stops at once, the
//! third also stops the storing of a secret.

use std::io;
use std::task::Poll;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use serde_json::json as object;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::Output;
use super::state::Journal;
use crate::apply::{Progress, SecretStore, StepOutcome, StopSignal, StoredIn};
use crate::base::{UserName, visible, visible_lines};
use crate::keys::{KeyRecord, Revoked};
use crate::plan::Step;
use crate::render::json::RevokedV1;
use crate::render::text;

/// Shows and records the progress of a run.
pub(super) struct RunProgress<'a> {
    bar: ProgressBar,
    journal: &'a Journal,
}

impl<'a> RunProgress<'a> {
    /// Progress of so many steps or users.
    pub(super) fn new(steps: usize, journal: &'a Journal, output: &Output) -> Self {
        let bar = progress_bar(u64::try_from(steps).ok(), output);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, journal }
    }

    pub(super) fn print(&self, text: &str) {
        self.bar.suspend(|| {
            // A closed stderr cannot be reported anywhere.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", visible_lines(text)));
        });
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for RunProgress<'_> {
    fn started(&self, step: &Step) {
        self.journal.started(step);
        self.bar.set_message(visible(&text::call(step)).into_owned());
    }

    fn ended(&self, step: &Step, outcome: &StepOutcome) {
        self.journal.ended(step, outcome);
        self.bar.inc(1);
    }

    fn keys_stored(&self, user: &UserName, stored: &StoredIn) {
        self.journal.keys_stored(user, stored);
    }
}

/// A bar on stderr, if progress is shown.
pub(super) fn progress_bar(length: Option<u64>, output: &Output) -> ProgressBar {
    let target = if output.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(length, target)
}

impl KeyRecord for RunProgress<'_> {
    fn generating(&self, user: &UserName) -> io::Result<()> {
        self.bar.set_message(visible(user.as_str()).into_owned());
        // If the machine stops before the secret is stored, only this line says so.
        self.journal.write_synced(object!({"event": "generating", "user": user.as_str()}))
    }

    fn stored(&self, user: &UserName, stored: &StoredIn) {
        self.journal.keys_stored(user, stored);
        self.bar.inc(1);
    }

    fn not_generated(&self, user: &UserName) {
        self.journal.note(object!({"event": "not_generated", "user": user.as_str()}));
        self.bar.inc(1);
    }

    fn revoked(&self, revoked: &Revoked) {
        self.journal.note(object!({"event": "revoked", "outcome": RevokedV1::of(revoked)}));
        self.bar.inc(1);
    }
}

/// How long an observation may take before its progress is shown.
const DELAY: Duration = Duration::from_secs(1);

/// Counts the reads of an observation. Disappears when it is dropped.
pub(super) struct ReadProgress(ProgressBar);

impl ReadProgress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let bar = bar.with_finish(ProgressFinish::AndClear);
        if let Ok(style) = ProgressStyle::with_template("{spinner} reading the cluster: {pos} responses in {elapsed}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn inc(&self) {
        if self.0.is_hidden() && self.0.elapsed() > DELAY {
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.inc(1);
    }
}

const STOPPING: &str = "interrupted: finishing API calls in flight; press Ctrl-C again to stop at once";

const STORING: &str = "interrupted again: storing new secrets; press Ctrl-C again to leave them in emergency files";

/// Runs work that stores no secret to its end. The first interruption (Ctrl-C, SIGTERM, SIGHUP) sets `stop`, unless it is set
/// already. After the second there is no result. `print` gets a message for the first. One `Interruptions` serves all pieces of
/// work of a command, so that no interruption is lost between two of them.
pub(super) async fn interruptible<T>(
    work: impl Future<Output = T>,
    (interruptions, stop): (&mut Interruptions, &StopSignal),
    mut print: impl FnMut(&str),
) -> Option<T> {
    tokio::pin!(work);
    if !stop.is_requested() {
        tokio::select! {
            biased;
            () = interruptions.next() => {}
            done = &mut work => return Some(done),
        }
        stop.request();
        print(STOPPING);
    }
    tokio::select! {
        biased;
        done = work => Some(done),
        () = interruptions.next() => None,
    }
}

/// The same for work that stores secrets: after the second interruption it continues only while a secret is being stored, and
/// there is no result.
pub(super) async fn interruptible_storing<T>(
    work: impl Future<Output = T>,
    (interruptions, stop): (&mut Interruptions, &StopSignal),
    secret_store: &SecretStore,
    mut print: impl FnMut(&str),
) -> Option<T> {
    tokio::pin!(work);
    if let Some(done) = interruptible(&mut work, (&mut *interruptions, stop), &mut print).await {
        return Some(done);
    }
    if secret_store.is_storing() {
        print(STORING);
    }
    // If nothing is being stored, this ends at once, after the work has read the responses that arrived.
    tokio::select! {
        biased;
        done = &mut work => Some(done),
        () = secret_store.idle() => None,
        () = interruptions.next() => None,
    }
}

/// The signals that end a process. All are caught from the start, so that none is lost. One that cannot be caught ends the
/// process.
pub(super) struct Interruptions([Option<Signal>; 3]);

impl Interruptions {
    pub(super) fn new() -> Self {
        Self([SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            let is_received = self.0.iter_mut().flatten().any(|kind| kind.poll_recv(cx) == Poll::Ready(Some(())));
            if is_received { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
