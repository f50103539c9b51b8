//! Memory use of a firmware.

use std::fs;

use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf::SHF_ALLOC};

use crate::named;

/// Start address of RAM.
pub(crate) const RAM: u64 = 0x2000_0000;

/// Memory use and panics of a firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Code, constants and the initial values of variables, bytes.
    pub flash: u64,
    /// Variables, bytes; the stack gets the rest of the RAM.
    pub ram: u64,
    /// Names of functions that start a panic.
    pub panics: Vec<String>,
}

impl Sizes {
    /// Reads them from the ELF file of a firmware.
    pub fn of(firmware: &str) -> Self {
        let path = named("FIDUCIA_FIRMWARE").join(firmware);
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file = object::File::parse(&*bytes).expect("the firmware is not an ELF file");
        let (mut flash, mut ram) = (0_u64, 0_u64);
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            if sh_flags & u64::from(SHF_ALLOC) == 0 {
                continue;
            }
            let in_ram = section.address() >= RAM;
            let is_stored = section.kind() != object::SectionKind::UninitializedData
                && section.file_range().is_some();
            ram = ram.saturating_add(if in_ram { section.size() } else { 0 });
            flash = flash.saturating_add(if is_stored { section.size() } else { 0 });
        }
        let names = file.symbols().filter_map(|s| s.name().ok().map(str::to_owned));
        let panics = names.filter(|name| name.contains("panicking")).collect();
        Self { flash, ram, panics }
    }
}
