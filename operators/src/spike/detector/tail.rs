//! The upper tail of the negative binomial distribution: how surprising a count is.
//!
//! Every function comes from `libm`, so that the same counts give the same bits on every platform.

/// Steps of the continued fraction at most; it needs a dozen as a rule.
const STEPS_MAX: u32 = 200;
/// Relative change below which it has converged.
const PRECISION: f64 = 1e-7;
/// Stands in for zero where a continued fraction must not divide by it (Lentz).
const TINY: f64 = 1e-300;

/// Returns `-ln P(X >= x)` in nats, X negative binomial with this mean and size (`variance = mean + mean² /
/// size`); `x`, `mean` and `size` are above zero.
///
/// *Source:* `P(X >= x) = I_p(x, size)` with `p = mean / (mean + size)`, the regularised incomplete beta
/// function by its continued fraction (Press et al., Numerical Recipes §6.4).
pub fn surprise(x: f64, mean: f64, size: f64) -> f64 {
    let p = mean / (mean + size);
    // The fraction converges fast on this side of the mean only; the other side is one minus it.
    let is_flipped = p > (x + 1.0) / (x + size + 2.0);
    let (a, b, z) = if is_flipped { (size, x, 1.0 - p) } else { (x, size, p) };
    let front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(z)
        + b * libm::log1p(-z)
        - libm::log(a);
    let log = front + libm::log(continued_fraction(a, b, z).max(TINY));
    if is_flipped {
        -libm::log1p(-libm::exp(log.min(0.0)).min(1.0 - 1e-15))
    } else {
        (-log).max(0.0)
    }
}

fn continued_fraction(a: f64, b: f64, z: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * z / (a + 1.0));
    let mut product = d;
    for step in 1..STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * z / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        product *= d * c;
        let odd = -(a + m) * (a + b + m) * z / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        product *= d * c;
        if (d * c - 1.0).abs() < PRECISION {
            break;
        }
    }
    product
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds up the probabilities one by one.
    fn slow(x: u32, mean: f64, size: f64) -> f64 {
        let p = mean / (mean + size);
        let mut term = libm::exp(size * libm::log1p(-p));
        let mut below = 0.0;
        for n in 0..x {
            below += term;
            term *= p * (size + f64::from(n)) / f64::from(n + 1);
        }
        -(1.0 - below).ln()
    }

    #[test]
    fn it_is_the_tail_that_adding_up_gives() {
        for (x, mean, size) in [
            (1, 0.01, 0.007),
            (4, 1.0, 0.5),
            (9, 3.0, 20.0),
            (12, 30.0, 4.0),
            (3, 9.0, 1e4),
            (2, 40.0, 2.0),
        ] {
            let (got, expected) = (surprise(f64::from(x), mean, size), slow(x, mean, size));
            assert!(
                (got - expected).abs() < 1e-6 * (1.0 + expected),
                "{x} {mean} {size}: {got} {expected}"
            );
        }
    }

    #[test]
    fn it_grows_with_the_count_and_stays_finite() {
        for (mean, size) in [(1e-6, 1e-6), (0.02, 0.3), (5.0, 0.1), (2e4, 50.0)] {
            let mut last = 0.0;
            for x in [1.0, 2.0, 10.0, 1e3, 1e5, 1e7, 4e9] {
                let now = surprise(x, mean, size);
                assert!(now.is_finite() && now >= last, "{mean} {size} {x}: {now} after {last}");
                last = now;
            }
        }
    }
}
