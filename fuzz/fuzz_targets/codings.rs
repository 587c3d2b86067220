//! Content codings against what the crates that encode make of the same bytes.
//!
//! What is encoded is decoded to what it was, or refused for a limit that it is over. What is none of that is
//! decoded as the crates decode it, or refused. However it is cut the answer is the same, and never longer
//! than the limits allow.

#![no_main]

use std::io::{Read, Write};

use arbitrary::{Arbitrary, Unstructured};
use bodies::Limits;
use bodies::coding::{Codings, Decoder, Error, Use, decoded};
use flate2::Compression;
use fuzz::pieces::cut;
use libfuzzer_sys::fuzz_target;

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// What may be decoded of few bytes whatever the ratio, as the limits promise.
const ALWAYS: usize = 256 << 10;

#[derive(Debug)]
struct Input {
    codings: Vec<&'static str>,
    /// Without a frame around what is deflated.
    bare: bool,
    body: Body,
    limits: Limits,
    cuts: [u8; 3],
}

#[derive(Debug)]
enum Body {
    /// Encoded from these.
    Of(Vec<u8>),
    /// Encoded from these, with a byte changed, the end cut off, or some more bytes.
    Broken(Vec<u8>, Fault),
    /// Whatever they are.
    Raw(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Fault {
    Byte(u16, u8),
    Shorter(u16),
    Longer(Vec<u8>),
}

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> arbitrary::Result<Self> {
        let codings = (0..input.int_in_range(1..=4)?).map(|_| input.choose(&CODINGS).copied());
        let codings = codings.collect::<arbitrary::Result<_>>()?;
        let (bare, cuts) = input.arbitrary()?;
        let limits = Limits {
            decoded_bytes: *input.choose(&[1, 1 << 10, ALWAYS, 1 << 20, 64 << 20])?,
            decoded_ratio: *input.choose(&[100, 1, 20])?,
            passing_ratio: *input.choose(&[1032, 1, 20])?,
            ..Limits::default()
        };
        let body = match input.int_in_range(0..=3)? {
            0 | 1 => Body::Of(plain(input)?),
            2 => Body::Broken(plain(input)?, input.arbitrary()?),
            _ => Body::Raw(fuzz::text::rest(input)?),
        };
        Ok(Self {
            codings,
            bare,
            body,
            limits,
            cuts,
        })
    }
}

/// Bytes, some of them many times over, and some that no coding makes shorter.
fn plain(input: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let mut plain = Vec::new();
    for _ in 0..input.int_in_range(0..=4)? {
        match input.int_in_range(0..=3)? {
            0 | 1 => plain.extend_from_slice(input.arbitrary()?),
            2 => {
                let length = plain.len() + usize::from(input.arbitrary::<u16>()?) * 8;
                plain.resize(length, input.arbitrary()?);
            }
            _ => {
                let mut noise: u32 = input.arbitrary()?;
                for _ in 0..input.arbitrary::<u16>()? {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    plain.push((noise >> 24) as u8);
                }
            }
        }
    }
    Ok(plain)
}

impl Input {
    /// How long the body is, or what is inside one of its codings.
    fn longest(&self) -> usize {
        let (Body::Of(plain) | Body::Broken(plain, _) | Body::Raw(plain)) = &self.body;
        let mut coded = plain.clone();
        let mut longest = coded.len();
        for coding in &self.codings[..self.codings.len() - 1] {
            coded = encoded(coding, self.bare, &coded);
            longest = longest.max(coded.len());
        }
        longest
    }
}

fuzz_target!(|input: Input| {
    let named = input.codings.join(", ");
    let codings = Codings::named(&[named.as_bytes()]).expect("a coding is named");
    let encode = |plain: &[u8]| {
        let mut coded = plain.to_vec();
        for coding in &input.codings {
            coded = encoded(coding, input.bare, &coded);
        }
        coded
    };
    let body = match &input.body {
        Body::Of(plain) => encode(plain),
        Body::Raw(raw) => raw.clone(),
        Body::Broken(plain, fault) => {
            let mut body = encode(plain);
            let length = body.len();
            match fault {
                Fault::Byte(at, by) => body[usize::from(*at) % length] ^= by,
                Fault::Shorter(by) => body.truncate(length - usize::from(*by) % length),
                Fault::Longer(more) => body.extend_from_slice(more),
            }
            body
        }
    };

    let answer = decoded(&[&body], codings, &input.limits);
    let pieces = cut(&body, &input.cuts);
    let in_pieces = decoded(&pieces, codings, &input.limits);
    match (&answer, &in_pieces) {
        // Of two faults the one that is met first is reported.
        (Err(_), Err(_)) => {}
        // What has arrived so far may stand for more than its share, and the whole for less.
        (Ok(_), Err(Error::TooMuch)) if input.longest() > ALWAYS => {}
        _ => assert!(
            answer == in_pieces,
            "cut at {:?}: {:?}, else {:?}",
            input.cuts,
            outline(&in_pieces),
            outline(&answer)
        ),
    }
    for used in [Use::Decides, Use::Passes] {
        bounded(&pieces, codings, used, &input.limits);
    }
    if input.codings.len() > 3 {
        assert_eq!(answer, Err(Error::Unknown));
        return;
    }
    let room = body.len().saturating_mul(input.limits.decoded_ratio);
    let room = room.max(ALWAYS).min(input.limits.decoded_bytes);
    match (&input.body, &answer) {
        (Body::Of(plain), Ok(answer)) => assert!(answer == plain, "decoded to something else"),
        (Body::Of(_), Err(error)) => {
            assert_eq!(*error, Error::TooMuch);
            let longest = input.longest();
            assert!(longest > room, "{longest} of {room} bytes refused");
        }
        (_, Ok(answer)) => {
            let mut expected = body.clone();
            for coding in input.codings.iter().rev() {
                match reference(coding, &expected, answer.len().max(1 << 20)) {
                    Some(decoded) => expected = decoded,
                    // Reserved bits and checksums within a frame are not looked at.
                    None if *coding == "zstd" => return,
                    None => panic!("{coding} is decoded, and should not be"),
                }
            }
            assert!(*answer == expected, "decoded to something else");
        }
        (_, Err(_)) => {}
    }
});

/// An answer without its bytes.
fn outline(answer: &Result<Vec<u8>, Error>) -> Result<usize, Error> {
    answer.as_ref().map(Vec::len).map_err(|error| *error)
}

/// Decodes piece by piece, and never gets more than the limits allow for what has arrived.
fn bounded(pieces: &[&[u8]], codings: Codings, used: Use, limits: &Limits) {
    let Ok(mut decoder) = Decoder::new(codings, used, limits) else {
        return;
    };
    let (mut taken, mut given) = (0_usize, 0_usize);
    for piece in pieces {
        taken += piece.len();
        let (ratio, bytes) = (limits.decoded_ratio, limits.decoded_bytes);
        let room = match used {
            Use::Decides => taken.saturating_mul(ratio).max(ALWAYS).min(bytes),
            Use::Passes => taken.saturating_mul(limits.passing_ratio).max(bytes),
        };
        let fed = decoder.feed(piece, |bytes: &[u8]| {
            given += bytes.len();
            assert!(given <= room, "{given} bytes are decoded of {taken}");
            Ok::<_, Error>(())
        });
        if fed.is_err() {
            return;
        }
    }
}

fn encoded(coding: &str, bare: bool, plain: &[u8]) -> Vec<u8> {
    let level = Compression::fast();
    let mut out = Vec::new();
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, level);
            encoder.write_all(plain).expect("a vector grows");
            encoder.finish().expect("a vector grows");
        }
        // What begins as a frame would is taken for one.
        "deflate" if bare && !plain.is_empty() => {
            let mut encoder = flate2::write::DeflateEncoder::new(&mut out, level);
            encoder.write_all(plain).expect("a vector grows");
            encoder.finish().expect("a vector grows");
            if out[0] & 0x0f == 8 {
                return encoded(coding, false, plain);
            }
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(&mut out, level);
            encoder.write_all(plain).expect("a vector grows");
            encoder.finish().expect("a vector grows");
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 1, 18);
            encoder.write_all(plain).expect("a vector grows");
        }
        _ => out = zstd::encode_all(plain, 1).expect("a vector grows"),
    }
    out
}

/// What the crates decode of a body that is encoded so and ends where its coding does.
fn reference(coding: &str, body: &[u8], most: usize) -> Option<Vec<u8>> {
    let most = u64::try_from(most).ok()? + 1;
    let mut out = Vec::new();
    let mut rest = body;
    let read = match coding {
        "gzip" => flate2::bufread::GzDecoder::new(&mut rest)
            .take(most)
            .read_to_end(&mut out),
        "deflate" if body.first()? & 0x0f == 8 => flate2::bufread::ZlibDecoder::new(&mut rest)
            .take(most)
            .read_to_end(&mut out),
        "deflate" => flate2::bufread::DeflateDecoder::new(&mut rest)
            .take(most)
            .read_to_end(&mut out),
        "br" => {
            let decoder = brotli::Decompressor::new(std::mem::take(&mut rest), 4096);
            decoder.take(most).read_to_end(&mut out)
        }
        _ => {
            let decoder = zstd::stream::read::Decoder::with_buffer(&mut rest).ok()?;
            decoder.single_frame().take(most).read_to_end(&mut out)
        }
    };
    read.ok()?;
    rest.is_empty().then_some(out)
}
