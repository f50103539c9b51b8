//! Measures that orthodontists take from a lateral head film: angles, lengths and ratios between landmarks.
//!
//! Definitions follow Steiner (1953), Downs (1948), Björk (1947), Jarabak (1972) and Kim (1974, 1978); they are written out
//! in `docs/cephalometry.md`. A measure is given where the report has all its landmarks. Wits appraisal is not among them: its
//! occlusal plane goes through the molars, which are no landmarks of the shipped model.

use serde::Serialize;

use crate::Landmark;

/// A measure taken from a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// Its usual short name, such as `SNA`.
    pub name: &'static str,
    /// `deg`, `mm` or `%`.
    pub unit: Unit,
    /// Its value.
    pub value: f64,
    /// Standard deviation that follows from the expected errors of its landmarks, taken as independent and alike in
    /// all directions; same unit.
    pub sd: f64,
    /// False where one of its landmarks is doubtful.
    pub confident: bool,
}

/// Unit of a [`Measure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Degrees.
    #[serde(rename = "deg")]
    Degrees,
    /// Millimetres; only where the scale is known.
    #[serde(rename = "mm")]
    Millimetres,
    /// Percent.
    #[serde(rename = "%")]
    Percent,
}

impl Unit {
    /// As it is written in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Degrees => "deg",
            Self::Millimetres => "mm",
            Self::Percent => "%",
        }
    }
}

/// How a measure is taken.
struct Definition {
    name: &'static str,
    unit: Unit,
    landmarks: &'static [&'static str],
    /// The value from the points in the order of `landmarks`; x points to the face's front, y down.
    value: fn(&[Point]) -> f64,
}

type Point = [f64; 2];

