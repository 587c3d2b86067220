use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliEncoder, DeflateEncoder, EncodeV2, GzipEncoder, ZlibEncoder};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::pieces::cut;

type Encode = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(Coding, Encode); 5] = [
    (Coding::Gzip, gzip),
    (Coding::Deflate, |body| {
        encode(ZlibEncoder::new(Level::Default.into()), body)
    }),
    (Coding::Deflate, |body| {
        encode(DeflateEncoder::new(Level::Default.into()), body)
    }),
    (Coding::Brotli, |body| {
        encode(
            BrotliEncoder::new(EncoderParams::default().quality(Level::Precise(4))),
            body,
        )
    }),
    (Coding::Zstd, |body| {
        compress_to_vec(body, CompressionLevel::Fastest)
    }),
];

fn gzip(body: &[u8]) -> Vec<u8> {
    encode(GzipEncoder::new(Level::Default.into()), body)
}

fn encode(mut encoder: impl EncodeV2, body: &[u8]) -> Vec<u8> {
    let mut room = vec![0; body.len() + 4096];
    let mut output = WriteBuffer::new_initialized(&mut room);
    let mut input = PartialBuffer::new(body);
    while !input.unwritten().is_empty() {
        encoder.encode(&mut input, &mut output).unwrap();
    }
    assert!(encoder.finish(&mut output).unwrap());
    output.written().to_vec()
}

fn limits() -> Limits {
    Limits {
        decoded_bytes: 32 << 20,
        decoded_ratio: 1000,
        ..Limits::default()
    }
}

/// Text with repetitions far apart, and noise.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u8>(), 0..70_000_usize).prop_map(|(byte, count)| vec![byte; count]),
        prop::collection::vec(any::<u8>(), 0..300),
        Just(b"{\"model\": \"gpt-4o\"}".to_vec()),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_was_encoded_comes_out(
        body in body(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        for (coding, encode) in CODINGS {
            let encoded = encode(&body);
            let decoded = decoded(&cut(&encoded, &cuts), coding, &limits());
            prop_assert!(decoded.as_ref() == Ok(&body), "{coding:?}: {:?}", decoded.map(|d| d.len()));
        }
    }

    #[test]
    fn damage_is_no_panic_and_no_bomb(
        body in body(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let limits = Limits { decoded_bytes: 1 << 20, ..limits() };
        for (coding, encode) in CODINGS {
            let mut encoded = encode(&body);
            for (at, byte) in &damage {
                let at = at.index(encoded.len());
                encoded[at] = *byte;
            }
            if let Ok(decoded) = decoded(&[&encoded], coding, &limits) {
                prop_assert!(decoded.len() <= 1 << 20);
            }
        }
    }

    #[test]
    fn noise_is_no_panic(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        for (coding, _) in CODINGS {
            let _ = decoded(&[&noise], coding, &limits());
        }
    }
}

#[test]
fn every_byte_on_its_own() {
    let body: Vec<u8> = (0..40_000_u32)
        .flat_map(|n| (n / 7).to_le_bytes())
        .collect();
    for (coding, encode) in CODINGS {
        let encoded = encode(&body);
        let bytes: Vec<&[u8]> = encoded.chunks(1).collect();
        assert!(
            decoded(&bytes, coding, &limits()) == Ok(body.clone()),
            "{coding:?}"
        );
    }
}

/// The decoder gives no more than it has room for, and keeps the rest without being asked.
#[test]
fn two_pieces_of_a_long_repetition() {
    let body = vec![3; 32_785];
    for (coding, encode) in CODINGS {
        let encoded = encode(&body);
        for at in 0..=encoded.len() {
            let (first, second) = encoded.split_at(at);
            assert!(
                decoded(&[first, second], coding, &limits()) == Ok(body.clone()),
                "{coding:?} {at}"
            );
        }
    }
}

#[test]
fn cut_off_or_followed_by_more() {
    for (coding, encode) in CODINGS {
        let encoded = encode(b"{\"model\": \"gpt-4o\"}");
        for end in 0..encoded.len() {
            assert_eq!(
                decoded(&[&encoded[..end]], coding, &limits()),
                Err(Error::Invalid),
                "{coding:?} {end}"
            );
        }
        for rest in [&b"x"[..], &encoded] {
            let longer = [&encoded, rest].concat();
            assert_eq!(
                decoded(&[&longer], coding, &limits()),
                Err(Error::Invalid),
                "{coding:?}"
            );
            assert_eq!(
                decoded(&[&encoded, rest], coding, &limits()),
                Err(Error::Invalid),
                "{coding:?}"
            );
        }
    }
}

/// Most readers refuse it; one that goes on would read what others do not.
#[test]
fn a_reserved_flag_of_gzip_is_invalid() {
    let encoded = gzip(b"{\"model\": \"gpt-4o\"}");
    for bit in 0..8 {
        let mut flagged = encoded.clone();
        flagged[3] |= 1 << bit;
        for at in [0, 1, 3, 4, flagged.len()] {
            let (first, second) = flagged.split_at(at);
            let decoded = decoded(&[first, second], Coding::Gzip, &limits());
            // The lowest bit announces a text; the next four, more of a header, which does not come.
            assert_eq!(decoded.is_ok(), bit == 0, "bit {bit}, cut at {at}");
            if bit >= 5 {
                assert_eq!(decoded, Err(Error::Invalid), "bit {bit}, cut at {at}");
            }
        }
    }
}

/// Whatever length a frame of zstd says, it is the content's.
#[test]
fn a_frame_that_is_not_as_long_as_it_says() {
    let body = b"{\"model\": \"gpt-4o\"}";
    for said in 0..=u8::MAX {
        // A frame of one segment, and one raw block.
        let header = (body.len() << 3 | 1).to_le_bytes();
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, said], &header[..3], body].concat();
        let decoded = decoded(&[&frame], Coding::Zstd, &limits());
        let expected = usize::from(said) == body.len();
        assert_eq!(
            decoded,
            if expected {
                Ok(body.to_vec())
            } else {
                Err(Error::Invalid)
            },
            "{said}"
        );
    }
}

