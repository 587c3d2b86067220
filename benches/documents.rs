//! Token counts out of answers: one document, or one after another, in pieces as Envoy reads them.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a pointer that is none has nothing to measure"
)]

use bodies::documents::{DocumentError, DocumentFinder, DocumentVisitor, Framing};
use bodies::json::Pointers;
use bodies::{Finding, Limits};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use rustformations_benches::answers::{self, USAGE};

/// The size of the pieces in which Envoy reads from a connection, in bytes.
const PIECE: usize = 16 << 10;

/// The events of a stream.
const EVENTS: usize = 200;

fn main() {
    divan::main();
}

/// How many documents hold a field.
#[derive(Default)]
struct Count(usize);

impl DocumentVisitor for Count {
    fn document(&mut self, _: &[Finding]) {
        self.0 += 1;
    }

    fn unreadable(&mut self, error: DocumentError) {
        unreachable!("{error}");
    }
}

fn usage() -> Pointers {
    pointers(&USAGE)
}

fn pointers(names: &[&str]) -> Pointers {
    let mut pointers = Pointers::default();
    for pointer in names {
        pointers.insert(pointer).unwrap();
    }
    pointers
}

fn found(framing: Framing, pointers: &Pointers, body: &[u8], piece: usize) -> usize {
    let mut found = Count::default();
    let mut finder = DocumentFinder::new(framing, pointers, &Limits::default());
    for chunk in body.chunks(piece) {
        finder.feed(pointers, chunk, &mut found);
    }
    finder.finish(pointers, &mut found);
    found.0
}

fn measure(bencher: Bencher, framing: Framing, pointers: &Pointers, body: &[u8], piece: usize) {
    let documents = if framing == Framing::One { 1 } else { EVENTS };
    assert!(found(framing, pointers, body, piece) > 0);
    bencher
        .counter(BytesCount::of_slice(body))
        .counter(ItemsCount::new(documents))
        .bench(|| found(framing, pointers, black_box(body), piece));
}

#[divan::bench]
fn openai(bencher: Bencher) {
    let body = answers::openai(EVENTS);
    measure(bencher, Framing::Events, &usage(), &body, PIECE);
}

/// As a model writes: each event arrives by itself, or a piece of it.
#[divan::bench(args = [275, 100])]
fn openai_in_pieces(bencher: Bencher, piece: usize) {
    let body = answers::openai(EVENTS);
    measure(bencher, Framing::Events, &usage(), &body, piece);
}

/// With a field that stands in each event, so that each is read.
#[divan::bench]
fn openai_model(bencher: Bencher) {
    let mut names = USAGE.to_vec();
    names.push("/model");
    let body = answers::openai(EVENTS);
    measure(bencher, Framing::Events, &pointers(&names), &body, PIECE);
}

#[divan::bench]
fn anthropic(bencher: Bencher) {
    let body = answers::anthropic(EVENTS);
    measure(bencher, Framing::Events, &usage(), &body, PIECE);
}

/// The events of [`openai`] without what makes them events.
#[divan::bench]
fn lines(bencher: Bencher) {
    let body = String::from_utf8(answers::openai(EVENTS)).unwrap();
    let body = body.replace("data: ", "").replace("\n\n", "\n");
    measure(bencher, Framing::Lines, &usage(), body.as_bytes(), PIECE);
}

#[divan::bench]
fn answer_of_200_kib(bencher: Bencher) {
    let body = answers::completion(200 << 10);
    measure(bencher, Framing::One, &usage(), &body, PIECE);
}
