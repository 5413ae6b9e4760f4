//! Messages of our own: orders placed through the API, stock for orders that waited, and what people
//! want done with an order.
//!
//! **Invariant:** a command is in the inbox before anybody acts on it, and it leaves the inbox only
//! when it is known what became of it.

use std::time::Duration;

use domain::{Actor, Condition, OrderId, OrderStatus, Resolution};
use orders::{
    Order,
    attention::{self, Given},
    command::{self, Command},
    inbox::Message,
    progress::{self, StatusMove},
    record,
    timeline::TimelineEvent,
};
use serde_json::{Value, json};
use stock::StockError;
use tokio::time::timeout;
use tracing::warn;
use workflows::names;

use crate::{
    DispatchError, Dispatched, Dispatcher, Outcome,
    runs::{SignalOutcome, UpdateOutcome},
    shop::request_id,
};

mod rows;

use rows::RowAnswer;

/// How long whoever sent a command waits for what becomes of it.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Why a retry is refused: nothing is repeated by which an order would be handed over unseen.
pub const WAITS_FOR_APPROVAL: &str = "it waits for an approval: approve it, or refuse it";

/// What became of a command while its sender waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It is done; this is the order's status now.
    Done(OrderStatus),
    /// It may not be done; the sentence is for whoever asked.
    Refused(String),
    /// Nobody answered in time. It stays in the inbox and will be done.
    Later,
}

impl Dispatcher {
    pub(crate) async fn command(&self, message: &Message) -> Dispatched {
        let (order_id, command) = match command::read(&message.body) {
            Ok(kept) => kept,
            Err(error) => return Ok(Outcome::Unreadable(error.to_string())),
        };
        let Some(order) = self.order(&order_id).await? else {
            return Ok(Outcome::skipped("no such order", None));
        };
        match &command {
            Command::OrderPlaced => self.order_placed(order).await,
            Command::StockAvailable { cause } => self.stock_available(message, order, cause).await,
            Command::StockCounted { .. } if order.story_ended_at.is_some() => {
                Ok(Outcome::skipped("the order is closed", Some(order.order_id)))
            }
            Command::Edited { .. } | Command::StockCounted { .. } => self.have_run_look(message, order).await,
            Command::Retry { actor } => self.retry(message, order, *actor).await,
            Command::Cancel { .. } => self.cancel(message, order, &command).await,
            Command::SetStatus { status: OrderStatus::Cancelled, .. } if is_open_in_its_shop(&order) => {
                self.cancel(message, order, &command).await
            }
            Command::SetStatus { .. } | Command::ReleaseHold { .. } | Command::Resolve(_) => {
                self.ask_again(message, order, &command).await
            }
        }
    }

    /// The order's reservation may be provisional until it is confirmed. One that was given back meanwhile is made
    /// anew by the order's run.
    async fn order_placed(&self, order: Order) -> Dispatched {
        // Of an order that awaits its allocation nothing is reserved yet.
        if order.story_ended_at.is_none() && !order.awaits_allocation {
            self.confirm_reservation(&order).await?;
        }
        self.begin(&order).await?;
        Ok(Outcome::done(order.order_id))
    }

