//! Merges the results of several models that find different landmarks into those of one model.

use fiducia::report::ModelInfo;
use fiducia::{Error, ErrorKind, Report};

use super::Prediction;

/// The results of one model on the images.
#[derive(Clone, Debug)]
pub struct Part {
    /// The landmarks that were measured, in the order of every prediction.
    pub landmarks: Vec<String>,
    /// One per image; all parts have the same images in the same order.
    pub results: Vec<(Prediction, Option<Report>)>,
}

/// Rejects models that find the same landmark: two predictions cannot be merged into one.
///
/// `packs` are the names of the packs and their landmarks.
///
/// # Errors
/// [`ErrorKind::Usage`] naming the landmark and both packs.
pub fn check_disjoint(packs: &[(String, Vec<String>)]) -> Result<(), Error> {
    for (i, (later, landmarks)) in packs.iter().enumerate() {
        for (earlier, known) in &packs[..i] {
            if let Some(name) = landmarks.iter().find(|l| known.contains(l)) {
                return Err(usage(format!("`{name}` is found by {earlier} and by {later}")));
            }
        }
    }
    Ok(())
}

/// The landmarks of all `parts` in the order of `order`, one prediction per image.
///
/// An image counts as refused where any part refused it. A single part is returned unchanged.
///
/// # Errors
/// [`ErrorKind::Usage`] where a landmark is in two parts or the parts have other images.
pub fn merge(mut parts: Vec<Part>, order: &[String]) -> Result<Part, Error> {
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let named = parts.iter().enumerate();
    let named: Vec<_> =
        named.map(|(i, p)| (format!("pack {}", i + 1), p.landmarks.clone())).collect();
    check_disjoint(&named)?;
    let (landmarks, sources) = sources(&parts, order);
    let images = parts.first().map_or(0, |p| p.results.len());
    if parts.iter().any(|p| p.results.len() != images) {
        return Err(usage("the packs were not run on the same images"));
    }
    let one = |image: usize| {
        let results: Vec<&(Prediction, Option<Report>)> =
            parts.iter().map(|p| &p.results[image]).collect();
        Ok((merge_predictions(&results, &sources)?, merge_reports(&results)))
    };
    Ok(Part { landmarks, results: (0..images).map(one).collect::<Result<_, Error>>()? })
}

/// The names of `order` that any part has, with `(part, index inside it)` for each.
fn sources(parts: &[Part], order: &[String]) -> (Vec<String>, Vec<(usize, usize)>) {
    let find = |name: &String| {
        let place = |p: &Part| p.landmarks.iter().position(|l| l == name);
        parts.iter().enumerate().find_map(|(i, p)| Some((name.clone(), (i, place(p)?))))
    };
    order.iter().filter_map(find).unzip()
}

fn merge_predictions(
    results: &[&(Prediction, Option<Report>)],
    sources: &[(usize, usize)],
) -> Result<Prediction, Error> {
    let first = &results[0].0;
    if results.iter().any(|r| r.0.image != first.image || r.0.size_px != first.size_px) {
        return Err(usage("the packs were not run on the same images"));
    }
    Ok(Prediction {
        image: first.image.clone(),
        size_px: first.size_px,
        spacing_mm: first.spacing_mm,
        truth_px: sources.iter().map(|&(part, l)| results[part].0.truth_px[l]).collect(),
        found: sources.iter().map(|&(part, l)| results[part].0.found[l]).collect(),
        refused: results.iter().any(|r| r.0.refused),
    })
}

/// All landmarks in one report, for drawing; `None` where a model could not analyse the image.
fn merge_reports(results: &[&(Prediction, Option<Report>)]) -> Option<Report> {
    let reports: Option<Vec<&Report>> = results.iter().map(|r| r.1.as_ref()).collect();
    let reports = reports?;
    let mut whole = Report::clone(reports.first()?);
    // No single file belongs to this report: it has no hash.
    let name = format!("{} and {} more", whole.model.name, reports.len() - 1);
    whole.model = ModelInfo { name, sha256: String::new() };
    for report in &reports[1..] {
        whole.plausible &= report.plausible;
        whole.reasons.extend(report.reasons.iter().cloned());
        whole.landmarks.extend(report.landmarks.iter().cloned());
        let (all, own) = (&mut whole.timings_ms, &report.timings_ms);
        all.preprocess += own.preprocess;
        all.backbone += own.backbone;
        all.crop += own.crop;
        all.refine += own.refine;
        all.decode += own.decode;
        all.total += own.total;
    }
    Some(whole)
}

fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Found;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&n| n.to_owned()).collect()
    }

    /// Two images on which landmark `l` is found at `(l, image)`, `l` being the letter's number.
    fn part(landmarks: &[&str], refused: usize) -> Part {
        let result = |i: usize| {
            let number = |name: &&str| f64::from(name.as_bytes()[0] - b'a');
            let px = |name| [number(name), i as f64];
            let found = |name| Found { px: px(name), expected_error_px: None, confident: true };
            let prediction = Prediction {
                image: format!("{i}.png"),
                size_px: [10, 10],
                spacing_mm: None,
                truth_px: landmarks.iter().map(px).collect(),
                found: landmarks.iter().map(found).collect(),
                refused: i == refused,
            };
            (prediction, None)
        };
        Part { landmarks: names(landmarks), results: (0..2).map(result).collect() }
    }

    #[test]
    fn landmarks_come_in_the_order_of_the_set() {
        let parts = vec![part(&["c"], 9), part(&["d", "a"], 1)];
        let whole = merge(parts, &names(&["a", "b", "c", "d"])).unwrap();
        assert_eq!(whole.landmarks, ["a", "c", "d"]);
        let second = &whole.results[1].0;
        let expected = [[0.0, 1.0], [2.0, 1.0], [3.0, 1.0]];
        assert_eq!(second.truth_px, expected);
        assert_eq!(second.found.iter().map(|f| f.px).collect::<Vec<_>>(), expected);
        assert_eq!((whole.results[0].0.refused, second.refused), (false, true));
    }

    #[test]
    fn a_single_part_keeps_its_order() {
        let whole = merge(vec![part(&["b", "a"], 9)], &names(&["a", "b"])).unwrap();
        assert_eq!(whole.landmarks, ["b", "a"]);
    }

    #[test]
    fn a_landmark_of_two_packs_is_an_error_that_names_them() {
        let packs = [("x.fid".to_owned(), names(&["a", "b"])), ("y.fid".to_owned(), names(&["b"]))];
        let error = check_disjoint(&packs).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(error.to_string(), "`b` is found by x.fid and by y.fid");
        assert!(merge(vec![part(&["a"], 9), part(&["a"], 9)], &names(&["a"])).is_err());
    }

    #[test]
    fn other_images_are_an_error() {
        let mut other = part(&["b"], 9);
        other.results.swap(0, 1);
        assert!(merge(vec![part(&["a"], 9), other.clone()], &names(&["a", "b"])).is_err());
        other.results.truncate(1);
        assert!(merge(vec![part(&["a"], 9), other], &names(&["a", "b"])).is_err());
    }
}
