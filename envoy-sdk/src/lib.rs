//! Envoy dynamic modules.
