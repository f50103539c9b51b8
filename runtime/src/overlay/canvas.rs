//! Smooth lines, ellipses and boxes on a colour picture, each with a dark rim.

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// Opacity of the dark rim around lines and letters.
pub(super) const RIM: f64 = 0.75;
const BLACK: Rgb = [0, 0, 0];

/// A picture that is being drawn on; whatever lies outside it is left out.
pub(super) struct Canvas {
    picture: image::RgbImage,
}

impl Canvas {
    pub(super) fn new(picture: image::RgbImage) -> Self {
        Self { picture }
    }

    pub(super) fn into_picture(self) -> image::RgbImage {
        self.picture
    }

    /// `[width, height]`, px.
    pub(super) fn size(&self) -> [f64; 2] {
        [f64::from(self.picture.width()), f64::from(self.picture.height())]
    }

    /// Mixes `colour` into one pixel; `share` is 0 to 1.
    pub(super) fn blend(&mut self, x: i64, y: i64, colour: Rgb, share: f64) {
        let inside = u32::try_from(x).ok().zip(u32::try_from(y).ok());
        let pixel = inside.and_then(|(x, y)| self.picture.get_pixel_mut_checked(x, y));
        if let Some(pixel) = pixel {
            for (old, new) in pixel.0.iter_mut().zip(colour) {
                let mixed = f64::from(*old) * (1.0 - share) + f64::from(new) * share;
                *old = mixed.round() as u8;
            }
        }
    }

    /// A line with a dark rim, `width` px.
    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], width: f64, colour: Rgb) {
        self.path(&[from, to], width, colour);
    }

    /// The outline of an ellipse with `half` axes, its long axis turned by `angle` radians.
    pub(super) fn ellipse(
        &mut self,
        centre: [f64; 2],
        half: [f64; 2],
        angle: f64,
        width: f64,
        colour: Rgb,
    ) {
        let (sin, cos) = angle.sin_cos();
        let steps = 96;
        let point = |i: usize| {
            let t = i as f64 / steps as f64 * std::f64::consts::TAU;
            let (u, v) = (half[0] * t.cos(), half[1] * t.sin());
            [centre[0] + u * cos - v * sin, centre[1] + u * sin + v * cos]
        };
        let points: Vec<[f64; 2]> = (0..=steps).map(point).collect();
        self.path(&points, width, colour);
    }

    /// A darkened box; `low` and `high` are opposite corners.
    pub(super) fn shade(&mut self, low: [f64; 2], high: [f64; 2], share: f64) {
        for y in low[1] as i64..high[1] as i64 {
            for x in low[0] as i64..high[0] as i64 {
                self.blend(x, y, BLACK, share);
            }
        }
    }

    /// The whole rim first, so that no part of it covers the line.
    fn path(&mut self, points: &[[f64; 2]], width: f64, colour: Rgb) {
        let rim = (width * 0.6).max(1.0);
        for ends in points.windows(2) {
            self.stroke(ends[0], ends[1], width + 2.0 * rim, BLACK, RIM);
        }
        for ends in points.windows(2) {
            self.stroke(ends[0], ends[1], width, colour, 1.0);
        }
    }

    /// Covers each pixel by how far it lies inside the line.
    fn stroke(&mut self, a: [f64; 2], b: [f64; 2], width: f64, colour: Rgb, opacity: f64) {
        let size = self.size();
        let reach = width / 2.0 + 1.0;
        let span = |axis: usize| {
            let low = (a[axis].min(b[axis]) - reach).clamp(0.0, size[axis]);
            let high = (a[axis].max(b[axis]) + reach).clamp(0.0, size[axis]);
            low as i64..high.ceil() as i64
        };
        for y in span(1) {
            for x in span(0) {
                let away = distance_to_segment([x as f64, y as f64], a, b);
                let cover = (width / 2.0 + 0.5 - away).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.blend(x, y, colour, cover * opacity);
                }
            }
        }
    }
}

fn distance_to_segment(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let length2 = along[0] * along[0] + along[1] * along[1];
    let t = if length2 > 0.0 {
        (((p[0] - a[0]) * along[0] + (p[1] - a[1]) * along[1]) / length2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (p[0] - a[0] - t * along[0]).hypot(p[1] - a[1] - t * along[1])
}
