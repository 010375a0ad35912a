//! The encoder: tokens of texts in, one vector of length 1 for each text out.
//!
//! ```text
//! tokens ► words + positions ► norm ► 6 × (attention ► norm ► feed-forward ► norm) ► mean ► length 1
//! ```
//! The tokens of all texts of a chunk lie one after the other, without padding: every product goes over
//! all of them at once, attention and mean over the rows of one text.
//!
//! *Promise:* a text's vector is a function of its tokens and the weights: the same bits alone or in any
//! company, in any order, on any number of threads, on any processor (see `kernel.rs`).
//! *Limits:* a text has at most [`TOKENS_MAX`] tokens; a [`Room`] never grows.

use crate::attention::{Attend, AttentionRoom};
use crate::blocks::{Blocks, BlocksMut, Row, WIDTH};
use crate::error::EncoderError;
use crate::kernel::Kernel;
use crate::model::{
    HEADS, INNER_BLOCKS, Layer, Linear, Model, TOKENS_MAX, VOCABULARY, WEIGHTS_SHA256,
};
use crate::multiply::{AddTo, Finish, Gelu, Multiply, Store};
use crate::norm::{HIDDEN, HIDDEN_BLOCKS, Norm, Normalise, Pool};
use crate::plan::{CHUNK_TOKENS, plan};
use crate::tokens::{TOKENIZER_SHA256, WordPieces};
use std::io::Read;
use std::thread::{self, ScopedJoinHandle};

/// Numbers of a vector.
pub const DIMENSIONS: usize = HIDDEN;
/// Tokens for which a [`Room`] has room.
const ROOM_TOKENS: usize = if CHUNK_TOKENS > TOKENS_MAX { CHUNK_TOKENS } else { TOKENS_MAX };
/// Tokens from which on it pays to share a product between threads (measured: to start and join a thread
/// costs as much as five rows of a product).
const SHARED_TOKENS_MIN: usize = 64;

/// Which files are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// The official ones, by their digest.
    Official,
    /// Any of the right shape; for tests with made-up weights.
    AnyOfThisShape,
}

/// The model, ready to embed; can be shared between threads.
pub struct Encoder {
    pieces: WordPieces,
    model: Model,
    kernel: Kernel,
    threads: usize,
}

/// What one thread needs to embed a chunk; made once and used again.
pub struct Room {
    /// The rows that go from layer to layer.
    hidden: Vec<Row>,
    /// Projections and what attention makes of them, or the inside of the feed-forward part.
    wide: Vec<Row>,
    /// One for each thread.
    attention: Vec<AttentionRoom>,
}

impl Room {
    /// Returns room for any chunk.
    pub fn new() -> Room {
        Room::shared_by(1)
    }

    /// Returns room for any chunk, the products of which so many threads share. The vectors are the same.
    pub fn shared_by(threads: usize) -> Room {
        Room {
            hidden: vec![Row::ZERO; HIDDEN_BLOCKS * ROOM_TOKENS],
            wide: vec![Row::ZERO; INNER_BLOCKS * ROOM_TOKENS],
            attention: std::iter::repeat_with(|| AttentionRoom::new(TOKENS_MAX))
                .take(threads.max(1))
                .collect(),
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Room::new()
    }
}

impl Encoder {
    /// Reads `model.safetensors` from `weights`, and the bytes of `tokenizer.json`.
    pub fn read(
        weights: impl Read,
        tokenizer: &[u8],
        accept: Accept,
    ) -> Result<Encoder, EncoderError> {
        // Its dictionary takes as long to build as half of the weights to read.
        let (pieces, model) = thread::scope(|scope| {
            let pieces = thread::Builder::new().spawn_scoped(scope, || WordPieces::read(tokenizer));
            let model = Model::read(weights);
            (pieces.map(ScopedJoinHandle::join), model)
        });
        let broken = |_| EncoderError::Tokenizer { reason: "reading it failed".to_owned() };
        let pieces = pieces.map_err(EncoderError::Read)?.map_err(broken)??;
        if accept == Accept::Official && pieces.sha256() != TOKENIZER_SHA256 {
            return Err(EncoderError::OtherDigest {
                file: "tokenizer.json",
                found: pieces.sha256().to_owned(),
                expected: TOKENIZER_SHA256,
            });
        }
        let (model, found) = model?;
        if accept == Accept::Official && found != WEIGHTS_SHA256 {
            let (file, expected) = ("model.safetensors", WEIGHTS_SHA256);
            return Err(EncoderError::OtherDigest { file, found, expected });
        }
        Ok(Encoder { pieces, model, kernel: Kernel::detect(), threads: 1 })
    }

