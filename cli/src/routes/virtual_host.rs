//! Envoy's choice of a virtual host.

/// A virtual host, by its domains in lower case.
#[derive(Debug)]
pub(super) struct VirtualHost {
    pub(super) domains: Vec<String>,
}

/// The number of the virtual host whose domain is nearest to this authority: the same, then the longest `*.domain`, then
/// the longest `domain.*`, then `*`.
pub(super) fn choose(hosts: &[VirtualHost], authority: &str) -> Option<usize> {
    let authority = authority.to_ascii_lowercase();
    let domains = || {
        let numbered = hosts.iter().enumerate();
        numbered.flat_map(|(number, host)| host.domains.iter().map(move |domain| (number, domain)))
    };
    if let Some((number, _)) = domains().find(|(_, domain)| **domain == authority) {
        return Some(number);
    }
    // A star stands for at least one character.
    let longest = |rest: fn(&str) -> Option<&str>, fits: fn(&str, &str) -> bool| {
        let found = domains().filter_map(|(number, domain)| {
            let part = rest(domain).filter(|part| !part.is_empty())?;
            let fits = part.len() < authority.len() && fits(&authority, part);
            fits.then_some((part.len(), number))
        });
        let nearest = found.max_by_key(|(length, number)| (*length, std::cmp::Reverse(*number)));
        nearest.map(|(_, number)| number)
    };
    let behind = longest(
        |domain| domain.strip_prefix('*'),
        |all, part| all.ends_with(part),
    );
    let before = || {
        longest(
            |domain| domain.strip_suffix('*'),
            |all, part| all.starts_with(part),
        )
    };
    let any = || domains().find(|(_, domain)| *domain == "*");
    behind
        .or_else(before)
        .or_else(|| any().map(|(number, _)| number))
}

#[cfg(test)]
mod tests {
    use super::{VirtualHost, choose};

    #[test]
    fn the_nearest_domain_is_chosen() {
        let hosts: Vec<VirtualHost> = [
            &["*"][..],
            &["*.example.com", "api.*"],
            &["www.example.com", "www.example.com:80"],
            &["*.b.example.com"],
            &["api.example.*"],
        ]
        .map(|domains| VirtualHost {
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        })
        .into();
        for (authority, number) in [
            ("WWW.example.com", 2),
            ("www.example.com:80", 2),
            ("www.example.com:81", 0),
            ("a.example.com", 1),
            ("a.b.example.com", 3),
            (".example.com", 0),
            ("api.example.org", 4),
            ("api.test", 1),
            ("", 0),
        ] {
            assert_eq!(choose(&hosts, authority), Some(number), "{authority}");
        }
        assert_eq!(choose(&hosts[1..], "elsewhere"), None);
    }
}
