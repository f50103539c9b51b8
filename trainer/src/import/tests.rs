use super::*;
use crate::data::DataSet;

/// A folder with the images `a.png` and `b.png`, 40 × 50 px, and further files.
struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("source");
        std::fs::create_dir(&source).unwrap();
        for name in ["a.png", "b.png"] {
            image::GrayImage::new(40, 50).save(source.join(name)).unwrap();
        }
        for (name, text) in files {
            std::fs::write(source.join(name), text).unwrap();
        }
        Self(root)
    }

    fn request(&self, format: Format, file: &str) -> Request {
        Request {
            format,
            source: self.0.path().join("source").join(file),
            out: self.0.path().join("out"),
            images: None,
            name: Some("toy".to_owned()),
            spacing_mm: None,
            slicer_spacing_mm: None,
            origin: None,
        }
    }

    /// Imports and returns the points of `image`.
    fn points(&self, request: &Request, image: &str) -> Vec<[f64; 2]> {
        import(request).unwrap();
        DataSet::open(&request.out).unwrap().template(image).unwrap().points_px
    }

    fn fails(&self, request: &Request, word: &str) {
        let error = import(request).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(
            std::fs::read_dir(self.0.path()).unwrap().count(),
            1,
            "something is left behind"
        );
    }
}

const LABELME: &str = r#"{"version":"5.4.1","imagePath":"..\\scans\\a.png","imageData":null,"imageHeight":50,
 "imageWidth":40,"shapes":[
 {"label":"sella","shape_type":"point","points":[[10.5,20.5]],"group_id":null,"flags":{}},
 {"label":"bone","shape_type":"polygon","points":[[1,1],[2,2],[3,1]]},
 {"label":" nasion ","shape_type":"point","points":[[30.0,12.25]]}]}"#;

#[test]
fn labelme_counts_from_the_corner() {
    let fixture = Fixture::new(&[("a.json", LABELME)]);
    let request = fixture.request(Format::LabelMe, "");
    assert_eq!(fixture.points(&request, "a.png"), [[10.0, 20.0], [29.5, 11.75]]);
    let set = DataSet::open(&request.out).unwrap();
    assert_eq!(set.landmarks, ["sella", "nasion"]);
    assert_eq!((set.name.as_str(), set.spacing_mm), ("toy", None));
    assert_eq!(set.template.as_deref(), Some("a.png"), "the only labelled image");
    assert_eq!(set.unlabelled(None).unwrap().len(), 2);
}

#[test]
fn the_origin_can_be_given() {
    let fixture = Fixture::new(&[("a.json", LABELME)]);
    let mut request = fixture.request(Format::LabelMe, "a.json");
    request.origin = Some(Origin::Centre);
    assert_eq!(fixture.points(&request, "a.png"), [[10.5, 20.5], [30.0, 12.25]]);
}

#[test]
fn damaged_labelme_is_refused() {
    let files = [
        ("twice.json", LABELME.replace("nasion", "sella")),
        ("missing.json", LABELME.replace("a.png", "z.png")),
        ("short.json", LABELME.replace("[10.5,20.5]", "[10.5]")),
        ("far.json", LABELME.replace("10.5,", "4000.5,")),
        ("climb.json", LABELME.replace("a.png", "..")),
        ("none.json", LABELME.replace("point\"", "circle\"")),
        ("cut.json", LABELME[..200].to_owned()),
    ];
    let listed: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let fixture = Fixture::new(&listed);
    let fails = |file, word| fixture.fails(&fixture.request(Format::LabelMe, file), word);
    fails("twice.json", "two points named `sella`");
    fails("missing.json", "`z.png` is not in");
    fails("short.json", "`sella` does not have two coordinates");
    fails("far.json", "far outside");
    fails("climb.json", "not a plain file name");
    fails("none.json", "no annotated image");
    fails("cut.json", "cut.json");
    fails("nowhere.json", "nowhere.json");
}

