//! The simulated Shopify: orders somebody places, webhooks about them, and the Admin API.
//!
//! **Invariant:** no fulfilment order line is fulfilled beyond its quantity, however often a
//! caller asks; what a caller asks twice while there is something left is done twice, as the
//! real mutations do, save under an idempotency key.

mod admin;
mod app;
mod body;
mod bucket;
mod cancelling;
mod dividing;
mod document;
mod fulfilling;
mod fulfilment_orders;
mod granting;
mod invented;
mod inventory;
mod moments;
mod money;
mod moving;
mod orders;
mod placing;
mod refunding;
mod refunds;
mod returns;
mod routing;
mod schema;
mod selection;
mod staff;
mod tagging;
mod tokens;
mod views;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use chrono::Utc;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::control::{self, Control};
use crate::deliveries;
use crate::ledger::Kind;
use crate::settings::{Settings, SettingsError};
use app::App;
use bucket::Bucket;
use document::Documents;
use orders::{OrderBook, ShopOrder};
use tokens::Tokens;

/// Order numbers of invented orders start above this.
const FIRST_ORDER_NUMBER: u64 = 1_000;

/// What the shop says by webhook: topics and bodies, in their order.
type Told = Vec<(&'static str, Value)>;

/// The routes of the simulated Shopify.
pub(crate) fn router(settings: &Settings) -> Result<Router, SettingsError> {
    // A restart must not use the numbers again that callers remember from the run before.
    let seconds = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
    let control = Arc::new(Control::new(deliveries::client()?));
    let shop = Arc::new(Shop {
        book: Mutex::new(OrderBook::empty(Arc::clone(&control))),
        control,
        bucket: Mutex::new(Bucket::new(settings.shopify_bucket_points, settings.shopify_restore_per_s)),
        app: Mutex::new(App::of(settings)),
        tokens: Mutex::new(new_tokens(settings)),
        documents: Documents::of(schema::published_part()),
        settings: settings.clone(),
        last_order_number: AtomicU64::new(FIRST_ORDER_NUMBER + seconds % 10_000_000),
    });
    let forgetful = Arc::clone(&shop);
    let control = control::router(Arc::clone(&shop.control), move || {
        *forgetful.book.lock() = OrderBook::empty(Arc::clone(&forgetful.control));
        forgetful.bucket.lock().refill();
        *forgetful.app.lock() = App::of(&forgetful.settings);
        *forgetful.tokens.lock() = new_tokens(&forgetful.settings);
    });
    Ok(Router::new()
        .route("/admin/api/2026-07/graphql.json", post(admin::call))
        .route("/shops/{shop}/admin/api/2026-07/graphql.json", post(admin::call_of_shop))
        .route("/_orders", post(placing::place))
        .merge(staff::router())
        .merge(granting::router())
        .merge(app::router())
        .with_state(shop)
        .merge(control))
}

fn new_tokens(settings: &Settings) -> Tokens {
    Tokens::lasting(settings.shopify_token_lifetime_ms.map(Duration::from_millis))
}

struct Shop {
    control: Arc<Control>,
    app: Mutex<App>,
    tokens: Mutex<Tokens>,
    book: Mutex<OrderBook>,
    bucket: Mutex<Bucket>,
    documents: Documents,
    settings: Settings,
    last_order_number: AtomicU64,
}

impl Shop {
    /// Records what happened to an order.
    fn record_effect(&self, operation: &str, order: &ShopOrder, effect: &str, mut details: Value) {
        details["effect"] = json!(effect);
        self.control.ledger.record(operation, Kind::Effect, order.subject(), details);
    }
}

/// The payload of a mutation that was refused for these reasons; it has nothing else.
fn user_errors(errors: &Value) -> Value {
    json!({ "userErrors": errors, "orderCancelUserErrors": errors })
}
