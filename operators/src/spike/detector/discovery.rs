//! Which of many surprises are told: false discoveries are controlled over all series of a tick.

/// Returns the evidence, in nats, from which on candidates are told; `None` if none is. `alive` is how many series
/// could have alarmed, `level` the accepted chance of any false alarm in this tick, 0 to 1.
///
/// *Source:* Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995): of `k` candidates the weakest needs
/// `p <= k level / alive`. The answer depends on the set of candidates only, and more of them, or stronger
/// ones, never silence another.
pub fn cut(candidates: &mut [f64], alive: u64, level: f64) -> Option<f64> {
    candidates.sort_by(|a, b| b.total_cmp(a));
    let needed = |rank: usize| -libm::log(level * rank as f64 / alive.max(1) as f64);
    let last = (1..=candidates.len()).rev().find(|&rank| candidates[rank - 1] >= needed(rank))?;
    Some(candidates[last - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_a_candidate_needs_its_share_of_all_series_and_many_need_less() {
        let level = 0.035;
        let alone = -(level / 1_000.0f64).ln();
        assert_eq!(cut(&mut [alone - 0.01], 1_000, level), None);
        assert_eq!(cut(&mut [alone + 0.01], 1_000, level), Some(alone + 0.01));
        let ten = alone - 10.0f64.ln() + 0.01;
        assert_eq!(cut(&mut [ten; 10], 1_000, level), Some(ten));
        assert_eq!(cut(&mut [ten; 9], 1_000, level), None);
    }

    #[test]
    fn a_stronger_candidate_never_silences_another() {
        let told = |candidates: &[f64]| {
            let cut = cut(&mut candidates.to_vec(), 500, 0.03);
            candidates.iter().filter(|&&nats| cut.is_some_and(|cut| nats >= cut)).count()
        };
        let candidates = [3.0, 9.2, 9.6, 10.1, 12.0];
        for at in 0..candidates.len() {
            let mut stronger = candidates;
            stronger[at] += 4.0;
            assert!(told(&stronger) >= told(&candidates), "{stronger:?}");
        }
    }

    #[test]
    fn nothing_is_told_of_nothing() {
        assert_eq!(cut(&mut [], 0, 0.03), None);
    }
}
