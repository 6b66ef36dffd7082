//! Asking the S3 service itself: whether it lets through what the documents allow, and denies the rest.
//!
//! `questions` derives what to ask from a document, `run` asks, and `outcome` says what the answers tell.

mod outcome;
mod questions;
mod regions;
mod run;
mod service;
mod settings;

pub use outcome::{Answered, KindOutcome, Left, Outcome, Problem, Verified};
pub use questions::{Claim, NotAsked, Question, Questions, Scope, questions};
pub use run::{reach, verify};
pub use service::{Asking, Store};