const DEFINITIONS: &[Definition] = &[
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

/// Landmarks that say where the front is.
const BACK_AND_FRONT: [&str; 2] = ["sella", "nasion"];
/// Standard deviation along one axis of a point whose distance to the truth is 1 in the mean: `√(2/π)`.
const SD_OF_MEAN_DISTANCE: f64 = 0.797_884_560_802_865_4;
/// How far points are moved to see what a measure makes of it, mm or px.
const STEP: f64 = 0.01;

/// All measures whose landmarks are among `landmarks`; those in mm where positions are known in mm. Empty for other
/// anatomies.
///
/// Pixels of unequal height and width are taken into account where the scale is known.
pub fn measures(landmarks: &[Landmark]) -> Vec<Measure> {
    DEFINITIONS.iter().filter_map(|definition| take(definition, landmarks)).collect()
}

fn take(definition: &Definition, landmarks: &[Landmark]) -> Option<Measure> {
    let find = |name: &str| landmarks.iter().find(|l| l.name == name);
    let [back, front] = BACK_AND_FRONT.map(|name| find(name).map(|l| l.x_px));
    let facing = if front? < back? { -1.0 } else { 1.0 };
    let used: Option<Vec<&Landmark>> = definition.landmarks.iter().map(|name| find(name)).collect();
    let used = used?;
    let mm: Option<Vec<(Point, f64)>> =
        used.iter().map(|l| Some(([l.x_mm?, l.y_mm?], l.expected_error_mm?))).collect();
    let px = || used.iter().map(|l| ([l.x_px, l.y_px], l.expected_error_px)).collect();
    let placed: Vec<(Point, f64)> = match (mm, definition.unit) {
        (Some(mm), _) => mm,
        (None, Unit::Millimetres) => return None,
        (None, _) => px(),
    };
    let points: Vec<Point> = placed.iter().map(|([x, y], _)| [x * facing, *y]).collect();
    let value = (definition.value)(&points);
    let errors = placed.iter().map(|(_, error)| error * SD_OF_MEAN_DISTANCE);
    let sd = errors.enumerate().map(|(i, sd)| (sd * slope(definition, &points, i)).powi(2));
    let sd = sd.sum::<f64>().sqrt();
    let confident = used.iter().all(|l| l.confident);
    (value.is_finite() && sd.is_finite()).then_some(Measure {
        name: definition.name,
        unit: definition.unit,
        value,
        sd,
        confident,
    })
}

/// How fast the measure changes with the position of point `i`: length of the gradient.
fn slope(definition: &Definition, points: &[Point], i: usize) -> f64 {
    let along = |axis: usize| {
        let moved = |by: f64| {
            let mut points = points.to_vec();
            points[i][axis] += by;
            (definition.value)(&points)
        };
        (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
    };
    along(0).hypot(along(1))
}

fn length(a: Point, b: Point) -> f64 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

/// The angle at `at` between `a` and `b`, 0 to 180 degrees.
fn corner(a: Point, at: Point, b: Point) -> f64 {
    turn([at, a], [at, b]).abs()
}

/// By how much the direction of `b` is turned against that of `a`, degrees, -180 to 180; positive where a line to the
/// front is turned downwards.
fn turn(a: [Point; 2], b: [Point; 2]) -> f64 {
    let [u, v] = [a, b].map(|[from, to]| [to[0] - from[0], to[1] - from[1]]);
    (u[0] * v[1] - u[1] * v[0]).atan2(u[0] * v[0] + u[1] * v[1]).to_degrees()
}

/// How far the upper incisor's edge lies in front of and below the lower one's, along the Frankfort plane and across it.
fn incisors(p: &[Point]) -> [f64; 2] {
    let plane = length(p[0], p[1]);
    let along = [0, 1].map(|axis| (p[1][axis] - p[0][axis]) / plane);
    let apart = [0, 1].map(|axis| p[3][axis] - p[2][axis]);
    [along[0] * apart[0] + along[1] * apart[1], along[0] * apart[1] - along[1] * apart[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The landmarks of a face that looks to the right, upright and easy to draw, in mm; 2 px per mm.
    fn face() -> Vec<Landmark> {
        let points = [
            ("sella", [60.0, 50.0]),
            ("nasion", [130.0, 50.0]),
            ("porion", [40.0, 80.0]),
            ("orbitale", [120.0, 80.0]),
            ("subspinale", [130.0, 110.0]),
            ("supramentale", [125.0, 150.0]),
            ("pogonion", [130.0, 170.0]),
            ("gonion", [60.0, 150.0]),
            ("menton", [110.0, 180.0]),
            ("gnathion", [120.0, 180.0]),
            ("articulare", [60.0, 100.0]),
            ("posterior_nasal_spine", [80.0, 100.0]),
            ("anterior_nasal_spine", [135.0, 100.0]),
            ("lower_incisal_incision", [128.0, 130.0]),
            ("upper_incisal_incision", [131.0, 132.0]),
        ];
        points.map(|(name, [x, y])| landmark(name, [x, y])).to_vec()
    }

    fn landmark(name: &str, [x, y]: [f64; 2]) -> Landmark {
        Landmark {
            name: name.into(),
            x_px: 2.0 * x,
            y_px: 2.0 * y,
            x_mm: Some(x),
            y_mm: Some(y),
            expected_error_mm: Some(1.0),
            expected_error_px: 2.0,
            covariance_px2: [0.0; 3],
            confident: name != "gonion",
        }
    }

    fn value(of: &[Measure], name: &str) -> f64 {
        of.iter().find(|m| m.name == name).unwrap_or_else(|| panic!("no {name}")).value
    }

    #[test]
    fn a_drawn_face_measures_as_drawn() {
        let all = measures(&face());
        assert_eq!(all.len(), DEFINITIONS.len());
        let back_by_5_in_100 = (0.05f64).atan().to_degrees();
        let jaw = (0.6f64).atan().to_degrees();
        for (name, wanted) in [
            ("SNA", 90.0),
            ("SNB", 90.0 - back_by_5_in_100),
            ("ANB", back_by_5_in_100),
            ("SN-GoGn", 0.5f64.atan().to_degrees()),
            ("FMA", jaw),
            ("facial angle", 90.0),
            ("convexity", 0.0),
            ("Y axis", (130.0f64 / 60.0).atan().to_degrees()),
            ("saddle angle", 90.0),
            ("articular angle", 180.0),
            ("gonial angle", 90.0 + jaw),
            ("MMPA", jaw),
            ("ODI", 90.0 + (5.0f64 / 40.0).atan().to_degrees() - jaw),
            ("APDI", 90.0 - (5.0f64 / 40.0).atan().to_degrees()),
            ("S-Go / N-Me", 100.0 * 100.0 / 20f64.hypot(130.0)),
            ("ANS-Me / N-Me", 100.0 * 25f64.hypot(80.0) / 20f64.hypot(130.0)),
            ("N-Me", 20f64.hypot(130.0)),
            ("overjet", 3.0),
            ("overbite", 2.0),
        ] {
            assert!((value(&all, name) - wanted).abs() < 1e-9, "{name}: {}", value(&all, name));
        }
    }

    #[test]
    fn a_face_that_looks_to_the_left_measures_the_same() {
        let mut left = face();
        for l in &mut left {
            (l.x_px, l.x_mm) = (500.0 - l.x_px, l.x_mm.map(|x| 250.0 - x));
        }
        for (a, b) in measures(&face()).iter().zip(&measures(&left)) {
            assert!((a.value - b.value).abs() < 1e-9 && (a.sd - b.sd).abs() < 1e-6, "{a:?} {b:?}");
        }
    }

    #[test]
    fn errors_of_the_points_become_that_of_the_measure() {
        let all = measures(&face());
        let of = |name: &str| all.iter().find(|m| m.name == name).unwrap();
        // Both ends of a length move along it.
        let along = SD_OF_MEAN_DISTANCE;
        assert!((of("N-Me").sd - along * 2f64.sqrt()).abs() < 1e-6);
        // A moves across its line from N (60 mm), S across its own (70 mm), N across both.
        let across = |gap: f64| (along / gap).to_degrees();
        let sna = across(60.0).powi(2) + across(70.0).powi(2);
        let n = (along * (1.0 / 60.0f64).hypot(1.0 / 70.0)).to_degrees();
        assert!((of("SNA").sd - (sna + n * n).sqrt()).abs() < 1e-4, "{}", of("SNA").sd);
        assert!(of("SNA").confident && !of("FMA").confident, "gonion is doubtful");
    }

    #[test]
    fn without_a_scale_there_are_angles_and_no_lengths() {
        let mut unknown = face();
        for l in &mut unknown {
            (l.x_mm, l.y_mm, l.expected_error_mm) = (None, None, None);
        }
        let (some, all) = (measures(&unknown), measures(&face()));
        assert!(some.iter().all(|m| m.unit != Unit::Millimetres) && some.len() == all.len() - 3);
        for m in &some {
            let same = all.iter().find(|a| a.name == m.name).unwrap();
            assert!((m.value - same.value).abs() < 1e-9 && (m.sd - same.sd).abs() < 1e-4);
        }
    }

    #[test]
    fn what_lacks_a_landmark_is_left_out() {
        let few: Vec<Landmark> = face().into_iter().take(5).collect();
        let names: Vec<&str> = measures(&few).iter().map(|m| m.name).collect();
        assert_eq!(names, ["SNA"]);
        assert_eq!(measures(&face()[4..]), [], "nothing says where the front is");
    }

    #[test]
    fn points_that_fall_together_give_no_value() {
        let mut together = face();
        for l in &mut together {
            (l.x_mm, l.y_mm) = (Some(1.0), Some(1.0));
        }
        assert!(measures(&together).iter().all(|m| m.value.is_finite() && m.sd.is_finite()));
    }
}
