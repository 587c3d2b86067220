//! Releases of Envoy, and what each of them exports and does.

use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

use envoy_proxy_dynamic_modules_rust_sdk::{Callbacks, program};

use crate::callbacks;

/// A release of Envoy to stand in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// 1.36.3 to 1.36.5.
    V1_36,
    /// 1.37.0.
    V1_37_0,
    /// 1.37.1.
    V1_37,
    /// 1.38.
    V1_38,
    /// 1.39.
    V1_39,
    /// 1.40.
    V1_40,
}

impl Generation {
    /// Every release, oldest first.
    pub const ALL: [Self; 6] = [
        Self::V1_36,
        Self::V1_37_0,
        Self::V1_37,
        Self::V1_38,
        Self::V1_39,
        Self::V1_40,
    ];

    /// The address of the callback `name` in this release; null when it has none.
    pub fn resolve(self, name: &CStr) -> *const c_void {
        let name = name
            .to_str()
            .ok()
            .and_then(|name| name.strip_prefix("envoy_dynamic_module_callback_"));
        let Some(name) = name else {
            return std::ptr::null();
        };
        if let Some(since) = callbacks::since(name)
            && self < since
        {
            return std::ptr::null();
        }
        let of_generation = match self {
            Self::V1_36 => callbacks::v1_36::resolve(name),
            _ => callbacks::v1_37::resolve(name),
        };
        of_generation
            .or_else(|| callbacks::shared::resolve(name))
            .unwrap_or(std::ptr::null())
    }

    /// The table that the SDK makes of this release.
    pub(crate) fn callbacks(self) -> Option<&'static Callbacks> {
        static TABLES: [OnceLock<Option<Callbacks>>; 6] = [const { OnceLock::new() }; 6];
        TABLES
            .get(self as usize)?
            .get_or_init(|| program::load_callbacks(&|name| self.resolve(name)))
            .as_ref()
    }

    /// Moves the last frame of a body to "buffered" when there is such a buffer, and sends only
    /// "received" when the filter then continues.
    pub(crate) fn loses_last_frame(self) -> bool {
        self < Self::V1_38
    }

    /// Destroys the module's filter inside `send_response` outside the request hooks.
    pub(crate) fn destroys_early(self) -> bool {
        self < Self::V1_40
    }

    /// Calls the local-reply hook.
    pub(crate) fn has_local_reply_hook(self) -> bool {
        self >= Self::V1_38
    }

    /// Passes a response that the module streams through the module's own response hooks.
    pub(crate) fn filters_own_stream(self) -> bool {
        self < Self::V1_39
    }
}