/// It comes out in several pieces, each shorter than what the frame says.
#[test]
fn a_long_frame_is_as_long_as_it_says() {
    let length = 40_u32 << 10;
    let [a, b, c, _] = (length << 3 | 1).to_le_bytes();
    let mut body = vec![a, b, c];
    body.resize(body.len() + (40 << 10), b' ');
    for (said, expected) in [
        (length, Ok(40 << 10)),
        (length - 1, Err(Error::Invalid)),
        (length + 1, Err(Error::Invalid)),
    ] {
        let header = [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &said.to_le_bytes()].concat();
        let decoded = decoded(&[&header, &body], Coding::Zstd, &limits());
        assert_eq!(decoded.map(|body| body.len()), expected, "{said}");
    }
}

/// Its window is cut to what it may be long, its block is longer: it is no broken body.
#[test]
fn a_block_longer_than_the_body_may_be_is_too_much() {
    let (window, length) = (7 << 3, 40_u32 << 10);
    let [a, b, c, _] = (length << 3 | 1).to_le_bytes();
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window, a, b, c];
    frame.resize(frame.len() + (40 << 10), b' ');
    let with = |decoded_bytes| {
        let limits = Limits {
            decoded_bytes,
            ..limits()
        };
        decoded(&[&frame], Coding::Zstd, &limits).map(|body| body.len())
    };
    assert_eq!(with(32 << 10), Err(Error::TooMuch));
    assert_eq!(with(40 << 10), Ok(40 << 10));
}

