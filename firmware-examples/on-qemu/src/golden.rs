//! Compares console output with golden files.

use std::fs;

use crate::repository;

/// Tolerance between processors with different vector units, mm; also the step length of the blades.
const TOLERANCE_MM: f64 = 0.5;

/// Compares lines with `golden/qemu.txt` of an example. Words must be equal, numbers with a decimal point may differ by
/// [`TOLERANCE_MM`], and `*` in the file matches any word.
pub fn assert_golden(example: &str, shown: &[String]) {
    let path = repository().join("firmware-examples").join(example).join("golden/qemu.txt");
    let golden = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let golden: Vec<&str> = golden.lines().collect();
    let same = golden.len() == shown.len() && golden.iter().zip(shown).all(|(g, s)| is_like(g, s));
    assert!(same, "expected\n{}\nfound\n{}", golden.join("\n"), shown.join("\n"));
}

fn is_like(golden: &str, shown: &str) -> bool {
    let (golden, shown): (Vec<&str>, Vec<&str>) =
        (golden.split(' ').collect(), shown.split(' ').collect());
    golden.len() == shown.len() && golden.iter().zip(&shown).all(|(g, s)| is_like_word(g, s))
}

fn is_like_word(golden: &str, shown: &str) -> bool {
    match (golden.parse::<f64>(), shown.parse::<f64>()) {
        (Ok(g), Ok(s)) if golden.contains('.') => (g - s).abs() <= TOLERANCE_MM,
        _ => golden == "*" || golden == shown,
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn only_lengths_have_a_tolerance() {
        assert!(is_like("3: 80.50 * ms", "3: 80.90 17 ms"));
        assert!(!is_like("3: 80.50 mm", "3: 81.10 mm"));
        assert!(!is_like("3: 80.50", "4: 80.50"));
        assert!(!is_like("19 landmarks", "18 landmarks"));
        assert!(!is_like("a b", "a"));
        assert!(!is_like("80.50", "80.50 ?"));
    }
}
