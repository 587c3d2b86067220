//! What the downward API tells about the pod.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::go_string;

/// What templates can name, and the environment variable it comes from.
const TEXTS: [(&str, &str); 10] = [
    ("PodName", "POD_NAME"),
    ("PodNamespace", "POD_NAMESPACE"),
    ("PodIp", "POD_IP"),
    ("PodSvcAccount", "POD_SVCACCNT"),
    ("PodUID", "POD_UID"),
    ("NodeName", "NODE_NAME"),
    ("NodeIp", "NODE_IP"),
    ("NodeZone", "KGATEWAY_NODE_ZONE"),
    ("NodeRegion", "KGATEWAY_NODE_REGION"),
    ("NodeSubzone", "KGATEWAY_NODE_SUBZONE"),
];

/// The names of the two that hold a value per key.
const MAPS: [&str; 2] = ["PodLabels", "PodAnnotations"];

/// Labels or annotations.
pub(crate) type Map = BTreeMap<String, String>;

/// The pod, as far as it is known: what is not has an empty value.
#[derive(Debug, Default)]
pub(crate) struct Pod {
    texts: BTreeMap<&'static str, String>,
    maps: BTreeMap<&'static str, Map>,
}

/// What a name of [`Pod`] stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Datum<'a> {
    Text(&'a str),
    Map(&'a Map),
}

/// Where the pod's node is; what is not known is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Locality {
    pub(crate) region: String,
    pub(crate) zone: String,
    pub(crate) sub_zone: String,
}

impl Pod {
    /// Reads the environment, and the files `labels` and `annotations` in `directory`. Second: what of the files is
    /// not as Kubernetes writes it, and left out.
    pub(crate) fn read(
        environment: impl Fn(&str) -> Option<String>,
        directory: &Path,
    ) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let texts = TEXTS
            .map(|(name, variable)| (name, environment(variable).unwrap_or_default()))
            .into();
        let maps = [("PodLabels", "labels"), ("PodAnnotations", "annotations")]
            .map(|(name, file)| (name, read_map(&directory.join(file), &mut warnings)))
            .into();
        (Self { texts, maps }, warnings)
    }

    /// What `.name` stands for. `None`: nothing is called so.
    pub(crate) fn datum(&self, name: &str) -> Option<Datum<'_>> {
        let text = self.texts.get(name).map(|text| Datum::Text(text));
        text.or_else(|| self.maps.get(name).map(Datum::Map))
    }

    /// Everything that has a name.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TEXTS.into_iter().map(|(name, _)| name).chain(MAPS)
    }

    /// From the environment, else from the pod's labels.
    pub(crate) fn locality(&self) -> Locality {
        let labels = self.maps.get("PodLabels");
        let known = |name: &str, label: &str| {
            let text = self.texts.get(name).filter(|text| !text.is_empty());
            let text = text.or_else(|| labels?.get(label));
            text.cloned().unwrap_or_default()
        };
        Locality {
            region: known("NodeRegion", "topology.kubernetes.io/region"),
            zone: known("NodeZone", "topology.kubernetes.io/zone"),
            sub_zone: known("NodeSubzone", "topology.istio.io/subzone"),
        }
    }
}

/// Lines of `key="value"`. A file that is not there means none.
fn read_map(path: &Path, warnings: &mut Vec<String>) -> Map {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                warnings.push(format!("{}: {error}; left out", path.display()));
            }
            return Map::new();
        }
    };
    let mut map = Map::new();
    for (line, number) in text.lines().zip(1_usize..) {
        let entry = line.split_once('=').and_then(|(key, value)| {
            let (value, rest) = go_string::literal(value)?;
            (rest.is_empty() && !key.is_empty()).then_some((key, value))
        });
        match entry {
            Some((key, value)) => {
                map.insert(key.to_owned(), value);
            }
            None if line.is_empty() => {}
            None => warnings.push(format!(
                "{}:{number}: not key=\"value\"; left out",
                path.display()
            )),
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Datum, Locality, Map, Pod};

    fn pod(environment: &[(&str, &str)], labels: Option<&str>) -> (Pod, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        if let Some(labels) = labels {
            fs::write(directory.path().join("labels"), labels).unwrap();
        }
        let variable = |name: &str| {
            let found = environment.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Pod::read(variable, directory.path())
    }

    #[test]
    fn reads_environment_and_files() {
        let (pod, warnings) = pod(
            &[("POD_NAME", "gw-1"), ("KGATEWAY_NODE_ZONE", "b")],
            Some("app=\"gw\"\nnote=\"a=\\\"b\\\"\\nc\"\n"),
        );
        assert_eq!(warnings, [""; 0]);
        assert_eq!(pod.datum("PodName"), Some(Datum::Text("gw-1")));
        assert_eq!(pod.datum("NodeZone"), Some(Datum::Text("b")));
        assert_eq!(pod.datum("PodIp"), Some(Datum::Text("")));
        assert_eq!(pod.datum("Podname"), None);
        let labels = [("app", "gw"), ("note", "a=\"b\"\nc")];
        let labels: Map = labels.map(|(key, value)| (key.into(), value.into())).into();
        assert_eq!(pod.datum("PodLabels"), Some(Datum::Map(&labels)));
        assert_eq!(pod.datum("PodAnnotations"), Some(Datum::Map(&Map::new())));
        assert!(Pod::names().all(|name| pod.datum(name).is_some()));
    }

    #[test]
    fn says_which_line_it_leaves_out() {
        let (pod, warnings) = pod(&[], Some("a=\"1\"\nb=2\n\n=\"3\"\nc=\"4\"x\nd=\"5\""));
        let lines: Vec<_> = warnings
            .iter()
            .map(|warning| warning.split(':').nth(1).unwrap())
            .collect();
        assert_eq!(lines, ["2", "4", "5"], "{warnings:?}");
        let Some(Datum::Map(labels)) = pod.datum("PodLabels") else {
            panic!("no labels")
        };
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["a", "d"]);
    }

    #[test]
    fn the_environment_outranks_labels() {
        let labels = "topology.kubernetes.io/region=\"r\"\ntopology.kubernetes.io/zone=\"z\"\n\
                      topology.istio.io/subzone=\"s\"\n";
        let environment = [
            ("KGATEWAY_NODE_ZONE", "other"),
            ("KGATEWAY_NODE_SUBZONE", ""),
        ];
        let (pod, _) = pod(&environment, Some(labels));
        let expected = Locality {
            region: "r".into(),
            zone: "other".into(),
            sub_zone: "s".into(),
        };
        assert_eq!(pod.locality(), expected);
        assert_eq!(Pod::default().locality(), Locality::default());
    }
}
