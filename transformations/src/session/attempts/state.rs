//! What the filters of a cluster's chain share about the attempts of one request.

use crate::session::host::Host;

/// What is known of the current attempt, and of its headers before and after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The filters that have begun the attempt. One that begins again begins the next.
    pub(super) ran: Vec<u64>,
    /// The headers that one of them may change, each once.
    pub(super) headers: Vec<Header>,
}

/// A header of the request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    /// Its values as the first of the filters found them.
    pub(super) found: Vec<Vec<u8>>,
    /// Its values as a filter last saw or left them.
    pub(super) left: Vec<Vec<u8>>,
}

impl Header {
    pub(super) fn new(name: &str, values: Vec<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            left: values.clone(),
            found: values,
        }
    }
}

impl State {
    /// What was saved; nothing, if nothing was or it cannot be read.
    pub(super) fn of(host: &dyn Host) -> Self {
        let saved = host.saved().unwrap_or_default();
        Self::read(&mut saved.as_slice()).unwrap_or_default()
    }

    /// A header that one of the filters may change.
    pub(super) fn find(&self, name: &str) -> Option<&Header> {
        self.headers.iter().find(|header| header.name == name)
    }

    /// The state as bytes: each list after its length, and each text.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut bytes = length(self.ran.len()).to_vec();
        for filter in &self.ran {
            bytes.extend(filter.to_le_bytes());
        }
        for Header { name, found, left } in &self.headers {
            push(&mut bytes, name.as_bytes());
            for values in [found, left] {
                bytes.extend(length(values.len()));
                for value in values {
                    push(&mut bytes, value);
                }
            }
        }
        bytes
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        let count = number(rest)?;
        let ran = (0..count).map(|_| Some(u64::from_le_bytes(take(rest)?)));
        let ran = ran.collect::<Option<_>>()?;
        let mut headers = Vec::new();
        while !rest.is_empty() {
            headers.push(Header {
                name: String::from_utf8(text(rest)?).ok()?,
                found: values(rest)?,
                left: values(rest)?,
            });
        }
        Some(Self { ran, headers })
    }
}

fn push(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend(length(text.len()));
    bytes.extend_from_slice(text);
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

fn values(rest: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let count = number(rest)?;
    (0..count).map(|_| text(rest)).collect()
}

fn text(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = number(rest)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text.to_vec())
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(take(rest)?)).ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut header = Header::new("x-a", vec![b"1".to_vec(), Vec::new()]);
        header.left = vec![b"\xff, 2".to_vec()];
        let state = State {
            ran: vec![7, u64::MAX],
            headers: vec![Header::new("x-b", Vec::new()), header],
        };
        let written = state.written();
        assert_eq!(State::read(&mut written.as_slice()), Some(state));
        for end in 13..written.len() {
            let cut = State::read(&mut &written[..end]);
            assert_ne!(cut.map(|cut| cut.headers.len()), Some(2), "{end}");
        }
    }
}
