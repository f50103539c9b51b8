//! The toy data set and the toy model.

use std::path::{Path, PathBuf};

use fiducia::pack::{
    AdapterInput, Calibration, FullImageInput, Manifest, Plausibility, RefineFrame, Scale,
};
use fiducia::shape::ShapeModel;
use fiducia_trainer::nets::onnx::{ConvShape, GraphBuilder, Weights};
use fiducia_trainer::pack::{Parts, write};

/// Positions of the blobs on image number `i`, px.
fn blobs(i: u32) -> [[f64; 2]; 2] {
    let i = f64::from(i);
    [[40.0 + i, 50.0 - 2.0 * i], [90.0 - i, 80.0 + i]]
}

/// A data folder of three images of 128 x 128 px at 0.5 mm, labelled, one of them in `train`.
pub(crate) fn data_folder(root: &Path, spacing: &str) -> PathBuf {
    let dir = root.join("data");
    std::fs::create_dir_all(dir.join("images")).unwrap();
    let mut rows = "image,bright_x,bright_y,dark_x,dark_y\n".to_owned();
    for i in 0..3 {
        let [bright, dark] = blobs(i);
        let bump = |x: u32, y: u32, c: [f64; 2]| {
            let (dx, dy) = (f64::from(x) - c[0], f64::from(y) - c[1]);
            100.0 * (-(dx * dx + dy * dy) / 50.0).exp()
        };
        let picture = image::GrayImage::from_fn(128, 128, |x, y| {
            image::Luma([(128.0 + bump(x, y, bright) - bump(x, y, dark)) as u8])
        });
        picture.save(dir.join("images").join(format!("{i}.png"))).unwrap();
        rows += &format!("{i}.png,{},{},{},{}\n", bright[0], bright[1], dark[0], dark[1]);
    }
    std::fs::write(dir.join("mean.csv"), rows).unwrap();
    std::fs::write(dir.join("split.csv"), "image,split\n0.png,train\n1.png,test\n2.png,test\n")
        .unwrap();
    let set =
        format!(r#"{{"name":"toy","pixel_spacing_mm":{spacing},"landmarks":["bright","dark"]}}"#);
    std::fs::write(dir.join("set.json"), set).unwrap();
    dir
}

/// A mean over blocks, one output channel per entry of `gains`.
fn block_mean(graph: &mut GraphBuilder, x: &str, block: usize, gains: &[f32]) -> String {
    let area = block * block;
    let values = gains.iter().flat_map(|g| vec![g / area as f32; area]).collect();
    let weight = Weights { shape: vec![gains.len(), 1, block, block], values };
    let shape = ConvShape { stride: block, padding: [0; 4], groups: 1 };
    graph.conv(x, weight, vec![0.0; gains.len()], shape)
}

/// The landmarks of the toy model: names and signs of their heat maps.
pub(crate) const BOTH: [(&str, f32); 2] = [("bright", 1.0), ("dark", -1.0)];

/// The model file with both landmarks.
pub(crate) fn toy_pack(root: &Path) -> PathBuf {
    pack_of(&BOTH, &root.join("toy.fid"))
}

/// A model file for some landmarks of [`BOTH`].
pub(crate) fn pack_of(landmarks: &[(&str, f32)], path: &Path) -> PathBuf {
    let signs: Vec<f32> = landmarks.iter().map(|l| l.1).collect();
    let count = landmarks.len();
    let place = |name: &str| BOTH.iter().position(|l| l.0 == name).unwrap();
    let mut backbone = GraphBuilder::new("backbone");
    let x = backbone.input("image", &[Some(1), Some(1), Some(64), Some(64)]);
    let maps =
        block_mean(&mut backbone, &x, 4, &signs.iter().map(|s| 20.0 * s).collect::<Vec<_>>());
    backbone.output(&maps, "maps", &[Some(1), Some(count), Some(16), Some(16)]);
    let mut refine = GraphBuilder::new("refine");
    let x = refine.input("regions", &[None, Some(1), Some(32), Some(32)]);
    let sign = refine.input("sign", &[None, Some(1), Some(1), Some(1)]);
    let maps = block_mean(&mut refine, &x, 2, &[10.0]);
    let maps = refine.mul(&maps, &sign);
    refine.output(&maps, "maps", &[None, Some(1), Some(16), Some(16)]);
    let parts = Parts {
        manifest: Manifest {
            name: "toy".to_owned(),
            landmarks: landmarks.iter().map(|l| l.0.to_owned()).collect(),
            model_landmarks: Vec::new(),
            scale: Scale::Millimetres { field_height: 64.0, unit_mm: 1.0 },
            whole: FullImageInput {
                width: 64,
                height: 64,
                unit_per_px: 1.0,
                stride: 4,
                norm_radius: 64,
                peak_radius: 2,
            },
            refine: RefineFrame { size: 32, unit_per_px: 0.5, stride: 2, peak_radius: 3 },
            adapter: vec![AdapterInput { input: "sign".to_owned(), shape: vec![1, 1, 1] }],
            shape_modes: 0,
            plausibility: Plausibility {
                min_coarse_mass: 0.0,
                max_pose_residual: 30.0,
                scale_range: [0.3, 3.0],
                max_rotation: 1.0,
                max_shape_residual: 30.0,
                min_side: None,
            },
            grey_values: Default::default(),
        },
        backbone: backbone.finish(),
        refine: refine.finish(),
        adapters: signs.iter().map(|&s| vec![s]).collect(),
        shape: ShapeModel {
            mean: landmarks.iter().map(|l| blobs(0)[place(l.0)].map(|v| v * 0.5)).collect(),
            deviations: vec![],
            modes: vec![],
        },
        calibration: vec![
            Calibration {
                gain: 1.0,
                floor: 0.1,
                max_expected_error: 5.0,
                max_shape_residual: 30.0,
            };
            count
        ],
        provenance: serde_json::json!({}),
        card: "toy".to_owned(),
    };
    write(&parts, path).unwrap();
    path.to_owned()
}
