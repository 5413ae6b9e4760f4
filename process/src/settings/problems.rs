//! What is wrong with settings, told all at once.

use std::{net::SocketAddr, path::Path, str::FromStr, time::Duration};

use domain::{FulfilmentPolicy, ParseError};
use url::{Host, Url};

use super::{FEWEST_SECRET_BYTES, without_values};

/// What is wrong with the settings of a process. All of it is told at once.
#[derive(Debug, Default)]
pub struct Problems {
    pub(super) found: Vec<String>,
    pub(super) allows_plain_http: bool,
}

impl Problems {
    /// Adds one; it begins with the setting's name.
    pub fn add(&mut self, problem: &str) {
        self.found.push(problem.to_owned());
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        self.found
    }

    /// An address with a port.
    pub fn address(&mut self, name: &str, given: &str) -> Option<SocketAddr> {
        let address = given.parse().ok();
        if address.is_none() {
            self.add(&format!("{name}={given}: an address is needed, for example 127.0.0.1:8080"));
        }
        address
    }

    /// A time of at least `least`, as `30s` or `90days`.
    pub fn time(&mut self, name: &str, given: &str, least: Duration) -> Duration {
        match humantime::parse_duration(given) {
            Ok(time) if time >= least => return time,
            Ok(_) => {
                self.add(&format!("{name}={given}: {} at least", humantime::format_duration(least)));
            }
            Err(error) => self.add(&format!("{name}={given}: {error}; for example 30s or 90days")),
        }
        least
    }

    /// A whole number of at least 1.
    pub fn count<Count: FromStr + Default + PartialOrd>(&mut self, name: &str, given: &str) -> Count {
        match given.parse() {
            Ok(count) if count > Count::default() => count,
            _ => {
                self.add(&format!("{name}={given}: a whole number of at least 1"));
                Count::default()
            }
        }
    }

    /// `true`, `false`, or not given, which is false.
    pub fn flag(&mut self, name: &str, given: Option<&str>) -> bool {
        match given.map(str::trim) {
            None | Some("" | "false") => false,
            Some("true") => true,
            Some(other) => {
                self.add(&format!("{name}={other}: true or false"));
                false
            }
        }
    }

    /// What a file holds, where one is named.
    pub fn file(&mut self, name: &str, path: Option<&Path>) -> Option<Vec<u8>> {
        let path = path?;
        Some(std::fs::read(path).unwrap_or_else(|error| {
            self.add(&format!("{name}: {}: {error}", path.display()));
            Vec::new()
        }))
    }

    /// What was read, if it may be that.
    pub(super) fn parsed<T>(&mut self, name: &str, read: Result<T, ParseError>) -> Option<T> {
        read.map_err(|error| self.add(&format!("{name}: {}", error.allowed))).ok()
    }

    /// A secret, which may be empty unless it is needed. Whoever guesses one is taken for its owner.
    pub(super) fn secret(&mut self, name: &str, secret: &str, is_needed: bool) {
        if is_needed && secret.is_empty() {
            self.add(&format!("{name}: is not set"));
        } else if (1..FEWEST_SECRET_BYTES).contains(&secret.len()) {
            self.add(&format!("{name}: at least {FEWEST_SECRET_BYTES} bytes"));
        }
    }

    /// A policy; a name it does not know is a mistake, not something to pass over.
    pub(super) fn policy(&mut self, name: &str, given: toml::Table) -> FulfilmentPolicy {
        let known = toml::Table::try_from(FulfilmentPolicy::default()).unwrap_or_default();
        for unknown in given.keys().filter(|key| !known.contains_key(*key)) {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            self.add(&format!("{name}: {unknown} is none of {}", names.join(", ")));
        }
        self.rules(name, &given);
        let policy: FulfilmentPolicy = serde_path_to_error::deserialize(toml::Value::Table(given))
            .unwrap_or_else(|error| {
                self.add(&format!("{name}: {}", without_values(&error)));
                FulfilmentPolicy::default()
            });
        if policy.approval.risk.is_some() && !policy.look_before_hand_over {
            self.add(&format!("{name}: approval.risk needs look_before_hand_over, which reads it"));
        }
        policy
    }

    /// A rule that is passed over lets orders go that somebody meant to see.
    fn rules(&mut self, name: &str, policy: &toml::Table) {
        const RULES: [&str; 4] = ["total_above", "countries", "tags", "risk"];
        let given = policy.get("approval").and_then(toml::Value::as_table);
        let given = given.into_iter().flat_map(toml::Table::keys);
        for unknown in given.filter(|rule| !RULES.contains(&rule.as_str())) {
            self.add(&format!("{name}: approval.{unknown} is none of {}", RULES.join(", ")));
        }
    }

    pub(super) fn url(&mut self, name: &str, value: &str) -> Option<Url> {
        let problem = match Url::parse(value) {
            Ok(url) if url.scheme() == "https" => return Some(url),
            Ok(url) if url.scheme() == "http" && (self.allows_plain_http || is_on_loopback(&url)) => {
                return Some(url);
            }
            Ok(url) if url.scheme() == "http" => {
                "http to another machine, which whoever stands between can read and change; \
                 use https, or say ALLOW_PLAIN_HTTP=true"
            }
            _ => "an http or https URL is needed",
        };
        self.add(&format!("{name}: {problem}"));
        None
    }
}

/// Whether nobody but this machine can be there.
#[must_use]
pub fn is_on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
