//! Secrets come from the environment alone: what is given as a flag stands in the list of processes, where
//! everybody on the machine can read it.

use std::{collections::HashMap, ffi::OsString};

/// Every variable that holds a secret, and what it is.
const KNOWN: [(&str, &str); 14] = [
    ("DATABASE_URL", "PostgreSQL, with its password"),
    (
        "WAYBILL_KEYS",
        "what tokens are kept under, ID:KEY comma separated, each key 32 bytes in base64: the first one seals, all open",
    ),
    ("SHOPIFY_CLIENT_SECRET", "client secret of SHOPIFY_CLIENT_ID"),
    ("SHOPIFY_ADMIN_TOKEN", "access token of the Admin API of SHOPIFY_SHOP"),
    ("SHOPIFY_WEBHOOK_SECRETS", "secrets of its webhooks, comma separated: the new and the old one"),
    ("SHOPIFY_WEBHOOK_PATH", "last part of the path its webhooks have to come by; by default none is needed"),
    ("WMS_TOKEN", "bearer token of the warehouse system"),
    ("WMS_WEBHOOK_SECRETS", "Standard Webhooks secrets (whsec_…) of its callbacks, comma separated"),
    ("INVENTORY_SERVICE_TOKEN", "bearer token of INVENTORY_SERVICE_URL; its role is order-service"),
    ("TEMPORAL_API_KEY", "key of Temporal's API, where it wants one"),
    ("ORDER_SERVICE_TOKEN", "bearer token of ORDER_SERVICE_URL"),
    ("AMQP_URL", "the RabbitMQ that events go to and come from, amqp://USER:PASSWORD@HOST:PORT/VHOST"),
    (
        "CONSOLE_OIDC_CLIENT_SECRET",
        "secret of the console as a client of AUTH_ISSUER; a public client has none",
    ),
    ("AUTH_HS256_SECRET", "secret of tokens signed with HS256, for set-ups without an issuer; 32 bytes"),
];

/// The secrets that were given.
#[derive(derive_more::Debug, Clone, Default)]
#[debug("Secrets([redacted])")]
pub struct Secrets {
    given: HashMap<&'static str, String>,
    problems: Vec<String>,
}

impl Secrets {
    /// Those of the environment: each variable holds one, or the same name with `_FILE` at its end names a file
    /// that does.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::read(|name| std::env::var_os(name))
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut secrets = Self::default();
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        for (name, _) in KNOWN {
            let in_file = variable(&format!("{name}_FILE"));
            let given = match (variable(name), in_file) {
                (None, None) => continue,
                (Some(_), Some(_)) => Err(format!("{name} and {name}_FILE: one of them, not both")),
                (Some(value), None) => {
                    value.into_string().map_err(|_| format!("{name}: is no text in UTF-8"))
                }
                (None, Some(path)) => std::fs::read_to_string(&path)
                    .map_err(|error| format!("{name}_FILE: {}: {error}", path.display())),
            };
            match given {
                // A file ends with a line break, mostly.
                Ok(value) => drop(secrets.given.insert(name, value.trim().to_owned())),
                Err(problem) => secrets.problems.push(problem),
            }
        }
        secrets
    }

    /// One of them, by its variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(KNOWN.iter().any(|(known, _)| *known == name), "{name} is not read");
        self.given.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What is wrong with how they were given.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// What `--help` says of these.
    #[must_use]
    pub fn help(names: &[&str]) -> String {
        let mut help =
            "Secrets come from the environment, each in a variable or, with _FILE at the end of its \
                        name, in a file that the variable names:\n"
                .to_owned();
        for (name, what) in KNOWN.iter().filter(|(name, _)| names.contains(name)) {
            help += &format!("  {name:<26} {what}\n");
        }
        help
    }
}

#[cfg(test)]
impl Secrets {
    pub(super) fn replace(&mut self, name: &'static str, value: &str) {
        self.given.insert(name, value.to_owned());
    }
}

/// For tests: these secrets.
impl<const COUNT: usize> From<[(&'static str, &str); COUNT]> for Secrets {
    fn from(given: [(&'static str, &str); COUNT]) -> Self {
        let given = given.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { given, problems: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)]) -> Secrets {
        Secrets::read(|name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn a_secret_stands_in_its_variable_or_in_the_file_that_another_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "of the file\n").unwrap();
        let path = path.to_str().unwrap();
        let secrets =
            read(&[("WMS_TOKEN", "here"), ("DATABASE_URL_FILE", path), ("SHOPIFY_ADMIN_TOKEN", "")]);
        assert_eq!(secrets.get("WMS_TOKEN"), Some("here"));
        assert_eq!(secrets.get("DATABASE_URL"), Some("of the file"));
        assert_eq!(secrets.get("SHOPIFY_ADMIN_TOKEN"), None);
        assert!(secrets.problems().is_empty());
        assert!(!format!("{secrets:?}").contains("here"));
    }

    #[test]
    fn both_at_once_and_a_file_that_cannot_be_read_are_named() {
        let wrong = read(&[("WMS_TOKEN", "hush"), ("WMS_TOKEN_FILE", "/hush")]);
        assert_eq!(wrong.problems(), ["WMS_TOKEN and WMS_TOKEN_FILE: one of them, not both"]);
        let wrong = read(&[("AUTH_HS256_SECRET_FILE", "/not/there")]);
        assert!(
            wrong.problems()[0].starts_with("AUTH_HS256_SECRET_FILE: /not/there: "),
            "{:?}",
            wrong.problems()
        );
    }
}
