//! The end of a held answer that Envoy does not report.
//!
//! Envoy's decompressor adds trailers to the last piece of an answer: the counts of its bytes. The end of the answer
//! is then that of the trailers. But when a filter behind holds this piece, Envoy stops there, and never passes the
//! trailers on. All filters that hold an answer wait for ever, and so does the client.
//!
//! Trailers beside a piece do not prove the end: who holds them may still send pieces. The count does.

use std::str;

use envoy_proxy_dynamic_modules_rust_sdk::{EnvoyHttpFilter, EnvoyResponse, HttpHeaderType};

const TRAILERS: HttpHeaderType = HttpHeaderType::ResponseTrailer;

/// The event in which a held answer is looked at again.
pub(crate) const EVENT: u64 = 0;

/// What begins the names of the decompressor's trailers, behind a prefix that Envoy lets users choose.
const DECOMPRESSOR: &str = "-decompressor-";

/// What ends the name of the count of bytes that have left the decompressor.
const LEFT: &str = "-uncompressed-bytes";

/// What ends the name of the count of bytes that have entered it.
const ENTERED: &str = "-compressed-bytes";

/// Has an event look for the end, if this held piece may be the last. Where Envoy runs the hook of the trailers, it
/// does so before the event.
pub(crate) fn look_later(envoy: &mut EnvoyResponse) {
    if envoy.headers_size(TRAILERS) > 0 {
        envoy.new_scheduler().commit(EVENT);
    }
}

/// Whether an answer of which `held` bytes are held has arrived whole, by the counts of the decompressor.
pub(crate) fn is_whole(envoy: &EnvoyHttpFilter, held: usize) -> bool {
    let trailers = envoy.headers(TRAILERS);
    let trailers = trailers
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()));
    counts_to(trailers, held)
}

/// Whether these are trailers of the decompressor alone, and its count is this one. Others come from the upstream, and
/// Envoy passes those on.
fn counts_to<'t>(trailers: impl Iterator<Item = (&'t [u8], &'t [u8])>, held: usize) -> bool {
    let mut counted = false;
    for (name, value) in trailers {
        let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else {
            return false;
        };
        if !name.contains(DECOMPRESSOR) {
            return false;
        }
        if name.ends_with(LEFT) {
            counted |= value.parse() == Ok(held);
        } else if !name.ends_with(ENTERED) {
            return false;
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    const GZIP: [(&str, &str); 2] = [
        ("x-envoy-decompressor-gzip-compressed-bytes", "20"),
        ("x-envoy-decompressor-gzip-uncompressed-bytes", "35"),
    ];

    fn counted(trailers: &[(&str, &str)], held: usize) -> bool {
        let trailers = trailers.iter();
        counts_to(
            trailers.map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            held,
        )
    }

    #[test]
    fn the_end_is_known_by_the_count_of_what_has_left_the_decompressor() {
        assert!(counted(&GZIP, 35));
        assert!(counted(
            &[("acme-decompressor-br-uncompressed-bytes", "0")],
            0
        ));
        for (trailers, held) in [
            (&GZIP[..], 34),
            (&GZIP, 20),
            (&GZIP[..1], 20),
            (&[], 0),
            (&[GZIP[0], GZIP[1], ("grpc-status", "0")], 35),
            (&[GZIP[1], ("x-envoy-decompressor-gzip-other", "35")], 35),
            (&[("x-uncompressed-bytes", "35")], 35),
            (
                &[("x-envoy-decompressor-gzip-uncompressed-bytes", "many")],
                35,
            ),
        ] {
            assert!(!counted(trailers, held), "{trailers:?} {held}");
        }
    }
}
