//! The service as it is called: a deadline for each call, the same call again when the wire failed,
//! and a breaker for when it keeps failing.
//!
//! **Invariant:** every call may be made twice, by its keys, so a call with an unknown outcome is
//! simply made again.

use std::{
    error::Error,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use calls::{Breaker, BreakerSettings};
use chrono::{DateTime, Utc};
use domain::{OrderId, Sku};
use inventory::{FulfilRequest, Reservation, ReservationStatus, ReserveOutcome, ReserveRequest, StockedItem};
use tokio::time::{sleep, timeout};
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tracing::warn;
use url::Url;

use crate::error::StockError;
use crate::proto::{self, inventory_client::InventoryClient as Service};
use crate::wire;

/// The metadata that carries a correlation id.
pub(crate) const CORRELATION_ID: &str = "x-correlation-id";
/// How many movements are asked for at once.
const PAGE: u32 = 500;

/// Where the service is, and how long it is waited for.
#[derive(derive_more::Debug, Clone)]
#[debug("ClientSettings({url})")]
pub struct ClientSettings {
    /// Its base URL, http or https.
    pub url: Url,
    /// The bearer token, if it wants one.
    pub token: Option<String>,
    /// Certificates (PEM) that its own is checked with; else those of the machine.
    pub authorities: Option<Vec<u8>>,
    /// How long a connection may take.
    pub connect_within: Duration,
    /// How long one attempt may take.
    pub answer_within: Duration,
    /// After which waits a call is made again whose wire failed.
    pub repeat_after: Vec<Duration>,
    /// When it is not asked any more.
    pub breaker: BreakerSettings,
}

impl ClientSettings {
    /// The usual times: connect 3 s, answer 3 s, again after 1 s and 2 s, open after 3 failures for 30 s.
    #[must_use]
    pub fn new(url: Url, token: Option<String>) -> Self {
        Self {
            url,
            token,
            authorities: None,
            connect_within: Duration::from_secs(3),
            answer_within: Duration::from_secs(3),
            repeat_after: vec![Duration::from_secs(1), Duration::from_secs(2)],
            breaker: BreakerSettings::default(),
        }
    }

    /// For steps of a story, which are repeated by the story itself and have to end within its
    /// time-out: one attempt, answered within 2 s.
    #[must_use]
    pub fn for_steps(self) -> Self {
        Self { answer_within: Duration::from_secs(2), repeat_after: Vec::new(), ..self }
    }
}

/// A movement that gave pieces to an order that waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The order.
    pub order_id: OrderId,
    /// The ledger's entry; unique.
    pub movement_id: i64,
    /// When it was booked, by the service's clock.
    pub at: DateTime<Utc>,
}

/// The inventory service. Cheap to clone; all clones share one connection and one breaker.
#[derive(derive_more::Debug, Clone)]
#[debug("InventoryClient({})", inner.settings.url)]
pub struct InventoryClient {
    inner: Arc<Inner>,
}

struct Inner {
    service: Service<Channel>,
    health: HealthClient<Channel>,
    token: Option<MetadataValue<Ascii>>,
    settings: ClientSettings,
    breaker: Breaker,
}

