//! Work on many things, several at a time.

use rayon::prelude::*;

/// So few are not worth beginning threads for.
const FEW: usize = 8;

/// What `of` makes of each, in their order; several at a time where there are many. `of` is called for each once, in any
/// order.
pub fn map<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    if items.len() < FEW { items.iter().map(of).collect() } else { items.par_iter().map(of).collect() }
}
