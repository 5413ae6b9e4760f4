//! A request to place an order.

use domain::{OrderFacts, OrderId};
use inventory::DemandLine;
use orders::{Order, record};
use sqlx::PgConnection;
use uuid::Uuid;

use super::form::OrderForm;
use crate::{
    idempotency::{self, Begun},
    problem::Problem,
    state::Asked,
};

/// Says which order and under which content a request is about, so that a changed meaning of the
/// fingerprinted text never passes for an old one.
const FINGERPRINT_VERSION: &str = "1";

pub(super) struct Request<'a> {
    pub(super) asked: &'a Asked,
    pub(super) form: &'a OrderForm,
    key: Option<&'a str>,
    /// SHA-256 of what is asked for and by whom.
    pub(super) fingerprint: Vec<u8>,
}

impl<'a> Request<'a> {
    pub(super) fn new(asked: &'a Asked, form: &'a OrderForm, key: Option<&'a str>) -> Result<Self, Problem> {
        let fingerprint = idempotency::fingerprint(&(FINGERPRINT_VERSION, asked.caller.key(), form))?;
        Ok(Self { asked, form, key, fingerprint })
    }

    /// Begins it in its transaction, unless it was answered before.
    pub(super) async fn begin(&self, conn: &mut PgConnection) -> Result<Begun<'_>, Problem> {
        idempotency::begin(conn, &self.asked.caller, self.key, &self.fingerprint).await
    }

    /// Whether the caller is a customer, who names no prices and whose order ids are its own.
    pub(super) fn is_by_customer(&self) -> bool {
        self.asked.caller.confined_to().is_some()
    }

    /// The order's id: that of an operator's own system, or a new one.
    pub(super) fn new_id(&self) -> Result<OrderId, Problem> {
        match &self.form.order_id {
            Some(own_id) if !self.is_by_customer() => Ok(own_id.clone()),
            _ => Problem::of_field("orderId", OrderId::parse(&Uuid::now_v7().to_string())),
        }
    }

    /// The order that has the caller's own id already.
    pub(super) async fn find_known(&self, conn: &mut PgConnection) -> Result<Option<Order>, Problem> {
        Ok(match (&self.form.order_id, &self.form.user_id) {
            (None, _) => None,
            (Some(own_id), Some(user)) if self.is_by_customer() => {
                record::find_by_client_id(conn, user, own_id).await?
            }
            (Some(own_id), _) => record::find(conn, own_id).await?,
        })
    }

    /// The lines as stock is asked for them.
    pub(super) fn demand(&self, facts: &OrderFacts) -> Vec<DemandLine> {
        let lines = facts.lines.iter().zip(&self.form.items);
        lines
            .map(|(line, wanted)| DemandLine {
                line_id: line.line_id.clone(),
                sku: wanted.sku.clone(),
                quantity: wanted.quantity,
            })
            .collect()
    }
}
