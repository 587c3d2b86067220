//! The bytes of one key or value, kept as they pass.

/// The raw bytes of the key or value being read, as far as they are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    raw: Vec<u8>,
    /// The most bytes to keep; `None` when nothing is wanted or there were more.
    room: Option<usize>,
}

impl Taken {
    /// Forgets what was kept and begins anew.
    pub(crate) fn start(&mut self, room: Option<usize>) {
        self.raw.clear();
        self.room = room;
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        match self.room {
            Some(room) if self.raw.len().saturating_add(bytes.len()) <= room => {
                self.raw.extend_from_slice(bytes);
            }
            _ => self.room = None,
        }
    }

    /// All that passed since [`start`](Self::start); `None` when it was not wanted or too much.
    pub(crate) fn raw(&self) -> Option<&[u8]> {
        self.room.map(|_| self.raw.as_slice())
    }

    /// As [`raw`](Self::raw), after these last bytes: nothing is copied if they are the first too.
    pub(crate) fn ended<'t>(&'t mut self, last: &'t [u8]) -> Option<&'t [u8]> {
        if self.raw.is_empty() {
            return self.room.filter(|&room| last.len() <= room).map(|_| last);
        }
        self.push(last);
        self.raw()
    }
}
