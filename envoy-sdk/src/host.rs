//! Which Envoy loaded the module, told from the callbacks it exports.

use std::ffi::CStr;

use crate::callbacks::Resolver;
use crate::program;

/// Environment variable that replaces the ABI version the module reports to Envoy. For an Envoy
/// 1.36 patch release whose hash this crate does not know; from 1.37.1 on Envoy takes any value.
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

// Callbacks that came with a release. Two of each, so that a host without one of them lacks it and
// is not taken for an older one.
const MARKERS_1_36: [&CStr; 2] = [
    c"envoy_dynamic_module_callback_http_get_received_request_body_vector",
    c"envoy_dynamic_module_callback_http_append_received_request_body",
];
const MARKERS_1_37: [&CStr; 2] = [
    c"envoy_dynamic_module_callback_http_get_body_chunks",
    c"envoy_dynamic_module_callback_http_get_header",
];
const MARKERS_LATER: [(Host, [&CStr; 2]); 4] = [
    (
        Host::V1_40,
        [
            c"envoy_dynamic_module_callback_http_get_timing_info",
            c"envoy_dynamic_module_callback_http_has_filter_state",
        ],
    ),
    (
        Host::V1_39,
        [
            c"envoy_dynamic_module_callback_http_get_header_values",
            c"envoy_dynamic_module_callback_http_set_filter_state_object",
        ],
    ),
    (
        Host::V1_38,
        [
            c"envoy_dynamic_module_callback_http_get_buffer_limit",
            c"envoy_dynamic_module_callback_http_filter_get_worker_index",
        ],
    ),
    (
        Host::V1_37_1,
        [
            c"envoy_dynamic_module_callback_http_get_metadata_bool",
            c"envoy_dynamic_module_callback_http_set_dynamic_metadata_bool",
        ],
    ),
];

impl Host {
    /// The host of this process, or `None` before Envoy has loaded the module.
    pub fn current() -> Option<Self> {
        program::host()
    }

    /// Finds out which host answers `resolve`: `None` when it is older than 1.36.3, whose body
    /// callbacks have other names, or not Envoy at all.
    pub(crate) fn detect(resolve: Resolver<'_>) -> Option<Self> {
        let any = |names: &[&CStr]| names.iter().any(|name| !resolve(name).is_null());
        if any(&MARKERS_1_37) {
            let newest = MARKERS_LATER.iter().find(|(_, names)| any(names));
            Some(newest.map_or(Self::V1_37_0, |(host, _)| *host))
        } else {
            any(&MARKERS_1_36).then_some(Self::V1_36)
        }
    }

    /// The names that tell the generations apart.
    pub(crate) fn generation_markers() -> impl Iterator<Item = &'static CStr> {
        MARKERS_1_37.into_iter().chain(MARKERS_1_36)
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

    /// Whether this host rejects any ABI version but its own.
    pub(crate) fn compares_abi_version(self) -> bool {
        self < Self::V1_37_1
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
