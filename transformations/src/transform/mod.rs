//! One pass over one message, in the order that kgateway fixed:
//! condition, extract, body or patch, `set`, `add`, `remove`, `dynamicMetadata`, route cache.

mod expressions;
mod pass;
mod run;
mod view;

pub(crate) use expressions::{Expressions, Phase, Values};
pub(crate) use pass::{
    Body, Condition, Ended, Extent, Formula, Header, Metadata, Pass, Running, Turn,
};
