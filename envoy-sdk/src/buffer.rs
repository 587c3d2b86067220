//! Bytes that Envoy owns.

use std::borrow::Borrow;
use std::ops::Deref;
use std::str::Utf8Error;

use crate::abi::RawEnvoyBuffer;

/// Bytes owned by Envoy, borrowed from the handle they were read through: they live until the
/// next call that may change the stream, which the borrow checker enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvoyBuffer<'a> {
    bytes: &'a [u8],
}

impl<'a> EnvoyBuffer<'a> {
    /// A buffer over bytes of the module's own, for tests of code that takes Envoy's.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Takes a buffer as Envoy hands it over; null is empty whatever the length says.
    ///
    /// # Safety
    /// Unless null, `raw` must be readable and unchanged for `'a`.
    pub(crate) unsafe fn from_raw(raw: RawEnvoyBuffer) -> Self {
        // SAFETY: the caller vouches for `raw`.
        unsafe { Self::from_raw_parts(raw.ptr, raw.length) }
    }

    /// As [`Self::from_raw`], from the two parts.
    ///
    /// # Safety
    /// Unless null, `ptr` must be readable and unchanged for `length` bytes and for `'a`.
    pub(crate) unsafe fn from_raw_parts(ptr: *const u8, length: usize) -> Self {
        if ptr.is_null() || length == 0 {
            return Self { bytes: &[] };
        }
        // SAFETY: not null, and the caller vouches for the rest.
        let bytes = unsafe { std::slice::from_raw_parts(ptr, length) };
        Self { bytes }
    }

    /// The bytes, with the lifetime of the borrow from Envoy.
    pub fn as_slice(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// When they are not UTF-8; Envoy does not check.
    pub fn to_str(&self) -> Result<&'a str, Utf8Error> {
        std::str::from_utf8(self.bytes)
    }
}

impl Deref for EnvoyBuffer<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl AsRef<[u8]> for EnvoyBuffer<'_> {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

/// Lets `concat` and `join` make one `Vec<u8>` of a body's chunks or a header's values.
impl Borrow<[u8]> for EnvoyBuffer<'_> {
    fn borrow(&self) -> &[u8] {
        self.bytes
    }
}
