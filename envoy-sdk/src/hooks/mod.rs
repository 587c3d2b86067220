//! The functions Envoy calls, by the names it looks up.
//!
//! Every hook checks its pointers, catches panics and has an explicit value to fail with. A null
//! module pointer means that the stream is gone: the hook passes.

mod callout_stream;
pub(crate) mod config;
mod message;
mod stream;

pub use callout_stream::*;
pub use config::*;
pub use message::*;
pub use stream::*;

use crate::HttpBody;

/// The hooks in which a module's code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    New,
    RequestHeaders,
    RequestBody,
    RequestTrailers,
    ResponseHeaders,
    ResponseBody,
    ResponseTrailers,
    StreamComplete,
    LocalReply,
    Scheduled,
    HttpCalloutDone,
    AboveWriteBufferHighWatermark,
    BelowWriteBufferLowWatermark,
}

impl Hook {
    /// The message whose hook this is.
    #[inline]
    pub(crate) fn message(self) -> Option<HttpBody> {
        match self {
            Self::RequestHeaders | Self::RequestBody | Self::RequestTrailers => {
                Some(HttpBody::Request)
            }
            Self::ResponseHeaders | Self::ResponseBody | Self::ResponseTrailers => {
                Some(HttpBody::Response)
            }
            _ => None,
        }
    }

    /// Whether the connection to the client runs it.
    pub(crate) fn is_of_watermark(self) -> bool {
        matches!(
            self,
            Self::AboveWriteBufferHighWatermark | Self::BelowWriteBufferLowWatermark
        )
    }

    /// The name in logs: Envoy's, without `envoy_dynamic_module_on_http_filter_`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::RequestHeaders => "request_headers",
            Self::RequestBody => "request_body",
            Self::RequestTrailers => "request_trailers",
            Self::ResponseHeaders => "response_headers",
            Self::ResponseBody => "response_body",
            Self::ResponseTrailers => "response_trailers",
            Self::StreamComplete => "stream_complete",
            Self::LocalReply => "local_reply",
            Self::Scheduled => "scheduled",
            Self::HttpCalloutDone => "http_callout_done",
            Self::AboveWriteBufferHighWatermark => "downstream_above_write_buffer_high_watermark",
            Self::BelowWriteBufferLowWatermark => "downstream_below_write_buffer_low_watermark",
        }
    }
}
