//! Measures the times of repeated runs within a span of time.

use std::time::{Duration, Instant};

use fiducia_trainer::statistics::{Rank, order_statistic};

use crate::Row;

/// Warm-up: fraction of the span, and largest number of runs.
const WARM_UP: (f64, usize) = (0.25, 100);
/// Largest number of measured runs.
const MOST: usize = 5000;

/// Times of runs, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub struct Times(Vec<f64>);

impl Times {
    /// Calls `run`, which returns its time, for `span`: at least one warm-up run (a quarter of the span),
    /// then at least three measured runs.
    ///
    /// # Errors
    /// That of the run that fails.
    pub fn of<E>(span: Duration, mut run: impl FnMut() -> Result<f64, E>) -> Result<Self, E> {
        let start = Instant::now();
        let mut runs = 0;
        while runs == 0 || runs < WARM_UP.1 && start.elapsed() < span.mul_f64(WARM_UP.0) {
            run()?;
            runs += 1;
        }
        let start = Instant::now();
        let mut times = Vec::new();
        while times.len() < 3 || times.len() < MOST && start.elapsed() < span {
            times.push(run()?);
        }
        Ok(Self::from(times))
    }

    /// Number of measured runs.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The `q`-quantile, 0 to 1, as a measured time; NaN without runs.
    pub fn quantile(&self, q: f64) -> f64 {
        order_statistic(self.0.clone(), q, Rank::InverseCdf, f64::total_cmp).unwrap_or(f64::NAN)
    }

    /// Rows for the median, the 10 % and 90 % quantiles, and the number of runs.
    pub fn rows(&self, name: &str) -> Vec<Row> {
        vec![
            Row::number(name, "median", self.quantile(0.5), "ms"),
            Row::number(name, "p10", self.quantile(0.1), "ms"),
            Row::number(name, "p90", self.quantile(0.9), "ms"),
            Row::number(name, "runs", self.count() as f64, ""),
        ]
    }
}

impl From<Vec<f64>> for Times {
    fn from(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_occurred() {
        let ten = Times::from((1..=10).rev().map(f64::from).collect::<Vec<_>>());
        assert_eq!([0.1, 0.5, 0.9].map(|part| ten.quantile(part)), [1.0, 5.0, 9.0]);
        let two = Times::from(vec![3.0, 2.0]);
        assert_eq!([0.1, 0.5, 0.9].map(|part| two.quantile(part)), [2.0, 2.0, 3.0]);
        assert!(Times::from(Vec::new()).quantile(0.5).is_nan());
    }

    #[test]
    fn the_first_run_does_not_count_and_three_do() {
        let mut next = 0.0;
        let times = Times::of(Duration::ZERO, || {
            next += 1.0;
            Ok::<f64, ()>(next)
        });
        assert_eq!(times, Ok(Times::from(vec![2.0, 3.0, 4.0])));
        assert_eq!(Times::of(Duration::ZERO, || Err::<f64, _>("lost")), Err("lost"));
    }
}
