//! Plays cases on a real Envoy: those of `docs/cases.md`, and kgateway's and other gateways' lines of JSON.
//!
//! `case` reads them into cases of `docs/cases.md`, with `routing` for those of other gateways, `reports` for those from
//! the field, `body` and `expectation`; `take` is one of them on its way; `wire` decides how client and upstream express
//! one; `bootstrap` gives each a listener and a cluster; `act` is one before an Envoy, `batch` those that share one, which
//! `gateway` starts; `play`, with `tunnel` and `steps`, sends the requests; `verdict` tells the one of `cases` what the
//! `observation` is; `report` says what differs.
#![forbid(unsafe_code)]

mod act;
mod batch;
mod body;
mod bootstrap;
mod case;
mod documented;
mod expectation;
mod gateway;
mod observation;
mod plan;
mod play;
mod report;
mod reports;
mod routing;
mod steps;
mod take;
mod tunnel;
mod verdict;
mod wire;

pub use batch::Batch;
pub use case::{Entry, read};
pub use plan::{Part, Plan};
pub use report::{Outcome, Report};
