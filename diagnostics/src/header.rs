//! Names and values of headers that HTTP can carry.

/// Headers that belong to one connection or say where a message ends: no configuration may decide that.
pub const CONNECTION: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The names that [`valid_name`] takes, as a regular expression of JSON Schema.
pub const NAME_PATTERN: &str = r"^:?[-!#$%&'*+.^_`|~0-9A-Za-z]+$";

/// Whether `name` is a field name of RFC 9110 section 5.1, or one of HTTP/2's pseudo headers.
pub fn valid_name(name: &str) -> bool {
    let token = name.strip_prefix(':').unwrap_or(name);
    !token.is_empty()
        && token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether `value` is a field value of RFC 9110 section 5.5: no CR, LF, NUL or other control
/// character but the tab.
pub fn valid_value(value: &[u8]) -> bool {
    // Nearly always all are, so that none has a branch of its own, and four share one.
    let valid = |byte: &u8| VALUE.get(usize::from(*byte)).copied();
    let all = |all: bool, byte| all & valid(byte).unwrap_or_default();
    let (fours, rest) = value.as_chunks::<4>();
    let all_in_fours = fours
        .iter()
        .fold(true, |valid, four| four.iter().fold(valid, all));
    rest.iter().fold(all_in_fours, all)
}

/// By byte: whether it may stand in a value.
const VALUE: [bool; 256] = {
    let mut value = [false; 256];
    let mut rest: &mut [bool] = &mut value;
    let mut byte = 0_u8;
    while let [first, others @ ..] = rest {
        *first = matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        byte = byte.wrapping_add(1);
        rest = others;
    }
    value
};

/// Whether `value` arrives as it is sent: a field value without white space around it, which
/// recipients strip.
pub fn valid_exact_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    valid_value(bytes) && !is_space(bytes.first()) && !is_space(bytes.last())
}
