//! The exchanges of the load: what is sent, and what has to come back.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::body::{Piece, Pieces};
use crate::client::Head;
use crate::upstream::{FATE, counted, events};

/// The models that routes know.
pub(crate) const SMALL: &str = "small";
pub(crate) const LARGE: &str = "large";

/// Until a client that resets its request does so: what it sent has arrived then.
const BEFORE_RESET: Duration = Duration::from_millis(3);

/// What an exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `model` decides the route.
    Extract,
    /// So it does in an upload of several parts.
    Upload,
    /// And in a compressed body.
    Gzip,
    /// And in a long one, of which no length is announced.
    Long,
    /// The body is edited.
    Patch,
    /// The body is a template's.
    Template,
    /// A header is an expression's.
    Cel,
    /// Events are edited, and their tokens counted.
    Stream,
    /// The first host answers, fails, or closes; then the second answers.
    Failover,
    /// No such model: 404.
    Reject,
    /// No JSON: 400.
    Broken,
    /// No such address: 403.
    Denied,
    /// The client resets in the middle of its body.
    ResetBody,
    /// The client leaves in the middle of a stream.
    LeaveStream,
    /// The upstream resets in the middle of a stream.
    CutStream,
}

impl Kind {
    /// Every kind, and how many of a hundred exchanges are of it.
    pub(crate) const MIX: [(Self, u64); 15] = [
        (Self::Extract, 26),
        (Self::Upload, 6),
        (Self::Gzip, 6),
        (Self::Long, 2),
        (Self::Patch, 12),
        (Self::Template, 6),
        (Self::Cel, 8),
        (Self::Stream, 10),
        (Self::Failover, 9),
        (Self::Reject, 4),
        (Self::Broken, 2),
        (Self::Denied, 3),
        (Self::ResetBody, 2),
        (Self::LeaveStream, 2),
        (Self::CutStream, 2),
    ];

    /// What it is, in a table.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Extract => "`model` of JSON decides the route",
            Self::Upload => "`model` of a multipart upload of 4 to 64 KiB",
            Self::Gzip => "`model` of a body in gzip",
            Self::Long => "`model` at the end of 200 kB without a length",
            Self::Patch => "two edits of a request",
            Self::Template => "a body by a template",
            Self::Cel => "a header by CEL over the body",
            Self::Stream => "a stream of events, each edited, with usage",
            Self::Failover => {
                "a cluster's filter; the first host answers, fails with 503 or closes, a third each"
            }
            Self::Reject => "an unknown model, refused with 404",
            Self::Broken => "broken JSON, refused with 400",
            Self::Denied => "an address without access, refused with 403",
            Self::ResetBody => "the client resets in the middle of its body",
            Self::LeaveStream => "the client leaves in the middle of a stream",
            Self::CutStream => "the upstream resets in the middle of a stream",
        }
    }

    /// What the module has to count of it: requests, and tokens in and out.
    pub(crate) fn counts(self) -> [u64; 3] {
        match self {
            Self::Extract | Self::Upload | Self::Gzip | Self::Long => [1, 3, 4],
            Self::Stream => [1, 5, 20],
            // It never gets to the filter that counts.
            Self::Denied => [0; 3],
            _ => [1, 0, 0],
        }
    }

    /// The kind of this turn: each hundred turns have the mix, one kind after another kind.
    pub(crate) fn of(turn: u64) -> Self {
        let mut place = turn % 100 * 37 % 100;
        for (kind, share) in Self::MIX {
            match place.checked_sub(share) {
                Some(left) => place = left,
                None => return kind,
            }
        }
        Self::Extract
    }
}

