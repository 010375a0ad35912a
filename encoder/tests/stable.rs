//! A text's vector does not depend on its company, on order, chunk, thread or instructions.

use crate::made_up::{model, texts, tokenizer};
use encoder::{Accept, DIMENSIONS, Encoder, Kernel, Room, plan};
use std::thread;

fn encoder() -> Encoder {
    Encoder::read(model(), tokenizer().as_bytes(), Accept::AnyOfThisShape).expect("it is whole")
}

fn slices(texts: &[Vec<u32>]) -> Vec<&[u32]> {
    texts.iter().map(Vec::as_slice).collect()
}

/// Lengths around every edge: tiles, blocks, chunks, the most a text may have.
const LENGTHS: &[usize] =
    &[2, 3, 5, 13, 14, 15, 16, 17, 22, 22, 28, 31, 32, 33, 64, 65, 100, 128, 160, 161, 255, 256];

#[test]
fn a_vector_is_the_same_alone_and_in_company_in_any_order() {
    let encoder = encoder();
    let texts = texts(LENGTHS);
    let alone: Vec<[f32; DIMENSIONS]> =
        texts.iter().map(|tokens| encoder.embed(&[tokens]).unwrap()[0]).collect();
    let together = encoder.embed(&slices(&texts)).unwrap();
    assert!(alone == together, "company changes a vector");
    let backwards: Vec<&[u32]> = texts.iter().rev().map(Vec::as_slice).collect();
    let mut backwards = encoder.embed(&backwards).unwrap();
    backwards.reverse();
    assert!(alone == backwards, "order changes a vector");
    for vector in alone {
        let length: f32 = vector.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5, "length {length}");
    }
}

#[test]
fn a_vector_is_the_same_in_a_room_that_was_used_before_and_on_several_threads() {
    let encoder = encoder();
    let texts = texts(LENGTHS);
    let expected = encoder.embed(&slices(&texts)).unwrap();
    let chunks = plan(LENGTHS);
    thread::scope(|scope| {
        for first in 0..2 {
            let (encoder, texts, expected, chunks) = (&encoder, &texts, &expected, &chunks);
            scope.spawn(move || {
                let mut room = Room::new();
                for chunk in chunks.iter().skip(first).chain(chunks) {
                    let tokens: Vec<&[u32]> = chunk.iter().map(|&at| &texts[at][..]).collect();
                    let vectors = encoder.embed_chunk(&mut room, &tokens).unwrap();
                    for (&at, vector) in chunk.iter().zip(vectors) {
                        assert!(vector == expected[at], "text {at}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_vector_is_the_same_when_threads_share_its_products() {
    let encoder = encoder();
    for tokens in texts(&[2, 63, 64, 160, 256]) {
        let expected = encoder.embed(&[&tokens]).unwrap();
        for threads in [0, 2, 3, 5, 64] {
            let shared = encoder.embed_chunk(&mut Room::shared_by(threads), &[&tokens]).unwrap();
            assert!(shared == expected, "{} tokens, {threads} threads", tokens.len());
        }
    }
}

#[test]
fn a_vector_is_the_same_on_every_kernel() {
    let texts = texts(&[2, 22, 33]);
    let mut encoder = encoder();
    let expected = encoder.embed(&slices(&texts)).unwrap();
    for kernel in Kernel::available() {
        encoder = encoder.on(kernel);
        let vectors = encoder.embed(&slices(&texts)).unwrap();
        assert!(vectors == expected, "{}", kernel.name());
    }
}
