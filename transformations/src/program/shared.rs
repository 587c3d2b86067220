//! Configurations of which a process holds thousands: checked at load, compiled when a message
//! needs them, and one for all that say the same.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use diagnostics::{ConfigErrors, Diagnostic};

use super::Program;
use crate::program::Engine;

/// A checked configuration, whose program is made when the first message needs it.
///
/// The text costs little more than its bytes, a program several thousand; and of a process's
/// routes most see no message for long.
pub struct SharedProgram {
    engine: Arc<Engine>,
    text: Box<[u8]>,
    program: OnceLock<Result<Arc<Program>, ConfigErrors>>,
    /// Whether it says what to measure.
    has_metrics: bool,
}

impl SharedProgram {
    /// Whether the configuration has the key `metrics`, which a route's may not have.
    pub fn has_metrics(&self) -> bool {
        self.has_metrics
    }

    /// The program, compiled now unless it was before.
    ///
    /// # Errors
    ///
    /// What is wrong with it. The same text compiled when it was checked: a bug.
    pub fn program(&self) -> Result<&Arc<Program>, &ConfigErrors> {
        let program = self.program.get_or_init(|| {
            let loaded = self.engine.load(&self.text)?;
            Ok(Arc::new(loaded.program))
        });
        program.as_ref()
    }

    /// A configuration that nobody has checked: for tests of what a host does with one that does not
    /// compile.
    #[doc(hidden)]
    pub fn unchecked(engine: &Arc<Engine>, text: &[u8]) -> Self {
        Self {
            engine: Arc::clone(engine),
            text: text.into(),
            program: OnceLock::new(),
            has_metrics: false,
        }
    }
}

/// Without the text.
impl fmt::Debug for SharedProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedProgram")
            .field("compiled", &self.program.get().is_some())
            .finish_non_exhaustive()
    }
}

/// The configurations that are in use, by their text.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    hasher: RandomState,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// By the text's hash. Of two texts with the same hash one is not shared.
    by_hash: HashMap<u64, Weak<SharedProgram>>,
    /// How many entries make it worth looking for those that nobody uses any more.
    full: usize,
}

impl InUse {
    /// The configuration that says `text`, checked for `engine` unless it is in use, and what its
    /// author should know, notes last.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn share(
        &self,
        engine: &Arc<Engine>,
        text: &[u8],
    ) -> Result<(Arc<SharedProgram>, Vec<Diagnostic>), ConfigErrors> {
        let hash = self.hasher.hash_one(text);
        if let Some(shared) = self.find(hash, text) {
            return Ok((shared, Vec::new()));
        }
        let loaded = engine.load(text)?;
        let shared = Arc::new(SharedProgram {
            has_metrics: loaded.program.has_metrics(),
            ..SharedProgram::unchecked(engine, text)
        });
        self.insert(hash, &shared);
        let mut warnings = loaded.warnings;
        warnings.extend(loaded.notes);
        Ok((shared, warnings))
    }

    fn find(&self, hash: u64, text: &[u8]) -> Option<Arc<SharedProgram>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = entries.by_hash.get(&hash)?.upgrade()?;
        (*shared.text == *text).then_some(shared)
    }

    fn insert(&self, hash: u64, shared: &Arc<SharedProgram>) {
        const FEW: usize = 64;
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.by_hash.len() >= entries.full {
            entries.by_hash.retain(|_, entry| entry.strong_count() > 0);
            entries.full = entries.by_hash.len().saturating_mul(2).max(FEW);
        }
        entries.by_hash.insert(hash, Arc::downgrade(shared));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Direction;

    fn text(n: usize) -> Vec<u8> {
        let text = format!(r#"{{"request":{{"remove":["x-{n}"]}}}}"#);
        text.into_bytes()
    }

    fn remembered(engine: &Engine) -> usize {
        let entries = engine.in_use().entries.lock();
        entries.unwrap().by_hash.len()
    }

    #[test]
    fn equal_texts_share_one_program() {
        let engine = Arc::new(Engine::default());
        let share = |n| engine.share(&text(n)).unwrap().0;
        let (first, second, other) = (share(1), share(1), share(2));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &other));
        let program = first.program().unwrap();
        assert!(Arc::ptr_eq(program, second.program().unwrap()));
        assert!(program.pass(Direction::Request).is_some());
    }

    #[test]
    fn a_text_that_does_not_compile_is_no_empty_program() {
        let engine = Arc::new(Engine::default());
        let broken = SharedProgram::unchecked(&engine, b"{");
        assert!(broken.program().is_err());
    }

    #[test]
    fn texts_with_the_same_hash_are_told_apart() {
        let engine = Arc::new(Engine::default());
        let one = engine.share(&text(1)).unwrap().0;
        engine.in_use().insert(7, &one);
        assert!(engine.in_use().find(7, &text(1)).is_some());
        assert!(engine.in_use().find(7, &text(2)).is_none());
    }

    #[test]
    fn warnings_come_once_while_a_text_is_in_use() {
        let engine = Arc::new(Engine::default());
        let (first, warnings) = engine.share(br#"{"unknown":1}"#).unwrap();
        assert_eq!(warnings.len(), 1);
        assert!(engine.share(br#"{"unknown":1}"#).unwrap().1.is_empty());
        drop(first);
        assert_eq!(engine.share(br#"{"unknown":1}"#).unwrap().1.len(), 1);
    }

    #[test]
    fn errors_come_each_time() {
        let engine = Arc::new(Engine::default());
        assert!(engine.share(b"{").is_err());
        assert!(engine.share(b"{").is_err());
    }

    #[test]
    fn texts_that_nobody_uses_are_forgotten() {
        let engine = Arc::new(Engine::default());
        let kept: Vec<_> = (0..100).map(|n| engine.share(&text(n)).unwrap()).collect();
        for n in 100..10_000 {
            engine.share(&text(n)).unwrap();
        }
        assert!(remembered(&engine) <= 201, "{}", remembered(&engine));
        for (n, (kept, _)) in kept.iter().enumerate() {
            assert!(Arc::ptr_eq(kept, &engine.share(&text(n)).unwrap().0));
        }
    }

    #[test]
    fn threads_may_share() {
        let engine = Arc::new(Engine::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..200 {
                        let (shared, _) = engine.share(&text(n % 10)).unwrap();
                        let program = shared.program().unwrap();
                        assert!(program.pass(Direction::Request).is_some());
                    }
                });
            }
        });
    }
}