/// What ends with its last block and a checksum has not ended before.
#[test]
fn a_frame_of_several_blocks_with_a_checksum() {
    let frame = b"\x28\xb5\x2f\xfd\x04\x58\x08\0\0a\x09\0\0b\x61\x4a\xd0\x92";
    for size in [1, 11, frame.len()] {
        let pieces: Vec<&[u8]> = frame.chunks(size).collect();
        let read = decoded(&pieces, Coding::Zstd, &limits());
        assert_eq!(read, Ok(b"ab".to_vec()), "{size}");
    }
    let (cut, longer) = (&frame[..frame.len() - 1], [&frame[..], b"\x92"].concat());
    for body in [cut, &longer] {
        let read = decoded(&[body], Coding::Zstd, &limits());
        assert_eq!(read, Err(Error::Invalid), "{body:x?}");
    }
}

/// Its window is as long as its content.
#[test]
fn a_frame_as_long_as_the_body_may_be_is_read() {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, 200, 0x41, 0x06, 0];
    frame.resize(frame.len() + 200, b' ');
    let with = |decoded_bytes| {
        let limits = Limits {
            decoded_bytes,
            ..limits()
        };
        decoded(&[&frame], Coding::Zstd, &limits).map(|body| body.len())
    };
    assert_eq!(with(200), Ok(200));
    assert_eq!(with(199), Err(Error::TooMuch));
}

#[test]
fn bombs_are_stopped() {
    let bomb = vec![b' '; 4 << 20];
    for (coding, encode) in CODINGS {
        let encoded = encode(&bomb);
        let with = |decoded_bytes, decoded_ratio| {
            let limits = Limits {
                decoded_bytes,
                decoded_ratio,
                ..Limits::default()
            };
            let mut decoder = Decoder::new(coding, Use::Decides, &limits).unwrap();
            let mut most = 0;
            let mut take = |piece: &[u8]| {
                assert!(piece.len() <= 16 << 10);
                most += piece.len();
                Ok::<_, Error>(())
            };
            let ended = decoder.feed(&encoded, &mut take);
            let ended = ended.and_then(|()| decoder.finish(&mut take));
            assert!(most <= decoded_bytes, "{coding:?}");
            ended
        };
        assert_eq!(with(1 << 20, 1_000_000), Err(Error::TooMuch), "{coding:?}");
        assert_eq!(with(8 << 20, 1), Err(Error::TooMuch), "{coding:?}");
        assert_eq!(with(4 << 20, 10_000_000), Ok(()), "{coding:?}");
    }
}

/// RFC 9659: a window that is larger must be refused, for it has to be kept.
#[test]
fn a_window_that_is_too_large() {
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let frame = |window: u8| [&magic[..], &[0, window], &[1, 0, 0]].concat();
    assert_eq!(
        decoded(&[&frame(13 << 3)], Coding::Zstd, &limits()),
        Ok(Vec::new())
    );
    // Brotli's extension, by which it could be 1 GiB.
    assert_eq!(
        decoded(&[&[0x11, 30, 0, 0]], Coding::Brotli, &limits()),
        Err(Error::Invalid)
    );
    assert_eq!(
        decoded(&[&frame(14 << 3)], Coding::Zstd, &limits()),
        Err(Error::Invalid)
    );
}

/// Bodies that have a decoder keep megabytes: a frame of blocks that are one byte each, and a header
/// that announces a block of 16 MiB.
fn large_windows() -> [(Coding, Vec<u8>, Error); 2] {
    let block = (128_u32 << 10) << 3 | 1 << 1;
    let [a, b, c, _] = block.to_le_bytes();
    let blocks = [a, b, c, b' '].repeat(60);
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3], &blocks[..]].concat();
    let announced = vec![0xcf, 0xff, 0xff, 0xff, b' '];
    [
        (Coding::Zstd, frame, Error::TooMuch),
        (Coding::Brotli, announced, Error::Invalid),
    ]
}

