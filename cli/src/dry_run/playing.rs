//! An exchange while it is played: from the client through the filters, the route and the cluster's filters to the upstream,
//! and back.

use std::mem;
use std::sync::Arc;

use cases::{Fields, Message};
use transformations::Chain;

use super::changes::{HeaderChange, of_headers};
use super::course::{Course, Filter};
use super::exchange::{Exchange, LeadsTo, Played, Received, Routed, Sent};
use super::stage::{Entry, Passed, Stage, local};
use super::surroundings::Around;
use super::transcript::{text, texts};
use crate::routes::{Action, Route, Unplayed, is_grpc};

impl Course {
    /// Plays an exchange. Without an answer it ends with what goes to the upstream.
    pub fn play(&self, request: Message, response: Option<Message>) -> Exchange {
        let mut playing = Playing::new(self, &request.fields);
        let first_route = playing.routed(&request.fields);
        let mut upstream = None;
        let passed = playing.listener(request);
        let answer = match passed {
            Passed::On(request) if self.routes.is_some() => {
                let (sent, answer) = playing.route(request, response);
                upstream = sent;
                answer
            }
            Passed::On(_) => response.and_then(|answer| playing.back(answer)),
            Passed::Answered(answer) => playing.back_in_its_place(answer),
            Passed::Ended => None,
        };
        let mut not_played = self.unplayed.clone();
        not_played.extend(&self.filters.unplayed);
        not_played.extend(&playing.unplayed);
        Exchange {
            first_route,
            filters: playing.stages.into_iter().map(Reached::end).collect(),
            by_route: playing.by_route,
            upstream,
            answer: answer.map(|answer| Received {
                headers: texts(&answer.fields),
                body: text(&answer.body.bytes()),
            }),
            not_played: not_played.0,
        }
    }
}

/// An exchange while it is played.
struct Playing<'c> {
    course: &'c Course,
    /// The filters that the request has reached.
    stages: Vec<Reached<'c>>,
    /// Those of the listener that it has not: they only see the answer.
    not_reached: Vec<&'c Filter>,
    /// The number of the route that the request is on.
    route: Option<usize>,
    metadata: Vec<Entry>,
    by_route: Vec<HeaderChange>,
    unplayed: Unplayed,
}

/// A filter that an exchange has reached.
struct Reached<'c> {
    filter: &'c Filter,
    of_cluster: bool,
    stage: Stage,
    route: Option<Routed>,
}

impl<'c> Playing<'c> {
    fn new(course: &'c Course, request: &Fields) -> Self {
        let routes = course.routes.as_ref();
        let mut playing = Self {
            course,
            stages: Vec::new(),
            not_reached: Vec::new(),
            route: routes.and_then(|routes| routes.choose(request)),
            metadata: Vec::new(),
            by_route: Vec::new(),
            unplayed: Unplayed::default(),
        };
        if let Some(routes) = routes {
            playing.unplayed.extend(&routes.unplayed);
        }
        playing
    }

