//! `fiducia-train atlas`

use std::io::Cursor;
use std::path::PathBuf;

use fiducia::pack::Scale;
use fiducia::{Error, ErrorKind};
use fiducia_trainer::atlas::atlas;
use fiducia_trainer::framing::Framing;
use fiducia_trainer::run::{annotated_points, read_pyramids, training_images};
use image::{ExtendedColorType, ImageEncoder, codecs::png};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: super::Source,
    /// PNG file to write; the landmarks are written beside it as CSV
    #[arg(long, value_name = "PNG")]
    out: PathBuf,
    /// Pixel size of the atlas, mm (normalised units where the set has no spacing)
    #[arg(long, value_name = "MM", default_value_t = 0.2)]
    spacing: f64,
    /// Variation of the image framing, as for `run`
    #[arg(long, value_name = "UNITS", value_parser = super::framing)]
    framing: Option<f64>,
}

/// Writes the atlas image and its landmark file.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    if !(0.01..=10.0).contains(&args.spacing) {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("--spacing {} must lie between 0.01 and 10", args.spacing),
        ));
    }
    let progress = args.source.progress();
    let (data, templates, split) = args.source.open()?;
    let (images, templates) = training_images(&data, &templates, split.as_deref())?;
    let (pyramids, scale) = read_pyramids(&images, &progress)?;
    let first = &annotated_points(&images, &pyramids, &templates)?[0];
    let unit_mm = if let Scale::Millimetres { unit_mm, .. } = scale { unit_mm } else { 1.0 };
    let (unit, framing) = (args.spacing / unit_mm, Framing(args.framing));
    let atlas = atlas(&pyramids, first.image, &first.points, unit, framing, &progress)?;

    let mut picture = Cursor::new(Vec::new());
    let [width, height] = atlas.size.map(|s| s as u32);
    png::PngEncoder::new_with_quality(
        &mut picture,
        png::CompressionType::Best,
        png::FilterType::Adaptive,
    )
    .write_image(&atlas.pixels, width, height, ExtendedColorType::L8)
    .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot encode the atlas: {e}")))?;
    let rows = templates[0]
        .landmarks
        .iter()
        .zip(&atlas.points_px)
        .map(|(name, p)| format!("{name},{:.2},{:.2}\n", p[0], p[1]));
    let table = format!("landmark,x_px,y_px\n{}", rows.collect::<String>());
    fiducia::atomic::write_atomically(&args.out.with_extension("csv"), table.as_bytes())?;
    fiducia::atomic::write_atomically(&args.out, &picture.into_inner())
}
