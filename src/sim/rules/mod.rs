//! What a cluster does with a call: functions on the state that answer or refuse, with no network in them.
//!
//! Every change has the form `fn(&mut State, &Caller, …) -> Result<_, Refusal>`, so that any face of the simulator
//! can call it under the lock of the store.

pub mod attachments;
mod caller;
pub mod document;
pub mod groups;
pub mod policies;
mod refusal;
pub mod s3;
pub mod sts;
pub mod tenants;
pub mod users;

pub use caller::Caller;
pub use refusal::Refusal;

#[cfg(test)]
pub(super) mod testing;
