//! Two ordered maps, walked side by side.

use std::collections::BTreeMap;

use itertools::{EitherOrBoth, Itertools};

/// Every key of the two, in order, with what each has of it: one walk, without looking any key up.
pub(super) fn merged<'a, K: Ord, A, B>(
    first: &'a BTreeMap<K, A>,
    second: &'a BTreeMap<K, B>,
) -> impl Iterator<Item = (&'a K, Option<&'a A>, Option<&'a B>)> {
    first.iter().merge_join_by(second, |(a, _), (b, _)| a.cmp(b)).map(|side| match side {
        EitherOrBoth::Left((key, a)) => (key, Some(a), None),
        EitherOrBoth::Right((key, b)) => (key, None, Some(b)),
        EitherOrBoth::Both((key, a), (_, b)) => (key, Some(a), Some(b)),
    })
}
