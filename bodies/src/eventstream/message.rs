//! One message of the binary event stream.

use super::Error;

/// The length of a checksum, in bytes.
const CHECKSUM: usize = 4;

/// The lengths with which a message begins, and their checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prelude {
    /// That of the whole message, in bytes.
    pub(super) length: usize,
    /// That of its headers, in bytes.
    headers: usize,
}

impl Prelude {
    /// Its own length, in bytes.
    pub(super) const LENGTH: usize = 12;

    /// That with which a message begins, if it has arrived.
    pub(super) fn of(message: &[u8]) -> Result<Option<Self>, Error> {
        let Some((prelude, _)) = message.split_first_chunk::<{ Self::LENGTH }>() else {
            return Ok(None);
        };
        let &[l0, l1, l2, l3, h0, h1, h2, h3, ref checksum @ ..] = prelude;
        let lengths = [l0, l1, l2, l3, h0, h1, h2, h3];
        if crc32fast::hash(&lengths) != u32::from_be_bytes(*checksum) {
            return Err(Error::Checksum);
        }
        let length = size(u32::from_be_bytes([l0, l1, l2, l3]));
        let headers = size(u32::from_be_bytes([h0, h1, h2, h3]));
        let around = headers
            .checked_add(Self::LENGTH)
            .and_then(|before| before.checked_add(CHECKSUM));
        if around.is_none_or(|around| around > length) {
            return Err(Error::Length);
        }
        Ok(Some(Self { length, headers }))
    }
}

fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// One message: what its headers say of it, and its payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'m> {
    /// The header `:message-type`: `event`, `exception` or `error`.
    pub message_type: Option<&'m str>,
    /// The header `:event-type`, such as `metadata` or `contentBlockDelta`.
    pub event_type: Option<&'m str>,
    /// The header `:content-type`: that of the payload.
    pub content_type: Option<&'m str>,
    /// The payload.
    pub payload: &'m [u8],
}

impl<'m> Message<'m> {
    /// Reads a whole message.
    pub(super) fn of(message: &'m [u8], prelude: Prelude) -> Result<Self, Error> {
        let (checked, checksum) = message
            .split_last_chunk::<CHECKSUM>()
            .ok_or(Error::Length)?;
        if crc32fast::hash(checked) != u32::from_be_bytes(*checksum) {
            return Err(Error::Checksum);
        }
        let rest = checked.get(Prelude::LENGTH..).ok_or(Error::Length)?;
        let (mut headers, payload) = rest
            .split_at_checked(prelude.headers)
            .ok_or(Error::Length)?;
        let mut read = Self {
            payload,
            ..Self::default()
        };
        while !headers.is_empty() {
            headers = read.header(headers).ok_or(Error::Headers)?;
        }
        Ok(read)
    }

    /// Reads the first of the headers, and returns the others.
    fn header(&mut self, headers: &'m [u8]) -> Option<&'m [u8]> {
        let (&length, rest) = headers.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(length))?;
        let (&kind, rest) = rest.split_first()?;
        let (length, rest) = match kind {
            0 | 1 => (0, rest), // true, false
            2 => (1, rest),     // byte
            3 => (2, rest),     // short
            4 => (4, rest),     // integer
            5 | 8 => (8, rest), // long, timestamp
            6 | STRING => {
                // bytes
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            9 => (16, rest), // UUID
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        if kind == STRING {
            let value = std::str::from_utf8(value).ok()?;
            match name {
                b":message-type" => self.message_type = Some(value),
                b":event-type" => self.event_type = Some(value),
                b":content-type" => self.content_type = Some(value),
                _ => {}
            }
        }
        Some(rest)
    }
}

/// The type of a header whose value is text.
const STRING: u8 = 7;
