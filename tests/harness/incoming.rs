//! Bodies on their way in.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{HeaderMap, Version};

use crate::headers::Headers;

/// A part of a body and when it arrived.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The bytes.
    pub data: Bytes,
    /// When they arrived.
    pub at: Instant,
}

/// Joins chunks; does not copy a single one.
pub(crate) fn join(chunks: &[Chunk]) -> Bytes {
    match chunks {
        [only] => only.data.clone(),
        _ => {
            let parts: Vec<_> = chunks.iter().map(|chunk| chunk.data.as_ref()).collect();
            parts.concat().into()
        }
    }
}

/// What comes next of a body.
pub(crate) enum Part {
    Chunk(Chunk),
    Trailers(Headers),
}

/// A body that is being received.
#[derive(Debug)]
pub(crate) struct IncomingBody {
    body: Incoming,
    version: Version,
}

impl IncomingBody {
    pub(crate) fn new(body: Incoming, version: Version) -> Self {
        Self { body, version }
    }

    /// The next part, or `None` at the end.
    ///
    /// # Errors
    /// The body is cut.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>> {
        while let Some(frame) = self.body.frame().await {
            match frame.context("the body was cut")?.into_data() {
                // HTTP/2 ends a stream with an empty frame: no part of the body.
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    let at = Instant::now();
                    return Ok(Some(Part::Chunk(Chunk { data, at })));
                }
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_else(|_| HeaderMap::new());
                    return Ok(Some(Part::Trailers(Headers::from(&trailers))));
                }
            }
        }
        // hyper takes a stream reset with NO_ERROR or CANCEL for the end of the body.
        let cut = self.version == Version::HTTP_2 && !self.body.is_end_stream();
        ensure!(!cut, "the body was cut: the stream was reset");
        Ok(None)
    }
}
