//! Envoy's callbacks, looked up by name at load so that a missing one costs a feature, not the
//! module.
//!
//! This folder is the one place that knows how Envoy 1.36 differs from later releases:
//! [`v1_36`] and [`v1_37`] list what only one of the two has, [`shared`] what both have, and the
//! methods of [`FilterCallbacks`] and [`ConfigCallbacks`] hide which of them is used. Everything
//! above calls these methods.

mod body;
pub(crate) mod config;
mod headers;
mod metadata;
pub(crate) mod metrics;
mod response;
mod stream;

use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

use crate::abi::{FilterConfigEnvoyPtr, FilterEnvoyPtr, LogLevel, RawModuleBuffer};
use crate::host::Host;

/// Finds the address of a callback by its name; null when the host has none.
pub type Resolver<'a> = &'a dyn Fn(&CStr) -> *const c_void;

/// Declares a table of optional callbacks: first those that share a named type, then the others. A
/// field's name is the symbol without `envoy_dynamic_module_callback_`.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident {
        $(types { $($type:ident: $($member:ident),+;)+ })?
        functions { $($callback:ident($($argument:ty),*) $(-> $result:ty)?;)+ }
    }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $($($(pub(crate) $member: Option<$type>,)+)+)?
            $(pub(crate) $callback: Option<unsafe extern "C" fn($($argument),*) $(-> $result)?>,)+
        }

        impl $name {
            pub(super) fn load(resolve: $crate::callbacks::Resolver<'_>) -> Self {
                Self {
                    $($($($member: table!(@resolve resolve, $member, $type),)+)+)?
                    $($callback: table!(
                        @resolve resolve,
                        $callback,
                        unsafe extern "C" fn($($argument),*) $(-> $result)?
                    ),)+
                }
            }
        }
    };
    (@resolve $resolve:ident, $callback:ident, $function:ty) => {{
        const SYMBOL: &::std::ffi::CStr = match ::std::ffi::CStr::from_bytes_with_nul(
            concat!("envoy_dynamic_module_callback_", stringify!($callback), "\0").as_bytes(),
        ) {
            Ok(symbol) => symbol,
            Err(_) => c"",
        };
        // SAFETY: null is `None`; any other address is the function that the host exports under
        // this name, whose signature is the one declared here for hosts of this generation.
        unsafe {
            ::std::mem::transmute::<*const ::std::ffi::c_void, Option<$function>>($resolve(SYMBOL))
        }
    }};
}

mod shared;
mod v1_36;
mod v1_37;

/// Every callback of one host.
#[derive(Debug)]
pub struct Callbacks {
    host: Host,
    shared: shared::Table,
    generation: Generation,
}

/// The two ways of calling Envoy: pointers and lengths apart, or together in a struct.
#[derive(Debug)]
enum Generation {
    V1_36(Box<v1_36::Table>),
    V1_37(Box<v1_37::Table>),
}

impl Callbacks {
    /// Looks up every callback that `host` may have.
    pub(crate) fn load(host: Host, resolve: Resolver<'_>) -> Self {
        Self {
            host,
            shared: shared::Table::load(resolve),
            generation: match host {
                Host::V1_36 => Generation::V1_36(Box::new(v1_36::Table::load(resolve))),
                _ => Generation::V1_37(Box::new(v1_37::Table::load(resolve))),
            },
        }
    }

    /// The callbacks of the process that loaded the module; `None` when it is not an Envoy of
    /// 1.36.3 or later.
    pub(crate) fn of_process() -> Option<&'static Self> {
        static CALLBACKS: OnceLock<Option<Callbacks>> = OnceLock::new();
        CALLBACKS
            .get_or_init(|| {
                let resolve = |name: &CStr| -> *const c_void {
                    // SAFETY: `dlsym` reads the NUL-terminated name and nothing else.
                    unsafe { dlsym(RTLD_DEFAULT, name.as_ptr()) }
                };
                Host::detect(&resolve).map(|host| Self::load(host, &resolve))
            })
            .as_ref()
    }

    /// The host these callbacks are of.
    pub(crate) fn host(&self) -> Host {
        self.host
    }

    /// Whether a message of this level would be written.
    pub(crate) fn log_enabled(&self, level: LogLevel) -> bool {
        // SAFETY: takes a plain number, from any thread.
        self.shared
            .log_enabled
            .is_none_or(|log_enabled| unsafe { log_enabled(level as u32) })
    }

    /// Writes one line to Envoy's log.
    pub(crate) fn log(&self, level: LogLevel, message: &str) {
        let message = RawModuleBuffer::new(message.as_bytes());
        match &self.generation {
            Generation::V1_36(table) => {
                if let Some(log) = table.log {
                    // SAFETY: the message outlives the call; Envoy copies it.
                    unsafe { log(level as u32, message.ptr, message.length) }
                }
            }
            Generation::V1_37(table) => {
                if let Some(log) = table.log {
                    // SAFETY: the message outlives the call; Envoy copies it.
                    unsafe { log(level as u32, message) }
                }
            }
        }
    }
}

/// The callbacks, bound to one stream's filter.
///
/// Invariant: `filter` is Envoy's live filter object. Hooks construct this from what Envoy passed
/// and hand it out only until Envoy has destroyed the filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterCallbacks {
    filter: FilterEnvoyPtr,
    callbacks: &'static Callbacks,
}

impl FilterCallbacks {
    /// # Safety
    /// `filter` must be Envoy's live filter object for as long as the result is used.
    pub(crate) unsafe fn new(filter: FilterEnvoyPtr, callbacks: &'static Callbacks) -> Self {
        Self { filter, callbacks }
    }
}

/// The callbacks, bound to one filter configuration.
///
/// Invariant: `config` is Envoy's live configuration object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConfigCallbacks {
    config: FilterConfigEnvoyPtr,
    callbacks: &'static Callbacks,
}

impl ConfigCallbacks {
    /// # Safety
    /// `config` must be Envoy's live configuration object for as long as the result is used.
    pub(crate) unsafe fn new(config: FilterConfigEnvoyPtr, callbacks: &'static Callbacks) -> Self {
        Self { config, callbacks }
    }
}

/// `RTLD_DEFAULT` of glibc and musl: search everything the process has loaded.
const RTLD_DEFAULT: *mut c_void = std::ptr::null_mut();

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const std::ffi::c_char) -> *mut c_void;
}
