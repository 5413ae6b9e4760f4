//! Bulk answers, as the interface shows them.

use chrono::{DateTime, Utc};
use domain::Resolution;
use orders::bulk::{Bulk, Meant, Parked, RowReport};
use serde::Serialize;
use utoipa::ToSchema;

/// How many of those that are meant, or are left alone, a dry run names.
const NAMED: usize = 50;

/// A bulk answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswer)]
pub(super) struct BulkBody {
    #[schema(example = "outage-of-monday")]
    bulk_id: String,
    #[schema(example = "retry")]
    action: String,
    by: String,
    reason: String,
    at: DateTime<Utc>,
    /// When the last of them was asked, or it was stopped; null while some are still to be.
    finished_at: Option<DateTime<Utc>>,
    /// When a person stopped it.
    stopped_at: Option<DateTime<Utc>>,
    stopped_by: Option<String>,
    stop_reason: Option<String>,
    /// Parked steps that it is for.
    #[schema(minimum = 0, example = 37)]
    orders: i64,
    /// Those of them that were asked.
    #[schema(minimum = 0, example = 12)]
    asked: i64,
}

impl From<Bulk> for BulkBody {
    fn from(bulk: Bulk) -> Self {
        Self {
            bulk_id: bulk.bulk_id,
            action: bulk.action,
            by: bulk.asked_by,
            reason: bulk.reason,
            at: bulk.asked_at,
            finished_at: bulk.finished_at,
            stopped_at: bulk.stopped_at,
            stopped_by: bulk.stopped_by,
            stop_reason: bulk.stop_reason,
            orders: bulk.orders,
            asked: bulk.sent,
        }
    }
}

/// What a bulk answer is for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswerTaken)]
pub(super) struct TakenBody {
    /// Null of a dry run.
    #[schema(example = "outage-of-monday")]
    pub(super) bulk_id: Option<String>,
    /// Parked steps that are meant and may be answered like this.
    #[schema(minimum = 0, example = 37)]
    pub(super) orders: i64,
    /// The first of them.
    first: Vec<MeantBody>,
    /// The newest of them; null if there is none.
    #[schema(example = 48)]
    up_to: Option<i64>,
    /// Parked steps like them that came after `upTo` and are left out.
    #[schema(minimum = 0, example = 0)]
    later: i64,
    /// What the filter finds and may not be answered like this.
    #[schema(minimum = 0, example = 2)]
    except: i64,
    /// The first of those.
    exceptions: Vec<ExceptionBody>,
}

impl TakenBody {
    pub(super) fn new(bulk_id: Option<String>, meant: &Meant) -> Self {
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        Self {
            bulk_id,
            orders: count(meant.rows.len()),
            first: meant.rows.iter().take(NAMED).map(MeantBody::from).collect(),
            up_to: meant.rows.iter().map(|row| row.attention_id).max(),
            later: count(meant.later),
            except: count(meant.exceptions.len()),
            exceptions: meant.exceptions.iter().take(NAMED).map(ExceptionBody::from).collect(),
        }
    }

    /// What was asked for before.
    pub(super) fn known(bulk: Bulk) -> Self {
        Self {
            bulk_id: Some(bulk.bulk_id),
            orders: bulk.orders,
            first: Vec::new(),
            up_to: None,
            later: 0,
            except: 0,
            exceptions: Vec::new(),
        }
    }
}

/// What waits and may not be answered like this.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswerException)]
pub(super) struct ExceptionBody {
    #[serde(flatten)]
    row: MeantBody,
    /// What may be answered to it.
    #[schema(value_type = Vec<String>, example = json!(["approve", "refuse"]))]
    answers: Vec<Resolution>,
}

impl From<&Parked> for ExceptionBody {
    fn from(parked: &Parked) -> Self {
        Self { row: parked.into(), answers: parked.answers() }
    }
}

/// A parked step that is meant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswerMeant)]
pub(super) struct MeantBody {
    #[schema(example = 11)]
    attention_id: i64,
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: String,
    #[schema(example = "hand_over")]
    step: String,
    #[schema(example = "WMS_UNREACHABLE")]
    reason: String,
}

impl From<&Parked> for MeantBody {
    fn from(parked: &Parked) -> Self {
        Self {
            attention_id: parked.attention_id,
            order_number: parked.order_number.clone(),
            step: parked.step.clone(),
            reason: parked.reason.clone(),
        }
    }
}

/// What became of one parked step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswerRow)]
pub(super) struct RowBody {
    #[schema(example = 11)]
    attention_id: i64,
    order_id: String,
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: Option<String>,
    /// `WAITS` to be asked, `ASKED`, `ANSWERED`, `REFUSED`, `ANSWERED_BEFORE` by somebody else, or `STOPPED` before it
    /// was asked.
    #[schema(example = "ANSWERED")]
    outcome: &'static str,
    /// Why it was refused.
    refused: Option<String>,
    /// Where the order stands now.
    #[schema(example = "PROCESSING")]
    status: Option<String>,
}

impl RowBody {
    pub(super) fn new(row: RowReport, is_stopped: bool) -> Self {
        let outcome = match (&row.sent_at, row.state.as_deref()) {
            (None, _) if is_stopped => "STOPPED",
            (None, _) => "WAITS",
            (Some(_), None) => "ANSWERED_BEFORE",
            (Some(_), Some("DONE")) => "ANSWERED",
            (Some(_), Some("SKIPPED" | "STORED" | "UNREADABLE")) => "REFUSED",
            (Some(_), Some(_)) => "ASKED",
        };
        Self {
            attention_id: row.attention_id,
            order_id: row.order_id,
            order_number: row.order_number,
            outcome,
            refused: row.refused.filter(|_| outcome == "REFUSED"),
            status: row.status,
        }
    }
}
