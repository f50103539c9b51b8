//! Inverted, mirrored and turned copies of an image.

use super::Radiograph;

impl Radiograph {
    /// The photometric negative: grey values are reversed within the range of the image, so darkest and brightest are
    /// swapped. Inverting twice gives the same image.
    #[must_use]
    pub fn inverted(&self) -> Self {
        let low = self.pixels.iter().copied().min().unwrap_or(0);
        let high = self.pixels.iter().copied().max().unwrap_or(0);
        // All pixels lie between low and high, so the result does too.
        let pixels = self.pixels.iter().map(|&v| high - (v - low)).collect();
        Self { pixels, inverted: !self.inverted, ..self.without_pixels() }
    }

    /// Left and right exchanged: pixel `[x, y]` moves to `[width − 1 − x, y]`.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let rows = self.pixels.chunks(self.width.max(1));
        let pixels = rows.flat_map(|row| row.iter().rev()).copied().collect();
        Self { pixels, ..self.without_pixels() }
    }

    /// Turned clockwise by `quarters` times 90 degrees, without resampling. One quarter moves pixel `[x, y]` to
    /// `[height − 1 − y, x]`; an odd number of quarters swaps width and height, and the two spacings.
    #[must_use]
    pub fn turned(&self, quarters: u8) -> Self {
        match quarters % 4 {
            1 => self.turned_once(),
            2 => Self {
                pixels: self.pixels.iter().rev().copied().collect(),
                ..self.without_pixels()
            },
            3 => self.turned(2).turned_once(),
            _ => self.clone(),
        }
    }

    fn turned_once(&self) -> Self {
        let (width, height) = (self.width, self.height);
        // Row x of the result is column x, read upwards.
        let column =
            |x: usize| (0..height).rev().filter_map(move |y| self.pixels.get(y * width + x));
        Self {
            width: height,
            height: width,
            pixels: (0..width).flat_map(column).copied().collect(),
            spacing_mm: self.spacing_mm.map(|[x, y]| [y, x]),
            ..self.without_pixels()
        }
    }

    /// A copy without pixels, which are the expensive part.
    fn without_pixels(&self) -> Self {
        let &Self { width, height, spacing_mm, mm_source, inverted, .. } = self;
        let (name, dicom, pixels) = (self.name.clone(), self.dicom.clone(), Vec::new());
        Self { name, width, height, pixels, spacing_mm, mm_source, inverted, dicom }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiograph::MmSource;

    /// ```text
    /// 1 2 3
    /// 4 5 9
    /// ```
    fn small() -> Radiograph {
        Radiograph {
            name: "small".into(),
            width: 3,
            height: 2,
            pixels: vec![1, 2, 3, 4, 5, 9],
            spacing_mm: Some([0.1, 0.2]),
            mm_source: MmSource::User,
            inverted: false,
            dicom: None,
        }
    }

    fn shown(r: &Radiograph) -> (usize, usize, &[u16]) {
        (r.width, r.height, &r.pixels)
    }

    #[test]
    fn darkest_and_brightest_change_places() {
        let negative = small().inverted();
        assert_eq!(shown(&negative), (3, 2, &[9, 8, 7, 6, 5, 1][..]));
        assert!(negative.inverted && !negative.inverted().inverted);
        assert_eq!(negative.inverted().pixels, small().pixels);
        let full = Radiograph { pixels: vec![0, u16::MAX, 1, 2, 3, 4], ..small() };
        assert_eq!(full.inverted().pixels[..3], [u16::MAX, 0, u16::MAX - 1]);
    }

    #[test]
    fn left_and_right_change_places() {
        assert_eq!(shown(&small().mirrored()), (3, 2, &[3, 2, 1, 9, 5, 4][..]));
        assert_eq!(small().mirrored().mirrored().pixels, small().pixels);
    }

    #[test]
    fn quarters_are_clockwise_and_take_the_spacing_along() {
        let once = small().turned(1);
        assert_eq!(shown(&once), (2, 3, &[4, 1, 5, 2, 9, 3][..]));
        assert_eq!(once.spacing_mm, Some([0.2, 0.1]));
        let twice = small().turned(2);
        assert_eq!(shown(&twice), (3, 2, &[9, 5, 4, 3, 2, 1][..]));
        assert_eq!(twice.spacing_mm, Some([0.1, 0.2]));
        assert_eq!(shown(&small().turned(3)), (2, 3, &[3, 9, 2, 5, 1, 4][..]));
        assert_eq!(shown(&small().turned(4)), shown(&small()));
        assert_eq!(small().turned(3).turned(1).pixels, small().pixels);
    }

    #[test]
    fn a_pixel_comes_where_the_documentation_says() {
        let (image, value) =
            (small(), |r: &Radiograph, x: usize, y: usize| r.pixels[y * r.width + x]);
        for (x, y) in (0..2).flat_map(|y| (0..3).map(move |x| (x, y))) {
            assert_eq!(value(&image, x, y), value(&image.mirrored(), 2 - x, y));
            assert_eq!(value(&image, x, y), value(&image.turned(1), 1 - y, x));
            assert_eq!(value(&image, x, y), value(&image.turned(2), 2 - x, 1 - y));
            assert_eq!(value(&image, x, y), value(&image.turned(3), y, 2 - x));
        }
    }

    #[test]
    fn an_image_without_size_stays_one() {
        let nothing = Radiograph { width: 0, height: 0, pixels: vec![], ..small() };
        assert_eq!(shown(&nothing.inverted().mirrored().turned(1)), (0, 0, &[][..]));
    }
}
