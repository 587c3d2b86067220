//! What can be read from the file that the process runs.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The file that this process runs.
pub(crate) const OF_THIS_PROCESS: &str = "/proc/self/exe";

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// Characters of an ABI version that is compared.
const HASH: usize = 64;

/// A name that the executable exports if it is the Envoy that loaded the module.
const EXPORTED: &CStr = c"envoy_dynamic_module_callback_http_send_response";

/// Whether an Envoy that compares the ABI version may accept `version`: the file it runs contains the
/// text. A file that cannot be read, or is no Envoy (a loader, an emulator), counts as yes.
///
/// Such an Envoy expects a SHA-256 in hexadecimal. A shorter text may be in the file by chance.
///
/// On 1.36.4 and 1.37.0 a version that is there takes 2 ms, for it is in the first 9 of 90 MB; one
/// that is not takes 80 ms.
pub(crate) fn may_know(executable: &Path, version: &CStr) -> bool {
    let contains = |text| contains(executable, text);
    let known = || -> io::Result<bool> {
        Ok(version.count_bytes() == HASH && contains(version)? || !contains(EXPORTED)?)
    };
    known().unwrap_or(true)
}

/// Whether `file` contains `text` with a NUL on both sides, as C strings are kept.
fn contains(file: &Path, text: &CStr) -> io::Result<bool> {
    let mut needle = vec![0];
    needle.extend_from_slice(text.to_bytes_with_nul());
    let skips = skips(&needle);
    let overlap = needle.len().saturating_sub(1);
    let mut file = File::open(file)?;
    let mut window = Vec::with_capacity(CHUNK.saturating_add(overlap));
    loop {
        let read = (&mut file).take(CHUNK as u64).read_to_end(&mut window)?;
        if find(&window, &needle, &skips) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // What is left may be the beginning of the text.
        window.drain(..window.len().saturating_sub(overlap));
    }
}

/// How far a search may go on from a place that ends with a byte: Horspool's table.
fn skips(needle: &[u8]) -> [usize; 256] {
    let mut skips = [needle.len(); 256];
    for (index, byte) in needle.iter().enumerate() {
        let to_end = needle.len().saturating_sub(index + 1);
        if let Some(skip) = skips.get_mut(usize::from(*byte))
            && to_end > 0
        {
            *skip = to_end;
        }
    }
    skips
}

fn find(window: &[u8], needle: &[u8], skips: &[usize; 256]) -> bool {
    let mut rest = window;
    while let Some(candidate) = rest.get(..needle.len()) {
        if candidate == needle {
            return true;
        }
        let last = candidate.last().map_or(0, |byte| usize::from(*byte));
        let skip = skips.get(last).copied().unwrap_or(1);
        rest = rest.get(skip..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const VERSION: &CStr = c"7ee559f16f35086fa7dc9ed380e2efc6b4d89031a001fb504aa71eccd25882f7";

    /// A file with this content, gone when dropped.
    struct Executable(PathBuf);

    impl Executable {
        fn new(name: &str, content: &[u8]) -> Self {
            let name = format!("executable-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, content).unwrap();
            Self(path)
        }
    }

    impl Drop for Executable {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    fn delimited(text: &CStr) -> Vec<u8> {
        [b"\0", text.to_bytes_with_nul()].concat()
    }

    #[test]
    fn finds_text_wherever_it_is() {
        let found = |before: usize, text: &[u8]| {
            let file = Executable::new("place", &[&vec![b'7'; before], text].concat());
            contains(&file.0, VERSION).unwrap()
        };
        let version = delimited(VERSION);
        let places = [0, 1, 65, 3 * CHUNK];
        for before in places.into_iter().chain(CHUNK - 70..CHUNK + 3) {
            assert!(found(before, &version), "{before}");
        }
        let (without_first, without_last) = (&version[1..], &version[..version.len() - 1]);
        for wrong in [without_first, without_last, b"\0", b""] {
            assert!(!found(CHUNK - 30, wrong), "{wrong:?}");
        }
    }

    #[test]
    fn only_an_envoy_without_the_version_knows_it_not() {
        let other = c"4dae397a7c9ff0238d318d57ea656ce8b3fbff595787dcd7ee2ff5b79c9fe10f";
        let short = c"v0.1.0";
        let content = [delimited(EXPORTED), delimited(VERSION), delimited(short)].concat();
        let envoy = Executable::new("envoy", &content);
        assert!(may_know(&envoy.0, VERSION));
        assert!(!may_know(&envoy.0, other));
        assert!(!may_know(&envoy.0, short), "there by chance");
        let loader = Executable::new("loader", &delimited(VERSION));
        assert!(may_know(&loader.0, other));
        assert!(may_know(Path::new("/nowhere"), other));
    }
}
