//! One top-level string out of a body: the finder beside other parsers, and beside a copy.

#![deny(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a contender that does not find the field has nothing to measure"
)]

use bodies::Found;
use bodies::Limits;
use bodies::json::{Finder, Pointers};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use rustformations_benches::{Body, chat};
use serde::Deserialize;
use serde::de::IgnoredAny;

fn main() {
    divan::main();
}

fn measure<T>(bencher: Bencher, body: Body, found: impl Fn(&[u8]) -> T + Sync) {
    let body = chat(body);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| found(black_box(&body)));
}

#[divan::bench(args = Body::ALL)]
fn a_memcpy(bencher: Bencher, body: Body) {
    let mut to = Vec::new();
    let body = chat(body);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| {
            to.clear();
            to.extend_from_slice(black_box(&body));
            black_box(to.len())
        });
}

fn found(body: &[u8], pointers: &Pointers, piece: usize) -> Option<Found> {
    let mut finder = Finder::new(pointers, &Limits::default());
    for chunk in body.chunks(piece) {
        finder.feed(pointers, chunk).unwrap();
    }
    finder.finish(pointers).unwrap().remove(0).first
}

fn model() -> Pointers {
    let mut pointers = Pointers::default();
    pointers.insert("/model").unwrap();
    pointers
}

/// In one piece, as the other parsers have it.
#[divan::bench(args = Body::ALL)]
fn b_finder(bencher: Bencher, body: Body) {
    let pointers = model();
    measure(bencher, body, |body| found(body, &pointers, usize::MAX));
}

/// In the pieces Envoy reads.
#[divan::bench(args = Body::ALL)]
fn b_finder_in_pieces_of_16_kib(bencher: Bencher, body: Body) {
    let pointers = model();
    measure(bencher, body, |body| found(body, &pointers, 16 << 10));
}

/// As a stream with `duplicates: first` does: nothing after the field is read.
#[divan::bench(args = Body::ALL)]
fn b_finder_until_decided(bencher: Bencher, body: Body) {
    let pointers = model();
    measure(bencher, body, |body| {
        let mut finder = Finder::new(&pointers, &Limits::default()).first_suffices();
        for chunk in body.chunks(16 << 10) {
            finder.feed(&pointers, chunk).unwrap();
            if finder.decided() {
                break;
            }
        }
        finder.fields().first().unwrap().first.clone()
    });
}

/// Stops at the field, and does not check what it passes over.
#[divan::bench(args = Body::ALL)]
fn c_sonic_get_from_slice_unchecked(bencher: Bencher, body: Body) {
    #[expect(unsafe_code, reason = "the peer asks for it")]
    measure(bencher, body, |body| {
        // SAFETY: `chat` makes valid JSON.
        let model = unsafe { sonic_rs::get_from_slice_unchecked(body, ["model"]) };
        model.unwrap().as_raw_str().len()
    });
}

/// Stops at the field.
#[divan::bench(args = Body::ALL)]
fn d_sonic_get_from_slice(bencher: Bencher, body: Body) {
    measure(bencher, body, |body| {
        sonic_rs::get_from_slice(body, ["model"])
            .unwrap()
            .as_raw_str()
            .len()
    });
}

#[divan::bench(args = Body::ALL)]
fn e_jiter(bencher: Bencher, body: Body) {
    measure(bencher, body, |body| {
        let mut jiter = jiter::Jiter::new(body);
        let mut model = None;
        let mut key = jiter.next_object().unwrap().map(str::to_owned);
        while let Some(name) = key {
            if name == "model" {
                model = Some(jiter.next_str().unwrap().to_owned());
            } else {
                jiter.next_skip().unwrap();
            }
            key = jiter.next_key().unwrap().map(str::to_owned);
        }
        jiter.finish().unwrap();
        model.unwrap()
    });
}

#[derive(Deserialize)]
struct Chat {
    model: String,
}

#[divan::bench(args = Body::ALL)]
fn f_serde_json_struct(bencher: Bencher, body: Body) {
    measure(bencher, body, |body| {
        serde_json::from_slice::<Chat>(body).unwrap().model
    });
}

#[divan::bench(args = Body::ALL)]
fn g_serde_json_ignored(bencher: Bencher, body: Body) {
    measure(bencher, body, |body| {
        serde_json::from_slice::<IgnoredAny>(body).unwrap()
    });
}

#[divan::bench(args = Body::ALL)]
fn h_serde_json_value(bencher: Bencher, body: Body) {
    measure(bencher, body, |body| {
        serde_json::from_slice::<serde_json::Value>(body).unwrap()
    });
}
