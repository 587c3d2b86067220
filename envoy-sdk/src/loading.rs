//! Whether a module and its host get along.

use std::ffi::{CStr, CString, c_char, c_void};
use std::fmt;
use std::path::Path;

use crate::abi::LogLevel;
use crate::callbacks::{Callbacks, Finder, Log, Missing};
use crate::executable;
use crate::host::{ABI_VERSION_VARIABLE, Host};

/// Environment variable that, when `true`, lets the module run in a host without a callback that
/// its release should have; a warning names those that are missing. What needs them does nothing
/// then. Callbacks that every release has stay required.
pub const ALLOW_MISSING_CALLBACKS_VARIABLE: &str = "RUSTFORMATIONS_ALLOW_MISSING_CALLBACKS";

/// What a module sees of the process it is loaded into. A fake host answers in its place.
#[doc(hidden)]
pub trait Process {
    /// The address of an exported callback; null when there is none.
    fn callback(&self, name: &CStr) -> *const c_void;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// Whether Envoy will accept `version`, as far as can be known.
    fn knows_abi_version(&self, version: &CStr) -> bool;

    /// Writes a line where it is seen without Envoy's log.
    fn write_error(&self, line: &str);

    /// Keeps the callbacks for as long as the process may use them.
    fn keep(&self, callbacks: Callbacks) -> &'static Callbacks;
}

/// The process that this code runs in.
pub(crate) struct ThisProcess;

impl Process for ThisProcess {
    fn callback(&self, name: &CStr) -> *const c_void {
        // SAFETY: `dlsym` reads the NUL-terminated name and nothing else.
        unsafe { dlsym(RTLD_DEFAULT, name.as_ptr()) }
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn knows_abi_version(&self, version: &CStr) -> bool {
        executable::may_know(Path::new(executable::OF_THIS_PROCESS), version)
    }

    fn write_error(&self, line: &str) {
        eprintln!("{line}");
    }

    fn keep(&self, callbacks: Callbacks) -> &'static Callbacks {
        Box::leak(Box::new(callbacks))
    }
}

/// `RTLD_DEFAULT` of glibc and musl: search everything the process has loaded.
const RTLD_DEFAULT: *mut c_void = std::ptr::null_mut();

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

/// Why the module does not run in this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not an Envoy that this crate knows.
    UnknownHost,
    /// Callbacks that every host of the generation has.
    Required { host: Host, names: String },
    /// Callbacks that every host of the release has.
    Optional { host: Host, names: String },
    /// Envoy compares the version, and its executable does not contain this one.
    AbiVersion { host: Host, version: String },
    /// The module's `init` returned false.
    Declined,
    /// The module's `init` panicked.
    Panicked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost => {
                formatter
                    .write_str("the host is no Envoy of 1.36.3 or later: it exports none of ")?;
                for (index, name) in Host::generation_markers().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(formatter, "{separator}{}", name.to_string_lossy())?;
                }
                formatter.write_str("; use an Envoy that this module supports")
            }
            Self::Required { host, names } => write!(
                formatter,
                "this Envoy ({}) lacks callbacks that the module cannot do without: {names}; use an \
                 Envoy that this module supports, or a module that supports this Envoy",
                host.release()
            ),
            Self::Optional { host, names } => write!(
                formatter,
                "this Envoy ({}) lacks callbacks that its release should have: {names}; use an Envoy \
                 that this module supports, or set {ALLOW_MISSING_CALLBACKS_VARIABLE}=true to go \
                 without what needs them",
                host.release()
            ),
            Self::AbiVersion { host, version } => write!(
                formatter,
                "this Envoy ({}) does not know the ABI version that the module reports, `{version}`; \
                 set {ABI_VERSION_VARIABLE} to the one that Envoy expects",
                host.release()
            ),
            Self::Declined => formatter.write_str("its init() declined"),
            Self::Panicked => formatter.write_str("its init() panicked"),
        }
    }
}

/// Which host it is.
pub(crate) fn host(process: &dyn Process) -> Result<Host, Refusal> {
    Host::detect(&|name| process.callback(name)).ok_or(Refusal::UnknownHost)
}

/// The host's log, if it has one, and its callbacks, if it has all of them.
pub(crate) fn callbacks(
    process: &dyn Process,
    host: Host,
) -> (Option<Log>, Result<&'static Callbacks, Refusal>) {
    let resolve = |name: &CStr| process.callback(name);
    let mut finder = Finder::new(host, &resolve);
    let log = Log::load(&mut finder);
    let callbacks = Callbacks::load(&mut finder);
    let Missing { required, optional } = finder.missing();
    let refused = match callbacks {
        Some(callbacks) if required.is_empty() => {
            if optional.is_empty() {
                return (log, Ok(process.keep(callbacks)));
            }
            let names = optional.join(", ");
            if allows_missing(process) {
                let host = host.release();
                let line =
                    format!("this Envoy ({host}) lacks {names}: what needs them does nothing");
                if let Some(log) = log {
                    log.write(LogLevel::Warn, &line);
                }
                return (log, Ok(process.keep(callbacks)));
            }
            Refusal::Optional { host, names }
        }
        _ => {
            let mut names = required;
            names.extend(optional);
            let names = names.join(", ");
            Refusal::Required { host, names }
        }
    };
    (log, Err(refused))
}

fn allows_missing(process: &dyn Process) -> bool {
    process
        .variable(ALLOW_MISSING_CALLBACKS_VARIABLE)
        .is_some_and(|value| value == "true")
}

/// The ABI version to report, the environment's or else the host's own, and what speaks against it.
pub(crate) fn abi_version(process: &dyn Process, host: Host) -> (CString, Option<Refusal>) {
    let version = process
        .variable(ABI_VERSION_VARIABLE)
        .filter(|value| !value.is_empty())
        .and_then(|value| CString::new(value).ok())
        .unwrap_or_else(|| host.abi_version().to_owned());
    let refused = host.compares_abi_version() && !process.knows_abi_version(&version);
    let refusal = refused.then(|| Refusal::AbiVersion {
        host,
        version: version.to_string_lossy().into_owned(),
    });
    (version, refusal)
}
