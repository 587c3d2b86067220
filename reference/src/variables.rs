//! The environment variables.

/// An environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// What it does.
    pub what: &'static str,
}

/// Those that the module reads, in the process of Envoy.
pub const OF_THE_MODULE: &[Variable] = &[
    Variable {
        name: "RUSTFORMATIONS_ROUTING_HEADERS",
        default: "none",
        what: "Names of request headers, with commas between them. Envoy chooses the route again after a request pass that sets or adds one of them, as if the pass had `clearRouteCache: true`. For control planes whose schema lacks that key.",
    },
    Variable {
        name: "RUSTFORMATIONS_ENV_ALLOW",
        default: "all variables",
        what: "The environment variables that templates and expressions may read with `env()`, with commas between them; `*` stands for any run of characters. Set to the empty text, none may be read. One that may not be read counts as not set, and a warning at load names it.",
    },
    Variable {
        name: "RUSTFORMATIONS_METRICS",
        default: "no metrics of requests",
        what: "The object `metrics`, as JSON, for listeners whose configuration has none. An error in it is logged, and the configurations load without it.",
    },
    Variable {
        name: "RUSTFORMATIONS_ABI_VERSION",
        default: "the version that Envoy is found to take",
        what: "Replaces the ABI version that the module reports to Envoy. For an Envoy of your own that names another version for the same callbacks.",
    },
    Variable {
        name: "RUSTFORMATIONS_REVISION",
        default: "`unknown`",
        what: "The commit that the module names in the log when it is loaded. It is read while the module is built, not in the process of Envoy.",
    },
    Variable {
        name: "RUSTFORMATIONS_ALLOW_MISSING_CALLBACKS",
        default: "`false`",
        what: "With `true` the module runs in an Envoy that lacks a callback of its release. A warning names the callback, and what needs it has no effect. A callback that all releases have stays required.",
    },
];

/// Those that the tests, the benchmarks and `cargo xtask` read.
pub const OF_THE_TESTS: &[Variable] = &[
    Variable {
        name: "RUSTFORMATIONS_MODULE",
        default: "the module is built",
        what: "The path of a `librust_module.so` to test in place of the one that is built.",
    },
    Variable {
        name: "RUSTFORMATIONS_HOSTILE",
        default: "a few",
        what: "How many cases the hostile module plays; `all` plays each of them.",
    },
    Variable {
        name: "RUSTFORMATIONS_HOSTILE_CASES",
        default: "none",
        what: "The cases of the hostile module to play again, as a test printed them.",
    },
    Variable {
        name: "RUSTFORMATIONS_HOSTILE_TIMES",
        default: "1",
        what: "How many times at once each of `RUSTFORMATIONS_HOSTILE_CASES` is played.",
    },
    Variable {
        name: "RUSTFORMATIONS_HOSTILE_INPUT",
        default: "not set",
        what: "Set by a test of hostile configurations for the process that it starts.",
    },
    Variable {
        name: "RUSTFORMATIONS_BENCH_RUN",
        default: "not set",
        what: "Set by the benchmark of instructions for the process that it starts.",
    },
    Variable {
        name: "RUSTFORMATIONS_NONE",
        default: "not set",
        what: "Never set: an example of `env()` reads it.",
    },
    Variable {
        name: "RUSTFORMATIONS_TEST_UNSET_VARIABLE",
        default: "not set",
        what: "Never set: a case of `env()` reads it.",
    },
];
