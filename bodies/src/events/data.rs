//! What the `data` lines of one event say, as its bytes arrive: of an event too long to be held.

use crate::BYTE_ORDER_MARK;

/// What begins a line of data.
const NAME: &[u8] = b"data:";

/// Reads the data of one event in pieces, as [`Event`](super::Event) does whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    at: At,
    /// Whether a line of data has begun: a line feed stands between two.
    begun: bool,
}

/// Where in the event the next byte is.
#[derive(Clone, Copy, Debug)]
enum At {
    /// In the byte order mark that may begin a stream, after so many bytes of it.
    Mark(usize),
    /// In the name of a line, after so many bytes of [`NAME`].
    Name(usize),
    /// Behind the colon, where one space is no part of the value.
    Colon,
    Value,
    /// In a line of no data.
    Other,
}

impl Data {
    /// `first`: the event begins the stream.
    pub(crate) fn new(first: bool) -> Self {
        Self {
            at: if first { At::Mark(0) } else { At::Name(0) },
            begun: false,
        }
    }

    /// Takes the next bytes of the event, and shows what they say in order.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut show: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            let ends = matches!(byte, b'\r' | b'\n');
            self.at = match self.at {
                At::Mark(seen) if BYTE_ORDER_MARK.get(seen) == Some(byte) => {
                    rest = after;
                    At::Mark(seen.saturating_add(1))
                }
                At::Mark(seen) if seen == 0 || seen == BYTE_ORDER_MARK.len() => At::Name(0),
                At::Mark(_) => At::Other,
                At::Name(seen) if NAME.get(seen) == Some(byte) => {
                    rest = after;
                    match seen.saturating_add(1) {
                        seen if seen == NAME.len() => {
                            self.begin(&mut show);
                            At::Colon
                        }
                        seen => At::Name(seen),
                    }
                }
                // A name without a colon has an empty value.
                At::Name(seen) if ends => {
                    if seen.saturating_add(1) == NAME.len() {
                        self.begin(&mut show);
                    }
                    rest = after;
                    At::Name(0)
                }
                At::Name(_) => At::Other,
                At::Colon => {
                    if *byte == b' ' {
                        rest = after;
                    }
                    At::Value
                }
                At::Value | At::Other => {
                    let length = memchr::memchr2(b'\r', b'\n', rest);
                    let (line, next) = rest
                        .split_at_checked(length.unwrap_or(rest.len()))
                        .unwrap_or((rest, &[]));
                    if matches!(self.at, At::Value) {
                        show(line);
                    }
                    rest = next.get(1..).unwrap_or_default();
                    match length {
                        Some(_) => At::Name(0),
                        None => self.at,
                    }
                }
            };
        }
    }

    fn begin(&mut self, show: &mut impl FnMut(&[u8])) {
        if std::mem::replace(&mut self.begun, true) {
            show(b"\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Passing;
    use crate::events::{Event, Events, Visitor};
    use crate::pieces::cut;

    fn shown(pieces: &[&[u8]]) -> Vec<u8> {
        let mut data = Data::new(true);
        let mut shown = Vec::new();
        for piece in pieces {
            data.feed(piece, |bytes| shown.extend_from_slice(bytes));
        }
        shown
    }

    /// The data of the only event.
    #[derive(Default)]
    struct Only(Vec<u8>);

    impl Visitor for Only {
        fn event(&mut self, event: Event<'_>) {
            self.0 = event.json().unwrap_or_default().to_vec();
        }
    }

    impl Passing for Only {
        fn too_long(&mut self, _: bool) {}
        fn passed(&mut self, _: &[u8]) {}
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_data_is_that_of_the_event(
            lines in prop::collection::vec("(data|data:|data: |date:|:|id: |  data:)[ {a}]{0,3}", 0..6),
            breaks in prop::collection::vec(prop::sample::select(&["\n", "\r", "\r\n"][..]), 6),
            mark in any::<bool>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let mut event = if mark { "\u{feff}" } else { "" }.to_owned();
            event.push_str("data: {\n");
            for (line, end) in lines.iter().zip(&breaks) {
                event.push_str(line);
                event.push_str(end);
            }
            let mut only = Only::default();
            let mut events = Events::new(1 << 10);
            events.feed(event.as_bytes(), &mut only);
            events.finish(&mut only);
            let pieces = cut(event.as_bytes(), &cuts);
            prop_assert_eq!(shown(&pieces), only.0, "{:?}", event);
        }
    }
}
