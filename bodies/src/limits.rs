//! What a body may cost.

/// Bounds on what one body may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many arrays and objects of a JSON body may be open at once; no more than [`JSON_DEPTH`]
    /// of a document that becomes a value.
    pub json_depth: usize,
    /// The longest value to find, in bytes.
    pub value_bytes: usize,
    /// The longest event, line or message of a body that holds many documents, in bytes: it is held
    /// until it has arrived whole.
    pub event_bytes: usize,
    /// The most bytes that all edits of one body put into it.
    pub edit_bytes: usize,
    /// The most bytes that an encoded body may stand for; of one that only passes, those for which
    /// no ratio counts.
    pub decoded_bytes: usize,
    /// The most bytes that each byte of an encoded body may stand for, on average, from 262144
    /// decoded bytes on.
    pub decoded_ratio: usize,
    /// The same of a body that only passes, from [`decoded_bytes`](Self::decoded_bytes) on.
    pub passing_ratio: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_depth: JSON_DEPTH,
            value_bytes: 4096,
            event_bytes: 1 << 20,
            edit_bytes: 64 << 20,
            decoded_bytes: 64 << 20,
            decoded_ratio: 100,
            passing_ratio: DEFLATE_RATIO,
        }
    }
}

/// The most bytes that one byte of deflate can stand for: two of its bits can be a repetition of 258.
pub const DEFLATE_RATIO: usize = 1032;

/// How deep a document that becomes a value may be: there the recursive parser of such stops.
pub const JSON_DEPTH: usize = 127;

/// Most JSON Pointers of one set: those seen can be kept in 64 bits.
pub const JSON_POINTERS: usize = 64;

/// The longest headers of one part of a multipart body, in bytes.
pub const PART_HEADER_BYTES: usize = 8 << 10;

/// The largest window that a body in zstd may ask for, in bytes: RFC 9659.
pub const ZSTD_WINDOW_BYTES: usize = 8 << 20;

/// Most places of one body, or of one event, that edits look at: a body can hold a key as often as
/// it likes.
pub const PLACES: usize = 16_384;
