//! Log lines of this thread's modules.

use std::cell::{Cell, RefCell};

use envoy_proxy_dynamic_modules_rust_sdk::LogLevel;

thread_local! {
    static LINES: RefCell<Vec<(LogLevel, String)>> = const { RefCell::new(Vec::new()) };
    static LEVEL: Cell<u32> = const { Cell::new(LogLevel::Trace as u32) };
}

pub(crate) fn reset() {
    LINES.take();
    LEVEL.set(LogLevel::Trace as u32);
}

pub(crate) fn set_level(level: LogLevel) {
    LEVEL.set(level as u32);
}

pub(crate) fn enabled(level: u32) -> bool {
    LEVEL.get() <= level
}

pub(crate) fn write(level: u32, line: String) {
    let level = match level {
        0 => LogLevel::Trace,
        1 => LogLevel::Debug,
        2 => LogLevel::Info,
        3 => LogLevel::Warn,
        4 => LogLevel::Error,
        _ => LogLevel::Critical,
    };
    // Not on a thread that is going away: a test's helper thread may log while it ends.
    let _ = LINES.try_with(|lines| lines.borrow_mut().push((level, line)));
}

pub(crate) fn lines() -> Vec<(LogLevel, String)> {
    LINES.with_borrow(Clone::clone)
}
