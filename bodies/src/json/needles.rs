//! What a document spells if it holds a field: a few short texts, which are looked for faster than a
//! document is read.

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem;
use smallvec::{SmallVec, smallvec};

/// How long a needle is, in bytes. Names of one kind share their ends: `kens"` stands in
/// `"prompt_tokens"` as in `"inputTokens"`.
const LENGTH: usize = 5;

/// Most needles: with more, reading is not slower than looking for them.
const MOST: usize = 6;

/// Texts of which every document that holds a field spells one, unless it escapes a letter of a name.
#[derive(Clone, Debug)]
pub(super) struct Needles {
    needles: Vec<memmem::Finder<'static>>,
    escape: memmem::Finder<'static>,
}

impl Needles {
    /// The needles for names of which one is a key of every document that holds a field. `None` if
    /// the names share too little, or one is not [plain](is_plain).
    pub(super) fn of(names: &[&str]) -> Option<Self> {
        if !names.iter().all(|name| is_plain(name)) {
            return None;
        }
        let mut keys: Vec<Vec<u8>> = names
            .iter()
            .map(|name| format!("\"{name}\"").into_bytes())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut needles = Vec::new();
        while !keys.is_empty() {
            let needle = shared(&keys)?.to_vec();
            let finder = memmem::Finder::new(&needle).into_owned();
            keys.retain(|key| finder.find(key).is_none());
            needles.push(finder);
            if needles.len() > MOST {
                return None;
            }
        }
        Some(Self {
            needles,
            escape: memmem::Finder::new(ESCAPE),
        })
    }

    /// Whether a document may hold one of the names as a key.
    #[inline]
    pub(super) fn may_stand_in(&self, document: &[u8]) -> bool {
        let mut needles = self.needles.iter();
        needles.any(|needle| needle.find(document).is_some())
            || self.escaped(document) < document.len()
    }

    /// Where the document first escapes what could be a character of a name; its length if nowhere.
    fn escaped(&self, document: &[u8]) -> usize {
        let mut escapes = self.escape.find_iter(document).filter(|place| {
            let digits = document.get(place.saturating_add(ESCAPE.len())..);
            let digits = digits.and_then(|rest| rest.first_chunk::<2>());
            let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
            let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
            code.is_some_and(|code| is_plain_byte(&code))
        });
        escapes.next().unwrap_or(document.len())
    }
}

/// The needles in a text of many documents, each looked for once.
#[derive(Debug)]
pub(crate) struct Ahead<'t> {
    /// `None`: any document may hold a field.
    needles: Option<&'t Needles>,
    text: &'t [u8],
    /// Where each needle, and last the escape, stands next, once it has been looked for; the length
    /// of the text if nowhere.
    next: SmallVec<[Option<usize>; 4]>,
}

impl<'t> Ahead<'t> {
    pub(super) fn new(needles: Option<&'t Needles>, text: &'t [u8]) -> Self {
        let count = needles.map_or(0, |needles| needles.needles.len().saturating_add(1));
        Self {
            needles,
            text,
            next: smallvec![None; count],
        }
    }

    /// Whether the document at these bytes may hold a field. Documents are asked for in order.
    #[inline]
    pub(crate) fn may_lead_into(&mut self, document: Range<usize>) -> bool {
        let Range { start, end } = document;
        if self.next.iter().any(|next| *next < Some(start)) {
            self.look(start);
        }
        self.needles.is_none() || self.next.iter().any(|next| *next < Some(end))
    }

    /// Looks for those that do not stand further on than `from`.
    fn look(&mut self, from: usize) {
        let (Some(needles), Some(rest)) = (self.needles, self.text.get(from..)) else {
            return;
        };
        let finders = needles.needles.iter().map(Some).chain([None]);
        for (next, needle) in self.next.iter_mut().zip(finders) {
            if *next >= Some(from) {
                continue;
            }
            let place = match needle {
                Some(needle) => needle.find(rest).unwrap_or(rest.len()),
                None => needles.escaped(rest),
            };
            *next = Some(from.saturating_add(place));
        }
    }
}

/// With what the escape of an ASCII character begins, unless it has one of its own.
const ESCAPE: &[u8] = b"\\u00";

/// Whether a name stands in a document as it is, unless each of its characters may be escaped: no
/// JSON writer escapes one of these otherwise.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| is_plain_byte(&byte))
}

fn is_plain_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The text that most of the keys share, one with a quotation mark rather than another: text of
/// people holds fewer such.
fn shared(keys: &[Vec<u8>]) -> Option<&[u8]> {
    let mut keys_with: BTreeMap<&[u8], usize> = BTreeMap::new();
    for key in keys {
        let mut texts: Vec<&[u8]> = key.windows(LENGTH.min(key.len())).collect();
        texts.sort_unstable();
        texts.dedup();
        for text in texts {
            let count = keys_with.entry(text).or_default();
            *count = count.saturating_add(1);
        }
    }
    let texts = keys_with.into_iter();
    let best = texts.max_by_key(|(text, count)| (*count, text.ends_with(b"\""), text.len()));
    best.map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(names: &[&str]) -> Vec<String> {
        let needles = Needles::of(names).expect("the names are plain");
        let texts = needles.needles.iter();
        texts
            .map(|needle| String::from_utf8_lossy(needle.needle()).into_owned())
            .collect()
    }

    #[test]
    fn names_of_one_kind_share_a_needle() {
        let names = [
            "prompt_tokens",
            "inputTokens",
            "promptTokenCount",
            "eval_count",
        ];
        assert_eq!(needles(&names), [r#"ount""#, r#"kens""#]);
    }

    #[test]
    fn names_that_cannot_be_looked_for() {
        for names in [&["a b"][..], &["caf\u{e9}"], &[""], &["a/b"]] {
            assert!(Needles::of(names).is_none(), "{names:?}");
        }
        let many = ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg"];
        assert!(Needles::of(&many).is_none());
    }

    #[test]
    fn a_document_may_spell_a_name_or_escape_a_letter_of_it() {
        let needles = Needles::of(&["id", "total_tokens"]).expect("the names are plain");
        for (document, may) in [
            (r#"{"id":1}"#, true),
            (r#"{"idea":1}"#, false),
            (r#"{"total_tokens":1}"#, true),
            (r#"{"i\u0064":1}"#, true),
            (r#"{"\u0049":1}"#, true),
            (r#"{"\u00e9\u003c\u001b\u2019":1}"#, false),
            (r#"{"\u00"#, false),
        ] {
            assert_eq!(needles.may_stand_in(document.as_bytes()), may, "{document}");
            let text = format!("x{document}");
            let mut ahead = Ahead::new(Some(&needles), text.as_bytes());
            assert!(!ahead.may_lead_into(0..1));
            assert_eq!(ahead.may_lead_into(1..text.len()), may, "{document}");
        }
    }
}
