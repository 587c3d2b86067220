//! A server that looks like an OpenAI-compatible one.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::Result;
use serde_json::{Value, json};

use crate::http::Message;

/// Starts one, for as long as this process lives, and returns its port. It answers a chat completion that names itself
/// (also in `x-served-by`) and the model it was asked for.
///
/// # Errors
/// No free port.
pub(crate) fn start(name: &'static str) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who gives up gets no answer.
            thread::spawn(move || answer(name, stream).ok());
        }
    });
    Ok(port)
}

fn answer(name: &str, mut stream: TcpStream) -> Result<()> {
    let request = Message::read(&stream)?;
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let model = body.get("model").unwrap_or(&Value::Null);
    let content = format!("{name} was asked for model {model}");
    let answer = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content},
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    });
    let answer = answer.to_string();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
    let length = answer.len();
    write!(
        stream,
        "{head}\r\nx-served-by: {name}\r\ncontent-length: {length}\r\n\r\n{answer}"
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::http::post;

    #[test]
    fn names_itself_and_the_model() {
        let port = super::start("small").unwrap();
        let address = ([127, 0, 0, 1], port).into();
        for (body, asked) in [
            (r#"{"model": "m"}"#, r#"small was asked for model \"m\""#),
            ("no JSON", "small was asked for model null"),
        ] {
            let answer = post(address, &[], body).unwrap();
            assert_eq!(answer.field("x-served-by"), Some("small"));
            let text = String::from_utf8(answer.body).unwrap();
            assert!(text.contains(asked), "{text}");
        }
    }
}