    /// Returns the same encoder on other instructions; the vectors stay the same.
    pub fn on(mut self, kernel: Kernel) -> Encoder {
        self.kernel = kernel;
        self
    }

    /// Returns the same encoder, which shares a long text that is embedded alone between threads.
    pub fn with_threads(mut self, threads: usize) -> Encoder {
        self.threads = threads;
        self
    }

    /// Returns the instructions in use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Returns the tokens of a text, those of its beginning and end included; at most [`TOKENS_MAX`].
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        self.pieces.tokenize(text)
    }

    /// Returns the vector of each text, in the order of the texts, on the calling thread; a single long
    /// one with the help of others, see [`Encoder::with_threads`].
    pub fn embed(&self, texts: &[&[u32]]) -> Result<Vec<[f32; DIMENSIONS]>, EncoderError> {
        let counts: Vec<usize> = texts.iter().map(|tokens| tokens.len()).collect();
        let mut vectors = vec![[0.0; DIMENSIONS]; texts.len()];
        check(texts)?;
        let is_shared = matches!(texts, [one] if one.len() >= SHARED_TOKENS_MIN);
        let mut room = Room::shared_by(if is_shared { self.threads } else { 1 });
        for chunk in plan(&counts) {
            let tokens: Vec<&[u32]> = chunk.iter().map(|&index| texts[index]).collect();
            for (index, vector) in chunk.into_iter().zip(self.embed_chunk(&mut room, &tokens)?) {
                vectors[index] = vector;
            }
        }
        Ok(vectors)
    }

    /// Returns the vector of each text of one chunk of a [`plan`].
    pub fn embed_chunk(
        &self,
        room: &mut Room,
        texts: &[&[u32]],
    ) -> Result<Vec<[f32; DIMENSIONS]>, EncoderError> {
        check(texts)?;
        let total = texts.iter().map(|tokens| tokens.len()).sum();
        if total > ROOM_TOKENS {
            let (index, limit) = (texts.len() - 1, ROOM_TOKENS);
            return Err(EncoderError::TokenCount { index, tokens: total, limit });
        }
        let Room { hidden, wide, attention } = room;
        let threads = if total < SHARED_TOKENS_MIN { 1 } else { attention.len() };
        let attention = &mut attention[..threads];
        let hidden = &mut hidden[..HIDDEN_BLOCKS * total];
        let wide = &mut wide[..INNER_BLOCKS * total];
        self.look_up(texts, hidden, total);
        self.normalise(hidden, total, &self.model.words_norm);
        for layer in &self.model.layers {
            self.attend(layer, texts, hidden, wide, attention);
            self.normalise(hidden, total, &layer.attended_norm);
            self.multiply(hidden, total, &layer.inner, wide, Gelu, threads);
            self.multiply(wide, total, &layer.outer, hidden, AddTo, threads);
            self.normalise(hidden, total, &layer.outer_norm);
        }
        let pool = |first: usize, count: usize| {
            let rows = Blocks { rows: hidden, stride: total, first, count };
            self.kernel.run(Pool { rows })
        };
        Ok(rows_of(texts).map(|(first, count)| pool(first, count)).collect())
    }

