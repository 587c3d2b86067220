//! A function of either language, as its users see it.

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

/// The functions of one language that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// What they are about.
    pub title: &'static str,
    /// The functions.
    pub functions: Vec<Function>,
}
