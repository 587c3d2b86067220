//! The binary event stream of AWS, `application/vnd.amazon.eventstream`, message by message as it
//! passes: what Amazon Bedrock streams.
//!
//! A message has a prelude of its own length, the length of its headers and a checksum of both,
//! then headers, payload and a checksum of all before it. Numbers are big-endian, checksums CRC-32
//! (ISO-HDLC). <https://smithy.io/2.0/aws/amazon-eventstream.html> describes it.

mod message;
#[cfg(test)]
pub(crate) mod tests;

use std::mem;

pub use message::Message;
use message::Prelude;

/// Why a stream is not read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A checksum is not that of the bytes before it.
    #[error("a checksum of the event stream is wrong")]
    Checksum,
    /// The length of a message, or of its headers, is none that it can have.
    #[error("a length in the event stream is wrong")]
    Length,
    /// The headers of a message do not follow the format.
    #[error("the headers of a message of the event stream are wrong")]
    Headers,
    /// The stream ends within a message.
    #[error("the event stream ends within a message")]
    Incomplete,
}

/// Is told what a stream consists of, in order.
pub trait Visitor {
    /// A message has arrived whole, and its checksums are right.
    fn message(&mut self, message: Message<'_>);

    /// A message is too long to be held, and is passed over.
    fn too_long(&mut self);
}

/// Reads one stream, and holds its message that has not arrived whole.
#[derive(Clone, Debug)]
pub struct EventStream {
    /// The longest message to hold, in bytes.
    most: usize,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// The message so far.
    Message(Vec<u8>),
    /// What is left of a message that is too long, in bytes.
    TooLong(usize),
    /// Where the next message would begin is not known.
    Broken,
}

impl EventStream {
    /// Holds messages of at most so many bytes, their checksums included.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            state: State::Message(Vec::new()),
        }
    }

    /// Takes the next bytes of the stream. Every message that they end is told; one that lies whole
    /// among them is not copied.
    ///
    /// # Errors
    ///
    /// The stream does not follow the format. Whatever comes after that is not looked at.
    pub fn feed(&mut self, chunk: &[u8], visitor: &mut impl Visitor) -> Result<(), Error> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let state = mem::replace(&mut self.state, State::Broken);
            (self.state, rest) = match state {
                State::Broken => return Ok(()),
                State::TooLong(left) if left > rest.len() => (
                    State::TooLong(left.saturating_sub(rest.len())),
                    Default::default(),
                ),
                State::TooLong(left) => {
                    let after = rest.get(left..).unwrap_or_default();
                    (State::Message(Vec::new()), after)
                }
                State::Message(held) => self.read(held, rest, visitor)?,
            };
        }
        Ok(())
    }

    /// The stream has ended.
    ///
    /// # Errors
    ///
    /// It ends within a message.
    pub fn finish(&mut self) -> Result<(), Error> {
        match mem::replace(&mut self.state, State::Broken) {
            State::Message(held) if held.is_empty() => Ok(()),
            State::Broken => Ok(()),
            State::Message(_) | State::TooLong(_) => Err(Error::Incomplete),
        }
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        match &self.state {
            State::Message(held) => held.len(),
            State::TooLong(_) | State::Broken => 0,
        }
    }

    /// Reads the message of which `held` has arrived before `rest`.
    fn read<'c>(
        &self,
        mut held: Vec<u8>,
        rest: &'c [u8],
        visitor: &mut impl Visitor,
    ) -> Result<(State, &'c [u8]), Error> {
        let mut rest = rest;
        if !held.is_empty() {
            rest = fill(&mut held, Prelude::LENGTH, rest);
        }
        let begun = if held.is_empty() { rest } else { &held };
        let Some(prelude) = Prelude::of(begun)? else {
            held.extend_from_slice(rest);
            return Ok((State::Message(held), &[]));
        };
        if prelude.length > self.most {
            visitor.too_long();
            let left = prelude.length.saturating_sub(held.len());
            return Ok((State::TooLong(left), rest));
        }
        if held.is_empty()
            && let Some((message, after)) = rest.split_at_checked(prelude.length)
        {
            visitor.message(Message::of(message, prelude)?);
            return Ok((State::Message(held), after));
        }
        let after = fill(&mut held, prelude.length, rest);
        if held.len() == prelude.length {
            visitor.message(Message::of(&held, prelude)?);
            held.clear();
        }
        Ok((State::Message(held), after))
    }
}

/// Fills `held` up to `length` bytes with what follows it, and returns what is left.
fn fill<'r>(held: &mut Vec<u8>, length: usize, rest: &'r [u8]) -> &'r [u8] {
    let missing = length.saturating_sub(held.len());
    let (more, after) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
    held.extend_from_slice(more);
    after
}
