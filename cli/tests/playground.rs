//! `rustformations playground`, by its API, and in a browser where there is one.
#![forbid(unsafe_code)]
// A test that indexes what is not there fails, as it should.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

/// The page, served until it is dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_rustformations"))
            .args(["playground", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        let address = rest.trim_end().trim_end_matches('/').to_owned();
        Self { process, address }
    }

    /// The status, the headers and the body of an answer.
    fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        // Who refuses a long body need not read it: then there is an answer though it cannot be sent whole.
        let _sent = stream.write_all(format!("{head}\r\n{body}").as_bytes());
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn play(&self, input: &Value) -> Value {
        let json = [("content-type", "application/json")];
        let (status, _, body) = self.call("POST", "/play", &json, &input.to_string());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// A browser without a window.
#[derive(Clone)]
struct Browser(String);

impl Browser {
    fn find() -> Option<Self> {
        let named = std::env::var("CHROMIUM").ok();
        let names = named
            .into_iter()
            .chain(["chromium", "chromium-browser", "google-chrome"].map(str::to_owned));
        let runs = |name: &String| {
            Command::new(name)
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success())
        };
        names.into_iter().find(runs).map(Self)
    }

    /// The page that a URL leads to, after its scripts have run.
    fn page(&self, url: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(&self.0)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--virtual-time-budget=8000",
                "--dump-dom",
            ])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg(url)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The page has everything in itself, and may load nothing else.
fn nothing_comes_from_elsewhere(server: &Server) {
    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/result.js", "text/javascript"),
        ("/state.js", "text/javascript"),
        ("/examples.json", "application/json"),
    ] {
        let (status, head, body) = server.call("GET", path, &[], "");
        assert_eq!(status, 200, "{path}");
        for part in [
            format!("content-type: {kind}").as_str(),
            "content-security-policy: default-src 'none'",
            "nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(part), "{path}: {part} in\n{head}");
        }
        let without_examples = path != "/examples.json";
        assert!(
            !(without_examples && body.contains("://")),
            "{path} names another place"
        );
    }
    assert_eq!(server.call("GET", "/nothing", &[], "").0, 404);
    // Without it a browser asks for /favicon.ico.
    let (_, _, page) = server.call("GET", "/", &[], "");
    assert!(page.contains("rel=\"icon\" href=\"data:,\""), "{page}");
}

/// A page of another site cannot use the server, not even by a name that leads to it.
fn other_sites_are_refused(server: &Server) {
    let json = ("content-type", "application/json");
    for headers in [
        [("host", "attacker.example"), json],
        [("origin", "http://attacker.example"), json],
        [("origin", "null"), json],
    ] {
        assert_eq!(
            server.call("POST", "/play", &headers, "{}").0,
            403,
            "{headers:?}"
        );
    }
    let own = format!("http://{}", server.address);
    assert_eq!(
        server
            .call("POST", "/play", &[("origin", own.as_str()), json], "{}")
            .0,
        200
    );
}

fn what_is_wrong_is_told_with_its_place(server: &Server) {
    let played = server.play(&json!({"config": "request:\n  sett: 1\n", "request": "path: /\n"}));
    let finding = &played["findings"][0];
    assert_eq!(
        (&finding["line"], &finding["code"]),
        (&json!(2), &json!("RF003")),
        "{played}"
    );
    for (input, part, message) in [
        (
            json!({"config": "{}", "request": "pth: /"}),
            "request",
            "pth",
        ),
        (
            json!({"config": "{}", "request": "curl 'h"}),
            "request",
            "a quote has no end",
        ),
        (
            json!({"config": "{}", "request": "curl -d @/etc/passwd h"}),
            "request",
            "is not read here",
        ),
        (
            json!({"config": "{}", "request": "path: /", "response": "statuss: 1"}),
            "response",
            "statuss",
        ),
        (
            json!({"config": "{}", "at": "x", "request": "path: /"}),
            "config",
            "no filter at `x`",
        ),
    ] {
        let played = server.play(&input);
        assert_eq!(played["error"]["part"], part, "{input}: {played}");
        assert!(
            played["error"]["message"]
                .as_str()
                .unwrap()
                .contains(message),
            "{input}: {played}"
        );
        assert!(played["exchange"].is_null(), "{input}");
    }
    let json = [("content-type", "application/json")];
    for body in ["", "{\"config\": 1}", "{\"nonsense\": \"\"}"] {
        assert!(
            (400..500).contains(&server.call("POST", "/play", &json, body).0),
            "{body}"
        );
    }
    let long = format!("{{\"config\": \"{}\"}}", "x".repeat(9 << 20));
    assert_eq!(server.call("POST", "/play", &json, &long).0, 413);
}

