//! Releases of Envoy, and what each of them exports and does.

use std::ffi::{CStr, c_void};

use crate::callbacks;

/// A release of Envoy to stand in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(non_camel_case_types)] // the numbers need what parts them
pub enum Generation {
    /// 1.36.3 to 1.36.5.
    V1_36,
    /// 1.36.6 and later of 1.36.
    V1_36_6,
    /// envoy-gloo 1.36.9-patch1, which exports two callbacks more.
    V1_36_GLOO,
    /// 1.37.0.
    V1_37_0,
    /// 1.37.1.
    V1_37_1,
    /// 1.37.2 and later of 1.37.
    V1_37_2,
    /// 1.38.
    V1_38,
    /// 1.39.
    V1_39,
    /// 1.40.
    V1_40,
    /// A 1.41 that only adds.
    V1_41,
}

impl Generation {
    /// Every release, oldest first.
    pub const ALL: [Self; 10] = [
        Self::V1_36,
        Self::V1_36_6,
        Self::V1_36_GLOO,
        Self::V1_37_0,
        Self::V1_37_1,
        Self::V1_37_2,
        Self::V1_38,
        Self::V1_39,
        Self::V1_40,
        Self::V1_41,
    ];

    /// Whether it is called as 1.36 is.
    pub fn is_1_36(self) -> bool {
        self < Self::V1_37_0
    }

    /// The ABI version that it compares what a module reports with; `None` when it takes any.
    pub fn compared_abi_version(self) -> Option<&'static str> {
        match self {
            Self::V1_36 | Self::V1_36_6 | Self::V1_36_GLOO => {
                Some("7ee559f16f35086fa7dc9ed380e2efc6b4d89031a001fb504aa71eccd25882f7")
            }
            Self::V1_37_0 => {
                Some("4dae397a7c9ff0238d318d57ea656ce8b3fbff595787dcd7ee2ff5b79c9fe10f")
            }
            _ => None,
        }
    }

    /// The address of the callback `name` in this release; null when it has none.
    pub(crate) fn resolve(self, name: &CStr) -> *const c_void {
        let name = name
            .to_str()
            .ok()
            .and_then(|name| name.strip_prefix("envoy_dynamic_module_callback_"));
        let Some(name) = name else {
            return std::ptr::null();
        };
        if !callbacks::has(self, name) {
            return std::ptr::null();
        }
        let of_generation = if self.is_1_36() {
            callbacks::v1_36::resolve(name)
        } else {
            callbacks::v1_37::resolve(name)
        };
        of_generation
            .or_else(|| callbacks::shared::resolve(name))
            .unwrap_or(std::ptr::null())
    }

    /// Moves the last frame of a body to "buffered" when there is such a buffer, and sends only
    /// "received" when the filter then continues.
    pub(crate) fn loses_last_frame(self) -> bool {
        matches!(self, Self::V1_36 | Self::V1_37_0 | Self::V1_37_1)
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
