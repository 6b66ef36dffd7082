//! Parallel work. The number of threads never changes a result.

use rayon::prelude::*;

/// Fewer items than this are not worth a thread.
const FEW: usize = 8;

/// Maps each item, in order, in parallel if there are many.
pub fn map<T: Send, R: Send>(items: Vec<T>, of: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    if items.len() < FEW { items.into_iter().map(of).collect() } else { items.into_par_iter().map(of).collect() }
}
