//! Keeps panics out of Envoy: unwinding into it, or aborting, would take the whole proxy down.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::envoy_log_error;

/// What a panic carried, as text.
#[derive(Debug)]
pub(crate) struct Panic(String);

impl Panic {
    fn new(payload: Box<dyn Any + Send>) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a payload that is not text".to_owned());
        drop_quietly(payload);
        Self(text)
    }

    /// Logs the panic of `hook` at error level.
    pub(crate) fn log(&self, hook: &'static str) {
        envoy_log_error!("panic in {hook}: {}", self.0);
    }
}

/// Runs `code`; a panic becomes an error.
///
/// Unwind safety is asserted: after a panic in a hook the filter is dropped and never used again,
/// and this crate's own state is made of `Cell`s that hold valid values at any time.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(code)).map_err(Panic::new)
}

/// Runs `code`; a panic is logged as one of `hook` and becomes `None`.
pub(crate) fn quietly<T>(hook: &'static str, code: impl FnOnce() -> T) -> Option<T> {
    catch(code).inspect_err(|panic| panic.log(hook)).ok()
}

/// Drops `value`; a panic of its destructor is logged.
pub(crate) fn drop_quietly<T>(value: T) {
    let drop_caught =
        |payload| catch_unwind(AssertUnwindSafe(|| drop::<Box<dyn Any + Send>>(payload)));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        envoy_log_error!("panic while dropping the module's data");
        if let Err(payload) = drop_caught(payload) {
            std::mem::forget(payload); // this could go on for ever: leak it
        }
    }
}

/// Lets go of one reference; a panic of the destructor, if it was the last, is logged.
pub(crate) fn release<T>(shared: Rc<T>) {
    if Rc::strong_count(&shared) == 1 {
        drop_quietly(shared);
    }
}
