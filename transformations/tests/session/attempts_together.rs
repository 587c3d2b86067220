//! Several filters in a cluster's chain, ours and others: an attempt is what it would be as the first.

use transformations::TransformationOps;

use super::*;

/// A filter of the chain.
#[derive(Clone)]
enum Filter {
    /// Ours, with this request pass.
    Ours(&'static str, Arc<Program>),
    /// Another, which sets the same things at every attempt.
    Other(fn(&mut Host, number: usize)),
}

const COUNT: &str = "x-envoy-attempt-count";
const BODY: &str = r#"{"model":"0123456789"}"#;

impl std::fmt::Debug for Filter {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ours(pass, _) => write!(to, "{pass}"),
            Self::Other(_) => write!(to, "another"),
        }
    }
}

/// Ours. The number of the attempt stands for the host it goes to.
const OURS: [&str; 12] = [
    r#"{"patch": [{"replace": "/model", "cel": "request.headers['x-envoy-attempt-count'] == '1' ? 'm' : 'a-much-longer-name'"}]}"#,
    r#"{"when": "request.headers['x-envoy-attempt-count'] == '1'", "patch": [{"replace": "/model", "value": "s"}]}"#,
    r#"{"when": "request.headers['x-envoy-attempt-count'] == '2'", "body": {"value": "{{ body() }}  "}}"#,
    r#"{"body": {"value": "{{ body() }}{{ header('x-envoy-attempt-count') }}"}}"#,
    r#"{"set": [{"name": "x-key", "value": "K{{ header('x-envoy-attempt-count') }}"}]}"#,
    r#"{"set": [{"name": "x-key", "value": "Bearer {{ header('x-key') }}"}]}"#,
    r#"{"when": "request.headers['x-envoy-attempt-count'] == '1'", "set": [{"name": "x-key", "value": "K2"}]}"#,
    r#"{"when": "request.headers['x-envoy-attempt-count'] != '2'", "add": [{"name": "x-key", "value": "T"}]}"#,
    r#"{"when": "request.headers['x-envoy-attempt-count'] == '2'", "remove": ["x-*"]}"#,
    r#"{"set": [{"name": ":path", "value": "/{{ header('x-envoy-attempt-count') }}{{ header(':path') }}"}]}"#,
    r#"{"bodyMode": "streamed", "extract": [{"header": "x-model"}]}"#,
    r#"{"set": [{"name": "x-two", "value": "1"}]}"#,
];

fn set_body(host: &mut Host, body: Vec<u8>) {
    let length = body.len().to_string();
    host.set_header(Direction::Request, "content-length", length.as_bytes());
    host.request.chunks = vec![body];
}

/// As long as what patches of ours make of the body at another attempt.
fn pads(host: &mut Host, number: usize) {
    let body = format!("{:width$}", BODY, width = 28 + 2 * number);
    set_body(host, body.into_bytes());
}

