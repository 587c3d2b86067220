//! The document of a stream that has not arrived whole: an event, or a line.

/// Is told of the bytes of a stream that are part of no document that is read.
pub trait Passing {
    /// A document is too long to be held. Its bytes follow as they pass. `first`: it begins the stream.
    fn too_long(&mut self, first: bool);

    /// Bytes of no document that is read: the rest of a line break, or a document that is too long
    /// or not read.
    fn passed(&mut self, bytes: &[u8]);

    /// A document that is too long has ended.
    fn ended(&mut self) {}
}

/// Holds one document after another, each until it has arrived whole or is too long.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The longest document to hold, in bytes.
    most: usize,
    /// The document so far.
    bytes: Vec<u8>,
    /// The document is too long to be held: the rest of it passes as it is.
    too_long: bool,
    /// The document begins the stream.
    first: bool,
}

impl Held {
    /// Holds documents of at most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            bytes: Vec::new(),
            too_long: false,
            first: true,
        }
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether nothing of the next document has arrived.
    pub(crate) fn is_between(&self) -> bool {
        self.bytes.is_empty() && !self.too_long
    }

    /// The longest document to hold, in bytes.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Documents have passed that were not told.
    pub(crate) fn skip(&mut self) {
        self.first = false;
    }

    /// How many bytes are held.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the next bytes of a document, which it does not end with.
    pub(crate) fn hold(&mut self, bytes: &[u8], passing: &mut impl Passing) {
        let length = self.bytes.len().saturating_add(bytes.len());
        if !self.too_long && length > self.most {
            self.too_long = true;
            passing.too_long(self.first);
            passing.passed(&self.bytes);
            self.bytes.clear();
        }
        if self.too_long {
            passing.passed(bytes);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Takes the last bytes of a document. One that is not too long is told, with whether it begins the
    /// stream; if it lies whole among them, it is not copied.
    #[inline]
    pub(crate) fn end<V: Passing>(
        &mut self,
        bytes: &[u8],
        visitor: &mut V,
        tell: impl FnOnce(&[u8], bool, &mut V),
    ) {
        if self.is_between() && bytes.len() <= self.most {
            tell(bytes, self.first, visitor);
        } else {
            self.hold(bytes, visitor);
            self.finish(visitor, tell);
        }
        self.first = false;
    }

    /// The stream has ended, and the document with it, if there is one.
    pub(crate) fn finish<V: Passing>(
        &mut self,
        visitor: &mut V,
        tell: impl FnOnce(&[u8], bool, &mut V),
    ) {
        if !self.bytes.is_empty() {
            tell(&self.bytes, self.first, visitor);
            self.bytes.clear();
        }
        if std::mem::take(&mut self.too_long) {
            visitor.ended();
        }
    }
}
