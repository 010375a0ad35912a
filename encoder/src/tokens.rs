//! Texts to tokens, as the model was trained on them: lower case, no accents, word pieces.
//!
//! *Limits:* a text is cut to [`TEXT_BYTES_MAX`] bytes before and to [`TOKENS_MAX`] tokens after.

use crate::error::EncoderError;
use crate::model::{TOKENS_MAX, VOCABULARY};
use crate::safetensors::sha256;
use tokenizers::{Tokenizer, TruncationParams};

/// Digest of the official `tokenizer.json`.
pub const TOKENIZER_SHA256: &str =
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";
/// What is beyond in a text is not looked at: far more than its tokens can need, unless its words are
/// longer than any in the vocabulary.
pub const TEXT_BYTES_MAX: usize = 16 << 10;

/// The tokenizer with the model's limits instead of those in its file.
pub struct WordPieces {
    tokenizer: Tokenizer,
    sha256: String,
}

impl WordPieces {
    /// Reads the bytes of `tokenizer.json`.
    pub fn read(bytes: &[u8]) -> Result<WordPieces, EncoderError> {
        let broken = |reason: String| EncoderError::Tokenizer { reason };
        let mut tokenizer =
            Tokenizer::from_bytes(bytes).map_err(|error| broken(error.to_string()))?;
        let size = tokenizer.get_vocab_size(true);
        if size > VOCABULARY {
            return Err(broken(format!("it has {size} words, the model has {VOCABULARY}")));
        }
        let truncation = TruncationParams { max_length: TOKENS_MAX, ..TruncationParams::default() };
        tokenizer
            .with_padding(None)
            .with_truncation(Some(truncation))
            .map_err(|error| broken(error.to_string()))?;
        let pieces = WordPieces { tokenizer, sha256: sha256(bytes) };
        if pieces.tokenize("").is_empty() {
            return Err(broken("it puts no tokens around a text".to_owned()));
        }
        Ok(pieces)
    }

    /// Returns the digest of the file.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns the tokens of a text.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        // Word pieces know every text: what they do not know is one token for "unknown". An error
        // would mean a tokenizer of another kind, of which nothing is left to say but nothing.
        let encoding = self.tokenizer.encode_fast(text, true);
        encoding.map(|encoding| encoding.get_ids().to_vec()).unwrap_or_default()
    }
}
