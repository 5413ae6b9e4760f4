//! The whole story of an order, for people: everything that is kept of it, in one sequence.
//!
//! **Invariant:** it holds no personal data: no vendor's words, no customer's, no names but those of staff.

use chrono::{DateTime, Utc};
use domain::{Actor, OrderId, words};
use sqlx::{FromRow, PgConnection, types::Json};

use crate::{
    OrdersError,
    command::{self, Command},
};

mod once;
mod sources;

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Doer {
    /// The shop.
    Shop,
    /// We ourselves.
    Waybill,
    /// A warehouse, or its system.
    Warehouse,
    /// One of our people.
    Person,
    /// Who ordered.
    Customer,
}

words!(Doer, "actor");

impl From<Actor> for Doer {
    fn from(actor: Actor) -> Self {
        match actor {
            Actor::Customer => Self::Customer,
            Actor::Operator => Self::Person,
            Actor::Shopify => Self::Shop,
            Actor::Policy => Self::Waybill,
        }
    }
}

/// What kind of thing happened. Of what happened in one moment, causes come first.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Something was said to us.
    Message,
    /// A person did something.
    Act,
    /// The order went on, or stopped.
    Step,
    /// A warehouse or a shop was called.
    Call,
    /// Stock was booked.
    Stock,
    /// A parcel, as it stands.
    Parcel,
    /// Pieces that come back.
    Return,
    /// Other systems are told.
    Event,
}

words!(Kind, "kind");

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: Doer,
    /// Of which kind.
    pub kind: Kind,
    /// What, as a code.
    pub code: String,
    /// More about it, in words.
    pub detail: Option<String>,
    /// Which person, by name.
    pub by: Option<String>,
    /// Why that person did it.
    pub reason: Option<String>,
    /// Names and values of what belongs to it.
    pub facts: Vec<(String, String)>,
}

impl Happened {
    /// The fact with this name.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The newest entries of an order, `most` at most, oldest first, and whether there are older ones. `besides` is what is
/// kept elsewhere of it: stock, and events.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of(
    conn: &mut PgConnection,
    order: &OrderId,
    besides: Vec<Happened>,
    most: usize,
) -> Result<(Vec<Happened>, bool), OrdersError> {
    let rows: Vec<Row> = sqlx::query_as(sources::ALL)
        .bind(order.as_str())
        // One more of each, which tells whether there are more.
        .bind(i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(conn)
        .await?;
    let kept = rows.into_iter().map(Row::read).collect();
    let mut story = once::each(kept);
    story.extend(besides);
    story.sort_by_key(|entry| (entry.at, entry.kind));
    let left_out = story.len().saturating_sub(most);
    story.drain(..left_out);
    Ok((story, left_out > 0))
}

/// An entry as the statement gives it.
#[derive(FromRow)]
struct Row {
    at: DateTime<Utc>,
    #[sqlx(try_from = "String")]
    actor: Doer,
    #[sqlx(try_from = "String")]
    kind: Kind,
    code: String,
    detail: Option<String>,
    by: Option<String>,
    reason: Option<String>,
    facts: Json<Vec<(String, Option<String>)>>,
    /// Of a command of our own: it says who asks.
    command: Option<Vec<u8>>,
}

impl Row {
    fn read(self) -> Happened {
        let facts = self.facts.0.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let mut happened = Happened {
            at: self.at,
            actor: self.actor,
            kind: self.kind,
            code: self.code,
            detail: self.detail,
            by: self.by,
            reason: self.reason,
            facts: facts.collect(),
        };
        let command = self.command.as_deref().map(command::read);
        // A body that is gone, or of a later version, says nothing.
        if let Some(Ok((_, command))) = command {
            happened.is_asked_by(&command);
        }
        happened
    }
}

impl Happened {
    fn is_asked_by(&mut self, command: &Command) {
        self.actor = match command {
            Command::OrderPlaced => Doer::Customer,
            Command::StockAvailable { .. } => Doer::Waybill,
            other => other.actor().into(),
        };
        self.reason = command.reason().map(str::to_owned);
        if let Command::Resolve(answer) = command {
            self.by = Some(answer.by.clone());
            self.facts.push(("action".to_owned(), answer.action.as_str().to_owned()));
        }
    }
}
