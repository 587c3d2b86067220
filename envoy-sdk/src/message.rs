//! How far a message has come: what tells whether its filter may resume or answer it.

use std::cell::Cell;

/// One message of a stream, as far as its filter knows it.
#[derive(Debug, Default)]
pub(crate) struct Message {
    progress: Cell<Progress>,
    /// The end has been seen.
    pub(crate) ended: Cell<bool>,
    /// The filter leaves out the hooks of the rest of the body.
    pub(crate) unwatched: Cell<bool>,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing of it has arrived, or its headers hook runs.
    #[default]
    Expected,
    /// The filter holds its headers.
    HeadersHeld,
    /// Its headers have gone on; the filter holds what follows.
    BodyHeld,
    /// It goes on as it arrives.
    Passing,
}

impl Message {
    pub(crate) fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// Whether the next hook of the body may be left out.
    #[inline]
    pub(crate) fn passes_unwatched(&self) -> bool {
        self.unwatched.get() && self.progress.get() == Progress::Passing
    }

    /// The headers hook has ended.
    #[inline]
    pub(crate) fn note_headers(&self, held: bool) {
        self.progress.set(if held {
            Progress::HeadersHeld
        } else {
            Progress::Passing
        });
    }

    /// A hook of the body or the trailers has ended. Without headers before it, nothing can be resumed:
    /// 1.36 passes on the body of an attempt that was given up.
    #[inline]
    pub(crate) fn note_rest(&self, held: bool) {
        self.progress.set(match (self.progress.get(), held) {
            (Progress::Expected, _) => Progress::Expected,
            (_, false) => Progress::Passing,
            (Progress::HeadersHeld, true) => Progress::HeadersHeld,
            (_, true) => Progress::BodyHeld,
        });
    }

    /// Whether its headers have not gone on.
    #[inline]
    pub(crate) fn is_with_filter(&self) -> bool {
        matches!(
            self.progress.get(),
            Progress::Expected | Progress::HeadersHeld
        )
    }

    /// Whether the filter holds something of it.
    pub(crate) fn is_held(&self) -> bool {
        matches!(
            self.progress.get(),
            Progress::HeadersHeld | Progress::BodyHeld
        )
    }

    /// Lets go of what the filter holds; false when it holds nothing.
    pub(crate) fn resume(&self) -> bool {
        let held = self.is_held();
        if held {
            self.progress.set(Progress::Passing);
        }
        held
    }
}
