//! The encoder against candle's `BertModel`, stock, on the same made-up weights (family `oracle_`).

use crate::made_up::{model, texts, tokenizer};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use encoder::{Accept, Encoder};

const CONFIG: &str = r#"{"vocab_size":30522,"hidden_size":384,"num_hidden_layers":6,
    "num_attention_heads":12,"intermediate_size":1536,"hidden_act":"gelu",
    "hidden_dropout_prob":0.1,"max_position_embeddings":512,"type_vocab_size":2,
    "initializer_range":0.02,"layer_norm_eps":1e-12,"pad_token_id":0,
    "position_embedding_type":"absolute","use_cache":true,"model_type":"bert"}"#;

/// Mean of the last layer's rows, scaled to length 1.
fn slow(bert: &BertModel, tokens: &[u32]) -> candle_core::Result<Vec<f32>> {
    let tokens = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
    let hidden = bert.forward(&tokens, &tokens.zeros_like()?, None)?;
    let mean = hidden.squeeze(0)?.mean(0)?;
    let length = mean.sqr()?.sum_all()?.sqrt()?;
    mean.broadcast_div(&length)?.to_vec1()
}

#[test]
fn oracle_vectors_are_those_of_candles_bert_model() {
    let config: Config = serde_json::from_str(CONFIG).unwrap();
    let weights = VarBuilder::from_slice_safetensors(model(), DType::F32, &Device::Cpu).unwrap();
    let bert = BertModel::load(weights, &config).unwrap();
    let encoder = Encoder::read(model(), tokenizer().as_bytes(), Accept::AnyOfThisShape).unwrap();
    for tokens in texts(&[2, 3, 15, 22, 32, 33, 70, 129, 256]) {
        let expected = slow(&bert, &tokens).unwrap();
        let vector = encoder.embed(&[&tokens]).unwrap()[0];
        for (number, expected) in vector.iter().zip(&expected) {
            let error = (number - expected).abs();
            assert!(error < 2e-6, "{} tokens: {number} is not {expected}", tokens.len());
        }
    }
}
