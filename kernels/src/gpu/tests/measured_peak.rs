//! The measured peak of a device: roofline bounds, and work that is left out.

use super::super::measured_peak::arithmetic::{
    DOT_CHAINS, DOT_SUMMAND, DOT_WEIGHTS, ROUNDS, STEPS, dot_step,
};
use super::super::measured_peak::{Effort, measure_peak_with};
use super::*;

const LITTLE: Effort =
    Effort { enough_ms: 0.0, repeat_ms: 0.0, large_bytes: 16 << 20, by_clock: true };

#[test]
fn the_bound_of_a_step_is_that_of_memory_or_arithmetic() {
    let peak = MeasuredPeak {
        by_clock: true,
        copy: 100e9,
        copied: 0,
        copy_again: 1e12,
        f32: 2e12,
        f16: None,
        int8: 8e12,
        dispatch_ms: 0.004,
        submit_ms: 0.1,
    };
    // A hundred megabytes take a millisecond, two thousand million operations as well.
    assert_eq!(peak.bound_ms(0, 100_000_000, false), 1.0);
    assert_eq!(peak.bound_ms(2_000_000_000, 0, false), 1.0);
    assert_eq!(peak.bound_ms(3_000_000_000, 100_000_000, false), 1.5);
    assert_eq!(peak.bound_ms(3_000_000_000, 100_000_000, true), 1.0);
    assert_eq!(peak.bound_ms(16_000_000_000, 100_000_000, true), 2.0);
}

#[test]
fn the_timed_work_is_done() {
    let gpu = gpu_or_skip!(device());
    // Wall times are told from those of a submit where work is not too short.
    let by_wall = Effort { enough_ms: 2.0, by_clock: false, ..LITTLE };
    for effort in [LITTLE, by_wall] {
        let peak = measure_peak_with(&gpu, effort, &|text| text.into()).unwrap();
        assert_eq!(peak.by_clock, effort.by_clock && gpu.has_clock());
        assert_eq!(peak.f16.is_some(), gpu.runs(Precision::F16));
        let rates = [peak.copy, peak.copy_again, peak.f32, peak.int8, peak.f16.unwrap_or(1.0)];
        assert!(rates.iter().all(|rate| rate.is_finite() && *rate > 0.0), "{peak:?}");
        assert!(peak.dispatch_ms > 0.0 && peak.submit_ms > 0.0, "{peak:?}");
    }
}

#[test]
fn no_chain_of_bytes_comes_back() {
    for first in 0..16 * DOT_CHAINS {
        let mut seen = std::collections::BTreeSet::from([first]);
        let mut value = first;
        for _ in 0..ROUNDS * STEPS {
            value = dot_step(value, DOT_WEIGHTS, DOT_SUMMAND);
            assert!(seen.insert(value), "{first} comes back to {value}");
        }
    }
}

#[test]
fn work_that_is_left_out_is_noticed() {
    let gpu = gpu_or_skip!(device());
    let mutants = [
        (mutant("copied[i] = source[i];", "if i % 64u != 63u { copied[i] = source[i]; }"), "copy"),
        (mutant("copied[i] = source[i];", "copied[i] = source[i / 2u];"), "copy"),
        (mutant("a = a * m + s; b", "a = a + s * 0; b"), "multiply_add"),
        (mutant("round < params.rounds", "round + 1u < params.rounds"), "multiply_add"),
        (mutant("h = n(h);\n    }", "\n    }"), "dot"),
        (mutant("params.weights)", "params.weights ^ 1u)"), "dot"),
        (mutant("count[0] += 1u;", "count[0] |= 1u;"), "wait"),
    ];
    for (mutant, shader) in mutants {
        let change = |text: &str| text.replace(mutant.from, mutant.to);
        let found = measure_peak_with(&gpu, LITTLE, &change);
        let Err(error) = found else { panic!("{} in {shader}: {found:?}", mutant.to) };
        assert_eq!(error.kind(), GpuErrorKind::Wrong, "{error}");
        assert!(format!("{error}").contains(&format!("shader {shader} left")), "{error}");
    }
}
