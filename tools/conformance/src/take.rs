//! A case on its way to a real Envoy: what is played, whatever file it came from.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use cases::{Body, Case, Chain, Config, Filter, Message};

use super::act::is_refused;
use super::routing::{Evaluation, Routes};

/// A case, and what only this player needs.
#[derive(Debug)]
pub(crate) struct Take {
    pub(crate) case: Case,
    /// Whether it is written in the language of `docs/cases.md`, whose cases the engine plays too.
    pub(crate) ours: bool,
    /// Where its expectation comes from, for whoever must judge a failure.
    pub(crate) remark: String,
    /// Routes by the routing header, in place of those of the case.
    pub(crate) routes: Option<Routes>,
    /// What an expression is to yield, where it is one.
    pub(crate) evaluation: Option<Evaluation>,
}

impl Take {
    pub(crate) fn of(case: Case) -> Self {
        Self {
            case,
            ours: false,
            remark: String::new(),
            routes: None,
            evaluation: None,
        }
    }

    /// # Errors
    /// What no Envoy, client or upstream can be made to do.
    pub(crate) fn check(&self) -> Result<()> {
        let case = &self.case;
        let messages = [Some(&case.request.0), self.response()];
        let unseen = messages.into_iter().flatten().any(|message| message.unseen);
        ensure!(!unseen, "a message that the filter never sees");
        ensure!(case.host_refuses.is_empty(), "a host that refuses headers");
        ensure!(
            case.chain != Chain::Upstream || !is_refused(&case.expect),
            "a cluster that is refused"
        );
        ensure!(
            !case.settings.lacks_booleans,
            "a host that tells no booleans"
        );
        if self.ours {
            let fields = texts(&case.request.0.fields)?;
            let body = case.request.0.body.bytes().len().to_string();
            for (name, value) in fields {
                let framing =
                    name == "transfer-encoding" || (name == "content-length" && value != body);
                ensure!(!framing, "a request whose {name} is not its body's");
            }
        }
        for name in [":method", ":path"] {
            ensure!(
                case.request.0.field(name).is_some(),
                "a request without {name}"
            );
        }
        Ok(())
    }

    pub(crate) fn method(&self) -> String {
        self.case.request.0.field(":method").unwrap_or_default()
    }

    pub(crate) fn path(&self) -> String {
        self.case.request.0.field(":path").unwrap_or_default()
    }

    pub(crate) fn is_connect(&self) -> bool {
        self.method().eq_ignore_ascii_case("CONNECT")
    }

    pub(crate) fn request_body(&self) -> &Body {
        &self.case.request.0.body
    }

    pub(crate) fn request_trailers(&self) -> Vec<(String, String)> {
        texts(&self.case.request.0.trailers).unwrap_or_default()
    }

    /// What the upstream answers, if the case says so.
    pub(crate) fn response(&self) -> Option<&Message> {
        self.case.response.as_ref().map(|answer| &answer.0)
    }

    pub(crate) fn response_body(&self) -> &Body {
        self.response()
            .map_or(&Body::None, |response| &response.body)
    }

    pub(crate) fn response_trailers(&self) -> Vec<(String, String)> {
        let trailers = self.response().map(|response| texts(&response.trailers));
        trailers.and_then(Result::ok).unwrap_or_default()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.response()?.field(":status")?.parse().ok()
    }

    /// Whether Envoy itself answers, behind the filter.
    pub(crate) fn is_answered_locally(&self) -> bool {
        self.response().is_some_and(|response| response.direct)
    }

    /// The only configuration of a route, where there is just one: the filter is then off elsewhere.
    pub(crate) fn per_route(&self) -> Option<&str> {
        match self.case.routes.as_slice() {
            [route] if route.headers.is_empty() => route.config.as_ref().map(Config::text),
            _ => None,
        }
    }

    /// The environment of the Envoy that plays it.
    pub(crate) fn environment(&self) -> std::collections::BTreeMap<String, String> {
        let mut variables = self.case.env.clone();
        let settings = &self.case.settings;
        for (name, list) in [
            ("RUSTFORMATIONS_ROUTING_HEADERS", &settings.routing_headers),
            ("RUSTFORMATIONS_ENV_ALLOW", &settings.readable_variables),
        ] {
            if let Some(list) = list {
                variables.insert(name.to_owned(), list.clone());
            }
        }
        variables
    }
}

/// The name in the filter chain by which kgateway refers to a filter.
pub(crate) fn instance(filter: Filter) -> &'static str {
    match filter {
        Filter::Rustformation | Filter::HttpSimpleMutations => "dynamic_modules/simple_mutations",
        Filter::HttpAcl => "dynamic_modules/http-acl",
    }
}

/// What kgateway configures on the listener: valid, and it does nothing.
pub(crate) fn neutral_config(filter: Filter) -> &'static str {
    match filter {
        Filter::Rustformation | Filter::HttpSimpleMutations => "{}",
        Filter::HttpAcl => r#"{"defaultAction":"allow"}"#,
    }
}

/// Fields as text, but for pseudo headers.
///
/// # Errors
/// A value is no text.
pub(crate) fn texts(fields: &cases::Fields) -> Result<Vec<(String, String)>> {
    let plain = fields.iter().filter(|(name, _)| !name.starts_with(':'));
    let text = |(name, value): &(String, Vec<u8>)| {
        let text = String::from_utf8(value.clone());
        Ok((
            name.clone(),
            text.with_context(|| format!("header {name} is no text"))?,
        ))
    };
    plain.map(text).collect()
}

/// The pieces of a body.
pub(crate) fn chunks(body: &Body) -> Vec<Bytes> {
    let pieces = body.pieces().into_iter();
    pieces.map(Bytes::copy_from_slice).collect()
}
