//! Functions of sixteen numbers: exponential, error function, GELU, and the one order in which lanes
//! are summed.

use crate::kernel::{LANES, Lanes, ROUNDING_SHIFT};

/// Below this the exponential is no longer a normal number; smaller arguments are treated as this.
const EXPONENT_MIN: f32 = -87.0;
/// Above this the exponential is not finite; larger arguments are treated as this.
const EXPONENT_MAX: f32 = 88.0;

/// Coefficients of `e^r` on -ln 2 / 2 ..= ln 2 / 2: the Taylor series, from the highest power down.
const EXPONENTIAL: [f32; 8] =
    [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];

/// Beyond this the error function is 1 to the last bit of a float.
const ERF_ARGUMENT_MAX: f32 = 4.0;

/// `erf(x) = x P(x²) / Q(x²)` for |x| ≤ 4, a weighted least-squares fit; from the highest power down.
/// The relative error is below 4e-7, most of it from rounding.
const ERF_NUMERATOR: [f32; 6] =
    [2.020_259_4e-6, 2.845_606_7e-4, 3.815_373e-3, 5.289_593_7e-2, 0.191_756_83, 1.128_379_1];
/// See [`ERF_NUMERATOR`].
const ERF_DENOMINATOR: [f32; 6] =
    [3.776_741_5e-5, 1.171_959_7e-3, 1.506_943_9e-2, 0.114_638_95, 0.503_272_65, 1.0];

/// Returns the polynomial with `coefficients`, from the highest power down, at `x`.
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(
    lanes: L,
    x: L::Sixteen,
    coefficients: &[f32; N],
) -> L::Sixteen {
    let mut sum = lanes.splat(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = lanes.mul_add(sum, x, lanes.splat(coefficient));
    }
    sum
}

/// Returns `e^x`; the relative error is below 2e-7.
#[inline(always)]
pub fn exponential<L: Lanes>(lanes: L, x: L::Sixteen) -> L::Sixteen {
    // ln 2 in two parts, so that subtracting a whole multiple of it loses nothing.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = lanes.min(lanes.max(x, lanes.splat(EXPONENT_MIN)), lanes.splat(EXPONENT_MAX));
    let shift = lanes.splat(ROUNDING_SHIFT);
    let shifted = lanes.mul_add(x, lanes.splat(std::f32::consts::LOG2_E), shift);
    let whole = lanes.sub(shifted, shift);
    let rest = lanes.mul_add(whole, lanes.splat(-LN_2_HIGH), x);
    let rest = lanes.mul_add(whole, lanes.splat(-LN_2_LOW), rest);
    lanes.mul(polynomial(lanes, rest, &EXPONENTIAL), lanes.power_of_two(shifted))
}

/// Returns the error function of `x`.
#[inline(always)]
fn error_function<L: Lanes>(lanes: L, x: L::Sixteen) -> L::Sixteen {
    let x = lanes.max(x, lanes.splat(-ERF_ARGUMENT_MAX));
    let x = lanes.min(x, lanes.splat(ERF_ARGUMENT_MAX));
    let square = lanes.mul(x, x);
    let numerator = lanes.mul(x, polynomial(lanes, square, &ERF_NUMERATOR));
    lanes.div(numerator, polynomial(lanes, square, &ERF_DENOMINATOR))
}

/// Returns `x Φ(x)`, the exact GELU (not its tanh approximation).
#[inline(always)]
pub fn gelu<L: Lanes>(lanes: L, x: L::Sixteen) -> L::Sixteen {
    let erf = error_function(lanes, lanes.mul(x, lanes.splat(std::f32::consts::FRAC_1_SQRT_2)));
    let half = lanes.mul(x, lanes.splat(0.5));
    lanes.mul_add(half, erf, half)
}

/// Returns the sum of the lanes, halves added to halves: the same order on every processor.
#[inline(always)]
pub fn sum_of_lanes<L: Lanes>(lanes: L, value: L::Sixteen) -> f32 {
    fold_lanes(lanes, value, |a, b| a + b)
}

/// Returns the largest lane.
#[inline(always)]
pub fn max_of_lanes<L: Lanes>(lanes: L, value: L::Sixteen) -> f32 {
    fold_lanes(lanes, value, |a, b| if a > b { a } else { b })
}

#[inline(always)]
fn fold_lanes<L: Lanes>(lanes: L, value: L::Sixteen, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut all = [0.0; LANES];
    lanes.store(value, &mut all);
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            all[lane] = join(all[lane], all[lane + width]);
        }
        width /= 2;
    }
    all[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Job, Kernel};

    /// Computes exponential and GELU of sixteen numbers.
    struct Both([f32; LANES]);

    impl Job for Both {
        type Output = [[f32; LANES]; 2];

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> [[f32; LANES]; 2] {
            let mut out = [[0.0; LANES]; 2];
            let x = lanes.load(&self.0);
            lanes.store(exponential(lanes, x), &mut out[0]);
            lanes.store(gelu(lanes, x), &mut out[1]);
            out
        }
    }

    /// The error function by its series and continued fraction, in double precision.
    fn slow_erf(x: f64) -> f64 {
        if x.abs() > 3.0 {
            let square = x * x;
            let mut fraction = 0.0;
            for n in (1..200).rev() {
                fraction = f64::from(n) / 2.0 / (x.abs() + fraction);
            }
            let tail = (-square).exp() / (x.abs() + fraction) / std::f64::consts::PI.sqrt();
            return (1.0 - tail).copysign(x);
        }
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn exponential_and_gelu_are_close_to_double_precision_and_equal_on_every_kernel() {
        for start in -900..900 {
            let inputs: [f32; LANES] =
                std::array::from_fn(|lane| start as f32 * 0.097 + lane as f32 * 0.006);
            let [powers, gelus] = Kernel::detect().run(Both(inputs));
            for kernel in Kernel::available() {
                assert_eq!(kernel.run(Both(inputs)), [powers, gelus], "{}", kernel.name());
            }
            for (lane, &x) in inputs.iter().enumerate() {
                let exact = f64::from(x.clamp(EXPONENT_MIN, EXPONENT_MAX)).exp();
                let error = (f64::from(powers[lane]) / exact - 1.0).abs();
                assert!(error < 3e-7, "e^{x}: {} is off by {error:e}", powers[lane]);
                let x = f64::from(x);
                let exact = x * 0.5 * (1.0 + slow_erf(x / std::f64::consts::SQRT_2));
                let error = (f64::from(gelus[lane]) - exact).abs() / x.abs().max(1.0);
                assert!(error < 3e-7, "gelu {x}: {} is off by {error:e}", gelus[lane]);
            }
        }
    }

    #[test]
    fn lanes_are_folded_in_one_order() {
        /// Sums sixteen numbers.
        struct Sum([f32; LANES]);
        impl Job for Sum {
            type Output = (f32, f32);
            #[inline(always)]
            fn run<L: Lanes>(self, lanes: L) -> (f32, f32) {
                let value = lanes.load(&self.0);
                (sum_of_lanes(lanes, value), max_of_lanes(lanes, value))
            }
        }
        let numbers: [f32; LANES] = std::array::from_fn(|lane| 1.0 / (lane as f32 + 1.0));
        for kernel in Kernel::available() {
            assert_eq!(kernel.run(Sum(numbers)), Kernel::detect().run(Sum(numbers)));
        }
        let whole: [f32; LANES] = std::array::from_fn(|lane| lane as f32);
        assert_eq!(Kernel::detect().run(Sum(whole)), (120.0, 15.0));
    }
}
