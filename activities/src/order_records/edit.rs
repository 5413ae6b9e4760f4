//! A change of the order that an answer to a parked step asks for.
//!
//! **Invariant:** it is refused whole or made whole, in one transaction, and once for each request.

use domain::{OrderStatus, Sku, WarehouseId};
use inventory::InventoryError;
use orders::{
    Order, command,
    edits::{self, Change, Known, Request, WantedEdit},
    record,
};
use sqlx::PgConnection;
use stock::StockError;
use workflows::{
    contract::{EditOutcome, EditToMake},
    messages,
};

use super::OrderRecords;
use crate::attempt::AttemptError;

/// What the record keeps where nobody said why.
const NO_REASON: &str = "with the answer to a parked step";

impl OrderRecords {
    pub(super) async fn edit(&self, input: &EditToMake) -> Result<EditOutcome, AttemptError> {
        let refused = |why: &str| Ok(EditOutcome::Refused { why: why.to_owned() });
        let mut tx = self.pool.begin().await?;
        let answer = match input.message {
            Some(message) => command::answer_in(&mut tx, message, &input.order_id).await?,
            None => None,
        };
        let by = answer.as_ref().map_or(input.by.as_str(), |answer| answer.by.as_str()).to_owned();
        let wanted = match &input.edit {
            Some(messages::WantedEdit::InMessage) => answer.and_then(|answer| answer.edit),
            Some(messages::WantedEdit::Given { request_id, lines, warehouse }) => Some(WantedEdit {
                request_id: request_id.clone().unwrap_or_else(|| input.request_id.clone()),
                address: None,
                lines: lines.clone(),
                warehouse: warehouse.clone(),
            }),
            None => None,
        };
        let Some(wanted) = wanted else { return refused("edit: the message that had it is gone") };
        let changes = wanted.changes();
        tx.rollback().await?;
        // The inventory service is asked before the order is locked.
        let correlation_id = input.order_id.as_str();
        for (_, sku) in &wanted.lines {
            if !self.is_item(sku, correlation_id).await? {
                return refused(&format!("lines: there is no item {sku}"));
            }
        }
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        match edits::known(&mut tx, &order.order_id, &wanted.request_id, &changes).await? {
            Known::New => {}
            Known::Again => return Ok(EditOutcome::Made),
            Known::Another => return refused("requestId: new for every change; it stands for another one"),
        }
        if let Some(why) = self.why_not(&mut tx, &order, &changes).await? {
            return refused(&why);
        }
        let reason = input.reason.as_deref().unwrap_or(NO_REASON);
        let request = Request { id: &wanted.request_id, by: &by, reason };
        if !edits::make(&mut tx, &order, &changes, request).await? {
            return refused("address: none: its customer asked to be forgotten");
        }
        tx.commit().await?;
        Ok(EditOutcome::Made)
    }

    async fn is_item(&self, sku: &Sku, correlation_id: &str) -> Result<bool, AttemptError> {
        match self.planner.stock.item(sku, correlation_id).await {
            Ok(_) => Ok(true),
            Err(StockError::Inventory(InventoryError::UnknownItem { .. })) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Why a change of this order is refused, by the name of its field.
    async fn why_not(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        changes: &[Change],
    ) -> Result<Option<String>, AttemptError> {
        if order.status >= OrderStatus::Shipped {
            return Ok(Some(format!("edit: the order is {}", order.status)));
        }
        for change in changes {
            match change {
                Change::Sku { line_id, .. }
                    if !order.facts.lines.iter().any(|line| line.line_id == *line_id) =>
                {
                    return Ok(Some(format!("lines: the order has no line {line_id}")));
                }
                Change::Warehouse(warehouse) if !self.is_warehouse(conn, warehouse).await? => {
                    return Ok(Some("warehouseId: a warehouse that there is".to_owned()));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Where stock is kept elsewhere, the warehouses that the settings name, and the first.
    async fn is_warehouse(
        &self,
        conn: &mut PgConnection,
        warehouse: &WarehouseId,
    ) -> Result<bool, AttemptError> {
        if self.planner.stock.is_here() {
            return Ok(inventory::is_warehouse(conn, warehouse).await?);
        }
        Ok(self.planner.systems.names(warehouse) || *warehouse == WarehouseId::main())
    }
}
