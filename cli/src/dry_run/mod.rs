//! A dry run: an exchange played in memory, by the engine that the module has.

mod changes;
mod choice;
mod pretty;
mod transcript;

use std::sync::Arc;

use cases::{Message, Piece};
use transformations::testing::{Host, Message as Played, Neighbour};
use transformations::{Chain, Direction, Program, Session};

pub use changes::{HeaderChange, Line};
pub use choice::{Choice, NoChoice};
pub use transcript::{Answered, Became, Came, Metadata, Outcome, Passage, Step, Transcript};

/// What is played.
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
        let response = self.response.as_ref();
        let mut host = Host::new(
            arriving(&self.request),
            response.map(arriving).unwrap_or_default(),
        );
        host.chain = self.chain;
        let mut session = Session::new(Arc::clone(&self.program));
        host.play_one(&mut session, Direction::Request, Neighbour::None);
        let answered = host.reply.is_some() || host.reset.is_some();
        if response.is_some() && !answered {
            host.play_one(&mut session, Direction::Response, Neighbour::None);
        }
        session.on_complete(&mut host);
        let labels = self.program.meters();
        let labels = labels.map_or(&[][..], |meters| meters.label_names());
        Transcript::of(self, &host, labels)
    }
}

/// A message in memory.
fn arriving(message: &Message) -> Played {
    Played {
        headers: message.fields.clone(),
        chunks: message
            .body
            .pieces()
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect(),
        trailers: !message.trailers.is_empty(),
        broken_off: message.broken_off,
    }
}

/// A body in pieces of this many bytes.
pub fn pieces(body: &[u8], size: usize) -> Vec<Piece> {
    body.chunks(size.max(1)).map(Piece::from).collect()
}
