use super::*;

/// A data folder with four images, the last without points.
fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("images")).unwrap();
    for name in ["b.png", "a.png", "c.JPG", "d.png", ".hidden.png", "notes.txt"] {
        std::fs::write(root.path().join("images").join(name), "").unwrap();
    }
    put(
        &root,
        "set.json",
        r#"{"name":"toy","pixel_spacing_mm":[0.1,0.2],"template":"b.png","landmarks":["p","q"],"more":1}"#,
    );
    put(
        &root,
        "mean.csv",
        "image,q_x,q_y,p_x,p_y,reader\nb.png,3,4,1,2.5,x\na.png,-7,8,5,6,y\nc.JPG,1,1,1,1,z\n",
    );
    put(&root, "split.csv", "image,split\na.png,test\nb.png,train\nd.png,train\n");
    root
}

fn put(root: &tempfile::TempDir, name: &str, text: &str) {
    std::fs::write(root.path().join(name), text).unwrap();
}

fn names<'a>(images: impl IntoIterator<Item = &'a Unlabelled>) -> Vec<&'a str> {
    images.into_iter().map(|i| i.name.as_str()).collect()
}

#[test]
fn a_set_gives_images_template_and_labels() {
    let root = folder();
    let set = DataSet::open(root.path()).unwrap();
    assert_eq!((set.name.as_str(), set.spacing_mm), ("toy", Some([0.1, 0.2])));
    assert_eq!(set.template.as_deref(), Some("b.png"));
    assert_eq!(set.splits(), ["all", "test", "train"]);
    assert_eq!(names(&set.unlabelled(None).unwrap()), ["a.png", "b.png", "c.JPG", "d.png"]);
    assert_eq!(names(&set.unlabelled(Some("train")).unwrap()), ["b.png", "d.png"]);

    let template = set.template("b.png").unwrap();
    assert_eq!(template.landmarks, ["p", "q"]);
    assert_eq!(template.points_px, [[1.0, 2.5], [3.0, 4.0]]);
    let train = set.labelled("train").unwrap();
    assert_eq!(names(train.iter().map(|l| &l.image)), ["b.png"]);
    let all = set.labelled("all").unwrap();
    assert_eq!(names(all.iter().map(|l| &l.image)), ["a.png", "b.png", "c.JPG"]);
    assert_eq!(all[0].points_px, [[5.0, 6.0], [-7.0, 8.0]]);
}

#[test]
fn a_plain_folder_is_an_unlabelled_set() {
    let root = folder();
    let images = root.path().join("images");
    let set = DataSet::from_folder(&images, Some([0.1, 0.1])).unwrap();
    assert_eq!((set.name.as_str(), set.landmarks.len()), ("images", 0));
    assert_eq!(set.unlabelled(None).unwrap().len(), 4);
    assert!(set.labelled("all").is_err());
    assert!(set.template("a.png").is_err());
    let bad = DataSet::from_folder(&images, Some([0.0, 0.1])).unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::Usage);
    assert!(DataSet::from_folder(&root.path().join("nowhere"), None).is_err());
}

#[test]
fn unknown_split_and_template_list_what_exists() {
    let root = folder();
    let set = DataSet::open(root.path()).unwrap();
    for split in [set.unlabelled(Some("val")).map(|_| ()), set.labelled("val").map(|_| ())] {
        let error = split.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("it has: all, test, train"), "{error}");
    }
    let error = set.template("z.png").unwrap_err();
    assert!(error.kind() == ErrorKind::Usage && error.to_string().contains("a.png"), "{error}");
    let error = set.template("d.png").unwrap_err();
    assert!(error.to_string().contains("no points for the template `d.png`"), "{error}");
}

