//! How a message's body is encoded.

use bodies::coding::Coding;

use crate::ops::{Direction, TransformationOps};

/// The coding of a message's body; `None` when it is not encoded.
pub(crate) fn coding(ops: &dyn TransformationOps, direction: Direction) -> Option<Coding> {
    const HEADER: &str = "content-encoding";
    ops.first_header_value(direction, HEADER)?; // as nearly always: there is none
    Coding::named(&ops.header_values(direction, HEADER))
}
