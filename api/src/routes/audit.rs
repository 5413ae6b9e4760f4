//! What people did, as a list and as a file.

use std::{collections::VecDeque, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::OrderId;
use futures::{Stream, stream};
use orders::audit::{self, Act, ActKind, Entry, Filter};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::QueryPart,
    field,
    page::{self, Key, Moment, Page},
    problem::Problem,
    state::{Api, Asked},
    word::Word,
};

type KindName = Word<ActKind>;

/// Entries of an export that are held at a time.
const ENTRIES_AT_ONCE: i64 = 500;
const HEAD: &str = "at,actor,kind,target,orderId,orderNumber,reason,detail\r\n";

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export))
}

/// Which entries are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only what this person did, by name.
    #[param(min_length = 1, max_length = 255, example = "anna")]
    actor: Option<String>,
    /// Only what was done to this: an order's id, a SKU, a lane, a warehouse, the id of a row.
    #[param(min_length = 1, max_length = 255, example = "main")]
    target: Option<String>,
    /// Only what is about the order with this id or order number.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: Option<String>,
    /// Only this.
    #[param(value_type = Option<KindName>, example = "STOCK_COUNTED")]
    kind: Option<String>,
    /// Only what was done from then on.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-01T00:00:00Z")]
    from: Option<String>,
    /// Only what was done before then.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-12-01T00:00:00Z")]
    to: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Which entries are to be exported.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Only what this person did, by name.
    #[param(min_length = 1, max_length = 255, example = "anna")]
    actor: Option<String>,
    /// Only what was done to this.
    #[param(min_length = 1, max_length = 255, example = "main")]
    target: Option<String>,
    /// Only what is about the order with this id or order number.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: Option<String>,
    /// Only this.
    #[param(value_type = Option<KindName>, example = "STOCK_COUNTED")]
    kind: Option<String>,
    /// Only what was done from then on.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-01T00:00:00Z")]
    from: Option<String>,
    /// Only what was done before then.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-12-01T00:00:00Z")]
    to: Option<String>,
}

impl ExportQuery {
    fn filter(self) -> Result<Filter, Problem> {
        let text =
            |name: &str, given: Option<String>| given.map(|given| field::text(name, &given)).transpose();
        let order = self.order_id.map(|id| Problem::of_field("orderId", OrderId::parse(&id))).transpose()?;
        Ok(Filter {
            actor: text("actor", self.actor)?,
            target: text("target", self.target)?,
            order: order.map(String::from),
            kind: self.kind.map(|kind| Problem::of_field("kind", kind.parse())).transpose()?,
            from: moment("from", self.from)?,
            to: moment("to", self.to)?,
        })
    }
}

/// Something a person did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
struct EntryBody {
    #[schema(example = "count-17")]
    entry_id: String,
    at: DateTime<Utc>,
    /// Who, by the name in the token; `customer` for whoever acted on orders of their own.
    #[schema(example = "anna")]
    actor: String,
    #[schema(value_type = KindName, example = "STOCK_COUNTED")]
    kind: String,
    /// What it was done to.
    #[schema(example = "TEA-EARL-GREY-100")]
    target: String,
    /// The order it is about, if it is about one.
    order_id: Option<String>,
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: Option<String>,
    /// Why, in their words.
    #[schema(example = "yearly count")]
    reason: Option<String>,
    #[schema(example = "412 found in main, 415 were on hand")]
    detail: Option<String>,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        let Entry { entry_id, at, actor, kind, target, order_id, order_number, reason, detail } = entry;
        Self { entry_id, at, actor, kind, target, order_id, order_number, reason, detail }
    }
}

