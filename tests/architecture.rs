//! The rules of the house that a compiler does not check.
#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

const SDK: &str = "envoy-proxy-dynamic-modules-rust-sdk";

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.no_deps().current_dir(artifacts::workspace());
    command.exec().unwrap()
}

/// The packages of this workspace that each package needs to be built, tests aside.
fn dependencies(metadata: &Metadata) -> BTreeMap<&str, Vec<&str>> {
    let ours = |name: &str| metadata.packages.iter().any(|package| package.name == name);
    let of = |package: &Package| {
        let needed = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development);
        let mut names: Vec<String> = needed.map(|dependency| dependency.name.clone()).collect();
        names.retain(|name| ours(name));
        names
    };
    metadata
        .packages
        .iter()
        .map(|package| {
            let names = of(package).into_iter();
            let known =
                names.filter_map(|name| metadata.packages.iter().find(|other| other.name == name));
            (
                package.name.as_str(),
                known.map(|other| other.name.as_str()).collect(),
            )
        })
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    assert_eq!(dependencies["transformations"], ["bodies", "diagnostics"]);
    assert_eq!(dependencies["acl"], ["diagnostics"]);
    assert_eq!(dependencies["diagnostics"], [""; 0]);
    assert_eq!(dependencies["bodies"], ["json-blocks"]);
    assert_eq!(dependencies["cases"], ["transformations"]);
    assert_eq!(
        dependencies["reference"],
        ["acl", "diagnostics", "transformations"]
    );
    assert_eq!(dependencies["json-blocks"], [""; 0]);
    assert_eq!(dependencies[SDK], [""; 0]);
    assert_eq!(
        dependencies["rustformations"],
        ["acl", SDK, "transformations"]
    );
    for (package, needed) in &dependencies {
        assert!(
            !needed.contains(&"envoy-fake-host"),
            "{package} would ship the fake host"
        );
        assert!(
            !needed.contains(&"rustformations"),
            "{package}: the module is used as a file"
        );
    }
}

/// Where a package is, below the root of the workspace.
fn folder<'a>(metadata: &'a Metadata, package: &str) -> &'a str {
    let mut packages = metadata.packages.iter();
    let found = packages.find(|other| other.name == package).unwrap();
    let manifest = found.manifest_path.strip_prefix(&metadata.workspace_root);
    manifest.unwrap().parent().unwrap().as_str()
}

/// What is shipped, and what it is made of: the picture has these packages and no other.
#[test]
fn the_picture_of_the_architecture_is_that_of_the_crates() {
    let page = fs::read_to_string(artifacts::workspace().join("docs/architecture.md")).unwrap();
    let arrows = page
        .lines()
        .filter_map(|line| line.trim().split_once(" --> "));
    let pictured: BTreeSet<(String, String)> = arrows
        .map(|(user, used)| (user.to_owned(), used.to_owned()))
        .collect();
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    let mut found = BTreeSet::new();
    let mut below = vec!["rustformations", "rustformations-cli"];
    while let Some(package) = below.pop() {
        for used in &dependencies[package] {
            let arrow = [folder(&metadata, package), folder(&metadata, used)];
            found.insert(arrow.map(str::to_owned).into());
            below.push(used);
        }
    }
    assert_eq!(pictured, found);
    for package in &metadata.packages {
        let folder = folder(&metadata, &package.name);
        assert!(
            page.contains(&format!("`{folder}/`")) || page.contains(&format!("`{folder}`")),
            "docs/architecture.md lacks {folder}/"
        );
    }
}

/// The schemas of the configurations are for the command and the pages.
#[test]
fn the_module_is_built_without_schemas() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--locked", "--edges", "normal", "--prefix", "none"]);
    command.args(["--package", "rustformations"]);
    command.current_dir(artifacts::workspace());
    let tree = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(tree.contains("transformations v"), "{tree}");
    for name in ["schemars", "reference"] {
        assert!(!tree.contains(&format!("\n{name} v")), "{tree}");
    }
}

/// What stands between a newcomer and the module builds in seconds.
#[test]
fn the_front_door_is_small() {
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    for door in ["xtask", "run"] {
        assert_eq!(dependencies[door], ["artifacts", "summary"]);
    }
    assert_eq!(dependencies["artifacts"], [""; 0]);
    assert_eq!(dependencies["summary"], [""; 0]);
    let names = |of: &str| {
        let mut packages = metadata.packages.iter();
        let package = packages.find(|package| package.name == of).unwrap();
        let needed = package.dependencies.iter();
        let needed = needed.filter(|needed| needed.kind == DependencyKind::Normal);
        needed
            .map(|needed| needed.name.clone())
            .collect::<BTreeSet<_>>()
    };
    let mut all = names("xtask");
    all.extend(names("run"));
    all.extend(names("artifacts"));
    assert_eq!(
        all.into_iter().collect::<Vec<_>>(),
        ["anyhow", "artifacts", "lexopt", "serde_json", "summary"]
    );
}

#[test]
fn only_tools_benchmarks_and_examples_are_left_out_of_a_plain_build() {
    let metadata = metadata();
    let built = metadata.workspace_default_packages();
    for package in &metadata.packages {
        let place = package.manifest_path.strip_prefix(&metadata.workspace_root);
        let place = place.unwrap();
        let mut left_out = ["tools", "benches", "examples"].into_iter();
        let left_out = left_out.any(|folder| place.starts_with(folder));
        let is_built = built.iter().any(|other| other.id == package.id);
        assert_eq!(is_built, !left_out, "{place}: see default-members");
    }
}

#[test]
fn unsafe_code_stays_in_the_crates_made_for_it() {
    for package in metadata().packages {
        let manifest = package.manifest_path.as_str();
        if manifest.contains("/envoy-sdk/") || manifest.contains("/json-blocks/") {
            continue;
        }
        for target in &package.targets {
            let root = fs::read_to_string(&target.src_path).unwrap();
            let build_script = target.is_custom_build();
            // A benchmark may call what a peer marks unsafe, and says so there.
            let benchmark = target.is_bench() && root.contains("#![deny(unsafe_code)]");
            assert!(
                build_script || benchmark || root.contains("#![forbid(unsafe_code)]"),
                "{} does not forbid unsafe code",
                target.src_path
            );
        }
    }
}

#[test]
fn the_module_is_only_a_shared_object() {
    let metadata = metadata();
    let module = metadata
        .packages
        .iter()
        .find(|package| package.name == "rustformations")
        .unwrap();
    let library = module
        .targets
        .iter()
        .find(|target| target.name == "rust_module")
        .unwrap();
    assert_eq!(library.crate_types, [cargo_metadata::CrateType::CDyLib]);
}
