//! Answers of many documents: what is edited nowhere leaves as the bytes that came, and the tokens that are
//! counted are those that a simple reader of the whole stream counts, however it is cut.

#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::{Arbitrary, Unstructured};
use fuzz::pieces::cut;
use fuzz::program::program;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Program, Session, Usage};

#[derive(Debug)]
struct Input {
    framing: Framing,
    stream: Stream,
    neighbour: Neighbour,
    cuts: [u8; 5],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    Events,
    Lines,
    EventStream,
}

#[derive(Debug)]
enum Stream {
    /// Made of documents, which are known.
    Made(Vec<u8>, Vec<Value>),
    /// Any bytes.
    Raw(Vec<u8>),
}

impl Framing {
    fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
            Self::EventStream => "application/vnd.amazon.eventstream",
        }
    }
}

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> arbitrary::Result<Self> {
        let framing = *input.choose(&[Framing::Events, Framing::Lines, Framing::EventStream])?;
        let neighbour = *input.choose(&Neighbour::ALL)?;
        let cuts = input.arbitrary()?;
        let stream = if input.ratio(1, 4)? {
            Stream::Raw(fuzz::text::rest(input)?)
        } else {
            stream(framing, input)?
        };
        Ok(Self {
            framing,
            stream,
            neighbour,
            cuts,
        })
    }
}

/// The members that report tokens, of two APIs that share none of their names.
const OPENAI: [&str; 5] = [
    "/usage/prompt_tokens",
    "/usage/completion_tokens",
    "/usage/total_tokens",
    "/usage/prompt_tokens_details/cached_tokens",
    "/usage/completion_tokens_details/reasoning_tokens",
];
const ANTHROPIC: [&str; 4] = [
    "/usage/input_tokens",
    "/usage/cache_creation_input_tokens",
    "/usage/cache_read_input_tokens",
    "/usage/output_tokens",
];

fn document(input: &mut Unstructured<'_>) -> arbitrary::Result<Value> {
    let mut document = json!({});
    if input.arbitrary()? {
        document["choices"] =
            json!([{"delta": {"content": *input.choose(&["a", "\"\\", "é\n", "usage", "{"])?}}]);
    }
    for _ in 0..input.int_in_range(0..=3)? {
        let pointer = if input.arbitrary()? {
            (*input.choose(&OPENAI)?).to_owned()
        } else {
            // A member without its like in the other API is told apart from it.
            let below = if input.arbitrary()? { "/message" } else { "" };
            format!("{below}{}", input.choose(&ANTHROPIC)?)
        };
        put(&mut document, &pointer, count(input)?);
    }
    Ok(document)
}

/// What stands where a number of tokens should: mostly one.
fn count(input: &mut Unstructured<'_>) -> arbitrary::Result<Value> {
    Ok(match input.int_in_range(0..=7)? {
        0 => Value::Null,
        1 => json!("7"),
        2 => json!(-1),
        _ => json!(input.arbitrary::<u16>()?),
    })
}

fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut here = document;
    for key in pointer.split('/').skip(1) {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        here = &mut here[key];
    }
    *here = value;
}

fn stream(framing: Framing, input: &mut Unstructured<'_>) -> arbitrary::Result<Stream> {
    let mut bytes = Vec::new();
    let mut documents = Vec::new();
    if framing != Framing::EventStream && input.ratio(1, 8)? {
        bytes.extend_from_slice(b"\xef\xbb\xbf");
    }
    for _ in 0..input.int_in_range(0..=6)? {
        let document = document(input)?;
        let (text, is_document) = match input.int_in_range(0..=7)? {
            0 => ("[DONE]".to_owned(), false),
            1 => ("{\"usage\":{\"prompt_tokens\":5}".to_owned() + "]", false),
            2 => ("{\"usage\":{\"prompt_tokens\":5}}}".to_owned(), false),
            3 | 4 if framing == Framing::Events => (format!("{document:#}"), true),
            _ => (document.to_string(), true),
        };
        if is_document {
            documents.push(document);
        }
        match framing {
            Framing::Events => event(input, &text, &mut bytes)?,
            Framing::Lines => {
                let end = *input.choose(&["\n", "\r\n", "\n\n", " \n"])?;
                bytes.extend_from_slice(text.as_bytes());
                bytes.extend_from_slice(end.as_bytes());
            }
            Framing::EventStream => message(text.as_bytes(), &mut bytes),
        }
    }
    Ok(Stream::Made(bytes, documents))
}

fn event(input: &mut Unstructured<'_>, text: &str, bytes: &mut Vec<u8>) -> arbitrary::Result<()> {
    let end = *input.choose(&["\n", "\r\n", "\r"])?;
    if let Some(other) = input.choose(&[
        None,
        Some("event: x"),
        Some(": comment"),
        Some("datas: {}"),
        Some("id"),
    ])? {
        bytes.extend_from_slice(other.as_bytes());
        bytes.extend_from_slice(end.as_bytes());
    }
    let name = *input.choose(&["data: ", "data:", "data:  "])?;
    for line in text.split('\n') {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(end.as_bytes());
    }
    bytes.extend_from_slice(end.as_bytes());
    Ok(())
}

