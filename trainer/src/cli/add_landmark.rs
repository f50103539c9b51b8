//! `fiducia-train add-landmark`

use std::path::PathBuf;

use fiducia::{Error, ErrorKind, Pack, check_writable, write_atomically};
use fiducia_trainer::add_landmark::{NewLandmark, add_landmark};
use fiducia_trainer::data::DataSet;
use fiducia_trainer::nets::Trunk;
use fiducia_trainer::run::device;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model that gets the landmark; it is only read
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    /// Data folder whose images, without their labels, are learnt from
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split whose images are used [default: train where there are splits, else all]
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Image on which the landmark was clicked; it needs no other labels
    #[arg(long, value_name = "IMAGE")]
    template: String,
    /// Name of the landmark and where it is on that image, px: (0, 0) is the centre of the first pixel
    #[arg(long, value_name = "NAME=X,Y", value_parser = point)]
    point: (String, [f64; 2]),
    /// Patch to write, for `fiducia patch PACK add`
    #[arg(long, value_name = "FIDP")]
    out: PathBuf,
    /// Seed of all randomness
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where networks are trained
    #[arg(long, value_enum, default_value = "cpu")]
    device: device::Choice,
    /// Weights of the trunk
    #[arg(long, value_name = "FILE", default_value = "models/efficientnet-lite0-f16.safetensors")]
    weights: PathBuf,
    /// No progress bars
    #[arg(long)]
    quiet: bool,
}

/// `pronasale=1520,960.5`
fn point(text: &str) -> Result<(String, [f64; 2]), String> {
    let (name, place) = text.split_once('=').ok_or("expected NAME=X,Y")?;
    let numbers: Result<Vec<f64>, _> = place.split(',').map(|v| v.trim().parse()).collect();
    match (name, numbers.as_deref()) {
        ("", _) => Err("the landmark has no name".to_owned()),
        (name, Ok(&[x, y])) if x.is_finite() && y.is_finite() => Ok((name.to_owned(), [x, y])),
        _ => Err(format!("`{place}`: expected two numbers, X,Y in px")),
    }
}

/// Trains and writes the patch.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    check_writable(&args.out)?;
    let progress = super::progress(args.quiet);
    let pack = Pack::open(&args.model)?;
    let data = DataSet::open(&args.data)?;
    let mut images = data.unlabelled(super::training_split(args.split, &data).as_deref())?;
    let template = match images.iter().position(|i| i.name == args.template) {
        Some(template) => template,
        None => {
            images.push(data.any_image(&args.template)?);
            images.len() - 1
        }
    };
    let least = fiducia_trainer::run::LEAST_IMAGES;
    if images.len() < least {
        let message = format!(
            "{}: {} images are too few to learn from; at least {least}",
            data.name,
            images.len()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let (name, point_px) = args.point;
    let new = NewLandmark { name, template, point_px, seed: args.seed };
    let (trunk, device) = (Trunk::open(&args.weights)?, device::open(args.device)?);
    let bytes = add_landmark(&pack, &images, &new, &trunk, &device, &progress)?;
    write_atomically(&args.out, &bytes)?;
    super::print(&format!("{} {} bytes\n", args.out.display(), bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::point;

    #[test]
    fn a_point_has_a_name_and_two_numbers() {
        assert_eq!(point("nose tip=12, 3.5"), Ok(("nose tip".to_owned(), [12.0, 3.5])));
        for bad in ["", "a", "=1,2", "a=1", "a=1,2,3", "a=x,1", "a=nan,1"] {
            assert!(point(bad).is_err(), "{bad}");
        }
    }
}
