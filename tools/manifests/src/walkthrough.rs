//! What the documents about deploy/ say to type can be typed.

use std::collections::BTreeSet;

use harness::{Manifests, workspace};

use super::references::MADE_BY_HAND;

const DOCUMENTS: [&str; 4] = [
    include_str!("../../../docs/kgateway-lab.md"),
    include_str!("../../../docs/kgateway.md"),
    include_str!("../../../docs/envoy-gateway.md"),
    include_str!("../../../docs/istio.md"),
];

/// The commands of every shell block.
fn commands() -> Vec<&'static str> {
    let blocks = DOCUMENTS
        .iter()
        .flat_map(|document| document.split("```sh\n").skip(1));
    let blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.flat_map(str::lines).collect()
}

/// What follows a flag.
fn after<'a>(command: &'a str, flag: &str) -> Option<&'a str> {
    let mut words = command.split(' ');
    words.find(|word| *word == flag)?;
    words.next()
}

#[test]
fn every_file_it_names_is_there() {
    let words = DOCUMENTS.iter().flat_map(|document| {
        document.split(|letter: char| letter.is_whitespace() || "`(),:;".contains(letter))
    });
    let files: BTreeSet<&str> = words.filter(|word| word.starts_with("deploy/")).collect();
    assert!(files.len() > 16, "{files:?}");
    for file in files {
        assert!(workspace().join(file).exists(), "{file}");
    }
}

#[test]
fn what_it_applies_renders() {
    let names = Manifests::names().unwrap();
    let applied: Vec<&str> = commands()
        .into_iter()
        .filter_map(|command| after(command, "-k"))
        .collect();
    assert!(applied.len() > 8, "{applied:?}");
    for path in applied {
        let name = path.strip_prefix("deploy/").unwrap();
        assert!(names.contains(name), "{path}");
    }
}

#[test]
fn it_makes_the_secrets_that_manifests_want() {
    for (secret, command) in MADE_BY_HAND {
        let made = commands().iter().any(|line| line.contains(command));
        assert!(made, "{secret}: no `{command}`");
    }
}

#[test]
fn the_services_it_forwards_have_these_ports() {
    let mut ports = BTreeSet::new();
    for name in Manifests::names().unwrap() {
        let manifests = Manifests::render(&name).unwrap();
        for object in &manifests.objects {
            // kgateway and agentgateway make a Service for each Gateway.
            let (name, list) = match object.kind() {
                "Service" => (object.name(), object.items("/spec/ports")),
                "Gateway" => (object.name(), object.items("/spec/listeners")),
                "ListenerSet" => (
                    object.text("/spec/parentRef/name"),
                    object.items("/spec/listeners"),
                ),
                _ => continue,
            };
            let list = list.filter_map(|port| port["port"].as_u64());
            ports.extend(list.map(|port| format!("{} service/{name} {port}", object.namespace())));
        }
    }
    let mut checked = 0;
    for command in commands() {
        let forwarded = after(command, "port-forward").and(after(command, "--namespace"));
        let Some(namespace) = forwarded else {
            continue;
        };
        let mut words = command.split(' ');
        let Some(service) = words.find(|word| word.starts_with("service/")) else {
            continue;
        };
        for pair in words {
            let port = pair.split(':').next_back().unwrap();
            let wanted = format!("{namespace} {service} {port}");
            assert!(ports.contains(&wanted), "{wanted}: {ports:?}");
            checked += 1;
        }
    }
    assert!(checked > 3);
}
