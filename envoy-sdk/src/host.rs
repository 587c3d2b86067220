//! Which Envoy loaded the module, told from the callbacks it exports.

use std::ffi::{CStr, CString};
use std::sync::OnceLock;

use crate::callbacks::Resolver;
use crate::program;

/// Environment variable that replaces the ABI version the module reports to Envoy. For an Envoy
/// 1.36 patch release whose hash this crate does not know; every other release takes any value.
pub const ABI_VERSION_VARIABLE: &str = "RUSTFORMATIONS_ABI_VERSION";

/// The Envoy that loaded the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// Envoy 1.36.3 and later of 1.36.
    V1_36,
    /// Envoy 1.37.0.
    V1_37_0,
    /// Envoy 1.37.1 and later of 1.37.
    V1_37_1,
    /// Envoy 1.38.
    V1_38,
    /// Envoy 1.39.
    V1_39,
    /// Envoy 1.40 and everything after.
    V1_40,
}

impl Host {
    /// The host of this process, or `None` before Envoy has initialized the module.
    pub fn current() -> Option<Self> {
        program::current().map(|program| program.callbacks.host())
    }

    /// Finds out which host answers `resolve`: `None` when it is older than 1.36.3, whose body
    /// callbacks have other names, or not Envoy at all.
    pub(crate) fn detect(resolve: Resolver<'_>) -> Option<Self> {
        let has = |name: &CStr| !resolve(name).is_null();
        if has(c"envoy_dynamic_module_callback_http_get_body_chunks") {
            Some(
                if has(c"envoy_dynamic_module_callback_http_get_timing_info") {
                    Self::V1_40
                } else if has(c"envoy_dynamic_module_callback_http_get_header_values") {
                    Self::V1_39
                } else if has(c"envoy_dynamic_module_callback_http_get_buffer_limit") {
                    Self::V1_38
                } else if has(c"envoy_dynamic_module_callback_http_get_metadata_bool") {
                    Self::V1_37_1
                } else {
                    Self::V1_37_0
                },
            )
        } else if has(c"envoy_dynamic_module_callback_http_get_received_request_body_vector") {
            Some(Self::V1_36)
        } else {
            None
        }
    }

    /// The ABI version this host wants to hear. Up to 1.37.0 it is the SHA-256 of Envoy's header
    /// and anything else is rejected; later releases only warn when it differs from their own.
    pub fn abi_version(self) -> &'static CStr {
        match self {
            Self::V1_36 => c"7ee559f16f35086fa7dc9ed380e2efc6b4d89031a001fb504aa71eccd25882f7",
            Self::V1_37_0 => c"4dae397a7c9ff0238d318d57ea656ce8b3fbff595787dcd7ee2ff5b79c9fe10f",
            Self::V1_37_1 => c"v0.0.1",
            Self::V1_38 | Self::V1_39 => c"v0.1.0",
            Self::V1_40 => c"v0.2.0",
        }
    }

    /// The release in words, such as `1.37.1 or later`.
    pub fn release(self) -> &'static str {
        match self {
            Self::V1_36 => "1.36.3 or later",
            Self::V1_37_0 => "1.37.0",
            Self::V1_37_1 => "1.37.1 or later",
            Self::V1_38 => "1.38",
            Self::V1_39 => "1.39",
            Self::V1_40 => "1.40 or later",
        }
    }

    /// Whether some patch releases lose the last body frame after an early release. Fixed in
    /// 1.36.6 and 1.37.2, but the patch level cannot be told from the callbacks.
    pub(crate) fn may_lose_last_frame(self) -> bool {
        self < Self::V1_38
    }
}

/// The version to report to `host`: the environment's, or else the host's own.
pub(crate) fn reported_abi_version(host: Host) -> &'static CStr {
    static OVERRIDE: OnceLock<Option<CString>> = OnceLock::new();
    let from_environment = OVERRIDE.get_or_init(|| {
        let value = std::env::var(ABI_VERSION_VARIABLE).ok()?;
        (!value.is_empty()).then(|| CString::new(value).ok())?
    });
    from_environment
        .as_deref()
        .unwrap_or_else(|| host.abi_version())
}