fn shortens(host: &mut Host, number: usize) {
    let body = format!("{:width$}", r#"{"model":"s"}"#, width = 12 + number);
    set_body(host, body.into_bytes());
}

fn has_a_key(host: &mut Host, number: usize) {
    let value = format!("its own {number}");
    host.set_header(Direction::Request, "x-key", value.as_bytes());
}

fn sends_chunks(host: &mut Host, number: usize) {
    pads(host, number);
    host.remove_header(Direction::Request, "content-length");
}

const OTHERS: [fn(&mut Host, usize); 4] = [pads, shortens, has_a_key, sends_chunks];

fn sent(length: bool) -> Host {
    let mut headers = vec![
        (":method", "POST"),
        (":path", "/p"),
        ("x-key", "of the client"),
        ("x-key", "another"),
        ("content-type", "application/json"),
    ];
    if length {
        headers.push(("content-length", "22"));
    }
    let mut host = request(&headers, &[]);
    host.chain = Chain::Upstream;
    host
}

/// Plays an attempt on the headers that the one before left, and the body that arrived.
fn play(chain: &[Filter], host: &mut Host, number: usize, answered: bool) {
    host.request.chunks = vec![BODY.as_bytes().to_vec()];
    host.response = Message::new(&[(":status", "503")], [""; 0]);
    let count = number.to_string();
    host.set_header(Direction::Request, COUNT, count.as_bytes());
    let mut sessions = Vec::new();
    for (filter, played) in (1..).zip(chain) {
        match played {
            Filter::Ours(_, program) => {
                let mut session = Session::new(Arc::clone(program));
                host.filter = filter;
                host.play_one(&mut session, Direction::Request, Neighbour::None);
                sessions.push(session);
            }
            Filter::Other(change) => change(host, number),
        }
    }
    for session in sessions.iter_mut().rev().filter(|_| answered) {
        host.play_one(session, Direction::Response, Neighbour::None);
    }
    assert_eq!(host.violations, [""; 0]);
}

fn check(chain: &[Filter], length: bool, answered: bool) {
    for numbers in [[1, 2, 1], [2, 1, 3], [1, 1, 2]] {
        let mut host = sent(length);
        for (attempt, number) in (1..).zip(numbers) {
            play(chain, &mut host, number, answered);
            let mut first = sent(length);
            play(chain, &mut first, number, answered);
            let place = format!(
                "{chain:?} length {length}, answered {answered}, attempt {attempt} of {numbers:?}"
            );
            assert_eq!(host.request.by_name(), first.request.by_name(), "{place}");
            assert_eq!(host.request.body(), first.request.body(), "{place}");
            let announced = host.request.values("content-length");
            let size = host.request.body().len().to_string();
            assert!(announced.is_empty() || announced == [size], "{place}");
        }
    }
}

fn ours() -> [Filter; OURS.len()] {
    OURS.map(|pass| Filter::Ours(pass, program(&format!(r#"{{"request": {pass}}}"#))))
}

#[test]
fn an_attempt_is_what_it_would_be_as_the_first() {
    let ours = ours();
    for (first, second) in ours
        .iter()
        .flat_map(|it| ours.iter().map(move |own| (it, own)))
    {
        let chain = [first.clone(), second.clone()];
        for (length, answered) in [(true, true), (true, false), (false, true)] {
            check(&chain, length, answered);
        }
    }
}

#[test]
fn what_another_filter_before_has_set_for_this_attempt_stays() {
    let ours = ours();
    for (other, own) in OTHERS
        .iter()
        .flat_map(|it| ours.iter().map(move |own| (it, own)))
    {
        let other = Filter::Other(*other);
        for length in [true, false] {
            check(&[other.clone(), own.clone()], length, true);
            check(&[other.clone(), own.clone()], length, false);
            check(&[own.clone(), other.clone()], length, true);
            check(&[own.clone(), other.clone(), ours[1].clone()], length, true);
        }
    }
}

/// Another filter before, which streams, may have changed what arrives in pieces.
#[test]
fn a_length_in_doubt_is_that_of_the_body_or_none() {
    let (front, back) = BODY.split_at(9);
    for (pieces, trailers, length) in [
        (&[BODY][..], false, &["22"][..]),
        (&[front, back], false, &[]),
        (&[BODY], true, &[]),
        (&[], true, &["0"]),
        (&[], false, &["0"]),
    ] {
        let mut host = sent(true);
        let own = [ours()[1].clone()];
        play(&own, &mut host, 1, false);
        assert_eq!(host.request.values("content-length"), ["13"]);
        host.set_header(Direction::Request, COUNT, b"2");
        host.request = Message {
            headers: host.request.headers.clone(),
            ..Message::new(&[], pieces)
        };
        host.request.trailers = trailers;
        let Filter::Ours(_, program) = &own[0] else {
            unreachable!();
        };
        let mut session = Session::new(Arc::clone(program));
        host.play_one(&mut session, Direction::Request, Neighbour::None);
        assert_eq!(host.violations, [""; 0]);
        assert_eq!(host.request.values("content-length"), length, "{pieces:?}");
    }
}

#[test]
fn what_another_filter_has_added_for_this_attempt_stays() {
    let own = [ours()[7].clone()];
    let mut host = sent(true);
    play(&own, &mut host, 1, true);
    assert_eq!(
        host.request.values("x-key"),
        ["of the client", "another", "T"]
    );
    host.add_header(Direction::Request, "x-key", b"new");
    play(&own, &mut host, 3, true);
    assert_eq!(
        host.request.values("x-key"),
        ["of the client", "another", "new", "T"]
    );
}
