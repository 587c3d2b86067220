//! What one render may hold in memory, and look through.
//!
//! Texts and lists that operators make are held weakly: what the template has let go of does not
//! count. What it prints, and what filters and functions make, counts whether it is let go of or
//! not.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::{Arc, Weak};

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

/// The most that the values of one render may take, in bytes: what operators made and is in use,
/// and as much again for what filters and functions made. It may be half as much more before it is
/// noticed.
pub(crate) const MOST: usize = 64 << 20;

/// The items that operators, filters and tests look at for each step of fuel, where the engine counts
/// one step for all of them.
const VISITS_PER_STEP: u64 = 2;

/// The bytes of a text that are copied in the time that an item takes.
const COPIED_PER_VISIT: usize = 128;

/// The items that a piece of a printed list or map takes as long as.
const VISITS_PER_PIECE: usize = 3;

/// What an item of a list takes, in bytes.
pub(super) const ITEM: usize = size_of::<Value>();

/// What a text in a list takes besides its bytes.
pub(super) const LINE: usize = ITEM + OVERHEAD;

/// The most items of a list.
pub(super) const ITEMS: usize = MOST / ITEM;

/// The longest text that a value holds inside itself, in bytes.
const INSIDE: usize = 22;

/// What a piece of a printed list or map counts at least.
const PIECE: usize = 16;

/// What a value costs besides its content, in bytes.
const OVERHEAD: usize = 64;

/// The most items to look at outside of a render.
const VISITS: usize = 2_000_000;

thread_local! {
    static ACCOUNT: RefCell<Account> = const { RefCell::new(Account::new(MOST, VISITS)) };
}

/// What the render going on has made.
struct Account {
    /// What filters and functions made.
    spent: usize,
    /// How many items may still be looked at.
    visits: usize,
    /// What was printed, and how much may be.
    printed: usize,
    printable: usize,
    /// What operators made, and how much it is together.
    held: Vec<Held>,
    bytes: usize,
    /// How many bytes make it worth looking for what is no longer in use.
    full: usize,
    exhausted: bool,
}

/// A value that an operator made.
enum Held {
    Text(Weak<str>, usize),
    List(Weak<Vec<Value>>, usize),
}

impl Held {
    /// What it costs while it is in use.
    fn bytes(&self) -> Option<usize> {
        let (users, bytes) = match self {
            Held::Text(text, bytes) => (text.strong_count(), bytes),
            Held::List(list, bytes) => (list.strong_count(), bytes),
        };
        (users > 0).then_some(*bytes)
    }
}

impl Account {
    const fn new(printable: usize, visits: usize) -> Self {
        Self {
            spent: 0,
            visits,
            printed: 0,
            printable,
            held: Vec::new(),
            bytes: 0,
            full: MOST / 2,
            exhausted: false,
        }
    }

    fn hold(&mut self, held: Held, bytes: usize) -> bool {
        self.held.push(held);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.full {
            self.held.retain(|held| held.bytes().is_some());
            let bytes = self.held.iter().filter_map(Held::bytes);
            self.bytes = bytes.fold(0, usize::saturating_add);
            // So that looking costs less than what was made in between.
            self.full = self.bytes.saturating_add(MOST / 2);
        }
        self.bytes <= MOST
    }
}

/// The account of the render that begins, which may print `printable` bytes and take `fuel` steps.
pub(super) fn begin(printable: usize, fuel: u64) {
    let visits = usize::try_from(fuel.saturating_mul(VISITS_PER_STEP)).unwrap_or(usize::MAX);
    ACCOUNT.set(Account::new(printable.saturating_add(MOST), visits));
}

/// Ends the account; whether the render asked for more than it may have.
pub(super) fn end() -> bool {
    ACCOUNT.replace(Account::new(MOST, VISITS)).exhausted
}

/// Counts what a filter or function makes, in bytes.
pub(super) fn spend(bytes: usize) -> Result<(), Error> {
    enough(|account| {
        account.spent = account.spent.saturating_add(bytes);
        account.spent <= MOST
    })
}

