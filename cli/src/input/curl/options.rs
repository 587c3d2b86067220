//! How the arguments of curl fall into options, values and URLs.

use anyhow::{Context, Result, bail};

/// One of curl's options: its letter, its name, and whether a value follows.
type Known = (Option<char>, &'static str, bool);

/// Options that the request depends on.
const PLAYED: [Known; 26] = [
    (Some('X'), "request", true),
    (Some('H'), "header", true),
    (Some('d'), "data", true),
    (None, "data-ascii", true),
    (None, "data-binary", true),
    (None, "data-raw", true),
    (None, "data-urlencode", true),
    (None, "json", true),
    (Some('F'), "form", true),
    (None, "form-string", true),
    (Some('T'), "upload-file", true),
    (Some('u'), "user", true),
    (None, "oauth2-bearer", true),
    (Some('A'), "user-agent", true),
    (Some('e'), "referer", true),
    (Some('b'), "cookie", true),
    (Some('r'), "range", true),
    (None, "compressed", false),
    (Some('G'), "get", false),
    (Some('I'), "head", false),
    (None, "url", true),
    (None, "url-query", true),
    (None, "path-as-is", false),
    (Some('g'), "globoff", false),
    (Some(':'), "next", false),
    (Some('K'), "config", true),
];

/// Options that change nothing of a request.
const SILENT: [Known; 62] = [
    (Some('s'), "silent", false),
    (Some('S'), "show-error", false),
    (Some('v'), "verbose", false),
    (Some('i'), "include", false),
    (Some('k'), "insecure", false),
    (Some('L'), "location", false),
    (Some('N'), "no-buffer", false),
    (Some('f'), "fail", false),
    (None, "fail-with-body", false),
    (None, "fail-early", false),
    (Some('0'), "http1.0", false),
    (None, "http1.1", false),
    (None, "http2", false),
    (None, "http2-prior-knowledge", false),
    (None, "http3", false),
    (Some('4'), "ipv4", false),
    (Some('6'), "ipv6", false),
    (Some('#'), "progress-bar", false),
    (None, "no-progress-meter", false),
    (Some('j'), "junk-session-cookies", false),
    (Some('J'), "remote-header-name", false),
    (Some('O'), "remote-name", false),
    (Some('R'), "remote-time", false),
    (Some('q'), "disable", false),
    (None, "create-dirs", false),
    (None, "keepalive", false),
    (None, "no-keepalive", false),
    (None, "no-sessionid", false),
    (None, "retry-all-errors", false),
    (None, "retry-connrefused", false),
    (None, "ssl-no-revoke", false),
    (None, "tcp-nodelay", false),
    (None, "tlsv1.2", false),
    (None, "tlsv1.3", false),
    (Some('o'), "output", true),
    (None, "output-dir", true),
    (Some('D'), "dump-header", true),
    (Some('c'), "cookie-jar", true),
    (Some('m'), "max-time", true),
    (None, "max-redirs", true),
    (None, "connect-timeout", true),
    (None, "expect100-timeout", true),
    (None, "keepalive-time", true),
    (None, "limit-rate", true),
    (Some('w'), "write-out", true),
    (None, "retry", true),
    (None, "retry-delay", true),
    (None, "retry-max-time", true),
    (None, "cacert", true),
    (None, "capath", true),
    (Some('E'), "cert", true),
    (None, "key", true),
    (None, "pass", true),
    (None, "ciphers", true),
    (None, "resolve", true),
    (None, "connect-to", true),
    (None, "interface", true),
    (None, "unix-socket", true),
    (None, "noproxy", true),
    (Some('x'), "proxy", true),
    (Some('U'), "proxy-user", true),
    (None, "trace-ascii", true),
];

/// What an argument is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    /// An option by its long name, with its value; without one, the value is empty.
    Option(&'static str, &'a str),
    Url(&'a str),
}

/// The options that the request depends on, and the URLs, in their order.
///
/// # Errors
/// An option is not known, or its value is missing.
pub(super) fn arguments(words: &[String]) -> Result<Vec<Argument<'_>>> {
    let mut found = Vec::new();
    let mut words = words.iter().map(String::as_str).peekable();
    words.next_if(|word| *word == "curl");
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (name, attached) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let known = known(word, |(_, other, _)| *other == name)?;
            take(known, attached, &mut words, &mut found)?;
            continue;
        }
        let Some(mut letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
            found.push(Argument::Url(word));
            continue;
        };
        // Letters may stand together, and what follows one that has a value is its value: `-sSXPOST`.
        while let Some(letter) = letters.chars().next() {
            let rest = letters.get(letter.len_utf8()..).unwrap_or_default();
            let option = format!("-{letter}");
            let known = known(&option, |(other, ..)| *other == Some(letter))?;
            let attached = Some(rest).filter(|rest| known.2 && !rest.is_empty());
            take(known, attached, &mut words, &mut found)?;
            letters = if known.2 { "" } else { rest };
        }
    }
    Ok(found)
}

/// The option that is so; `written` is what the call has.
fn known(written: &str, is: impl Fn(&&Known) -> bool) -> Result<Known> {
    let all = || PLAYED.iter().chain(&SILENT);
    match all().find(is).copied() {
        Some((_, "next", _)) => {
            bail!("curl: `{written}` begins a second request; give one request")
        }
        Some((_, "config", _)) => {
            bail!("curl: `{written}` is not read here; write its options into the call")
        }
        Some(known) => Ok(known),
        None => bail!(
            "curl: the option `{written}` is not known here; leave it out, or write the request to a file for `--request`"
        ),
    }
}

/// Takes the value of an option, and keeps both if the request depends on it.
fn take<'a>(
    (_, name, has_value): Known,
    attached: Option<&'a str>,
    words: &mut impl Iterator<Item = &'a str>,
    found: &mut Vec<Argument<'a>>,
) -> Result<()> {
    let value = match (has_value, attached) {
        (false, _) => "",
        (true, Some(value)) => value,
        (true, None) => words
            .next()
            .with_context(|| format!("curl: `--{name}` has no value"))?,
    };
    if PLAYED.iter().any(|(_, played, _)| *played == name) {
        found.push(Argument::Option(name, value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Argument, PLAYED, SILENT, arguments};

    fn read(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let found = arguments(&words).unwrap().into_iter();
        let found = found.map(|argument| match argument {
            Argument::Option(name, value) => format!("{name}={value}"),
            Argument::Url(url) => url.to_owned(),
        });
        found.collect()
    }

    #[test]
    fn letters_may_stand_together() {
        let expected = ["request=PUT", "data={}", "host"];
        assert_eq!(read(&["curl", "-sSLXPUT", "-d{}", "host"]), expected);
        assert_eq!(read(&["-sX", "PUT", "-kd", "{}", "host"]), expected);
        assert_eq!(
            read(&["--request", "PUT", "--data={}", "host", "-o/dev/null"]),
            expected
        );
    }

    #[test]
    fn each_letter_and_name_stands_once() {
        let all: Vec<_> = PLAYED.iter().chain(&SILENT).collect();
        for (index, (letter, name, _)) in all.iter().enumerate() {
            let after = all.iter().skip(index + 1);
            for (other_letter, other_name, _) in after {
                assert_ne!(name, other_name);
                assert!(letter.is_none() || letter != other_letter, "{name}");
            }
        }
    }
}