    /// Writes the sum of word and position for every token.
    fn look_up(&self, texts: &[&[u32]], hidden: &mut [Row], total: usize) {
        let mut at = 0;
        for tokens in texts {
            let positions = self.model.positions.chunks_exact(HIDDEN);
            for (&token, position) in tokens.iter().zip(positions) {
                let word = &self.model.words[token as usize * HIDDEN..][..HIDDEN];
                let (word, position) = (word.as_chunks::<WIDTH>().0, position.as_chunks().0);
                for block in 0..HIDDEN_BLOCKS {
                    let row = &mut hidden[block * total + at];
                    *row = Row(word[block]);
                    for (number, add) in row.iter_mut().zip::<&[f32; WIDTH]>(&position[block]) {
                        *number += add;
                    }
                }
                at += 1;
            }
        }
    }

    /// Adds what attention makes of `hidden` to it, with a thread for each room.
    fn attend(
        &self,
        layer: &Layer,
        texts: &[&[u32]],
        hidden: &mut [Row],
        wide: &mut [Row],
        rooms: &mut [AttentionRoom],
    ) {
        let (total, threads) = (hidden.len() / HIDDEN_BLOCKS, rooms.len());
        let (projections, attended) = wide.split_at_mut(3 * HEADS * total);
        self.multiply(hidden, total, &layer.projections, projections, Store, threads);
        // Every thread makes some of the heads: their blocks lie one after the other.
        let heads = HEADS.div_ceil(threads);
        let (projections, kernel) = (&*projections, self.kernel);
        let shares = attended.chunks_mut(heads * total).zip(rooms).enumerate();
        share(shares.map(|(share, (out, room))| {
            move || {
                for (first, count) in rows_of(texts) {
                    kernel.run(Attend {
                        projections: Blocks { rows: projections, stride: total, first, count },
                        heads: HEADS,
                        meant: share * heads..HEADS.min((share + 1) * heads),
                        room,
                        out: BlocksMut { rows: out, stride: total, first, count },
                    });
                }
            }
        }));
        self.multiply(attended, total, &layer.attended, hidden, AddTo, threads);
    }

    fn multiply(
        &self,
        a: &[Row],
        count: usize,
        weights: &Linear,
        out: &mut [Row],
        finish: impl Finish + Send,
        threads: usize,
    ) {
        let depth = a.len() / count * WIDTH;
        // Every thread makes some of the blocks of the result: they lie one after the other.
        let blocks = weights.bias.len().div_ceil(threads);
        let shares = weights.panels.chunks(blocks * depth).zip(weights.bias.chunks(blocks));
        share(shares.zip(out.chunks_mut(blocks * count)).map(|((panels, bias), out)| {
            let (a, out) = (Blocks::whole(a, count), BlocksMut::whole(out, count));
            let bias = Some(bias);
            move || self.kernel.run(Multiply { a, depth, panels, bias, out, finish })
        }));
    }

    fn normalise(&self, rows: &mut [Row], count: usize, norm: &Norm) {
        self.kernel.run(Normalise { rows: BlocksMut::whole(rows, count), norm });
    }
}

/// Runs the first share on this thread and every other one on a thread of its own; returns when all are done.
fn share(mut shares: impl ExactSizeIterator<Item = impl FnOnce() + Send>) {
    let Some(own) = shares.next() else { return };
    if shares.len() == 0 {
        return own();
    }
    thread::scope(|scope| {
        for share in shares {
            scope.spawn(share);
        }
        own();
    });
}

/// Returns the first row and the number of rows of each text.
fn rows_of(texts: &[&[u32]]) -> impl Iterator<Item = (usize, usize)> {
    texts.iter().scan(0, |at, tokens| {
        let first = *at;
        *at += tokens.len();
        Some((first, tokens.len()))
    })
}

/// Refuses texts without tokens, with too many, or with a token that is not in the vocabulary.
fn check(texts: &[&[u32]]) -> Result<(), EncoderError> {
    for (index, tokens) in texts.iter().enumerate() {
        if tokens.is_empty() || tokens.len() > TOKENS_MAX {
            let (tokens, limit) = (tokens.len(), TOKENS_MAX);
            return Err(EncoderError::TokenCount { index, tokens, limit });
        }
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= VOCABULARY) {
            return Err(EncoderError::UnknownToken { index, token, limit: VOCABULARY });
        }
    }
    Ok(())
}