#[test]
fn what_few_bytes_announce_is_not_decoded() {
    for (coding, body, expected) in large_windows() {
        let mut decoder = Decoder::new(coding, Use::Decides, &Limits::default()).unwrap();
        let mut given = 0;
        let mut take = |piece: &[u8]| {
            given += piece.len();
            Ok(())
        };
        for byte in body.chunks(1) {
            decoder.feed(byte, &mut take).unwrap();
        }
        assert!(format!("{decoder:?}").contains("waiting"), "{coding:?}");
        assert_eq!(decoder.finish(&mut take), Err(expected), "{coding:?}");
        assert!(given <= 256 << 10, "{coding:?}");
    }
}

#[test]
fn a_decoder_shows_what_it_has_given() {
    let body = gzip(b"0123456789");
    let mut decoder = Decoder::new(Coding::Gzip, Use::Decides, &limits()).unwrap();
    decoder.feed(&body, |_| Ok::<_, Error>(())).unwrap();
    let shown = format!("Decoder(10 bytes of {})", body.len());
    assert_eq!(format!("{decoder:?}"), shown);
}

/// The window of a body that is shorter than it is made shorter, and nothing is lost.
#[test]
fn bodies_that_are_shorter_than_their_windows() {
    let noise = (0..2_000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes());
    let noise: Vec<u8> = noise.collect();
    for length in [0, 1, 200 << 10, (256 << 10) - 16, 256 << 10] {
        let body: Vec<u8> = noise.iter().copied().cycle().take(length).collect();
        for quality in [1, 4, 11] {
            let quality = EncoderParams::default().quality(Level::Precise(quality));
            for bits in [10, 16, 17, 18, 19, 22, 24] {
                let encoded = encode(BrotliEncoder::new(quality.clone().window_size(bits)), &body);
                // One that ends the wait for the window early, and makes it as short as can be.
                let tight = Limits {
                    decoded_bytes: length.max(1),
                    decoded_ratio: 1_000_000,
                    ..Limits::default()
                };
                let pieces: Vec<&[u8]> = encoded.chunks(1000).collect();
                for limits in [Limits::default(), tight] {
                    let read = decoded(&pieces, Coding::Brotli, &limits);
                    assert!(
                        read.as_ref() == Ok(&body),
                        "{length} {bits}: {:?}",
                        read.err()
                    );
                }
            }
        }
    }
}

#[test]
fn several_codings_come_off_in_their_order() {
    let body = b"{\"model\": \"gpt-4o\"}".repeat(300);
    let named = |names: &str| Codings::named(&[names.as_bytes()]).unwrap();
    let names = ["gzip", "deflate", "deflate", "br", "zstd"];
    for ((_, inner), inner_name) in CODINGS.into_iter().zip(names) {
        for ((_, outer), outer_name) in CODINGS.into_iter().zip(names) {
            let encoded = outer(&inner(&body));
            let codings = named(&format!("{inner_name}, {outer_name}"));
            for size in [1, 7, encoded.len()] {
                let pieces: Vec<&[u8]> = encoded.chunks(size).collect();
                let read = decoded(&pieces, codings, &limits());
                assert!(read.as_ref() == Ok(&body), "{codings:?} {size}");
            }
            let (_, short) = encoded.split_last().unwrap();
            assert_eq!(decoded(&[short], codings, &limits()), Err(Error::Invalid));
            let longer = outer(&[&inner(&body)[..], b"x"].concat());
            assert_eq!(decoded(&[&longer], codings, &limits()), Err(Error::Invalid));
        }
    }
}

#[test]
fn a_bomb_in_a_bomb_is_one() {
    let bomb = vec![b' '; 32 << 20];
    for (outer, encode) in CODINGS {
        let encoded = encode(&gzip(&bomb));
        let codings = Codings(Layers::Known([Some(Coding::Gzip), Some(outer), None]));
        let read = decoded(&[&encoded], codings, &Limits::default());
        assert_eq!(read, Err(Error::TooMuch), "{outer:?}");
    }
}

