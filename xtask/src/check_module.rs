//! `cargo xtask check-module`: what the module file needs and offers.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use harness::Module;
use object::elf::{DF_1_NODELETE, DT_FLAGS_1, DT_NEEDED, FileHeader64};
use object::read::elf::ElfFile;
use object::{Endianness, Object as _, ObjectSymbol as _};

use crate::table::Table;

/// Every hook that some supported Envoy looks up when it loads a filter, and the optional `local_reply`. A
/// missing one makes it refuse the configuration. Without their common `envoy_dynamic_module_on_`.
const HOOKS: [&str; 24] = [
    "program_init",
    "http_filter_config_new",
    "http_filter_config_destroy",
    "http_filter_per_route_config_new",
    "http_filter_per_route_config_destroy",
    "http_filter_new",
    "http_filter_destroy",
    "http_filter_request_headers",
    "http_filter_request_body",
    "http_filter_request_trailers",
    "http_filter_response_headers",
    "http_filter_response_body",
    "http_filter_response_trailers",
    "http_filter_stream_complete",
    "http_filter_scheduled",
    "http_filter_http_callout_done",
    "http_filter_http_stream_headers",
    "http_filter_http_stream_data",
    "http_filter_http_stream_trailers",
    "http_filter_http_stream_complete",
    "http_filter_http_stream_reset",
    "http_filter_downstream_above_write_buffer_high_watermark",
    "http_filter_downstream_below_write_buffer_low_watermark",
    "http_filter_local_reply",
];

/// The newest glibc the module may ask for: what a build on Debian 12 (glibc 2.36) needs, and what RHEL 9,
/// Ubuntu 22.04 (Envoy's image) and Debian 12 (its distroless image) all have.
const GLIBC: GlibcVersion = GlibcVersion {
    major: 2,
    minor: 34,
};

/// Checks the built module: hooks, symbols, glibc, flags. Exits 1 if something would keep it from loading.
#[derive(clap::Args)]
pub(crate) struct CheckModule {
    /// A librust_module.so; built if not given.
    path: Option<PathBuf>,
}

impl CheckModule {
    pub(crate) fn execute(&self) -> Result<()> {
        let path = match &self.path {
            Some(path) => path.clone(),
            None => Module::release()?.path().to_path_buf(),
        };
        let data = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let facts = Facts::read(&data)
            .with_context(|| format!("{} is no 64-bit ELF file", path.display()))?;
        println!("{}\n", path.display());
        let (table, wrong) = facts.judge();
        println!("{table}");
        for hook in facts.missing_hooks() {
            println!("not exported: {hook}");
        }
        for callback in facts.bound_callbacks() {
            println!("bound when the file is loaded: {callback}");
        }
        ensure!(wrong == 0, "{wrong} of the checks failed");
        Ok(())
    }
}

/// A version of glibc, such as 2.34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GlibcVersion {
    major: u32,
    minor: u32,
}

impl GlibcVersion {
    /// Reads a symbol version such as `GLIBC_2.34` or `GLIBC_2.2.5`.
    fn parse(version: &str) -> Option<Self> {
        let mut numbers = version.strip_prefix("GLIBC_")?.split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some(Self { major, minor })
    }
}

/// What the file says about itself.
#[derive(Debug, Default)]
struct Facts {
    exported: BTreeSet<String>,
    undefined: BTreeSet<String>,
    libraries: Vec<String>,
    glibc: Option<GlibcVersion>,
    no_delete: bool,
    bytes: usize,
}

impl Facts {
    fn read(data: &[u8]) -> Result<Self> {
        let file = ElfFile::<FileHeader64<Endianness>>::parse(data)?;
        let mut facts = Self {
            bytes: data.len(),
            ..Self::default()
        };
        for symbol in file.dynamic_symbols() {
            let name = symbol.name()?.to_owned();
            match symbol.is_undefined() {
                true => facts.undefined.insert(name),
                false => facts.exported.insert(name),
            };
        }
        let dynamic = file.elf_dynamic_table()?;
        for entry in &dynamic {
            if entry.tag == DT_NEEDED {
                let name = String::from_utf8_lossy(dynamic.string(entry)?);
                facts.libraries.push(name.into_owned());
            } else if entry.tag == DT_FLAGS_1 {
                facts.no_delete = entry.val & DF_1_NODELETE.0 != 0;
            }
        }
        facts.glibc = newest_glibc(&file, data)?;
        Ok(facts)
    }

    fn missing_hooks(&self) -> Vec<String> {
        let hooks = HOOKS
            .iter()
            .map(|hook| format!("envoy_dynamic_module_on_{hook}"));
        hooks.filter(|hook| !self.exported.contains(hook)).collect()
    }

