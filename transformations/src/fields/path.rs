//! Templates over a request's path: `/model/{model}/invoke`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::lenient::Lenient;

/// A template, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// How the template calls what it takes.
    pub(super) name: String,
    /// The segments before any number of others, or all.
    head: Vec<Segment>,
    /// Any number of segments, if the template has them, and those after them.
    rest: Option<(Others, Vec<Segment>)>,
}

/// What stands for any number of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// `**`
    Any,
    /// `{name=**}`, which takes one at least.
    Taken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `*`
    Any,
    /// `prefix{name}suffix`, and whether anything may follow the suffix.
    Taken {
        prefix: String,
        suffix: String,
        open: bool,
    },
}

/// Whether letters of another case are others.
#[derive(Clone, Copy, Debug)]
enum Case {
    Kept,
    Ignored,
}

impl Case {
    fn same(self, text: &str, wanted: &str) -> bool {
        match self {
            Case::Kept => text == wanted,
            Case::Ignored => text.eq_ignore_ascii_case(wanted),
        }
    }

    /// What stands before the last `suffix`; before one at the end, unless anything may follow it.
    fn before<'t>(self, text: &'t str, suffix: &str, open: bool) -> Option<&'t str> {
        let last = text.len().checked_sub(suffix.len())?;
        let least = if open { 0 } else { last };
        // The longest: model names hold colons too.
        (least..=last).rev().find_map(|place| {
            let (value, rest) = text.split_at_checked(place)?;
            let here = rest.get(..suffix.len())?;
            self.same(here, suffix).then_some(value)
        })
    }
}

/// What is wrong with a template, and the way out.
type Unparsed = (String, &'static str);

/// What a path says is not what its percent-encoding says it is, or something else to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Path {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and the way out.
    pub(super) fn parse(template: &str) -> Result<Self, Unparsed> {
        let Some(template) = template.strip_prefix('/') else {
            return Err((
                "a path begins with `/`".to_owned(),
                "write it from the first `/` on, such as `/model/{model}/invoke`",
            ));
        };
        if template.contains(['?', '#']) {
            let help = "end the template before `?` or `#`";
            return Err(("the query is not part of the path".to_owned(), help));
        }
        if template.contains('%') {
            let help = "write the character that it encodes";
            return Err(("a path is compared decoded".to_owned(), help));
        }
        if template.contains([';', '\\']) {
            let help = "remove it, or read the model from the body";
            let message = "servers read `;` and `\\` in a path in different ways".to_owned();
            return Err((message, help));
        }
        let mut name = None;
        let mut head = Vec::new();
        let mut rest: Option<(Others, Vec<Segment>)> = None;
        for text in template.split('/') {
            if let Some(others) = Others::parse(text, &mut name)? {
                if rest.replace((others, Vec::new())).is_some() {
                    return Err(("`**` occurs twice".to_owned(), "write it once"));
                }
                continue;
            }
            if ["", ".", ".."].contains(&text) {
                let help = "remove `.`, `..`, and slashes beside each other or at the end";
                return Err(("no path has such a segment".to_owned(), help));
            }
            let segment = Segment::parse(text, &mut name)?;
            let segments = rest.as_mut().map(|(_, segments)| segments);
            segments.unwrap_or(&mut head).push(segment);
        }
        let name = name.ok_or((
            "the template has no `{name}`".to_owned(),
            "write `{model}` in place of the model",
        ))?;
        Ok(Self { name, head, rest })
    }

    /// What the template takes of a value of `:path`, decoded; `None` when the path is different.
    ///
    /// # Errors
    ///
    /// The path fits, and what it takes is not percent-encoded UTF-8; or a server that tidies paths
    /// up would take something else of it.
    pub(super) fn take(&self, path: &str) -> Result<Option<String>, Malformed> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let Some(relative) = path.strip_prefix('/') else {
            return Ok(None);
        };
        let taken = self.fit(relative.split('/'), Case::Kept)?;
        let tidied = |slashes| {
            let lenient = Lenient::new(path, slashes);
            self.fit(lenient.segments().into_iter(), Case::Ignored)
        };
        if tidied(false)? != taken {
            return Err(Malformed);
        }
        // An escaped slash may well be part of a name, but not where that makes it another one.
        let other = if path.contains('%') {
            tidied(true)?
        } else {
            None
        };
        if other.is_some() && other != taken {
            return Err(Malformed);
        }
        Ok(taken)
    }

    /// What the template takes of these segments.
    fn fit<'p>(
        &self,
        mut segments: impl DoubleEndedIterator<Item = &'p str>,
        case: Case,
    ) -> Result<Option<String>, Malformed> {
        let mut taken = None;
        let mut fits = |wanted: &Segment, text: Option<&str>| {
            text.is_some_and(|text| wanted.fits(text, case, &mut taken))
        };
        let mut head = self.head.iter();
        let fits = head.all(|wanted| fits(wanted, segments.next()))
            && match &self.rest {
                None => segments.next().is_none(),
                // From the end; the others are what is left.
                Some((_, tail)) => {
                    let mut tail = tail.iter().rev();
                    tail.all(|wanted| fits(wanted, segments.next_back()))
                }
            };
        if !fits {
            return Ok(None);
        }
        if let Some((Others::Taken, _)) = self.rest {
            return joined(segments);
        }
        taken.transpose()
    }
}

