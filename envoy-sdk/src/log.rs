//! Envoy's log. Messages go to the logger `dynamic_modules`.

use std::fmt::Arguments;

pub use crate::abi::LogLevel;
use crate::program;

/// Whether a message of this level would be written. The macros ask before they format.
pub fn enabled(level: LogLevel) -> bool {
    program::logs(level)
}

/// Writes one line, whether or not the level is enabled. Nothing before Envoy has initialized the
/// module.
pub fn write(level: LogLevel, message: Arguments<'_>) {
    let Some(log) = program::log() else {
        return;
    };
    match message.as_str() {
        Some(text) => log.write(level, text),
        None => log.write(level, &message.to_string()),
    }
}

/// Logs at the given [`LogLevel`]; arguments as for [`format!`], evaluated only when the level is
/// enabled.
#[macro_export]
macro_rules! envoy_log {
    ($level:expr, $($argument:tt)+) => {{
        let level: $crate::LogLevel = $level;
        if $crate::log::enabled(level) {
            $crate::log::write(level, ::std::format_args!($($argument)+));
        }
    }};
}

/// Logs at trace level; see [`envoy_log!`](crate::envoy_log).
#[macro_export]
macro_rules! envoy_log_trace {
    ($($argument:tt)+) => { $crate::envoy_log!($crate::LogLevel::Trace, $($argument)+) };
}

/// Logs at debug level; see [`envoy_log!`](crate::envoy_log).
#[macro_export]
macro_rules! envoy_log_debug {
    ($($argument:tt)+) => { $crate::envoy_log!($crate::LogLevel::Debug, $($argument)+) };
}

/// Logs at info level; see [`envoy_log!`](crate::envoy_log).
#[macro_export]
macro_rules! envoy_log_info {
    ($($argument:tt)+) => { $crate::envoy_log!($crate::LogLevel::Info, $($argument)+) };
}

/// Logs at warn level; see [`envoy_log!`](crate::envoy_log).
#[macro_export]
macro_rules! envoy_log_warn {
    ($($argument:tt)+) => { $crate::envoy_log!($crate::LogLevel::Warn, $($argument)+) };
}

/// Logs at error level; see [`envoy_log!`](crate::envoy_log).
#[macro_export]
macro_rules! envoy_log_error {
    ($($argument:tt)+) => { $crate::envoy_log!($crate::LogLevel::Error, $($argument)+) };
}

/// Logs at critical level; see [`envoy_log!`](crate::envoy_log).
#[macro_export]
macro_rules! envoy_log_critical {
    ($($argument:tt)+) => { $crate::envoy_log!($crate::LogLevel::Critical, $($argument)+) };
}
