use proptest::prelude::*;

use super::*;

/// Writes down every event.
#[derive(Default)]
struct Log(Vec<String>);

impl Visitor for Log {
    fn keeps(&self, node: NodeId) -> Option<usize> {
        (node != ROOT).then_some(8)
    }

    fn key(&mut self, key: Key<'_>) {
        let Key {
            object,
            name,
            node,
            span,
        } = key;
        let (object, node) = (object.index(), node.map(NodeId::index));
        self.0
            .push(format!("{object} key {name} {node:?} {span:?}"));
    }

    fn open(&mut self, node: NodeId, container: Container, at: u64) {
        let node = node.index();
        self.0.push(format!("{node} {container:?} at {at}"));
    }

    fn comma(&mut self, node: NodeId, at: u64) {
        let node = node.index();
        self.0.push(format!("{node} comma at {at}"));
    }

    fn close(&mut self, node: NodeId, container: Container, at: u64, empty: bool) {
        let node = node.index();
        let end = if empty { "empty end" } else { "end" };
        self.0.push(format!("{node} {container:?} {end} at {at}"));
    }

    fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) -> Result<(), Error> {
        let node = node.index();
        let Scalar { kind, span, raw } = scalar;
        let raw = raw.map(String::from_utf8_lossy);
        self.0.push(format!("{node} {kind:?} {span:?} {raw:?}"));
        Ok(())
    }
}

fn walk(chunks: &[&[u8]], pointers: &[&str]) -> (Vec<String>, Result<(), Error>) {
    let mut set = Pointers::default();
    for pointer in pointers {
        set.insert(pointer).unwrap();
    }
    let mut log = Log::default();
    let mut walker = Walker::new(127);
    let fed = chunks
        .iter()
        .try_for_each(|chunk| walker.feed(&set, &mut log, chunk));
    let outcome = fed.and_then(|()| walker.finish(&set, &mut log));
    (log.0, outcome)
}

fn events(document: &str, pointers: &[&str]) -> Vec<String> {
    let (whole, outcome) = walk(&[document.as_bytes()], pointers);
    assert_eq!(outcome, Ok(()), "{document}");
    let bytes: Vec<&[u8]> = document.as_bytes().chunks(1).collect();
    assert_eq!((whole.clone(), Ok(())), walk(&bytes, pointers));
    whole
}

#[test]
fn tells_where_members_stand() {
    let document = r#"{"a": "b\n", "x": [1], "\u0061" :-2.0 ,"c":{}}"#;
    assert_eq!(
        events(document, &["/a", "/c/d"]),
        [
            "0 Object at 0",
            "0 key a Some(1) 1..4",
            r#"1 String 6..11 Some("b\\n")"#,
            "0 comma at 11",
            "0 key x None 13..16",
            "0 comma at 21",
            "0 key a Some(1) 23..31",
            r#"1 Number 33..37 Some("-2.0")"#,
            "0 comma at 38",
            "0 key c Some(2) 39..42",
            "2 Object at 43",
            "2 Object empty end at 44",
            "0 Object end at 45",
        ]
    );
}

#[test]
fn tells_where_elements_stand() {
    assert_eq!(
        events("[null, [], true ] ", &["/1/0", "/2"]),
        [
            "0 Array at 0",
            "0 comma at 5",
            "1 Array at 7",
            "1 Array empty end at 8",
            "0 comma at 9",
            "3 Bool(true) 11..15 None",
            "0 Array end at 16",
        ]
    );
    assert_eq!(events(" 12", &[""]), ["0 Number 1..3 None"]);
}

#[test]
fn a_cut_literal_ends_with_its_last_letter() {
    for (begun, end) in [("tru", "e"), ("fals", "e"), ("nul", "l")] {
        for last in ["e", "l", "x"] {
            let (first, rest) = (format!("{{\"a\":{begun}"), format!("{last}}}"));
            let (_, walked) = walk(&[first.as_bytes(), rest.as_bytes()], &["/a"]);
            assert_eq!(walked.is_ok(), last == end, "{first}{rest}");
        }
    }
}

#[test]
fn keeps_no_more_than_asked_for() {
    assert_eq!(
        events(r#"["12345678","123456789",123456789]"#, &["/0", "/1", "/2"]),
        [
            "0 Array at 0",
            r#"1 String 1..11 Some("12345678")"#,
            "0 comma at 11",
            "2 String 12..23 None",
            "0 comma at 23",
            "3 Number 24..33 None",
            "0 Array end at 33",
        ]
    );
}

proptest! {
    #[test]
    fn any_cut_tells_the_same(
        document in r#"\{("(a|b|\\u0061|\\\\)": ?("\\?[ab]"|[0-9]{1,3}|\[1?,?("a")?\]|\{("b":true)?\}|null) ?,){0,4}"a":1\}"#,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let document = document.as_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(document.len() + 1)).collect();
        at.extend([0, document.len()]);
        at.sort_unstable();
        let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &document[pair[0]..pair[1]]).collect();
        let pointers = ["/a/b", "/b/1", "/b"];
        prop_assert_eq!(walk(&chunks, &pointers), walk(&[document], &pointers));
    }
}
