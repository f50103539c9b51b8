//! Prints the report of all sights. `golden/report.txt` is what this prints on the host:
//! `cargo run --release -p peak-on-mcu --features std --example report > peak-on-mcu/golden/report.txt`

use peak_on_mcu::{Fault, line, scene};

fn main() -> Result<(), Fault> {
    for sight in scene::SIGHTS {
        println!("{}", line(sight.name, &sight.tile()?.decode(scene::RADIUS)?)?);
    }
    Ok(())
}
