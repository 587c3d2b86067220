//! Many requests at once, by nghttp2's `h2load`.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// How many requests it sends.
const REQUESTS: usize = 2000;

const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;

/// Sends them, by HTTP/2, ten at once on each of ten connections. All have to be answered 200.
///
/// # Errors
/// The program is missing, or an answer is.
pub(super) async fn play(address: SocketAddr) -> Result<()> {
    let mut body = tempfile::NamedTempFile::new()?;
    body.write_all(BODY.as_bytes())?;
    let requests = REQUESTS.to_string();
    let output = Command::new("h2load")
        .args(["-n", &requests, "-c", "10", "-m", "10"])
        .args(["-H", "content-type: application/json"])
        .arg("--data")
        .arg(body.path())
        .arg(format!("http://{address}/v1/chat/completions"))
        .output()
        .await
        .context("h2load is missing: install Debian's nghttp2-client")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let all = format!("{REQUESTS} 2xx, 0 3xx, 0 4xx, 0 5xx");
    ensure!(text.contains(&all), "not all were answered 200:\n{text}");
    Ok(())
}
