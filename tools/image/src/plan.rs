//! Whether the images can be built on this machine: decided before anything is built.

use anyhow::{Result, bail};

use super::base::{self, StandIns};
use super::docker;
use super::dockerfile;
use super::registry::{self, Pull};

/// What becomes of the images on this machine.
#[derive(Debug)]
pub(crate) enum Plan {
    /// They are built on these.
    Build(Vec<Base>),
    /// They cannot be had: why, and how to get them.
    Skip(String),
}

/// A base image that the Dockerfile declares.
#[derive(Debug)]
pub(crate) struct Base {
    /// The build argument that names it.
    pub(super) argument: String,
    pub(super) image: String,
    pub(super) source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It is here.
    Pulled,
    /// Another one takes its place, made of this machine's programs.
    StandIn,
}

/// What this machine has.
enum Machine {
    NoEngine(String),
    Engine {
        /// What came of each base image.
        declared: Vec<(String, String, Pull)>,
        stand_ins: StandIns,
    },
}

impl Plan {
    /// Pulls the base images, or finds what else there is.
    ///
    /// # Errors
    /// A registry answers but does not give a base image, and nothing can stand in for it.
    pub(crate) fn make() -> Result<Self> {
        decide(Machine::look()?)
    }
}

impl Machine {
    fn look() -> Result<Self> {
        if let Err(error) = docker::engine() {
            return Ok(Self::NoEngine(format!("{error:#}")));
        }
        let mut declared = Vec::new();
        // They come from one registry: one that does not answer is not tried again.
        let mut silent: Option<String> = None;
        for (argument, image) in dockerfile::bases()? {
            let pull = match &silent {
                _ if docker::has(&image)? => Pull::Done,
                Some(reason) => Pull::Unanswered(reason.clone()),
                None => registry::pull(&image)?,
            };
            if let Pull::Unanswered(reason) = &pull {
                silent = Some(reason.clone());
            }
            declared.push((argument, image, pull));
        }
        Ok(Self::Engine {
            declared,
            stand_ins: base::stand_ins()?,
        })
    }
}

fn decide(machine: Machine) -> Result<Plan> {
    let (declared, stand_ins) = match machine {
        Machine::NoEngine(reason) => {
            return Ok(Plan::Skip(format!(
                "{reason}; install Docker Engine and start it (Debian: apt-get install docker.io)"
            )));
        }
        Machine::Engine {
            declared,
            stand_ins,
        } => (declared, stand_ins),
    };
    let mut bases = Vec::new();
    let mut unanswered = None;
    for (argument, image, pull) in declared {
        let source = match pull {
            Pull::Done => Source::Pulled,
            Pull::Refused(reason) if stand_ins != StandIns::Possible => {
                bail!("base image {image}: {reason}; {}", stand_ins.way())
            }
            Pull::Refused(_) => Source::StandIn,
            Pull::Unanswered(reason) => {
                unanswered.get_or_insert(reason);
                Source::StandIn
            }
        };
        bases.push(Base {
            argument,
            image,
            source,
        });
    }
    Ok(match unanswered {
        Some(reason) if stand_ins != StandIns::Possible => Plan::Skip(format!(
            "no registry for the base images ({reason}); {}",
            stand_ins.way()
        )),
        _ => Plan::Build(bases),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: &str = "Get \"https://registry.example/v2/\": no such host";

    fn engine(pulls: [Pull; 2], stand_ins: StandIns) -> Machine {
        let names = ["RUST_IMAGE", "ENVOY_IMAGE"].into_iter();
        let declared = names
            .zip(pulls)
            .map(|(argument, pull)| (argument.to_owned(), argument.to_lowercase(), pull));
        Machine::Engine {
            declared: declared.collect(),
            stand_ins,
        }
    }

    fn sources(plan: Result<Plan>) -> Vec<Source> {
        match plan.unwrap() {
            Plan::Build(bases) => bases.iter().map(|base| base.source).collect(),
            Plan::Skip(why) => panic!("skipped: {why}"),
        }
    }

    fn skipped(plan: Result<Plan>) -> String {
        match plan.unwrap() {
            Plan::Skip(why) => why,
            Plan::Build(bases) => panic!("built on {bases:?}"),
        }
    }

    #[test]
    fn without_an_engine_they_are_skipped() {
        let why = skipped(decide(Machine::NoEngine("no Docker Engine".into())));
        assert!(why.starts_with("no Docker Engine; install"), "{why}");
    }

    #[test]
    fn base_images_that_are_here_need_nothing_else() {
        let machine = engine([Pull::Done, Pull::Done], StandIns::NoDebootstrap);
        assert_eq!(sources(decide(machine)), [Source::Pulled; 2]);
    }

    #[test]
    fn stand_ins_replace_what_cannot_be_pulled() {
        for missing in [
            Pull::Unanswered(SILENT.into()),
            Pull::Refused("not found".into()),
        ] {
            let machine = engine([Pull::Done, missing], StandIns::Possible);
            assert_eq!(sources(decide(machine)), [Source::Pulled, Source::StandIn]);
        }
    }

    #[test]
    fn without_a_registry_and_stand_ins_they_are_skipped() {
        for (stand_ins, way) in [
            (StandIns::NoDebootstrap, "apt-get install debootstrap"),
            (StandIns::NotRoot, "root"),
        ] {
            let machine = engine([Pull::Done, Pull::Unanswered(SILENT.into())], stand_ins);
            let why = skipped(decide(machine));
            assert!(
                why.contains("no such host") && why.contains(way) && !why.contains('\n'),
                "{why}"
            );
        }
    }

    #[test]
    fn what_a_registry_refuses_is_no_reason_to_skip() {
        for pulls in [
            [Pull::Done, Pull::Refused("manifest unknown".into())],
            [
                Pull::Unanswered(SILENT.into()),
                Pull::Refused("manifest unknown".into()),
            ],
        ] {
            let error = decide(engine(pulls, StandIns::NoDebootstrap)).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("envoy_image: manifest unknown"), "{error}");
        }
    }
}
