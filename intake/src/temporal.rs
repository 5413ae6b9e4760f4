//! The connection to Temporal: made when it is first needed, so that a process starts, and webhooks
//! are acknowledged, while Temporal is away.

use std::{sync::Arc, time::Duration};

use temporalio_client::{
    Client, ClientOptions, Connection, GrpcCompression,
    envconfig::LoadClientConfigProfileOptions,
    tonic::{Code, IntoRequest},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::IndexedValueType,
    operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
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

/// A connected client, and what the server allows.
#[derive(Clone)]
pub struct Temporal {
    /// The client.
    pub client: Client,
    /// Whether the server knows our search attributes.
    pub search_attributes: bool,
}

/// A connection that is made when it is first needed and kept.
#[derive(Clone)]
pub struct LazyTemporal {
    connected: Arc<Mutex<Option<Temporal>>>,
    plain_elsewhere: bool,
}

impl LazyTemporal {
    /// None yet. `plain_elsewhere` says whether another machine may be spoken to without TLS.
    #[must_use]
    pub fn new(plain_elsewhere: bool) -> Self {
        Self { connected: Arc::default(), plain_elsewhere }
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
        let temporal = connect(self.plain_elsewhere).await?;
        *connected = Some(temporal.clone());
        Ok(temporal)
    }
}

/// Connects by the SDK's standard variables or TOML profile (`TEMPORAL_ADDRESS`,
/// `TEMPORAL_NAMESPACE`, `TEMPORAL_TLS` and so on).
///
/// # Errors
/// [`TemporalError`].
async fn connect(plain_elsewhere: bool) -> Result<Temporal, TemporalError> {
    let (mut connection, client) = ClientOptions::load_from_config(LoadClientConfigProfileOptions::default())
        .map_err(|error| TemporalError::Settings(error.to_string()))?;
    connection.connect_timeout = Some(Duration::from_secs(3));
    let on_loopback = is_on_loopback(&connection.target);
    if !on_loopback && connection.tls_options.is_none() && !plain_elsewhere {
        return Err(TemporalError::Settings(
            "TEMPORAL_ADDRESS: another machine without TLS, so that whoever stands between can read and signal; \
             set TEMPORAL_TLS=true, or say ALLOW_PLAIN_HTTP=true"
                .to_owned(),
        ));
    }
    if on_loopback {
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
    Ok(Temporal { client, search_attributes })
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
        names::SEARCH_ATTRIBUTES.into_iter().filter(|(name, _)| !known.contains_key(*name)).collect();
    if missing.is_empty() {
        return true;
    }
    let request = AddSearchAttributesRequest {
        namespace: namespace.to_owned(),
        search_attributes: missing
            .iter()
            .map(|(name, kind)| {
                let kind =
                    if *kind == "Datetime" { IndexedValueType::Datetime } else { IndexedValueType::Keyword };
                ((*name).to_owned(), kind.into())
            })
            .collect(),
    };
    match operator.add_search_attributes(request.into_request()).await {
        Ok(_) => info!("search attributes created"),
        Err(status) if status.code() == Code::AlreadyExists => {}
        Err(status) => {
            let commands: Vec<String> = missing
                .iter()
                .map(|(name, kind)| {
                    format!("temporal operator search-attribute create --namespace {namespace} --name {name} --type {kind}")
                })
                .collect();
            warn!(code = ?status.code(), "going on without search attributes; to have them run: {}", commands.join("; "));
            return false;
        }
    }
    true
}
