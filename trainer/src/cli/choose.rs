//! `fiducia-train choose-template`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use fiducia::Error;
use fiducia_trainer::choose::{Choice, check_pictures_place, choose, write_pictures};
use fiducia_trainer::data::DataSet;

use super::json::Json;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Data folder (see `import`), or a plain folder of images
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split whose images are ranked [default: train if there are splits, else all]
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Number of images to list; at most 24 are compared in full
    #[arg(long, value_name = "N", default_value = "10")]
    top: NonZeroUsize,
    #[command(flatten)]
    json: Json,
    /// Write pictures of the best images to a new folder
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Hide the progress bars
    #[arg(long)]
    quiet: bool,
}

/// Ranks the images of a folder as templates; reads no labels.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    if let Some(dir) = &args.pictures {
        check_pictures_place(dir)?;
    }
    args.json.check()?;
    let data = match args.data.join("set.json").exists() {
        true => DataSet::open(&args.data)?,
        false => DataSet::from_folder(&args.data, None)?,
    };
    let images = data.unlabelled(super::training_split(args.split, &data).as_deref())?;
    let mut choice = choose(&images, &super::progress(args.quiet))?;
    choice.ranking.truncate(args.top.get());
    if let Some(dir) = &args.pictures {
        write_pictures(dir, &choice.ranking, &images)?;
    }
    args.json.write(&choice)?;
    match args.json.is_stdout() {
        true => Ok(()),
        false => super::print(&table(&choice)),
    }
}

/// The ranking as a table, one line per image, best first.
fn table(choice: &Choice) -> String {
    let unit = choice.unit;
    let width = choice.ranking.iter().map(|c| c.image.chars().count()).max().unwrap_or(0).max(5);
    let mut out = format!(
        "      {:width$}        typi-  corre-  deformation  there and  sharp-           clipped\n\
         place {:width$} score   cality  lation  {unit:>11}  back {unit:>4}  ness     noise       %\n",
        "", "image",
    );
    for (i, c) in choice.ranking.iter().enumerate() {
        let (e, q) = (&c.explained, &c.quality);
        out += &format!(
            "{:5} {:width$} {:5.2}   {:6.3}  {:6.3}  {:11.2}  {:9.2}  {:6.3}  {:8.3}  {:6.1}\n",
            i + 1,
            c.image,
            c.score,
            c.typicality,
            e.correlation,
            e.deformation,
            e.cycle,
            q.sharpness,
            q.noise,
            100.0 * q.clipped
        );
    }
    let [images, poor] = [choice.images, choice.poor.len()];
    out += &format!("{images} images; excluded as blurred, noisy or clipped: {poor}\n");
    out
}
