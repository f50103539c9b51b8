//! `set.json`: what holds for every image of a set.

use std::path::Path;

use fiducia::pack::layout::MAX_LANDMARKS;
use fiducia::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use super::check_image_name;

/// `set.json`, field by field.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct SetFile {
    /// Short name of the set.
    pub(crate) name: String,
    /// Mm per px, where it is known.
    pub(crate) pixel_spacing_mm: Option<Spacing>,
    /// The default template image.
    #[serde(default)]
    pub(crate) template: Option<String>,
    /// Landmark names in order.
    #[serde(default)]
    pub(crate) landmarks: Vec<String>,
}

/// One number for square pixels, else x and y.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Spacing {
    Square(f64),
    Sides([f64; 2]),
}

impl SetFile {
    /// Reads and validates the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let fail =
            |what: String| Error::new(ErrorKind::Unreadable, format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path)
            .map_err(|e| fail(format!("cannot read the description of the data set: {e}")))?;
        let set: Self = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
        set.check().map_err(fail)?;
        Ok(set)
    }

    /// `[x, y]` mm per px.
    pub(crate) fn spacing_mm(&self) -> Option<[f64; 2]> {
        self.pixel_spacing_mm.map(|spacing| match spacing {
            Spacing::Square(side) => [side, side],
            Spacing::Sides(sides) => sides,
        })
    }

    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() || self.name.len() > 256 {
            return Err("name must have 1 to 256 bytes".to_owned());
        }
        if let Some(spacing) = self.spacing_mm() {
            check_spacing(spacing)?;
        }
        if let Some(template) = &self.template {
            check_image_name(template).map_err(|e| format!("template {e}"))?;
        }
        check_landmarks(&self.landmarks)
    }
}

/// Rejects a spacing outside the range that the runtime accepts.
pub(crate) fn check_spacing(spacing_mm: [f64; 2]) -> Result<(), String> {
    match spacing_mm.iter().find(|v| !(1e-3..=1e2).contains(*v)) {
        None => Ok(()),
        Some(v) => Err(format!("pixel spacing {v} mm must lie between 0.001 and 100 mm")),
    }
}

/// Rejects landmark names that a model file cannot hold.
pub(crate) fn check_landmarks(names: &[String]) -> Result<(), String> {
    if names.len() > MAX_LANDMARKS {
        return Err(format!("{} landmarks, more than {MAX_LANDMARKS}", names.len()));
    }
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if name.is_empty() || name.len() > 256 {
            return Err("landmark names must have 1 to 256 bytes".to_owned());
        }
        if !seen.insert(name) {
            return Err(format!("landmark `{name}` appears twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SetFile, String> {
        let set: SetFile = serde_json::from_str(text).map_err(|e| e.to_string())?;
        set.check().map(|()| set)
    }

    #[test]
    fn spacing_is_a_number_a_pair_or_null() {
        let spacing = |text: &str| {
            parse(&format!(r#"{{"name":"a","pixel_spacing_mm":{text}}}"#)).map(|s| s.spacing_mm())
        };
        assert_eq!(spacing("0.1"), Ok(Some([0.1, 0.1])));
        assert_eq!(spacing("[0.1, 0.2]"), Ok(Some([0.1, 0.2])));
        assert_eq!(spacing("null"), Ok(None));
        for bad in ["0", "-1", "[0.1]", "\"0.1\"", "1e9", "[0.1, 1e-9]"] {
            assert!(spacing(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn doubled_and_empty_landmarks_are_refused() {
        assert!(parse(r#"{"name":"a","landmarks":["p","p"]}"#).unwrap_err().contains("`p`"));
        assert!(parse(r#"{"name":"a","landmarks":[""]}"#).is_err());
        assert!(parse(r#"{"name":"a","template":"../b.png"}"#).unwrap_err().contains("plain"));
        assert!(parse(r#"{"name":"","landmarks":[]}"#).is_err());
    }
}
