//! The table: a line for each figure, with its bound.

use std::io::{self, Write};
use std::time::Duration;

use crate::Outcome;

/// A figure and its bound.
pub(crate) struct Row<'r> {
    /// The measured quantity.
    pub(crate) what: &'r str,
    /// The minimum cost of the network.
    pub(crate) floor: Option<f64>,
    /// The median of the runs.
    pub(crate) measured: f64,
    /// The unit of both.
    pub(crate) unit: &'static str,
    /// The bound of the figure.
    pub(crate) bound: Bound,
    /// How many requests a run made, and over how many connections.
    pub(crate) traffic: Option<(usize, usize)>,
}

impl<'r> Row<'r> {
    /// A figure that the network costs nothing of.
    pub(crate) fn of(what: &'r str, measured: f64, unit: &'static str, bound: Bound) -> Self {
        Self { what, floor: None, measured, unit, bound, traffic: None }
    }
}

/// The bound of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// So many times the floor, at most.
    Ratio(f64),
    /// So much, at most.
    Below(f64),
    /// So much, at least.
    Above(f64),
    /// It has no bound.
    None,
}

/// Writes the rows as they come.
pub(crate) struct Table<'t> {
    out: &'t mut dyn Write,
    /// Whether the figures are checked against their bounds.
    judges: bool,
}

impl<'t> Table<'t> {
    /// Writes the head.
    pub(crate) fn new(out: &'t mut dyn Write, judges: bool) -> io::Result<Self> {
        writeln!(
            out,
            "  {:<46} {:>9} {:>9} {:<7} {:>6}  {:<26} {:>8} {:>11}",
            "what", "floor", "measured", "", "ratio", "bound", "requests", "connections"
        )?;
        Ok(Self { out, judges })
    }

    /// Writes a row.
    pub(crate) fn row(&mut self, row: &Row<'_>) -> Outcome<()> {
        let number = |number: f64| if number < 100.0 { format!("{number:.1}") } else { format!("{number:.0}") };
        let ratio = row.floor.map(|floor| row.measured / floor);
        let verdict = |holds: bool| if holds { "holds" } else { "does not hold" };
        let bound = match row.bound {
            // Small runs say nothing about large ones.
            Bound::Ratio(_) | Bound::Below(_) | Bound::Above(_) if !self.judges => String::new(),
            Bound::Ratio(most) => format!("<= {most:.2}: {}", verdict(ratio.is_some_and(|ratio| ratio <= most))),
            Bound::Below(most) => format!("< {}: {}", number(most), verdict(row.measured < most)),
            Bound::Above(least) => format!(">= {}: {}", number(least), verdict(row.measured >= least)),
            Bound::None => String::new(),
        };
        let (requests, connections) = row
            .traffic
            .map_or_else(Default::default, |(requests, connections)| (requests.to_string(), connections.to_string()));
        let floor = row.floor.map(number).unwrap_or_default();
        let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let (what, measured, unit) = (row.what, number(row.measured), row.unit);
        let line = format!(
            "  {what:<46} {floor:>9} {measured:>9} {unit:<7} {ratio:>6}  {bound:<26} {requests:>8} {connections:>11}"
        );
        writeln!(self.out, "{}", line.trim_end())?;
        Ok(self.out.flush()?)
    }
}

/// In milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The median of some figures; of an even number, the upper one of the two in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
