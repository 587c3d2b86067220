//! A dry run: an exchange played in memory, by the engine that the module has.

mod changes;
mod choice;
mod course;
mod exchange;
mod pretty;
mod stage;
mod surroundings;
mod transcript;

use std::sync::Arc;

use cases::{Message, Piece};
use transformations::{Chain, Program};

pub use changes::{HeaderChange, Line};
pub use choice::{Choice, NoChoice};
pub use course::Course;
pub use exchange::{Exchange, LeadsTo, Played, Received, Routed, Sent};
pub use transcript::{Answered, Became, Came, Metadata, Outcome, Passage, Step, Transcript};

use stage::{Passed, Stage};

/// An exchange with one filter.
#[derive(Debug)]
pub struct DryRun {
    /// The listener's program.
    pub program: Arc<Program>,
    /// The chain that the filter is in.
    pub chain: Chain,
    /// What the client sends.
    pub request: Message,
    /// What the upstream answers. Without it the exchange ends with the request.
    pub response: Option<Message>,
}

impl DryRun {
    /// Plays the exchange.
    pub fn play(&self) -> Transcript {
        let mut stage = Stage::new(&self.program, self.chain, self.request.clone());
        let metadata = &mut Vec::new();
        if let (Passed::On(_), Some(response)) = (stage.request(metadata), &self.response) {
            stage.response(response.clone(), metadata);
        }
        stage.end()
    }
}

/// A body in pieces of this many bytes.
pub fn pieces(body: &[u8], size: usize) -> Vec<Piece> {
    body.chunks(size.max(1)).map(Piece::from).collect()
}
