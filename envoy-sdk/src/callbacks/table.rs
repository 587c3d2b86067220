//! How callbacks are looked up, and which of them a host must have.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use crate::host::Host;

/// Finds the address of a callback by its name; null when the host has none.
pub type Resolver<'a> = &'a dyn Fn(&CStr) -> *const c_void;

/// What every callback's name begins with.
const PREFIX: &str = "envoy_dynamic_module_callback_";

/// Looks up the callbacks of one host and notes which it lacks.
pub(crate) struct Finder<'a> {
    host: Host,
    resolve: Resolver<'a>,
    missing: Missing,
}

/// The callbacks that a host lacks, without the prefix that all names share.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// Those without which the module does not run.
    pub(crate) required: Vec<&'static str>,
    /// Those that the host's release has and this host has not.
    pub(crate) optional: Vec<&'static str>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(host: Host, resolve: Resolver<'a>) -> Self {
        Self {
            host,
            resolve,
            missing: Missing::default(),
        }
    }

    /// What was looked up in vain.
    pub(crate) fn missing(self) -> Missing {
        self.missing
    }

    pub(super) fn host(&self) -> Host {
        self.host
    }

    /// A callback that every host of its generation has.
    pub(super) fn required(&mut self, symbol: &'static CStr) -> Option<NonNull<c_void>> {
        let found = self.extra(symbol);
        if found.is_none() {
            self.missing.required.push(name(symbol));
        }
        found
    }

    /// A callback that every host from `release` on has.
    pub(super) fn since(
        &mut self,
        release: Host,
        symbol: &'static CStr,
    ) -> Option<NonNull<c_void>> {
        let found = self.extra(symbol);
        if found.is_none() && self.host >= release {
            self.missing.optional.push(name(symbol));
        }
        found
    }

    /// A callback that no release of Envoy has: nobody misses it.
    pub(super) fn extra(&self, symbol: &'static CStr) -> Option<NonNull<c_void>> {
        NonNull::new((self.resolve)(symbol).cast_mut())
    }
}

/// A callback's name without its prefix.
fn name(symbol: &'static CStr) -> &'static str {
    let symbol = symbol.to_str().unwrap_or_default();
    symbol.strip_prefix(PREFIX).unwrap_or(symbol)
}

/// Declares a table of callbacks. A field's name is the symbol without
/// `envoy_dynamic_module_callback_`.
///
/// - `types` are required callbacks that share a named type, `functions` the other required ones.
/// - `since` are those that came with a later release, and `extra` those that only Envoys of other
///   vendors have. Both are optional fields.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident {
        $(types { $($type:ident: $($member:ident),+;)+ })?
        functions { $($callback:ident($($argument:ty),*) $(-> $result:ty)?;)+ }
        $(since $release:ident {
            $($later:ident($($later_argument:ty),*) $(-> $later_result:ty)?;)+
        })*
        $(extra { $($extra:ident($($extra_argument:ty),*) $(-> $extra_result:ty)?;)+ })?
    }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $($($(pub(crate) $member: $type,)+)+)?
            $(pub(crate) $callback: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)+
            $($(
                #[doc = concat!("Since ", stringify!($release), ".")]
                pub(crate) $later:
                    Option<unsafe extern "C-unwind" fn($($later_argument),*) $(-> $later_result)?>,
            )+)*
            $($(
                pub(crate) $extra:
                    Option<unsafe extern "C-unwind" fn($($extra_argument),*) $(-> $extra_result)?>,
            )+)?
        }

        impl $name {
            /// Looks up every callback, also after one was missing: the list is to be complete.
            pub(super) fn load(finder: &mut $crate::callbacks::Finder<'_>) -> Option<Self> {
                $($($(let $member = table!(@function $type, finder.required($member));)+)+)?
                $(let $callback = table!(
                    @function unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,
                    finder.required($callback)
                );)+
                $($(let $later = table!(
                    @function unsafe extern "C-unwind" fn($($later_argument),*) $(-> $later_result)?,
                    finder.since($later, $crate::host::Host::$release)
                );)+)*
                $($(let $extra = table!(
                    @function unsafe extern "C-unwind" fn($($extra_argument),*) $(-> $extra_result)?,
                    finder.extra($extra)
                );)+)?
                Some(Self {
                    $($($($member: $member?,)+)+)?
                    $($callback: $callback?,)+
                    $($($later,)+)*
                    $($($extra,)+)?
                })
            }
        }
    };
    (@function $function:ty, $finder:ident.$find:ident($callback:ident $(, $release:expr)?)) => {{
        const SYMBOL: &::std::ffi::CStr = match ::std::ffi::CStr::from_bytes_with_nul(
            concat!("envoy_dynamic_module_callback_", stringify!($callback), "\0").as_bytes(),
        ) {
            Ok(symbol) => symbol,
            Err(_) => c"",
        };
        let address = $finder.$find($($release,)? SYMBOL);
        // SAFETY: both types are one pointer with null for `None`; an address is that of the function
        // which the host exports under this name, and all hosts of the table's generation give it
        // the signature that is declared here.
        unsafe {
            ::std::mem::transmute::<Option<::std::ptr::NonNull<::std::ffi::c_void>>, Option<$function>>(
                address,
            )
        }
    }};
}
pub(super) use table;
