//! Parallel work. The number of threads never changes a result.

use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// Fewer items than this are not worth a thread.
const FEW: usize = 8;

/// Maps each item, in order, in parallel if there are many.
pub fn map<T: Send, R: Send>(items: Vec<T>, of: impl Fn(T) -> R + Sync) -> Vec<R> {
    // On Linux, the number of threads is in several files.
    let threads = || available_parallelism().map_or(1, usize::from);
    let each = if items.len() <= FEW { FEW } else { items.len().div_ceil(threads()).max(FEW) };
    if items.len() <= each {
        return items.into_iter().map(of).collect();
    }
    let (mut items, of) = (items.into_iter(), &of);
    scope(|scope| {
        let chunk = || Some(items.by_ref().take(each).collect::<Vec<T>>()).filter(|chunk| !chunk.is_empty());
        let start = |chunk: Vec<T>| scope.spawn(move || chunk.into_iter().map(of).collect::<Vec<R>>());
        let running: Vec<_> = std::iter::from_fn(chunk).map(start).collect();
        running.into_iter().flat_map(|chunk| chunk.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_order() {
        for count in [0, 1, 7, 8, 9, 100, 1_001] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(super::map(items.clone(), |item| item), items);
        }
    }
}