/// A message as Amazon Bedrock sends them.
fn message(payload: &[u8], bytes: &mut Vec<u8>) {
    let mut headers = Vec::new();
    for (name, value) in [
        (":message-type", "event"),
        (":event-type", "chunk"),
        (":content-type", "application/json"),
    ] {
        headers.push(u8::try_from(name.len()).expect("the name is short"));
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(
            &u16::try_from(value.len())
                .expect("the value is short")
                .to_be_bytes(),
        );
        headers.extend_from_slice(value.as_bytes());
    }
    let word = |number: usize| {
        u32::try_from(number)
            .expect("the message is short")
            .to_be_bytes()
    };
    let mut message = Vec::new();
    message.extend_from_slice(&word(16 + headers.len() + payload.len()));
    message.extend_from_slice(&word(headers.len()));
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    bytes.extend_from_slice(&message);
}

/// Does nothing but count.
static COUNTING: LazyLock<Arc<Program>> = LazyLock::new(|| counting("{}"));

/// Counts, and edits what is nowhere.
static EDITING: LazyLock<Arc<Program>> = LazyLock::new(|| {
    counting(
        r#"{"response": {
            "dropEvents": ["has(document.nowhere)"],
            "patch": [{"replace": "/nowhere/at/all", "json": 1}, {"remove": "$..nowhere"},
                {"set": "$.choices[*].delta.content", "cel": "value", "when": "false"}]}}"#,
    )
});

fn counting(config: &str) -> Arc<Program> {
    let mut program = Arc::into_inner(program(config)).expect("nobody else has it");
    program.count_usage();
    Arc::new(program)
}

fuzz_target!(|input: Input| {
    let (Stream::Made(bytes, _) | Stream::Raw(bytes)) = &input.stream;
    let pieces = cut(bytes, &input.cuts);
    let whole = played(&COUNTING, &input, &[bytes]);
    assert_eq!(whole.0, *bytes, "passed");
    assert_eq!(
        played(&COUNTING, &input, &pieces),
        whole,
        "cut at {:?}",
        input.cuts
    );
    let edited = played(&EDITING, &input, &pieces);
    assert_eq!(
        edited.0.escape_ascii().to_string(),
        bytes.escape_ascii().to_string(),
        "edited nowhere"
    );
    assert_eq!(edited.1, whole.1, "counted beside edits");
    if let Stream::Made(_, documents) = &input.stream {
        assert_eq!(
            whole.1,
            Some(counted(documents)),
            "{}",
            bytes.escape_ascii()
        );
    }
});

/// What is left of an answer, and the tokens that are counted.
fn played(program: &Arc<Program>, input: &Input, pieces: &[&[u8]]) -> (Vec<u8>, Option<Usage>) {
    let headers = [
        (":status", "200"),
        ("content-type", input.framing.content_type()),
    ];
    let mut host = Host::new(Message::default(), Message::new(&headers, pieces));
    let mut session = Session::new(Arc::clone(program));
    host.play(&mut session, input.neighbour);
    assert_eq!(host.violations, [""; 0]);
    (host.response.body(), session.usage())
}

/// What was reported last of one member.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Count(u64),
    NoCount,
}

/// The last that documents report at any of these places.
fn last(documents: &[Value], places: &[String]) -> Last {
    let mut last = Last::Nothing;
    for document in documents {
        let values = places.iter().filter_map(|place| document.pointer(place));
        // The first of the places counts that has anything.
        if let Some(value) = values.into_iter().find(|value| !value.is_null()) {
            last = value.as_u64().map_or(Last::NoCount, Last::Count);
        }
    }
    last
}

/// The sum of what is reported of some members; an error where one is no count.
fn sum(documents: &[Value], members: &[&str], below: &[&str]) -> Result<Option<u64>, ()> {
    let mut sum = None;
    for member in members {
        let places: Vec<String> = below
            .iter()
            .map(|below| format!("{below}{member}"))
            .collect();
        match last(documents, &places) {
            Last::Nothing => {}
            Last::Count(count) => sum = Some(sum.unwrap_or(0) + count),
            Last::NoCount => return Err(()),
        }
    }
    Ok(sum)
}

/// The tokens of a stream of either API; where it reports both, the first counts.
fn counted(documents: &[Value]) -> Usage {
    let openai = |members: &[&str]| sum(documents, members, &[""]);
    let anthropic = |members: &[&str]| sum(documents, members, &["", "/message"]);
    let either = |first: Result<Option<u64>, ()>, second: &dyn Fn() -> Result<Option<u64>, ()>| {
        match first {
            Ok(None) => second(),
            first => first,
        }
    };
    let input = either(openai(&["/usage/prompt_tokens"]), &|| {
        anthropic(&ANTHROPIC[..3])
    });
    let output = either(openai(&["/usage/completion_tokens"]), &|| {
        anthropic(&ANTHROPIC[3..])
    });
    let total = either(
        openai(&["/usage/total_tokens"]),
        &|| match (input, output) {
            (Ok(Some(input)), Ok(Some(output))) => Ok(Some(input + output)),
            _ => Ok(None),
        },
    );
    let cached = either(
        openai(&["/usage/prompt_tokens_details/cached_tokens"]),
        &|| anthropic(&ANTHROPIC[2..3]),
    );
    let reasoning = openai(&["/usage/completion_tokens_details/reasoning_tokens"]);
    Usage {
        input: input.ok().flatten(),
        output: output.ok().flatten(),
        total: total.ok().flatten(),
        cached: cached.ok().flatten(),
        reasoning: reasoning.ok().flatten(),
    }
}
