//! The image as it is uploaded.

use crate::box_mean::BoxMean;

/// Pixels in a word where all of them are below 256.
const EIGHT_BIT: u32 = 4;
/// Pixels in a word otherwise.
const SIXTEEN_BIT: u32 = 2;

/// The header of an uploaded image; the packed pixels follow it in the same upload.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Picture {
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// Words of packed pixels.
    pub words: u32,
    /// Pixels in a word: 4 or 2.
    pub per_word: u32,
    /// Pixels that may lie beyond each end of the grey window.
    pub tail: u32,
    /// Width of the reduced planes of the whole image and of the regions, px.
    pub plane_width: [u32; 2],
    /// Their heights, px.
    pub plane_height: [u32; 2],
    /// Image columns per column of these planes.
    pub factor_x: [u32; 2],
    /// Image rows per row of these planes.
    pub factor_y: [u32; 2],
    /// From the backbone's input to the reduced plane: scale x, scale y, shift x, shift y.
    pub input_to_plane: [f32; 4],
    /// From coarse heat-map cells to units, likewise.
    pub cell_to_units: [f32; 4],
    /// Units per image pixel, x and y.
    pub unit_per_px: [f32; 2],
    /// Unused.
    pub pad: [u32; 41],
}

impl Picture {
    /// The header of an image of this size, px, before its pixels are packed and its frames are set.
    pub fn new(width: usize, height: usize, tail: u32, reductions: [BoxMean; 2]) -> Self {
        let size = |r: &BoxMean, axis: usize| r.output()[axis] as u32;
        let [w, r] = &reductions;
        Self {
            width: width as u32,
            height: height as u32,
            words: 0,
            per_word: SIXTEEN_BIT,
            tail,
            plane_width: [size(w, 0), size(r, 0)],
            plane_height: [size(w, 1), size(r, 1)],
            factor_x: [w.factor_x as u32, r.factor_x as u32],
            factor_y: [w.factor_y as u32, r.factor_y as u32],
            input_to_plane: [1.0, 1.0, 0.0, 0.0],
            cell_to_units: [1.0, 1.0, 0.0, 0.0],
            unit_per_px: [1.0; 2],
            pad: [0; 41],
        }
    }

    /// Sets how `pixels` are packed: 8 bits each where all of them are below 256, else 16.
    pub fn measure(&mut self, pixels: &[u16]) {
        // All bits of all pixels together: this has no branch and runs as fast as memory.
        let bits = pixels.iter().fold(0, |bits, v| bits | v);
        self.per_word = if bits < 256 { EIGHT_BIT } else { SIXTEEN_BIT };
        self.words = (pixels.len() as u32).div_ceil(self.per_word);
    }

    /// Writes `pixels` into `packed`, which holds 4 bytes per word; the last word is filled with zeros.
    pub fn pack(&self, pixels: &[u16], packed: &mut [u8]) {
        if self.per_word == EIGHT_BIT {
            packed.iter_mut().zip(pixels).for_each(|(to, &v)| *to = v as u8);
        } else {
            for (to, v) in packed.chunks_exact_mut(2).zip(pixels) {
                to.copy_from_slice(&v.to_le_bytes());
            }
        }
        let used = pixels.len() * 4 / self.per_word as usize;
        packed.iter_mut().skip(used).for_each(|byte| *byte = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_as_many_bits_as_are_needed() {
        let reduction = BoxMean { width: 3, height: 1, factor_x: 1, factor_y: 1 };
        let mut picture = Picture::new(3, 1, 0, [reduction; 2]);
        let mut packed = [9; 8];
        picture.measure(&[1, 2, 255]);
        picture.pack(&[1, 2, 255], &mut packed[..4]);
        assert_eq!((picture.per_word, picture.words, &packed[..4]), (4, 1, &[1, 2, 255, 0][..]));
        picture.measure(&[1, 2, 256]);
        picture.pack(&[1, 2, 256], &mut packed);
        assert_eq!((picture.per_word, picture.words), (2, 2));
        assert_eq!(packed, [1, 0, 2, 0, 0, 1, 0, 0]);
    }
}
