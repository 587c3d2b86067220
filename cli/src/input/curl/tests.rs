//! What curl's arguments become, as curl 7.88 sends them.

use cases::Message;

use super::request;

fn read(arguments: &[&str]) -> Message {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| (*argument).to_owned())
        .collect();
    request(&arguments).unwrap()
}

fn text(message: &Message) -> String {
    String::from_utf8(message.body.bytes()).unwrap()
}

#[test]
fn a_call_from_documentation_is_read() {
    let message = read(&[
        "curl",
        "https://api.example/v1/chat/completions",
        "-sSN",
        "-H",
        "Content-Type: application/json",
        "-H",
        "Authorization: Bearer x",
        "-d",
        "{\"model\": \"gpt-4o\",\n \"messages\": []}",
    ]);
    assert_eq!(message.field(":method").as_deref(), Some("POST"));
    assert_eq!(message.field(":scheme").as_deref(), Some("https"));
    assert_eq!(
        message.field(":path").as_deref(),
        Some("/v1/chat/completions")
    );
    assert_eq!(
        message.field("content-type").as_deref(),
        Some("application/json")
    );
    assert_eq!(
        text(&message),
        "{\"model\": \"gpt-4o\",\n \"messages\": []}"
    );
    let length = text(&message).len().to_string();
    assert_eq!(message.field("content-length"), Some(length));
}

#[test]
fn data_is_sent_as_curl_sends_it() {
    let message = read(&["-d", "a=1", "--data-urlencode", "b=x y&z", "host/p"]);
    assert_eq!(text(&message), "a=1&b=x+y%26z");
    assert_eq!(
        message.field("content-type").as_deref(),
        Some("application/x-www-form-urlencoded")
    );
    let message = read(&["-G", "-d", "a=1", "host/p?x=2"]);
    assert_eq!(message.field(":path").as_deref(), Some("/p?x=2&a=1"));
    assert_eq!(message.field(":method").as_deref(), Some("GET"));
    let message = read(&["--json", "{\"a\":1}", "host"]);
    assert_eq!(message.field("accept").as_deref(), Some("application/json"));
    let message = read(&["-XPUT", "--data-raw=@x", "host"]);
    assert_eq!(
        (text(&message).as_str(), message.field(":method").as_deref()),
        ("@x", Some("PUT"))
    );
}

#[test]
fn only_files_lose_their_line_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body");
    std::fs::write(&path, "a\r\nb\n").unwrap();
    let file = format!("@{}", path.display());
    assert_eq!(text(&read(&["-d", "a\nb", "host"])), "a\nb");
    assert_eq!(text(&read(&["-d", &file, "host"])), "ab");
    assert_eq!(text(&read(&["--data-binary", &file, "host"])), "a\r\nb\n");
    let message = read(&["--data-urlencode", &format!("n{file}"), "host"]);
    assert_eq!(text(&message), "n=a%0D%0Ab%0A");
}

#[test]
fn the_url_gets_parameters_and_the_name_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.json");
    std::fs::write(&file, "{}").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, path) in [
        (
            &["host/v", "--url-query", "q=a b", "--url-query", "+c=d%20e"][..],
            "/v?q=a+b&c=d%20e",
        ),
        (
            &["host/v?x=1", "-d", "k=v", "--url-query", "q==*~"],
            "/v?x=1&q=%3D%2A~",
        ),
        (&["-T", file, "host/up/"], "/up/a%20b.json"),
        (&["-T", file, "http://host"], "/a%20b.json"),
        (&["-T", file, "host/up"], "/up"),
        (&["-T", file, "host/up?x=/"], "/up?x=/"),
        (&["-T", file, "host/up/?x#f"], "/up/a%20b.json?x"),
        (&["-T", file, "host/up/.."], "/a%20b.json"),
        (&["-G", "-d", "a=b#c", "host/v?#f"], "/v?a=b"),
    ] {
        let message = read(arguments);
        assert_eq!(
            message.field(":path").as_deref(),
            Some(path),
            "{arguments:?}"
        );
    }
    let method = read(&["-T", file, "host/up"]).field(":method");
    assert_eq!(method.as_deref(), Some("PUT"));
}

#[test]
fn data_and_json_are_joined_as_curl_joins_them() {
    assert_eq!(text(&read(&["--json", "{", "--json", "}", "host"])), "{}");
    let message = read(&["-d", "a", "--json", "b", "-d", "c", "host"]);
    assert_eq!(text(&message), "ab&c");
    assert_eq!(
        message.field("content-type").as_deref(),
        Some("application/json")
    );
}

#[test]
fn a_header_that_is_given_goes_before_an_option() {
    let message = read(&["-H", "Authorization: x", "-u", "a:b", "host"]);
    let given = message.fields.iter();
    let given = given.filter(|(name, _)| name == "authorization").count();
    assert_eq!(given, 1);
    assert_eq!(message.field("authorization").as_deref(), Some("x"));
    let message = read(&["-b", "a=1", "-b", "b=2", "-r", "0-9", "-A", "", "host"]);
    assert_eq!(message.field("cookie").as_deref(), Some("a=1;b=2"));
    assert_eq!(message.field("range").as_deref(), Some("bytes=0-9"));
    assert_eq!(message.field("user-agent"), None);
}