impl InventoryClient {
    /// Connects when it is first called. To be made inside a runtime.
    ///
    /// # Errors
    /// A sentence that names what is wrong with the settings.
    pub fn new(settings: ClientSettings) -> Result<Self, String> {
        let token = settings.token.as_deref().map(|token| {
            let mut value = MetadataValue::try_from(format!("Bearer {token}"))
                .map_err(|_| "the token has characters that no header may have".to_owned())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        });
        let url_is_wrong = |error: tonic::transport::Error| format!("the URL cannot be used: {error}");
        let mut endpoint = Endpoint::from_shared(settings.url.to_string())
            .map_err(url_is_wrong)?
            .connect_timeout(settings.connect_within)
            // A peer that is gone without a word is noticed although nobody calls.
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(3))
            .keep_alive_while_idle(true);
        if settings.url.scheme() == "https" {
            let checked = match &settings.authorities {
                Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint = endpoint.tls_config(checked).map_err(url_is_wrong)?;
        }
        let channel = endpoint.connect_lazy();
        let inner = Inner {
            health: HealthClient::new(channel.clone()),
            service: Service::new(channel),
            token: token.transpose()?,
            breaker: Breaker::new("inventory-service", settings.breaker),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether it failed so often that it is left alone, but for one call now and then.
    #[must_use]
    pub fn is_left_alone(&self) -> bool {
        self.inner.breaker.is_open()
    }

    /// Asks the service whether it serves, once and whatever the breaker says.
    ///
    /// # Errors
    /// [`StockError::Unavailable`].
    pub async fn is_serving(&self) -> Result<(), StockError> {
        let asked = self.inner.health.clone().check(HealthCheckRequest::default()).await;
        match asked {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
            Ok(_) => Err(StockError::Unavailable("it does not serve right now".into())),
            Err(status) => Err(StockError::of(&status)),
        }
    }

    /// The items with these SKUs and their figures; a SKU that is no item is not among them.
    ///
    /// # Errors
    /// [`StockError::Unavailable`], [`StockError::Refused`].
    pub async fn check_stock(
        &self,
        skus: &[Sku],
        correlation_id: &str,
    ) -> Result<Vec<StockedItem>, StockError> {
        let request = proto::CheckStockRequest { skus: skus.iter().map(ToString::to_string).collect() };
        let ask = |mut service: Service<Channel>, request| async move { service.check_stock(request).await };
        let answer = self.call(correlation_id, request, ask).await?;
        answer.items.into_iter().map(wire::item_of).collect()
    }

    /// Reserves, provisionally if a time is given. A repeat without one confirms.
    ///
    /// # Errors
    /// [`StockError::Unavailable`], [`StockError::Refused`].
    pub async fn reserve(
        &self,
        request: &ReserveRequest,
        provisional_for: Option<Duration>,
        correlation_id: &str,
    ) -> Result<ReserveOutcome, StockError> {
        let request = wire::reserve_request(request, provisional_for);
        let ask = |mut service: Service<Channel>, request| async move { service.reserve(request).await };
        wire::outcome_of(self.call(correlation_id, request, ask).await?)
    }

    /// The order is kept. `None` if the service knows no such reservation.
    ///
    /// # Errors
    /// [`StockError::Unavailable`], [`StockError::Refused`].
    pub async fn confirm(
        &self,
        order_id: &OrderId,
        epoch: u32,
        correlation_id: &str,
    ) -> Result<Option<ReservationStatus>, StockError> {
        let request = proto::ConfirmRequest { order_id: order_id.to_string(), epoch };
        let ask = |mut service: Service<Channel>, request| async move { service.confirm(request).await };
        match self.call(correlation_id, request, ask).await {
            Ok(answer) => wire::status_of(answer.status()).map(Some),
            Err(error) if is_unknown_reservation(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives back what has not left, and returns how many pieces that were.
    ///
    /// # Errors
    /// [`StockError::Unavailable`], [`StockError::Refused`].
    pub async fn release(
        &self,
        order_id: &OrderId,
        epoch: u32,
        cause: &str,
        correlation_id: &str,
    ) -> Result<u64, StockError> {
        let cause = cause.to_owned();
        let request = proto::ReleaseRequest { order_id: order_id.to_string(), epoch, cause };
        let ask = |mut service: Service<Channel>, request| async move { service.release(request).await };
        Ok(self.call(correlation_id, request, ask).await?.given_back)
    }

    /// A parcel has left; returns the pieces the order still holds or waits for.
    ///
    /// # Errors
    /// [`StockError::Unavailable`], [`StockError::Refused`].
    pub async fn fulfil(&self, request: &FulfilRequest, correlation_id: &str) -> Result<u64, StockError> {
        let ask = |mut service: Service<Channel>, request| async move { service.fulfil(request).await };
        Ok(self.call(correlation_id, wire::fulfil_request(request), ask).await?.remaining)
    }

    /// The order's reservation of this epoch, or its newest.
    ///
    /// # Errors
    /// [`StockError::Unavailable`], [`StockError::Refused`].
    pub async fn reservation(
        &self,
        order_id: &OrderId,
        epoch: Option<u32>,
        correlation_id: &str,
    ) -> Result<Option<Reservation>, StockError> {
        let request = proto::GetReservationRequest { order_id: order_id.to_string(), epoch };
        let ask =
            |mut service: Service<Channel>, request| async move { service.get_reservation(request).await };
        match self.call(correlation_id, request, ask).await {
            Ok(answer) => answer.reservation.map(wire::reservation_of).transpose(),
            Err(error) if is_unknown_reservation(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every movement since a time that served an order that waited, oldest first, with the time of
    /// the service's clock.
    ///
    /// # Errors
    /// [`StockError::Unavailable`], [`StockError::Refused`].
    pub async fn served_since(
        &self,
        since: DateTime<Utc>,
        correlation_id: &str,
    ) -> Result<(Vec<Served>, DateTime<Utc>), StockError> {
        let (mut since_us, mut after_movement_id) = (since.timestamp_micros(), 0);
        let mut served = Vec::new();
        loop {
            let request = proto::ListServedRequest { since_us, after_movement_id, limit: PAGE };
            let ask =
                |mut service: Service<Channel>, request| async move { service.list_served(request).await };
            let page = self.call(correlation_id, request, ask).await?;
            let full = page.served.len() == PAGE as usize;
            for entry in page.served {
                (since_us, after_movement_id) = (entry.at_us, entry.movement_id);
                served.push(Served {
                    order_id: OrderId::parse(&entry.order_id).map_err(StockError::unexpected)?,
                    movement_id: entry.movement_id,
                    at: DateTime::from_timestamp_micros(entry.at_us).unwrap_or_default(),
                });
            }
            if !full {
                return Ok((served, DateTime::from_timestamp_micros(page.now_us).unwrap_or_default()));
            }
        }
    }

    /// Makes the call, again if the wire failed, and tells the breaker how it went.
    async fn call<Message, Answer, Answering>(
        &self,
        correlation_id: &str,
        message: Message,
        ask: impl Fn(Service<Channel>, Request<Message>) -> Answering,
    ) -> Result<Answer, StockError>
    where
        Message: Clone,
        Answering: Future<Output = Result<Response<Answer>, Status>>,
    {
        let Inner { service, settings, breaker, .. } = &*self.inner;
        if !breaker.allows(Instant::now()) {
            return Err(StockError::Unavailable("it failed again and again and is left alone".to_owned()));
        }
        let mut waits = settings.repeat_after.iter();
        loop {
            let asked = ask(service.clone(), self.request(correlation_id, message.clone()));
            let status = match timeout(settings.answer_within, asked).await {
                Ok(Ok(answer)) => {
                    breaker.succeeded();
                    return Ok(answer.into_inner());
                }
                Ok(Err(status)) => status,
                Err(_) => {
                    breaker.failed(Instant::now());
                    let waited = settings.answer_within;
                    return Err(StockError::Unavailable(format!("no answer within {waited:?}")));
                }
            };
            // A status the service sent has no source; what went wrong on the wire has.
            let Some(cause) = status.source().map(ToString::to_string) else {
                if status.code() == Code::Unavailable {
                    breaker.failed(Instant::now())
                } else {
                    breaker.succeeded()
                }
                return Err(StockError::of(&status));
            };
            let Some(wait) = waits.next() else {
                breaker.failed(Instant::now());
                return Err(StockError::Unavailable(format!("{:?}: {cause}", status.code())));
            };
            warn!(code = ?status.code(), %cause, wait = ?wait, "the inventory service was not reached; it is asked again");
            sleep(*wait).await;
        }
    }

    fn request<Message>(&self, correlation_id: &str, message: Message) -> Request<Message> {
        let mut request = Request::new(message);
        if let Ok(id) = MetadataValue::try_from(correlation_id) {
            request.metadata_mut().insert(CORRELATION_ID, id);
        }
        if let Some(token) = &self.inner.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        request
    }
}

fn is_unknown_reservation(error: &StockError) -> bool {
    matches!(error, StockError::Refused { reason } if reason == "UNKNOWN_RESERVATION")
}

#[cfg(test)]
mod tests;
