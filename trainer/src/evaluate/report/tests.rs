use std::path::Path;

use fiducia::BackendInfo;
use fiducia::report::ModelInfo;

use super::*;
use crate::data::DataSet;
use crate::evaluate::{Found, summarise};

/// A synthetic evaluation of `images` images with errors that grow from landmark to landmark.
pub(super) fn toy(images: &[Labelled], landmarks: &[String], size_px: [usize; 2]) -> Evaluation {
    let predictions: Vec<Prediction> = images
        .iter()
        .enumerate()
        .map(|(i, labelled)| Prediction {
            image: labelled.image.name.clone(),
            size_px,
            spacing_mm: Some([0.1, 0.1]),
            truth_px: labelled.points_px.clone(),
            found: labelled
                .points_px
                .iter()
                .enumerate()
                .map(|(l, p)| {
                    let off = (1.0 + l as f64) * (1.0 + (i * 7 % 11) as f64 / 3.0);
                    let px = [p[0] + off, p[1] - 0.5 * off];
                    Found { px, expected_error_px: Some(off), confident: off < 60.0 }
                })
                .collect(),
            refused: i == 1,
        })
        .collect();
    Evaluation {
        set: "toy <set>".to_owned(),
        split: "test".to_owned(),
        excluded: vec!["x.png".to_owned()],
        models: vec![ModelInfo { name: "toy".to_owned(), sha256: "0123456789abcdef".to_owned() }],
        backend: BackendInfo {
            kind: "cpu",
            device: "synthetic".to_owned(),
            driver: "none".to_owned(),
            precision: "f32",
            chosen_because: None,
        },
        landmarks: landmarks.to_vec(),
        reports: vec![None; predictions.len()],
        summary: summarise(landmarks, &predictions),
        predictions,
    }
}

fn toy_set(root: &Path) -> DataSet {
    std::fs::create_dir(root.join("images")).unwrap();
    let mut rows = "image,p_x,p_y,q_x,q_y\n".to_owned();
    for i in 0..3 {
        let name = format!("{i}.png");
        let picture = image::GrayImage::from_fn(80, 100, |x, y| image::Luma([(x + y) as u8]));
        picture.save(root.join("images").join(&name)).unwrap();
        rows += &format!("{name},{},30,50,60\n", 20 + i);
    }
    std::fs::write(root.join("mean.csv"), rows).unwrap();
    let set = r#"{"name":"toy","pixel_spacing_mm":0.1,"landmarks":["p","q"]}"#;
    std::fs::write(root.join("set.json"), set).unwrap();
    DataSet::open(root).unwrap()
}

#[test]
fn the_folder_has_page_pictures_errors_and_summary() {
    let root = tempfile::tempdir().unwrap();
    let set = toy_set(root.path());
    let images = set.labelled("all").unwrap();
    let evaluation = toy(&images, &set.landmarks, [80, 100]);
    let dir = root.path().join("report");
    write_report(&dir, &evaluation, &images).unwrap();

    let page = std::fs::read_to_string(dir.join("index.html")).unwrap();
    assert!(page.contains("toy &lt;set&gt; / test") && !page.contains("<set>"));
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(page.contains("Expected errors") && page.contains("All points are confident."));
    assert_eq!(page.matches("data:image/png;base64,").count(), 3);
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("xmlns=\"http://").count()
    );
    let csv = std::fs::read_to_string(dir.join("errors.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 3 * 2);
    assert!(
        csv.lines()
            .nth(1)
            .unwrap()
            .starts_with("0.png,p,20,30,21.0000,29.5000,1.1180,0.1118,1.0000,true,false"),
        "{csv}"
    );
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("summary.json")).unwrap()).unwrap();
    assert_eq!((&json["images"], &json["refused"][0]), (&3.into(), &"1.png".into()));
    for file in ["cumulative.svg", "boxes.svg", "reliability.svg"] {
        let plot = std::fs::read_to_string(dir.join(file)).unwrap();
        assert!(plot.starts_with("<svg") && !plot.contains("NaN"), "{file}");
    }
    let best = image::open(dir.join("best.png")).unwrap();
    assert_eq!((best.width(), best.height()), (80, 100));

    let again = write_report(&dir, &evaluation, &images).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Usage);
}

#[test]
fn the_truth_is_drawn_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let set = toy_set(root.path());
    let images = set.labelled("all").unwrap();
    let evaluation = toy(&images, &set.landmarks, [80, 100]);
    let radiograph = images[0].image.read().unwrap();
    let picture = picture::draw(&radiograph, None, &evaluation.predictions[0]);
    let magenta = |x: i32, y: i32| {
        let [r, g, b] = picture.get_pixel(x as u32, y as u32).0;
        r > 150 && b > 120 && g < 120
    };
    let near = |x: i32, y: i32| (-4..=4).any(|dx| (-4..=4).any(|dy| magenta(x + dx, y + dy)));
    assert!(near(20, 30) && near(50, 60));
    assert!(!near(10, 80) && !near(70, 10));
}

#[test]
fn best_median_and_worst_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let set = toy_set(root.path());
    let images = set.labelled("all").unwrap();
    // Errors grow with i * 7 % 11: 0, 7, 3.
    let order = best_median_worst(&toy(&images, &set.landmarks, [80, 100]));
    assert_eq!(order.iter().map(|o| o.2).collect::<Vec<_>>(), [0, 2, 1]);
}
