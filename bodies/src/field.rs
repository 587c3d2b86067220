//! What a body says of a field.

/// Which field: the place of its pointer or its name among those looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(usize);

impl FieldId {
    /// The field of the pointer or name at this place, from 0 on.
    #[inline]
    pub fn nth(place: usize) -> Self {
        Self(place)
    }

    /// Its place.
    #[inline]
    pub fn index(self) -> usize {
        self.0
    }

    /// The field among those that were found.
    #[inline]
    pub fn of(self, found: &[Finding]) -> Option<&Finding> {
        found.get(self.0)
    }
}

/// What stands where a field is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A string, decoded.
    String(String),
    /// A number, as it is spelled.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An array or an object.
    Container,
    /// A string or number longer than [`Limits::value_bytes`](crate::Limits::value_bytes).
    TooLong,
}

/// All that a body says of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// What a parser that believes the first of equal keys sees.
    pub first: Option<Found>,
    /// What a parser that believes the last sees, where that may differ.
    last: Option<Option<Found>>,
    /// A key on the way stands in another case too: some parsers take it for the same.
    other_case: bool,
    /// Whether the body says two different things. Before its end: whether that is certain already.
    pub conflict: bool,
}

impl Finding {
    /// What a parser that believes the last of equal keys sees.
    pub fn last(&self) -> Option<&Found> {
        self.last.as_ref().unwrap_or(&self.first).as_ref()
    }

    /// Adds what stands there now.
    #[inline]
    pub(crate) fn record(&mut self, found: Found) {
        match &mut self.last {
            None if self.first.is_none() => self.first = Some(found),
            last => {
                // What is too long was not kept, so it cannot be said to be the same.
                self.conflict |= self.first.as_ref() != Some(&found) || found == Found::TooLong;
                *last = Some(Some(found));
            }
        }
        self.conflict |= self.other_case;
    }

    /// Whether no later byte can change [`Self::first`], unless it is absent until the end.
    pub fn first_is_certain(&self) -> bool {
        self.first.is_some() || self.last.is_some()
    }

    /// A key on the way to the field stands in the same object again.
    pub(crate) fn stands_again(&mut self) {
        self.last = Some(None);
    }

    /// A key on the way to the field stands in another case.
    pub(crate) fn stands_in_other_case(&mut self) {
        self.other_case = true;
        self.conflict |= self.first.is_some();
    }

    pub(crate) fn finish(&mut self) {
        self.conflict |= self.last.as_ref().is_some_and(|last| *last != self.first);
    }
}
