//! Answers of an upstream that stand for far more than they are.

// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{EncodeV2, GzipEncoder};
use serde_json::{Value, json};

use crate::Expect::{Failure, Good};
use crate::{Input, answer};

/// The tokens of an answer are read as it passes.
fn counting() -> Value {
    let usage =
        json!({"from": [{"usage": "total"}], "metadata": {"namespace": "llm", "key": "total"}});
    json!({"response": {"extract": [usage]}})
}

/// A body in zstd of blocks that are one byte each, which stands for 128 KiB.
fn blocks(count: usize) -> Vec<u8> {
    let repeated = (128_u32 << 10) << 3 | 1 << 1;
    let [a, b, c, _] = repeated.to_le_bytes();
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    [&header[..], &[a, b, c, b' '].repeat(count)].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Level::Default.into());
    let mut room = vec![0; body.len() / 100 + 4096];
    let mut output = WriteBuffer::new_initialized(&mut room);
    let mut input = PartialBuffer::new(body);
    while !input.unwritten().is_empty() {
        encoder.encode(&mut input, &mut output).unwrap();
    }
    assert!(encoder.finish(&mut output).unwrap());
    output.written().to_vec()
}

pub(crate) fn inputs() -> Vec<Input> {
    const MEBI: usize = 1 << 20;
    vec![
        answer(
            "an answer of 200 bytes that stands for gigabytes",
            Failure,
            || (counting(), blocks(50)),
        ),
        answer(
            "an answer of 256 KiB that stands for gigabytes",
            Failure,
            || (counting(), blocks(64 << 10)),
        ),
        answer("an answer of 128 MiB of spaces in gzip", Good, || {
            (counting(), gzip(&vec![b' '; 128 * MEBI]))
        }),
        answer("an answer of 128 MiB of events in gzip", Good, || {
            let event = "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
            (
                counting(),
                gzip(&event.repeat(128 * MEBI / event.len()).into_bytes()),
            )
        }),
    ]
}
