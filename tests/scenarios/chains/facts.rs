//! Combinations that are left out, and why.

use super::exchanges::{Exchange, Mode, Model};
use super::neighbours::{Chain, Neighbour, Place};

/// Why this combination is not played, if it is not.
pub(crate) fn left_out(chain: Chain, exchange: Exchange) -> Option<&'static str> {
    match (chain.neighbour, chain.place, exchange.mode, exchange.model) {
        (Neighbour::Compressor, Place::Front, Mode::SsePatch, _) => Some(
            "Compressor behind × SsePatch: the events are encoded before the filter sees them, and encoded events are not edited",
        ),
        (_, _, Mode::Removed | Mode::Inert, Model::Last | Model::Absent | Model::Overruled) => {
            Some("Removed and Inert × Last, Absent and Overruled: nothing reads the model")
        }
        _ => None,
    }
}
