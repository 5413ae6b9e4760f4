//! `waybill health`: whether a process on this machine can work, for supervisors that start a command and read its exit
//! code. An image without a shell has nothing else to ask with.
//!
//! **Invariant:** it ends within its time limit, whatever answers or does not.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use reqwest::{Client, header, redirect};
use tokio::time::timeout;
use url::Url;

use crate::output::clean;

/// Of an answer that says no, so much is shown.
const MOST_SHOWN_CHARACTERS: usize = 200;

/// Whom to ask.
#[derive(Args)]
pub struct Wanted {
    /// The process, at the address that its own variable names: API_LISTEN, WORKER_METRICS_LISTEN, or
    /// SIM_SHOPIFY_LISTEN and SIM_WMS_LISTEN.
    #[arg(required_unless_present = "url", conflicts_with = "url")]
    process: Option<Process>,
    /// This address instead, for example http://127.0.0.1:9465/health.
    #[arg(long)]
    url: Option<Url>,
    /// How long all of it may take, for example 500ms.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = humantime::parse_duration)]
    within: Duration,
}

/// A process that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Process {
    /// Ready when its database answers.
    Api,
    /// Ready when its lanes are polled and its database answers.
    Worker,
    /// Ready when both listen.
    Simulators,
}

/// An address, and the name of the host that is answered there if it is another.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    url: String,
    host: Option<String>,
}

/// Asks, and says what was answered: success is 2xx from all who are asked.
///
/// # Errors
/// An address that cannot be one, no answer in time, or one that says no.
pub async fn run(wanted: &Wanted) -> anyhow::Result<ExitCode> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let questions = match (&wanted.url, wanted.process) {
        (Some(url), _) => vec![Question { url: url.to_string(), host: None }],
        (None, Some(process)) => process.questions(&variable),
        (None, None) => bail!("a process or --url"),
    };
    // What is asked is on this machine, or named by hand; a proxy of the environment is for others.
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build()?;
    let asked = async {
        for question in &questions {
            println!("{}", question.ask(&client).await?);
        }
        Ok(ExitCode::SUCCESS)
    };
    let late = || format!("no answer within {}", humantime::format_duration(wanted.within));
    timeout(wanted.within, asked).await.with_context(late)?
}

impl Process {
    fn questions(self, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Question> {
        let at = |name: &str, usual: &str, path: &str| {
            let listens = variable(name).unwrap_or_else(|| usual.to_owned());
            // What listens everywhere is called on loopback.
            let called = listens.trim().replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
            Question { url: format!("http://{called}{path}"), host: None }
        };
        match self {
            Self::Api => {
                let allowed = variable("API_ALLOWED_HOSTS");
                let first = allowed.as_deref().and_then(|hosts| hosts.split(',').next());
                let host = first.map(|host| host.trim().to_owned());
                vec![Question { host, ..at("API_LISTEN", "127.0.0.1:8080", "/ready") }]
            }
            Self::Worker => vec![at("WORKER_METRICS_LISTEN", "127.0.0.1:9465", "/ready")],
            Self::Simulators => vec![
                at("SIM_SHOPIFY_LISTEN", "127.0.0.1:9090", "/_health"),
                at("SIM_WMS_LISTEN", "127.0.0.1:9091", "/_health"),
            ],
        }
    }
}

impl Question {
    async fn ask(&self, client: &Client) -> anyhow::Result<String> {
        let mut request = client.get(&self.url);
        if let Some(host) = &self.host {
            request = request.header(header::HOST, host);
        }
        let mut answer = request.send().await.with_context(|| format!("{} does not answer", self.url))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(format!("{} answers {status}", self.url));
        }
        // The beginning of it, which may have no end.
        let said = answer.chunk().await.ok().flatten().unwrap_or_default();
        let said: String =
            String::from_utf8_lossy(&said).trim().chars().take(MOST_SHOWN_CHARACTERS).collect();
        bail!("{} answers {status}: {}", self.url, clean(&said));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(process: Process, set: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let variable =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        process.questions(&variable).into_iter().map(|question| (question.url, question.host)).collect()
    }

    #[test]
    fn a_process_is_asked_on_loopback_at_the_port_that_its_own_variable_names() {
        let at = |url: &str| (url.to_owned(), None);
        assert_eq!(asked(Process::Api, &[]), [at("http://127.0.0.1:8080/ready")]);
        assert_eq!(asked(Process::Api, &[("API_LISTEN", "0.0.0.0:81")]), [at("http://127.0.0.1:81/ready")]);
        assert_eq!(asked(Process::Api, &[("API_LISTEN", "[::]:81")]), [at("http://[::1]:81/ready")]);
        assert_eq!(
            asked(Process::Worker, &[("WORKER_METRICS_LISTEN", "192.0.2.1:82")]),
            [at("http://192.0.2.1:82/ready")]
        );
        assert_eq!(
            asked(Process::Simulators, &[("SIM_WMS_LISTEN", "0.0.0.0:83")]),
            [at("http://127.0.0.1:9090/_health"), at("http://127.0.0.1:83/_health")]
        );
    }

    #[test]
    fn an_api_that_answers_to_its_own_names_alone_is_called_by_one() {
        let asked = asked(Process::Api, &[("API_ALLOWED_HOSTS", "waybill.example.com, other.example.com")]);
        assert_eq!(asked[0].1.as_deref(), Some("waybill.example.com"));
    }
}
