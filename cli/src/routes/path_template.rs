//! Envoy's `uri_template`: paths with places in them, such as `/v1/{model=**}/invoke`.

use regex::{Captures, Regex};

use crate::placed::Placed;

const MATCH: &str = "path.match.uri_template.v3.UriTemplateMatchConfig";
/// What `*` stands for, within brackets; `**` has `/` too, and may be empty.
const LETTERS: &str = r"a-zA-Z0-9._~%!$&'()+,;:@=*\-";

/// A path with places in it.
#[derive(Debug)]
pub(super) struct PathTemplate(Regex);

impl PathTemplate {
    /// Reads the template of a `match`; `None`: it has none, or one that cannot be read.
    pub(super) fn read(matched: &Placed<'_>) -> Option<Self> {
        let config = matched.get("path_match_policy")?.get("typed_config")?;
        let template = config.text("path_template").filter(|_| config.is(MATCH))?;
        let whole = format!("^{}$", pattern(template)?);
        Regex::new(&whole).ok().map(Self)
    }

    /// Whether a path without its query is so.
    pub(super) fn is_match(&self, path: &str) -> bool {
        self.0.is_match(path)
    }

    /// The path that a rewrite makes of one that matches.
    pub(super) fn rewritten(&self, path: &str, rewrite: &str) -> Option<String> {
        let found = self.0.captures(path)?;
        filled(rewrite, &found)
    }
}

/// The regular expression of a template, or of what a name in it stands for.
fn pattern(template: &str) -> Option<String> {
    let mut made = String::new();
    let mut rest = template;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..)?;
        rest = match letter {
            '{' => {
                let (name, after) = after.split_once('}')?;
                let (name, inner) = name.split_once('=').unwrap_or((name, "*"));
                made += &format!("(?P<{name}>{})", pattern(inner)?);
                after
            }
            '*' => match after.strip_prefix('*') {
                Some(after) => {
                    made += &format!("[{LETTERS}/]*");
                    after
                }
                None => {
                    made += &format!("[{LETTERS}]+");
                    after
                }
            },
            letter => {
                made += &regex::escape(letter.encode_utf8(&mut [0; 4]));
                after
            }
        };
    }
    Some(made)
}

/// A text with what was found in place of its names.
fn filled(rewrite: &str, found: &Captures<'_>) -> Option<String> {
    let mut parts = rewrite.split('{');
    let mut made = parts.next()?.to_owned();
    for part in parts {
        let (name, literal) = part.split_once('}')?;
        made += found.name(name)?.as_str();
        made += literal;
    }
    Some(made)
}
