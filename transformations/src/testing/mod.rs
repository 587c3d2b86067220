//! A host in memory, for tests of configurations and of the engine itself: it plays an exchange in
//! any pieces, beside neighbours that hold bodies, as Envoy does.
//!
//! ```
//! use std::sync::Arc;
//! use transformations::testing::{Host, Message, Neighbour};
//! use transformations::{Program, Session};
//!
//! let config = br#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
//! let program = Arc::new(Program::load(config)?.program);
//! let request = Message::new(&[(":method", "POST")], [r#"{"mod"#, r#"el": "gpt-4o"}"#]);
//!
//! let mut host = Host::new(request, Message::default());
//! host.play(&mut Session::new(program), Neighbour::None);
//!
//! assert_eq!(host.request.values("x-gateway-model-name"), ["gpt-4o"]);
//! assert_eq!(host.request.body(), br#"{"model": "gpt-4o"}"#);
//! # Ok::<(), transformations::ConfigErrors>(())
//! ```

mod host;
mod message;
mod ops;
mod play;
mod surroundings;

pub use host::{Host, Route};
pub use message::Message;
pub use play::Neighbour;
pub use surroundings::Surroundings;
