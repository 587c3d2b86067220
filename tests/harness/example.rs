//! The bootstraps of `envoy-configs/`, moved off their fixed ports.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use artifacts::workspace;
use serde_json::{Value, json};

/// A bootstrap of `envoy-configs/`.
#[derive(Clone, Debug)]
pub struct Example {
    name: String,
    bootstrap: Value,
}

impl Example {
    /// Reads `envoy-configs/<name>`.
    ///
    /// # Errors
    /// There is no such file, or it is not YAML.
    pub fn load(name: &str) -> Result<Self> {
        Self::at(&workspace().join("envoy-configs").join(name))
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// There is no such file, or it is not YAML.
    pub fn at(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        let bootstrap =
            serde_saphyr::from_str(&text).with_context(|| format!("{name} is not YAML"))?;
        Ok(Self { name, bootstrap })
    }

    /// The names of all files there, sorted.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn names() -> Result<BTreeSet<String>> {
        let folder = workspace().join("envoy-configs");
        let files =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| name.ends_with(".yaml")).collect())
    }

    /// The port its first listener asks for.
    ///
    /// # Errors
    /// It has no listener with a port.
    pub fn listener_port(&self) -> Result<u16> {
        let port = self
            .bootstrap
            .pointer("/static_resources/listeners/0/address/socket_address/port_value");
        let port = port
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok());
        port.with_context(|| format!("{} has no listener port", self.name))
    }

    /// The bootstrap with every listener and the admin on a free port, and each endpoint port replaced by the
    /// upstream given for it.
    ///
    /// # Errors
    /// An endpoint port has no upstream here, or an upstream no endpoint.
    pub fn bootstrap(&self, upstreams: &[(u16, SocketAddr)]) -> Result<Value> {
        self.bootstrap_on(0, upstreams)
    }

    /// The same with the listeners on `listener_port`.
    ///
    /// # Errors
    /// As [`bootstrap`](Self::bootstrap).
    pub fn bootstrap_on(
        &self,
        listener_port: u16,
        upstreams: &[(u16, SocketAddr)],
    ) -> Result<Value> {
        let name = &self.name;
        let mut bootstrap = self.bootstrap.clone();
        if let Some(listeners) = bootstrap.pointer_mut("/static_resources/listeners") {
            move_ports(listeners, &mut |_| Ok(listener_port))?;
        }
        if let Some(admin) = bootstrap.get_mut("admin") {
            move_ports(admin, &mut |_| Ok(0))?;
        }
        let mut used = BTreeSet::new();
        if let Some(clusters) = bootstrap.pointer_mut("/static_resources/clusters") {
            move_ports(clusters, &mut |port| {
                let Some((_, address)) =
                    upstreams.iter().find(|(from, _)| u64::from(*from) == port)
                else {
                    bail!("{name} has an endpoint at port {port}: give it an upstream");
                };
                used.insert(port);
                Ok(address.port())
            })?;
        }
        for (port, _) in upstreams {
            ensure!(
                used.contains(&u64::from(*port)),
                "{name} has no endpoint at port {port}"
            );
        }
        Ok(bootstrap)
    }
}

/// Replaces every `port_value` below `value`.
fn move_ports(value: &mut Value, new_port: &mut impl FnMut(u64) -> Result<u16>) -> Result<()> {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_u64().filter(|_| name == "port_value") {
                    Some(port) => *field = json!(new_port(port)?),
                    None => move_ports(field, new_port)?,
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                move_ports(item, new_port)?;
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Example;
    use serde_json::Value;

    #[test]
    fn every_port_moves() {
        let example = Example::load("minimal.yaml").unwrap();
        let [small, large] = [1111, 2222].map(|port| ([127, 0, 0, 1], port).into());
        let bootstrap = example.bootstrap(&[(9001, small), (9002, large)]).unwrap();
        let port = |path: &str| {
            let address = bootstrap.pointer(path).unwrap();
            address
                .pointer("/socket_address/port_value")
                .and_then(Value::as_u64)
        };
        let endpoint = "load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";
        assert_eq!(port("/static_resources/listeners/0/address"), Some(0));
        assert_eq!(port("/admin/address"), Some(0));
        assert_eq!(
            port(&format!("/static_resources/clusters/0/{endpoint}")),
            Some(1111)
        );
        assert_eq!(
            port(&format!("/static_resources/clusters/1/{endpoint}")),
            Some(2222)
        );
        assert_eq!(example.listener_port().unwrap(), 10000);
    }

    #[test]
    fn ports_and_upstreams_must_match() {
        let example = Example::load("minimal.yaml").unwrap();
        let address = ([127, 0, 0, 1], 1111).into();
        let error = example
            .bootstrap(&[(9001, address)])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "minimal.yaml has an endpoint at port 9002: give it an upstream"
        );
        let three = [(9001, address), (9002, address), (9003, address)];
        let error = example.bootstrap(&three).unwrap_err().to_string();
        assert_eq!(error, "minimal.yaml has no endpoint at port 9003");
    }
}
