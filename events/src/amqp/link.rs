//! A connection, and the few channels on which messages go out in batches.
//!
//! RabbitMQ writes to disk for many messages at a time and confirms them together, so messages go out together. What it
//! returns it returns before it confirms it, but does not say which confirmation it belongs to: it comes with this or an
//! earlier one, so it is known by its id once all confirmations that are here have been looked at. A channel that the broker
//! ends for one of a batch does not say for which: the batch is halved until the one is found.
//!
//! **Invariant:** a channel has one batch under way at a time.

use std::{collections::HashMap, sync::Arc};

use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    types::{FieldTable, ShortString},
};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinSet,
};
use url::Url;

/// Batches under way at once.
const CHANNELS: usize = 4;
/// The most messages of a batch.
const BATCH: usize = 128;
/// Messages that wait for a batch; whoever has more waits itself.
const WAITING: usize = 1024;
/// The broker's reply where an exchange is missing.
const NOT_FOUND: u16 = 404;

const EXCHANGES: [&str; 3] = ["order.events", "inventory.events", "inventory.notifications"];

/// A message. It has an id.
pub(crate) struct Publication {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No queue is bound for it, or the broker does not take it.
    Refused(String),
    /// The broker could not keep it: a queue is full, or cannot be written to.
    NotKept,
    /// The connection is of no more use.
    Broken(String),
}

type Answer = Result<(), Trouble>;

struct Waiting {
    publication: Publication,
    tell: oneshot::Sender<Answer>,
}

/// A connection. It is closed when it is dropped.
pub(crate) struct Link {
    waiting: mpsc::Sender<Waiting>,
    _publishers: JoinSet<()>,
}

impl Link {
    pub(crate) async fn connect(url: &Url) -> lapin::Result<Self> {
        let properties = ConnectionProperties::default().with_connection_name("waybill events".into());
        let connection = Arc::new(Connection::connect(url.as_str(), properties).await?);
        let channel = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        for exchange in EXCHANGES {
            let arguments = FieldTable::default();
            channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, arguments).await?;
        }
        channel.close(200, "declared".into()).await?;
        let (waiting, taken) = mpsc::channel(WAITING);
        let taken = Arc::new(Mutex::new(taken));
        let publishers = (0..CHANNELS).map(|_| {
            let publisher = Publisher { connection: Arc::clone(&connection), channel: None };
            publisher.run(Arc::clone(&taken))
        });
        Ok(Self { waiting, _publishers: publishers.collect() })
    }

    /// Returns when it is known what became of the message.
    pub(crate) async fn publish(&self, publication: Publication) -> Answer {
        let ended = || Trouble::Broken("the connection is given up".to_owned());
        let (tell, told) = oneshot::channel();
        self.waiting.send(Waiting { publication, tell }).await.map_err(|_| ended())?;
        told.await.map_err(|_| ended())?
    }
}

struct Publisher {
    connection: Arc<Connection>,
    channel: Option<Channel>,
}

impl Publisher {
    async fn run(mut self, taken: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            if taken.lock().await.recv_many(&mut batch, BATCH).await == 0 {
                return;
            }
            self.publish(batch).await;
        }
    }

    /// Publishes a batch, in halves where the broker ends the channel for one of it.
    async fn publish(&mut self, batch: Vec<Waiting>) {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let mut part: Vec<Option<Waiting>> = part.into_iter().map(Some).collect();
            let Err(error) = self.attempt(&mut part).await else { continue };
            let mut left: Vec<Waiting> = part.into_iter().flatten().collect();
            if is_refusal(&error) && left.len() > 1 {
                let half = left.split_off(left.len() / 2);
                parts.extend([half, left]);
                continue;
            }
            let text = error.to_string();
            let trouble = if is_refusal(&error) { Trouble::Refused(text) } else { Trouble::Broken(text) };
            left.into_iter().for_each(|waiting| waiting.tell(Err(trouble.clone())));
        }
    }

    /// Sends all, and takes and tells each of which it is known what became of it.
    async fn attempt(&mut self, batch: &mut [Option<Waiting>]) -> lapin::Result<()> {
        // Only a channel on which all went well is used again.
        let channel = match self.channel.take() {
            Some(channel) => channel,
            None => {
                let channel = self.connection.create_channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                channel
            }
        };
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (mut under_way, mut not_sent) = (FuturesUnordered::new(), None);
        for (at, waiting) in batch.iter().enumerate() {
            let Some(Waiting { publication, .. }) = waiting else { continue };
            let Publication { exchange, routing_key, properties, body } = publication;
            let (exchange, routing_key) = (exchange.clone(), routing_key.clone());
            let sent = channel.basic_publish(exchange, routing_key, mandatory, body, properties.clone());
            match sent.await {
                Ok(confirmation) => under_way.push(async move { (at, confirmation.await) }),
                Err(error) => {
                    not_sent = Some(error);
                    break;
                }
            }
        }
        let mut returned = HashMap::new();
        while let Some(first) = under_way.next().await {
            let (mut next, mut answers) = (Some(first), Vec::new());
            while let Some((at, confirmation)) = next {
                answers.push((at, answer(confirmation?, &mut returned)));
                next = under_way.next().now_or_never().flatten();
            }
            for (at, answer) in answers {
                let Some(waiting) = batch[at].take() else { continue };
                let id = waiting.publication.properties.message_id().as_ref();
                let came_back = id.and_then(|id| returned.remove(id)).map(|text| Err(Trouble::Refused(text)));
                waiting.tell(came_back.unwrap_or(answer));
            }
        }
        // Where the broker ended the channel, what was sent before says why.
        not_sent.map_or(Ok(()), Err)?;
        self.channel = Some(channel);
        Ok(())
    }
}

impl Waiting {
    fn tell(self, answer: Answer) {
        // Whoever waits no more tries again.
        let _ = self.tell.send(answer);
    }
}

/// What a confirmation says of its message, and of one that came back.
fn answer(confirmation: Confirmation, returned: &mut HashMap<ShortString, String>) -> Answer {
    let (message, answer) = match confirmation {
        Confirmation::Ack(message) => (message, Ok(())),
        Confirmation::Nack(message) => (message, Err(Trouble::NotKept)),
        Confirmation::NotRequested => (None, Err(Trouble::Broken("no confirmation".to_owned()))),
    };
    returned.extend(message.and_then(|message| {
        let text = format!("{} {}", message.reply_code, message.reply_text);
        Some((message.delivery.properties.message_id().clone()?, text))
    }));
    answer
}

/// What the broker ends a channel for that lies in a message: its size, or that we may not publish it there. A missing
/// exchange is declared with a new connection.
fn is_refusal(error: &lapin::Error) -> bool {
    let lapin::ErrorKind::ProtocolError(said) = error.kind() else { return false };
    error.is_amqp_soft_error() && said.get_id() != NOT_FOUND
}