/// Counts items that are looked at.
pub(super) fn visit(items: usize) -> Result<(), Error> {
    enough(|account| match account.visits.checked_sub(items) {
        Some(left) => {
            account.visits = left;
            true
        }
        None => {
            account.visits = 0;
            false
        }
    })
}

/// How many items may still be looked at.
pub(super) fn visits() -> usize {
    ACCOUNT.with_borrow(|account| account.visits)
}

/// Counts what is printed, in bytes.
pub(super) fn print(bytes: usize) -> Result<(), Error> {
    enough(|account| {
        account.printed = account.printed.saturating_add(bytes);
        account.printed <= account.printable
    })
}

/// Counts a piece of what is printed, in bytes: printing takes time for each.
pub(super) fn print_piece(bytes: usize) -> Result<(), Error> {
    visit(1)?;
    print(bytes.max(PIECE))
}

/// A text that an operator made.
pub(super) fn text(text: &str) -> Result<Value, Error> {
    if text.len() <= INSIDE {
        return Ok(Value::from(text));
    }
    let text: Arc<str> = text.into();
    let bytes = text.len().saturating_add(OVERHEAD);
    enough(|account| account.hold(Held::Text(Arc::downgrade(&text), bytes), bytes))?;
    Ok(Value::from(text))
}

/// A list that an operator made of `items`.
pub(super) fn list(items: impl Iterator<Item = Value>) -> Result<Value, Error> {
    let items = held(items)?;
    Ok(Value::make_object_iterable(items, |items| {
        Box::new(items.iter().cloned())
    }))
}

/// The same of a list that does not say how many items it has: it prints and compares otherwise.
pub(super) fn list_of_unknown_length(items: impl Iterator<Item = Value>) -> Result<Value, Error> {
    let items = held(items)?;
    Ok(Value::make_object_iterable(items, |items| {
        let mut items = items.iter();
        Box::new(std::iter::from_fn(move || items.next().cloned()))
    }))
}

fn held(items: impl Iterator<Item = Value>) -> Result<Arc<Vec<Value>>, Error> {
    // One more than there is room for.
    let items: Vec<Value> = items.take(ITEMS.saturating_add(1)).collect();
    visit(items.len())?;
    let bytes = ITEM.saturating_mul(items.len());
    let bytes = bytes.saturating_add(OVERHEAD);
    let items = Arc::new(items);
    enough(|account| account.hold(Held::List(Arc::downgrade(&items), bytes), bytes))?;
    Ok(items)
}

/// A text that an operator makes of what these print.
///
/// # Errors
///
/// It is too much.
pub(super) fn joined(values: [&Value; 2]) -> Result<Value, Error> {
    let mut joined = Bounded {
        size: 0,
        pieces: 0,
        text: Some(String::new()),
    };
    for value in values {
        joined.write(value)?;
    }
    joined.count()?;
    text(&joined.text.unwrap_or_default())
}

/// A text as it is, and what any other value prints.
///
/// # Errors
///
/// It is too much.
pub(super) fn as_text(value: &Value) -> Result<Cow<'_, str>, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.into());
    }
    let mut printed = Bounded {
        size: 0,
        pieces: 0,
        text: Some(String::new()),
    };
    printed.write(value)?;
    printed.count()?;
    Ok(printed.text.unwrap_or_default().into())
}

/// How many bytes a value prints.
///
/// # Errors
///
/// Too many.
pub(super) fn printed_size(value: &Value) -> Result<usize, Error> {
    let mut measured = Bounded {
        size: 0,
        pieces: 0,
        text: None,
    };
    measured.write(value)?;
    if value.as_object().is_some() {
        measured.count()?;
    }
    Ok(measured.size)
}

/// What is printed, or only how much it is, as far as there is room.
struct Bounded {
    size: usize,
    pieces: usize,
    text: Option<String>,
}

