//! A handmade model of three landmarks: three bright spots of different size on a dark ground.
//!
//! The backbone compares every position with a patch of each spot from the reference picture (negative sum of squared
//! differences). The refine graph smooths the region and multiplies it by the adapter, so that its peak is the centre of
//! the spot.

use fiducia::pack::{
    AdapterInput, Calibration, FullImageInput, Manifest, Plausibility, RefineFrame, Scale,
    SectionKind, layout,
};
use fiducia::preprocess::{Grey, Plane, full_image_frame, full_image_input};
use fiducia::radiograph::GreyValues;
use fiducia::shape::ShapeModel;
use fiducia::{MmSource, Radiograph};
use fiducia_kernels::Affine;
use image::{DynamicImage, GrayImage, ImageFormat};

use crate::graph::{constant, conv, model, node};

/// Names of the spots.
pub const NAMES: [&str; 3] = ["small", "middle", "large"];
/// Centre of each spot in normalised units: px of the reference picture, `(0, 0)` is its upper left corner.
const SPOTS: [[f64; 2]; 3] = [[70.25, 80.5], [170.5, 100.25], [110.0, 220.75]];
/// Standard deviation of each spot, units.
const SIZES: [f64; 3] = [6.0, 10.0, 15.0];
/// The reference picture `[width, height]`, units.
pub const REFERENCE: [u32; 2] = [240, 300];
/// How sharply the coarse heat map falls off with the squared difference.
const SHARPNESS: f32 = 1.0;
/// Side of the compared patch, px of the backbone's input; even, as is the stride.
const PATCH: usize = 24;
/// Side and standard deviation of the smoothing kernel, px of a region.
const KERNEL: (usize, f64) = (16, 3.0);

const WHOLE: FullImageInput = FullImageInput {
    width: 128,
    height: 160,
    unit_per_px: 2.0,
    stride: 4,
    norm_radius: 20,
    peak_radius: 2,
};
const REFINE: RefineFrame = RefineFrame { size: 64, unit_per_px: 1.0, stride: 2, peak_radius: 3 };

/// The sections of a model file: code and content.
pub type Parts = Vec<([u8; 4], Vec<u8>)>;

/// The reference picture, drawn with `width` x `height` px.
pub fn picture(width: u32, height: u32) -> GrayImage {
    let px_per_unit = f64::from(height) / f64::from(REFERENCE[1]);
    GrayImage::from_fn(width, height, |x, y| {
        let at = [x, y].map(|v| (f64::from(v) + 0.5) / px_per_unit);
        let spot = |(centre, size): (&[f64; 2], &f64)| {
            let r2 = (at[0] - centre[0]).powi(2) + (at[1] - centre[1]).powi(2);
            180.0 * (-r2 / (2.0 * size * size)).exp()
        };
        let light: f64 = SPOTS.iter().zip(&SIZES).map(spot).sum();
        image::Luma([(30.0 + light).min(255.0).round() as u8])
    })
}

/// Positions `[x, y]` of the spots in a picture with the height `height` px; px.
pub fn truth(height: u32) -> [[f64; 2]; 3] {
    let px_per_unit = f64::from(height) / f64::from(REFERENCE[1]);
    SPOTS.map(|p| p.map(|v| v * px_per_unit - 0.5))
}

