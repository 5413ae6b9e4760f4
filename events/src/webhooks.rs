//! Events by signed webhooks (Standard Webhooks), for those without a broker. Each subscriber is a sink of its own, with
//! its own order, attempts and dead letters.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::LazyLock,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use outbox::{Done, Outgoing, Relay, RelaySettings, Sink, SinkError, Subscriber};
use process::settings::is_on_loopback;
use reqwest::{
    Client, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::CONTENT_TYPE,
    redirect::Policy,
};
use sha2::Sha256;
use sqlx::PgPool;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use crate::envelope;

/// How long a subscriber may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// The same for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Longer than a subscriber may take, twice.
const LEASE: Duration = Duration::from_secs(20);
/// Webhooks under way to one subscriber, and how often is looked for more.
const AT_ONCE: usize = 8;
const POLL: Duration = Duration::from_millis(250);
/// The pause between two looks at who subscribes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Addresses of machines that the internet does not reach (the registries of special-purpose addresses, RFC 6890).
static PRIVATE: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let nets = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ];
    nets.iter().filter_map(|net| net.parse().ok()).collect()
});

/// Whether an address is of no machine on the internet.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    // An IPv4 address in IPv6's clothes is what it is.
    let address = address.to_canonical();
    PRIVATE.iter().any(|net| net.contains(&address))
}

/// Looks addresses up, and finds none that may not be called.
struct PublicAlone {
    private_too: bool,
}

impl Resolve for PublicAlone {
    fn resolve(&self, name: Name) -> Resolving {
        let private_too = self.private_too;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.filter(|at| private_too || !is_private(at.ip())).collect();
            if found.is_empty() {
                return Err("no public address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Posts to one subscriber.
struct WebhookSink {
    name: String,
    client: Client,
    private_too: bool,
    plain_too: bool,
    source: String,
    subscriber: watch::Receiver<Subscriber>,
}

impl WebhookSink {
    async fn post(&self, event: &Outgoing) -> Result<(), SinkError> {
        let refused = |why: String| SinkError::Refused(why);
        let Subscriber { url, secret, former_secret, .. } = self.subscriber.borrow().clone();
        let url = Url::parse(&url).map_err(|error| refused(error.to_string()))?;
        let address = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if address.is_some_and(is_private) && !self.private_too {
            return Err(refused("PRIVATE_ADDRESS".to_owned()));
        }
        if url.scheme() != "https" && !self.plain_too && !is_on_loopback(&url) {
            return Err(refused("NOT_HTTPS".to_owned()));
        }
        let body = envelope::body(event, &event.event_type, &self.source)
            .map_err(|error| refused(error.to_string()))?;
        let (id, at) = (event.event_id.to_string(), Utc::now().timestamp());
        let signatures: Option<Vec<String>> = [Some(secret), former_secret]
            .into_iter()
            .flatten()
            .map(|secret| signature(&secret, &id, at, &body))
            .collect();
        let signatures = signatures.ok_or_else(|| refused("the secret is none".to_owned()))?;
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json");
        request = request.header("webhook-id", &id).header("webhook-timestamp", at);
        request = request.header("webhook-signature", signatures.join(" "));
        for (name, value) in envelope::attributes(event, &event.event_type, &self.source) {
            request = request.header(format!("ce-{name}"), value);
        }
        let answer = timeout(ANSWER_WITHIN, request.body(body).send()).await;
        let answer = answer.map_err(|_| SinkError::Away("no answer".to_owned()))?;
        // Its text may hold the address, which may hold a token.
        let answer = answer.map_err(|error| SinkError::Away(error.without_url().to_string()))?;
        meaning(answer.status())
    }
}

/// As Standard Webhooks have it: HMAC-SHA256 over id, time and body, under what the secret is in base64. The crate of that
/// name would bring older versions of the cryptography that is here already.
fn signature(secret: &str, id: &str, at: i64, body: &[u8]) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// A subscriber that says that it is away is waited for; whatever else it does not take speaks against the event.
fn meaning(status: StatusCode) -> Result<(), SinkError> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Err(SinkError::Away(format!("HTTP {}", status.as_u16()))),
        status => Err(SinkError::Refused(format!("HTTP {}", status.as_u16()))),
    }
}

impl Sink for WebhookSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn publish(&self, event: &Outgoing) -> Result<Done, SinkError> {
        self.post(event).await?;
        Ok(Done::Taken)
    }
}

/// What posting needs, whoever subscribes.
pub(crate) struct Webhooks {
    pub(crate) pool: PgPool,
    pub(crate) source: String,
    pub(crate) relay: RelaySettings,
    /// Whether private addresses may be called too.
    pub(crate) private_too: bool,
    /// Whether other machines may be spoken to without TLS.
    pub(crate) plain_too: bool,
}

impl Webhooks {
    /// Posts to whoever subscribes, from a moment after it does, until `stop` ends.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        // Another part of the process may have done so before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .dns_resolver(PublicAlone { private_too: self.private_too })
            // A proxy would look names up itself, and be asked for private ones.
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .user_agent("waybill")
            .build();
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                warn!(%error, "no webhooks are sent: the HTTP client cannot be made");
                return;
            }
        };
        let mut stop = std::pin::pin!(stop);
        let mut relays = JoinSet::new();
        let mut known = BTreeMap::<String, watch::Sender<Subscriber>>::new();
        loop {
            match self.subscribers().await {
                Ok(subscribers) => self.follow(&subscribers, &client, &mut known, &mut relays),
                Err(error) => warn!(%error, "who subscribes to events is not known"),
            }
            tokio::select! {
                () = &mut stop => break,
                () = sleep(LOOK_EVERY) => {}
            }
        }
        drop(known);
        while relays.join_next().await.is_some() {}
    }

    /// Begins with who is new, and ends with who is gone.
    fn follow(
        &self,
        subscribers: &[Subscriber],
        client: &Client,
        known: &mut BTreeMap<String, watch::Sender<Subscriber>>,
        relays: &mut JoinSet<()>,
    ) {
        known.retain(|sink, _| subscribers.iter().any(|subscriber| subscriber.sink() == *sink));
        for subscriber in subscribers {
            let name = subscriber.sink();
            if let Some(sender) = known.get(&name) {
                sender.send_if_modified(|known| {
                    let differs = known != subscriber;
                    known.clone_from(subscriber);
                    differs
                });
                continue;
            }
            info!(sink = name, "events are posted");
            let (sender, receiver) = watch::channel(subscriber.clone());
            let (client, source) = (client.clone(), self.source.clone());
            let (private_too, plain_too) = (self.private_too, self.plain_too);
            let mut changes = receiver.clone();
            let sink = WebhookSink {
                name: name.clone(),
                client,
                private_too,
                plain_too,
                source,
                subscriber: receiver,
            };
            let limits = RelaySettings {
                lease: LEASE,
                event_limit: ANSWER_WITHIN + CONNECT_WITHIN,
                poll: POLL,
                of_a_stream: 1,
                parallel: AT_ONCE,
                batch: AT_ONCE as u32,
                ..self.relay.clone()
            };
            let relay = Relay::new(self.pool.clone(), sink, limits);
            relays.spawn(
                async move { relay.run(async move { while changes.changed().await.is_ok() {} }).await },
            );
            known.insert(name, sender);
        }
    }

    async fn subscribers(&self) -> Result<Vec<Subscriber>, sqlx::Error> {
        outbox::subscribers(&mut *self.pool.acquire().await?).await
    }
}

#[cfg(test)]
mod tests;
