use proptest::prelude::*;

use super::*;
use crate::pieces::cut;

/// What a stream consists of.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// The JSON of each event, where it has any.
    json: Vec<Option<String>>,
    too_long: usize,
    bytes: Vec<u8>,
}

impl Visitor for Seen {
    fn event(&mut self, event: Event<'_>) {
        let json = event.json().map(String::from_utf8_lossy);
        self.json.push(json.map(|json| json.into_owned()));
        event.write(&[], &mut self.bytes);
    }
}

impl Passing for Seen {
    fn too_long(&mut self, _: bool) {
        self.too_long += 1;
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

fn seen(pieces: &[&[u8]], most: usize) -> Seen {
    let mut events = Events::new(most);
    let mut seen = Seen::default();
    for piece in pieces {
        events.feed(piece, &mut seen);
    }
    events.finish(&mut seen);
    seen
}

#[test]
fn events_say_what_their_data_lines_say() {
    for (stream, expected) in [
        (
            "data: {}\n\ndata:[1]\r\n\r\n",
            &[Some("{}"), Some("[1]")][..],
        ),
        ("data: {\ndata: }\r\rdata: done\n\n", &[Some("{\n}"), None]),
        ("\u{feff}data: {}\n\n\u{feff}data: {}", &[Some("{}"), None]),
        ("id: 1\ndata\ndata:  {}", &[Some("\n {}")]),
    ] {
        let seen = seen(&[stream.as_bytes()], 100);
        let json: Vec<_> = seen.json.iter().map(Option::as_deref).collect();
        assert_eq!(json, expected, "{stream:?}");
    }
}

#[test]
fn an_event_that_is_too_long_passes() {
    let seen = seen(&[b"data: {}\n\ndata: [1, 2, 3]\n\ndata: {}\n\n"], 12);
    assert_eq!((seen.json.len(), seen.too_long), (2, 1));
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_it_is_read_in_the_same_way(
        stream in "(data: ?[{}\\[\\]1]{0,4}|id:|[a-z ]{0,3}|\u{feff}|\r\n|\n|\r){0,16}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        most in prop::sample::select(&[8_usize, 20, 1 << 20][..]),
    ) {
        let stream = stream.as_bytes();
        let whole = seen(&[stream], most);
        prop_assert_eq!(&whole.bytes, stream);
        prop_assert_eq!(seen(&cut(stream, &cuts), most), whole);
    }
}