/// What has to come back.
#[derive(Debug)]
pub(crate) enum Expected {
    Answer {
        status: u16,
        served_by: Option<String>,
        body: Text,
    },
    /// The client resets: it waits for nothing.
    Nothing,
    /// A stream that the client leaves once it has begun.
    Begun,
    /// A stream that begins and breaks off.
    Cut,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Text {
    Is(Bytes),
    Has(&'static str),
}

/// One exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) kind: Kind,
    pub(crate) head: Head,
    pub(crate) body: Pieces,
    pub(crate) expected: Expected,
}

impl Exchange {
    /// The exchange of this turn.
    pub(crate) fn of(turn: u64) -> Result<Self> {
        let kind = Kind::of(turn);
        // Other digits than those that choose the kind.
        let variant = turn / 100;
        let model = match variant % 2 {
            0 => SMALL,
            _ => LARGE,
        };
        let prompt = "p".repeat(64 << (variant % 7));
        let chat = format!(
            r#"{{"messages":[{{"role":"system","content":"{prompt}"}},{{"role":"user","content":"hi"}}],"model":"{model}"}}"#
        );
        let json = |path, body: String, expected| Self {
            kind,
            head: Head::json(path),
            body: Pieces::whole(body),
            expected,
        };
        let served = |by: &str, body: Bytes| Expected::Answer {
            status: 200,
            served_by: Some(by.to_owned()),
            body: Text::Is(body),
        };
        let refused = |status, part| Expected::Answer {
            status,
            served_by: None,
            body: Text::Has(part),
        };
        let count = |length| served(model, counted(length).into());
        Ok(match kind {
            Kind::Extract => {
                let expected = count(chat.len());
                json("/count", chat, expected)
            }
            Kind::Upload => {
                let body = upload(model, 4096 << (variant % 5));
                let expected = count(body.len());
                let mut exchange = json("/count", body, expected);
                exchange.head.headers =
                    vec![("content-type", "multipart/form-data; boundary=b0und")];
                exchange
            }
            Kind::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(chat.as_bytes())?;
                let body = encoder.finish()?;
                let expected = count(body.len());
                let mut exchange = json("/count", String::new(), expected);
                exchange.head.headers.push(("content-encoding", "gzip"));
                exchange.body = Pieces::whole(body);
                exchange
            }
            Kind::Long => {
                let prompt = "long ".repeat(40_000);
                let begin = format!(r#"{{"prompt":"{prompt}","#);
                let end = format!(r#""model":"{model}"}}"#);
                let expected = count(begin.len() + end.len());
                let mut exchange = json("/count", String::new(), expected);
                let pieces = [begin, end].map(|part| Piece::Data(part.into()));
                exchange.body = Pieces::of(pieces);
                exchange
            }
            Kind::Patch => {
                let body = |model: &str, n: u64| {
                    format!(r#"{{"n":{n}, "prompt":"{prompt}","model": "{model}"}}"#)
                };
                let edited = body(&format!("real-{model}"), variant + 1);
                json(
                    "/patch",
                    body(model, variant),
                    served("steady", edited.into()),
                )
            }
            Kind::Template => {
                let body = format!(r#"{{"prompt":"{prompt}","model":"{model}"}}"#);
                let rendered = format!(r#"{{"asked":"{prompt}","of":"{model}"}}"#);
                let expected = served(&model.to_uppercase(), rendered.into());
                json("/template", body, expected)
            }
            Kind::Cel => {
                let expected = served("system,user", chat.clone().into());
                json("/cel", chat, expected)
            }
            Kind::Stream => {
                let stream = events(model).concat();
                json("/stream", chat, served(model, stream.into()))
            }
            Kind::Failover => {
                let body = |model: &str| format!(r#"{{"prompt":"{prompt}","model":"{model}"}}"#);
                let (fate, host) = match variant % 3 {
                    0 => ("answers", "first"),
                    1 => ("fails", "second"),
                    _ => ("closes", "second"),
                };
                let expected = served(host, body(&format!("of-{host}")).into());
                let mut exchange = json("/failover", body(model), expected);
                exchange.head.headers.push((FATE, fate));
                exchange
            }
            Kind::Reject => {
                let body = format!(r#"{{"prompt":"{prompt}","model":"none-{variant}"}}"#);
                json("/reject", body, refused(404, "model_not_found"))
            }
            Kind::Broken => {
                let body = format!(r#"{{"prompt":"{prompt}","model":"small""#);
                json("/reject", body, refused(400, "error"))
            }
            Kind::Denied => {
                let mut exchange = json("/denied", String::new(), refused(403, ""));
                exchange.head.method = "GET";
                exchange
            }
            Kind::ResetBody => {
                let mut exchange = json("/patch", String::new(), Expected::Nothing);
                let begin = Piece::Data(format!(r#"{{"prompt":"{prompt}"#).into());
                exchange.body = Pieces::of([begin, Piece::Pause(BEFORE_RESET), Piece::Break]);
                exchange
            }
            Kind::LeaveStream => json("/endless", chat, Expected::Begun),
            Kind::CutStream => json("/breaks", chat, Expected::Cut),
        })
    }
}

/// An upload: a file of so many bytes, and then the model.
fn upload(model: &str, size: usize) -> String {
    let file = "f".repeat(size);
    format!(
        "--b0und\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
         content-type: audio/wav\r\n\r\n{file}\r\n\
         --b0und\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b0und--\r\n"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Exchange, Kind};

    #[test]
    fn a_hundred_turns_are_the_mix() {
        let mut counts = BTreeMap::new();
        for turn in 300..400 {
            *counts.entry(Kind::of(turn)).or_insert(0) += 1;
            assert_eq!(Exchange::of(turn).unwrap().kind, Kind::of(turn));
        }
        assert_eq!(counts, BTreeMap::from(Kind::MIX));
    }
}
