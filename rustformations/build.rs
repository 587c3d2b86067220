//! Link options of the module.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Envoy may close the module while thread-local destructors of it are still to run.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