const COCO: &str = r#"{"images":[{"id":7,"file_name":"train/a.png","width":40,"height":50},
 {"id":8,"file_name":"b.png","width":40,"height":50}],
 "categories":[{"id":0,"name":"none"},{"id":1,"name":"head","keypoints":["sella","nasion"],"skeleton":[]}],
 "annotations":[{"id":1,"image_id":7,"category_id":1,"keypoints":[10,20,2,30.5,12,1],"num_keypoints":2},
 {"id":2,"image_id":8,"category_id":1,"keypoints":[11,21,2,0,0,0]},
 {"id":3,"image_id":8,"category_id":0,"bbox":[0,0,5,5]}]}"#;

#[test]
fn coco_keypoints_are_pixel_numbers() {
    let fixture = Fixture::new(&[("all.json", COCO), ("split.csv", "image,split\na.png,train\n")]);
    let mut request = fixture.request(Format::Coco, "all.json");
    request.spacing_mm = Some([0.1, 0.2]);
    let imported = import(&request).unwrap();
    assert_eq!((imported.images, imported.labelled), (2, 1));
    assert_eq!(imported.incomplete, [("b.png".to_owned(), "nasion".to_owned())]);
    let set = DataSet::open(&request.out).unwrap();
    assert_eq!(set.spacing_mm, Some([0.1, 0.2]));
    assert_eq!(set.splits(), ["all", "train"]);
    assert_eq!(set.labelled("train").unwrap()[0].points_px, [[10.0, 20.0], [30.5, 12.0]]);
}

#[test]
fn damaged_coco_is_refused() {
    let files = [
        ("id.json", COCO.replace("\"image_id\":7", "\"image_id\":9")),
        ("short.json", COCO.replace("30.5,12,1]", "30.5,12]")),
        ("category.json", COCO.replace("\"category_id\":1", "\"category_id\":5")),
        ("none.json", COCO.replace("\"keypoints\":[\"sella\",\"nasion\"],", "")),
        ("twice.json", COCO.replace("[\"sella\",\"nasion\"]", "[\"sella\",\"sella\"]")),
    ];
    let listed: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let fixture = Fixture::new(&listed);
    let fails = |file, word| fixture.fails(&fixture.request(Format::Coco, file), word);
    fails("id.json", "image 9");
    fails("short.json", "5 keypoint numbers");
    fails("category.json", "category 5");
    fails("none.json", "0 categories");
    fails("twice.json", "two points named `sella`");
}

const SLICER: &str = r#"{"@schema":"markups-schema-v1.0.3.json#","markups":[{"type":"Fiducial",
 "coordinateSystem":"LPS","coordinateUnits":"mm","controlPoints":[
 {"id":"1","label":"sella","position":[5.0,10.0,0.0],"positionStatus":"defined"},
 {"id":"2","label":"nasion","position":[15.0,6.0,0.0],"positionStatus":"defined"}]}]}"#;

#[test]
fn slicer_millimetres_become_pixels() {
    let fixture = Fixture::new(&[("a.mrk.json", SLICER)]);
    let mut request = fixture.request(Format::Slicer, "");
    request.spacing_mm = Some([0.5, 0.25]);
    assert_eq!(fixture.points(&request, "a.png"), [[10.0, 40.0], [30.0, 24.0]]);
}

#[test]
fn slicer_ras_is_lps_with_two_signs_turned() {
    let ras = SLICER.replace("LPS", "RAS").replace("[5.0,10.0", "[-5.0,-10.0");
    let ras = ras.replace("[15.0,6.0", "[-15.0,-6.0");
    let fixture = Fixture::new(&[("a.mrk.json", &ras)]);
    let request = fixture.request(Format::Slicer, "a.mrk.json");
    assert_eq!(fixture.points(&request, "a.png"), [[5.0, 10.0], [15.0, 6.0]]);
}

