//! Letters with a dark rim, sized to the picture.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster};

use super::canvas::{Canvas, RIM, Rgb};

/// Lines of text that would fit one above the other along the longer edge of the picture.
const LINES_PER_EDGE: f64 = 72.0;

/// A monospaced bitmap font at one size.
pub(super) struct Font {
    raster: RasterHeight,
    /// Each pixel of a letter is drawn as a square of this many pixels.
    zoom: usize,
    advance: usize,
}

impl Font {
    /// The size at which names are readable on a picture of `size` px, also when it is shrunk to a screen.
    pub(super) fn for_picture(size: [f64; 2]) -> Self {
        let wanted = size[0].max(size[1]) / LINES_PER_EDGE;
        let (raster, height) = match wanted {
            w if w < 20.0 => (RasterHeight::Size16, 16.0),
            w if w < 28.0 => (RasterHeight::Size24, 24.0),
            _ => (RasterHeight::Size32, 32.0),
        };
        let zoom = ((wanted / height).round() as usize).max(1);
        Self { raster, zoom, advance: letter(' ', raster).map_or(8, |l| l.width()) * zoom }
    }

    /// Height of a line, px.
    pub(super) fn line_height(&self) -> usize {
        self.raster.val() * self.zoom
    }

    /// `[width, height]` of `text`, px.
    pub(super) fn measure(&self, text: &str) -> [f64; 2] {
        [(text.chars().count() * self.advance) as f64, self.line_height() as f64]
    }

    /// Writes `text` with its top-left corner at `at`.
    pub(super) fn draw(&self, canvas: &mut Canvas, text: &str, at: [f64; 2], colour: Rgb) {
        let origin = at.map(|v| v.round() as i64);
        self.draw_rim(canvas, text, origin);
        self.for_ink(text, |x, y, ink| {
            canvas.blend(origin[0] + x, origin[1] + y, colour, ink);
        });
    }

    /// Darkens every pixel near a letter once, by the strongest ink within reach.
    fn draw_rim(&self, canvas: &mut Canvas, text: &str, origin: [i64; 2]) {
        let rim = (self.line_height() as i64 / 12).max(2);
        let [width, height] = self.measure(text).map(|v| v as i64 + 2 * rim);
        let mut dark = vec![0.0f64; (width * height) as usize];
        self.for_ink(text, |x, y, ink| {
            for dy in -rim..=rim {
                for dx in -rim..=rim {
                    if dx * dx + dy * dy <= rim * rim {
                        let cell = &mut dark[((y + rim + dy) * width + x + rim + dx) as usize];
                        *cell = cell.max(ink);
                    }
                }
            }
        });
        for (i, ink) in (0i64..).zip(dark) {
            if ink > 0.0 {
                let (x, y) = (i % width - rim, i / width - rim);
                canvas.blend(origin[0] + x, origin[1] + y, [0, 0, 0], ink * RIM);
            }
        }
    }

    /// Calls `each` with the place (from the top-left corner of the text) and strength of every inked pixel.
    fn for_ink(&self, text: &str, mut each: impl FnMut(i64, i64, f64)) {
        for (column, c) in text.chars().enumerate() {
            let Some(letter) = letter(c, self.raster) else { continue };
            for (row, line) in letter.rows().enumerate() {
                for (col, &ink) in line.iter().enumerate().filter(|(_, ink)| **ink > 0) {
                    for sub in 0..self.zoom * self.zoom {
                        let x = column * self.advance + col * self.zoom + sub % self.zoom;
                        let y = row * self.zoom + sub / self.zoom;
                        each(x as i64, y as i64, f64::from(ink) / 255.0);
                    }
                }
            }
        }
    }
}

/// The letter, or a question mark where the font has none.
fn letter(c: char, raster: RasterHeight) -> Option<RasterizedChar> {
    get_raster(c, FontWeight::Bold, raster).or_else(|| get_raster('?', FontWeight::Bold, raster))
}