impl Bounded {
    /// Counts the time it took.
    fn count(&self) -> Result<(), Error> {
        let pieces = self.pieces.saturating_mul(VISITS_PER_PIECE);
        visit(pieces.saturating_add(self.size / COPIED_PER_VISIT))
    }

    fn write(&mut self, value: &Value) -> Result<(), Error> {
        let written = match value.as_str() {
            Some(text) => {
                let written = self.write_str(text);
                self.pieces = self.pieces.saturating_sub(1);
                written
            }
            None => write!(self, "{value}"),
        };
        written.or_else(|_too_much| enough(|_| false))
    }
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.size = self.size.saturating_add(piece.len().max(PIECE));
        self.pieces = self.pieces.saturating_add(1);
        if self.size > MOST {
            return Err(fmt::Error);
        }
        if let Some(text) = &mut self.text {
            text.push_str(piece);
        }
        Ok(())
    }
}

/// What is formatted, as far as there is room.
///
/// # Errors
///
/// It is too much.
pub(super) fn formatted(arguments: fmt::Arguments<'_>) -> Result<String, Error> {
    let mut formatted = Bounded {
        size: 0,
        pieces: 0,
        text: Some(String::new()),
    };
    if formatted.write_fmt(arguments).is_err() {
        enough(|_| false)?;
    }
    formatted.count()?;
    spend(formatted.size)?;
    Ok(formatted.text.unwrap_or_default())
}

/// A text that a filter or function made, counted.
pub(super) fn made(text: String) -> Result<String, Error> {
    spend(text.len())?;
    Ok(text)
}

/// Whether `count` finds that there is room.
fn enough(count: impl FnOnce(&mut Account) -> bool) -> Result<(), Error> {
    ACCOUNT.with_borrow_mut(|account| {
        if count(account) {
            return Ok(());
        }
        account.exhausted = true;
        let message = "the template makes or looks through more than it may";
        Err(Error::new(ErrorKind::InvalidOperation, message))
    })
}

/// Counts bytes that are copied.
pub(super) fn copy(bytes: usize) -> Result<(), Error> {
    visit(bytes / COPIED_PER_VISIT)
}

/// Refuses a text or list of `size` pieces of `bytes` each before it is made.
pub(super) fn fits(size: usize, bytes: usize) -> Result<(), Error> {
    enough(|_| size.saturating_mul(bytes) <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBI: usize = 1 << 20;

    #[test]
    fn what_was_let_go_of_does_not_count() {
        begin(0, 1_000_000);
        let long = "x".repeat(MEBI);
        for _ in 0..200 {
            assert!(text(&long).is_ok());
        }
        let kept: Vec<Value> = (0..200).map_while(|_| text(&long).ok()).collect();
        assert!((63..=96).contains(&kept.len()), "{}", kept.len());
        assert!(end());
        begin(0, 1_000_000);
        assert!(text(&long).is_ok());
        assert!(!end());
    }

    #[test]
    fn lists_count_by_their_items() {
        begin(0, u64::MAX);
        let items = || std::iter::repeat_n(Value::from(1), 100_000);
        for _ in 0..100 {
            assert!(list(items()).is_ok());
        }
        let kept: Vec<Value> = (0..100).map_while(|_| list(items()).ok()).collect();
        assert!((26..=40).contains(&kept.len()), "{}", kept.len());
        assert!(list(std::iter::repeat(Value::from(1))).is_err());
    }

    #[test]
    fn what_filters_make_and_what_is_printed_counts_together() {
        begin(10, 1_000_000);
        assert!(spend(MOST).is_ok() && spend(1).is_err());
        assert!(print(MOST + 10).is_ok() && print(1).is_err());
        assert!(end());
    }

    #[test]
    fn small_texts_cost_nothing() {
        begin(0, 1_000_000);
        for _ in 0..10 {
            assert_eq!(text("no heap").unwrap(), Value::from("no heap"));
        }
        ACCOUNT.with_borrow(|account| assert!(account.held.is_empty()));
    }
}
