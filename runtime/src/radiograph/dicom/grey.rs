//! Stored bits → grey values with bright bone: modality transformation, window or VOI LUT, polarity, padding.
//!
//! All of it depends on the stored bits of one pixel only, so it is one table of at most 65,536 grey values.

mod lut;
mod window;

use fiducia_kernels::{grey_window, histogram};

use super::dictionary::{Tag, tags};
use super::elements::Elements;
use super::fault::Fault;
use super::form::PixelForm;
use crate::radiograph::grey_window::tail;
use crate::radiograph::{GreyValues, Voi};
pub(crate) use lut::Lut;
use window::Window;

/// Grey values by stored bits.
#[derive(Debug)]
pub(super) struct GreyTable {
    /// One for each value of the stored bits.
    levels: Vec<u16>,
    /// What they were converted with.
    pub(super) voi: Voi,
}

/// The modality transformation.
enum Modality {
    Rescale { slope: f64, intercept: f64 },
    Lut(Lut),
}

impl GreyTable {
    /// The grey values that `wanted` names.
    ///
    /// # Errors
    /// Naming the attribute that makes no sense.
    pub(super) fn new(
        elements: &Elements<'_>,
        form: &PixelForm,
        wanted: GreyValues,
    ) -> Result<Self, Fault> {
        let modality = Modality::read(elements, form)?;
        let codes = 0..=form.mask();
        let voi = match wanted {
            GreyValues::Modality => None,
            GreyValues::Presented => read_voi(elements, form)?,
        };
        let (mut levels, top, voi): (Vec<u16>, u16, Voi) = match voi {
            Some(Shown::Lut(lut)) => {
                let show = |code| lut.at(modality.value(form.value(code)).round() as i32);
                (codes.map(show).collect(), lut.top(), Voi::Lut)
            }
            Some(Shown::Window(window)) => {
                let show = |code| window.at(modality.value(form.value(code)));
                (codes.map(show).collect(), u16::MAX, Voi::Window)
            }
            None => {
                let level = |code| modality.level(form.value(code), form);
                (codes.map(level).collect(), modality.top(form), Voi::None)
            }
        };
        if form.white_is_low {
            levels.iter_mut().for_each(|level| *level = top - *level);
        }
        Ok(Self { levels, voi })
    }

    /// Replaces stored bits by grey values. Pixels in the range `padding` become as dark as the lower end of the grey
    /// window of all others, so that padding does not affect the window.
    pub(super) fn apply(
        mut self,
        samples: &mut [u16],
        padding: Option<[i32; 2]>,
        form: &PixelForm,
    ) {
        if let Some([low, high]) = padding {
            let is_padding = |code: usize| (low..=high).contains(&form.value(code as u16));
            let mut counts = vec![0; 1 << 16];
            histogram(samples, &mut counts);
            let mut bins = vec![0; 1 << 16];
            let mut others = 0;
            for (code, &level) in self.levels.iter().enumerate() {
                if !is_padding(code) {
                    bins[usize::from(level)] += counts[code];
                    others += counts[code] as usize;
                }
            }
            if others > 0 {
                let dark = grey_window(&bins, tail(others)).low;
                let levels = self.levels.iter_mut().enumerate();
                levels.filter(|(code, _)| is_padding(*code)).for_each(|(_, level)| *level = dark);
            }
        }
        samples.iter_mut().for_each(|s| *s = self.levels[usize::from(*s)]);
    }
}

/// Lowest and highest value of padding; `None` if the file states none.
///
/// # Errors
/// Where an attribute is damaged.
pub(super) fn padding(
    elements: &Elements<'_>,
    form: &PixelForm,
) -> Result<Option<[i32; 2]>, Fault> {
    let value = |tag: Tag| {
        Ok::<_, Fault>(elements.u16(tag)?.map(|bits| match form.signed {
            true => i32::from(bits as i16),
            false => i32::from(bits),
        }))
    };
    let Some(one) = value(tags::PIXEL_PADDING_VALUE)? else { return Ok(None) };
    let other = value(tags::PIXEL_PADDING_RANGE_LIMIT)?.unwrap_or(one);
    Ok(Some([one.min(other), one.max(other)]))
}

impl Modality {
    fn read(elements: &Elements<'_>, form: &PixelForm) -> Result<Self, Fault> {
        if let Some(lut) = Lut::read(elements, tags::MODALITY_LUT_SEQUENCE, form.signed)? {
            return Ok(Self::Lut(lut));
        }
        let one = |tag: Tag, missing: f64| match elements.numbers(tag)?.as_deref() {
            None => Ok(missing),
            Some(&[v, ..]) if v.is_finite() => Ok(v),
            Some(v) => Err(Fault::of(tag, format!("{v:?}"), "that is no finite number")),
        };
        let slope = one(tags::RESCALE_SLOPE, 1.0)?;
        if slope == 0.0 {
            return Err(Fault::of(tags::RESCALE_SLOPE, slope, "all pixels would be equal"));
        }
        Ok(Self::Rescale { slope, intercept: one(tags::RESCALE_INTERCEPT, 0.0)? })
    }

    /// The modality value of a stored number.
    fn value(&self, stored: i32) -> f64 {
        match self {
            Self::Rescale { slope, intercept } => slope * f64::from(stored) + intercept,
            Self::Lut(lut) => f64::from(lut.at(stored)),
        }
    }

    /// The grey value of a stored number. A rescaling keeps every step of the stored numbers: the grey window would cancel
    /// its slope and intercept anyway, except for the sign.
    fn level(&self, stored: i32, form: &PixelForm) -> u16 {
        let [low, high] = form.range();
        match self {
            Self::Rescale { slope, .. } if *slope < 0.0 => (high - stored) as u16,
            Self::Rescale { .. } => (stored - low) as u16,
            Self::Lut(lut) => lut.at(stored),
        }
    }

    /// Largest possible grey value.
    fn top(&self, form: &PixelForm) -> u16 {
        match self {
            Self::Rescale { .. } => form.mask(),
            Self::Lut(lut) => lut.top(),
        }
    }
}

/// The display transformation of the file.
enum Shown {
    Lut(Lut),
    Window(Window),
}

/// The first VOI LUT, or else the first window.
fn read_voi(elements: &Elements<'_>, form: &PixelForm) -> Result<Option<Shown>, Fault> {
    // Entries are counted from a modality value, which a rescaling can make negative.
    let intercept = elements.numbers(tags::RESCALE_INTERCEPT)?;
    let negative = intercept.is_some_and(|v| v.first().is_some_and(|&v| v < 0.0));
    if let Some(lut) = Lut::read(elements, tags::VOI_LUT_SEQUENCE, form.signed || negative)? {
        return Ok(Some(Shown::Lut(lut)));
    }
    Ok(Window::read(elements)?.map(Shown::Window))
}
