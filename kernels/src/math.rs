//! The few real functions the kernels need, from the platform (`std`) or from `libm`.

#[cfg(feature = "std")]
extern crate std;

macro_rules! real {
    ($($name:ident / $narrow:ident => $method:ident),*) => {$(
        #[inline]
        #[allow(dead_code)]
        pub(crate) fn $narrow(x: f32) -> f32 {
            #[cfg(feature = "std")]
            return x.$method();
            #[cfg(not(feature = "std"))]
            return libm::$narrow(x);
        }
        #[inline]
        #[allow(dead_code)]
        pub(crate) fn $name(x: f64) -> f64 {
            #[cfg(feature = "std")]
            return x.$method();
            #[cfg(not(feature = "std"))]
            return libm::$name(x);
        }
    )*};
}

real!(sqrt / sqrtf => sqrt, exp / expf => exp, floor / floorf => floor, sin / sinf => sin, cos / cosf => cos);

/// The length of the hypotenuse, `√(x² + y²)`.
#[inline]
pub(crate) fn hypot(x: f64, y: f64) -> f64 {
    #[cfg(feature = "std")]
    return x.hypot(y);
    #[cfg(not(feature = "std"))]
    return libm::hypot(x, y);
}

/// The angle of `(x, y)`, radians, x towards y.
#[inline]
pub(crate) fn atan2(y: f64, x: f64) -> f64 {
    #[cfg(feature = "std")]
    return y.atan2(x);
    #[cfg(not(feature = "std"))]
    return libm::atan2(y, x);
}

/// The nearest integer, ties to even.
#[inline]
pub(crate) fn rintf(x: f32) -> f32 {
    #[cfg(feature = "std")]
    return x.round_ties_even();
    #[cfg(not(feature = "std"))]
    return libm::rintf(x);
}
