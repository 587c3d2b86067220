//! What a `librust_module.so` needs and offers. Of few dependencies: the Dockerfile builds it too.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::elf::{DF_1_NODELETE, DT_FLAGS_1, DT_NEEDED, FileHeader64};
use object::read::elf::ElfFile;
use object::{Endianness, Object as _, ObjectSymbol as _, SymbolKind};
use summary::Table;

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

/// The newest glibc the module may ask for: what a build on Debian 12 (glibc 2.36) needs, its unwinder most of all, and
/// what Ubuntu 22.04 (Envoy's image) and Debian 12 (its distroless image) have.
const GLIBC: GlibcVersion = GlibcVersion {
    major: 2,
    minor: 35,
};

/// What glibc consists of. Envoy's distroless image has nothing else, not even `libgcc_s.so.1`.
const LIBRARIES: [&str; 7] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub what: String,
    /// What the file has.
    pub found: String,
    /// Whether that is as it must be; `None`: for information.
    pub right: Option<bool>,
}

impl Row {
    /// The verdict in a word.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        self.right
            .map_or("", |right| if right { "ok" } else { "WRONG" })
    }
}

/// Everything that was looked at in a `librust_module.so`.
#[derive(Debug)]
pub struct Report {
    /// Line by line.
    pub rows: Vec<Row>,
    /// What exactly is missing or too much.
    pub details: Vec<String>,
}

impl Report {
    /// How many of the rows are wrong.
    #[must_use]
    pub fn wrong(&self) -> usize {
        let wrong = self.rows.iter().filter(|row| row.right == Some(false));
        wrong.count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["what", "found", "verdict"]);
        for row in &self.rows {
            table.row([row.what.clone(), row.found.clone(), row.verdict().into()]);
        }
        write!(formatter, "{table}")?;
        for detail in &self.details {
            write!(formatter, "\n{detail}")?;
        }
        Ok(())
    }
}

/// Checks the file at `path`.
///
/// # Errors
/// It cannot be read, or is no 64-bit ELF file.
pub fn check(path: &Path) -> Result<Report> {
    let data = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let facts =
        Facts::read(&data).with_context(|| format!("{} is no 64-bit ELF file", path.display()))?;
    let missing = facts.missing_hooks().into_iter();
    let missing = missing.map(|hook| format!("not exported: {hook}"));
    let bound = facts.bound_callbacks().into_iter();
    let bound = bound.map(|callback| format!("bound when the file is loaded: {callback}"));
    let foreign = facts.foreign_libraries().into_iter();
    let foreign = foreign.map(|library| {
        format!("not in every image of Envoy: {library}; build with GCC, which has its unwinder as a static library")
    });
    Ok(Report {
        rows: facts.judge(),
        details: missing.chain(bound).chain(foreign).collect(),
    })
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
    /// Whether functions have names: without them a crash report is numbers.
    named: bool,
    debug: Debug,
    bytes: usize,
}

/// Where the debug information is.
#[derive(Debug, Default, PartialEq, Eq)]
enum Debug {
    #[default]
    Nowhere,
    Inside,
    /// In a file of this name.
    Beside(String),
}

impl fmt::Display for Debug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => formatter.write_str("none"),
            Self::Inside => formatter.write_str("inside"),
            Self::Beside(name) => write!(formatter, "in {name}"),
        }
    }
}

impl Facts {
    fn read(data: &[u8]) -> Result<Self> {
        let file = ElfFile::<FileHeader64<Endianness>>::parse(data)?;
        let mut facts = Self {
            named: file
                .symbols()
                .any(|symbol| symbol.kind() == SymbolKind::Text),
            bytes: data.len(),
            ..Self::default()
        };
        if let Some((name, _)) = file.gnu_debuglink()? {
            facts.debug = Debug::Beside(String::from_utf8_lossy(name).into_owned());
        } else if file.section_by_name(".debug_line").is_some() {
            facts.debug = Debug::Inside;
        }
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

    fn foreign_libraries(&self) -> Vec<&str> {
        let libraries = self.libraries.iter().map(String::as_str);
        libraries
            .filter(|library| !LIBRARIES.contains(library))
            .collect()
    }

    fn judge(&self) -> Vec<Row> {
        let missing = self.missing_hooks().len();
        let bound = self.bound_callbacks().len();
        let glibc = self.glibc.map_or("none".to_owned(), |version| {
            format!("{}.{}", version.major, version.minor)
        });
        let row = |what: &str, found: String, right: Option<bool>| Row {
            what: what.to_owned(),
            found,
            right,
        };
        vec![
            row(
                "hooks exported",
                format!("{} of {}", HOOKS.len() - missing, HOOKS.len()),
                Some(missing == 0),
            ),
            row(
                "Envoy symbols bound at load",
                bound.to_string(),
                Some(bound == 0),
            ),
            row(
                &format!("glibc, at most {}.{}", GLIBC.major, GLIBC.minor),
                glibc,
                Some(self.glibc <= Some(GLIBC)),
            ),
            row(
                "never unloaded (-z nodelete)",
                if self.no_delete { "set" } else { "not set" }.into(),
                Some(self.no_delete),
            ),
            row(
                "libraries, none but glibc's",
                self.libraries.join(", "),
                Some(self.foreign_libraries().is_empty()),
            ),
            row(
                "names of functions, for crash reports",
                if self.named { "there" } else { "stripped" }.into(),
                Some(self.named),
            ),
            row("debug information", self.debug.to_string(), None),
            row("size", format!("{} KiB", self.bytes / 1024), None),
        ]
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
    use super::{Debug, Facts, GLIBC, GlibcVersion, HOOKS, Report};

    fn wrong(facts: &Facts) -> usize {
        let rows = facts.judge();
        Report {
            rows,
            details: Vec::new(),
        }
        .wrong()
    }

    fn sound() -> Facts {
        Facts {
            exported: HOOKS
                .iter()
                .map(|hook| format!("envoy_dynamic_module_on_{hook}"))
                .collect(),
            glibc: Some(GLIBC),
            no_delete: true,
            named: true,
            ..Facts::default()
        }
    }

    #[test]
    fn every_violation_counts() {
        assert_eq!(wrong(&sound()), 0);
        let mut facts = sound();
        facts
            .exported
            .remove("envoy_dynamic_module_on_program_init");
        assert_eq!(wrong(&facts), 1);
        assert_eq!(facts.judge()[0].found, "23 of 24");
        assert_eq!(
            facts.missing_hooks(),
            ["envoy_dynamic_module_on_program_init"]
        );
        let mut facts = sound();
        facts
            .undefined
            .insert("envoy_dynamic_module_callback_log".into());
        assert_eq!(wrong(&facts), 1);
        assert_eq!(
            wrong(&Facts {
                glibc: GlibcVersion::parse("GLIBC_2.36"),
                ..sound()
            }),
            1
        );
        assert_eq!(
            wrong(&Facts {
                libraries: vec!["libc.so.6".into(), "libgcc_s.so.1".into()],
                ..sound()
            }),
            1
        );
        assert_eq!(
            wrong(&Facts {
                named: false,
                ..sound()
            }),
            1
        );
        assert_eq!(
            wrong(&Facts {
                no_delete: false,
                ..sound()
            }),
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
        assert!(facts.glibc.is_some() && facts.named);
        assert_eq!(facts.debug, Debug::Inside);
        assert!(!facts.undefined.is_empty());
        assert!(Facts::read(b"not an ELF file").is_err());
    }
}
