//! What the documents of a stream begin with alike, which is walked once.

/// The most bytes to compare, and to keep.
const MOST: usize = 1 << 10;

/// With fewer bytes alike a walk from the beginning is as fast.
const LEAST: usize = 32;

/// The walk through what the last documents of a stream began with. A server repeats the name, the time
/// and the model of its answer in each of them.
#[derive(Clone, Debug)]
pub(super) struct Alike<W> {
    /// How the last document begins that was walked as a whole.
    last: Vec<u8>,
    /// The walk through what it has in common with the one before, and how many bytes that is.
    walked: Option<(usize, W)>,
    /// The walk through the document at hand.
    walk: Option<W>,
}

impl<W> Default for Alike<W> {
    fn default() -> Self {
        Self {
            last: Vec::new(),
            walked: None,
            walk: None,
        }
    }
}

impl<W: Clone> Alike<W> {
    /// The walk through the beginning of the next document, and the rest of the document.
    ///
    /// # Errors
    ///
    /// Those of `feed`, which walks on through these bytes.
    #[inline]
    pub(super) fn begin<'a, 'd, E>(
        &'a mut self,
        document: &'d [u8],
        new: impl FnOnce() -> W,
        feed: impl FnOnce(&mut W, &[u8]) -> Result<(), E>,
    ) -> Result<(&'a mut W, &'d [u8]), E> {
        let known = self.walked.as_ref().and_then(|(length, walk)| {
            let rest = document.strip_prefix(self.last.get(..*length)?)?;
            Some((walk, rest))
        });
        match known {
            Some((walk, rest)) => Ok((self.walk.insert(walk.clone()), rest)),
            None => self.learn(document, new(), feed),
        }
    }

    #[inline(never)]
    fn learn<'a, 'd, E>(
        &'a mut self,
        document: &'d [u8],
        walk: W,
        feed: impl FnOnce(&mut W, &[u8]) -> Result<(), E>,
    ) -> Result<(&'a mut W, &'d [u8]), E> {
        let length = common(&self.last, document);
        self.last.clear();
        self.last
            .extend_from_slice(document.get(..MOST).unwrap_or(document));
        self.walked = None;
        let walk = self.walk.insert(walk);
        match document.split_at_checked(length) {
            Some((begun, rest)) if length >= LEAST => {
                feed(walk, begun)?;
                self.walked = Some((length, walk.clone()));
                Ok((walk, rest))
            }
            _ => Ok((walk, document)),
        }
    }
}

/// How many bytes two documents begin with alike, up to a comma.
fn common(one: &[u8], other: &[u8]) -> usize {
    let mut pairs = one.iter().zip(other);
    let alike = pairs.position(|(one, other)| one != other);
    let alike = alike.unwrap_or(one.len().min(other.len()));
    let begun = one.get(..alike).unwrap_or_default();
    memchr::memrchr(b',', begun).unwrap_or_default()
}
