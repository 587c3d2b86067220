//! Small configurations out of building blocks.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// The header that fields are put in, which a client may forge.
pub const OWN: &str = "x-model";

const EXTRACTS: [&str; 8] = [
    r#"{"header": "x-model"}"#,
    r#"{"header": "x-model", "onMissing": "reject"}"#,
    r#"{"header": "x-model", "onInvalid": "reject", "duplicates": "last"}"#,
    r#"{"header": "x-model", "duplicates": "first", "default": "none"}"#,
    r#"{"header": "x-model", "from": [{"json": "/a/0"}, {"form": "model"}, {"multipart": "model"}], "aliases": [{"match": "x*", "value": "$1y"}]}"#,
    r#"{"header": "x-model", "from": [{"cel": "json(request.body).model"}]}"#,
    r#"{"name": "m", "header": "x-model", "lookup": {"header": "x-base", "values": {"x": "b"}}, "from": [{"json": "/m"}, {"header": "x-a"}]}"#,
    r#"{"name": "t", "from": [{"json": "/a/b"}], "metadata": {"namespace": "n", "key": "t"}}"#,
];

const ANSWERS: [&str; 4] = [
    r#"{"from": [{"usage": "total"}], "metadata": {"namespace": "n", "key": "total"}}"#,
    r#"{"name": "id", "from": [{"json": "/model"}], "take": "first", "metadata": {"namespace": "n", "key": "id"}}"#,
    r#"{"name": "id", "from": [{"json": "/a"}], "header": "x-answer"}"#,
    r#"{"name": "id", "from": [{"json": "/m"}], "onInvalid": "reject", "metadata": {"namespace": "n", "key": "id"}}"#,
];

const EDITS: [&str; 9] = [
    r#"{"set": "/model", "value": "new"}"#,
    r#"{"replace": "/model", "cel": "string(value) + '!'"}"#,
    r#"{"default": "/m/b", "json": [1]}"#,
    r#"{"remove": "$..b"}"#,
    r#"{"insert": "/a/0", "cel": "value"}"#,
    r#"{"set": "$.a[-1].m", "json": 1, "when": "has(document.model)"}"#,
    r#"{"set": "/m", "value": "{{ extracted.model }}"}"#,
    r#"{"remove": "/0"}"#,
    r#"{"replace": "$.*", "value": "{{ 1 / 0 }}"}"#,
];

const HEADERS: [&str; 7] = [
    r#"{"name": "x-set", "value": "{{ header('x-a') }}"}"#,
    r#"{"name": "x-set", "cel": "string(size(request.headers['x-a']))"}"#,
    r#"{"name": "x-b", "value": "{{ get_cookie('a') }}{{ 1 / 0 }}"}"#,
    r#"{"name": "x-lines", "cel": "['1', '2']"}"#,
    r#"{"name": "x-model-copy", "value": "{{ extracted.model }}"}"#,
    r#"{"name": ":path", "value": "/other?{{ header('x-a') }}"}"#,
    r#"{"name": "x-body", "cel": "string(size(request.body))"}"#,
];

const BODIES: [&str; 5] = [
    r#"{"value": "<{{ body() }}>"}"#,
    r#"{"parseAs": "AsJson"}"#,
    r#"{"parseAs": "AsJson", "value": "{{ model }}{{ a }}"}"#,
    r#"{"cel": "json(request.body).model"}"#,
    r#"{"parseAs": "None"}"#,
];

const CONDITIONS: [&str; 5] = [
    "request.method == 'POST'",
    "request.headers['x-a'] == 'A'",
    "has(json(request.body).model)",
    "false",
    "1 / 0 == 1",
];

