//! The handle lent to every hook: one stream, seen through Envoy's callbacks.

mod body;
mod callout;
mod headers;
mod last_frame;
mod metadata;
mod metrics;
mod response;
mod scheduler;
mod stream;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

pub use callout::HttpCalloutInitError;
pub(crate) use last_frame::{Fate, Passed};
pub use scheduler::EnvoyHttpFilterScheduler;

use crate::abi::RawEnvoyBuffer;
use crate::buffer::EnvoyBuffer;
use crate::callbacks::FilterCallbacks;
use crate::hooks::Hook;
use crate::instance::Instance;

/// One of the two bodies of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpBody {
    /// The request's.
    Request,
    /// The response's.
    Response,
}

/// One stream, lent to a hook.
///
/// What is read is borrowed from the handle and lives until the next call that takes `&mut self`,
/// because any such call may move the data in Envoy.
///
/// Once Envoy has destroyed its filter, for instance because a nested hook sent a response, every
/// method is inert: it does nothing and returns `None`, `false` or an empty list. Inside
/// [`crate::HttpFilterConfig::new_http_filter`] only metrics work.
pub struct EnvoyHttpFilter {
    instance: Rc<Instance>,
    hook: Hook,
    end_of_stream: bool,
    /// Values that Envoy would free before the borrow ends. Only ever pushed to under `&self`.
    copies: RefCell<Option<Box<Copies>>>,
}

/// Few hooks copy anything: apart from the handle, to be neither made nor dropped for nothing.
#[derive(Default)]
struct Copies(Vec<Rc<[u8]>>);

impl EnvoyHttpFilter {
    pub(crate) fn new(instance: Rc<Instance>, hook: Hook, end_of_stream: bool) -> Self {
        Self {
            instance,
            hook,
            end_of_stream,
            copies: RefCell::new(None),
        }
    }

    /// The hook that the handle is lent to, and whether it ends its message.
    pub(crate) fn hook(&self) -> (Hook, bool) {
        (self.hook, self.end_of_stream)
    }

    /// The instance, when the hook is over.
    pub(crate) fn into_instance(self) -> Rc<Instance> {
        self.instance
    }

    /// The callbacks, while the stream is attached.
    fn callbacks(&self) -> Option<FilterCallbacks> {
        if self.hook == Hook::New {
            return None; // Envoy would follow a null pointer
        }
        self.instance.live()
    }

    /// Gives a buffer of Envoy's the lifetime of the borrow it was read under.
    fn borrow(&self, raw: RawEnvoyBuffer) -> EnvoyBuffer<'_> {
        // SAFETY: Envoy's buffers live until the stream is changed, and everything that changes it
        // takes `&mut self`.
        unsafe { EnvoyBuffer::from_raw(raw) }
    }

    /// Copies a buffer of Envoy's that lives shorter than a borrow of the handle.
    fn keep(&self, raw: RawEnvoyBuffer) -> EnvoyBuffer<'_> {
        let copy: Rc<[u8]> = Rc::from(self.borrow(raw).as_slice());
        let bytes: *const [u8] = &raw const *copy;
        let mut copies = self.copies.borrow_mut();
        copies.get_or_insert_default().0.push(copy);
        // SAFETY: the allocation is shared, never written and owned by the handle until it is
        // dropped; `&self` outlives the result.
        EnvoyBuffer::new(unsafe { &*bytes })
    }
}

impl fmt::Debug for EnvoyHttpFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EnvoyHttpFilter")
            .field("hook", &self.hook)
            .field("end_of_stream", &self.end_of_stream)
            .finish_non_exhaustive()
    }
}