#[test]
fn names() {
    for (token, coding) in [
        ("gzip", Coding::Gzip),
        ("X-GZIP", Coding::Gzip),
        ("identity, deflate", Coding::Deflate),
        ("br", Coding::Brotli),
        ("zstd", Coding::Zstd),
    ] {
        let named = Codings::named(&[token.as_bytes()]);
        assert_eq!(named, Some(coding.into()), "{token}");
    }
    for token in ["identity", "UTF-8", "", ","] {
        assert_eq!(Codings::named(&[token.as_bytes()]), None, "{token}");
    }
    for token in ["compress", "gzip, compress", "br, br, br, br"] {
        let named = Codings::named(&[token.as_bytes()]).unwrap();
        assert!(!named.are_known(), "{token}");
    }
    let lines: [&[u8]; 2] = [b"gzip", b"br"];
    assert_eq!(Codings::named(&lines), Codings::named(&[b"gzip,br"]));
    assert!(Codings::named(&[b"br, br, br"]).unwrap().are_known());
}

/// An answer of one token over and over, which a client can ask for.
#[test]
fn a_repetitive_body_that_passes_is_read_to_its_end() {
    let event = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" a\"}}]}\n\n";
    for (coding, encode) in CODINGS {
        // No coding but deflate has a bound on how dense it can be.
        let is_deflate = matches!(coding, Coding::Gzip | Coding::Deflate);
        let shortest = if is_deflate { 1 } else { 8 << 20 };
        for (length, limits) in [
            (8 << 20, Limits::default()),
            (8 << 20, limits_from(shortest)),
            (300 << 10, limits_from(300 << 10)),
        ] {
            let body: Vec<u8> = event.iter().copied().cycle().take(length).collect();
            let encoded = encode(&body);
            let held = decoded(&[&encoded], coding, &Limits::default());
            assert_eq!(held, Err(Error::TooMuch), "{coding:?} {length}");
            let given = passed(&encoded, coding, &limits);
            assert_eq!(given, (Ok(()), length), "{coding:?} {length}");
        }
    }
}

#[test]
fn a_bomb_that_passes_is_stopped() {
    let bomb = vec![b' '; 8 << 20];
    for (coding, encode) in CODINGS {
        let encoded = encode(&bomb);
        let limits = Limits {
            passing_ratio: 20,
            ..limits_from(1 << 20)
        };
        let (ended, given) = passed(&encoded, coding, &limits);
        assert_eq!(ended, Err(Error::TooMuch), "{coding:?}");
        let room = encoded.len() * 20;
        assert!(given <= room.max(1 << 20), "{coding:?}: {given}");
    }
}

/// However much may come of it: what a decoder keeps while it waits for more stays in proportion.
#[test]
fn what_few_bytes_announce_is_not_kept_for_what_passes() {
    for (coding, body, _) in large_windows() {
        for decoded_bytes in [1, 64 << 20] {
            let mut decoder =
                Decoder::new(coding, Use::Passes, &limits_from(decoded_bytes)).unwrap();
            for byte in body.chunks(1) {
                decoder.feed(byte, |_| Ok::<_, Error>(())).unwrap();
            }
            assert!(format!("{decoder:?}").contains("waiting"), "{coding:?}");
        }
    }
}

fn limits_from(decoded_bytes: usize) -> Limits {
    Limits {
        decoded_bytes,
        ..Limits::default()
    }
}

/// How a body that passes in pieces ended, and how much was given of it.
fn passed(encoded: &[u8], coding: Coding, limits: &Limits) -> (Result<(), Error>, usize) {
    let mut decoder = Decoder::new(coding, Use::Passes, limits).unwrap();
    let mut given = 0;
    let mut take = |piece: &[u8]| {
        given += piece.len();
        Ok::<_, Error>(())
    };
    let mut pieces = encoded.chunks(1000);
    let fed = pieces.try_for_each(|piece| decoder.feed(piece, &mut take));
    let ended = fed.and_then(|()| decoder.finish(&mut take));
    (ended, given)
}
