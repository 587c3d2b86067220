//! A dry run: an exchange played in memory, by the engine that the module has.

mod changes;
mod choice;
mod course;
mod exchange;
mod playing;
mod pretty;
mod stage;
mod surroundings;
mod transcript;

use cases::Piece;

pub use changes::{HeaderChange, Line};
pub use choice::NoChoice;
pub use course::Course;
pub use exchange::{Exchange, LeadsTo, Played, Received, Routed, Sent};
pub use transcript::{Answered, Became, Came, Metadata, Outcome, Passage, Step, Transcript};

/// A body in pieces of this many bytes.
pub fn pieces(body: &[u8], size: usize) -> Vec<Piece> {
    body.chunks(size.max(1)).map(Piece::from).collect()
}
