//! How fast something grows.

/// The power of x that y grows with: the slope of the straight line that lies best through the logarithms of all.
pub(crate) fn power(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|(x, _)| *x), mean(|(_, y)| *y));
    let (rise, run) =
        logs.iter().fold((0.0, 0.0), |(rise, run), (a, b)| (rise + (a - x) * (b - y), run + (a - x).powi(2)));
    rise / run
}
