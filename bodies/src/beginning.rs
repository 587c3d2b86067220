//! The first byte of a body, which tells what may follow.

use crate::coding::{self, Codings, Decoder, Use};
use crate::{Limits, is_space};

/// A body of which nothing but white space has been seen.
#[derive(Debug)]
pub struct Beginning {
    decoder: Option<Decoder>,
}

impl Beginning {
    /// That of a body that is encoded so.
    ///
    /// # Errors
    ///
    /// A coding is not known.
    pub fn of(codings: Option<Codings>, limits: &Limits) -> Result<Self, coding::Error> {
        let decoder = codings.map(|codings| Decoder::new(codings, Use::Decides, limits));
        Ok(Self {
            decoder: decoder.transpose()?,
        })
    }

    /// The first byte that is not white space of JSON, if it is among these.
    ///
    /// # Errors
    ///
    /// The bytes before it cannot be decoded.
    pub fn feed(&mut self, chunks: &[&[u8]]) -> Result<Option<u8>, coding::Error> {
        let mut first = None;
        for chunk in chunks {
            let read = match &mut self.decoder {
                None => {
                    first = first_byte(chunk);
                    Ok(())
                }
                Some(decoder) => decoder.feed(chunk, |decoded| {
                    first = first.or_else(|| first_byte(decoded));
                    Ok::<_, coding::Error>(())
                }),
            };
            if first.is_some() {
                break;
            }
            read?;
        }
        Ok(first)
    }

    /// As [`feed`](Self::feed), when nothing more comes.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    pub fn end(self) -> Result<Option<u8>, coding::Error> {
        let mut first = None;
        let ended = self.decoder.map(|decoder| {
            decoder.finish(|decoded| {
                first = first.or_else(|| first_byte(decoded));
                Ok::<_, coding::Error>(())
            })
        });
        match (first, ended) {
            (None, Some(Err(error))) => Err(error),
            (first, _) => Ok(first),
        }
    }
}

/// Whether a body begins as JSON does, and so may be read as that, whatever it is called; `None` of white
/// space alone.
pub fn begins_as_json(body: &[u8]) -> Option<bool> {
    // The last begins a byte order mark, which some put up with.
    first_byte(body).map(|byte| b"{[\xef".contains(&byte))
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !is_space(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bodies in zstd, whose first bytes say that more has to be kept than a short body may stand for.
    fn frame(content: &[u8]) -> Vec<u8> {
        let large_window = 13 << 3;
        let [last, size] = [1, u8::try_from(content.len()).unwrap() << 3];
        let header = [0x28, 0xb5, 0x2f, 0xfd, 0, large_window, last | size, 0, 0];
        [&header, content].concat()
    }

    fn begun(bytes: &[u8]) -> (Option<u8>, Result<Option<u8>, coding::Error>) {
        let codings = Codings::named(&[b"zstd"]);
        let mut beginning = Beginning::of(codings, &Limits::default()).unwrap();
        (beginning.feed(&[bytes]).unwrap(), beginning.end())
    }

    #[test]
    fn what_is_decoded_at_the_end_begins_the_body() {
        assert_eq!(begun(&frame(b" \n{}")), (None, Ok(Some(b'{'))));
        assert_eq!(begun(&frame(b" \n")), (None, Ok(None)));
    }

    #[test]
    fn a_body_that_is_cut_off_is_no_body() {
        let mut cut = frame(b" {}");
        cut.truncate(9);
        assert_eq!(begun(&cut), (None, Err(coding::Error::Invalid)));
    }

    #[test]
    fn a_plain_body_has_begun_or_is_white_space() {
        let mut beginning = Beginning::of(None, &Limits::default()).unwrap();
        assert_eq!(beginning.feed(&[b" ", b"\t[", b"{"]), Ok(Some(b'[')));
        assert_eq!(beginning.end(), Ok(None));
    }
}