impl Others {
    fn parse(text: &str, name: &mut Option<String>) -> Result<Option<Self>, Unparsed> {
        if text == "**" {
            return Ok(Some(Others::Any));
        }
        let inner = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix("=**}"));
        let Some(inner) = inner else {
            return Ok(None);
        };
        set_name(inner, name)?;
        Ok(Some(Others::Taken))
    }
}

/// Decoded segments, with slashes between them; `None` when there is none.
fn joined<'p>(segments: impl Iterator<Item = &'p str>) -> Result<Option<String>, Malformed> {
    let segments: Vec<Cow<'p, str>> = segments.map(decoded).collect::<Result<_, _>>()?;
    let value = segments.join("/");
    unambiguous(&value)?;
    Ok((!value.is_empty()).then_some(value))
}

/// Notes what a template calls what it takes.
fn set_name(text: &str, name: &mut Option<String>) -> Result<(), Unparsed> {
    let named = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if text.is_empty() || !text.bytes().all(named) {
        let message = format!("`{{{text}}}` is not a name");
        let help = "write only a name in it: `{model}` matches one segment, `{model=**}` several";
        return Err((message, help));
    }
    if name.replace(text.to_owned()).is_some() {
        let help = "write `*` for the segments that are not the value";
        return Err(("a template has one name, and this has two".to_owned(), help));
    }
    Ok(())
}

/// Refuses what is another value to servers that take out `.` and `..`.
fn unambiguous(value: &str) -> Result<(), Malformed> {
    let mut parts = value.split(['/', '\\']);
    if parts.any(|part| [".", ".."].contains(&part)) {
        return Err(Malformed);
    }
    Ok(())
}

impl Segment {
    fn parse(text: &str, name: &mut Option<String>) -> Result<Self, Unparsed> {
        if text == "*" {
            return Ok(Segment::Any);
        }
        let Some((prefix, rest)) = text.split_once('{') else {
            if text.contains(['*', '}']) {
                let message = format!("`{text}` is not a segment of a template");
                let help = "write `*` alone, or at the end after `{name}` and a text";
                return Err((message, help));
            }
            return Ok(Segment::Literal(text.to_owned()));
        };
        let Some((inner, suffix)) = rest.split_once('}') else {
            return Err((format!("`{text}` has no `}}`"), "close the name with `}`"));
        };
        let (suffix, open) = match suffix.strip_suffix('*') {
            Some(suffix) => (suffix, true),
            None => (suffix, false),
        };
        if inner.ends_with("=**") {
            let message =
                format!("`{text}` has text around `{{{inner}}}`, which takes whole segments");
            let help =
                "put it between slashes, or write `{name}`, which takes a part of one segment";
            return Err((message, help));
        }
        let odd = |text: &str| text.contains(['*', '{', '}']);
        if inner.is_empty() || odd(inner) || odd(prefix) || odd(suffix) {
            let message = format!("`{text}` is not a segment of a template");
            return Err((message, "write one `{name}`, with plain text around it"));
        }
        set_name(inner, name)?;
        if open && suffix.is_empty() {
            let message = format!("`{text}` has nothing that ends the value before `*`");
            return Err((message, "put a text between `}` and `*`, such as `:`"));
        }
        Ok(Segment::Taken {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            open,
        })
    }

    fn fits(&self, text: &str, case: Case, taken: &mut Option<Result<String, Malformed>>) -> bool {
        match self {
            Segment::Any => !text.is_empty(),
            Segment::Literal(wanted) => decoded(text).is_ok_and(|text| case.same(&text, wanted)),
            Segment::Taken {
                prefix,
                suffix,
                open,
            } => {
                let text = match decoded(text) {
                    Ok(text) => text,
                    Err(malformed) => {
                        *taken = Some(Err(malformed));
                        return true;
                    }
                };
                let after = text.split_at_checked(prefix.len());
                let Some((_, rest)) = after.filter(|(before, _)| case.same(before, prefix)) else {
                    return false;
                };
                let value = case.before(rest, suffix, *open);
                let Some(value) = value.filter(|value| !value.is_empty()) else {
                    return false;
                };
                *taken = Some(unambiguous(value).map(|()| value.to_owned()));
                true
            }
        }
    }
}

