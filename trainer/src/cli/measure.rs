//! Models and labelled images, for every subcommand that runs models on labelled images.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fiducia::report::ModelInfo;
use fiducia::{Backend, BackendInfo, Detector, Error, ErrorKind, Pack};
use fiducia_trainer::data::{DataSet, Labelled};
use fiducia_trainer::evaluate::{Part, predict};
use fiducia_trainer::progress::Progress;

#[derive(Debug, clap::Args)]
pub(super) struct Measure {
    /// Data folder with labels
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split of the data folder; `all` for every labelled image
    #[arg(long, value_name = "NAME")]
    split: String,
    /// Backend that runs the networks
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendArg,
    /// Images to exclude, separated by commas; @FILE for a file with one name per line
    #[arg(long, value_name = "IMAGE", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Use only the first N images
    #[arg(long, value_name = "N")]
    limit: Option<std::num::NonZeroUsize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BackendArg {
    Auto,
    Cpu,
    Gpu,
}

/// The labelled images to run models on.
pub(super) struct Subject {
    pub(super) set: DataSet,
    pub(super) split: String,
    pub(super) images: Vec<Labelled>,
    /// Images of the split that were excluded on request.
    pub(super) excluded: Vec<String>,
    backend: Backend,
}

impl Measure {
    pub(super) fn open(self) -> Result<Subject, Error> {
        let set = DataSet::open(&self.data)?;
        let exclude = names(&self.exclude)?;
        let mut images = set.labelled(&self.split)?;
        for name in &exclude {
            if !images.iter().any(|l| &l.image.name == name) {
                log::warn!("--exclude {name}: split `{}` has no such labelled image", self.split);
            }
        }
        let all = images.iter().map(|l| l.image.name.clone());
        let excluded = all.filter(|n| exclude.contains(n)).collect();
        images.retain(|l| !exclude.contains(&l.image.name));
        images.truncate(self.limit.map_or(usize::MAX, usize::from));
        if images.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "--exclude leaves no images"));
        }
        let backend = match self.backend {
            BackendArg::Auto => Backend::Auto,
            BackendArg::Cpu => Backend::Cpu,
            BackendArg::Gpu => Backend::Gpu,
        };
        Ok(Subject { set, split: self.split, images, excluded, backend })
    }
}

impl Subject {
    /// Runs `pack` on every image, with a progress bar called `stage`.
    pub(super) fn run(
        &self,
        pack: &Pack,
        landmarks: Vec<String>,
        stage: &str,
    ) -> Result<(Part, BackendInfo), Error> {
        let mut detector = Detector::new(pack, self.backend)?;
        let bar = Progress::terminal().bar(stage, self.images.len());
        let known = &self.set.landmarks;
        let results = predict(&mut detector, &self.images, known, &landmarks, || bar.inc(1))?;
        bar.finish_and_clear();
        Ok((Part { landmarks, results }, detector.backend().clone()))
    }

    /// The landmarks of a pack that the set has points for.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where there is none.
    pub(super) fn shared(&self, pack: &Pack) -> Result<Vec<String>, Error> {
        let model = &pack.manifest().landmarks;
        let shared: Vec<String> =
            model.iter().filter(|l| self.set.landmarks.contains(l)).cloned().collect();
        if shared.is_empty() {
            let message = format!(
                "the model {} finds {}, but the set {} has points for {}: no common landmark",
                pack.manifest().name,
                model.join(", "),
                self.set.name,
                self.set.landmarks.join(", ")
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(shared)
    }
}

/// Opens every model file; an error names the file.
pub(super) fn open_packs(paths: &[PathBuf]) -> Result<Vec<Pack>, Error> {
    paths.iter().map(|path| Pack::open(path)).collect()
}

/// Name and hash of `pack` for reports.
pub(super) fn model_info(pack: &Pack) -> ModelInfo {
    ModelInfo { name: pack.manifest().name.clone(), sha256: pack.sha256().to_owned() }
}

/// The names in `list`, with every `@FILE` replaced by the lines of the file.
fn names(list: &[String]) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in list {
        match entry.strip_prefix('@') {
            Some(file) => names.extend(lines(Path::new(file))?),
            None => names.push(entry.clone()),
        }
    }
    Ok(names)
}

/// The lines of a file, trimmed, without empty ones.
fn lines(path: &Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let message = format!("{}: cannot read the list of images: {e}", path.display());
        Error::new(ErrorKind::Unreadable, message)
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}
