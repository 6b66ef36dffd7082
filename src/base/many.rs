//! Work on many things, several at a time. What comes of it does not depend on how many.

use rayon::prelude::*;

/// So few are not worth beginning threads for.
const FEW: usize = 8;

/// What `of` makes of each, in their order; several at a time where there are many.
pub fn map<T: Send, R: Send>(items: Vec<T>, of: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    map_each(FEW, items, of)
}

/// The same of large things, of which a few are many.
pub fn map_large<T: Send, R: Send>(items: Vec<T>, of: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    map_each(2, items, of)
}

fn map_each<T: Send, R: Send>(few: usize, items: Vec<T>, of: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    if items.len() < few { items.into_iter().map(of).collect() } else { items.into_par_iter().map(of).collect() }
}

/// Does two things, at the same time where there are so many things to do that it is worth it.
pub fn both<A: Send, B: Send>(
    many: usize,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    if many < FEW { (first(), second()) } else { rayon::join(first, second) }
}
