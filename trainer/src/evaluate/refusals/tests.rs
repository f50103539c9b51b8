use fiducia::{MmSource, Radiograph};

use super::alteration::Altered;
use super::*;

const WIDTH: usize = 9;
const HEIGHT: usize = 7;

/// A ramp below 200 with one pixel of 200 at `bright`.
fn radiograph(bright: [usize; 2]) -> Radiograph {
    let mut pixels: Vec<u16> = (0..WIDTH * HEIGHT).map(|i| 2 * i as u16).collect();
    pixels[bright[1] * WIDTH + bright[0]] = 200;
    Radiograph {
        name: "ramp".to_owned(),
        width: WIDTH,
        height: HEIGHT,
        pixels,
        spacing_mm: Some([0.1, 0.2]),
        mm_source: MmSource::User,
        inverted: false,
        dicom: None,
    }
}

fn altered(alteration: Alteration, bright: [usize; 2]) -> Altered {
    alteration.apply(&radiograph(bright), &[bright.map(|v| v as f64)], 5)
}

#[test]
fn a_point_goes_where_its_pixel_goes() {
    let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| [x, y]));
    for (alteration, bright) in
        Alteration::ALL.iter().flat_map(|&a| places.clone().map(move |s| (a, s)))
    {
        let Altered { radiograph, truth_px } = altered(alteration, bright);
        let mut ends = [200, 200];
        match alteration {
            // In a negative the brightest pixel becomes the darkest.
            Alteration::Inverted | Alteration::InvertedMirrored => {
                ends = [*radiograph.pixels.iter().min().unwrap(); 2];
            }
            // Several pixels are white here, and noise has no expected value.
            Alteration::VeryBright | Alteration::Noise => continue,
            Alteration::VeryDark => ends = [4, 4],
            _ => {}
        }
        let at = radiograph.pixels.iter().position(|v| ends.contains(v));
        let place = at.map(|i| [i % radiograph.width, i / radiograph.width].map(|v| v as f64));
        assert_eq!(truth_px, [place], "{alteration:?} {bright:?}");
    }
}

#[test]
fn halves_share_no_row_and_miss_none() {
    let [top, bottom] =
        [Alteration::TopHalf, Alteration::BottomHalf].map(|a| altered(a, [4, 3]).radiograph);
    assert_eq!([top.height, bottom.height], [3, 4]);
    assert_eq!([top.pixels, bottom.pixels].concat(), radiograph([4, 3]).pixels);
}

#[test]
fn brightness_is_as_the_names_say() {
    let bright = altered(Alteration::VeryBright, [8, 6]).radiograph;
    let white = bright.pixels.iter().filter(|&&v| v == 200).count();
    assert!((36..=39).contains(&white), "{white} of 63 are white");
    let dark = altered(Alteration::VeryDark, [8, 6]).radiograph;
    assert_eq!(dark.pixels.iter().max(), Some(&4));
    let noise = |seed| Alteration::Noise.apply(&radiograph([0, 0]), &[[1.0, 1.0]], seed);
    assert_eq!(noise(1).truth_px, [None]);
    assert_eq!(noise(1).radiograph.pixels, noise(1).radiograph.pixels);
    assert_ne!(noise(1).radiograph.pixels, noise(2).radiograph.pixels);
}

fn seen(refused: bool, presentation: Option<OrientationIssue>, errors: &[f64]) -> ImageOutcome {
    ImageOutcome {
        image: "x".to_owned(),
        refused,
        reasons: vec![],
        presentation,
        signals: None,
        errors: errors.to_vec(),
        low_confidence: errors.len() / 2,
        phantoms: errors.len(),
    }
}

fn kind() -> Kind {
    let mirrored = Some(OrientationIssue::Mirrored);
    let outcomes = vec![
        seen(true, mirrored, &[]),
        seen(true, Some(OrientationIssue::Inverted), &[]),
        seen(false, None, &[1.0, 2.0]),
        seen(false, None, &[6.0]),
    ];
    Kind { name: "mirrored".to_owned(), presentation: mirrored, outcomes }
}

#[test]
fn figures_count_what_is_refused_and_named() {
    let figures = Figures::of(&kind());
    assert_eq!((figures.images, figures.refused, figures.named), (4, 2, Some(1)));
    assert_eq!((figures.refused_percent(), figures.named_percent()), (Some(50.0), Some(25.0)));
    assert_eq!((figures.mre, figures.worst_mre), (Some(3.0), Some(6.0)));
    assert_eq!((figures.low_confidence_percent, figures.phantoms), (Some(100.0 / 3.0), 3));
    let nothing = Figures::of(&Kind::foreign("none"));
    assert_eq!(
        (nothing.refused_percent(), nothing.named_percent(), nothing.mre),
        (None, None, None)
    );
}

#[test]
fn the_table_has_a_line_per_kind() {
    let mut foreign = Kind::foreign("chest");
    foreign.outcomes.push(seen(true, None, &[]));
    let refusals = Refusals {
        model: ModelInfo { name: "toy".to_owned(), sha256: "0123456789abcdef".to_owned() },
        set: "set".to_owned(),
        split: "test".to_owned(),
        unit: Unit::Mm,
        kinds: vec![kind(), foreign],
    };
    let want = "\
set / test: refusals by model toy (0123456789ab)

kind            images  refused       %  named %   MRE mm  worst mm  low-conf %  phantoms
mirrored             4        2    50.0     25.0     3.00      6.00        33.3         3
foreign: chest       1        1   100.0        -        -         -           -         -
";
    let text = refusal_table(&refusals);
    assert!(text.starts_with(want), "{text}");
    let json = serde_json::to_value(&refusals).unwrap();
    assert_eq!((&json["unit"], &json["kinds"][0]["kind"]), (&"mm".into(), &"mirrored".into()));
    assert_eq!(json["kinds"][0]["named_percent"], 25.0);
    assert_eq!(json["kinds"][0]["looks"][0]["presentation"], "mirrored");
    assert!(json["kinds"][1]["named_percent"].is_null());
}
