//! What a document spells if it holds a field: a few short texts, which are looked for faster than a
//! document is read.

use std::collections::BTreeMap;
use std::ops::Range;

use json_blocks::Texts;
use memchr::memmem;

/// How long a needle is, in bytes. Names of one kind share their ends: `kens"` stands in
/// `"prompt_tokens"` as in `"inputTokens"`.
const LENGTH: usize = 5;

/// Most needles: with more, reading is not slower than looking for them.
const MOST: usize = 6;

/// Texts of which every document that holds a field spells one, unless it escapes a letter of a name.
#[derive(Clone, Debug)]
pub(super) struct Needles {
    /// Them, and [`ESCAPE`].
    texts: Texts,
    #[cfg(test)]
    needles: Vec<String>,
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
            keys.retain(|key| memmem::find(key, &needle).is_none());
            needles.push(needle);
            if needles.len() > MOST {
                return None;
            }
        }
        let texts: Vec<&[u8]> = needles.iter().map(Vec::as_slice).chain([ESCAPE]).collect();
        Some(Self {
            texts: Texts::new(&texts)?,
            #[cfg(test)]
            needles: needles
                .into_iter()
                .filter_map(|needle| String::from_utf8(needle).ok())
                .collect(),
        })
    }

    /// Whether a document may hold one of the names as a key.
    #[inline]
    pub(super) fn may_stand_in(&self, document: &[u8]) -> bool {
        self.first_in(document).is_some()
    }

    /// Where a document may begin to spell one of the names.
    #[inline]
    fn first_in(&self, document: &[u8]) -> Option<usize> {
        let place = self.texts.first_in(document)?;
        if may_matter(document, place) {
            return Some(place);
        }
        self.behind(document, place)
    }

    /// As [`first_in`](Self::first_in), behind an escape that is of no character of a name.
    #[inline(never)]
    fn behind(&self, document: &[u8], escape: usize) -> Option<usize> {
        let mut place = escape;
        loop {
            let from = place.saturating_add(ESCAPE.len());
            place = from.saturating_add(self.texts.first_in(document.get(from..)?)?);
            if may_matter(document, place) {
                return Some(place);
            }
        }
    }
}

/// Whether what begins at a place is not the escape of what is no character of a name.
fn may_matter(document: &[u8], place: usize) -> bool {
    let rest = document.get(place..).unwrap_or_default();
    let Some(digits) = rest.strip_prefix(ESCAPE) else {
        return true;
    };
    let code = digits.first_chunk::<2>();
    let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
    let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
    code.is_some_and(|code| is_plain_byte(&code))
}

/// The needles in a text of many documents, each looked for once.
#[derive(Debug)]
pub(crate) struct Ahead<'t> {
    /// `None`: any document may hold a field.
    needles: Option<&'t Needles>,
    text: &'t [u8],
    /// Where the next needle begins, once it has been looked for; the length of the text if there is none.
    next: Option<usize>,
}

impl<'t> Ahead<'t> {
    pub(super) fn new(needles: Option<&'t Needles>, text: &'t [u8]) -> Self {
        Self {
            needles,
            text,
            next: None,
        }
    }

    /// Whether the document at these bytes may hold a field. Documents are asked for in order.
    #[inline]
    pub(crate) fn may_lead_into(&mut self, document: Range<usize>) -> bool {
        let Range { start, end } = document;
        self.leads_nowhere(start) < end.saturating_sub(start)
    }

    /// How many bytes from `start` on are such that no document that lies whole among them holds a
    /// field.
    #[inline]
    pub(crate) fn leads_nowhere(&mut self, start: usize) -> usize {
        let Some(needles) = self.needles else {
            return 0;
        };
        let next = match self.next {
            Some(next) if next >= start => next,
            _ => {
                let rest = self.text.get(start..).unwrap_or_default();
                let place = needles.first_in(rest).unwrap_or(rest.len());
                *self.next.insert(start.saturating_add(place))
            }
        };
        next.saturating_sub(start)
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
        Needles::of(names).expect("the names are plain").needles
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
        assert!(Needles::of(&many[1..]).is_some());
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
            (r#"{"\u00e9":"\u00e9","id":1}"#, true),
        ] {
            assert_eq!(needles.may_stand_in(document.as_bytes()), may, "{document}");
            let text = format!("x{document}");
            let mut ahead = Ahead::new(Some(&needles), text.as_bytes());
            assert!(!ahead.may_lead_into(0..1));
            assert_eq!(ahead.may_lead_into(1..text.len()), may, "{document}");
        }
    }
}
