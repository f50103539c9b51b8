//! Descriptive statistics: mean, standard deviation, median, quantiles.
//!
//! There are two kinds of quantile. [`quantile`] interpolates between two values and serves the metrics of an
//! evaluation. [`order_statistic`] returns a value of the sample, by one of the [`Rank`] rules; limits in model
//! files, grey values and run times use it.

use std::cmp::Ordering;

/// Which value of a sorted sample `v[0] ≤ … ≤ v[n - 1]` stands for its `q`-quantile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// `v[floor(q · (n - 1))]`.
    Lower,
    /// `v[round(q · (n - 1))]`, halves rounded up.
    Nearest,
    /// `v[ceil(q · n) - 1]`: the least value that at least the fraction `q` of the sample does not exceed (Hyndman and
    /// Fan 1996, type 1).
    InverseCdf,
}

impl Rank {
    /// Index of the value in a sorted sample of `count` values, for `q` from 0 to 1.
    fn index(self, q: f64, count: usize) -> usize {
        let last = count.saturating_sub(1);
        let index = match self {
            Self::Lower => (q * last as f64) as usize,
            Self::Nearest => (q * last as f64).round() as usize,
            Self::InverseCdf => ((q * count as f64).ceil() as usize).max(1) - 1,
        };
        index.min(last)
    }
}

/// Arithmetic mean; NaN without values.
///
/// ```rust
/// assert_eq!(fiducia_trainer::statistics::mean(&[1.0, 2.0, 6.0]), 3.0);
/// ```
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation of a sample (divisor `n - 1`); 0 for a single value, NaN without values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|v| (v - centre).powi(2)).sum();
    match values.len() {
        0 => f64::NAN,
        count => (squares / (count.max(2) - 1) as f64).sqrt(),
    }
}

/// The middle value, or the mean of the two middle values of an even number; NaN without values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { (values[n / 2] + values[(n - 1) / 2]) / 2.0 }
}

/// The `q`-quantile, `q` from 0 to 1, interpolated linearly between the two nearest values (Hyndman and Fan 1996, type 7);
/// NaN without values.
///
/// ```rust
/// use fiducia_trainer::statistics::{Rank, order_statistic, quantile};
///
/// let errors_mm = [0.4, 0.8, 1.0, 2.0];
/// assert_eq!(quantile(&errors_mm, 0.5), 0.9);
/// // A value of the sample instead of an interpolated one:
/// assert_eq!(order_statistic(errors_mm.to_vec(), 0.5, Rank::Lower, f64::total_cmp), Some(0.8));
/// ```
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// The value that stands for the `q`-quantile, `q` from 0 to 1, by the rule `rank`; `None` without values. Takes time
/// linear in the number of values, which `compare` orders.
pub fn order_statistic<T: Copy>(
    mut values: Vec<T>,
    q: f64,
    rank: Rank,
    compare: impl FnMut(&T, &T) -> Ordering,
) -> Option<T> {
    if values.is_empty() {
        return None;
    }
    let index = rank.index(q, values.len());
    Some(*values.select_nth_unstable_by(index, compare).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_round_as_documented() {
        let at = |q, rank| order_statistic(vec![40, 10, 30, 20], q, rank, i32::cmp);
        let all = |q| [Rank::Lower, Rank::Nearest, Rank::InverseCdf].map(|rank| at(q, rank));
        assert_eq!(all(0.0), [Some(10); 3]);
        assert_eq!(all(0.5), [Some(20), Some(30), Some(20)]);
        assert_eq!(all(0.6), [Some(20), Some(30), Some(30)]);
        assert_eq!(all(1.0), [Some(40); 3]);
        assert_eq!(order_statistic(Vec::new(), 0.5, Rank::Lower, i32::cmp), None);
    }

    #[test]
    fn the_median_of_an_even_number_is_a_mean() {
        assert_eq!(median(vec![4.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
