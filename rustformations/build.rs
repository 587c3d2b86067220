//! Link options of the module.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    // Envoy may close the module while thread-local destructors of it are still to run.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    if let Some(directory) = unwinder() {
        println!("cargo:rustc-link-search=native={}", directory.display());
    }
}

/// A directory where the linker finds the unwinder as a static library under the name of the shared one, which the
/// standard library asks for: Envoy's distroless image has no `libgcc_s.so.1`. `None`: the C compiler has none, as
/// Clang without GCC; `check-module` then says what the module needs.
fn unwinder() -> Option<PathBuf> {
    // What rustc links with.
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let printed = Command::new(linker)
        .arg("-print-file-name=libgcc_eh.a")
        .output()
        .ok()?;
    let archive = String::from_utf8(printed.stdout).ok()?;
    let archive = Path::new(archive.trim());
    if !printed.status.success() || !archive.is_absolute() {
        return None;
    }
    // It is somewhere else after an upgrade of the compiler.
    println!("cargo:rerun-if-changed={}", archive.display());
    let directory = PathBuf::from(env::var_os("OUT_DIR")?);
    let script = format!("INPUT(\"{}\")\n", archive.display());
    fs::write(directory.join("libgcc_s.so"), script).ok()?;
    Some(directory)
}
