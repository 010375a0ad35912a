//! How surprising a bucket is (pure): the upper tail of a count whose history is known.
//!
//! The count is taken as negative binomial: Poisson with the spread that the history shows, so that
//! events which come in batches do not look like spikes. Expectation and spread carry a prior, which
//! keeps quiet series quiet. A later version replaces this test (notes on spikes, §6); its inputs and
//! outputs stay.

/// What the history of a series says about its next bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// Expected events per bucket.
    pub mean: f64,
    /// Variance over mean, at least 1.
    pub dispersion: f64,
}

/// Prior events and buckets: one event an hour at five-minute buckets, as weak evidence.
const PRIOR_EVENTS: f64 = 0.25;
const PRIOR_BUCKETS: f64 = 3.0;

impl Baseline {
    /// Returns the baseline of a history of `buckets` buckets with these sums of counts and squares.
    pub fn of(sum: i64, sum_of_squares: i128, buckets: i64) -> Baseline {
        let mean = (sum as f64 + PRIOR_EVENTS) / (buckets as f64 + PRIOR_BUCKETS);
        if buckets < 2 || sum == 0 {
            return Baseline { mean, dispersion: 1.0 };
        }
        let (n, sum) = (buckets as f64, sum as f64);
        let variance = (sum_of_squares as f64 - sum * sum / n) / (n - 1.0);
        Baseline { mean, dispersion: (variance / (sum / n)).max(1.0) }
    }
}

/// Returns `-log10 P(X >= observed)`, capped at [`SURPRISE_MAX`].
pub fn surprise(observed: i64, baseline: Baseline) -> f64 {
    if observed <= 0 {
        return 0.0;
    }
    let x = observed as f64;
    let excess = (baseline.dispersion - 1.0).max(1e-6);
    let size = baseline.mean / excess;
    let log_failure = -(excess.ln_1p());
    let log_success = excess.ln() + log_failure;
    let log_first = ln_gamma(x + size) - ln_gamma(size) - ln_gamma(x + 1.0)
        + size * log_failure
        + x * log_success;
    // Terms shrink at least geometrically once beyond the mean, which callers make sure of.
    let success = log_success.exp();
    let (mut sum, mut term, mut k) = (1.0, 1.0, x);
    for _ in 0..TERMS_MAX {
        term *= success * (k + size) / (k + 1.0);
        sum += term;
        k += 1.0;
        if term < sum * 1e-12 {
            break;
        }
    }
    (-(log_first + f64::ln(sum)) / std::f64::consts::LN_10).clamp(0.0, SURPRISE_MAX)
}

/// Evidence beyond this is told as this.
pub const SURPRISE_MAX: f64 = 300.0;
/// Terms of the tail that are summed at most.
const TERMS_MAX: usize = 10_000;

/// Natural logarithm of the gamma function for positive arguments (Lanczos, g = 7, n = 9; relative
/// error below 1e-13; Press et al., Numerical Recipes §6.1 for the method).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        let reflected = (std::f64::consts::PI * x).sin().abs();
        return (std::f64::consts::PI / reflected).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let t = x + 7.5;
    let series = COEFFICIENTS
        .iter()
        .enumerate()
        .skip(1)
        .fold(COEFFICIENTS[0], |sum, (i, c)| sum + c / (x + i as f64));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + series.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poisson_tail(observed: i64, mean: f64) -> f64 {
        let mut term = (-mean).exp();
        let mut below = 0.0;
        for k in 0..observed {
            below += term;
            term *= mean / (k + 1) as f64;
        }
        1.0 - below
    }

    #[test]
    fn without_overdispersion_it_is_the_poisson_tail() {
        for (observed, mean) in [(5, 1.0), (12, 4.0), (30, 15.0)] {
            let expected = -poisson_tail(observed, mean).log10();
            let got = surprise(observed, Baseline { mean, dispersion: 1.0 });
            assert!((got - expected).abs() < 1e-3, "{observed} at {mean}: {got} not {expected}");
        }
    }

    #[test]
    fn batches_are_less_surprising_than_independent_events() {
        let calm = Baseline { mean: 2.0, dispersion: 1.0 };
        let bursty = Baseline { mean: 2.0, dispersion: 20.0 };
        assert!(surprise(20, bursty) < surprise(20, calm) / 3.0);
    }

    #[test]
    fn surprise_grows_with_the_count_and_stays_finite() {
        let baseline = Baseline::of(288, 288, 288);
        let mut last = 0.0;
        for observed in [10, 100, 1_000, 1_000_000, i64::MAX / 2] {
            let now = surprise(observed, baseline);
            assert!(now >= last && now <= SURPRISE_MAX);
            last = now;
        }
    }

    #[test]
    fn a_steady_history_has_no_spread() {
        let baseline = Baseline::of(100, 1_000, 10);
        assert!(baseline.mean > 7.0 && baseline.mean < 10.0);
        assert!((baseline.dispersion - 1.0).abs() < 1e-9);
    }
}
