//! Bodies of many documents: whatever the bytes and wherever they are cut, they fall into the same
//! documents, these hold the same fields as read each by itself, and no byte of a stream is lost.
//!
//! The first byte of an input says how its documents are told apart, the next two where it is cut.

#![no_main]

use bodies::documents::{DocumentError, DocumentFinder, DocumentVisitor, Framing};
use bodies::json::{Finder, Pointers};
use bodies::{Finding, Limits, Passing, events, lines};
use fuzz::pieces::cut;
use libfuzzer_sys::fuzz_target;

const FRAMINGS: [Framing; 4] = [
    Framing::One,
    Framing::Events,
    Framing::Lines,
    Framing::EventStream,
];

/// The names of the first set are looked for before a document is read, those of the second are not.
const POINTERS: [&[&str]; 2] = [
    &[
        "/usage/total_tokens",
        "/message/usage/input_tokens",
        "/model",
    ],
    &[
        "/usage/total_tokens",
        "/message/usage/input_tokens",
        "/model",
        "/0",
    ],
];

/// The longest event, line or message, in bytes: short enough to be met.
const EVENT_BYTES: usize = 512;

fuzz_target!(|input: &[u8]| {
    let [framing, first, second, body @ ..] = input else {
        return;
    };
    let framing = FRAMINGS[usize::from(*framing) % FRAMINGS.len()];
    let cuts = [*first, *second];
    let pieces = cut(body, &cuts);

    let [some, all] = POINTERS.map(|names| {
        let mut pointers = Pointers::default();
        for name in names {
            pointers.insert(name).expect("the pointer is right");
        }
        let whole = told(framing, &[body], &pointers);
        assert_eq!(told(framing, &pieces, &pointers), whole, "cut at {cuts:?}");
        whole
    });
    // What was not read held nothing.
    let all = all.documents.into_iter().map(|mut fields| {
        fields.truncate(POINTERS[0].len());
        fields
    });
    let all: Vec<_> = all
        .filter(|fields| fields.iter().any(leads_somewhere))
        .collect();
    assert_eq!(some.documents, all, "passed over");

    match framing {
        Framing::Events => {
            let mut events = events::Events::new(EVENT_BYTES);
            let mut passed = Passed::default();
            for piece in &pieces {
                events.feed(piece, &mut passed);
            }
            events.finish(&mut passed);
            assert_eq!(passed.0, body);
        }
        Framing::Lines => {
            let mut lines = lines::Lines::new(EVENT_BYTES);
            let mut passed = Passed::default();
            for piece in &pieces {
                lines.feed(piece, &mut passed);
            }
            lines.finish(&mut passed);
            assert_eq!(passed.0, body);
            assert_eq!(some.documents, of_each_line(body), "read by itself");
        }
        Framing::One | Framing::EventStream => {}
    }
});

/// What was told of a body.
#[derive(Debug, Default, PartialEq)]
struct Told {
    documents: Vec<Vec<Finding>>,
    unreadable: Vec<DocumentError>,
}

impl DocumentVisitor for Told {
    fn document(&mut self, fields: &[Finding]) {
        self.documents.push(fields.to_vec());
    }

    fn unreadable(&mut self, error: DocumentError) {
        self.unreadable.push(error);
    }
}

fn leads_somewhere(field: &Finding) -> bool {
    field.first.is_some() || field.last().is_some()
}

fn limits() -> Limits {
    Limits {
        event_bytes: EVENT_BYTES,
        ..Limits::default()
    }
}

fn told(framing: Framing, pieces: &[&[u8]], pointers: &Pointers) -> Told {
    let mut finder = DocumentFinder::new(framing, pointers, &limits());
    let mut told = Told::default();
    for piece in pieces {
        finder.feed(pointers, piece, &mut told);
        assert!(finder.held() <= EVENT_BYTES);
    }
    finder.finish(pointers, &mut told);
    told
}

/// The fields of each line that is a document, the last perhaps broken off.
fn of_each_line(body: &[u8]) -> Vec<Vec<Finding>> {
    let mut pointers = Pointers::default();
    for name in POINTERS[0] {
        pointers.insert(name).expect("the pointer is right");
    }
    let mut found = Vec::new();
    let mut lines = body.split_inclusive(|byte| *byte == b'\n').peekable();
    let mut mark: &[u8] = b"\xef\xbb\xbf";
    while let Some(line) = lines.next() {
        let text = line.strip_prefix(std::mem::take(&mut mark)).unwrap_or(line);
        let mut bytes = text.iter();
        if !matches!(
            bytes.find(|byte| !b" \t\n\r".contains(byte)),
            Some(b'{' | b'[')
        ) {
            continue;
        }
        let mut finder = Finder::new(&pointers, &limits());
        if finder.feed(&pointers, text).is_err() {
            continue;
        }
        if finder.ended() || lines.peek().is_none() {
            found.push(finder.fields().to_vec());
        }
    }
    found.retain(|fields| fields.iter().any(leads_somewhere));
    found
}

/// The bytes of a stream, in order.
#[derive(Default)]
struct Passed(Vec<u8>);

impl events::Visitor for Passed {
    fn event(&mut self, event: events::Event<'_>) {
        event.write(&[], &mut self.0);
    }
}

impl lines::Visitor for Passed {
    fn line(&mut self, line: lines::Line<'_>) {
        line.write(&[], &mut self.0);
    }
}

impl Passing for Passed {
    fn too_long(&mut self, _: bool) {}

    fn passed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}
