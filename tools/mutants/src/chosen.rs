//! Which mutant runs in this process, and which ones its tests reach.
//!
//! `MUTANT` is the number of the one that runs; none does without it. With `MUTANTS_REACHED`, a folder, each thread writes
//! its name, the microseconds since it reached its first mutant, and the numbers of those it reached.

use std::cell::{Cell, OnceCell};
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use std::{env, fs, process, thread};

/// Numbers are below 64 times this.
const WORDS: usize = 256;

const NOT_ASKED: u32 = u32::MAX;
const RECORDING: u32 = u32::MAX - 1;

static CHOSEN: AtomicU32 = AtomicU32::new(NOT_ASKED);

/// Whether the mutant of this number runs.
#[inline]
pub fn is(id: u32) -> bool {
    match CHOSEN.load(Ordering::Relaxed) {
        NOT_ASKED => {
            ask();
            is(id)
        }
        RECORDING => {
            // A thread that is ending has written what it reached.
            let _ = REACHED.try_with(|reached| reached.note(id));
            false
        }
        chosen => chosen == id,
    }
}

#[cold]
fn ask() {
    let number = |text: String| text.parse().expect("MUTANT is no number");
    let chosen = match env::var_os("MUTANTS_REACHED") {
        Some(_) => RECORDING,
        None => env::var("MUTANT").map_or(0, number),
    };
    CHOSEN.store(chosen, Ordering::Relaxed);
}

thread_local! {
    static REACHED: Reached = const {
        Reached { begun: OnceCell::new(), words: [const { Cell::new(0) }; WORDS] }
    };
}

/// What this thread reached.
struct Reached {
    /// Its name, and when it reached the first.
    begun: OnceCell<(String, Instant)>,
    words: [Cell<u64>; WORDS],
}

impl Reached {
    fn note(&self, id: u32) {
        self.begun.get_or_init(|| {
            let name = thread::current().name().unwrap_or_default().to_owned();
            (name, Instant::now())
        });
        let word = &self.words[id as usize / 64];
        word.set(word.get() | 1 << (id % 64));
    }
}

impl Drop for Reached {
    fn drop(&mut self) {
        static WRITTEN: AtomicU32 = AtomicU32::new(0);
        let (Some((name, begun)), Some(folder)) =
            (self.begun.get(), env::var_os("MUTANTS_REACHED"))
        else {
            return;
        };
        let mut text = format!("{name}\n{}\n", begun.elapsed().as_micros());
        for id in 0..WORDS * 64 {
            if self.words[id / 64].get() & 1 << (id % 64) != 0 {
                write!(text, "{id} ").expect("a text takes what is written");
            }
        }
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let file = format!("{}-{number}", process::id());
        fs::write(std::path::Path::new(&folder).join(file), text)
            .expect("the folder cannot be written to");
    }
}
