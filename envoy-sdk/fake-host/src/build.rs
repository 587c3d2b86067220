//! An Envoy binary and the process it runs in: a release, and what is odd about it.

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::sync::{Mutex, PoisonError};

use envoy_proxy_dynamic_modules_rust_sdk::{Callbacks, Process};

use crate::generation::Generation;

/// One Envoy to load a module into.
#[derive(Debug)]
pub struct Build {
    pub(crate) generation: Generation,
    pub(crate) errors: RefCell<Vec<String>>,
    without: Vec<String>,
    variables: Vec<(String, String)>,
    abi_version: Option<String>,
}

impl Build {
    /// A release as it is.
    pub fn of(generation: Generation) -> Self {
        Self {
            generation,
            errors: RefCell::default(),
            without: Vec::new(),
            variables: Vec::new(),
            abi_version: generation.compared_abi_version().map(str::to_owned),
        }
    }

    /// Takes away a callback, named without `envoy_dynamic_module_callback_`.
    #[must_use]
    pub fn without(mut self, callback: &str) -> Self {
        self.without.push(callback.to_owned());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has it compare the ABI version with this one.
    #[must_use]
    pub fn expecting(mut self, abi_version: &str) -> Self {
        self.abi_version = Some(abi_version.to_owned());
        self
    }
}

impl Process for Build {
    fn callback(&self, name: &CStr) -> *const c_void {
        let hidden = self.without.iter().any(|without| {
            let name = name.to_bytes();
            name.strip_prefix(b"envoy_dynamic_module_callback_") == Some(without.as_bytes())
        });
        if hidden {
            return std::ptr::null();
        }
        self.generation.resolve(name)
    }

    fn variable(&self, name: &str) -> Option<String> {
        let mut variables = self.variables.iter();
        let found = variables.find(|(own, _)| own == name);
        found.map(|(_, value)| value.clone())
    }

    fn knows_abi_version(&self, version: &CStr) -> bool {
        let expected = self.abi_version.as_deref();
        expected.is_none_or(|expected| version.to_bytes() == expected.as_bytes())
    }

    fn write_error(&self, line: &str) {
        self.errors.borrow_mut().push(line.to_owned());
    }

    fn keep(&self, callbacks: Callbacks) -> &'static Callbacks {
        /// Never dropped, and never lost either: a leak checker would report that.
        static KEPT: Mutex<Vec<&'static Callbacks>> = Mutex::new(Vec::new());
        let callbacks: &'static Callbacks = Box::leak(Box::new(callbacks));
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(callbacks);
        callbacks
    }
}
