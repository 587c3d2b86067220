//! Envoy's log, which is there before the other callbacks are known to be.

use super::table::{Finder, table};
use crate::abi::{LogLevel, RawModuleBuffer};
use crate::host::Host;

type Enabled = unsafe extern "C-unwind" fn(u32) -> bool;
type Write1_36 = unsafe extern "C-unwind" fn(u32, *const u8, usize);
type Write1_37 = unsafe extern "C-unwind" fn(u32, RawModuleBuffer);

/// A host's log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    /// Missing only in a host that is refused.
    enabled: Option<Enabled>,
    write: Write,
}

#[derive(Clone, Copy, Debug)]
enum Write {
    V1_36(Write1_36),
    V1_37(Write1_37),
}

impl Log {
    /// `None` when the host lets nobody write.
    pub(crate) fn load(finder: &mut Finder<'_>) -> Option<Self> {
        let enabled = table!(@function Enabled, finder.required(log_enabled));
        let write = match finder.host() {
            Host::V1_36 => table!(@function Write1_36, finder.required(log)).map(Write::V1_36),
            _ => table!(@function Write1_37, finder.required(log)).map(Write::V1_37),
        };
        write.map(|write| Self { enabled, write })
    }

    /// Whether a message of this level would be written.
    #[inline]
    pub(crate) fn enabled(&self, level: LogLevel) -> bool {
        // SAFETY: takes a plain number, from any thread.
        self.enabled
            .is_none_or(|enabled| unsafe { enabled(level as u32) })
    }

    /// Writes one line.
    pub(crate) fn write(self, level: LogLevel, message: &str) {
        let message = RawModuleBuffer::new(message.as_bytes());
        match self.write {
            // SAFETY: from any thread; the message outlives the call, and Envoy copies it.
            Write::V1_36(write) => unsafe { write(level as u32, message.ptr, message.length) },
            // SAFETY: as above.
            Write::V1_37(write) => unsafe { write(level as u32, message) },
        }
    }
}
