//! Which brokers there are. The field docs are the `--help`.

use std::time::Duration;

use clap::Args;
use outbox::RelaySettings;
use process::settings::{Problems, Secrets};
use url::Url;

/// What a Kafka topic's name may be made of, and how long it may be: Kafka's own rule (`Topic.LEGAL_CHARS`).
const MOST_TOPIC_CHARACTERS: usize = 249;
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// The settings as they are given.
#[derive(Args, Debug, Clone)]
pub struct EventSettings {
    /// The Kafka brokers events are published to, host:port with commas between. Without it none are.
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS")]
    kafka_bootstrap_servers: Option<String>,
    /// The topic of orders that passed their gate, each with its customer. The others are order-events and
    /// inventory-events.
    #[arg(long, env = "KAFKA_ORDER_TOPIC", default_value = "order-placed")]
    kafka_order_topic: String,
    /// After how many refusals an event is dead, until a person decides.
    #[arg(long, env = "EVENTS_MOST_ATTEMPTS", default_value = "10")]
    events_most_attempts: String,
    /// The wait after the first refusal of an event, doubled with each up to five minutes.
    #[arg(long, env = "EVENTS_FIRST_PAUSE", default_value = "1s")]
    events_first_pause: String,
    /// What this installation is called in the source of its events, /waybill/NAME.
    #[arg(long, env = "WAYBILL_INSTANCE", default_value = "main")]
    waybill_instance: String,
}

/// The brokers, checked.
#[derive(Clone)]
pub struct Brokers {
    /// The source of our events, by which others know them and we know our own.
    pub source: String,
    /// How they are published.
    pub relay: RelaySettings,
    /// Kafka, if it is published to.
    pub kafka: Option<KafkaBroker>,
    /// RabbitMQ, if it is published to. Holds a password: never logged.
    pub amqp: Option<Url>,
}

/// A Kafka that is published to.
#[derive(Debug, Clone)]
pub struct KafkaBroker {
    /// Where its brokers are.
    pub bootstrap_servers: String,
    /// The topic of orders that passed their gate.
    pub order_topic: String,
}

impl EventSettings {
    /// Checks them; what is wrong is added to the problems.
    pub fn resolve(&self, secrets: &Secrets, problems: &mut Problems) -> Brokers {
        let name = &self.waybill_instance;
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_of_a_name) {
            problems.add(&format!(
                "WAYBILL_INSTANCE={name}: 1 to 64 letters, digits, dots, dashes and underscores"
            ));
        }
        let kafka = self.kafka_bootstrap_servers.as_deref().map(|servers| {
            self.check_kafka(servers, problems);
            KafkaBroker { bootstrap_servers: servers.to_owned(), order_topic: self.kafka_order_topic.clone() }
        });
        let amqp = secrets.get("AMQP_URL").and_then(|url| amqp_url(url, problems));
        let relay = RelaySettings {
            most_attempts: problems.count("EVENTS_MOST_ATTEMPTS", &self.events_most_attempts),
            first_pause: problems.time("EVENTS_FIRST_PAUSE", &self.events_first_pause, LEAST_PAUSE),
            ..RelaySettings::default()
        };
        Brokers { source: format!("/waybill/{name}"), relay, kafka, amqp }
    }

    fn check_kafka(&self, servers: &str, problems: &mut Problems) {
        let is_server = |server: &str| {
            let port = server.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
        };
        if !servers.split(',').all(|server| is_server(server.trim())) {
            problems
                .add(&format!("KAFKA_BOOTSTRAP_SERVERS={servers}: host:port, several with commas between"));
        }
        let topic = &self.kafka_order_topic;
        if topic.is_empty() || topic.len() > MOST_TOPIC_CHARACTERS || !topic.bytes().all(is_of_a_name) {
            problems.add(&format!(
                "KAFKA_ORDER_TOPIC={topic}: 1 to 249 letters, digits, dots, dashes and underscores"
            ));
        }
        if cfg!(not(feature = "kafka")) {
            problems
                .add("KAFKA_BOOTSTRAP_SERVERS: this program was built without Kafka (cargo feature kafka)");
        }
    }
}

/// The URL is not shown where it is wrong: it may hold a password.
fn amqp_url(url: &str, problems: &mut Problems) -> Option<Url> {
    if cfg!(not(feature = "amqp")) {
        problems.add("AMQP_URL: this program was built without RabbitMQ (cargo feature amqp)");
    }
    let parsed = Url::parse(url).ok().filter(|url| {
        matches!(url.scheme(), "amqp" | "amqps")
            && url.domain().or(url.host_str()).is_some_and(|host| !host.starts_with('['))
    });
    if parsed.is_none() {
        problems.add(
            "AMQP_URL: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS; HOST is a name or IPv4",
        );
    }
    parsed
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}
