//! Files that are truncated, damaged or another model are refused with a reason and a way out.

use crate::made_up::{file, model, shapes, texts, tokenizer};
use encoder::{Accept, Encoder, EncoderError, TEXT_BYTES_MAX, TOKENS_MAX};

fn refusal(weights: &[u8]) -> String {
    let outcome = Encoder::read(weights, tokenizer().as_bytes(), Accept::AnyOfThisShape);
    outcome.err().expect("the file is broken").to_string()
}

fn encoder() -> Encoder {
    Encoder::read(model(), tokenizer().as_bytes(), Accept::AnyOfThisShape).expect("it is whole")
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let whole = model();
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize + 8;
    for (end, part) in [
        (0, "the length of the header"),
        (7, "the length of the header"),
        (header - 1, "the header"),
        (header, "word_embeddings"),
        (header + 50_000_000, "encoder.layer"),
        (whole.len() - 1, "LayerNorm"),
    ] {
        let message = refusal(&whole[..end]);
        assert!(message.contains("truncated") && message.contains(part), "{end}: {message}");
        assert!(message.contains("seismolog model fetch"), "{message}");
    }
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let mut longer = model().to_vec();
    longer.push(0);
    assert!(refusal(&longer).contains("goes on behind its tensors"));
}

#[test]
fn a_missing_tensor_is_named() {
    let mut shapes = shapes();
    let at = shapes.iter().position(|(name, _)| name.ends_with("3.output.dense.bias")).unwrap();
    shapes.remove(at);
    let message = refusal(&file(&shapes));
    assert!(message.contains("no tensor \"encoder.layer.3.output.dense.bias\""), "{message}");
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let mut shapes = shapes();
    shapes[1].1 = vec![128, 384];
    let message = refusal(&file(&shapes));
    assert!(message.contains("F32 [128, 384], expected F32 [512, 384]"), "{message}");
}

#[test]
fn what_is_no_safetensors_file_is_refused() {
    assert!(refusal(b"<html>not found</html>").contains("not a safetensors file"));
    let mut no_json = 4u64.to_le_bytes().to_vec();
    no_json.extend_from_slice(b"oops");
    assert!(refusal(&no_json).contains("header cannot be read"));
    let mut gap = String::from_utf8_lossy(&model()[8..20_000]).into_owned();
    gap.truncate(gap.find("}}").expect("the header ends") + 2);
    let gap = gap.replacen("[0,46881792]", "[4,46881796]", 1);
    let mut bytes = (gap.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(gap.as_bytes());
    assert!(refusal(&bytes).contains("is not where it should be"));
}

#[test]
fn limit_a_header_of_absurd_length_is_refused_before_it_is_read() {
    let mut bytes = (u64::MAX / 2).to_le_bytes().to_vec();
    bytes.extend_from_slice(b"{}");
    assert!(refusal(&bytes).contains("its header would have"));
}

#[test]
fn files_with_another_digest_are_not_the_official_ones() {
    let words = tokenizer();
    let error = Encoder::read(model(), words.as_bytes(), Accept::Official).err().unwrap();
    assert!(matches!(error, EncoderError::OtherDigest { file: "tokenizer.json", .. }), "{error}");
    let error = Encoder::read(model(), b"{}", Accept::Official).err().unwrap();
    assert!(matches!(error, EncoderError::Tokenizer { .. }), "{error}");
}

#[test]
fn texts_become_tokens_between_their_marks() {
    let encoder = encoder();
    assert_eq!(encoder.tokenize("Connection REFUSED"), [2, 5, 4, 3]);
    assert_eq!(encoder.tokenize("timeout naïve"), [2, 6, 7, 1, 3]);
    assert_eq!(encoder.tokenize(""), [2, 3]);
}

#[test]
fn limit_a_text_is_cut_to_its_tokens_and_bytes() {
    let encoder = encoder();
    let long = encoder.tokenize(&"time ".repeat(2000));
    assert_eq!((long.len(), long[TOKENS_MAX - 1]), (TOKENS_MAX, 3));
    // One word too long for the vocabulary; what is behind the limit would be a second one.
    let mut text = "é".repeat(TEXT_BYTES_MAX / 2);
    text.push_str(" time");
    assert_eq!(encoder.tokenize(&text), [2, 1, 3]);
}

#[test]
fn limit_texts_without_tokens_with_too_many_or_with_unknown_ones_are_refused() {
    let encoder = encoder();
    let refused = |tokens: &[u32]| encoder.embed(&[&[2, 3], tokens]).unwrap_err().to_string();
    assert_eq!(refused(&[]), "text 1 has 0 tokens, expected 1 to 256");
    assert_eq!(refused(&[2; TOKENS_MAX + 1]), "text 1 has 257 tokens, expected 1 to 256");
    assert!(refused(&[30_522]).contains("the token 30522"));
    assert_eq!(encoder.embed(&[]).unwrap().len(), 0);
    let many = texts(&[2; 200]);
    let many: Vec<&[u32]> = many.iter().map(Vec::as_slice).collect();
    let mut room = encoder::Room::new();
    assert!(encoder.embed_chunk(&mut room, &many).is_err(), "400 tokens are no chunk");
}