#[test]
fn damaged_points_name_file_and_line() {
    let cases = [
        ("image,p_x,p_y,q_x\na.png,1,2,3\n", "line 1: column `q_y`"),
        ("image,p_x,p_y,q_x,q_y\na.png,1,2,3\n", "line: 2"),
        ("image,p_x,p_y,q_x,q_y\na.png,1,2,3,4\nb.png,1,2,3,nan\n", "line 3: landmark `q`"),
        ("image,p_x,p_y,q_x,q_y\na.png,1,2,3,1e300\n", "line 2: landmark `q`"),
        ("image,p_x,p_y,q_x,q_y\na.png,1,2,3,\n", "line 2: landmark `q`"),
        ("image,p_x,p_y,q_x,q_y\n../a.png,1,2,3,4\n", "line 2: `../a.png` is not a plain"),
        ("image,p_x,p_y,q_x,q_y\na.png,1,2,3,4\na.png,1,2,3,4\n", "line 3: `a.png` appears twice"),
        ("", "line 1: column `image`"),
    ];
    let root = folder();
    for (text, expected) in cases {
        put(&root, "mean.csv", text);
        let error = DataSet::open(root.path()).unwrap().labelled("all").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        let message = error.to_string();
        assert!(message.contains("mean.csv") && message.contains(expected), "{message}");
    }
    std::fs::write(root.path().join("mean.csv"), b"image,p_x,p_y,q_x,q_y\n\xff\xfe,1,2,3,4\n")
        .unwrap();
    assert!(DataSet::open(root.path()).unwrap().labelled("all").is_err());
}

#[test]
fn damaged_splits_name_file_and_line() {
    let cases = [
        ("image,part\na.png,test\n", "line 1"),
        ("image,split\na.png,test\nzzz.png,test\n", "line 3: `zzz.png` is not in"),
        ("image,split\n..\\a.png,test\n", "line 2: `..\\\\a.png` is not a plain"),
        ("image,split\na.png,test\na.png,train\n", "line 3: `a.png` appears twice"),
        ("image,split\na.png,all\n", "line 2: `all` cannot"),
        ("image,split\na.png\n", "line: 2"),
    ];
    let root = folder();
    for (text, expected) in cases {
        put(&root, "split.csv", text);
        let error = DataSet::open(root.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(
            error.to_string().contains("split.csv") && error.to_string().contains(expected),
            "{error}"
        );
    }
}

#[test]
fn damaged_descriptions_never_panic() {
    let root = folder();
    let whole = std::fs::read(root.path().join("set.json")).unwrap();
    for len in 0..whole.len() {
        std::fs::write(root.path().join("set.json"), &whole[..len]).unwrap();
        let error = DataSet::open(root.path()).unwrap_err();
        assert!(error.to_string().contains("set.json"), "{error}");
    }
    for hostile in ["[".repeat(10_000), "null".to_owned(), r#"{"name":1}"#.to_owned()] {
        put(&root, "set.json", &hostile);
        assert!(DataSet::open(root.path()).is_err());
    }
}

#[test]
fn image_names_stay_inside_the_folder() {
    for bad in
        ["", ".", "..", "a/b.png", "a\\b.png", "../a.png", "/etc/passwd", "C:a.png", "a\0.png"]
    {
        assert!(check_image_name(bad).is_err(), "{bad:?}");
    }
    assert!(check_image_name("JPCLN001 (2).png").is_ok());
}

#[test]
fn the_head_set_opens() {
    let Some(data) = std::env::var_os("FIDUCIA_DATA") else {
        fiducia_test_support::skip!("FIDUCIA_DATA is not set");
    };
    let set = DataSet::open(&Path::new(&data).join("head")).unwrap();
    assert_eq!((set.landmarks.len(), set.spacing_mm), (19, Some([0.1, 0.1])));
    assert_eq!(set.labelled("test1").unwrap().len(), 148);
    assert_eq!(set.unlabelled(None).unwrap().len(), 298);
    let template = set.template("125.jpg").unwrap();
    let radiograph = template.image.read().unwrap();
    assert_eq!([radiograph.width, radiograph.height], [1935, 2400]);
    assert_eq!(radiograph.spacing_mm, Some([0.1, 0.1]));
}
