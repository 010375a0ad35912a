//! A model with made-up weights: the right shapes, numbers from a seed, a vocabulary of a few words.

use std::fmt::Write as _;
use std::sync::OnceLock;

/// A congruential generator; `tests/reference/make.py` has the same.
pub struct Numbers(pub u64);

impl Numbers {
    /// Returns the next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Returns the next number between -1 and 1.
    fn signed(&mut self) -> f32 {
        self.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Name and shape of every tensor, in the order of the file.
pub fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
    let mut add = |name: String, shape: &[usize]| shapes.push((name, shape.to_vec()));
    for (name, rows) in
        [("word_embeddings", 30_522), ("position_embeddings", 512), ("token_type_embeddings", 2)]
    {
        add(format!("embeddings.{name}.weight"), &[rows, 384]);
    }
    let mut norms = vec!["embeddings.LayerNorm".to_owned()];
    for layer in 0..6 {
        let layer = format!("encoder.layer.{layer}");
        for (name, outputs, inputs) in [
            ("attention.self.query", 384, 384),
            ("attention.self.key", 384, 384),
            ("attention.self.value", 384, 384),
            ("attention.output.dense", 384, 384),
            ("intermediate.dense", 1536, 384),
            ("output.dense", 384, 1536),
        ] {
            add(format!("{layer}.{name}.weight"), &[outputs, inputs]);
            add(format!("{layer}.{name}.bias"), &[outputs]);
        }
        norms.push(format!("{layer}.attention.output.LayerNorm"));
        norms.push(format!("{layer}.output.LayerNorm"));
    }
    for norm in norms {
        add(format!("{norm}.weight"), &[384]);
        add(format!("{norm}.bias"), &[384]);
    }
    shapes
}

/// Returns a safetensors file with these tensors; numbers come from a seed.
pub fn file(shapes: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut header = String::from("{\"__metadata__\":{\"format\":\"pt\"}");
    let mut at = 0;
    for (name, shape) in shapes {
        let end = at + 4 * shape.iter().product::<usize>();
        let _ = write!(
            header,
            ",\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{at},{end}]}}"
        );
        at = end;
    }
    header.push('}');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.reserve(at);
    let mut numbers = Numbers(7);
    for (name, shape) in shapes {
        let (middle, spread) = match name {
            norm if norm.ends_with("LayerNorm.weight") => (1.0, 0.3),
            table if table.contains("_embeddings.") => (0.0, 0.1),
            _ => (0.0, 0.08),
        };
        for _ in 0..shape.iter().product::<usize>() {
            bytes.extend_from_slice(&(middle + spread * numbers.signed()).to_le_bytes());
        }
    }
    bytes
}

/// Returns a whole model, made once.
pub fn model() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| file(&shapes()))
}

/// Returns a tokenizer of the model's kind with a few words.
pub fn tokenizer() -> String {
    let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "refused", "connection", "time", "##out"];
    let vocabulary: Vec<String> =
        words.iter().enumerate().map(|(id, word)| format!("\"{word}\":{id}")).collect();
    format!(
        r###"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
        "normalizer":{{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,
            "strip_accents":null,"lowercase":true}},
        "pre_tokenizer":{{"type":"BertPreTokenizer"}},
        "post_processor":{{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}},
        "decoder":null,
        "model":{{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
            "max_input_chars_per_word":100,"vocab":{{{}}}}}}}"###,
        vocabulary.join(",")
    )
}

/// Returns made-up texts as tokens, with these lengths.
pub fn texts(lengths: &[usize]) -> Vec<Vec<u32>> {
    let mut numbers = Numbers(99);
    let text = |&length: &usize| (0..length).map(|_| numbers.below(30_522) as u32).collect();
    lengths.iter().map(text).collect()
}