#[test]
fn the_spacing_inside_slicer_may_differ_from_the_true_one() {
    let fixture = Fixture::new(&[("a.mrk.json", SLICER)]);
    let mut request = fixture.request(Format::Slicer, "");
    request.spacing_mm = Some([0.01, 0.01]);
    fixture.fails(&request, "--slicer-spacing");
    request.slicer_spacing_mm = Some([1.0, 1.0]);
    assert_eq!(fixture.points(&request, "a.png"), [[5.0, 10.0], [15.0, 6.0]]);
    assert_eq!(DataSet::open(&request.out).unwrap().spacing_mm, Some([0.01, 0.01]));
}

#[test]
fn undefined_slicer_points_are_missing() {
    let partly = SLICER.replacen("\"defined\"", "\"undefined\"", 1);
    let fixture = Fixture::new(&[
        ("a.mrk.json", &partly),
        ("z.mrk.json", SLICER),
        ("b.mrk.json", &SLICER.replace("LPS", "XYZ")),
    ]);
    fixture.fails(&fixture.request(Format::Slicer, "a.mrk.json"), "`a.png` lacks `sella`");
    fixture.fails(&fixture.request(Format::Slicer, "z.mrk.json"), "no image is named `z.");
    fixture.fails(&fixture.request(Format::Slicer, "b.mrk.json"), "`XYZ`");
}

#[test]
fn csv_wide_and_long_say_the_same() {
    let wide = "image,sella_x,sella_y,nasion_x,nasion_y\na.png,10,20,30.5,12\nb.png,11,21,31,\n";
    let long = "landmark,image,x,y\nsella,a.png,10,20\nnasion,a.png,30.5,12\nsella,b.png,11,21\n";
    let complete = wide.replace("31,\n", ",\n");
    let fixture = Fixture::new(&[("wide.csv", &complete), ("long.csv", long), ("half.csv", wide)]);
    fixture.fails(&fixture.request(Format::Csv, "half.csv"), "line 3");
    for file in ["wide.csv", "long.csv"] {
        let mut request = fixture.request(Format::Csv, file);
        request.out = fixture.0.path().join(format!("out {file}"));
        assert_eq!(fixture.points(&request, "a.png"), [[10.0, 20.0], [30.5, 12.0]]);
    }
}

#[test]
fn damaged_csv_names_the_line() {
    let fixture = Fixture::new(&[
        ("pair.csv", "image,p_x\na.png,1\n"),
        ("odd.csv", "image,p_x,p_y,reader\na.png,1,2,x\n"),
        ("none.csv", "image\na.png\n"),
        ("text.csv", "image,landmark,x,y\na.png,p,1,2\nb.png,p,one,2\n"),
        ("climb.csv", "image,p_x,p_y\n../a.png,1,2\n"),
    ]);
    let fails = |file, word| fixture.fails(&fixture.request(Format::Csv, file), word);
    fails("pair.csv", "line 1: column `p_y` is missing");
    fails("odd.csv", "line 1: column `reader`");
    fails("none.csv", "line 1: expected");
    fails("text.csv", "line 3: `p`: `one`");
    fails("climb.csv", "line 2: `../a.png` is not a plain");
}

#[test]
fn images_alone_make_an_unlabelled_set() {
    let fixture = Fixture::new(&[]);
    let mut request = fixture.request(Format::Images, "");
    request.name = None;
    let imported = import(&request).unwrap();
    assert_eq!((imported.images, imported.labelled, imported.landmarks.len()), (2, 0, 0));
    let set = DataSet::open(&request.out).unwrap();
    assert_eq!((set.name.as_str(), set.unlabelled(None).unwrap().len()), ("out", 2));
    assert!(!request.out.join("mean.csv").exists());

    let again = import(&request).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Usage);
}

#[test]
fn a_file_that_is_no_image_is_refused() {
    let fixture = Fixture::new(&[("c.png", "no image")]);
    fixture.fails(&fixture.request(Format::Images, ""), "c.png");
}
