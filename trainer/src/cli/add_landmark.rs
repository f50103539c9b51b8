//! `fiducia-train add-landmark`

use std::path::PathBuf;

use fiducia::atomic::{check_writable, write_atomically};
use fiducia::{Error, ErrorKind, Pack};
use fiducia_trainer::add_landmark::{NewLandmark, add_landmark};
use fiducia_trainer::nets::Trunk;
use fiducia_trainer::run::device;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model that the landmark is added to; the file is not changed
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    #[command(flatten)]
    images: super::Images,
    /// Image on which the landmark was annotated; it needs no other labels
    #[arg(long, value_name = "IMAGE")]
    template: String,
    /// Name of the landmark and its position on that image, px; (0, 0) is the centre of the top-left pixel
    #[arg(long, value_name = "NAME=X,Y", value_parser = point)]
    point: (String, [f64; 2]),
    /// Patch file to write, for `fiducia patch PACK add`
    #[arg(long, value_name = "FIDP")]
    out: PathBuf,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    networks: super::Networks,
}

/// Parses `NAME=X,Y`, such as `pronasale=1520,960.5`.
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
    let progress = args.images.progress();
    let pack = Pack::open(&args.model)?;
    let (data, mut images) = args.images.open()?;
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
            "{}: {} images are too few to learn from; at least {least} are needed",
            data.name,
            images.len()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let (name, point_px) = args.point;
    let new = NewLandmark { name, template, point_px, seed: args.seed };
    let (trunk, device) =
        (Trunk::open(&args.networks.weights)?, device::open(args.networks.device)?);
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
