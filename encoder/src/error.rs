//! What can be wrong with a model's files or with what is to be embedded.

use thiserror::Error;

/// Why the encoder cannot do what it was asked to.
#[derive(Debug, Error)]
pub enum EncoderError {
    /// Reading failed.
    #[error("cannot read the model's weights")]
    Read(#[source] std::io::Error),
    /// The file ends too early.
    #[error(
        "the model's weights end after {bytes} bytes, in {part}: the file is truncated. \
         Hint: delete it and run `seismolog model fetch`"
    )]
    Truncated {
        /// What was being read.
        part: String,
        /// How many bytes there were.
        bytes: u64,
    },
    /// The file is not in the safetensors format.
    #[error(
        "the model's weights are not a safetensors file: {reason}. \
         Hint: delete the file and run `seismolog model fetch`"
    )]
    Format {
        /// What is wrong.
        reason: String,
    },
    /// A tensor is not there.
    #[error(
        "the model has no tensor {name:?}: this is another model. \
         Hint: only sentence-transformers/all-MiniLM-L6-v2 can be used"
    )]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A tensor has another type or shape.
    #[error(
        "the model's tensor {name:?} is {found}, expected {expected}: this is another model. \
         Hint: only sentence-transformers/all-MiniLM-L6-v2 can be used"
    )]
    OtherShape {
        /// Its name.
        name: String,
        /// Type and shape in the file.
        found: String,
        /// Type and shape of the model.
        expected: String,
    },
    /// The bytes are not those of the official file.
    #[error(
        "the model's {file} has sha256 {found}, expected {expected}: it is damaged or another file. \
         Hint: delete it and run `seismolog model fetch`"
    )]
    OtherDigest {
        /// Which file.
        file: &'static str,
        /// The digest of the bytes.
        found: String,
        /// The official digest.
        expected: &'static str,
    },
    /// The tokenizer's file cannot be used.
    #[error(
        "cannot use the model's tokenizer.json: {reason}. \
         Hint: delete it and run `seismolog model fetch`"
    )]
    Tokenizer {
        /// What is wrong.
        reason: String,
    },
    /// A text has no tokens, or too many.
    #[error("text {index} has {tokens} tokens, expected 1 to {limit}")]
    TokenCount {
        /// Its index among the texts.
        index: usize,
        /// How many it has.
        tokens: usize,
        /// The most a text may have.
        limit: usize,
    },
    /// A token is not in the vocabulary.
    #[error("text {index} has the token {token}, expected less than {limit}")]
    UnknownToken {
        /// Its index among the texts.
        index: usize,
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        limit: usize,
    },
}
