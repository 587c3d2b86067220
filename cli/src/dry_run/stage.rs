//! One filter, while an exchange is played through it.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use cases::{Body, Message, Piece};
use transformations::testing::{Host, Message as Played, Neighbour, Route, Surroundings};
use transformations::{AttributeValue, Chain, Direction, Program, Reply, Session};

use super::transcript::Transcript;

/// A filter with a message before it.
pub(super) struct Stage {
    pub(super) request: Message,
    pub(super) response: Option<Message>,
    program: Arc<Program>,
    host: Host,
    session: Session,
    /// What this filter set of dynamic metadata, in order.
    set: Vec<Entry>,
}

/// An entry of dynamic metadata: namespace, key and value.
pub(super) type Entry = (String, String, AttributeValue);

/// What becomes of a message.
pub(super) enum Passed {
    /// It goes on, as this.
    On(Message),
    /// This is the answer in its place.
    Answered(Message),
    /// Neither: the stream is reset, or the message never ends.
    Ended,
}

impl Stage {
    /// A filter that the request reaches.
    pub(super) fn new(program: &Arc<Program>, chain: Chain, request: Message) -> Self {
        let mut host = Host::new(arriving(&request), Played::default());
        host.chain = chain;
        Self {
            request,
            response: None,
            program: Arc::clone(program),
            host,
            session: Session::new(Arc::clone(program)),
            set: Vec::new(),
        }
    }

    /// Puts the filter among what is around it, and routes with programs of their own.
    pub(super) fn amid(
        &mut self,
        surroundings: Arc<dyn Surroundings>,
        of_routes: &[Option<Arc<Program>>],
    ) {
        let route = |program: &Option<_>| Route::new(&[], program.clone());
        self.host.surroundings = Some(surroundings);
        self.host.routes = of_routes.iter().map(route).collect();
    }

    /// The number of the route that the exchange is on.
    pub(super) fn route(&self) -> Option<usize> {
        self.host.route_number()
    }

    /// Puts the exchange on a route, until this filter has one chosen again.
    pub(super) fn put_on_route(&mut self, number: Option<usize>) {
        self.host.put_on_route(number);
    }

    /// Whether this filter has ended the exchange.
    pub(super) fn has_ended_it(&self) -> bool {
        self.host.reply.is_some() || self.host.reset.is_some()
    }

    /// Plays the request. `metadata` is what the exchange has; what is set is added to it.
    pub(super) fn request(&mut self, metadata: &mut Vec<Entry>) -> Passed {
        self.play(Direction::Request, metadata)
    }

    /// Plays an answer, as [`request`](Self::request).
    pub(super) fn response(&mut self, answer: Message, metadata: &mut Vec<Entry>) -> Passed {
        self.host.response = arriving(&answer);
        self.response = Some(answer);
        self.play(Direction::Response, metadata)
    }

    fn play(&mut self, direction: Direction, metadata: &mut Vec<Entry>) -> Passed {
        let given = metadata.len();
        self.host.metadata = mem::take(metadata);
        self.host
            .play_one(&mut self.session, direction, Neighbour::None);
        *metadata = mem::take(&mut self.host.metadata);
        self.set.extend(metadata.iter().skip(given).cloned());
        if self.host.reset.is_some() {
            return Passed::Ended;
        }
        if let Some((_, reply)) = &self.host.reply {
            return Passed::Answered(answer(reply));
        }
        let arrived = match (direction, &self.response) {
            (Direction::Response, Some(answer)) => answer,
            _ => &self.request,
        };
        match self.host.hooks_of(direction).last() {
            Some(Some(_)) => Passed::On(gone(arrived, &self.host, direction)),
            _ => Passed::Ended,
        }
    }

    /// Ends the exchange; what came of it here.
    pub(super) fn end(mut self) -> Transcript {
        self.host.metadata = self.set;
        // Envoy has no such hook in a cluster's chain.
        if self.host.chain == Chain::Downstream {
            self.session.on_complete(&mut self.host);
        }
        let meters = self.program.meters();
        let labels = meters.map_or(&[][..], |meters| meters.label_names());
        let response = self.response.as_ref();
        Transcript::of(&self.request, response, &self.host, labels)
    }
}

/// A message in memory.
fn arriving(message: &Message) -> Played {
    let pieces = message.body.pieces().into_iter();
    Played {
        headers: message.fields.clone(),
        chunks: pieces.map(<[u8]>::to_vec).collect(),
        trailers: !message.trailers.is_empty(),
        broken_off: message.broken_off,
    }
}

/// What has gone on of a message, each piece when it went.
fn gone(arrived: &Message, host: &Host, direction: Direction) -> Message {
    let message = host.message(direction);
    let body = message.body();
    let mut times = vec![Duration::ZERO];
    times.extend(arrived.body.times());
    times.extend(times.last().copied());
    let (mut sent, mut clock) = (0, Duration::ZERO);
    let mut pieces = Vec::new();
    for (gone, time) in host.hooks_of(direction).iter().zip(times) {
        let Some(bytes) = gone.and_then(|gone| body.get(sent..gone)) else {
            continue;
        };
        if !bytes.is_empty() {
            pieces.push(Piece {
                after: time.saturating_sub(clock),
                bytes: bytes.to_vec(),
            });
            sent = sent.saturating_add(bytes.len());
            clock = time;
        }
    }
    Message {
        fields: message.headers.clone(),
        body: match pieces.is_empty() {
            true => Body::None,
            false => Body::Pieces(pieces),
        },
        trailers: arrived.trailers.clone(),
        broken_off: arrived.broken_off,
        ..Message::default()
    }
}

/// An answer of a filter's, as Envoy sends it.
fn answer(reply: &Reply) -> Message {
    let headers = reply.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    local(reply.status, headers.collect(), reply.body.as_bytes())
}

/// An answer of Envoy's own.
pub(super) fn local(status: u16, headers: cases::Fields, body: &[u8]) -> Message {
    let mut fields = vec![(":status".to_owned(), status.to_string().into_bytes())];
    fields.extend(headers);
    if !body.is_empty() {
        let length = body.len().to_string();
        fields.push(("content-length".to_owned(), length.into_bytes()));
        if !fields.iter().any(|(name, _)| name == "content-type") {
            fields.push(("content-type".to_owned(), b"text/plain".to_vec()));
        }
    }
    Message {
        fields,
        body: match body {
            [] => Body::None,
            body => Body::Whole(body.to_vec()),
        },
        direct: true,
        ..Message::default()
    }
}
