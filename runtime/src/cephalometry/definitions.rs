//! The table of measures: name, unit, landmarks and formula of each; sources in `docs/cephalometry.md`.

use super::Unit;
use super::geometry::{Point, corner, incisors, length, turn};

/// How a measure is taken.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    pub(super) landmarks: &'static [&'static str],
    /// The value from the points in the order of `landmarks`; x points to the face's front, y down.
    pub(super) value: fn(&[Point]) -> f64,
}

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "SNA",
        unit: Unit::Degrees,
        landmarks: &["sella", "nasion", "subspinale"],
        value: |p| corner(p[0], p[1], p[2]),
    },
    Definition {
        name: "SNB",
        unit: Unit::Degrees,
        landmarks: &["sella", "nasion", "supramentale"],
        value: |p| corner(p[0], p[1], p[2]),
    },
    Definition {
        name: "ANB",
        unit: Unit::Degrees,
        landmarks: &["sella", "nasion", "subspinale", "supramentale"],
        value: |p| corner(p[0], p[1], p[2]) - corner(p[0], p[1], p[3]),
    },
    Definition {
        name: "SN-GoGn",
        unit: Unit::Degrees,
        landmarks: &["sella", "nasion", "gonion", "gnathion"],
        value: |p| turn([p[0], p[1]], [p[2], p[3]]),
    },
    Definition {
        name: "FMA",
        unit: Unit::Degrees,
        landmarks: &["porion", "orbitale", "gonion", "menton"],
        value: |p| turn([p[0], p[1]], [p[2], p[3]]),
    },
    Definition {
        name: "facial angle",
        unit: Unit::Degrees,
        landmarks: &["porion", "orbitale", "nasion", "pogonion"],
        value: |p| 180.0 - turn([p[0], p[1]], [p[2], p[3]]),
    },
    Definition {
        name: "convexity",
        unit: Unit::Degrees,
        landmarks: &["nasion", "subspinale", "pogonion"],
        value: |p| turn([p[0], p[1]], [p[1], p[2]]),
    },
    Definition {
        name: "Y axis",
        unit: Unit::Degrees,
        landmarks: &["porion", "orbitale", "sella", "gnathion"],
        value: |p| turn([p[0], p[1]], [p[2], p[3]]),
    },
    Definition {
        name: "saddle angle",
        unit: Unit::Degrees,
        landmarks: &["nasion", "sella", "articulare"],
        value: |p| corner(p[0], p[1], p[2]),
    },
    Definition {
        name: "articular angle",
        unit: Unit::Degrees,
        landmarks: &["sella", "articulare", "gonion"],
        value: |p| corner(p[0], p[1], p[2]),
    },
    Definition {
        name: "gonial angle",
        unit: Unit::Degrees,
        landmarks: &["articulare", "gonion", "menton"],
        value: |p| corner(p[0], p[1], p[2]),
    },
    Definition {
        name: "MMPA",
        unit: Unit::Degrees,
        landmarks: &["posterior_nasal_spine", "anterior_nasal_spine", "gonion", "menton"],
        value: |p| turn([p[0], p[1]], [p[2], p[3]]),
    },
    Definition {
        name: "ODI",
        unit: Unit::Degrees,
        landmarks: &[
            "subspinale",
            "supramentale",
            "gonion",
            "menton",
            "porion",
            "orbitale",
            "posterior_nasal_spine",
            "anterior_nasal_spine",
        ],
        value: |p| turn([p[2], p[3]], [p[0], p[1]]) + turn([p[4], p[5]], [p[6], p[7]]),
    },
    Definition {
        name: "APDI",
        unit: Unit::Degrees,
        landmarks: &["posterior_nasal_spine", "anterior_nasal_spine", "subspinale", "supramentale"],
        value: |p| 180.0 - turn([p[0], p[1]], [p[2], p[3]]),
    },
    Definition {
        name: "S-Go / N-Me",
        unit: Unit::Percent,
        landmarks: &["sella", "gonion", "nasion", "menton"],
        value: |p| 100.0 * length(p[0], p[1]) / length(p[2], p[3]),
    },
    Definition {
        name: "ANS-Me / N-Me",
        unit: Unit::Percent,
        landmarks: &["anterior_nasal_spine", "menton", "nasion"],
        value: |p| 100.0 * length(p[0], p[1]) / length(p[2], p[1]),
    },
    Definition {
        name: "N-Me",
        unit: Unit::Millimetres,
        landmarks: &["nasion", "menton"],
        value: |p| length(p[0], p[1]),
    },
    Definition {
        name: "overjet",
        unit: Unit::Millimetres,
        landmarks: INCISORS,
        value: |p| incisors(p)[0],
    },
    Definition {
        name: "overbite",
        unit: Unit::Millimetres,
        landmarks: INCISORS,
        value: |p| incisors(p)[1],
    },
];

const INCISORS: &[&str] =
    &["porion", "orbitale", "lower_incisal_incision", "upper_incisal_incision"];
