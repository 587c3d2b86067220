//! JSON, base64, URLs, forms, tokens and digests.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bodies::JSON_DEPTH;
use indexmap::map::Entry;
use md5::{Digest, Md5};
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use sha1::Sha1;
use sha2::Sha256;

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::document;
use crate::languages::cel::error::Error;
use crate::languages::cel::map::Map;
use crate::languages::cel::print;
use crate::languages::cel::value::{Bytes, Key, Text, Value};
use crate::languages::query::ESCAPED;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "json",
        signature: "json(text or bytes)",
        about: "The value of a JSON document. `json(request.body).a.b[0]` is a lookup in the \
                bytes of the body, without a tree.",
        examples: &[
            ("json('{\"a\": [1, 2.50]}').a[0]", "1"),
            ("json('nonsense')", "error"),
            ("json('{\"a\": 1, \"a\": 2}')", "error"),
        ],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: None,
        call: json,
    },
    Builtin {
        name: "toJson",
        signature: "toJson(value)",
        about: "The value as JSON. The order of keys, 64-bit integers and the spelling of numbers \
                stay; bytes become base64.",
        examples: &[
            ("toJson({'a': [1, null]})", "'{\"a\":[1,null]}'"),
            (
                "toJson(json('{\"b\": 3.10, \"a\": 1}'))",
                "'{\"b\":3.10,\"a\":1}'",
            ),
        ],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("string"),
        call: to_json,
    },
    Builtin {
        name: "to_json",
        signature: "to_json(value)",
        about: "The same as `toJson`.",
        examples: &[("to_json([1])", "'[1]'")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("string"),
        call: to_json,
    },
    Builtin {
        name: "base64.encode",
        signature: "base64.encode(text or bytes)",
        about: "Base64, padded.",
        examples: &[("base64.encode('a')", "'YQ=='")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("string"),
        call: base64_encode,
    },
    Builtin {
        name: "base64.decode",
        signature: "base64.decode(text)",
        about: "The bytes; with or without padding.",
        examples: &[
            ("base64.decode('YQ')", "b'a'"),
            ("base64.decode('!')", "error"),
        ],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("bytes"),
        call: base64_decode,
    },
    Builtin {
        name: "url.encode",
        signature: "url.encode(text)",
        about: "The text for a part of a URL: all but letters, digits and `-_.~` is escaped.",
        examples: &[("url.encode('a b/c')", "'a%20b%2Fc'")],
        style: Style::Global,
        arguments: [1, 1],
        of: &["string"],
        returns: Some("string"),
        call: url_encode,
    },
    Builtin {
        name: "url.decode",
        signature: "url.decode(text)",
        about: "The text without escapes. A plus stays a plus.",
        examples: &[
            ("url.decode('a%20b+c')", "'a b+c'"),
            ("url.decode('%FF')", "error"),
        ],
        style: Style::Global,
        arguments: [1, 1],
        of: &["string"],
        returns: Some("string"),
        call: url_decode,
    },
    Builtin {
        name: "form.encode",
        signature: "form.encode(map)",
        about: "A form or a query. A list becomes the same key several times.",
        examples: &[
            ("form.encode({'a': 'b c', 'd': [1, 2]})", "'a=b+c&d=1&d=2'"),
            ("form.encode([])", "error"),
        ],
        style: Style::Global,
        arguments: [1, 1],
        of: &["map"],
        returns: Some("string"),
        call: form_encode,
    },
    Builtin {
        name: "form.decode",
        signature: "form.decode(text or bytes)",
        about: "The fields of a form or a query. A key that stands several times has a list.",
        examples: &[(
            "form.decode('a=1&a=2&b=c+d')",
            "{'a': ['1', '2'], 'b': 'c d'}",
        )],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("map"),
        call: form_decode,
    },
    Builtin {
        name: "md5.encode",
        signature: "md5.encode(text or bytes)",
        about: "The digest, in hexadecimal. Not for secrets.",
        examples: &[("md5.encode('')", "'d41d8cd98f00b204e9800998ecf8427e'")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("string"),
        call: md5_encode,
    },
    Builtin {
        name: "sha1.encode",
        signature: "sha1.encode(text or bytes)",
        about: "The digest, in hexadecimal. Not for secrets.",
        examples: &[(
            "sha1.encode('')",
            "'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
        )],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("string"),
        call: sha1_encode,
    },
    Builtin {
        name: "sha256.encode",
        signature: "sha256.encode(text or bytes)",
        about: "The digest, in hexadecimal.",
        examples: &[(
            "sha256.encode('')",
            "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
        )],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("string"),
        call: sha256_encode,
    },
    Builtin {
        name: "unvalidatedJwtPayload",
        signature: "unvalidatedJwtPayload(token)",
        about: "The claims of a JSON Web Token. Its signature is not checked: only behind \
                Envoy's `jwt_authn`.",
        examples: &[("unvalidatedJwtPayload('e30.eyJzdWIiOiJhIn0.').sub", "'a'")],
        style: Style::Global,
        arguments: [1, 1],
        of: &["string"],
        returns: None,
        call: jwt_payload,
    },
];

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

fn json<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let parsed = match arguments {
        [Value::String(Text::Borrowed(text))] => {
            document::read(text.as_bytes(), &[], JSON_DEPTH, budget)?
        }
        [Value::Bytes(Bytes::Borrowed(bytes))] => document::read(bytes, &[], JSON_DEPTH, budget)?,
        [value @ (Value::String(_) | Value::Bytes(_))] => {
            let bytes = value.as_bytes().unwrap_or_default();
            budget.make(bytes.len())?;
            let parsed = document::read(bytes, &[], JSON_DEPTH, budget)?;
            parsed.map(|value| value.detached(budget)).transpose()?
        }
        _ => return Err(Error::Mismatch),
    };
    Ok(parsed.unwrap_or(Value::Null))
}

fn to_json<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value] => Value::text(print::json(value, budget)?, budget),
        _ => Err(Error::Mismatch),
    }
}

