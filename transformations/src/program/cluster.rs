//! What a program does in a listener's chain and not in a cluster's, and the reverse.

use std::collections::BTreeSet;

use diagnostics::{Code, Diagnostic};

use super::{BodyPlan, Program};
use crate::config::OnFailure;
use crate::ops::Direction;

impl Program {
    /// Everything that does nothing, or something else, where the filter stands in a cluster's chain:
    /// it sees each attempt, on a route and with a host that are settled.
    pub fn in_cluster(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut warn = |path: &str, message: &str, help: &str| {
            found.push(Diagnostic::warning(Code::Cluster, path, message).help(help));
        };
        if let Some(pass) = self.pass(Direction::Request) {
            if pass.clear_route_cache {
                warn(
                    "request",
                    "a filter in a cluster cannot change the route: headers are set, and the route stays",
                    "route in the listener's filter, or set `clearRouteCache: false`",
                );
            }
            if pass.on_failure != Some(OnFailure::Reject) && pass.extraction.rejects() {
                warn(
                    "request.extract",
                    "`reject` in a cluster ends the request: no other attempt follows",
                    "reject in the listener's filter, which sees a request once",
                );
            }
            if !pass.edits.reject.is_empty() {
                warn(
                    "request.reject",
                    "`reject` in a cluster ends the request: no other attempt follows",
                    "reject in the listener's filter, which sees a request once",
                );
            }
            if pass.on_failure == Some(OnFailure::Reject) {
                warn(
                    "request.onFailure",
                    "`reject` in a cluster ends the request: no other attempt follows",
                    "reject in the listener's filter, which sees a request once",
                );
            }
        }
        let passes = [Direction::Request, Direction::Response];
        let passes = passes.iter().filter_map(|direction| self.pass(*direction));
        let mut expressions = passes.flat_map(|pass| pass.expressions.iter());
        if expressions.any(|expression| expression.needs().addresses) {
            warn(
                "",
                "`source` and `destination` have no value in requests that no client sent, such as mirrored ones",
                "write `default(source.address, '')`",
            );
        }
        found
    }

    /// The key by which a response may be answered at its headers, before its body arrives.
    pub fn answers_at_headers(&self) -> Option<&'static str> {
        let pass = self.pass(Direction::Response)?;
        let waits = self.body_plan(Direction::Response) == BodyPlan::Held;
        let rejects = !pass.edits.reject.is_empty();
        let fails = pass.on_failure == Some(OnFailure::Reject);
        match () {
            () if !pass.early_rules().is_empty() || (rejects && !waits) => Some("response.reject"),
            () if fails && (pass.when.is_some() || !waits) => Some("response.onFailure"),
            () => None,
        }
    }

    /// Whether a response may be held.
    pub fn holds_responses(&self) -> bool {
        match self.body_plan(Direction::Response) {
            BodyPlan::Passes | BodyPlan::Read => false,
            BodyPlan::Edited | BodyPlan::Held | BodyPlan::HeldUntilKnown => true,
        }
    }

    /// Everything that has no value where the filter stands in a listener's chain: what differs from
    /// attempt to attempt.
    pub fn in_listener(&self) -> Vec<Diagnostic> {
        // The answer's pass runs after the attempts.
        let expressions = self.pass(Direction::Request).into_iter();
        let expressions = expressions.flat_map(|pass| pass.expressions.iter());
        let names = expressions.flat_map(|expression| &expression.needs().of_attempts);
        let names: BTreeSet<_> = names.collect();
        let warnings = names.into_iter().map(|name| {
            let message = format!("`{name}` has no value before a host is chosen");
            Diagnostic::warning(Code::Cluster, "request", message)
                .help("read it in the filter of a cluster")
        });
        warnings.collect()
    }
}
