use proptest::prelude::*;

use super::*;
use crate::Splice;
use crate::pieces::cut;

/// What a stream consists of.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    lines: Vec<String>,
    too_long: usize,
    bytes: Vec<u8>,
}

impl Visitor for Seen {
    fn reads(&mut self, line: &[u8]) -> bool {
        !line.starts_with(b"#")
    }

    fn line(&mut self, line: Line<'_>) {
        self.lines
            .push(String::from_utf8_lossy(line.text()).into_owned());
        line.write(&[], &mut self.bytes);
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
    let mut lines = Lines::new(most);
    let mut seen = Seen::default();
    for piece in pieces {
        lines.feed(piece, &mut seen);
        assert!(lines.held() <= most);
    }
    lines.finish(&mut seen);
    seen
}

#[test]
fn a_line_ends_at_a_line_feed() {
    for (stream, expected) in [
        ("{}\n[1]\r\n\n1", &["{}", "[1]", "", "1"][..]),
        ("{}\n", &["{}"]),
        ("{}\r[]\n", &["{}\r[]"]),
        ("", &[]),
        ("\r\n", &[""]),
        ("\u{feff}{}\n\u{feff}{}", &["{}", "\u{feff}{}"]),
        ("#{}\n{}", &["{}"]),
    ] {
        assert_eq!(
            seen(&[stream.as_bytes()], 100).lines,
            expected,
            "{stream:?}"
        );
    }
}

#[test]
fn a_line_that_is_too_long_passes() {
    let stream = "{}\n[1, 2, 3, 4]\n{}\n[1, 2, 3, 4]";
    let seen = seen(&[stream.as_bytes()], 6);
    assert_eq!((seen.lines.len(), seen.too_long), (2, 2));
    assert_eq!(seen.bytes, stream.as_bytes());
}

#[test]
fn splices_leave_what_stands_around_the_text() {
    struct Spliced(Vec<u8>);
    impl Visitor for Spliced {
        fn line(&mut self, line: Line<'_>) {
            assert_eq!(line.json(), Some(&b" {\"a\":1}"[..]));
            let old = 6..7;
            let new = "2".into();
            line.write(&[Splice { old, new }], &mut self.0);
        }
    }
    impl Passing for Spliced {
        fn too_long(&mut self, _: bool) {}
        fn passed(&mut self, _: &[u8]) {}
    }
    let mut spliced = Spliced(Vec::new());
    Lines::new(100).feed("\u{feff} {\"a\":1}\r\n".as_bytes(), &mut spliced);
    assert_eq!(spliced.0, "\u{feff} {\"a\":2}\r\n".as_bytes());
}

#[test]
fn lines_that_are_not_read_pass_together() {
    /// How often bytes have passed, and the lines that were read.
    #[derive(Default)]
    struct Ahead(usize, Vec<u8>);
    impl Visitor for Ahead {
        fn unread(&mut self) -> usize {
            [6, 2, 0][self.0.min(2)]
        }
        fn line(&mut self, line: Line<'_>) {
            line.write(&[], &mut self.1);
        }
    }
    impl Passing for Ahead {
        fn too_long(&mut self, _: bool) {}
        fn passed(&mut self, bytes: &[u8]) {
            assert_eq!(bytes, [&b"1\n\n"[..], b"5\n"][self.0]);
            self.0 += 1;
        }
    }
    let mut ahead = Ahead::default();
    let mut lines = Lines::new(4);
    // What passes together is no longer than a line may be; the next line is read.
    lines.feed(b"1\n\n3\n5\n7", &mut ahead);
    assert_eq!(
        (ahead.0, ahead.1.as_slice(), lines.held()),
        (2, &b"3\n"[..], 1)
    );
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_it_is_read_in_the_same_way(
        stream in "([{}\\[\\]1# ]{0,9}|\u{feff}|\r\n|\n|\r){0,16}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        most in prop::sample::select(&[4_usize, 10, 1 << 20][..]),
    ) {
        let stream = stream.as_bytes();
        let whole = seen(&[stream], most);
        prop_assert_eq!(&whole.bytes, stream);
        prop_assert_eq!(seen(&cut(stream, &cuts), most), whole);
    }
}
