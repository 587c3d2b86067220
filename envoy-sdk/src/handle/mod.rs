//! The handles lent to hooks: one stream, seen through Envoy's callbacks.
//!
//! Each phase has a handle type with the calls that Envoy survives there. They are one object; a
//! wider type derefs to the narrower: [`EnvoyRequest`] and [`EnvoyEvent`] to [`EnvoyClient`], that and
//! [`EnvoyResponse`] to [`EnvoyOpenStream`], that to [`EnvoyHttpFilter`], and that to [`EnvoyMetrics`].

mod body;
mod callout;
mod headers;
mod last_frame;
mod metadata;
mod metrics;
mod phase;
mod reply;
mod scheduler;
mod settle;
mod stream;

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

pub use callout::HttpCalloutInitError;
pub(crate) use last_frame::{Fate, Passed};
pub use phase::{EnvoyClient, EnvoyEvent, EnvoyOpenStream, EnvoyRequest, EnvoyResponse};
pub use reply::ReplyStream;
pub use scheduler::EnvoyHttpFilterScheduler;
pub(crate) use scheduler::Schedulers;

use crate::abi::RawEnvoyBuffer;
use crate::buffer::EnvoyBuffer;
use crate::callbacks::FilterCallbacks;
use crate::hooks::Hook;
use crate::instance::Instance;

/// One of the two bodies of a stream: what was held back of it and the chunk of the running hook
/// count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpBody {
    /// The request's.
    Request,
    /// The response's.
    Response,
}

/// What works before Envoy has attached the stream: metrics, and which host this is.
pub struct EnvoyMetrics {
    instance: Rc<Instance>,
    hook: Hook,
    end_of_stream: bool,
    /// Another hook of the filter is on the stack.
    nested: bool,
    /// Values that Envoy would free before the borrow ends. Only ever pushed to under `&self`.
    copies: RefCell<Option<Box<Copies>>>,
}

/// Few hooks copy anything: apart from the handle, to be neither made nor dropped for nothing.
#[derive(Default)]
struct Copies(Vec<Rc<[u8]>>);

/// One stream, lent to a hook: what Envoy takes in every hook of an attached stream.
///
/// What is read is borrowed from the handle and lives until the next call that takes `&mut self`,
/// because any such call may move the data in Envoy.
///
/// Once Envoy has destroyed its filter, for instance because another filter answered inside a call,
/// every method is inert: it does nothing and returns `None`, `false`, 0, an empty list or an error.
#[repr(transparent)]
pub struct EnvoyHttpFilter(EnvoyMetrics);

impl Deref for EnvoyHttpFilter {
    type Target = EnvoyMetrics;

    fn deref(&self) -> &EnvoyMetrics {
        &self.0
    }
}

impl EnvoyMetrics {
    /// The whole stream, in a hook in which Envoy has attached it: for
    /// [`crate::HttpFilterConfig::on_panic`].
    pub fn as_attached(&mut self) -> Option<&mut EnvoyHttpFilter> {
        if !self.instance.is_attached(self.hook) {
            return None;
        }
        let handle: *mut Self = self;
        // SAFETY: the type is transparent over this one, and the borrow passes to the result.
        Some(unsafe { &mut *handle.cast::<EnvoyHttpFilter>() })
    }
}

impl EnvoyHttpFilter {
    pub(crate) fn new(instance: Rc<Instance>, hook: Hook, end_of_stream: bool) -> Self {
        Self(EnvoyMetrics {
            instance,
            hook,
            end_of_stream,
            nested: false,
            copies: RefCell::new(None),
        })
    }

    /// Notes that another hook of the filter is on the stack.
    #[cold]
    pub(crate) fn note_nested(&mut self) {
        self.0.nested = true;
    }

    /// Whether another hook of the filter is on the stack.
    fn is_nested(&self) -> bool {
        self.0.nested
    }

    /// The hook that the handle is lent to, and whether it ends its message.
    pub(crate) fn hook(&self) -> (Hook, bool) {
        (self.0.hook, self.0.end_of_stream)
    }

    /// The instance.
    pub(crate) fn instance(&self) -> Rc<Instance> {
        Rc::clone(&self.0.instance)
    }

    /// The instance, when the hook is over.
    pub(crate) fn into_instance(self) -> Rc<Instance> {
        self.0.instance
    }

    /// The part of the handle that works before the stream is attached.
    pub(crate) fn metrics(&mut self) -> &mut EnvoyMetrics {
        &mut self.0
    }

    /// The callbacks, while the stream is attached. To be had anew after each call that may run
    /// other filters: they may have had Envoy destroy this one.
    #[inline]
    fn callbacks(&self) -> Option<FilterCallbacks> {
        self.0.instance.live()
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
        let mut copies = self.0.copies.borrow_mut();
        copies.get_or_insert_default().0.push(copy);
        // SAFETY: the allocation is shared, never written and owned by the handle until it is
        // dropped; `&self` outlives the result.
        EnvoyBuffer::new(unsafe { &*bytes })
    }
}

impl fmt::Debug for EnvoyMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EnvoyMetrics")
            .field("hook", &self.hook)
            .field("end_of_stream", &self.end_of_stream)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EnvoyHttpFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("EnvoyHttpFilter")
            .field(&self.0)
            .finish()
    }
}
