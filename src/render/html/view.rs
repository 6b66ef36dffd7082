//! The access matrix as it is shown: columns that are equal put together, and only rows that have something.

use std::collections::BTreeMap;

use super::text::Who;
use crate::render::json::{BucketV1, CellV1, GradesV1, ReportV1};

/// Grades before and after.
pub(super) type Pair = (GradesV1, GradesV1);

/// The matrix as it is shown.
pub(super) struct View<'a> {
    /// Its columns.
    pub(super) columns: Vec<Vec<&'a BucketV1>>,
    /// Its rows.
    pub(super) rows: Vec<RowView>,
    /// Who has no access to any bucket.
    pub(super) without: Vec<String>,
}

/// A row.
pub(super) struct RowView {
    /// Who it is about.
    pub(super) holders: Vec<String>,
    /// The cells with something, by column.
    pub(super) cells: BTreeMap<usize, Pair>,
}

impl<'a> View<'a> {
    pub(super) fn of(report: &'a ReportV1) -> Self {
        let mut by_bucket: BTreeMap<&str, Vec<(usize, Pair)>> = BTreeMap::new();
        for (row, cell) in report.rows.iter().enumerate().flat_map(|(row, of)| of.cells.iter().map(move |c| (row, c))) {
            let CellV1 { bucket, before, after } = cell;
            by_bucket.entry(bucket).or_default().push((row, (*before, *after)));
        }
        let mut columns: Vec<Vec<&BucketV1>> = Vec::new();
        let mut places: BTreeMap<Vec<(usize, Pair)>, usize> = BTreeMap::new();
        for bucket in &report.buckets {
            let Some(cells) = by_bucket.get(bucket.name.as_str()) else { continue };
            let place = *places.entry(cells.clone()).or_insert_with(|| {
                columns.push(Vec::new());
                columns.len() - 1
            });
            columns[place].push(bucket);
        }
        let mut cells: Vec<BTreeMap<usize, Pair>> = report.rows.iter().map(|_| BTreeMap::new()).collect();
        for (column, (row, pair)) in places.iter().flat_map(|(of, place)| of.iter().map(move |cell| (*place, *cell))) {
            cells[row].insert(column, pair);
        }
        let (mut rows, mut without) = (Vec::new(), Vec::new());
        for (row, cells) in report.rows.iter().zip(cells) {
            let holders: Vec<String> = row.principals.iter().map(Who::label).collect();
            if cells.is_empty() {
                without.extend(holders);
            } else {
                rows.push(RowView { holders, cells });
            }
        }
        Self { columns, rows, without }
    }
}