/// The bytes of an image file.
pub fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A small picture whose header states `edge` x `edge` px.
pub fn claim_size(format: ImageFormat, edge: u16) -> Vec<u8> {
    let mut bytes = encode(&picture(240, 300).into(), format);
    let find = |bytes: &[u8], what: &[u8]| {
        bytes.windows(what.len()).position(|w| w == what).expect("the field is in the header")
    };
    match format {
        ImageFormat::Png => {
            // Signature 8, chunk length 4, "IHDR" 4, width 4, height 4, …, CRC after 13 bytes.
            bytes[16..20].copy_from_slice(&u32::from(edge).to_be_bytes());
            bytes[20..24].copy_from_slice(&u32::from(edge).to_be_bytes());
            let crc = crc32fast::hash(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        }
        ImageFormat::Jpeg => {
            // Marker SOF0 2, length 2, precision 1, height 2, width 2.
            let at = find(&bytes, &[0xFF, 0xC0]) + 5;
            bytes[at..at + 2].copy_from_slice(&edge.to_be_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&edge.to_be_bytes());
        }
        _ => {
            // Tags 256 (width), 257 (height) and 278 (rows per strip), type 4 (LONG), one value each.
            for tag in [[0, 1], [1, 1], [22, 1]] {
                let at = find(&bytes, &[tag[0], tag[1], 4, 0, 1, 0, 0, 0]) + 8;
                bytes[at..at + 4].copy_from_slice(&u32::from(edge).to_le_bytes());
            }
        }
    }
    bytes
}

/// The largest distance to the truth, normalised units.
pub fn worst_error(points: &[[f64; 2]], height: u32) -> f64 {
    assert_eq!(points.len(), 3);
    let units_per_px = f64::from(REFERENCE[1]) / f64::from(height);
    let distance = |(p, t): (&[f64; 2], [f64; 2])| (p[0] - t[0]).hypot(p[1] - t[1]) * units_per_px;
    points.iter().zip(truth(height)).map(distance).fold(0.0, f64::max)
}

/// The toy picture at twice the reference size.
pub fn spots() -> Radiograph {
    let picture = picture(480, 600);
    Radiograph {
        name: "spots".into(),
        width: 480,
        height: 600,
        pixels: picture.pixels().map(|p| u16::from(p.0[0]) * 257).collect(),
        spacing_mm: None,
        mm_source: MmSource::None,
        inverted: false,
        dicom: None,
    }
}

/// The toy model file.
pub fn pack() -> Vec<u8> {
    assemble(&parts())
}

/// The sections of the toy model, in the order of the format.
pub fn parts() -> Parts {
    let adapters = [0.25f32, 0.25, 0.25];
    let mean = truth(REFERENCE[1]).to_vec();
    let shape = ShapeModel { mean, deviations: vec![], modes: vec![] };
    let default =
        Calibration { gain: 0.25, floor: 0.2, max_expected_error: 8.0, max_shape_residual: 6.0 };
    let calibration: Vec<f32> = std::iter::repeat_n(default, 3)
        .flat_map(|c| [c.gain, c.floor, c.max_expected_error, c.max_shape_residual])
        .collect();
    vec![
        (*b"MANI", serde_json::to_vec(&manifest()).unwrap()),
        (*b"BACK", backbone(false)),
        (*b"REFI", refine()),
        (*b"ADAP", bytes(&adapters)),
        (*b"SHAP", bytes(&shape.to_values())),
        (*b"CALI", bytes(&calibration)),
        (*b"PROV", br#"{"tool":"toy","seed":1}"#.to_vec()),
        (*b"CARD", b"# Toy\n\nThree spots.\n".to_vec()),
    ]
}

/// The toy model with one section replaced.
pub fn with(kind: SectionKind, content: Vec<u8>) -> Vec<u8> {
    let mut parts = parts();
    parts.iter_mut().find(|(code, _)| *code == kind.code()).unwrap().1 = content;
    assemble(&parts)
}

/// Writes sections in the file format, whatever they contain.
pub fn assemble(parts: &Parts) -> Vec<u8> {
    assemble_as(layout::MAGIC, parts)
}

/// As [`assemble`], for files that begin with `magic`.
pub fn assemble_as(magic: [u8; 8], parts: &Parts) -> Vec<u8> {
    let mut table = Vec::new();
    let mut body = Vec::new();
    let table_end = layout::HEADER_LEN + layout::ENTRY_LEN * parts.len();
    for (code, content) in parts {
        body.resize((table_end + body.len()).next_multiple_of(layout::ALIGN) - table_end, 0);
        table.extend(code);
        table.extend(crc32fast::hash(content).to_le_bytes());
        table.extend(((table_end + body.len()) as u64).to_le_bytes());
        table.extend((content.len() as u64).to_le_bytes());
        body.extend(content);
    }
    let mut pack = magic.to_vec();
    pack.extend(layout::MAJOR.to_le_bytes());
    pack.extend(layout::MINOR.to_le_bytes());
    pack.extend((parts.len() as u32).to_le_bytes());
    pack.extend(((table_end + body.len()) as u64).to_le_bytes());
    pack.extend([0; 8]);
    pack.extend(table);
    pack.extend(body);
    seal(&mut pack, parts.len());
    pack
}

/// Recomputes the header's CRC after a change of header or section table.
pub fn seal(pack: &mut [u8], sections: usize) {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&pack[..24]);
    crc.update(&pack[layout::HEADER_LEN..layout::HEADER_LEN + layout::ENTRY_LEN * sections]);
    pack[24..28].copy_from_slice(&crc.finalize().to_le_bytes());
}

/// Name of the landmark that [`patch`] adds.
pub const NEW: &str = "middle again";

/// The sections of a patch for the toy model: the middle spot again, with an expected position a few units beside it.
pub fn patch_parts() -> Parts {
    let foundation = fiducia::Pack::from_bytes(pack()).unwrap().foundation();
    let info =
        fiducia::pack::PatchInfo { landmark: NEW.to_owned(), model: "toy".to_owned(), foundation };
    let [x, y] = truth(REFERENCE[1])[1];
    let derived = fiducia::shape::DerivedLandmark { mean: [x + 5.0, y - 4.0], modes: vec![] };
    vec![
        (*b"PATC", serde_json::to_vec(&info).unwrap()),
        (*b"ADAP", bytes(&[0.25])),
        (*b"CALI", bytes(&[0.25, 0.2, 8.0, 12.0])),
        (*b"FOLL", bytes(&derived.to_values())),
        (*b"PROV", br#"{"tool":"toy"}"#.to_vec()),
    ]
}

/// A patch for the toy model.
pub fn patch() -> Vec<u8> {
    assemble_as(layout::PATCH_MAGIC, &patch_parts())
}

/// The manifest of the toy model.
pub fn manifest() -> Manifest {
    Manifest {
        name: "toy".into(),
        landmarks: NAMES.map(str::to_owned).to_vec(),
        model_landmarks: Vec::new(),
        scale: Scale::ImageHeight { field_height: f64::from(REFERENCE[1]) },
        whole: WHOLE,
        refine: REFINE,
        adapter: vec![AdapterInput { input: "adapter".into(), shape: vec![1, 1, 1] }],
        shape_modes: 0,
        plausibility: Plausibility {
            min_coarse_mass: 0.5,
            max_pose_residual: 6.0,
            scale_range: [0.8, 1.25],
            max_rotation: 0.3,
            max_shape_residual: 6.0,
            min_side: None,
        },
        grey_values: GreyValues::Presented,
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The toy model with a backbone that also distinguishes left from right.
pub fn sided_pack() -> Vec<u8> {
    let mut manifest = manifest();
    manifest.plausibility.min_side = Some(0.0);
    let mut parts = parts();
    parts[0].1 = serde_json::to_vec(&manifest).unwrap();
    parts[1].1 = backbone(true);
    assemble(&parts)
}

/// `maps = Σ (2·k·x·t) − k·Σ t² − k·Σ x²`: minus `k` times the squared difference to each patch `t`.
///
/// `side` is 1 for the reference picture and -1 for its mirror image: the projection on its antisymmetric part.
fn backbone(sided: bool) -> Vec<u8> {
    let input = reference_input();
    let asymmetry = (0..input.data.len()).map(|i| {
        let (row, x) = (i / WHOLE.width * WHOLE.width, i % WHOLE.width);
        input.data[i] - input.data[row + WHOLE.width - 1 - x]
    });
    let asymmetry: Vec<f32> = asymmetry.collect();
    let size: f32 = asymmetry.iter().zip(&input.data).map(|(a, b)| a * b).sum();
    let asymmetry: Vec<f32> = asymmetry.into_iter().map(|v| v / size).collect();
    let patches = patches();
    let scaled: Vec<f32> = patches.iter().flatten().map(|v| 2.0 * SHARPNESS * v).collect();
    let energy: Vec<f32> =
        patches.iter().map(|p| -SHARPNESS * p.iter().map(|v| v * v).sum::<f32>()).collect();
    let pad = (PATCH - WHOLE.stride) as i64 / 2;
    let stride = WHOLE.stride as i64;
    model(
        &[("image", &[1, 1, WHOLE.height, WHOLE.width])],
        vec![
            constant("patches", &[3, 1, PATCH, PATCH], &scaled),
            constant("energy", &[3], &energy),
            constant("minus", &[1, 1, PATCH, PATCH], &vec![-SHARPNESS; PATCH * PATCH]),
            constant("lopsided", &[1, 1, WHOLE.height, WHOLE.width], &asymmetry),
        ],
        vec![
            node("Mul", &["image", "image"], "squares"),
            conv(&["squares", "minus"], "own", stride, pad),
            conv(&["image", "patches", "energy"], "match", stride, pad),
            node("Add", &["match", "own"], "maps"),
            conv(&["image", "lopsided"], "side", 1, 0),
        ],
        if sided { &["maps", "side"] } else { &["maps"] },
    )
}

/// The patch of each spot in the backbone's input of the reference picture.
fn patches() -> Vec<Vec<f32>> {
    let input = reference_input();
    let from_image = input.to_image.inverse().unwrap();
    let input = Plane { to_image: Affine::IDENTITY, ..input };
    let cut = |spot: [f64; 2]| {
        let at = from_image.apply(spot);
        let half = (PATCH as f64 - 1.0) / 2.0;
        let mut patch = vec![0.0; PATCH * PATCH];
        input.resample(&Affine::shift(at[0] - half, at[1] - half), &mut patch, [PATCH; 2]);
        patch
    };
    truth(REFERENCE[1]).into_iter().map(cut).collect()
}

/// The backbone's input for the reference picture.
fn reference_input() -> Plane {
    let radiograph = radiograph();
    let to_image = full_image_frame(&WHOLE, [radiograph.width, radiograph.height], [1.0; 2]);
    let mut plane = Plane::default();
    let mut data = vec![0.0; WHOLE.width * WHOLE.height];
    Grey::new(&radiograph).unwrap().reduce(WHOLE.unit_per_px, [1.0; 2], &mut plane);
    full_image_input(&WHOLE, &plane, &to_image, &mut data, &mut Vec::new());
    Plane { data, size: [WHOLE.width, WHOLE.height], to_image }
}

fn radiograph() -> Radiograph {
    let picture = picture(REFERENCE[0], REFERENCE[1]);
    Radiograph {
        name: "reference".into(),
        width: REFERENCE[0] as usize,
        height: REFERENCE[1] as usize,
        pixels: picture.into_raw().into_iter().map(u16::from).collect(),
        spacing_mm: None,
        mm_source: MmSource::None,
        inverted: false,
        dicom: None,
    }
}

/// `maps = smooth(regions) · adapter`.
fn refine() -> Vec<u8> {
    let (side, deviation) = KERNEL;
    let weight = |i: usize| {
        let d = |v: usize| v as f64 - (side as f64 - 1.0) / 2.0;
        let r2 = d(i % side).powi(2) + d(i / side).powi(2);
        (-r2 / (2.0 * deviation * deviation)).exp() as f32
    };
    let kernel: Vec<f32> = (0..side * side).map(weight).collect();
    model(
        &[("regions", &[3, 1, REFINE.size, REFINE.size]), ("adapter", &[3, 1, 1, 1])],
        vec![constant("kernel", &[1, 1, side, side], &kernel)],
        vec![
            conv(
                &["regions", "kernel"],
                "smooth",
                REFINE.stride as i64,
                (side - REFINE.stride) as i64 / 2,
            ),
            node("Mul", &["smooth", "adapter"], "maps"),
        ],
        &["maps"],
    )
}
