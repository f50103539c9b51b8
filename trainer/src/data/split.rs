//! `split.csv`: which image belongs to which split of a set.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use fiducia::{Error, ErrorKind};

use super::{ALL, check_image_name};

/// Image names per split, each list sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Splits(BTreeMap<String, Vec<String>>);

impl Splits {
    /// Reads `path`; every image must be one of `images` (sorted) and appear once.
    pub(crate) fn read(path: &Path, images: &[String]) -> Result<Self, Error> {
        let unreadable =
            |what: String| Error::new(ErrorKind::Unreadable, format!("{}: {what}", path.display()));
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|e| unreadable(e.to_string()))?;
        let headers = reader.headers().map_err(|e| unreadable(e.to_string()))?;
        if headers != vec!["image", "split"] {
            return Err(unreadable("line 1: expected the columns `image,split`".to_owned()));
        }
        let mut splits = Self::default();
        let mut seen = BTreeSet::new();
        for row in reader.records() {
            let row = row.map_err(|e| unreadable(e.to_string()))?;
            let line = row.position().map_or(0, csv::Position::line);
            let (image, split) = (row[0].to_owned(), row[1].to_owned());
            let place = |what: String| unreadable(format!("line {line}: {what}"));
            check_image_name(&image).map_err(place)?;
            if images.binary_search(&image).is_err() {
                return Err(place(format!("`{image}` is not in the image folder")));
            }
            if split.is_empty() || split == ALL {
                return Err(place(format!("`{split}` cannot be the name of a split")));
            }
            if !seen.insert(image.clone()) {
                return Err(place(format!("`{image}` appears twice")));
            }
            splits.0.entry(split).or_default().push(image);
        }
        splits.0.values_mut().for_each(|names| names.sort());
        Ok(splits)
    }

    /// Names of the splits, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The images of a split, sorted.
    pub(crate) fn images(&self, split: &str) -> Option<&[String]> {
        self.0.get(split).map(Vec::as_slice)
    }
}