/// A link may come from a stranger.
fn no_variable_is_read(server: &Server) {
    let config = "request: {set: [{name: x-home, value: \"{{ env('PATH') }}\"}]}";
    let played = server.play(&json!({"config": config, "request": "path: /"}));
    assert_eq!(
        played["exchange"]["filters"][0]["request"]["headers"],
        json!([]),
        "{played}"
    );
}

/// What a person sees first, and what a link leads to.
fn a_browser_shows_what_was_played(server: &Server, browser: &Browser) {
    let page = browser.page(&format!("http://{}/", server.address));
    for part in [
        "aria-busy=\"false\"",
        "+ x-gateway-model-name: gpt-4o",
        "goes on changed",
        "Route on the model",
        "from `json: /model`",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    // ["request: {sett: 1}\n","path: /<b>\n",""], packed by zlib.
    let page = browser.page(&format!("http://{}/#{}", server.address, LINK));
    for part in ["Problems: 1 warning", "request.sett", "/&lt;b&gt;"] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    assert!(!page.contains("/<b>"), "text became HTML:\n{page}");
    let page = browser.page(&format!("http://{}/#{}", server.address, ROUTES));
    for part in [
        "Route: to the cluster one",
        "+ x-of: route",
        "Sent to the cluster one",
        "there is one attempt",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

/// A link that a browser made.
const LINK: &str = "i1YqSi0sTS0usVKoLk4tAVKGtTF5SjoKSgWJJRlWCvo2SXYQvlIsAA";

/// A route configuration with a cluster, a retry policy, and a header that the route's own configuration sets.
const ROUTES: &str = "hVG7bsMwDPwVQmPhKEM3TR2KbgWKdowDQZXpRIAsqnoYMQL_eyXbTZCpi0Adj487HthoQsrKyjPFFEXrduDUgAKUta0D6GhQxkUBh5Y9texYsUA5YeUC7GBQSZ8FXH3A3lwE7OeKb6SCa5tjwiCAHDYQMIVJerJGTyU5b-Q0eeykxyB7YwtbanK9OYk1C0A5xNsHoGUvtaJlYqnkJ6KTReVN5JqGPbqRJo6XhC4acpGvTSM_p-R5NxWBRsuBumwx8vGZv67Q-4K8LeQPDJ9VwX3oY93fhnBd7QpF5ZZqimnSUZLaUiypFDLO9z5V5WLO1kLeG_QUip1l5Tv70Q-4_iN9_XIfKNF37vlXGa5TA6OyuV4j4E_GmEoUsbyHbfvLjvobaVluPs71OKxhXqVy3_0Ss-Mv";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server = Arc::new(Server::start());
    let trial = |name: &str, test: fn(&Server)| {
        let server = Arc::clone(&server);
        Trial::test(name, move || {
            test(&server);
            Ok::<(), Failed>(())
        })
    };
    let mut trials = vec![
        trial("nothing_comes_from_elsewhere", nothing_comes_from_elsewhere),
        trial("other_sites_are_refused", other_sites_are_refused),
        trial("no_variable_is_read", no_variable_is_read),
        trial(
            "what_is_wrong_is_told_with_its_place",
            what_is_wrong_is_told_with_its_place,
        ),
    ];
    let browser = Browser::find();
    if browser.is_none() && !arguments.list {
        println!(
            "a_browser_shows_what_was_played: skipped: no chromium here; install it, or name another browser of its kind in CHROMIUM"
        );
    }
    let missing = browser.is_none();
    let at = Arc::clone(&server);
    let shown = Trial::test("a_browser_shows_what_was_played", move || {
        if let Some(browser) = &browser {
            a_browser_shows_what_was_played(&at, browser);
        }
        Ok(())
    });
    trials.push(shown.with_ignored_flag(missing));
    libtest_mimic::run(&arguments, trials).exit_code()
}
