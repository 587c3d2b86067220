use proptest::prelude::*;

use super::*;
use crate::Splice;
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

/// Reads the events that have an exclamation mark, and looks ahead for it.
#[derive(Debug, Default)]
struct Marked {
    stream: Vec<u8>,
    /// What has been told, and what of it was read.
    told: usize,
    read: Vec<u8>,
}

impl Visitor for Marked {
    fn reads(&mut self, event: &[u8]) -> bool {
        event.contains(&b'!')
    }

    fn unread(&mut self) -> usize {
        let rest = &self.stream[self.told..];
        rest.iter()
            .position(|byte| *byte == b'!')
            .unwrap_or(rest.len())
    }

    fn event(&mut self, event: Event<'_>) {
        event.write(&[], &mut self.read);
        self.told += event.length();
    }
}

impl Passing for Marked {
    fn too_long(&mut self, _: bool) {}

    fn passed(&mut self, bytes: &[u8]) {
        assert_eq!(&self.stream[self.told..][..bytes.len()], bytes);
        self.told += bytes.len();
    }
}

/// The events that are marked, found one by one.
#[derive(Default)]
struct OneByOne(Vec<u8>);

impl Visitor for OneByOne {
    fn reads(&mut self, event: &[u8]) -> bool {
        event.contains(&b'!')
    }

    fn event(&mut self, event: Event<'_>) {
        event.write(&[], &mut self.0);
    }
}

impl Passing for OneByOne {
    fn too_long(&mut self, _: bool) {}
    fn passed(&mut self, _: &[u8]) {}
}

