//! Runs the runtime's detector on labelled images.

use fiducia::{Detector, Error, ErrorKind, Radiograph, Report};

use crate::data::Labelled;

/// Ground truth and result on one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// File name of the image.
    pub image: String,
    /// `[width, height]`, px.
    pub size_px: [usize; 2],
    /// `[x, y]` mm per px, where it is known.
    pub spacing_mm: Option<[f64; 2]>,
    /// Ground truth of each landmark, px of the image file.
    pub truth_px: Vec<[f64; 2]>,
    /// The result for each landmark.
    pub found: Vec<Found>,
    /// Whether the runtime refused the image as implausible; it is included in all metrics.
    pub refused: bool,
}

/// The result for one landmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Position, px of the image file.
    pub px: [f64; 2],
    /// Radial error that the runtime expects, px; `None` where it could not analyse the image.
    pub expected_error_px: Option<f64>,
    /// Whether the runtime reports the point as confident.
    pub confident: bool,
}

/// Runs `detector` on every image; `done` is called after each.
///
/// `landmarks` are those to measure; `truth_landmarks` is the order of the points in `images`. An image that
/// the detector cannot analyse (no contrast, too small) counts as refused, with every point in the image
/// centre.
///
/// Evaluates a model on the test split of a data folder:
///
/// ```rust,no_run
/// use std::path::Path;
///
/// use fiducia::{Backend, Detector, Pack};
/// use fiducia_trainer::data::DataSet;
/// use fiducia_trainer::evaluate::{predict, summarise};
///
/// let set = DataSet::open(Path::new("data/head"))?;
/// let pack = Pack::open(Path::new("models/head.fid"))?;
/// let mut detector = Detector::new(&pack, Backend::Cpu)?;
/// let (images, landmarks) = (set.labelled("test1")?, &set.landmarks);
/// let results = predict(&mut detector, &images, landmarks, landmarks, || ())?;
/// let predictions: Vec<_> = results.into_iter().map(|(prediction, _)| prediction).collect();
/// let summary = summarise(landmarks, &predictions);
/// println!("MRE {:.2} {}, SDR at 2: {:.1} %", summary.mre, summary.unit.name(), summary.sdr[0]);
/// # Ok::<(), fiducia::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Unreadable`] where an image cannot be read, [`ErrorKind::Usage`] where a landmark is
/// unknown to the model or the ground truth, [`ErrorKind::Engine`] where inference fails.
pub fn predict(
    detector: &mut Detector,
    images: &[Labelled],
    truth_landmarks: &[String],
    landmarks: &[String],
    mut done: impl FnMut(),
) -> Result<Vec<(Prediction, Option<Report>)>, Error> {
    let truth_order: Vec<usize> = landmarks
        .iter()
        .map(|name| find(truth_landmarks.iter(), name, "the ground truth"))
        .collect::<Result<_, _>>()?;
    let one = |labelled: &Labelled| {
        let radiograph = labelled.image.read()?;
        let report = match detector.detect(&radiograph) {
            Ok(report) => Some(report),
            Err(e) if e.kind() == ErrorKind::Implausible => None,
            Err(e) => return Err(e.at(&labelled.image.name)),
        };
        let prediction = Prediction {
            image: labelled.image.name.clone(),
            size_px: [radiograph.width, radiograph.height],
            spacing_mm: radiograph.spacing_mm,
            truth_px: truth_order.iter().map(|&i| labelled.points_px[i]).collect(),
            found: match &report {
                Some(report) => points_of(report, landmarks)?,
                None => vec![middle(&radiograph); landmarks.len()],
            },
            refused: report.as_ref().is_none_or(|r| !r.plausible),
        };
        done();
        Ok((prediction, report))
    };
    images.iter().map(one).collect()
}

fn points_of(report: &Report, landmarks: &[String]) -> Result<Vec<Found>, Error> {
    let names = || report.landmarks.iter().map(|l| &l.name);
    landmarks
        .iter()
        .map(|name| {
            let landmark = &report.landmarks[find(names(), name, "the model")?];
            Ok(Found {
                px: [landmark.x_px, landmark.y_px],
                expected_error_px: Some(landmark.expected_error_px),
                confident: landmark.confident,
            })
        })
        .collect()
}

fn middle(radiograph: &Radiograph) -> Found {
    let half = |edge: usize| (edge as f64 - 1.0) / 2.0;
    let px = [half(radiograph.width), half(radiograph.height)];
    Found { px, expected_error_px: None, confident: false }
}

/// Index of `name` among the landmarks of `owner`.
pub(super) fn find<'a>(
    mut names: impl Iterator<Item = &'a String>,
    name: &String,
    owner: &str,
) -> Result<usize, Error> {
    names
        .position(|n| n == name)
        .ok_or_else(|| Error::new(ErrorKind::Usage, format!("{owner} has no landmark `{name}`")))
}