    /// Envoy's loader binds at once: a callback that a release lacks would keep the file out of it.
    fn bound_callbacks(&self) -> Vec<&str> {
        let undefined = self.undefined.iter().map(String::as_str);
        undefined
            .filter(|name| name.starts_with("envoy_dynamic_module_"))
            .collect()
    }

    /// The table to print and how many of its rows are wrong.
    fn judge(&self) -> (Table<3>, usize) {
        let missing = self.missing_hooks().len();
        let bound = self.bound_callbacks().len();
        let glibc = self.glibc.map_or("none".to_owned(), |version| {
            format!("{}.{}", version.major, version.minor)
        });

        let mut table = Table::new(["what", "found", "verdict"]);
        let mut wrong = 0;
        let mut row = |what: &str, found: String, verdict: Option<bool>| {
            wrong += usize::from(verdict == Some(false));
            let verdict = verdict.map_or("", |right| if right { "ok" } else { "WRONG" });
            table.row([what.to_owned(), found, verdict.to_owned()]);
        };
        row(
            "hooks exported",
            format!("{} of {}", HOOKS.len() - missing, HOOKS.len()),
            Some(missing == 0),
        );
        row(
            "Envoy symbols bound at load",
            bound.to_string(),
            Some(bound == 0),
        );
        row(
            &format!("glibc, at most {}.{}", GLIBC.major, GLIBC.minor),
            glibc,
            Some(self.glibc <= Some(GLIBC)),
        );
        row(
            "never unloaded (-z nodelete)",
            if self.no_delete { "set" } else { "not set" }.into(),
            Some(self.no_delete),
        );
        row("libraries", self.libraries.join(", "), None);
        row("size", format!("{} KiB", self.bytes / 1024), None);
        (table, wrong)
    }
}

/// The newest version of glibc that a symbol of the file asks for.
fn newest_glibc(
    file: &ElfFile<'_, FileHeader64<Endianness>>,
    data: &[u8],
) -> Result<Option<GlibcVersion>> {
    let endian = file.endian();
    let sections = file.elf_section_table();
    let Some((mut libraries, strings)) = sections.gnu_verneed(endian, data)? else {
        return Ok(None);
    };
    let strings = sections.strings(endian, data, strings)?;
    let mut newest = None;
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(endian, strings)?);
            newest = newest.max(GlibcVersion::parse(&name));
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::{Facts, GLIBC, GlibcVersion, HOOKS};

    fn sound() -> Facts {
        Facts {
            exported: HOOKS
                .iter()
                .map(|hook| format!("envoy_dynamic_module_on_{hook}"))
                .collect(),
            glibc: Some(GLIBC),
            no_delete: true,
            ..Facts::default()
        }
    }

    #[test]
    fn every_violation_counts() {
        assert_eq!(sound().judge().1, 0);
        let mut facts = sound();
        facts
            .exported
            .remove("envoy_dynamic_module_on_program_init");
        let (table, wrong) = facts.judge();
        assert_eq!(wrong, 1);
        assert!(table.to_string().contains("23 of 24"), "{table}");
        assert_eq!(
            facts.missing_hooks(),
            ["envoy_dynamic_module_on_program_init"]
        );
        let mut facts = sound();
        facts
            .undefined
            .insert("envoy_dynamic_module_callback_log".into());
        assert_eq!(facts.judge().1, 1);
        assert_eq!(
            Facts {
                glibc: GlibcVersion::parse("GLIBC_2.35"),
                ..sound()
            }
            .judge()
            .1,
            1
        );
        assert_eq!(
            Facts {
                no_delete: false,
                ..sound()
            }
            .judge()
            .1,
            1
        );
    }

    #[test]
    fn compares_versions_by_number() {
        assert!(GlibcVersion::parse("GLIBC_2.9") < GlibcVersion::parse("GLIBC_2.34"));
        assert_eq!(
            GlibcVersion::parse("GLIBC_2.2.5"),
            Some(GlibcVersion { major: 2, minor: 2 })
        );
        assert_eq!(GlibcVersion::parse("GCC_3.0"), None);
    }

    #[test]
    fn reads_an_elf_file() {
        let data = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let facts = Facts::read(&data).unwrap();
        assert!(
            facts
                .libraries
                .iter()
                .any(|library| library.starts_with("libc.so")),
            "{facts:?}"
        );
        assert!(facts.glibc.is_some());
        assert!(!facts.undefined.is_empty());
        assert!(Facts::read(b"not an ELF file").is_err());
    }
}
