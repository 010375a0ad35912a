//! Which texts are embedded together: sorted by length, in chunks that stay in a processor's cache.
//!
//! Pure, so that whoever owns threads can hand the chunks out. The chunks decide how fast texts are
//! embedded and never what comes out.

/// Tokens of a chunk of several texts: what a layer needs for them stays in the second-level cache.
pub const CHUNK_TOKENS: usize = 160;

/// Returns the indexes of the texts with these token counts, chunk by chunk. A chunk has at most
/// [`CHUNK_TOKENS`] tokens, or is a single longer text. Every index comes once.
pub fn plan(token_counts: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..token_counts.len()).collect();
    order.sort_by_key(|&index| (token_counts[index], index));
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for index in order {
        match chunks.last_mut() {
            Some(chunk) if tokens + token_counts[index] <= CHUNK_TOKENS => {
                chunk.push(index);
                tokens += token_counts[index];
            }
            _ => {
                chunks.push(vec![index]);
                tokens = token_counts[index];
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_planned_once_in_order_of_length() {
        let counts: Vec<usize> = (0..500).map(|n| n * 7919 % 256 + 1).collect();
        let chunks = plan(&counts);
        let order: Vec<usize> = chunks.iter().flatten().copied().collect();
        assert!(order.windows(2).all(|pair| counts[pair[0]] <= counts[pair[1]]));
        let mut all = order;
        all.sort_unstable();
        assert_eq!(all, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn limit_a_chunk_has_at_most_its_tokens_or_one_text() {
        assert!(plan(&[]).is_empty());
        assert_eq!(plan(&[80, 80, 1]), [vec![2, 0], vec![1]]);
        assert_eq!(plan(&[256, 200]), [vec![1], vec![0]]);
        assert_eq!(plan(&[40; 9]).iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 1]);
    }
}
