//! Parallel work. The number of threads never changes a result.

use rayon::prelude::*;

/// Fewer items than this are not worth a thread.
const FEW: usize = 8;

/// Maps each item, in order, in parallel if there are many.
pub fn map<T: Send, R: Send>(items: Vec<T>, of: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    map_each(FEW, items, of)
}

/// Like [`map`], for items so large that two are worth a thread.
pub fn map_large<T: Send, R: Send>(items: Vec<T>, of: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    map_each(2, items, of)
}

fn map_each<T: Send, R: Send>(few: usize, items: Vec<T>, of: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    if items.len() < few { items.into_iter().map(of).collect() } else { items.into_par_iter().map(of).collect() }
}

/// Runs both, in parallel if there are `many` items to work on.
pub fn both<A: Send, B: Send>(
    many: usize,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    if many < FEW { (first(), second()) } else { rayon::join(first, second) }
}
