//! `fiducia-train import`

use std::path::PathBuf;

use clap::ValueEnum;
use fiducia::{Error, ErrorKind};
use fiducia_trainer::import::{Format, Imported, Origin, Request, import};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File or folder with the annotations, or a folder of images
    source: PathBuf,
    /// Format of the annotations; without it SOURCE is a folder of images
    #[arg(long, value_enum)]
    from: Option<From>,
    /// Data folder to create; it must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of the images [default: that of SOURCE]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Name of the set [default: name of the data folder]
    #[arg(long)]
    name: Option<String>,
    /// Pixel spacing, mm, or X,Y [default: unknown]
    #[arg(long, value_name = "MM", value_parser = super::parse_spacing)]
    spacing: Option<[f64; 2]>,
    /// Pixel spacing of the images inside Slicer, mm, or X,Y [default: --spacing, else 1]
    #[arg(long, value_name = "MM", value_parser = super::parse_spacing)]
    slicer_spacing: Option<[f64; 2]>,
    /// Position of (0, 0) on the top-left pixel [default: corner for labelme, else centre]
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
            let message = format!("{}: no such file or folder", args.source.display());
            return Err(Error::new(ErrorKind::Unreadable, message));
        }
        None => {
            let message = "specify the format of the file with --from labelme, coco, slicer or csv";
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
        log::warn!("{image} lacks `{lacking}` and is imported without labels");
    }
    super::print(&format!(
        "{}: {images} images, {labelled} of them with all {} landmarks\n",
        request.out.display(),
        landmarks.len()
    ))
}
