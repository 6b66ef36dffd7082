//! The S3 cluster as a whole: that it is there, and the call that deletes it.

use super::{Caller, Refusal};
use crate::sim::state::State;

/// Lets a call to S3 through while there is an S3 cluster.
///
/// # Errors
/// The S3 cluster was deleted. What a real cluster answers then is unknown.
pub fn is_there(state: &State) -> Result<(), Refusal> {
    if state.s3_deleted { Err(Refusal::invalid("S3 cluster is not configured")) } else { Ok(()) }
}

/// Deletes the S3 cluster. Here it is only marked as deleted, to be seen and taken back in the state file.
///
/// # Errors
/// The caller may not, or it is deleted already.
pub fn delete(state: &mut State, caller: &Caller) -> Result<(), Refusal> {
    caller.may_rule()?;
    is_there(state)?;
    state.s3_deleted = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing;

    #[test]
    fn deleting_s3_is_marked_and_happens_once() {
        let mut state = testing::cluster("4.0");
        delete(&mut state, &testing::admin()).unwrap();
        assert!(state.s3_deleted && is_there(&state).is_err());
        assert!(delete(&mut state, &testing::admin()).is_err());
    }
}
