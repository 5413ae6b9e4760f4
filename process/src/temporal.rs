//! The connection to Temporal: made when it is first needed, so that a process starts, and webhooks
//! are acknowledged, while Temporal is away.

use std::{sync::Arc, time::Duration};

use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression,
    envconfig::{ClientConfigProfile, LoadClientConfigProfileOptions},
    tonic::{Code, IntoRequest},
};
use temporalio_common::{
    envconfig::{ConfigError, load_client_config_profile},
    protos::temporal::api::operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
};
use tokio::sync::Mutex;
use tracing::{info, warn};
use workflows::names;

use crate::settings::is_on_loopback;

/// Why Temporal cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum TemporalError {
    /// The standard variables or the profile are wrong.
    #[error("Temporal is not configured: {0}")]
    Settings(String),
    /// It does not answer.
    #[error("Temporal does not answer: {0}")]
    Unreachable(String),
}

impl From<ConfigError> for TemporalError {
    fn from(error: ConfigError) -> Self {
        Self::Settings(error.to_string())
    }
}

/// A connected client, and what the server allows.
#[derive(Clone)]
pub struct Temporal {
    /// The client.
    pub client: Client,
    /// The namespace it speaks of.
    pub namespace: String,
    /// Whether the server knows our search attributes.
    pub search_attributes: bool,
}

/// A connection that is made when it is first needed and kept. The SDK makes it anew by itself, to the address it
/// was made to first.
#[derive(Clone)]
pub struct LazyTemporal {
    connected: Arc<Mutex<Option<Temporal>>>,
    plain_elsewhere: bool,
    api_key: Option<String>,
}

impl LazyTemporal {
    /// None yet. `plain_elsewhere` says whether another machine may be spoken to without TLS.
    #[must_use]
    pub fn new(plain_elsewhere: bool, api_key: Option<String>) -> Self {
        Self { connected: Arc::default(), plain_elsewhere, api_key }
    }

    /// The connection, made now if there is none yet.
    ///
    /// # Errors
    /// [`TemporalError`]; the next call tries again.
    pub async fn get(&self) -> Result<Temporal, TemporalError> {
        let mut connected = self.connected.lock().await;
        if let Some(temporal) = &*connected {
            return Ok(temporal.clone());
        }
        let temporal = connect(self.plain_elsewhere, self.api_key.clone()).await?;
        *connected = Some(temporal.clone());
        Ok(temporal)
    }
}

/// The namespace that the settings name.
#[must_use]
pub fn namespace() -> String {
    let profile = load_client_config_profile(LoadClientConfigProfileOptions::default(), None);
    profile.ok().and_then(|profile| profile.namespace).unwrap_or_else(|| "default".to_owned())
}

/// Connects by the SDK's standard variables or TOML profile (`TEMPORAL_ADDRESS`,
/// `TEMPORAL_NAMESPACE`, `TEMPORAL_TLS` and so on); the key may stand in a file, as our other secrets.
///
/// # Errors
/// [`TemporalError`].
async fn connect(plain_elsewhere: bool, api_key: Option<String>) -> Result<Temporal, TemporalError> {
    let mut profile = load_client_config_profile(LoadClientConfigProfileOptions::default(), None)?;
    profile.api_key = api_key.or(profile.api_key);
    let client =
        ClientOptions::new(profile.namespace.clone().unwrap_or_else(|| "default".to_owned())).build();
    let mut connection = addressed(profile, plain_elsewhere)?;
    connection.connect_timeout = Some(Duration::from_secs(3));
    if is_on_loopback(&connection.target) {
        // Compressing costs more than it saves where no wire is crossed.
        connection.grpc_compression = GrpcCompression::None;
        connection.dns_load_balancing = None;
    }
    let namespace = client.namespace.clone();
    let connection = Connection::connect(connection)
        .await
        .map_err(|error| TemporalError::Unreachable(error.to_string()))?;
    let client =
        Client::new(connection, client).map_err(|error| TemporalError::Settings(error.to_string()))?;
    let search_attributes = ensure_search_attributes(&client, &namespace).await;
    Ok(Temporal { client, namespace, search_attributes })
}

/// Where to connect, and how. Whether TLS is spoken is decided by the scheme: with `http` the SDK speaks none, whatever
/// the settings say of certificates.
fn addressed(
    profile: ClientConfigProfile,
    plain_elsewhere: bool,
) -> Result<ConnectionOptions, TemporalError> {
    let connection = ConnectionOptions::try_from(profile)?;
    let over_tls = connection.target.scheme() == "https" && connection.tls_options.is_some();
    if over_tls || plain_elsewhere || is_on_loopback(&connection.target) {
        return Ok(connection);
    }
    Err(TemporalError::Settings(
        "TEMPORAL_ADDRESS: another machine without TLS, so that whoever stands between can read and signal; \
         set TEMPORAL_TLS=true and no address with http, or say ALLOW_PLAIN_HTTP=true"
            .to_owned(),
    ))
}

/// Whether the server knows our search attributes; those it lacks are created where it allows that.
async fn ensure_search_attributes(client: &Client, namespace: &str) -> bool {
    let mut operator = client.connection().operator_service();
    let request = ListSearchAttributesRequest { namespace: namespace.to_owned() };
    let known = match operator.list_search_attributes(request.into_request()).await {
        Ok(answer) => answer.into_inner().custom_attributes,
        Err(status) => {
            warn!(code = ?status.code(), "the server does not list its search attributes; going on without them");
            return false;
        }
    };
    let missing: Vec<_> =
        names::search_attributes().into_iter().filter(|(name, _)| !known.contains_key(*name)).collect();
    if missing.is_empty() {
        return true;
    }
    let request = AddSearchAttributesRequest {
        namespace: namespace.to_owned(),
        search_attributes: missing.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).into())).collect(),
    };
    match operator.add_search_attributes(request.into_request()).await {
        Ok(_) => info!("search attributes created"),
        Err(status) if status.code() == Code::AlreadyExists => {}
        Err(status) => {
            let commands: Vec<String> = missing
                .iter()
                .map(|(name, kind)| {
                    format!("temporal operator search-attribute create --namespace {namespace} --name {name} --type {kind:?}")
                })
                .collect();
            warn!(code = ?status.code(), "going on without search attributes; to have them run: {}", commands.join("; "));
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, api_key: Option<&str>, plain_elsewhere: bool) -> Result<String, TemporalError> {
        let profile = ClientConfigProfile::builder()
            .address(address.to_owned())
            .maybe_api_key(api_key.map(str::to_owned))
            .build();
        addressed(profile, plain_elsewhere).map(|connection| connection.target.to_string())
    }

    #[test]
    fn another_machine_is_spoken_to_over_tls_unless_somebody_says_otherwise() {
        for (address, key) in [
            ("temporal.example.com:7233", None),
            ("http://temporal.example.com:7233", None),
            // A key switches TLS on, and the scheme off again.
            ("http://temporal.example.com:7233", Some("a-key-of-temporals-api")),
        ] {
            let refused = at(address, key, false).unwrap_err().to_string();
            assert!(
                refused.contains("TEMPORAL_ADDRESS: another machine without TLS"),
                "{address}: {refused}"
            );
            assert!(!refused.contains("a-key"), "{refused}");
            assert!(at(address, key, true).is_ok(), "{address}");
        }
        assert!(at("localhost:7233", None, false).is_ok());
        let over_tls = at("temporal.example.com:7233", Some("a-key-of-temporals-api"), false).unwrap();
        assert_eq!(over_tls, "https://temporal.example.com:7233/");
    }
}
