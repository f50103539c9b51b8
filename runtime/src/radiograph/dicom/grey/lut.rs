//! A look-up table of a DICOM file (PS3.3, C.11.1.1 and C.11.2.1.1).

use crate::radiograph::dicom::dictionary::{Tag, tags};
use crate::radiograph::dicom::{elements::Elements, fault::Fault};

/// Entries for consecutive numbers; those before the first and after the last are as these.
#[derive(Clone, Debug)]
pub(crate) struct Lut {
    /// Number that the first entry is for.
    pub(crate) first: i32,
    /// At most 65,536.
    pub(crate) entries: Vec<u16>,
    bits: u16,
}

impl Lut {
    /// The first table of `sequence`; `None` where there is none. `signed` tells whether the number of the first
    /// entry is signed, where the file leaves that open.
    ///
    /// # Errors
    /// Where the table is incomplete.
    pub(in crate::radiograph::dicom) fn read(
        elements: &Elements<'_>,
        sequence: Tag,
        signed: bool,
    ) -> Result<Option<Self>, Fault> {
        let wanted = [tags::LUT_DESCRIPTOR, tags::LUT_DATA];
        let Some(item) = elements.first_item(sequence, &wanted)? else { return Ok(None) };
        let [descriptor, data] = wanted.map(|tag| item.get(tag).ok_or_else(|| Fault::missing(tag)));
        let (descriptor, data) = (descriptor?, data?);
        let &[a, b, c, d, e, f] = descriptor.value else {
            let length = format!("{} bytes long", descriptor.value.len());
            return Err(Fault::of(tags::LUT_DESCRIPTOR, length, "it must hold three numbers"));
        };
        let coding = item.coding();
        let [count, first, bits] = [[a, b], [c, d], [e, f]].map(|pair| coding.u16(pair));
        let count = if count == 0 { 1 << 16 } else { usize::from(count) };
        if !(8..=16).contains(&bits) {
            return Err(Fault::of(tags::LUT_DESCRIPTOR, bits, "entries have 8 to 16 bits"));
        }
        // Implicit files leave open whether it is signed.
        let signed = descriptor.form == *b"SS" || (descriptor.form != *b"US" && signed);
        let words = || data.value.chunks_exact(2).map(|w| coding.u16([w[0], w[1]]));
        let entries: Vec<u16> = match data.value.len() {
            n if n >= 2 * count => words().take(count).collect(),
            n if n >= count && bits == 8 => {
                data.value[..count].iter().map(|&b| u16::from(b)).collect()
            }
            n => {
                let held = format!("{n} bytes long");
                return Err(Fault::of(
                    tags::LUT_DATA,
                    held,
                    format!("{count} entries were announced"),
                ));
            }
        };
        let most = entries.iter().copied().max().unwrap_or(0);
        // Some writers state fewer bits than they use.
        let bits = if u32::from(most) >> bits > 0 { 16 } else { bits };
        let first = if signed { i32::from(first as i16) } else { i32::from(first) };
        Ok(Some(Self { first, entries, bits }))
    }

    /// The entry for `number`.
    pub(super) fn at(&self, number: i32) -> u16 {
        let last = self.entries.len() as i64 - 1;
        let place = (i64::from(number) - i64::from(self.first)).clamp(0, last);
        self.entries[place as usize]
    }

    /// The largest entry that can be.
    pub(crate) fn top(&self) -> u16 {
        (u32::from(u16::MAX) >> (16 - self.bits)) as u16
    }
}
