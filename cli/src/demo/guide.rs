//! What to look at once the demo is up: the picture of an order's way, and commands to paste.

use std::path::Path;

use url::form_urlencoded::byte_serialize;

use super::screen::Screen;
use super::settings::{Listen, SHOP, Settings};

const WAY: &str = "
  Shopify --webhook--> API --inbox--> Temporal --tasks--> worker
     ^                  ^                                   |  reserves stock
     |                  |                                   |  hands over
     |                  +-------callback------- WMS <-------+
     +--------------------tracking number-------------------+";

/// Draws the way every order takes.
pub fn show_way(screen: Screen) {
    screen.headline("The way it took");
    screen.line(WAY.trim_start_matches('\n'));
}

/// Prints what to look at and what to try, as commands to paste.
pub fn show_commands(
    screen: Screen,
    settings: &Settings,
    order_id: &str,
    shopify_order_id: &str,
    worker_pid: &Path,
) {
    let api = settings.api.url();
    let faults = format!("{}/_faults", settings.warehouse.url());
    let send = send_order(&settings.shopify);
    screen.headline("What to look at (commands are for a second terminal, in this folder)");
    screen.command(
        "The order, as the API shows it:",
        &[format!("curl -s {api}/api/orders/{order_id}")],
    );
    screen.command(
        "Its workflow, step by step, in the Temporal Web UI:",
        &[workflow_url(settings, shopify_order_id)],
    );
    screen.command(
        "Send another order (its way shows up here):",
        std::slice::from_ref(&send),
    );
    screen.command(
        "Make the WMS fail three times and watch the next order recover:",
        &[
            put_fault(
                &faults,
                r#"{"operation":"createShipment","status":503,"times":3}"#,
            ),
            send.clone(),
        ],
    );
    screen.command(
        "Kill the worker, send an order, and watch nothing get lost:",
        &[format!("kill -9 $(cat {})", worker_pid.display()), send],
    );
}

/// The workflow's page; its id is `order/{shop}/{shopify order id}`.
fn workflow_url(settings: &Settings, shopify_order_id: &str) -> String {
    let id = format!("order/{SHOP}/{shopify_order_id}");
    let encoded: String = byte_serialize(id.as_bytes()).collect();
    format!(
        "{}/namespaces/default/workflows/{encoded}",
        settings.temporal_ui.url()
    )
}

fn send_order(shopify: &Listen) -> String {
    if shopify.address.port() == 9090 {
        return "scripts/send-order.sh".to_owned();
    }
    format!(
        "{}={} scripts/send-order.sh",
        shopify.variable,
        shopify.reachable()
    )
}

fn put_fault(url: &str, rule: &str) -> String {
    format!(
        "curl -s -X PUT {url} -H 'Content-Type: application/json' \\\n      -d '{{\"rules\":[{rule}]}}'"
    )
}
