//! Bodies of messages, cut into chunks.

use anyhow::{Result, ensure};
use cases::{Body, Piece};
use serde::Deserialize;

/// A part of a long body.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum BodyPart {
    Text(String),
    Repeated(Repeated),
}

/// Text as often as this.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeated {
    repeat: String,
    count: usize,
}

/// # Errors
/// More than one kind of body is given.
pub(crate) fn body(
    body: Option<String>,
    chunks: Option<Vec<String>>,
    parts: Option<Vec<BodyPart>>,
    chunk_size: Option<usize>,
) -> Result<Body> {
    let kinds = [body.is_some(), chunks.is_some(), parts.is_some()];
    ensure!(
        kinds.into_iter().filter(|given| *given).count() <= 1,
        "`body`, `chunks` and `body_parts` exclude each other"
    );
    ensure!(
        chunk_size.is_none() || parts.is_some(),
        "`chunk_size` belongs to `body_parts`"
    );
    if let Some(parts) = parts {
        let text: String = parts
            .iter()
            .map(|part| match part {
                BodyPart::Text(text) => text.clone(),
                BodyPart::Repeated(part) => part.repeat.repeat(part.count),
            })
            .collect();
        let size = chunk_size.unwrap_or(text.len().max(1));
        ensure!(size > 0, "`chunk_size` is 0");
        let chunks = text.as_bytes().chunks(size).map(Piece::from);
        return Ok(Body::Pieces(chunks.collect()));
    }
    Ok(match (body, chunks) {
        (Some(body), _) => Body::Whole(body.into_bytes()),
        (None, Some(chunks)) => Body::Pieces(chunks.into_iter().map(Piece::from).collect()),
        (None, None) => Body::None,
    })
}
