//! Bodies in gzip.

use std::io::{Read, Result, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// The body in gzip, about as long as it was.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    // Writing into a vector does not fail.
    let _written = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// The body that this one stands for.
pub(crate) fn gunzip(body: &[u8]) -> Result<Vec<u8>> {
    let mut decoded = Vec::new();
    GzDecoder::new(body).read_to_end(&mut decoded)?;
    Ok(decoded)
}
