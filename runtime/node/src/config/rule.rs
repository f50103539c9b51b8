//! Which model file processes which image.

use std::path::PathBuf;

use serde::Deserialize;

use fiducia::radiograph::dicom::header::Header;

/// A model file and the images that it is for. Every condition that is given must hold; a condition holds if one of
/// its patterns matches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The model file.
    pub pack: PathBuf,
    /// Use the model only if the maker with this public key (PEM) signed it.
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
    /// Whether all conditions hold for the image.
    pub(crate) fn matches(&self, header: &Header) -> bool {
        let holds = |patterns: &[Pattern], value: &str| {
            patterns.is_empty() || patterns.iter().any(|p| p.matches(value))
        };
        holds(&self.modality, &header.modality)
            && holds(&self.body_part, &header.body_part)
            && holds(&self.study, &header.study_description)
            && holds(&self.series, &header.series_description)
    }
}

/// A text in which `*` matches any characters, also none; case is ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub struct Pattern(Vec<String>);

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self(text.to_lowercase().split('*').map(str::to_owned).collect())
    }
}

impl Pattern {
    fn matches(&self, value: &str) -> bool {
        let value = value.trim().to_lowercase();
        let [first, middle @ .., last] = &self.0[..] else {
            return self.0.first().is_some_and(|only| *only == value);
        };
        let Some(mut rest) = value.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            // The first occurrence leaves the most text for the parts after it.
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Pattern::from(pattern.to_owned()).matches(value)
    }

    #[test]
    fn a_star_matches_anything() {
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
            assert!(matches(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in
            [("SKULL", "SKULLS"), ("a*a", "a"), ("*ceph", "cephalo"), ("", "x"), ("a*b*c", "acb")]
        {
            assert!(!matches(pattern, value), "{pattern} {value}");
        }
    }
    #[test]
    fn a_rule_matches_where_every_condition_that_is_given_holds() {
        let header = Header {
            modality: "DX".to_owned(),
            body_part: "SKULL".to_owned(),
            study_description: "Orthodontics".to_owned(),
            series_description: "Lateral ceph".to_owned(),
            ..Header::default()
        };
        for (conditions, holds) in [
            ("", true),
            ("modality = [\"CR\", \"DX\"]", true),
            ("modality = [\"CR\"]", false),
            ("modality = [\"DX\"]\nbody_part = [\"skull\"]", true),
            ("modality = [\"DX\"]\nbody_part = [\"CHEST\"]", false),
            ("study = [\"orthodontics\"]\nseries = [\"*ceph*\"]", true),
            ("study = [\"*ceph*\"]", false),
            ("series = [\"orthodontics\"]", false),
        ] {
            let rule: Rule = toml::from_str(&format!("pack = \"head.fid\"\n{conditions}")).unwrap();
            assert_eq!(rule.matches(&header), holds, "{conditions}");
        }
    }
}
