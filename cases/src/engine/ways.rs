//! The ways in which the messages of a case can arrive.

use std::fmt;

use transformations::testing::{Message as Played, Neighbour};

use crate::case::Case;
use crate::message::{Body, Message};

/// Bodies up to this length are cut at every byte.
const CUT_EVERYWHERE: usize = 64;

/// How many cuts a longer body gets.
const CUTS: usize = 8;

/// The longest body that comes byte by byte; one that is longer is cut in its middle only.
const BYTES: usize = 4096;

/// How many ways cases were played in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// As the configuration has it.
    pub held: usize,
    /// With `bodyMode: streamed`.
    pub streamed: usize,
}

/// How a body arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Whole,
    /// As the case has it.
    Given,
    Bytes,
    /// With nothing before and after each piece.
    BetweenNothing,
    /// In two pieces, the first of this length.
    At(usize),
}

/// How the messages of a case arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    cut: Cut,
    trailers: bool,
    pub(super) neighbour: Neighbour,
    /// Whether the host tells its buffer limit.
    pub(super) told: bool,
    streamed: bool,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cut {
            Cut::Whole => f.write_str("in one piece"),
            Cut::Given => f.write_str("in the pieces of the case"),
            Cut::Bytes => f.write_str("byte by byte"),
            Cut::BetweenNothing => f.write_str("between empty pieces"),
            Cut::At(length) => write!(f, "cut at byte {length}"),
        }?;
        f.write_str(match self.neighbour {
            Neighbour::None => "",
            Neighbour::HoldsBefore => ", behind a filter that holds bodies",
            Neighbour::KeepsBehind => ", before a filter that keeps bodies",
            Neighbour::OffersAgain => ", offered again",
            Neighbour::ShowsAgain => ", shown again at trailers",
            Neighbour::PassesOn => ", behind a filter that passes them on in its own time",
        })?;
        for (is, what) in [
            (self.trailers, ", with trailers"),
            (!self.told, ", with no buffer limit reported"),
            (self.streamed, ", with `bodyMode: streamed`"),
        ] {
            if is {
                f.write_str(what)?;
            }
        }
        Ok(())
    }
}

/// In which of all the ways of a case something is not as expected.
pub(super) fn named(ways: &[Way], all: usize) -> String {
    match ways {
        [] => String::new(),
        ways if ways.len() == all => "however the bodies arrive".to_owned(),
        [first] => format!("where the bodies arrive {first}"),
        [first, ..] => format!(
            "in {} of {all} ways in which the bodies can arrive, such as {first}",
            ways.len()
        ),
    }
}

/// Every way of a case.
pub(super) fn of(case: &Case) -> Vec<Way> {
    let response = case.response.as_ref().map(|answer| &answer.0);
    let longest = [Some(&case.request.0), response]
        .into_iter()
        .flatten()
        .map(|message| message.body.bytes().len())
        .max()
        .unwrap_or_default();
    let mut cuts = vec![Cut::Whole];
    if longest > 0 {
        cuts.extend([Cut::Given, Cut::BetweenNothing]);
    }
    if (1..=BYTES).contains(&longest) {
        cuts.push(Cut::Bytes);
        let step = if longest <= CUT_EVERYWHERE {
            1
        } else {
            longest / CUTS
        };
        cuts.extend((step..longest).step_by(step).map(Cut::At));
    }
    let messages = || [Some(&case.request.0), response].into_iter().flatten();
    let broken_off = messages().any(|message| message.broken_off);
    // What is cut off never gets past one that waits for its end, and is never offered again.
    let neighbours = Neighbour::ALL
        .into_iter()
        .filter(|neighbour| match neighbour {
            Neighbour::None | Neighbour::KeepsBehind => true,
            Neighbour::HoldsBefore | Neighbour::OffersAgain => !broken_off,
            Neighbour::ShowsAgain | Neighbour::PassesOn => false, // only with trailers
        });
    let mut ways = Vec::new();
    for cut in cuts {
        let plain = Way {
            cut,
            trailers: false,
            neighbour: Neighbour::None,
            told: true,
            streamed: false,
        };
        let beside = neighbours.clone();
        ways.extend(beside.map(|neighbour| Way { neighbour, ..plain }));
        let untold = |way| Way { told: false, ..way };
        ways.push(untold(plain));
        if longest > 0 && !broken_off {
            let trailers = Way {
                trailers: true,
                ..plain
            };
            ways.extend([trailers, untold(trailers)]);
            let beside = [Neighbour::ShowsAgain, Neighbour::PassesOn];
            ways.extend(beside.map(|neighbour| Way {
                neighbour,
                ..trailers
            }));
        }
    }
    ways
}

