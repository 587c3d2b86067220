//! `rustformations eval`: what a configuration does to an exchange, without an Envoy.

mod shown;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use cases::{Body, Message};

use crate::dry_run::{Course, NoChoice, pieces};
use crate::file::File;
use crate::format::Format;
use crate::input::{self, Side, curl};
use crate::settings;

/// Plays a request, and an answer, without an Envoy, and prints what the module does to them: what was found where, what
/// was held until when, every change, every failure.
///
/// A file with routes plays the whole way: the filters, the route that Envoy chooses, and the filters of the cluster.
///
/// Exits 0 if it was played, whatever became of the request, and 1 if the configuration is refused or something cannot be
/// read. The engine is the module's. What else Envoy or another filter does is not played, and named.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  rustformations eval --config envoy.yaml -- curl localhost:10000/v1/chat/completions -d '{\"model\": \"gpt-4o\"}'
  rustformations eval --config filter.yaml -d '{\"model\": \"gpt-4o\"}' --response answer.http
  rustformations eval --config envoy.yaml --request saved.har --entry 3 --format json")]
pub struct Eval {
    /// The configuration: what `rustformations check` reads.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,

    /// What of the configuration, by its place: a connection manager with its routes, or a filter by itself.
    #[arg(long, value_name = "PLACE")]
    at: Option<String>,

    /// The request: a file of HTTP, a HAR, or YAML as in `request` of a case.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "url", "header", "data", "curl"])]
    request: Option<PathBuf>,

    /// The answer: a file of HTTP, or YAML as in `response` of a case. Each event of a stream arrives alone.
    #[arg(long, value_name = "FILE")]
    response: Option<PathBuf>,

    /// Which entry of a HAR, counted from 1.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    entry: usize,

    /// The method of the request.
    #[arg(short = 'X', long, value_name = "METHOD")]
    method: Option<String>,

    /// Where the request goes: a URL or a path.
    #[arg(long, value_name = "URL", default_value = "/v1/chat/completions")]
    url: String,

    /// A header of the request: `name: value`.
    #[arg(short = 'H', long, value_name = "HEADER")]
    header: Vec<String>,

    /// The body of the request, or `@FILE`; JSON unless a header calls it something else.
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,

    /// The request's body arrives in pieces of so many bytes.
    #[arg(long, value_name = "BYTES")]
    pieces: Option<usize>,

    /// Milliseconds between the events of the answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pause: u64,

    /// How to print what came of it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// The request as a call of curl: `-- curl …`.
    #[arg(last = true, value_name = "CURL")]
    curl: Vec<String>,
}

impl Eval {
    /// Plays the exchange.
    ///
    /// # Errors
    /// The configuration, the request or the answer cannot be read.
    pub fn execute(&self) -> Result<ExitCode> {
        let Some(course) = self.course()? else {
            return Ok(ExitCode::FAILURE);
        };
        let (request, response) = self.exchange()?;
        let exchange = course.play(request, response);
        match self.format {
            Format::Text => shown::write(&mut anstream::stdout().lock(), &exchange)?,
            Format::Json => {
                let mut out = io::stdout().lock();
                serde_json::to_writer_pretty(&mut out, &exchange)?;
                writeln!(out)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What the exchange goes through; `None`: the configuration is refused, and what is wrong is printed.
    fn course(&self) -> Result<Option<Course>> {
        let name = self.config.display().to_string();
        let text = input::text(&self.config)?;
        let mut out = io::stderr().lock();
        match Course::of(
            &settings::of_environment(),
            File::named(&name, &text),
            self.at.as_deref(),
        ) {
            Ok(course) => {
                let warnings = course.warnings.len();
                if warnings > 0 {
                    writeln!(
                        out,
                        "{name}: warnings: {warnings}; see `rustformations check`"
                    )?;
                }
                Ok(Some(course))
            }
            Err(NoChoice::Refused(findings)) => {
                for finding in findings {
                    writeln!(out, "{}", finding.shown(&name, &text))?;
                }
                Ok(None)
            }
            Err(NoChoice::Unclear(why)) => bail!(why),
        }
    }

    fn exchange(&self) -> Result<(Message, Option<Message>)> {
        let (mut request, saved) = match &self.request {
            Some(path) => self.saved(path)?,
            None if !self.curl.is_empty() => (curl::request(&self.curl)?, None),
            None => (self.written()?, None),
        };
        if let Some(size) = self.pieces {
            request.body = Body::Pieces(pieces(&request.body.bytes(), size));
        }
        let response = match &self.response {
            None => saved,
            Some(path) => {
                let read = input::file(path, Side::Response, self.entry)?.response;
                ensure!(
                    read.is_some(),
                    "{}: a request, and no answer",
                    path.display()
                );
                read
            }
        };
        let pause = Duration::from_millis(self.pause);
        Ok((
            request,
            response.map(|answer| input::event_by_event(answer, pause)),
        ))
    }

    fn saved(&self, path: &Path) -> Result<(Message, Option<Message>)> {
        let read = input::file(path, Side::Request, self.entry)?;
        match read.request {
            Some(request) => Ok((request, read.response)),
            None => bail!("{}: an answer, and no request", path.display()),
        }
    }

    /// The request of the options.
    fn written(&self) -> Result<Message> {
        // What is written is meant so.
        let arguments = ["--path-as-is", "-g", "--url", &self.url];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        let mut option =
            |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
        for removed in ["accept:", "user-agent:"] {
            option("-H", removed);
        }
        if let Some(method) = &self.method {
            option("-X", method);
        }
        for header in &self.header {
            option("-H", header);
        }
        if let Some(data) = &self.data {
            let named = |header: &String| header.to_ascii_lowercase().starts_with("content-type:");
            if !self.header.iter().any(named) {
                option("-H", "content-type: application/json");
            }
            option("--data-binary", data);
        }
        curl::request(&arguments)
    }
}
