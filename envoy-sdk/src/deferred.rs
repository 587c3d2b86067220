//! What a hook asked Envoy to do that may run other hooks of the stream or destroy its filter.
//!
//! Up to Envoy 1.39, sending a response outside the request hooks destroys the filter before the
//! call returns, and resuming a stream runs its body hooks inside the call. So these actions wait
//! until no hook of the stream's filter is on the stack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::abi::{RawModuleHeader, StreamResetReason};
use crate::callbacks::FilterCallbacks;

/// A header list of the module's own.
pub(crate) type OwnedHeaders = Vec<(String, Vec<u8>)>;

/// One action.
#[derive(Debug)]
pub(crate) enum Action {
    SendResponse {
        status: u32,
        headers: OwnedHeaders,
        body: Vec<u8>,
        details: String,
    },
    SendResponseHeaders {
        headers: OwnedHeaders,
        end_of_stream: bool,
    },
    SendResponseData {
        data: Vec<u8>,
        end_of_stream: bool,
    },
    SendResponseTrailers {
        trailers: OwnedHeaders,
    },
    ResetStream {
        reason: StreamResetReason,
        details: String,
    },
    ContinueDecoding,
    ContinueEncoding,
}

impl Action {
    /// Whether the stream is over for the module once this is done.
    fn ends_stream(&self) -> bool {
        matches!(self, Self::SendResponse { .. } | Self::ResetStream { .. })
    }

    fn perform(&self, callbacks: FilterCallbacks) {
        match self {
            Self::SendResponse {
                status,
                headers,
                body,
                details,
            } => callbacks.send_response(*status, &lend(headers), body, details),
            Self::SendResponseHeaders {
                headers,
                end_of_stream,
            } => callbacks.send_response_headers(&lend(headers), *end_of_stream),
            Self::SendResponseData {
                data,
                end_of_stream,
            } => callbacks.send_response_data(data, *end_of_stream),
            Self::SendResponseTrailers { trailers } => {
                callbacks.send_response_trailers(&lend(trailers));
            }
            Self::ResetStream { reason, details } => {
                if !callbacks.reset_stream(*reason, details) {
                    callbacks.send_response(500, &[], &[], details);
                }
            }
            Self::ContinueDecoding => callbacks.continue_decoding(),
            Self::ContinueEncoding => callbacks.continue_encoding(),
        }
    }
}

/// The headers as Envoy takes them, valid as long as `headers`.
pub(crate) fn lend(headers: &[(String, Vec<u8>)]) -> Vec<RawModuleHeader> {
    headers
        .iter()
        .map(|(name, value)| RawModuleHeader::new(name.as_bytes(), value))
        .collect()
}

/// The actions of one stream, in the order they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    actions: RefCell<VecDeque<Action>>,
    closed: Cell<bool>,
}

impl Queue {
    /// Adds an action; false, and nothing, when the queue is closed.
    pub(crate) fn push(&self, action: Action) -> bool {
        if self.closed.get() {
            return false;
        }
        self.actions.borrow_mut().push_back(action);
        true
    }

    /// Whether nothing is waiting, as nearly always.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.actions.borrow().is_empty()
    }

    /// Takes what is waiting aside while a hook runs that one of these actions called: what that
    /// hook asks for comes first, and the rest only after its action is done.
    pub(crate) fn set_aside(&self) -> Aside<'_> {
        Aside {
            queue: self,
            actions: self.actions.take(),
        }
    }

    /// Drops what is waiting.
    #[inline]
    pub(crate) fn clear(&self) {
        if !self.is_empty() {
            self.drop_waiting();
        }
    }

    #[inline(never)]
    fn drop_waiting(&self) {
        self.actions.take();
    }

    /// Drops what is waiting and everything that will be asked for.
    #[inline]
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.clear();
    }

    /// The next action. No borrow is held while Envoy performs it.
    fn next(&self) -> Option<Action> {
        self.actions.borrow_mut().pop_front()
    }

    /// Performs what is waiting. `callbacks` says whether the stream is still there; it is asked
    /// before each action because the previous one may have ended it.
    pub(crate) fn perform(&self, callbacks: impl Fn() -> Option<FilterCallbacks>) {
        while let Some(action) = self.next() {
            let Some(callbacks) = callbacks() else {
                self.close();
                return;
            };
            if action.ends_stream() {
                self.close();
            }
            action.perform(callbacks);
        }
    }
}

/// What [`Queue::set_aside`] took; put back when this goes, also while a panic unwinds.
#[derive(Debug)]
pub(crate) struct Aside<'q> {
    queue: &'q Queue,
    actions: VecDeque<Action>,
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        if !self.actions.is_empty() && !self.queue.closed.get() {
            let mut actions = self.queue.actions.borrow_mut();
            self.actions.append(&mut actions);
            std::mem::swap(&mut *actions, &mut self.actions);
        }
    }
}