/// What people did, newest first
///
/// Commands for orders, answers, edits, pauses of lanes, counts and bookings of stock, warehouses, replays, dead letters,
/// subscriptions, and what was fetched of customers: who, when, what, to what and why. Commands are here as they were
/// asked for, whether or not they could be done.
#[utoipa::path(
    get, path = "/api/audit", tag = "operations", operation_id = "listAudit", params(ListQuery),
    responses((
        status = 200, description = "A page of entries", body = Vec<EntryBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Page<EntryBody>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::after::<(Moment, Key)>(query.cursor.as_deref())?;
    let after = after.map(|(at, Key(entry))| (at.into(), entry));
    let ListQuery { actor, target, order_id, kind, from, to, .. } = query;
    let filter = ExportQuery { actor, target, order_id, kind, from, to }.filter()?;
    let mut conn = api.pool.acquire().await?;
    let entries = audit::list(&mut conn, &filter, after.as_ref(), limit + 1).await?;
    Ok(Page::new(entries, limit, &uri, |last| (Moment::of(last.at), Key(last.entry_id.clone())))
        .map(EntryBody::from))
}

/// Export what people did
///
/// As a table (CSV, RFC 4180, UTF-8), newest first, however much it is. A text that a spreadsheet would take for a
/// formula begins with an apostrophe. That it was exported is an entry itself.
#[utoipa::path(
    get, path = "/api/audit/export", tag = "operations", operation_id = "exportAudit", params(ExportQuery),
    responses((status = 200, description = "The table", body = String, content_type = "text/csv"))
)]
async fn export(
    Asked { api, caller, .. }: Asked,
    QueryPart(query): QueryPart<ExportQuery>,
) -> Result<Response, Problem> {
    let mut filter = query.filter()?;
    let now = Utc::now();
    filter.to = Some(filter.to.map_or(now, |to| to.min(now)));
    let act = Act {
        by: caller.acts_as(),
        kind: ActKind::AuditExported,
        target: "audit",
        order: None,
        reason: None,
        detail: None,
    };
    audit::note(&mut *api.pool.acquire().await?, &act).await?;
    let table = Table { pool: api.pool, filter: Arc::new(filter), after: None, ready: [HEAD.into()].into() };
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    let name = HeaderValue::from_static("attachment; filename=\"audit.csv\"");
    Ok(([kind, (header::CONTENT_DISPOSITION, name)], Body::from_stream(table.stream())).into_response())
}

/// A table that is read as it is sent: what is held of it is a page, and no connection waits for a slow reader.
struct Table {
    pool: PgPool,
    filter: Arc<Filter>,
    /// Where the next page begins.
    after: Option<(DateTime<Utc>, String)>,
    /// What is to be sent before it is read.
    ready: VecDeque<Bytes>,
}

impl Table {
    fn stream(self) -> impl Stream<Item = Result<Bytes, Problem>> + Send {
        stream::try_unfold(self, |mut table| async move {
            if let Some(part) = table.ready.pop_front() {
                return Ok(Some((part, table)));
            }
            let mut conn = table.pool.acquire().await?;
            let entries =
                audit::list(&mut conn, &table.filter, table.after.as_ref(), ENTRIES_AT_ONCE).await?;
            drop(conn);
            let Some(last) = entries.last() else { return Ok(None) };
            table.after = Some(last.position());
            let rows: String = entries.iter().map(row).collect();
            Ok(Some((Bytes::from(rows), table)))
        })
    }
}

fn row(entry: &Entry) -> String {
    let at = entry.at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let text = |text: &Option<String>| text.as_deref().map(cell).unwrap_or_default();
    let cells = [
        cell(&at),
        cell(&entry.actor),
        cell(&entry.kind),
        cell(&entry.target),
        text(&entry.order_id),
        text(&entry.order_number),
        text(&entry.reason),
        text(&entry.detail),
    ];
    cells.join(",") + "\r\n"
}

/// A cell, in quotation marks. Spreadsheets calculate what begins like a formula, also behind white space.
fn cell(text: &str) -> String {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']);
    let harmless = if is_formula { "'" } else { "" };
    format!("\"{harmless}{}\"", text.replace('"', "\"\""))
}

fn moment(name: &str, given: Option<String>) -> Result<Option<DateTime<Utc>>, Problem> {
    let read = |text: String| {
        DateTime::parse_from_rfc3339(&text).map(|moment| moment.with_timezone(&Utc)).map_err(|_| {
            Problem::invalid(name, "a time as RFC 3339 has it, for example 2026-11-01T00:00:00Z")
        })
    };
    given.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_no_formula() {
        for (text, written) in [
            ("plain, and more", "\"plain, and more\""),
            ("say \"when\"", "\"say \"\"when\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            (" \t=cmd", "\"' \t=cmd\""),
            ("a=b", "\"a=b\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
