//! Per-route configurations, as slots of this module's own table.
//!
//! Envoy keeps a pointer for each route that configures the filter, and hands it to whichever module
//! asks: also to this one when another module made it, as a typo in a route's
//! `dynamic_module_config` or two builds of one module side by side bring about. So what Envoy gets
//! is the address of a slot. An address outside the table is never followed, and one build's table
//! is not another's.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::abi::PerRouteConfigModulePtr;

/// A per-route configuration as the module made it.
pub(crate) type RouteConfig = Arc<dyn Any + Send + Sync>;

type Slot = AtomicPtr<RouteConfig>;

/// So many routes may configure the module's filters at once. The table takes address space; memory
/// only where it is used.
const CAPACITY: usize = 1 << 20;

/// So many released slots rest before the first is used again.
const REST: usize = 1024;

static TABLE: [Slot; CAPACITY] = [const { AtomicPtr::new(ptr::null_mut()) }; CAPACITY];

/// Which slots are free.
static FREE: Mutex<Free> = Mutex::new(Free {
    used: 0,
    released: VecDeque::new(),
});

struct Free {
    /// Slots from this one on were never used.
    used: usize,
    /// Slots to use again, the one that was released first in front: were Envoy to hold the address
    /// of a configuration that it has released, it would find the slot empty.
    released: VecDeque<usize>,
}

/// Keeps `config` in a free slot and returns its address; `None` when every slot is used.
pub(crate) fn keep(config: RouteConfig) -> Option<PerRouteConfigModulePtr> {
    let index = {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.released.len() < REST && free.used < CAPACITY {
            let index = free.used;
            free.used = index.saturating_add(1);
            index
        } else {
            free.released.pop_front()?
        }
    };
    let slot = TABLE.get(index)?;
    slot.store(Box::into_raw(Box::new(config)), Ordering::Release);
    Some(ptr::from_ref(slot).cast())
}

/// The slot at an address that Envoy gave, if it is one of the table's.
#[inline]
fn slot(address: PerRouteConfigModulePtr) -> Option<&'static Slot> {
    let offset = (address as usize).wrapping_sub(TABLE.as_ptr() as usize);
    let slot = TABLE.get(offset / size_of::<Slot>())?;
    offset.is_multiple_of(size_of::<Slot>()).then_some(slot)
}

/// The configuration at an address that Envoy gave. `None` when it is not one of this module's.
#[inline]
pub(crate) fn find(address: PerRouteConfigModulePtr) -> Option<RouteConfig> {
    let config = slot(address)?.load(Ordering::Acquire);
    // SAFETY: null, or made by `keep`. It is freed by `release`, which Envoy has called only when no
    // route has it; the stream's route holds it during a hook.
    unsafe { config.as_ref() }.cloned()
}

/// Lets go of the configuration at an address that Envoy gave. `None` when there is none.
pub(crate) fn release(address: PerRouteConfigModulePtr) -> Option<Box<RouteConfig>> {
    let slot = slot(address)?;
    let config = slot.swap(ptr::null_mut(), Ordering::AcqRel);
    if config.is_null() {
        return None;
    }
    let index = (ptr::from_ref(slot) as usize).wrapping_sub(TABLE.as_ptr() as usize);
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    free.released.push_back(index / size_of::<Slot>());
    drop(free);
    // SAFETY: made by `keep`, and taken out: nobody else frees it.
    Some(unsafe { Box::from_raw(config) })
}

/// Why the configuration of a stream's route is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteConfigError {
    /// Another module made it, or another build of this one.
    OtherModule,
    /// Another filter of this module made it.
    OtherFilter,
}

impl fmt::Display for RouteConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OtherModule => "the route's configuration was made by another module",
            Self::OtherFilter => "the route's configuration was made by another filter",
        })
    }
}

impl std::error::Error for RouteConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep_text(text: &str) -> PerRouteConfigModulePtr {
        keep(Arc::new(text.to_owned())).expect("a free slot")
    }

    fn text_at(address: PerRouteConfigModulePtr) -> Option<String> {
        let config = find(address)?;
        Some(config.downcast_ref::<String>()?.clone())
    }

    #[test]
    fn a_configuration_is_found_until_it_is_released() {
        let (one, two) = (keep_text("one"), keep_text("two"));
        assert_eq!(text_at(one).as_deref(), Some("one"));
        let held = find(one).expect("there");
        assert!(release(one).is_some());
        assert!(release(one).is_none(), "released once");
        assert_eq!(text_at(one), None);
        assert_eq!(
            held.downcast_ref::<String>().map(String::as_str),
            Some("one")
        );
        assert_eq!(text_at(two).as_deref(), Some("two"));
        assert!(release(two).is_some());
    }

    #[test]
    fn no_other_address_is_followed() {
        let own = keep_text("own");
        let elsewhere = Box::new(AtomicPtr::new(Box::into_raw(Box::new(Arc::new(
            "foreign".to_owned(),
        )
            as RouteConfig))));
        let end = TABLE.as_ptr_range().end;
        for address in [
            ptr::null(),
            ptr::dangling(),
            ptr::from_ref(&*elsewhere).cast(),
            own.wrapping_byte_add(1),
            end.cast(),
            TABLE.as_ptr().wrapping_sub(1).cast(),
        ] {
            assert!(find(address).is_none(), "{address:?}");
            assert!(release(address).is_none(), "{address:?}");
        }
        // SAFETY: made above, and freed once.
        drop(unsafe { Box::from_raw(elsewhere.load(Ordering::Relaxed)) });
        assert!(release(own).is_some());
    }
}
