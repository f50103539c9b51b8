//! Output files: checked before any work, written whole or not at all.

use std::{
    collections::BTreeSet,
    io::Cursor,
    path::{Path, PathBuf},
};

use fiducia::atomic::{Staged, check_writable};
use fiducia::report::{csv, measures_csv, table};
use fiducia::{Error, ErrorKind, Radiograph, Report, overlay};

use super::{
    arguments::DetectArguments,
    images::{Images, OVERLAY_SUFFIX},
    terminal::print,
};

/// All reports as the text of one format.
type Render = fn(&Outputs<'_>, &[Report]) -> Result<String, Error>;

/// The requested results, until they are on the disk.
pub(super) struct Outputs<'a> {
    arguments: &'a DetectArguments,
    batch: bool,
    staged: Vec<Staged>,
}

impl<'a> Outputs<'a> {
    /// Checks every destination.
    ///
    /// # Errors
    /// [`ErrorKind::Unwritable`] if a result cannot be written; [`ErrorKind::Usage`] if two results have the same
    /// destination.
    pub(super) fn check(arguments: &'a DetectArguments, images: &Images) -> Result<Self, Error> {
        let outputs = Self { arguments, batch: images.batch, staged: Vec::new() };
        match &arguments.overlay {
            Some(path) if images.batch && !path.is_dir() => {
                return Err(invalid(
                    path,
                    "for several images --overlay must be an existing folder",
                ));
            }
            Some(path) if is_stdout(path) => {
                return Err(invalid(path, "an image cannot be written to standard output"));
            }
            _ => {}
        }
        #[cfg(feature = "results")]
        images.paths.iter().try_for_each(|image| arguments.dicom.check(image))?;
        let inputs: BTreeSet<PathBuf> =
            images.paths.iter().filter_map(|image| image.canonicalize().ok()).collect();
        let mut seen = BTreeSet::new();
        for path in outputs.destinations(images) {
            if path.canonicalize().is_ok_and(|path| inputs.contains(&path)) {
                return Err(invalid(&path, "the result would overwrite an input image"));
            }
            if !is_stdout(&path) {
                check_writable(&path)?;
            }
            if let Some(path) = seen.replace(path) {
                return Err(invalid(&path, "two results have this path"));
            }
        }
        Ok(outputs)
    }

    /// Writes the files of one image: its overlay and DICOM objects.
    pub(super) fn of_image(
        &mut self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<(), Error> {
        let mut staged = self.objects(image, radiograph, report)?;
        staged.extend(self.overlay(image, radiograph, report)?);
        if self.batch {
            // At once, so that an interrupted batch keeps its finished results.
            return staged.into_iter().try_for_each(Staged::commit);
        }
        self.staged.extend(staged);
        Ok(())
    }

    /// Writes the DICOM reports of a refused image, which give the reason, if they are requested.
    pub(super) fn refused(
        &self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<(), Error> {
        self.objects(image, radiograph, report)?.into_iter().try_for_each(Staged::commit)
    }

    #[cfg(feature = "results")]
    fn objects(
        &self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<Vec<Staged>, Error> {
        self.arguments.dicom.stage(image, radiograph, report)
    }

    #[cfg(not(feature = "results"))]
    fn objects(&self, _: &Path, _: &Radiograph, _: &Report) -> Result<Vec<Staged>, Error> {
        Ok(Vec::new())
    }

    /// Draws the overlay of one image, if overlays are requested.
    fn overlay(
        &self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<Option<Staged>, Error> {
        let Some(path) = self.overlay_path(image) else { return Ok(None) };
        let mut png = Cursor::new(Vec::new());
        overlay(radiograph, report).write_to(&mut png, image::ImageFormat::Png).map_err(|e| {
            Error::new(ErrorKind::Unwritable, format!("cannot encode {}: {e}", path.display()))
        })?;
        Staged::new(&path, &png.into_inner())
    }

    /// Writes all other results: first the files, then standard output.
    pub(super) fn write(mut self, reports: &[Report]) -> Result<(), Error> {
        let quiet = self.arguments.quiet;
        let mut text = None;
        for (path, render) in self.texts() {
            let content = render(&self, reports)?;
            text = text.or(self.stage(path, content)?);
        }
        let tables = || reports.iter().map(table).collect::<Vec<_>>().join("\n");
        let text = text.unwrap_or_else(|| if quiet { String::new() } else { tables() });
        self.staged.into_iter().try_for_each(Staged::commit)?;
        print(&text)
    }

    /// Writes `content` under a temporary name, or returns it if it goes to standard output.
    fn stage(&mut self, path: &Path, content: String) -> Result<Option<String>, Error> {
        if is_stdout(path) {
            return Ok(Some(content));
        }
        self.staged.extend(Staged::new(path, content.as_bytes())?);
        Ok(None)
    }

    /// The text formats that are requested, each with its destination.
    fn texts(&self) -> impl Iterator<Item = (&'a Path, Render)> + use<'a> {
        let DetectArguments { json, csv: rows, measures, .. } = self.arguments;
        let all: [(&Option<PathBuf>, Render); 3] = [
            (json, |outputs, reports| outputs.json_text(reports)),
            (rows, |_, reports| Ok(csv(reports))),
            (measures, |_, reports| Ok(measures_csv(reports))),
        ];
        all.into_iter().filter_map(|(path, render)| Some((path.as_deref()?, render)))
    }

    /// A JSON object for one image, an array for a batch.
    fn json_text(&self, reports: &[Report]) -> Result<String, Error> {
        let text = match reports {
            [one] if !self.batch => one.json()?,
            all => serde_json::to_string_pretty(all).map_err(|e| {
                Error::new(ErrorKind::Engine, format!("cannot write the reports: {e}"))
            })?,
        };
        Ok(text + "\n")
    }

    /// The paths of all results; standard output is `-`.
    fn destinations(&self, images: &Images) -> Vec<PathBuf> {
        let files = images.paths.iter().filter_map(|image| self.overlay_path(image));
        #[cfg(feature = "results")]
        let files = files
            .chain(images.paths.iter().flat_map(|image| self.arguments.dicom.destinations(image)));
        self.texts().map(|(path, _)| path.to_owned()).chain(files).collect()
    }

    /// The path of the overlay of `image`, if overlays are requested.
    fn overlay_path(&self, image: &Path) -> Option<PathBuf> {
        let path = self.arguments.overlay.as_ref()?;
        let stem = image.file_stem().unwrap_or_default().to_string_lossy();
        Some(if self.batch { path.join(format!("{stem}{OVERLAY_SUFFIX}")) } else { path.clone() })
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn invalid(path: &Path, why: &str) -> Error {
    let message = format!("cannot write {}: {why}; choose another path", path.display());
    Error::new(ErrorKind::Usage, message)
}
