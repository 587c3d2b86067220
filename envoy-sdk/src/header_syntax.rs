//! What Envoy takes on trust: that a header can be written to the wire as it is.

/// Whether a header may be handed to Envoy: a name without space, control or non-ASCII bytes whose
/// only colon is the first byte of a pseudo-header, and a value without NUL, CR and LF.
pub(crate) fn is_valid(name: &str, value: &[u8]) -> bool {
    let token = name.strip_prefix(':').unwrap_or(name);
    !token.is_empty()
        && token.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        && !value.iter().any(|b| matches!(b, b'\0' | b'\r' | b'\n'))
}
