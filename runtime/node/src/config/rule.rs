//! Which pack looks at which image.

use std::path::PathBuf;

use serde::Deserialize;

use fiducia::radiograph::dicom::header::Header;

/// A pack and the images that it is for. Every condition that is there must hold; of the patterns of a
/// condition one is enough.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The pack.
    pub pack: PathBuf,
    /// Use the pack only where the maker with this public key (PEM) signed it.
    pub require_signed: Option<PathBuf>,
    /// Modality (0008,0060).
    #[serde(default)]
    pub modality: Vec<Pattern>,
    /// Body Part Examined (0018,0015).
    #[serde(default)]
    pub body_part: Vec<Pattern>,
    /// Study Description (0008,1030).
    #[serde(default)]
    pub study: Vec<Pattern>,
    /// Series Description (0008,103E).
    #[serde(default)]
    pub series: Vec<Pattern>,
}

impl Rule {
    /// Whether the rule is for the image.
    pub(crate) fn fits(&self, header: &Header) -> bool {
        let one = |patterns: &[Pattern], value: &str| {
            patterns.is_empty() || patterns.iter().any(|p| p.fits(value))
        };
        one(&self.modality, &header.modality)
            && one(&self.body_part, &header.body_part)
            && one(&self.study, &header.study_description)
            && one(&self.series, &header.series_description)
    }
}

/// A text in which `*` stands for anything; upper and lower case are the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub struct Pattern(Vec<String>);

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self(text.to_lowercase().split('*').map(str::to_owned).collect())
    }
}

impl Pattern {
    fn fits(&self, value: &str) -> bool {
        let value = value.trim().to_lowercase();
        let [first, middle @ .., last] = &self.0[..] else {
            return self.0.first().is_some_and(|only| *only == value);
        };
        let Some(mut rest) = value.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            // The first place is as good as any: what comes before it may be anything.
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, value: &str) -> bool {
        Pattern::from(pattern.to_owned()).fits(value)
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, value) in [
            ("SKULL", "skull "),
            ("*", ""),
            ("*", "anything"),
            ("*ceph*", "Lateral CEPH"),
            ("head*lat*", "HEAD AP/LAT"),
            ("a*a", "aa"),
            ("*a*b", "xaxbxb"),
            ("", ""),
        ] {
            assert!(fits(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in
            [("SKULL", "SKULLS"), ("a*a", "a"), ("*ceph", "cephalo"), ("", "x"), ("a*b*c", "acb")]
        {
            assert!(!fits(pattern, value), "{pattern} {value}");
        }
    }
}
