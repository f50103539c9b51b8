//! Where results go: checked before any work, written whole or not at all.

use std::{
    collections::BTreeMap,
    io::Cursor,
    path::{Path, PathBuf},
};

use fiducia::{Error, ErrorKind, Radiograph, Report, Staged, check_writable, csv, overlay, table};

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
        if let (Some(folder), true) = (&arguments.overlay, images.batch)
            && !folder.is_dir()
        {
            return Err(Error::new(
                ErrorKind::Unwritable,
                format!(
                    "--overlay {}: not a folder; with several images name an existing folder",
                    folder.display()
                ),
            ));
        }
        let mut seen = BTreeMap::new();
        let pictures = images.paths.iter().filter_map(|image| outputs.picture_path(image));
        for path in [&arguments.json, &arguments.csv].into_iter().flatten().cloned().chain(pictures)
        {
            if is_stdout(&path) {
                refuse_second(&mut seen, &path)?;
            } else {
                refuse_second(&mut seen, &path)?;
                refuse_input(&path, &images.paths)?;
                check_writable(&path)?;
            }
        }
        Ok(outputs)
    }

    /// Draws and writes the picture of one report, where pictures were asked for.
    pub(super) fn picture(
        &mut self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<(), Error> {
        let Some(path) = self.picture_path(image) else { return Ok(()) };
        let mut png = Cursor::new(Vec::new());
        overlay(radiograph, report).write_to(&mut png, image::ImageFormat::Png).map_err(|e| {
            Error::new(ErrorKind::Unwritable, format!("cannot encode {}: {e}", path.display()))
        })?;
        let staged = Staged::new(&path, &png.into_inner())?;
        match staged {
            // A long batch keeps what it has done when it is stopped.
            Some(staged) if self.batch => staged.commit(),
            staged => {
                self.staged.extend(staged);
                Ok(())
            }
        }
    }

    /// Writes all other results: first every file, then standard output.
    pub(super) fn write(mut self, reports: &[Report]) -> Result<(), Error> {
        let mut text = String::new();
        let DetectArguments { json, csv: rows, quiet, .. } = self.arguments;
        for (path, content) in [
            (json, &(|| self.json_text(reports)) as &dyn Fn() -> Result<String, Error>),
            (rows, &|| Ok(csv(reports))),
        ]
        .into_iter()
        .filter_map(|(path, content)| Some((path.as_ref()?, content())))
        .collect::<Vec<_>>()
        {
            if is_stdout(path) {
                text = content?;
            } else {
                self.staged.extend(Staged::new(path, content?.as_bytes())?);
            }
        }
        if text.is_empty() && !quiet {
            text = reports.iter().map(table).collect::<Vec<_>>().join("\n");
        }
        self.staged.into_iter().try_for_each(Staged::commit)?;
        print(&text)
    }

    /// One object for one image, an array for several.
    fn json_text(&self, reports: &[Report]) -> Result<String, Error> {
        let text = match reports {
            [one] if !self.batch => serde_json::to_string_pretty(one),
            all => serde_json::to_string_pretty(all),
        };
        let text = text
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the report: {e}")))?;
        Ok(text + "\n")
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

fn refuse_second(seen: &mut BTreeMap<PathBuf, ()>, path: &Path) -> Result<(), Error> {
    match seen.insert(path.to_owned(), ()) {
        None => Ok(()),
        Some(()) => Err(Error::new(
            ErrorKind::Usage,
            format!("two results would go to {}; give each its own name", path.display()),
        )),
    }
}

/// An image must not be replaced by its own result.
fn refuse_input(path: &Path, images: &[PathBuf]) -> Result<(), Error> {
    let same = |image: &&PathBuf| {
        std::fs::canonicalize(path)
            .is_ok_and(|path| std::fs::canonicalize(image).is_ok_and(|image| image == path))
    };
    match images.iter().find(same) {
        None => Ok(()),
        Some(image) => Err(Error::new(
            ErrorKind::Usage,
            format!("the result would replace the image {}; name another file", image.display()),
        )),
    }
}
