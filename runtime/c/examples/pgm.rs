//! `pgm IMAGE OUT`: converts an 8-bit image to PGM, the format that `detect.c` and `detect.cpp` read.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [image, out] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: pgm IMAGE OUT".into());
    };
    let radiograph = fiducia::Radiograph::open(Path::new(image), None)?;
    let mut file = format!("P5\n{} {}\n255\n", radiograph.width, radiograph.height).into_bytes();
    for &value in &radiograph.pixels {
        file.push(value.try_into().map_err(|_| "not an 8-bit image")?);
    }
    Ok(std::fs::write(out, file)?)
}