const RULES: [&str; 4] = [
    r#"{"when": "request.headers['x-a'] == 'no'", "status": 404}"#,
    r#"{"when": "json(request.body).m == 1", "message": "{{ header('x-a') }}"}"#,
    r#"{"when": "extracted.model == 'x'", "code": "no_x"}"#,
    r#"{"when": "size(request.body) > 100", "body": {"value": "long"}}"#,
];

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn some(input: &mut Unstructured<'_>, blocks: &[&str], most: usize) -> Result<Vec<Value>> {
    let count = input.int_in_range(0..=most)?;
    (0..count)
        .map(|_| Ok(parsed(input.choose(blocks)?)))
        .collect()
}

/// A configuration out of an input. Some are refused.
///
/// # Errors
///
/// The input has ended.
pub fn config(input: &mut Unstructured<'_>) -> Result<Value> {
    let mut config = Map::new();
    config.insert("request".to_owned(), request(input)?);
    if input.arbitrary()? {
        config.insert("response".to_owned(), response(input)?);
    }
    if input.ratio(1, 4)? {
        let format = *input.choose(&["openai", "anthropic", "gemini", "text", "auto"])?;
        config.insert("errorFormat".to_owned(), json!(format));
    }
    Ok(Value::Object(config))
}

fn request(input: &mut Unstructured<'_>) -> Result<Value> {
    let mut pass = Map::new();
    pass.insert("extract".to_owned(), some(input, &EXTRACTS, 2)?.into());
    let streams = input.ratio(1, 4)?;
    if streams {
        pass.insert("bodyMode".to_owned(), json!("streamed"));
        return Ok(Value::Object(pass));
    }
    match input.int_in_range(0..=4)? {
        0 | 1 => put(&mut pass, "patch", some(input, &EDITS, 3)?),
        2 => {
            pass.insert("body".to_owned(), parsed(input.choose(&BODIES)?));
        }
        _ => {}
    }
    put(&mut pass, "set", some(input, &HEADERS, 2)?);
    put(&mut pass, "add", some(input, &HEADERS, 1)?);
    put(&mut pass, "reject", some(input, &RULES, 1)?);
    if input.ratio(1, 3)? {
        put(&mut pass, "remove", vec![json!("x-b"), json!("x-*-r")]);
    }
    if input.ratio(1, 4)? {
        pass.insert("when".to_owned(), json!(input.choose(&CONDITIONS)?));
    }
    if input.ratio(1, 4)? {
        pass.insert(
            "onFailure".to_owned(),
            json!(input.choose(&["reject", "continue"])?),
        );
    }
    if input.ratio(1, 4)? {
        pass.insert(
            "clearRouteCache".to_owned(),
            json!(input.arbitrary::<bool>()?),
        );
    }
    Ok(Value::Object(pass))
}

fn response(input: &mut Unstructured<'_>) -> Result<Value> {
    let mut pass = Map::new();
    put(&mut pass, "extract", some(input, &ANSWERS, 2)?);
    match input.int_in_range(0..=4)? {
        0 | 1 => {
            put(&mut pass, "patch", some(input, &EDITS, 2)?);
            if input.ratio(1, 3)? {
                put(&mut pass, "dropEvents", vec![json!("document.m == 1")]);
            }
        }
        2 => {
            let body = input
                .choose(&BODIES)?
                .replace("request.body", "response.body");
            pass.insert("body".to_owned(), parsed(&body));
        }
        _ => {}
    }
    if input.ratio(1, 3)? {
        put(
            &mut pass,
            "set",
            vec![json!({"name": "x-answer-set", "cel": "string(response.code)"})],
        );
    }
    if input.ratio(1, 4)? {
        pass.insert(
            "onFailure".to_owned(),
            json!(input.choose(&["reject", "continue"])?),
        );
    }
    if input.ratio(1, 4)? {
        pass.insert("bodyMode".to_owned(), json!("buffered"));
    }
    Ok(Value::Object(pass))
}

fn put(pass: &mut Map<String, Value>, key: &str, items: Vec<Value>) {
    if !items.is_empty() {
        pass.insert(key.to_owned(), items.into());
    }
}