/// A segment, percent-decoded (RFC 3986 section 2.1).
fn decoded(segment: &str) -> Result<Cow<'_, str>, Malformed> {
    let mut escapes = segment.split('%').skip(1);
    let hexadecimal = |escape: &str| {
        let digits = escape.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.all(hexadecimal) {
        return Err(Malformed);
    }
    percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(template: &str, path: &str) -> Result<Option<String>, Malformed> {
        Path::parse(template).unwrap().take(path)
    }

    #[test]
    fn the_paths_of_providers() {
        let bedrock = "/model/{model}/*";
        let vertex = "/**/publishers/*/models/{model}:*";
        let azure = "/openai/deployments/{model}/**";
        for (template, path, expected) in [
            (
                "/model/{model}/invoke",
                "/model/gpt-4o/invoke",
                Some("gpt-4o"),
            ),
            (bedrock, "/model/a.b-v1:0/converse-stream", Some("a.b-v1:0")),
            (bedrock, "/model/a.b-v1%3A0/invoke?x=1", Some("a.b-v1:0")),
            (
                bedrock,
                "/model/arn:aws:bedrock:eu-west-1:1:inference-profile%2Feu.m/invoke",
                Some("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.m"),
            ),
            (bedrock, "/model//invoke", None),
            (bedrock, "/model/a/b/invoke", None),
            (bedrock, "/v1/model/a/invoke", None),
            (
                vertex,
                "/v1/projects/p/locations/l/publishers/anthropic/models/claude-3@2024:rawPredict",
                Some("claude-3@2024"),
            ),
            (
                vertex,
                "/publishers/google/models/gemini:streamGenerateContent?alt=sse",
                Some("gemini"),
            ),
            (vertex, "/v1/publishers/google/models/gemini", None),
            (
                azure,
                "/openai/deployments/gpt-4o/chat/completions?api-version=1",
                Some("gpt-4o"),
            ),
            (azure, "/openai/deployments/gpt-4o", Some("gpt-4o")),
            (azure, "/openai/deployments/", None),
        ] {
            assert_eq!(
                take(template, path),
                Ok(expected.map(str::to_owned)),
                "{template} {path}"
            );
        }
    }

    #[test]
    fn any_number_of_segments() {
        for (path, expected) in [
            ("/m", Some("m")),
            ("/a/m", Some("m")),
            ("/a/b/m", Some("m")),
            ("/", None),
            ("m", None),
            ("*", None),
            ("", None),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(take("/**/{model}", path), Ok(expected), "{path}");
        }
        assert_eq!(take("/a/**/{m}/b", "/a/b"), Ok(None));
        assert_eq!(take("/a/**/{m}/b", "/a/x/b"), Ok(Some("x".to_owned())));
        assert_eq!(take("/a/{m}/**/b", "/a/b"), Ok(None));
    }

    #[test]
    fn several_segments_that_are_taken() {
        let arn = "/model/arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc/converse";
        for (template, path, expected) in [
            (
                "/model/{m=**}/converse",
                arn,
                Some("arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc"),
            ),
            ("/model/{m=**}/*", "/model/a/b/c/invoke?x=/", Some("a/b/c")),
            ("/model/{m=**}/*", "/model/a/invoke", Some("a")),
            ("/model/{m=**}/*", "/model/a%2Fb/c/invoke", Some("a/b/c")),
            ("/model/{m=**}/*", "/model/invoke", None),
            ("/model/{m=**}/*", "/models/a/invoke", None),
            ("/{m=**}", "/a/b", Some("a/b")),
            ("/{m=**}", "/", None),
            ("/v1/{m=**}", "/v1", None),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(take(template, path), Ok(expected), "{template} {path}");
        }
        for path in [
            "/model/a//b/invoke",
            "/model/a/../b/invoke",
            "/model/a/./b/invoke",
            "/model/a/%2e%2e/b/invoke",
            "/model/a;x/b/invoke",
            "/model/a\\b/c/invoke",
            "/model/a/%FF/invoke",
            "/model/a/b%2F/invoke",
            "/model/a%2F..%2Fb/c/invoke",
            "/x/../model/a/b/invoke",
        ] {
            assert_eq!(take("/model/{m=**}/invoke", path), Err(Malformed), "{path}");
        }
    }

    #[test]
    fn parts_of_a_segment() {
        for (template, path, expected) in [
            ("/v-{m}.json", "/v-a.b.json", Some("a.b")),
            ("/v-{m}.json", "/v-.json", None),
            ("/v-{m}.json", "/w-a.json", None),
            ("/{m}:x", "/a:x:x", Some("a:x")),
            ("/{m}:*", "/a:", Some("a")),
            ("/café/{m}", "/caf%C3%A9/a", Some("a")),
            ("/model/{m}", "/mod%65l/a", Some("a")),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(take(template, path), Ok(expected), "{template} {path}");
        }
    }

    #[test]
    fn what_is_taken_is_decoded_strictly() {
        for segment in ["%", "a%2", "%zz", "%FF", "%+1", "%C3"] {
            assert_eq!(
                take("/{m}/x", &format!("/{segment}/x")),
                Err(Malformed),
                "{segment}"
            );
            assert_eq!(
                take("/{m}/x", &format!("/{segment}/y")),
                Ok(None),
                "{segment}"
            );
            assert_eq!(
                take("/x/{m}", &format!("/{segment}/y")),
                Ok(None),
                "{segment}"
            );
        }
    }

    /// A gateway that routes on one model must not send the request to a server that sees another.
    #[test]
    fn what_is_another_path_once_it_is_tidied_up() {
        let azure = "/openai/deployments/{model}/**";
        let bedrock = "/model/{model}/*";
        for (template, path) in [
            (azure, "/openai/deployments/a/../b/chat"),
            (azure, "/openai/deployments/a/%2e%2E/b/chat"),
            (azure, "/openai/deployments/a/../../../v1/chat/completions"),
            (azure, "/openai/deployments/a%2F..%2Fb/chat"),
            (azure, "/openai/deployments/a%2F..%2F..%2F..%2Fv1/chat"),
            (azure, "/openai/deployments/a%2Fb/chat"),
            (azure, "/openai/deployments/../chat"),
            (azure, "/OpenAI/Deployments/a/chat"),
            ("/v1/models/{m}:generate", "/v1/models/a:GENERATE"),
            ("/v1/models/M-{m}:*", "/v1/models/m-a:x"),
            (azure, "/openai%2Fdeployments/a/chat"),
            (bedrock, "/x/../model/a/invoke"),
            (bedrock, "//model/a/invoke"),
            (bedrock, "/model//a/invoke"),
            (bedrock, "/model/a//invoke"),
            (bedrock, "/model/a/invoke/"),
            (bedrock, "/model/./a/invoke"),
            (bedrock, "/model/../invoke"),
            (bedrock, "/model\\a\\invoke"),
            (bedrock, "/model;x/a/invoke"),
            (bedrock, "/model/a;x/invoke"),
            (bedrock, "/model/a%5C..%5Cb/invoke"),
        ] {
            assert_eq!(take(template, path), Err(Malformed), "{template} {path}");
        }
        for (template, path, expected) in [
            (azure, "/openai/deployments/a/chat/", Some("a")),
            (
                azure,
                "/openai/deployments/a/./chat//completions",
                Some("a"),
            ),
            (azure, "/openai//v1/../models", None),
            (bedrock, "/model/a%2Fb/invoke", Some("a/b")),
            (bedrock, "/model/..a./invoke", Some("..a.")),
            (bedrock, "//v1/chat/completions/", None),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(take(template, path), Ok(expected), "{template} {path}");
        }
    }

    #[test]
    fn templates_that_mean_nothing() {
        for (template, part) in [
            ("", "begins with `/`"),
            ("model/{m}", "begins with `/`"),
            ("/model", "no `{name}`"),
            ("/{a}/{b}", "this has two"),
            ("/{a}{b}", "not a segment"),
            ("/{}", "not a segment"),
            ("/{a", "no `}`"),
            ("/a}", "not a segment"),
            ("/a*/{m}", "not a segment"),
            ("/{m}*", "nothing that ends the value"),
            ("/**/a/**/{m}", "`**` occurs twice"),
            ("/{m}?x=*", "the query"),
            ("/caf%C3%A9/{m}", "decoded"),
            ("/v1/{m};stream", "in different ways"),
            ("/v1\\{m}", "in different ways"),
            ("/{m:.+}", "is not a name"),
            ("/{m=a}", "is not a name"),
            ("/{=**}", "is not a name"),
            ("/{a}/{b=**}", "this has two"),
            ("/**/{m=**}", "`**` occurs twice"),
            ("/{m=**}/a/**", "`**` occurs twice"),
            ("/{m=**}:x", "takes whole segments"),
            ("/a//{m}", "no path has such a segment"),
            ("/a/../{m}", "no path has such a segment"),
            ("/./{m}", "no path has such a segment"),
            ("/{m}/", "no path has such a segment"),
        ] {
            let (message, _) = Path::parse(template).unwrap_err();
            assert!(message.contains(part), "{template}: {message}");
        }
    }
}
