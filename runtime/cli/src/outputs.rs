//! Where results go: checked before any work, written whole or not at all.

use std::{
    collections::BTreeSet,
    io::Cursor,
    path::{Path, PathBuf},
};

use fiducia::{
    Error, ErrorKind, Radiograph, Report, Staged, check_writable, csv, measures_csv, overlay, table,
};

use super::{
    arguments::DetectArguments,
    images::{Images, OVERLAY_SUFFIX},
    print,
};

/// The results that were asked for, on their way to the disk.
pub(super) struct Outputs<'a> {
    arguments: &'a DetectArguments,
    batch: bool,
    staged: Vec<Staged>,
}

impl<'a> Outputs<'a> {
    /// Checks every destination.
    ///
    /// # Errors
    /// [`ErrorKind::Unwritable`] where a result could not be written, [`ErrorKind::Usage`] where two
    /// results would go to the same place.
    pub(super) fn check(arguments: &'a DetectArguments, images: &Images) -> Result<Self, Error> {
        let outputs = Self { arguments, batch: images.batch, staged: Vec::new() };
        match &arguments.overlay {
            Some(path) if images.batch && !path.is_dir() => {
                return Err(misplaced(path, "for several images, --overlay takes a folder"));
            }
            Some(path) if is_stdout(path) => {
                return Err(misplaced(path, "a picture does not go to standard output"));
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
                return Err(misplaced(&path, "the result would replace an image"));
            }
            if !is_stdout(&path) {
                check_writable(&path)?;
            }
            if let Some(path) = seen.replace(path) {
                return Err(misplaced(&path, "two results would go there"));
            }
        }
        Ok(outputs)
    }

    /// Writes what goes into files of its own for one image: the picture and the DICOM objects.
    pub(super) fn of_image(
        &mut self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<(), Error> {
        let mut staged = self.objects(image, radiograph, report)?;
        staged.extend(self.picture(image, radiograph, report)?);
        if self.batch {
            // A long batch keeps what it has done when it is stopped.
            return staged.into_iter().try_for_each(Staged::commit);
        }
        self.staged.extend(staged);
        Ok(())
    }

    /// Writes what is said of a refused image: the DICOM reports that say why, where they were asked for.
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

    /// Draws the picture of one report, where pictures were asked for.
    fn picture(
        &self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<Option<Staged>, Error> {
        let Some(path) = self.picture_path(image) else { return Ok(None) };
        let mut png = Cursor::new(Vec::new());
        overlay(radiograph, report).write_to(&mut png, image::ImageFormat::Png).map_err(|e| {
            Error::new(ErrorKind::Unwritable, format!("cannot encode {}: {e}", path.display()))
        })?;
        Staged::new(&path, &png.into_inner())
    }

    /// Writes all other results: first every file, then standard output.
    pub(super) fn write(mut self, reports: &[Report]) -> Result<(), Error> {
        let DetectArguments { json, csv: rows, measures, quiet, .. } = self.arguments;
        let mut text = None;
        if let Some(path) = json {
            text = text.or(self.stage(path, self.json_text(reports)?)?);
        }
        if let Some(path) = rows {
            text = text.or(self.stage(path, csv(reports))?);
        }
        if let Some(path) = measures {
            text = text.or(self.stage(path, measures_csv(reports))?);
        }
        let tables = || reports.iter().map(table).collect::<Vec<_>>().join("\n");
        let text = text.unwrap_or_else(|| if *quiet { String::new() } else { tables() });
        self.staged.into_iter().try_for_each(Staged::commit)?;
        print(&text)
    }

    /// Writes `content` under a temporary name, or hands it back where it goes to standard output.
    fn stage(&mut self, path: &Path, content: String) -> Result<Option<String>, Error> {
        if is_stdout(path) {
            return Ok(Some(content));
        }
        self.staged.extend(Staged::new(path, content.as_bytes())?);
        Ok(None)
    }

    /// One object for one image, an array for several.
    fn json_text(&self, reports: &[Report]) -> Result<String, Error> {
        let text = match reports {
            [one] if !self.batch => one.json()?,
            all => serde_json::to_string_pretty(all)
                .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write reports: {e}")))?,
        };
        Ok(text + "\n")
    }

    /// Every place a result goes to, standard output as `-`.
    fn destinations(&self, images: &Images) -> Vec<PathBuf> {
        let DetectArguments { json, csv, measures, .. } = self.arguments;
        let texts = [json, csv, measures].into_iter().flatten().cloned();
        let pictures = images.paths.iter().filter_map(|image| self.picture_path(image));
        #[cfg(feature = "results")]
        let pictures = pictures
            .chain(images.paths.iter().flat_map(|image| self.arguments.dicom.destinations(image)));
        texts.chain(pictures).collect()
    }

    /// Where the picture of `image` goes, where pictures were asked for.
    fn picture_path(&self, image: &Path) -> Option<PathBuf> {
        let path = self.arguments.overlay.as_ref()?;
        let stem = image.file_stem().unwrap_or_default().to_string_lossy();
        Some(if self.batch { path.join(format!("{stem}{OVERLAY_SUFFIX}")) } else { path.clone() })
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn misplaced(path: &Path, why: &str) -> Error {
    let message = format!("cannot write {}: {why}; name another place", path.display());
    Error::new(ErrorKind::Usage, message)
}
