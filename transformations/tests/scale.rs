//! What each of a process's many configurations costs, in memory and in calls of the allocator.
//! The bounds are generous; they are there to notice a cost that grows.

#![forbid(unsafe_code)]

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use transformations::{Engine, SharedProgram};

const CONFIGURATIONS: u16 = 500;

/// Two header templates, as a control plane writes them for route `n`.
fn text(n: u16) -> String {
    format!(
        r#"{{"request":{{"set":[
            {{"name":"x-tenant-{n}","value":"tenant-{n}-{{{{ header('x-user-{n}') }}}}"}},
            {{"name":"x-model","value":"{{{{ request_header('x-model') }}}}-{n}"}}
        ]}}}}"#
    )
}

/// What loading a configuration for each of many routes costs, for each of them. `number` gives
/// the route's.
fn cost(number: impl Fn(u16) -> u16) -> (Vec<Arc<SharedProgram>>, AllocationInfo) {
    let engine = Arc::new(Engine::default());
    let texts: Vec<String> = (0..CONFIGURATIONS).map(|n| text(number(n))).collect();
    let mut shared = Vec::with_capacity(texts.len());
    let cost = measure(|| {
        for text in &texts {
            shared.extend(engine.share(text.as_bytes()).map(|(shared, _)| shared));
        }
    });
    assert_eq!(shared.len(), texts.len());
    (shared, cost)
}

fn each(total: i64) -> i64 {
    total / i64::from(CONFIGURATIONS)
}

#[test]
fn a_configuration_costs_little_more_than_its_text() {
    let (shared, cost) = cost(|n| n);
    let size = i64::try_from(text(CONFIGURATIONS).len()).unwrap();
    let bytes = each(cost.bytes_current) - size;
    assert!((0..256).contains(&bytes), "{bytes} bytes");
    let allocations = cost.count_total / u64::from(CONFIGURATIONS);
    assert!((1..250).contains(&allocations), "{allocations} allocations");

    let used = measure(|| {
        for shared in &shared {
            assert!(shared.program().is_ok_and(|program| !program.is_empty()));
        }
    });
    let bytes = each(used.bytes_current);
    assert!((0..24_000).contains(&bytes), "{bytes} bytes in use");
}

#[test]
fn equal_configurations_cost_nothing() {
    let (shared, cost) = cost(|_| 7);
    assert!(shared.iter().all(|other| Arc::ptr_eq(&shared[0], other)));
    assert!(each(cost.bytes_current) < 16, "{cost:?}");
    assert!(cost.count_total < 500, "{cost:?}");
}