impl Way {
    pub(super) fn streamed(self) -> Self {
        Self {
            streamed: true,
            ..self
        }
    }

    pub(super) fn is_streamed(self) -> bool {
        self.streamed
    }

    /// Whether nothing is special about it, so that the host's methods can be counted.
    pub(super) fn is_plain(self) -> bool {
        self.cut == Cut::Whole && self.neighbour == Neighbour::None && !self.trailers && self.told
    }

    /// Whether the message arrives as the case has it, with nothing beside the filter.
    pub(super) fn is_as_written(self, message: &Message) -> bool {
        let cut = match message.body {
            Body::Pieces(_) => Cut::Given,
            Body::None | Body::Whole(_) => Cut::Whole,
        };
        self.cut == cut
            && self.neighbour == Neighbour::None
            && !self.trailers
            && self.told
            && !self.streamed
    }

    /// The message in memory.
    pub(super) fn arriving(self, message: &Message) -> Played {
        let body = message.body.bytes();
        let chunks = match self.cut {
            Cut::Given => given(message),
            _ if body.is_empty() => Vec::new(),
            Cut::Whole => vec![body],
            Cut::Bytes => body.chunks(1).map(<[u8]>::to_vec).collect(),
            Cut::BetweenNothing => {
                let mut chunks = vec![Vec::new()];
                for chunk in given(message) {
                    chunks.extend([chunk, Vec::new()]);
                }
                chunks
            }
            Cut::At(place) => cut(&body, place),
        };
        let trailers = self.trailers && !chunks.is_empty();
        Played {
            headers: message.fields.clone(),
            trailers: trailers || !message.trailers.is_empty(),
            broken_off: message.broken_off,
            chunks,
        }
    }
}

fn cut(body: &[u8], place: usize) -> Vec<Vec<u8>> {
    let (front, back) = body.split_at(place.min(body.len()));
    vec![front.to_vec(), back.to_vec()]
}

/// The pieces as the case has them: of a whole body, both halves.
fn given(message: &Message) -> Vec<Vec<u8>> {
    match &message.body {
        Body::Whole(body) => cut(body, body.len() / 2),
        body => body.pieces().into_iter().map(<[u8]>::to_vec).collect(),
    }
}

#[cfg(test)]
mod tests {
    use transformations::testing::Neighbour;

    use super::{Cut, Way, named};

    #[test]
    fn ways_are_named_in_words() {
        let whole = Way {
            cut: Cut::Whole,
            trailers: false,
            neighbour: Neighbour::None,
            told: true,
            streamed: false,
        };
        let cut = Way {
            cut: Cut::At(7),
            trailers: true,
            neighbour: Neighbour::HoldsBefore,
            told: false,
            streamed: true,
        };
        assert_eq!(named(&[whole, cut], 2), "however the bodies arrive");
        assert_eq!(named(&[whole], 2), "where the bodies arrive in one piece");
        assert_eq!(
            named(&[cut, whole], 3),
            "in 2 of 3 ways in which the bodies can arrive, such as cut at byte 7, behind a filter that holds bodies, \
             with trailers, with no buffer limit reported, with `bodyMode: streamed`"
        );
    }
}
