//! Bytes: text, or what stands for bytes that are none.

use std::fmt;
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::json::JsonText;
use crate::multipart::Multipart;

/// Bytes as a case writes them: text; one of `hex`, `base64`, `json`, `crlf`, `multipart`, `gzip`,
/// `deflate`, and `repeat` with `times`; or a list of these, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// A form that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Hex,
    Base64,
    Json,
    Crlf,
    Multipart,
    Gzip,
    Deflate,
    Repeat,
}

impl Form {
    /// What a case may write, as an error lists it.
    pub(crate) const KEYS: [&str; 9] = [
        "hex",
        "base64",
        "json",
        "crlf",
        "multipart",
        "gzip",
        "deflate",
        "repeat",
        "times",
    ];

    pub(crate) fn of(key: &str) -> Option<Self> {
        Some(match key {
            "hex" => Self::Hex,
            "base64" => Self::Base64,
            "json" => Self::Json,
            "crlf" => Self::Crlf,
            "multipart" => Self::Multipart,
            "gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "repeat" => Self::Repeat,
            _ => return None,
        })
    }

    /// Reads a map that begins with this key and says nothing else.
    pub(crate) fn only<'de, A: MapAccess<'de>>(
        key: &str,
        map: &mut A,
    ) -> Result<Vec<u8>, A::Error> {
        let form = Self::of(key).ok_or_else(|| A::Error::unknown_field(key, &Self::KEYS))?;
        let bytes = form.read(map)?;
        match map.next_key::<String>()? {
            None => Ok(bytes),
            Some(more) => Err(A::Error::custom(format!("`{more}` beside `{key}`"))),
        }
    }

    /// Reads the value of its key, and the keys that belong to it.
    pub(crate) fn read<'de, A: MapAccess<'de>>(self, map: &mut A) -> Result<Vec<u8>, A::Error> {
        match self {
            Self::Hex => from_hex(&map.next_value::<String>()?).map_err(A::Error::custom),
            Self::Base64 => {
                let text: String = map.next_value()?;
                let bytes = STANDARD.decode(text.split_whitespace().collect::<String>());
                bytes.map_err(|error| A::Error::custom(format!("`base64`: {error}")))
            }
            Self::Json => Ok(map.next_value::<JsonText>()?.0.into_bytes()),
            Self::Crlf => {
                let text: String = map.next_value()?;
                Ok(text.replace('\n', "\r\n").into_bytes())
            }
            Self::Multipart => Ok(map.next_value::<Multipart>()?.bytes()),
            Self::Gzip => {
                let encoder = GzEncoder::new(Vec::new(), Compression::default());
                let Bytes(plain) = map.next_value()?;
                encoded(encoder, &plain, GzEncoder::finish).map_err(A::Error::custom)
            }
            Self::Deflate => {
                let encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                let Bytes(plain) = map.next_value()?;
                encoded(encoder, &plain, ZlibEncoder::finish).map_err(A::Error::custom)
            }
            Self::Repeat => {
                let Bytes(unit) = map.next_value()?;
                match map.next_key::<String>()?.as_deref() {
                    Some("times") => Ok(unit.repeat(map.next_value()?)),
                    _ => Err(A::Error::custom("`times` has to follow `repeat`")),
                }
            }
        }
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()
        .ok_or("`hex`: not a digit")?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    let bytes = pairs.collect::<Option<_>>();
    bytes.ok_or_else(|| "`hex`: two digits for each byte".to_owned())
}

fn encoded<W: Write>(
    mut encoder: W,
    plain: &[u8],
    finish: impl FnOnce(W) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    encoder.write_all(plain)?;
    finish(encoder)
}

/// What a gzip body says; `None` if it is none.
pub(crate) fn unzipped(body: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let read = GzDecoder::new(body).read_to_end(&mut plain);
    read.ok().map(|_| plain)
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text; put quotes around a number or a boolean")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes(text.as_bytes().to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
        let mut all = Vec::new();
        while let Some(Bytes(item)) = items.next_element()? {
            all.extend(item);
        }
        Ok(Bytes(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bytes, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom("no bytes"));
        };
        Form::only(&key, &mut map).map(Bytes)
    }
}
