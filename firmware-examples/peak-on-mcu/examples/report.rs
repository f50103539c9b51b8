//! Prints a line for every test case. `golden/report.txt` is its output on the host:
//! `cargo run --release -p peak-on-mcu --features std --example report > peak-on-mcu/golden/report.txt`

use peak_on_mcu::{Fault, line, scene};

fn main() -> Result<(), Fault> {
    for case in scene::CASES {
        println!("{}", line(case.name, &case.tile()?.decode(scene::RADIUS)?)?);
    }
    Ok(())
}
