//! What templates see of the message: functions through [`Scope`], names through [`Variables`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::headers::Snapshot;

/// What the functions read during one pass.
///
/// It reaches them through the thread, not through the template's variables: nothing in a body can
/// stand in for it, inside a macro either.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Headers of the message of the pass.
    pub(crate) message: Rc<Snapshot>,
    /// Headers of the request as it arrived.
    pub(crate) request: Rc<Snapshot>,
    /// What `body()` returns.
    pub(crate) body: Value,
    /// The bytes of that body where they are no text: they are what is printed of it.
    pub(crate) raw: Option<Rc<[u8]>>,
    /// Whether the template that renders has called `body()`.
    pub(crate) body_read: Cell<bool>,
    /// What goes out in place of the text that is written.
    pub(crate) printing: RefCell<Option<Rc<[u8]>>>,
    /// What `context()` returns.
    pub(crate) context: Value,
    /// What `cel()` returns for each expression, or why it fails.
    pub(crate) expressions: BTreeMap<String, Result<Value, String>>,
    /// What the template that renders has printed of `extracted` and is not there.
    pub(crate) absent: Cell<Absent>,
}

/// A field that is printed and has no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Absent {
    /// There was none.
    #[default]
    None,
    /// One that the template names.
    Field,
    /// One whose name is computed: nothing may extract it.
    Computed,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Scope>>> = const { RefCell::new(None) };
}

impl Scope {
    /// Runs `render` with this scope in reach of the functions.
    pub(crate) fn during<T>(self: &Rc<Self>, render: impl FnOnce() -> T) -> T {
        let _guard = Guard(CURRENT.replace(Some(Rc::clone(self))));
        render()
    }

    /// Shows the scope of the render going on to a function.
    pub(super) fn current<T>(look: impl FnOnce(&Scope) -> T) -> Option<T> {
        CURRENT.with_borrow(|scope| scope.as_deref().map(look))
    }

    /// The bytes that a text stands for, if it is what `body()` returned of a body that is none. What
    /// filters and functions made of it is not, however equal.
    pub(super) fn raw(text: &str) -> Option<Rc<[u8]>> {
        let raw = |scope: &Scope| {
            let raw = scope.raw.as_ref()?;
            let body = scope.body.as_str()?;
            std::ptr::eq(body, text).then(|| Rc::clone(raw))
        };
        Self::current(raw).flatten()
    }

    /// Runs `write`, during which `bytes` go out in place of what is written. What is written into a
    /// value does not go out.
    pub(super) fn print<T>(bytes: Rc<[u8]>, write: impl FnOnce() -> T) -> T {
        Self::current(|scope| scope.printing.replace(Some(bytes)));
        let written = write();
        Self::current(|scope| scope.printing.take());
        written
    }

    /// What goes out in place of the text that is written.
    pub(super) fn printing() -> Option<Rc<[u8]>> {
        Self::current(|scope| scope.printing.take()).flatten()
    }
}

/// Puts the scope before this one back, after a panic too.
struct Guard(Option<Rc<Scope>>);

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// The names a template can use besides functions: members of the JSON body, and `extracted`.
#[derive(Clone, Default)]
pub(crate) struct Variables {
    /// The JSON body, if there is one.
    pub(crate) document: Value,
    /// The extracted fields, if the configuration extracts any.
    pub(crate) extracted: Option<Value>,
    /// Functions that the template calls: a body's member of the same name does not hide them.
    pub(crate) calls: Arc<[&'static str]>,
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if self.calls.contains(&name) {
            return None;
        }
        if name == "extracted" && self.extracted.is_some() {
            return self.extracted.clone();
        }
        self.document
            .get_attr(name)
            .ok()
            .filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// Without the values: `debug()` prints it.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{}")
    }
}