    async fn confirm_reservation(&self, order: &Order) -> Result<(), DispatchError> {
        match self.settings.stock.confirm(order).await {
            Ok(true) => {}
            Ok(false) => {
                warn!(order.id = %order.order_id, "the order's reservation was given back before it was confirmed");
            }
            // Its run is refused the same, and asks a person.
            Err(error @ StockError::Refused { .. }) => {
                warn!(order.id = %order.order_id, %error, "the order's reservation cannot be confirmed");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// What was reserved for an order that awaited its allocation may be provisional, too.
    async fn stock_available(&self, message: &Message, order: Order, cause: &str) -> Dispatched {
        if order.story_ended_at.is_some() {
            return Ok(Outcome::skipped("the order is closed", Some(order.order_id)));
        }
        if cause == stock::AWAITED {
            self.confirm_reservation(&order).await?;
        }
        let input = json!({"messageId": message.message_id});
        match self.signal(&order.workflow_id, names::STOCK_AVAILABLE, &input, request_id(message)).await? {
            SignalOutcome::Run => Ok(Outcome::done(order.order_id)),
            SignalOutcome::NoRun => Ok(Outcome::no_run_yet(message, order.order_id)),
        }
    }

    /// Retries the parked step; an order whose run is gone gets a new one.
    async fn retry(&self, message: &Message, order: Order, actor: Actor) -> Dispatched {
        if order.story_ended_at.is_some() {
            return Ok(Outcome::skipped("the order is closed", Some(order.order_id)));
        }
        if self.waits_for_approval(&order.order_id).await? {
            return Ok(Outcome::skipped(WAITS_FOR_APPROVAL, Some(order.order_id)));
        }
        let input = json!({"actor": actor});
        if self.signal(&order.workflow_id, names::RETRY, &input, request_id(message)).await?
            == SignalOutcome::Run
        {
            return Ok(Outcome::done(order.order_id));
        }
        self.start_anew(&order, Resolution::Retry, actor).await?;
        Ok(Outcome::done(order.order_id))
    }

    /// Cancels the order by the signal: whoever sent the command has not waited for the answer.
    async fn cancel(&self, message: &Message, order: Order, command: &Command) -> Dispatched {
        if order.story_ended_at.is_some() && is_open_in_its_shop(&order) {
            let mut tx = self.pool.begin().await?;
            progress::set_story_ended(&mut tx, &order.order_id, false).await?;
            tx.commit().await?;
        } else if order.story_ended_at.is_some() {
            let commanded = self.answer_of_record(&order, command).await?;
            return Ok(match commanded {
                CommandOutcome::Done(_) => Outcome::done(order.order_id),
                _ => Outcome::skipped("the order is closed", Some(order.order_id)),
            });
        }
        let (input, once) = (cancel_input(command), request_id(message));
        let mut reached = self.signal(&order.workflow_id, names::CANCEL, &input, once.clone()).await?;
        if reached == SignalOutcome::NoRun {
            self.start_anew(&order, Resolution::Compensate, command.actor()).await?;
            reached = self.signal(&order.workflow_id, names::CANCEL, &input, once).await?;
        }
        if reached == SignalOutcome::NoRun {
            return Ok(Outcome::no_run_yet(message, order.order_id));
        }
        // A hand-over that looks between the signal and its effect plans anew, and finds it: while this message
        // is not settled by the message, from then on by this note.
        let mut tx = self.pool.begin().await?;
        record::note_cancel_sent(&mut tx, &order.order_id).await?;
        tx.commit().await?;
        Ok(Outcome::done(order.order_id))
    }

    /// Asks again; an Update is not kept by the server before a worker takes it, so the inbox does.
    async fn ask_again(&self, message: &Message, order: Order, command: &Command) -> Dispatched {
        let order_id = order.order_id.clone();
        match self.ask_run(message, &order, command).await? {
            CommandOutcome::Done(_) => Ok(Outcome::done(order_id)),
            CommandOutcome::Refused(_) => Ok(Outcome::skipped(
                match command {
                    Command::SetStatus { .. } => "the order's status does not allow it",
                    _ => "it is not what the order waits for",
                },
                Some(order_id),
            )),
            CommandOutcome::Later => Ok(Outcome::no_run_yet(message, order.order_id)),
        }
    }

    /// Gives a command of a person its effect while they wait: at most [`ANSWER_WITHIN`], with the
    /// message's id as the Update's, so that it can be asked again. Whatever is not known by then
    /// stays in the inbox.
    pub async fn command_now(&self, message: &Message) -> CommandOutcome {
        let known = match self.try_now(message).await {
            Ok(known) => known,
            Err(error) => {
                warn!(inbox.id = message.inbox_id, %error, "command left for later");
                return CommandOutcome::Later;
            }
        };
        let Some((order_id, commanded)) = known else { return CommandOutcome::Later };
        let outcome = match &commanded {
            CommandOutcome::Done(_) => Outcome::done(order_id),
            CommandOutcome::Refused(_) => Outcome::skipped("refused", Some(order_id)),
            CommandOutcome::Later => return CommandOutcome::Later,
        };
        if let Err(error) = self.settle(message, outcome).await {
            // It comes up again, and then finds it done or refused.
            warn!(inbox.id = message.inbox_id, %error, "command could not be settled");
        }
        commanded
    }

    async fn try_now(&self, message: &Message) -> Result<Option<(OrderId, CommandOutcome)>, DispatchError> {
        let Ok((order_id, command)) = command::read(&message.body) else { return Ok(None) };
        let Some(order) = self.order(&order_id).await? else { return Ok(None) };
        let commanded = self.ask_run(message, &order, &command).await?;
        Ok(Some((order.order_id, commanded)))
    }

    /// Asks the order's run by an Update; an order whose story has ended answers from its record.
    async fn ask_run(
        &self,
        message: &Message,
        order: &Order,
        command: &Command,
    ) -> Result<CommandOutcome, DispatchError> {
        let mut step = None;
        if let Command::Resolve(answer) = command {
            match self.answer_row(message, order, answer).await? {
                RowAnswer::Known(outcome) => return Ok(outcome),
                RowAnswer::OfStep(of_row) => step = of_row,
            }
        }
        if order.story_ended_at.is_some() {
            return self.answer_of_record(order, command).await;
        }
        let (actor, reason) = (command.actor(), command.reason());
        let resolve = |action: Resolution| {
            json!({
                "action": action, "actor": actor, "reason": reason, "step": step, "message": message.inbox_id,
            })
        };
        let (name, input) = match command {
            Command::SetStatus { status, .. } => {
                (names::SET_STATUS, json!({"status": status, "actor": actor, "reason": reason}))
            }
            Command::Cancel { .. } => (names::CANCEL_ORDER, cancel_input(command)),
            Command::Resolve(answer) => {
                let mut input = resolve(answer.action);
                if answer.edit.is_some() {
                    // It may hold an address, which stays in the message.
                    input["edit"] = json!("in_message");
                }
                (names::RESOLVE, input)
            }
            Command::ReleaseHold { .. } => (names::RESOLVE, resolve(Resolution::ReleaseHold)),
            Command::Retry { actor } => {
                if self.waits_for_approval(&order.order_id).await? {
                    return Ok(CommandOutcome::Refused(WAITS_FOR_APPROVAL.to_owned()));
                }
                self.retry(message, order.clone(), *actor).await?;
                return Ok(CommandOutcome::Done(order.status));
            }
            // Nobody waits for these.
            Command::OrderPlaced
            | Command::StockAvailable { .. }
            | Command::StockCounted { .. }
            | Command::Edited { .. } => return Ok(CommandOutcome::Later),
        };
        let asked = self.update(&order.workflow_id, name, &input, request_id(message));
        match timeout(ANSWER_WITHIN, asked).await.unwrap_or(Ok(UpdateOutcome::NoAnswer))? {
            UpdateOutcome::Done(answer) => Ok(CommandOutcome::Done(answer.status)),
            UpdateOutcome::Refused(sentence) => Ok(CommandOutcome::Refused(sentence)),
            // It may have come to its end a moment ago, and then the record knows.
            UpdateOutcome::NoAnswer => match self.order(&order.order_id).await? {
                Some(now) if now.story_ended_at.is_some() => self.answer_of_record(&now, command).await,
                _ => Ok(CommandOutcome::Later),
            },
        }
    }

    /// What the record answers once the story has ended. An order that was not to be fulfilled can
    /// still be cancelled: nothing was done for it, so the record is all there is to change, unless it
    /// is open in its shop; then a run cancels it there, too.
    async fn answer_of_record(
        &self,
        order: &Order,
        command: &Command,
    ) -> Result<CommandOutcome, DispatchError> {
        let status = order.status;
        let to = match command {
            Command::SetStatus { status, .. } => *status,
            Command::Cancel { .. } => OrderStatus::Cancelled,
            _ => return Ok(CommandOutcome::Refused(format!("nothing is parked. Current status: {status}"))),
        };
        if to == OrderStatus::Cancelled && is_open_in_its_shop(order) {
            return Ok(CommandOutcome::Later);
        }
        let is_ignored = order.condition == Some(Condition::Ignored);
        if (status == OrderStatus::Pending || is_ignored) && to == OrderStatus::Cancelled {
            let mut tx = self.pool.begin().await?;
            let actor = command.actor();
            progress::note_cancelled_by(&mut tx, &order.order_id, actor, command.reason()).await?;
            let by = format!("by {actor}");
            let event = TimelineEvent::Cancelled;
            let moved = progress::move_to(&mut tx, &order.order_id, to, event, Some(&by)).await?;
            // It was taken up again and has left since it was looked at: what was noted goes with the transaction.
            if let StatusMove::Refused(status) = moved {
                return Ok(cannot_be_cancelled(status));
            }
            tx.commit().await?;
            return Ok(CommandOutcome::Done(to));
        }
        Ok(match to {
            _ if to == status => CommandOutcome::Done(status),
            OrderStatus::Cancelled => cannot_be_cancelled(status),
            _ => CommandOutcome::Refused(format!("Status cannot become {to}. Current status: {status}")),
        })
    }

    pub(crate) async fn order(&self, order_id: &OrderId) -> Result<Option<Order>, DispatchError> {
        let mut conn = self.pool.acquire().await?;
        Ok(record::find(&mut conn, order_id).await?)
    }

    async fn waits_for_approval(&self, order: &OrderId) -> Result<bool, DispatchError> {
        Ok(attention::waits_for_approval(&mut *self.pool.acquire().await?, order).await?)
    }

    /// A new run for an order whose run is gone, or was never started.
    async fn start_anew(
        &self,
        order: &Order,
        resolution: Resolution,
        actor: Actor,
    ) -> Result<(), DispatchError> {
        let mut tx = self.pool.begin().await?;
        let given =
            Given { resolution: resolution.as_str(), by: actor.as_str(), reason: None, message: None };
        attention::resolve(&mut tx, &order.order_id, None, given).await?;
        tx.commit().await?;
        self.begin(order).await.map(|_| ())
    }
}

/// An order that was not to be fulfilled stays open in the shop until it is cancelled there.
fn is_open_in_its_shop(order: &Order) -> bool {
    order.condition == Some(Condition::Ignored)
        && order.channel.shop().is_some()
        && order.status < OrderStatus::Shipped
}

fn cannot_be_cancelled(status: OrderStatus) -> CommandOutcome {
    CommandOutcome::Refused(format!("Order cannot be cancelled. Current status: {status}"))
}

fn cancel_input(command: &Command) -> Value {
    json!({"actor": command.actor(), "reason": command.reason()})
}
