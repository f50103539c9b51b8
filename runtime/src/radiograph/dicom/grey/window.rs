//! The VOI window (PS3.3, C.11.2.1.2 and C.11.2.1.3).

use crate::radiograph::dicom::{dictionary::tags, elements::Elements, fault::Fault};

/// Which modality values are spread over the whole range of grey, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    center: f64,
    width: f64,
    function: Function,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Linear,
    LinearExact,
    Sigmoid,
}

impl Window {
    /// The first window of the file; `None` where there is none, or none that could show anything (some writers
    /// fill in zeros).
    ///
    /// # Errors
    /// Where the numbers are no numbers or the function is unknown.
    pub(super) fn read(elements: &Elements<'_>) -> Result<Option<Self>, Fault> {
        let first = |tag| Ok::<_, Fault>(elements.numbers(tag)?.and_then(|v| v.first().copied()));
        let (center, width) = (first(tags::WINDOW_CENTER)?, first(tags::WINDOW_WIDTH)?);
        let (Some(center), Some(width)) = (center, width) else { return Ok(None) };
        let function = match elements.text(tags::VOI_LUT_FUNCTION).as_deref() {
            None | Some("LINEAR") => Function::Linear,
            Some("LINEAR_EXACT") => Function::LinearExact,
            Some("SIGMOID") => Function::Sigmoid,
            Some(other) => {
                let why = "only LINEAR, LINEAR_EXACT and SIGMOID are known";
                return Err(Fault::of(tags::VOI_LUT_FUNCTION, other, why));
            }
        };
        let narrowest = if function == Function::Linear { 1.0 } else { f64::MIN_POSITIVE };
        let possible = center.is_finite() && width.is_finite() && width >= narrowest;
        Ok(possible.then_some(Self { center, width, function }))
    }

    /// Where the modality value `x` lies in the range of grey.
    pub(super) fn at(&self, x: f64) -> u16 {
        let Self { center, width, function } = *self;
        let share = match function {
            Function::Linear if width == 1.0 => f64::from(u8::from(x > center - 0.5)),
            Function::Linear => (x - (center - 0.5)) / (width - 1.0) + 0.5,
            Function::LinearExact => (x - center) / width + 0.5,
            Function::Sigmoid => 1.0 / (1.0 + (-4.0 * (x - center) / width).exp()),
        };
        (share.clamp(0.0, 1.0) * f64::from(u16::MAX)).round() as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard: c 2048, w 4096 takes 0 to 4095 onto the whole range, exactly.
    #[test]
    fn linear_is_that_of_the_standard() {
        let window = Window { center: 2048.0, width: 4096.0, function: Function::Linear };
        assert_eq!([0.0, 4095.0, -1.0, 5000.0].map(|x| window.at(x)), [0, 65535, 0, 65535]);
        assert_eq!(window.at(2047.5), 32768);
        let step = Window { center: 100.0, width: 1.0, function: Function::Linear };
        assert_eq!([99.0, 99.5, 100.0].map(|x| step.at(x)), [0, 0, 65535]);
        let exact = Window { center: 2048.0, width: 4096.0, function: Function::LinearExact };
        assert_eq!([0.0, 1024.0, 4096.0].map(|x| exact.at(x)), [0, 16384, 65535]);
    }

    #[test]
    fn sigmoid_is_half_in_the_middle_and_never_falls() {
        let window = Window { center: 10.0, width: 4.0, function: Function::Sigmoid };
        assert_eq!(window.at(10.0), 32768);
        assert_eq!(window.at(11.0), (65535.0 / (1.0 + (-1.0f64).exp())).round() as u16);
        assert!((0..20).all(|x| window.at(f64::from(x)) <= window.at(f64::from(x) + 1.0)));
    }
}
