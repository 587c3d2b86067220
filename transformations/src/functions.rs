//! Every function that templates and expressions can call, described once.

/// An example: what is written, and what comes of it. `error` where it fails.
pub type Example = (&'static str, &'static str);

/// A function as its users see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// How it is called.
    pub name: &'static str,
    /// How it is called, and with what.
    pub signature: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Each is run by a test.
    pub examples: &'static [Example],
}
