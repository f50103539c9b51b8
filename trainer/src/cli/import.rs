//! `fiducia-train import`

use std::path::PathBuf;

use clap::ValueEnum;
use fiducia::{Error, ErrorKind};
use fiducia_trainer::import::{Format, Imported, Origin, Request, import};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File or folder with the annotations, or a folder of images
    source: PathBuf,
    /// Form of the annotations; without it SRC is a folder of images
    #[arg(long, value_enum)]
    from: Option<From>,
    /// Data folder to be made; it must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of the images [default: that of SRC]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Name of the set [default: that of the data folder]
    #[arg(long)]
    name: Option<String>,
    /// Mm per pixel, or X,Y [default: unknown]
    #[arg(long, value_name = "MM", value_parser = super::parse_spacing)]
    spacing: Option<[f64; 2]>,
    /// Mm per pixel the images had inside Slicer, or X,Y [default: --spacing, else 1]
    #[arg(long, value_name = "MM", value_parser = super::parse_spacing)]
    slicer_spacing: Option<[f64; 2]>,
    /// What (0, 0) is of the top-left pixel [default: corner for labelme, else centre]
    #[arg(long, value_enum)]
    origin: Option<OriginArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    #[value(name = "labelme")]
    LabelMe,
    Coco,
    Slicer,
    Csv,
    Images,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OriginArg {
    Centre,
    Corner,
}

pub(crate) fn run(args: Args) -> Result<(), Error> {
    let format = match args.from {
        Some(From::LabelMe) => Format::LabelMe,
        Some(From::Coco) => Format::Coco,
        Some(From::Slicer) => Format::Slicer,
        Some(From::Csv) => Format::Csv,
        Some(From::Images) => Format::Images,
        None if args.source.is_dir() => Format::Images,
        None if !args.source.exists() => {
            let message = format!("{}: there is no such file or folder", args.source.display());
            return Err(Error::new(ErrorKind::Unreadable, message));
        }
        None => {
            let message = "say what the file is with --from labelme, coco, slicer or csv";
            return Err(Error::new(ErrorKind::Usage, message));
        }
    };
    let request = Request {
        format,
        source: args.source,
        out: args.out,
        images: args.images,
        name: args.name,
        spacing_mm: args.spacing,
        slicer_spacing_mm: args.slicer_spacing,
        origin: args.origin.map(|o| match o {
            OriginArg::Centre => Origin::Centre,
            OriginArg::Corner => Origin::Corner,
        }),
    };
    let Imported { images, landmarks, labelled, incomplete } = import(&request)?;
    for (image, lacking) in &incomplete {
        log::warn!("{image} lacks `{lacking}` and is imported unlabelled");
    }
    super::print(&format!(
        "{}: {images} images, {labelled} of them with all {} landmarks\n",
        request.out.display(),
        landmarks.len()
    ))
}
