//! The data folder: `set.json`, `images/`, `mean.csv`, `split.csv`.
//!
//! ```text
//! set.json    {"name": "head", "pixel_spacing_mm": 0.1 | [0.1, 0.1] | null, "template": "125.jpg" | null,
//!              "landmarks": ["sella", …]}
//! images/     DICOM, PNG, JPEG or TIFF files; the spacing in a DICOM header is ignored, the set has one
//! mean.csv    image,sella_x,sella_y,…     px of the image file, (0, 0) = centre of the top-left pixel
//! split.csv   image,split                 optional
//! ```
//! Training sees [`Unlabelled`] images and one [`Template`]. Neither gives access to the points of any other
//! image: only [`DataSet::labelled`] returns the labels of a split.

mod points;
mod set;
mod split;

use std::path::{Path, PathBuf};

use fiducia::{Error, ErrorKind, Radiograph};

pub(crate) use points::{parse_px, read_points};
pub(crate) use set::{SetFile, Spacing, check_landmarks, check_spacing};
pub(crate) use split::Splits;

/// File name extensions of images, lower case.
pub const IMAGE_EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "dcm"];
/// Name of the split that holds every image; a `split.csv` may not use it.
pub const ALL: &str = "all";

/// A folder of X-ray images, optionally with labels and splits.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// Short name, such as `head`.
    pub name: String,
    /// `[x, y]` mm per px of every image, where it is known.
    pub spacing_mm: Option<[f64; 2]>,
    /// The default template image.
    pub template: Option<String>,
    /// Landmark names in order; empty for an unlabelled set.
    pub landmarks: Vec<String>,
    images_dir: PathBuf,
    images: Vec<String>,
    labels: PathBuf,
    splits: Option<Splits>,
}

/// One image without its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Unlabelled {
    /// File name inside the image folder.
    pub name: String,
    path: PathBuf,
    spacing_mm: Option<[f64; 2]>,
}

/// The one annotated image that one-shot training starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The image.
    pub image: Unlabelled,
    /// Landmark names in the order of the set.
    pub landmarks: Vec<String>,
    /// `[x, y]` of each landmark, px of the image file.
    pub points_px: Vec<[f64; 2]>,
}

/// An image with its ground truth, for evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The image.
    pub image: Unlabelled,
    /// `[x, y]` of each landmark in the order of the set, px of the image file.
    pub points_px: Vec<[f64; 2]>,
}

impl DataSet {
    /// Opens the data folder `dir`: reads `set.json`, lists `images/` and reads `split.csv` if present.
    ///
    /// ```rust
    /// use fiducia_trainer::data::DataSet;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let data = folder.path().join("head");
    /// # std::fs::create_dir_all(data.join("images"))?;
    /// # image::GrayImage::new(40, 50).save(data.join("images/001.png"))?;
    /// # std::fs::write(
    /// #     data.join("set.json"),
    /// #     r#"{"name": "head", "pixel_spacing_mm": 0.1, "template": "001.png", "landmarks": ["sella"]}"#,
    /// # )?;
    /// # std::fs::write(data.join("mean.csv"), "image,sella_x,sella_y\n001.png,12.5,20\n")?;
    /// let set = DataSet::open(&data)?;
    /// assert_eq!(set.landmarks, ["sella"]);
    /// let template = set.template("001.png")?;
    /// assert_eq!(template.points_px, [[12.5, 20.0]]);
    /// assert_eq!(set.unlabelled(None)?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] naming file and line where something is missing or malformed.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let set = SetFile::read(&dir.join("set.json"))?;
        let images_dir = dir.join("images");
        let images = list_images(&images_dir)?;
        let split_file = dir.join("split.csv");
        let splits = match split_file.exists() {
            true => Some(Splits::read(&split_file, &images)?),
            false => None,
        };
        Ok(Self {
            spacing_mm: set.spacing_mm(),
            name: set.name,
            template: set.template,
            landmarks: set.landmarks,
            images_dir,
            images,
            labels: dir.join("mean.csv"),
            splits,
        })
    }

    /// Opens a plain folder of images as an unlabelled set, named after the folder.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the folder is missing or holds no image, [`ErrorKind::Usage`]
    /// for an impossible spacing (`[x, y]` mm per px).
    pub fn from_folder(dir: &Path, spacing_mm: Option<[f64; 2]>) -> Result<Self, Error> {
        if let Some(spacing) = spacing_mm {
            check_spacing(spacing).map_err(|m| Error::new(ErrorKind::Usage, m))?;
        }
        let named = dir.canonicalize().ok().and_then(|d| Some(d.file_name()?.to_owned()));
        Ok(Self {
            name: named.map_or("images".to_owned(), |n| n.to_string_lossy().into_owned()),
            spacing_mm,
            template: None,
            landmarks: Vec::new(),
            images: list_images(dir)?,
            images_dir: dir.to_owned(),
            labels: dir.join("mean.csv"),
            splits: None,
        })
    }

    /// The images of `split`, or all images of the folder, sorted by name, without labels.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a split that does not exist, with the list of those that do.
    pub fn unlabelled(&self, split: Option<&str>) -> Result<Vec<Unlabelled>, Error> {
        Ok(self.names(split.unwrap_or(ALL))?.iter().map(|name| self.image(name)).collect())
    }

    /// The image with this file name, from any split.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where the set has none; the message names some.
    pub fn any_image(&self, name: &str) -> Result<Unlabelled, Error> {
        if self.images.binary_search_by(|n| n.as_str().cmp(name)).is_ok() {
            return Ok(self.image(name));
        }
        let some = some_of(&self.images);
        let message = format!("set {} has no image `{name}`; it has {some}", self.name);
        Err(Error::new(ErrorKind::Usage, message))
    }

    /// One image with its points: the only access to labels in one-shot training.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where the set has no such image or no points for it;
    /// [`ErrorKind::Unreadable`] where `mean.csv` is malformed.
    pub fn template(&self, image: &str) -> Result<Template, Error> {
        let image_only = self.any_image(image)?;
        let mut points_px = None;
        read_points(&self.labels, &self.landmarks, |name, points| {
            if name == image {
                points_px = Some(points);
            }
        })?;
        let points_px = points_px.ok_or_else(|| {
            let message = format!(
                "{} has no points for the template `{image}`; add its row or choose an image that has one",
                self.labels.display()
            );
            Error::new(ErrorKind::Usage, message)
        })?;
        Ok(Template { image: image_only, landmarks: self.landmarks.clone(), points_px })
    }

    /// The images of `split` that have points, sorted by name, with these points.
    ///
    /// Only evaluation and supervised reference trainings may call this.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a split that does not exist or has no labelled image;
    /// [`ErrorKind::Unreadable`] where `mean.csv` is missing or malformed.
    pub fn labelled(&self, split: &str) -> Result<Vec<Labelled>, Error> {
        let names = self.names(split)?;
        let mut labelled = Vec::new();
        read_points(&self.labels, &self.landmarks, |name, points_px| {
            if names.binary_search_by(|n| n.as_str().cmp(name)).is_ok() {
                labelled.push(Labelled { image: self.image(name), points_px });
            }
        })?;
        if labelled.is_empty() {
            let message = format!("split `{split}` of set {} has no labelled image", self.name);
            return Err(Error::new(ErrorKind::Usage, message));
        }
        labelled.sort_by(|a, b| a.image.name.cmp(&b.image.name));
        Ok(labelled)
    }

    /// Names of the splits, sorted; `all` is always one of them.
    pub fn splits(&self) -> Vec<&str> {
        let named = self.splits.iter().flat_map(|s| s.names());
        std::iter::once(ALL).chain(named).collect()
    }

    fn names(&self, split: &str) -> Result<&[String], Error> {
        if split == ALL {
            return Ok(&self.images);
        }
        self.splits.as_ref().and_then(|s| s.images(split)).ok_or_else(|| {
            let message = format!(
                "set {} has no split `{split}`; it has: {}",
                self.name,
                self.splits().join(", ")
            );
            Error::new(ErrorKind::Usage, message)
        })
    }

    fn image(&self, name: &str) -> Unlabelled {
        Unlabelled {
            name: name.to_owned(),
            path: self.images_dir.join(name),
            spacing_mm: self.spacing_mm,
        }
    }
}

