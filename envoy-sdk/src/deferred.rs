//! What a hook asked Envoy to do that may run other hooks of the stream or destroy its filter.
//!
//! Up to Envoy 1.39, sending a response outside the request hooks destroys the filter before the
//! call returns, and resuming a stream runs its body hooks inside the call. So these actions wait
//! until no hook of the stream's filter is on the stack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::abi::StreamResetReason;
use crate::attribute::AttributeId;
use crate::callbacks::FilterCallbacks;
use crate::flow::{LocalReply, OwnedHeaders, Reset, StreamedReply};

/// One action.
#[derive(Debug)]
pub(crate) enum Action {
    Reply(Box<LocalReply>),
    BeginReply(Box<StreamedReply>),
    SendData { data: Vec<u8>, end_of_stream: bool },
    SendTrailers(OwnedHeaders),
    Reset(Box<Reset>),
    ContinueDecoding,
    ContinueEncoding,
}

impl Action {
    /// Whether the stream is over for the module once this is done.
    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self, Self::Reply(_) | Self::Reset(_))
    }

    pub(crate) fn perform(&self, callbacks: FilterCallbacks) {
        match self {
            Self::Reply(reply) => {
                let status = reply.status.into();
                let mut headers = reply.headers.lend();
                if !reply.headers.has("grpc-status") {
                    headers.extend(callbacks.grpc_status(status));
                }
                callbacks.send_response(status, &headers, &reply.body, &reply.details);
            }
            Self::BeginReply(reply) => {
                callbacks.send_response_headers(&reply.headers.lend(), false);
            }
            Self::SendData {
                data,
                end_of_stream,
            } => callbacks.send_response_data(data, *end_of_stream),
            Self::SendTrailers(trailers) => callbacks.send_response_trailers(&trailers.lend()),
            Self::Reset(reset) => {
                let Reset { reason, details } = &**reset;
                if !callbacks.reset_stream(possible(*reason, callbacks), details) {
                    let headers: Vec<_> = callbacks.grpc_status(500).into_iter().collect();
                    callbacks.send_response(500, &headers, &[], details);
                }
            }
            Self::ContinueDecoding => callbacks.continue_decoding(),
            Self::ContinueEncoding => callbacks.continue_encoding(),
        }
    }
}

/// A request that has a host may be under way, and must not be refused as one that a client may send again. In a
/// cluster's chain the router would do so while the filter is on the stack, which Envoy does not survive.
fn possible(reason: StreamResetReason, callbacks: FilterCallbacks) -> StreamResetReason {
    match has_host(callbacks) {
        true => StreamResetReason::LocalReset,
        false => reason,
    }
}

/// Whether a host was chosen for the request, as always in a cluster's chain. Silent on every release.
pub(crate) fn has_host(callbacks: FilterCallbacks) -> bool {
    callbacks
        .attribute_string(AttributeId::UpstreamAddress)
        .is_some()
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
        let actions = self.actions.try_borrow();
        actions.is_ok_and(|actions| actions.is_empty())
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
    pub(crate) fn next(&self) -> Option<Action> {
        self.actions.borrow_mut().pop_front()
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