proptest! {
    #[test]
    fn events_that_pass_together_hold_nothing_to_read(
        stream in "(data: [a!]{0,3}|[a-z ]{0,3}|\u{feff}|\r\n|\n\n|\n|\r){0,24}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        most in prop::sample::select(&[8_usize, 20, 1 << 20][..]),
    ) {
        let pieces = cut(stream.as_bytes(), &cuts);
        let (mut one, mut events) = (OneByOne::default(), Events::new(most));
        let mut marked = Marked { stream: stream.clone().into_bytes(), ..Marked::default() };
        let mut looking_ahead = Events::new(most);
        for piece in pieces {
            events.feed(piece, &mut one);
            looking_ahead.feed(piece, &mut marked);
            prop_assert_eq!(looking_ahead.held(), events.held());
        }
        events.finish(&mut one);
        looking_ahead.finish(&mut marked);
        prop_assert_eq!(marked.told, stream.len());
        prop_assert_eq!(marked.read, one.0);
    }

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

#[test]
fn events_that_are_not_read_pass_together() {
    /// What has passed, and the events that were read.
    #[derive(Default)]
    struct Ahead(Vec<&'static str>, Vec<u8>);
    const PASSED: [&str; 3] = ["\n1\n\n2\n\n", "4\n\n", "\n"];
    impl Visitor for Ahead {
        fn unread(&mut self) -> usize {
            [9, 3, 1, 0][self.0.len().min(3)]
        }
        fn event(&mut self, event: Event<'_>) {
            event.write(&[], &mut self.1);
        }
    }
    impl Passing for Ahead {
        fn too_long(&mut self, _: bool) {}
        fn passed(&mut self, bytes: &[u8]) {
            let expected = PASSED[self.0.len()];
            assert_eq!(bytes, expected.as_bytes());
            self.0.push(expected);
        }
    }
    let mut ahead = Ahead::default();
    let mut events = Events::new(100);
    // The event behind what passes together is told, whatever of it is not read.
    events.feed(b"\n1\n\n2\n\n3\n\n4\n\n5\n\n\n6\n", &mut ahead);
    let read = b"3\n\n5\n\n".to_vec();
    assert_eq!((ahead.0, ahead.1), (PASSED.to_vec(), read));
    assert_eq!(events.held(), 2);
}

#[test]
fn splices_keep_the_lines_around_them() {
    struct Spliced(Vec<Splice<'static>>, Vec<u8>);
    impl Visitor for Spliced {
        fn event(&mut self, event: Event<'_>) {
            assert_eq!(event.json(), Some(&b"{\n\"a\":1,\n\"b\":2}"[..]));
            event.write(&self.0, &mut self.1);
        }
    }
    impl Passing for Spliced {
        fn too_long(&mut self, _: bool) {}
        fn passed(&mut self, _: &[u8]) {}
    }
    let event = "data: {\r\ndata:\"a\":1,\r\nid: 1\r\ndata: \"b\":2}\r\n\r";
    for (old, new, expected) in [
        // Within a line, before it and after it.
        (
            6..7,
            "3",
            "data: {\r\ndata:\"a\":3,\r\nid: 1\r\ndata: \"b\":2}\r\n\r",
        ),
        (
            2..2,
            " ",
            "data: {\r\ndata: \"a\":1,\r\nid: 1\r\ndata: \"b\":2}\r\n\r",
        ),
        (
            8..8,
            " ",
            "data: {\r\ndata:\"a\":1, \r\nid: 1\r\ndata: \"b\":2}\r\n\r",
        ),
        // With the line break behind it.
        (2..9, "", "data: {\r\nid: 1\r\ndata:\"b\":2}\r\n\r"),
        (1..2, "", "data: {\"a\":1,\r\nid: 1\r\ndata: \"b\":2}\r\n\r"),
        // To the end.
        (
            9..15,
            "}",
            "data: {\r\ndata:\"a\":1,\r\nid: 1\r\ndata: }\r\n\r",
        ),
        (
            15..15,
            " ",
            "data: {\r\ndata:\"a\":1,\r\nid: 1\r\ndata: \"b\":2} \r\n\r",
        ),
    ] {
        let new = new.into();
        let mut spliced = Spliced(vec![Splice { old, new }], Vec::new());
        Events::new(100).feed(event.as_bytes(), &mut spliced);
        assert_eq!(String::from_utf8_lossy(&spliced.1), expected);
    }
}

/// Makes splices of the data of an only event.
fn spliced(event: &str, splices: &[(std::ops::Range<usize>, &'static str)]) -> String {
    struct Edited(Vec<Splice<'static>>, Vec<u8>);
    impl Visitor for Edited {
        fn event(&mut self, event: Event<'_>) {
            event.write(&self.0, &mut self.1);
        }
    }
    impl Passing for Edited {
        fn too_long(&mut self, _: bool) {}
        fn passed(&mut self, bytes: &[u8]) {
            self.1.extend_from_slice(bytes);
        }
    }
    let splices = splices.iter().map(|(old, new)| Splice {
        old: old.clone(),
        new: (*new).into(),
    });
    let mut edited = Edited(splices.collect(), Vec::new());
    let mut events = Events::new(1000);
    events.feed(event.as_bytes(), &mut edited);
    events.finish(&mut edited);
    String::from_utf8(edited.1).unwrap()
}

#[test]
fn lines_of_no_data_outlive_the_data_around_them() {
    // The data: [[\n1\n],[\n2\n],\n[3]]
    let event = "\u{feff}data: [[\rdata: 1\revent: a\r: b\ndata\n\r\n";
    assert_eq!(
        spliced(event, &[(1..5, "[")]),
        "\u{feff}event: a\r: b\ndata: [[\n\r\n"
    );
    let event = "\u{feff}: a\rdata: [1\rid: 2\rdata: ,3]\r\r";
    assert_eq!(
        spliced(event, &[(1..2, "4"), (4..5, "5")]),
        "\u{feff}: a\rdata: [4\rid: 2\rdata: ,5]\r\r"
    );
    assert_eq!(
        spliced(event, &[(1..4, "4,")]),
        "\u{feff}: a\rid: 2\rdata: [4,3]\r\r"
    );
    let event = "id: 1\ndata:[[\r\nid: 2\r\ndata:1],[\nid: 3\ndata:2],\nid: 4\ndata:[\nid: 5\ndata:3]]\nid: 6\n\n";
    // The data: [[\n1],[\n2],\n[\n3]]
    for (splices, expected) in [
        (
            &[(1..5, "a"), (6..10, "b")][..],
            "id: 1\nid: 2\r\nid: 3\ndata:[a,b,\nid: 4\ndata:[\nid: 5\ndata:3]]\nid: 6\n\n",
        ),
        (
            &[(3..4, "a"), (12..16, "b")],
            "id: 1\ndata:[[\r\nid: 2\r\ndata:a],[\nid: 3\ndata:2],\nid: 4\nid: 5\ndata:b]\nid: 6\n\n",
        ),
        (
            &[(0..17, "0")],
            "id: 1\nid: 2\r\nid: 3\nid: 4\nid: 5\ndata:0\nid: 6\n\n",
        ),
    ] {
        assert_eq!(spliced(event, splices), expected, "{splices:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splices_change_the_data_and_no_other_line(
        lines in prop::collection::vec("(data:|data: |event:|: |id: |  data:)[a-c]{0,3}", 1..8),
        breaks in prop::collection::vec(prop::sample::select(&["\n", "\r", "\r\n"][..]), 8),
        mark in any::<bool>(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut event = if mark { "\u{feff}" } else { "" }.to_owned();
        for (line, end) in lines.iter().zip(&breaks) {
            event.push_str(line);
            event.push_str(end);
        }
        let read = Event::of(event.as_bytes(), true, None);
        let mut places: Vec<_> = places.iter().map(|at| at.index(read.text.len() + 1)).collect();
        places.sort_unstable();
        let splices: Vec<_> = places
            .chunks_exact(2)
            .map(|range| Splice { old: range[0]..range[1], new: "xy".into() })
            .collect();
        let mut edited = b"before".to_vec();
        read.write(&splices, &mut edited);
        let edited = edited.strip_prefix(b"before").unwrap();
        if read.lines.is_empty() {
            return Ok(());
        }
        let wanted = crate::spliced(&read.text, &splices);
        prop_assert_eq!(&*Event::of(edited, true, None).text, &wanted[..], "{:?}", event);
        let others = |event: &[u8]| -> Vec<String> {
            let event = String::from_utf8(event.to_vec()).unwrap();
            let event = event.trim_start_matches('\u{feff}').to_owned();
            let lines = event.split(['\r', '\n']).filter(|line| !line.is_empty());
            lines.filter(|line| !line.starts_with("data")).map(str::to_owned).collect()
        };
        prop_assert_eq!(others(edited), others(event.as_bytes()), "{:?}", event);
    }
}
