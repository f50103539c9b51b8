//! Rank correlation.

/// Spearman's rank correlation of `pairs`; tied values share their mean rank (Spearman 1904).
///
/// NaN where either side has fewer than two different values.
pub(super) fn spearman(pairs: &[[f64; 2]]) -> f64 {
    let side = |s: usize| ranks(&pairs.iter().map(|p| p[s]).collect::<Vec<_>>());
    let (a, b) = (side(0), side(1));
    // The mean of all ranks, with and without ties.
    let middle = (pairs.len() as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// Rank of each value, counted from 1.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        equal.iter().for_each(|&i| ranks[i] = rank);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_their_mean_rank() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 7.0]), [2.5, 1.0, 2.5, 4.0]);
    }

    #[test]
    fn correlation_by_hand() {
        let rising = [[1.0, 10.0], [2.0, 100.0], [3.0, 101.0]];
        assert_eq!(spearman(&rising), 1.0);
        assert_eq!(spearman(&rising.map(|[a, b]| [a, -b])), -1.0);
        // Ranks 1 2 3 4 against 2 1 4 3: 1 - 6 · 4 / (4 · 15).
        let mixed = [[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0]];
        assert!((spearman(&mixed) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_rank_is_not_a_number() {
        assert!(spearman(&[]).is_nan());
        assert!(spearman(&[[1.0, 2.0]]).is_nan());
        assert!(spearman(&[[1.0, 2.0], [1.0, 3.0]]).is_nan());
    }
}