impl Unlabelled {
    /// Reads the image, with the spacing of its set.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing or damaged.
    pub fn read(&self) -> Result<Radiograph, Error> {
        Radiograph::open(&self.path, self.spacing_mm)
    }

    /// `[width, height]`, px, from the header of the file alone.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing or its header damaged.
    pub fn size_px(&self) -> Result<[usize; 2], Error> {
        Radiograph::size_px(&self.path)
    }

    /// `[x, y]` mm per px, where the set knows it.
    pub fn spacing_mm(&self) -> Option<[f64; 2]> {
        self.spacing_mm
    }

    /// The bytes of the image file, to hash the data.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        std::fs::read(&self.path).map_err(|e| {
            let message = format!("cannot read image {}: {e}", self.path.display());
            Error::new(ErrorKind::Unreadable, message)
        })
    }

    /// Path of the image file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// File names of the images in `dir`, sorted; at least one.
pub(crate) fn list_images(dir: &Path) -> Result<Vec<String>, Error> {
    let fail = |e: std::io::Error| {
        let message = format!("cannot list the image folder {}: {e}", dir.display());
        Error::new(ErrorKind::Unreadable, message)
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        if is_image(Path::new(&name)) {
            names.push(name.into_string().map_err(|name| {
                let message = format!(
                    "image name {} in {} is not UTF-8; rename the file",
                    name.display(),
                    dir.display()
                );
                Error::new(ErrorKind::Unreadable, message)
            })?);
        }
    }
    if names.is_empty() {
        let message = format!(
            "{} contains no images; expected files ending in {}",
            dir.display(),
            IMAGE_EXTENSIONS.join(", ")
        );
        return Err(Error::new(ErrorKind::Unreadable, message));
    }
    names.sort();
    Ok(names)
}

/// Whether the name of `path` ends like an image; files hidden by a leading dot are none.
pub(crate) fn is_image(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|n| n.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    !hidden && IMAGE_EXTENSIONS.contains(&ending.to_ascii_lowercase().as_str())
}

/// Rejects an image name from a file that would lead out of the image folder.
pub(crate) fn check_image_name(name: &str) -> Result<(), String> {
    let hostile = ['/', '\\', ':', '\0'];
    if name.is_empty() || name == "." || name.contains("..") || name.contains(hostile) {
        return Err(format!("`{}` is not a plain file name", name.escape_debug()));
    }
    Ok(())
}

/// The first few of `names`, for an error message.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len() {
        0..=SHOWN => shown,
        count => format!("{shown}, … ({count} images)"),
    }
}

#[cfg(test)]
mod tests;