#[test]
fn a_path_is_squashed_and_escaped() {
    for (url, path) in [
        ("http://host/a/../b", "/b"),
        ("host/a/./b", "/a/b"),
        ("host/a/b/..", "/a/"),
        ("host/a/b/.", "/a/b/"),
        ("host/../x", "/x"),
        ("host/..", "/"),
        ("host/.", "/"),
        ("host/a//../b", "/a/b"),
        ("host/a//b", "/a//b"),
        ("host/a/%2e%2e/.%2e/b", "/a/%2e%2e/.%2e/b"),
        ("host/a/.../..;x/b", "/a/.../..;x/b"),
        ("host/a/../b?x=/c/../d#/e/../f", "/b?x=/c/../d"),
        ("host?x=/a/../b", "/?x=/a/../b"),
        ("HTTP://host/v1?", "/v1?"),
        ("host/\u{e9}?q=\u{e9}", "/%C3%A9?q=\u{e9}"),
    ] {
        assert_eq!(read(&[url]).field(":path").as_deref(), Some(path), "{url}");
    }
    let as_it_is = read(&["--path-as-is", "host/a/../b"]).field(":path");
    assert_eq!(as_it_is.as_deref(), Some("/a/../b"));
    let braces = read(&["-g", "host/{a}"]).field(":path");
    assert_eq!(braces.as_deref(), Some("/{a}"));
}

#[test]
fn a_token_a_user_and_a_url_say_who_asks() {
    for (arguments, authorization) in [
        (&["http://u:p@host/v1"][..], "Basic dTpw"),
        (&["u@host"], "Basic dTo="),
        (&["http://@host"], "Basic Og=="),
        (&["u%40x:p%3aq@host"], "Basic dUB4OnA6cQ=="),
        (&["u:p%zz@host"], "Basic dTpwJXp6"),
        (&["-u", "a:b", "http://u:p@host"], "Basic YTpi"),
        (
            &["--oauth2-bearer", "tok", "-u", "a:b", "host"],
            "Bearer tok",
        ),
        (&["-H", "authorization: x", "http://u:p@host"], "x"),
    ] {
        let message = read(arguments);
        let found = message.field("authorization");
        assert_eq!(found.as_deref(), Some(authorization), "{arguments:?}");
        assert_eq!(message.field(":authority").as_deref(), Some("host"));
    }
    let removed = read(&["-H", "authorization:", "http://u:p@host"]);
    assert_eq!(removed.field("authorization"), None);
}

#[test]
fn chunks_tell_no_length() {
    let message = read(&["-H", "Transfer-Encoding: Chunked", "-d", "x", "host"]);
    assert_eq!(message.field("content-length"), None);
}

#[test]
fn headers_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("headers");
    std::fs::write(&path, "X-A: 1\n# no header\n\nx-b:2\n").unwrap();
    let message = read(&["-H", &format!("@{}", path.display()), "host"]);
    assert_eq!(message.field("x-a").as_deref(), Some("1"));
    assert_eq!(message.field("x-b").as_deref(), Some("2"));
}

#[test]
fn headers_are_set_removed_and_emptied() {
    let message = read(&[
        "-H", "Accept:", "-H", "X-Empty;", "-u", "a:b", "-A", "me", "host",
    ]);
    assert_eq!(message.field("accept"), None);
    assert_eq!(message.field("x-empty").as_deref(), Some(""));
    assert_eq!(
        message.field("authorization").as_deref(),
        Some("Basic YTpi")
    );
    assert_eq!(message.field("user-agent").as_deref(), Some("me"));
}

#[test]
fn what_is_wrong_is_named() {
    for (arguments, part) in [
        (
            &["--no-such-option", "host"][..],
            "`--no-such-option` is not known",
        ),
        (&["-d"][..], "`--data` has no value"),
        (&["host/a", "host/b"], "are two requests"),
        (
            &["host/a", "--next", "host/b"],
            "`--next` begins a second request",
        ),
        (&["-K", "file", "host"], "`-K` is not read here"),
        (&["-d", "a", "-F", "a=b", "host"], "give one of them"),
        (&["-I", "-d", "a", "host"], "`-I` sends no body"),
        (
            &["-b", "cookies.txt", "host"],
            "`cookies.txt` is a file of cookies",
        ),
        (&["-s"][..], "no URL"),
        (&["host/a b"][..], "a space or a control character"),
        (&["-G", "-d", "a b", "host"][..], "a space or a control"),
        (&["host/{a,b}"][..], "add `-g`"),
        (&["-u", "a", "host"][..], "asks for it"),
        (&["-H", "nonsense", "host"][..], "`nonsense` is no header"),
        (&["-F", "nonsense", "host"][..], "`nonsense` is no part"),
        (
            &["-d", "@/no/such/file", "host"][..],
            "/no/such/file: cannot be read",
        ),
    ] {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect();
        let error = format!("{:#}", request(&arguments).unwrap_err());
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
}
