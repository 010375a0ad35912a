//! The weights of all-MiniLM-L6-v2, laid out once for the products of `multiply.rs`.

use crate::blocks::{Row, WIDTH, lay_out_panels};
use crate::error::EncoderError;
use crate::norm::{HIDDEN, HIDDEN_BLOCKS, Norm};
use crate::safetensors::SafeTensors;
use std::io::Read;

/// Digest of the official `model.safetensors`.
pub const WEIGHTS_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
/// Entries of the vocabulary.
pub const VOCABULARY: usize = 30_522;
/// The most tokens that a text may have, as in sentence-transformers.
pub const TOKENS_MAX: usize = 256;
/// Rows of the table of positions; those beyond [`TOKENS_MAX`] are not kept.
const POSITIONS: usize = 512;
const LAYERS: usize = 6;
/// Attention heads of a layer, each 32 wide.
pub const HEADS: usize = 12;
/// Numbers of a row between the two products of the feed-forward part.
const INNER: usize = 1536;
/// Blocks of such a row.
pub const INNER_BLOCKS: usize = INNER / WIDTH;

/// A product with weights: panels and the beginning of each sum.
pub struct Linear {
    /// One panel for each 32 outputs.
    pub panels: Vec<Row>,
    /// One row for each panel.
    pub bias: Vec<Row>,
}

/// One of the six layers.
pub struct Layer {
    /// Queries, keys and values in one product: twelve panels each.
    pub projections: Linear,
    /// Behind attention.
    pub attended: Linear,
    /// Behind the first residual connection.
    pub attended_norm: Norm,
    /// Into the feed-forward part.
    pub inner: Linear,
    /// Out of it.
    pub outer: Linear,
    /// Behind the second residual connection.
    pub outer_norm: Norm,
}

/// All weights.
pub struct Model {
    /// A row for each entry of the vocabulary.
    pub words: Vec<f32>,
    /// A row for each position, the only token type's row added.
    pub positions: Vec<f32>,
    /// Of the sum of both.
    pub words_norm: Norm,
    /// In order.
    pub layers: Vec<Layer>,
}

