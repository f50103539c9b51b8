//! Options that several commands share.

use std::path::PathBuf;

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use fiducia::{Backend, Error, Pack, Precision};

use super::model;

/// The model, and the signature that it must have.
#[derive(Args)]
pub(super) struct ModelArguments {
    /// Model file. Default: models/head.fid in the working folder, else ../share/fiducia/models/head.fid beside the
    /// program's folder, else the head model (lateral cephalograms) that is embedded in the program.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Accept only a model that the maker with this public key (PEM file) signed, with all its patches. Default: signed
    /// or not.
    #[arg(long, value_name = "KEY")]
    require_signed: Option<PathBuf>,
}

impl ModelArguments {
    /// Opens the model.
    ///
    /// # Errors
    /// As [`model::open_or_default`].
    pub(super) fn open(&self) -> Result<Pack, Error> {
        model::open_or_default(self.model.as_deref(), self.require_signed.as_deref())
    }
}

/// The device that runs the networks.
#[derive(Args)]
pub(super) struct DeviceArguments {
    /// Device that runs the networks. auto: a hardware GPU if there is one, else the CPU; cpu, gpu: this one or fail.
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(["auto", "cpu", "gpu"]).map(backend))]
    pub(super) backend: Backend,
    /// Use the first GPU adapter whose name contains NAME (see `fiducia devices`); the only way to use a software
    /// rasteriser. Default: the first hardware GPU.
    #[arg(long, value_name = "NAME")]
    pub(super) adapter: Option<String>,
    /// Number format on the GPU. f16: half the bytes between layers, landmarks move by less than 0.2 px. int8: large
    /// layers in 8-bit integers, landmarks move by less than 0.3 px, a few uncertain ones by more.
    #[arg(long, default_value = "f32", value_parser = PossibleValuesParser::new(["f32", "f16", "int8"]).map(precision))]
    pub(super) precision: Precision,
    /// Repeat the self-test of the GPU's shaders and compile them again; ignore the cached results of earlier runs.
    #[arg(long)]
    pub(super) self_test: bool,
    /// Folder for the results of GPU self-tests and for compiled shaders. Default: fiducia in the user's cache folder.
    #[arg(long, value_name = "FOLDER")]
    pub(super) cache: Option<PathBuf>,
}

fn precision(name: String) -> Precision {
    match name.as_str() {
        "f16" => Precision::F16,
        "int8" => Precision::Int8,
        _ => Precision::F32,
    }
}

fn backend(name: String) -> Backend {
    match name.as_str() {
        "cpu" => Backend::Cpu,
        "gpu" => Backend::Gpu,
        _ => Backend::Auto,
    }
}

/// Parses a pixel spacing, mm per px: `0.1` or `0.1,0.12`.
pub(super) fn spacing(text: &str) -> Result<[f64; 2], String> {
    let parts: Result<Vec<f64>, _> = text.split(',').map(|t| t.trim().parse::<f64>()).collect();
    match parts.as_deref() {
        Ok([both]) => Ok([*both; 2]),
        Ok([x, y]) => Ok([*x, *y]),
        _ => Err("expected mm per px: one number or x,y, such as 0.1 or 0.1,0.12".to_owned()),
    }
    .and_then(|s| {
        let possible = s.iter().all(|v| (1e-3..=1e2).contains(v));
        if possible { Ok(s) } else { Err("expected 0.001 to 100 mm per px".to_owned()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_is_one_number_or_two() {
        assert_eq!(spacing("0.1"), Ok([0.1, 0.1]));
        assert_eq!(spacing("0.1, 0.12"), Ok([0.1, 0.12]));
        for bad in ["", "a", "0.1,", "1,2,3", "0", "-1", "nan", "inf", "1000"] {
            assert!(spacing(bad).is_err(), "{bad}");
        }
    }
}