    fn on(&self) -> Option<&'c Route> {
        self.course.routes.as_ref()?.get(self.route)
    }

    /// The route that the request is on, in words; what is not played of it is noted.
    fn routed(&mut self, request: &Fields) -> Option<Routed> {
        let routes = self.course.routes.as_ref()?;
        let before = routes.choose_before_1_39(request);
        if before != routes.choose(request) {
            let place = routes.get(before).map(|route| route.place.as_str());
            let what =
                "is the route before Envoy 1.39, which joins the values of a header by commas";
            self.unplayed.note(place.unwrap_or("none"), what);
        }
        let Some(route) = self.on() else {
            return Some(Routed {
                place: None,
                name: None,
                virtual_host: None,
                leads_to: LeadsTo::Answer(404),
            });
        };
        self.unplayed.extend(&route.unplayed);
        let leads_to = match (&route.action, route.action.cluster(request)) {
            (_, Some(cluster)) => LeadsTo::Cluster(cluster),
            (Action::DirectResponse { status, .. } | Action::Redirect { status }, _) => {
                LeadsTo::Answer(*status)
            }
            _ => LeadsTo::Unknown,
        };
        Some(Routed {
            place: Some(route.place.clone()),
            name: route.name.clone(),
            virtual_host: Some(route.virtual_host.clone()),
            leads_to,
        })
    }

    /// Plays the request through the chain that the exchange begins in.
    fn listener(&mut self, request: Message) -> Passed {
        let disabled = self.on().map(|route| &route.disabled);
        let filters = self.course.filters.played.iter();
        let filters = filters
            .filter(|filter| !disabled.is_some_and(|names| names.contains(&filter.instance)));
        let filters: Vec<&Filter> = filters.collect();
        self.chain(&filters, self.course.chain, None, request)
    }

    /// Plays the request through the filters of a chain, until one lets it go no further.
    fn chain(
        &mut self,
        filters: &[&'c Filter],
        chain: Chain,
        cluster: Option<&str>,
        mut request: Message,
    ) -> Passed {
        for (index, filter) in filters.iter().enumerate() {
            let mut stage = self.stage(filter, chain, cluster, request);
            let passed = stage.request(&mut self.metadata);
            if cluster.is_none() && self.course.routes.is_some() {
                self.route = stage.route();
            }
            let fields = match &passed {
                Passed::On(gone) => &gone.fields,
                _ => &stage.request.fields,
            };
            let route = self.routed(fields);
            self.stages.push(Reached {
                filter,
                of_cluster: chain == Chain::Upstream,
                stage,
                route,
            });
            match passed {
                Passed::On(gone) => request = gone,
                stopped => {
                    let rest = filters.get(index + 1..).unwrap_or_default();
                    if cluster.is_none() {
                        self.not_reached = rest.to_vec();
                    }
                    return stopped;
                }
            }
        }
        Passed::On(request)
    }

    fn stage(
        &self,
        filter: &'c Filter,
        chain: Chain,
        cluster: Option<&str>,
        request: Message,
    ) -> Stage {
        let mut stage = Stage::new(&filter.program, chain, request);
        if let Some(routes) = &self.course.routes {
            let around = Around {
                chain,
                routes: Arc::clone(routes),
                clusters: Arc::clone(&self.course.clusters),
                cluster: cluster.map(str::to_owned),
            };
            stage.amid(Arc::new(around), &filter.of_routes);
            stage.put_on_route(self.route);
        }
        stage
    }

    /// Plays what the route does with a request: what goes to an upstream, and what the client gets.
    fn route(
        &mut self,
        mut request: Message,
        response: Option<Message>,
    ) -> (Option<Sent>, Option<Message>) {
        let Some(route) = self.on() else {
            return (None, self.back(local(404, Vec::new(), &[])));
        };
        let cluster = route.action.cluster(&request.fields);
        let (status, body) = match &route.action {
            Action::DirectResponse { status, body } => (*status, body.as_slice()),
            Action::Redirect { status } => (*status, &[][..]),
            Action::Cluster { .. } | Action::Unplayed => {
                let Some(cluster) = cluster else {
                    return (None, None);
                };
                let before = request.fields.clone();
                route.send(&mut request.fields);
                self.by_route = of_headers(&before, &request.fields);
                return self.cluster(&cluster, request, response, route);
            }
        };
        let mut answer = local(status, Vec::new(), body);
        route.response.apply(&mut answer.fields);
        (None, self.back(answer))
    }

    fn cluster(
        &mut self,
        name: &str,
        request: Message,
        response: Option<Message>,
        route: &Route,
    ) -> (Option<Sent>, Option<Message>) {
        let filters = self.course.of_clusters.get(name);
        let played: Vec<&Filter> = filters.iter().flat_map(|chain| &chain.played).collect();
        if let Some(chain) = filters {
            self.unplayed.extend(&chain.unplayed);
        }
        let cluster = self.course.clusters.get(name);
        if let Some(cluster) = cluster {
            self.unplayed.extend(&cluster.unplayed);
        }
        let request = match self.chain(&played, Chain::Upstream, Some(name), request) {
            Passed::On(request) => request,
            Passed::Answered(answer) => return (None, self.back_in_its_place(answer)),
            Passed::Ended => return (None, None),
        };
        let host = cluster.and_then(|cluster| cluster.host.as_ref());
        let sent = Sent {
            cluster: name.to_owned(),
            host: host.map(|host| host.address.clone()).unwrap_or_default(),
            headers: texts(&request.fields),
            body: text(&request.body.bytes()),
        };
        let Some(mut answer) = response else {
            return (Some(sent), None);
        };
        for reached in self.stages.iter_mut().rev() {
            if !reached.of_cluster {
                continue;
            }
            answer = match reached.stage.response(answer, &mut self.metadata) {
                Passed::On(answer) => answer,
                Passed::Answered(answer) => {
                    return (Some(sent), self.back_in_its_place(answer));
                }
                Passed::Ended => return (Some(sent), None),
            };
        }
        route.response.apply(&mut answer.fields);
        (Some(sent), self.back(answer))
    }

    /// Plays a filter's answer in place of a message: the route adds its headers to it.
    fn back_in_its_place(&mut self, mut answer: Message) -> Option<Message> {
        if let Some(route) = self.on() {
            route.response.apply(&mut answer.fields);
        }
        self.back(answer)
    }

    /// Plays an answer through the chain that the exchange began in, the last filter first. Who gave it does not see it.
    fn back(&mut self, mut answer: Message) -> Option<Message> {
        let chain = self.course.chain;
        let of_upstream = !answer.direct;
        if let (false, Some(first)) = (of_upstream, self.stages.first())
            && is_grpc(&first.stage.request.fields)
        {
            let what = "is how Envoy answers gRPC, and is not played";
            self.unplayed.note("grpc-status", what);
        }
        for filter in mem::take(&mut self.not_reached) {
            let unseen = Message {
                unseen: true,
                ..Message::default()
            };
            let stage = self.stage(filter, chain, None, unseen);
            self.stages.push(Reached {
                filter,
                of_cluster: false,
                stage,
                route: None,
            });
        }
        for reached in self.stages.iter_mut().rev() {
            if reached.of_cluster != (chain == Chain::Upstream) || reached.stage.has_ended_it() {
                continue;
            }
            if self.course.routes.is_some() {
                reached.stage.put_on_route(self.route);
            }
            answer = match reached.stage.response(answer, &mut self.metadata) {
                Passed::On(answer) => answer,
                // Envoy sends it past the other filters.
                Passed::Answered(mut answer) => {
                    if let Some(route) = self.on().filter(|_| of_upstream) {
                        route.response.apply(&mut answer.fields);
                    }
                    return Some(answer);
                }
                Passed::Ended => return None,
            };
        }
        Some(answer)
    }
}

impl Reached<'_> {
    fn end(self) -> Played {
        Played {
            filter: self.filter.instance.clone(),
            place: self.filter.place.clone(),
            of_cluster: self.of_cluster,
            route: self.route,
            transcript: self.stage.end(),
        }
    }
}
