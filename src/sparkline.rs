//! Counts as a line of block characters.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns one character per count; a slice without events is a space, any event shows.
pub fn sparkline(counts: &[i64]) -> String {
    let highest = counts.iter().copied().max().unwrap_or(0).max(1);
    counts
        .iter()
        .map(|&count| match count {
            n if n <= 0 => ' ',
            n => BLOCKS[((n - 1) * BLOCKS.len() as i64 / highest).clamp(0, 7) as usize],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_visible_and_the_peak_is_full() {
        assert_eq!(sparkline(&[0, 1, 50, 100]), " ▁▄█");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[0, 0]), "  ");
    }
}
