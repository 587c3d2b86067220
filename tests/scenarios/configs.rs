//! Every file of `envoy-configs/` keeps what its comments promise.

use crate::stage::{Scenario, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![];
