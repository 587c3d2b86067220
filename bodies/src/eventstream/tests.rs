use proptest::prelude::*;

use super::*;
use crate::pieces::cut;

/// A message with text headers.
pub(crate) fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(u8::try_from(name.len()).unwrap());
        encoded.extend_from_slice(name.as_bytes());
        encoded.push(7);
        encoded.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        encoded.extend_from_slice(value.as_bytes());
    }
    of_parts(&encoded, payload)
}

fn of_parts(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = 12 + headers.len() + payload.len() + 4;
    let mut message = u32::try_from(length).unwrap().to_be_bytes().to_vec();
    message.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    checked(&mut message);
    message.extend_from_slice(headers);
    message.extend_from_slice(payload);
    checked(&mut message);
    message
}

/// Adds the checksum of all before it.
fn checked(message: &mut Vec<u8>) {
    let checksum = crc32fast::hash(message);
    message.extend_from_slice(&checksum.to_be_bytes());
}

/// What a stream consists of.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// The event type and the payload of each message.
    messages: Vec<(String, Vec<u8>)>,
    too_long: usize,
    error: Option<Error>,
}

impl Visitor for Seen {
    fn message(&mut self, message: Message<'_>) {
        let event_type = message.event_type.unwrap_or_default().to_owned();
        self.messages.push((event_type, message.payload.to_vec()));
    }

    fn too_long(&mut self) {
        self.too_long += 1;
    }
}

fn seen(pieces: &[&[u8]], most: usize) -> Seen {
    let mut stream = EventStream::new(most);
    let mut seen = Seen::default();
    for piece in pieces {
        if let Err(error) = stream.feed(piece, &mut seen) {
            assert_eq!(seen.error.replace(error), None, "reported once");
        }
        assert!(stream.held() <= most.max(Prelude::LENGTH));
    }
    if let Err(error) = stream.finish() {
        assert_eq!(seen.error.replace(error), None, "reported once");
    }
    seen
}

/// The examples of AWS's own clients.
#[test]
fn messages_of_other_writers() {
    let empty = b"\0\0\0\x10\0\0\0\0\x05\xc2H\xeb}\x98\xc8\xff";
    let payload = b"\0\0\0\x1d\0\0\0\0\xfdR\x8cZ{'foo':'bar'}\xc3e96";
    let whole = seen(&[empty, payload], 100);
    assert_eq!(whole.error, None);
    let payloads: Vec<_> = whole.messages.iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [&b""[..], b"{'foo':'bar'}"]);
}

#[test]
fn headers_say_what_the_payload_is() {
    struct Headers;
    impl Visitor for Headers {
        fn message(&mut self, message: Message<'_>) {
            assert_eq!(message.message_type, Some("event"));
            assert_eq!(message.event_type, Some("metadata"));
            assert_eq!(message.content_type, Some("application/json"));
            assert_eq!(message.payload, b"{}");
        }

        fn too_long(&mut self) {
            panic!("it is short");
        }
    }
    let message = message(
        &[
            (":event-type", "metadata"),
            (":content-type", "application/json"),
            (":message-type", "event"),
            ("other", "x"),
        ],
        b"{}",
    );
    let mut stream = EventStream::new(200);
    stream.feed(&message, &mut Headers).unwrap();
    stream.finish().unwrap();
}

#[test]
fn headers_of_every_type() {
    let mut headers = Vec::new();
    for (kind, length) in [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (8, 8),
        (9, 16),
    ] {
        headers.extend_from_slice(&[1, b'h', kind]);
        headers.extend(vec![0; length]);
    }
    headers.extend_from_slice(b"\x01h\x06\0\x02ab\x0b:event-type\x07\0\x03end");
    let stream = of_parts(&headers, b"p");
    let expected = vec![("end".to_owned(), b"p".to_vec())];
    assert_eq!(seen(&[&stream], 1000).messages, expected);
}

#[test]
fn headers_that_are_wrong() {
    for headers in [
        &b"\x05name"[..],       // no type
        b"\x05nam",             // cut name
        b"\x01h\x0a",           // no such type
        b"\x01h\x07\0\x05abc",  // cut value
        b"\x01h\x07\0",         // cut length
        b"\x01h\x07\0\x01\xff", // not UTF-8
    ] {
        let seen = seen(&[&of_parts(headers, b"{}")], 1000);
        assert_eq!(seen.error, Some(Error::Headers), "{headers:?}");
        assert!(seen.messages.is_empty());
    }
}

#[test]
fn nothing_is_read_after_a_wrong_byte() {
    let good = message(&[(":event-type", "a")], b"{}");
    for place in 0..good.len() {
        let mut wrong = good.clone();
        wrong[place] ^= 1;
        let stream = [&good[..], &wrong, &good].concat();
        let seen = seen(&[&stream], 1000);
        assert_eq!(seen.messages.len(), 1, "{place}");
        assert_eq!(seen.error, Some(Error::Checksum), "{place}");
    }
}

#[test]
fn lengths_that_cannot_be() {
    for (length, headers) in [(15_u32, 0_u32), (0, 0), (100, 85), (16, u32::MAX)] {
        let mut stream = length.to_be_bytes().to_vec();
        stream.extend_from_slice(&headers.to_be_bytes());
        checked(&mut stream);
        let seen = seen(&[&stream, &[0; 200]], 1000);
        assert_eq!(seen.error, Some(Error::Length), "{length} {headers}");
    }
}

#[test]
fn a_message_that_is_too_long_is_passed_over() {
    let short = message(&[], b"{}");
    let long = message(&[], &[b' '; 5000]);
    for last in [&short[..], b""] {
        let stream = [&short[..], &long, last].concat();
        for size in [1, 7, 1000, usize::MAX] {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            let seen = seen(&pieces, 100);
            let messages = if last.is_empty() { 1 } else { 2 };
            assert_eq!((seen.messages.len(), seen.too_long), (messages, 1));
            assert_eq!(seen.error, None);
        }
    }
}

#[test]
fn a_stream_that_is_cut_off() {
    let whole = message(&[(":event-type", "a")], b"{}");
    for length in 1..whole.len() {
        for most in [4, 1000] {
            let seen = seen(&[&whole[..length]], most);
            assert_eq!(seen.error, Some(Error::Incomplete), "{length}");
        }
    }
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_it_is_read_in_the_same_way(
        payloads in prop::collection::vec("[a-z]{0,40}", 0..5),
        wrong in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        most in prop::sample::select(&[20_usize, 60, 1 << 20][..]),
    ) {
        let messages = payloads.iter().map(|payload| message(&[("h", "v")], payload.as_bytes()));
        let mut stream = messages.collect::<Vec<_>>().concat();
        if let Some((place, byte)) = wrong && !stream.is_empty() {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        let whole = seen(&[&stream], most);
        prop_assert_eq!(seen(&cut(&stream, &cuts), most), whole);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, most in 0_usize..100) {
        seen(&[&bytes], most);
    }
}

#[test]
fn a_message_as_long_as_may_be_is_read() {
    let message = message(&[], b"{}");
    for (most, read) in [(message.len(), 1), (message.len() - 1, 0)] {
        for pieces in [&[&message[..]][..], &[&message[..7], &message[7..]]] {
            let seen = seen(pieces, most);
            assert_eq!((seen.messages.len(), seen.too_long), (read, 1 - read));
        }
    }
}