/// Where a tensor of the file belongs.
enum Place<'a> {
    Words(&'a mut Vec<f32>),
    Positions(&'a mut Vec<f32>),
    TokenType(&'a mut Vec<f32>),
    /// The row-major weights of a product with so many inputs.
    Panels(&'a mut [Row], usize),
    /// Numbers that are kept in their order.
    Rows(&'a mut [Row]),
}

impl Model {
    /// Reads the weights; returns them with the digest of the file.
    pub fn read(input: impl Read) -> Result<(Model, String), EncoderError> {
        let file = SafeTensors::open(input)?;
        let names = names_and_shapes();
        for (name, shape) in &names {
            file.require(name, shape)?;
        }
        let mut model = Model::empty();
        let mut token_type = Vec::new();
        let wanted = |name: &str| names.iter().any(|(known, _)| known == name);
        let digest =
            file.read_all(wanted, |name, numbers| match model.place(name, &mut token_type) {
                Some(Place::Words(table)) => *table = numbers,
                Some(Place::Positions(table)) => {
                    table.extend_from_slice(&numbers[..TOKENS_MAX * HIDDEN]);
                }
                Some(Place::TokenType(table)) => table.extend_from_slice(&numbers[..HIDDEN]),
                Some(Place::Panels(panels, inputs)) => lay_out_panels(&numbers, inputs, panels),
                Some(Place::Rows(rows)) => {
                    for (row, numbers) in rows.iter_mut().zip(numbers.as_chunks().0) {
                        *row = Row(*numbers);
                    }
                }
                None => {}
            })?;
        for position in model.positions.chunks_exact_mut(HIDDEN) {
            for (number, add) in position.iter_mut().zip(&token_type) {
                *number += add;
            }
        }
        Ok((model, digest))
    }

    fn empty() -> Model {
        let linear = |inputs: usize, outputs: usize| Linear {
            panels: vec![Row::ZERO; inputs * outputs / WIDTH],
            bias: vec![Row::ZERO; outputs / WIDTH],
        };
        let norm = || Norm { weight: [Row::ZERO; HIDDEN_BLOCKS], bias: [Row::ZERO; HIDDEN_BLOCKS] };
        let layer = || Layer {
            projections: linear(HIDDEN, 3 * HIDDEN),
            attended: linear(HIDDEN, HIDDEN),
            attended_norm: norm(),
            inner: linear(HIDDEN, INNER),
            outer: linear(INNER, HIDDEN),
            outer_norm: norm(),
        };
        Model {
            words: Vec::new(),
            positions: Vec::with_capacity(TOKENS_MAX * HIDDEN),
            words_norm: norm(),
            layers: std::iter::repeat_with(layer).take(LAYERS).collect(),
        }
    }

    /// Returns where the tensor called `name` belongs.
    fn place<'a>(&'a mut self, name: &str, token_type: &'a mut Vec<f32>) -> Option<Place<'a>> {
        if let Some(name) = name.strip_prefix("embeddings.") {
            return Some(match name {
                "word_embeddings.weight" => Place::Words(&mut self.words),
                "position_embeddings.weight" => Place::Positions(&mut self.positions),
                "token_type_embeddings.weight" => Place::TokenType(token_type),
                "LayerNorm.weight" => Place::Rows(&mut self.words_norm.weight),
                "LayerNorm.bias" => Place::Rows(&mut self.words_norm.bias),
                _ => return None,
            });
        }
        let (layer, name) = name.strip_prefix("encoder.layer.")?.split_once('.')?;
        self.layers.get_mut(layer.parse::<usize>().ok()?)?.place(name)
    }
}

impl Layer {
    fn place(&mut self, name: &str) -> Option<Place<'_>> {
        const THIRD: usize = HIDDEN * HIDDEN_BLOCKS;
        if let Some(part) = name.strip_prefix("attention.self.") {
            let (part, kind) = part.split_once('.')?;
            let third = ["query", "key", "value"].iter().position(|name| *name == part)?;
            let Linear { panels, bias } = &mut self.projections;
            return Some(match kind {
                "weight" => Place::Panels(&mut panels[third * THIRD..][..THIRD], HIDDEN),
                _ => Place::Rows(&mut bias[third * HIDDEN_BLOCKS..][..HIDDEN_BLOCKS]),
            });
        }
        Some(match name {
            "attention.output.dense.weight" => Place::Panels(&mut self.attended.panels, HIDDEN),
            "attention.output.dense.bias" => Place::Rows(&mut self.attended.bias),
            "attention.output.LayerNorm.weight" => Place::Rows(&mut self.attended_norm.weight),
            "attention.output.LayerNorm.bias" => Place::Rows(&mut self.attended_norm.bias),
            "intermediate.dense.weight" => Place::Panels(&mut self.inner.panels, HIDDEN),
            "intermediate.dense.bias" => Place::Rows(&mut self.inner.bias),
            "output.dense.weight" => Place::Panels(&mut self.outer.panels, INNER),
            "output.dense.bias" => Place::Rows(&mut self.outer.bias),
            "output.LayerNorm.weight" => Place::Rows(&mut self.outer_norm.weight),
            "output.LayerNorm.bias" => Place::Rows(&mut self.outer_norm.bias),
            _ => return None,
        })
    }
}

/// Returns every tensor that the model needs.
pub fn names_and_shapes() -> Vec<(String, Vec<usize>)> {
    const OF_A_LAYER: &[(&str, &[usize])] = &[
        ("attention.self.query.weight", &[HIDDEN, HIDDEN]),
        ("attention.self.query.bias", &[HIDDEN]),
        ("attention.self.key.weight", &[HIDDEN, HIDDEN]),
        ("attention.self.key.bias", &[HIDDEN]),
        ("attention.self.value.weight", &[HIDDEN, HIDDEN]),
        ("attention.self.value.bias", &[HIDDEN]),
        ("attention.output.dense.weight", &[HIDDEN, HIDDEN]),
        ("attention.output.dense.bias", &[HIDDEN]),
        ("attention.output.LayerNorm.weight", &[HIDDEN]),
        ("attention.output.LayerNorm.bias", &[HIDDEN]),
        ("intermediate.dense.weight", &[INNER, HIDDEN]),
        ("intermediate.dense.bias", &[INNER]),
        ("output.dense.weight", &[HIDDEN, INNER]),
        ("output.dense.bias", &[HIDDEN]),
        ("output.LayerNorm.weight", &[HIDDEN]),
        ("output.LayerNorm.bias", &[HIDDEN]),
    ];
    const BEFORE: &[(&str, &[usize])] = &[
        ("word_embeddings.weight", &[VOCABULARY, HIDDEN]),
        ("position_embeddings.weight", &[POSITIONS, HIDDEN]),
        ("token_type_embeddings.weight", &[2, HIDDEN]),
        ("LayerNorm.weight", &[HIDDEN]),
        ("LayerNorm.bias", &[HIDDEN]),
    ];
    let before = BEFORE.iter().map(|(name, shape)| (format!("embeddings.{name}"), shape.to_vec()));
    let layers = (0..LAYERS).flat_map(|layer| {
        let name = move |name: &str| format!("encoder.layer.{layer}.{name}");
        OF_A_LAYER.iter().map(move |(part, shape)| (name(part), shape.to_vec()))
    });
    before.chain(layers).collect()
}