/// The bytes of the only argument.
fn only_bytes<'a>(budget: &Budget, arguments: &'a [Value<'_>]) -> Result<&'a [u8], Error> {
    match arguments {
        [value] => {
            let bytes = value.as_bytes().ok_or(Error::Mismatch)?;
            budget.read(bytes.len())?;
            Ok(bytes)
        }
        _ => Err(Error::Mismatch),
    }
}

/// The text of the only argument.
fn only_text<'a>(budget: &Budget, arguments: &'a [Value<'_>]) -> Result<&'a str, Error> {
    match arguments {
        [Value::String(text)] => {
            budget.read(text.len())?;
            Ok(text)
        }
        _ => Err(Error::Mismatch),
    }
}

fn base64_encode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    Value::text(STANDARD.encode(only_bytes(budget, arguments)?), budget)
}

fn base64_decode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match STANDARD.decode(only_text(budget, arguments)?) {
        Ok(bytes) => Value::bytes(bytes, budget),
        Err(_) => Error::failed("not base64"),
    }
}

fn url_encode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let text = only_text(budget, arguments)?;
    budget.make(text.len())?;
    Value::text(utf8_percent_encode(text, ESCAPED).to_string(), budget)
}

fn url_decode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match percent_decode_str(only_text(budget, arguments)?).decode_utf8() {
        Ok(text) => Value::text(text.into_owned(), budget),
        Err(_) => Error::failed("the escapes are not UTF-8"),
    }
}

fn form_encode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::Map(fields)] = arguments else {
        return Err(Error::Mismatch);
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    let mut append = |key: &Key<'_>, value: &Value<'_>| {
        let text = print::text(value)?.ok_or(Error::Mismatch)?;
        let key = key.to_string();
        budget.make(key.len().saturating_add(text.len()))?;
        form.append_pair(&key, &text);
        Ok(())
    };
    for (key, value) in fields.iter() {
        match value {
            Value::List(values) => {
                for value in values.iter() {
                    append(key, value)?;
                }
            }
            value => append(key, value)?,
        }
    }
    Value::text(form.finish(), budget)
}

fn form_decode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let text = |part: Cow<'_, str>| -> Result<Text<'v>, Error> {
        budget.make(part.len().saturating_add(size_of::<Value<'_>>()))?;
        budget.step()?;
        Ok(Text::Shared(part.into()))
    };
    let mut lists: indexmap::IndexMap<Text<'v>, Vec<Value<'v>>> = indexmap::IndexMap::new();
    for (name, value) in form_urlencoded::parse(only_bytes(budget, arguments)?) {
        let value = Value::String(text(value)?);
        match lists.entry(text(name)?) {
            Entry::Occupied(mut values) => values.get_mut().push(value),
            Entry::Vacant(place) => {
                place.insert(vec![value]);
            }
        }
    }
    let mut fields = Map::default();
    for (name, mut values) in lists {
        let value = match (values.len(), values.pop()) {
            (1, Some(only)) => only,
            (_, last) => Value::list(values.into_iter().chain(last).collect(), budget)?,
        };
        fields.insert(Key::String(name), value);
    }
    Value::map(fields, budget)
}

fn digest<'v, D: Digest>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let bytes = only_bytes(budget, arguments)?;
    // Ten times what reading takes.
    budget.steps(bytes.len() / 16)?;
    let digest = D::digest(bytes);
    let hexadecimal = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Value::text(hexadecimal, budget)
}

fn md5_encode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    digest::<Md5>(budget, arguments)
}

fn sha1_encode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    digest::<Sha1>(budget, arguments)
}

fn sha256_encode<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    digest::<Sha256>(budget, arguments)
}

fn jwt_payload<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let token = only_text(budget, arguments)?;
    let parts: Vec<&str> = token.split('.').take(4).collect();
    let [_, payload, _] = parts.as_slice() else {
        return Error::failed("not a JSON Web Token");
    };
    let Ok(claims) = URL_SAFE.decode(payload) else {
        return Error::failed("not a JSON Web Token");
    };
    budget.make(claims.len())?;
    let claims = document::read(&claims, &[], JSON_DEPTH, budget)?;
    claims.map_or(Ok(Value::Null), |claims| claims.detached(budget))
}
