//! What to look at once the demo is up: the picture of an order's way, and commands to paste.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use url::form_urlencoded::byte_serialize;

use super::orders::Order;
use super::settings::{Settings, usual};
use crate::output::Output;

const WAY: &str = "
  Shopify --webhook--> API --inbox--> Temporal --tasks--> worker
     ^                  ^                                   |  reserves stock
     |                  |                                   |  hands over
     |                  +-------callback------- WMS <-------+
     +--------------------tracking number-------------------+";

/// Draws the way every order takes.
pub fn show_way(screen: Output) {
    screen.headline("The way it took");
    screen.line(WAY.trim_start_matches('\n'));
}

/// The commands the demo prints, as they work in its folder.
pub struct Guide<'a> {
    settings: &'a Settings,
    send_order: String,
    temporal: String,
}

impl<'a> Guide<'a> {
    /// Commands for servers at these addresses.
    pub fn new(settings: &'a Settings) -> Self {
        Self { settings, send_order: send_order(&settings.shopify), temporal: temporal_program() }
    }

    /// Prints what to look at and what to try.
    pub fn show(&self, screen: Output, first: &Order) {
        let send = || self.send_order.clone();
        screen.headline("What to look at");
        screen.command(
            "The console: what needs a person, orders, stock, lanes:",
            &[format!("{}/console/", self.settings.api)],
        );
        screen.command(
            "The order in it:",
            &[format!("{}/console/orders/{}", self.settings.api, first.order_id)],
        );
        screen.command(
            "The order, as the API shows it:",
            &[format!("curl -s {}/api/orders/{}", self.settings.api, first.order_id)],
        );
        screen.command("Its workflow, step by step, in the Temporal Web UI:", &[self.workflow_page(first)]);
        screen.headline("What to try, in a second terminal and in this folder");
        screen.command("Send another order; its way shows up here:", &[send()]);
        screen.command(
            "The WMS fails twice, and the next order recovers by itself:",
            &[self.faults(r#"{"operation":"createShipment","status":503,"times":2}"#), send()],
        );
        screen.command(
            "It is down, and the next order waits. Once it is back the order goes on by itself, within half a minute:",
            &[self.faults(r#"{"operation":"*","status":503,"times":1000}"#), send(), self.faults("")],
        );
        screen.command(
            "It refuses the address, and the next order is parked. How to retry it is said here then:",
            &[self.faults(r#"{"operation":"createShipment","code":"bad_address"}"#), send()],
        );
        let kill = format!("kill -9 $(cat {}/pids/worker)", self.settings.folder);
        screen.command("Kill the worker and send an order: nothing gets lost:", &[kill, send()]);
    }

    /// Prints how a parked order is looked at and answered.
    pub fn show_answers(&self, screen: Output, order: &Order) {
        screen.notice("    It waits for a person: look at it, mend the cause, then retry it.");
        screen.command_line(&self.workflow_page(order));
        screen.command_line(&format!(
            "{} workflow signal --address {} \\\n      --workflow-id {} --name retry",
            self.temporal, self.settings.temporal, order.workflow_id
        ));
    }

    fn workflow_page(&self, order: &Order) -> String {
        let encoded: String = byte_serialize(order.workflow_id.as_bytes()).collect();
        format!("{}/namespaces/default/workflows/{encoded}", self.settings.temporal_ui)
    }

    /// Has the WMS misbehave by this rule; by none it does what it should.
    fn faults(&self, rule: &str) -> String {
        format!(
            "curl -s -X PUT http://{}/_faults -H 'Content-Type: application/json' \\\n      \
             -d '{{\"rules\":[{rule}]}}'",
            self.settings.warehouse
        )
    }
}

fn send_order(shopify: &str) -> String {
    const VARIABLE: &str = "SIM_SHOPIFY_LISTEN";
    if usual(VARIABLE) == Some(shopify) {
        return "scripts/send-order.sh".to_owned();
    }
    format!("{VARIABLE}={shopify} scripts/send-order.sh")
}

/// `temporal` where PATH has it, else where the scripts found or put it.
fn temporal_program() -> String {
    let found =
        Command::new("scripts/tools.sh").arg("temporal").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let program =
        found.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let on_path = env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|folder| Path::new(&program).parent() == Some(folder.as_path()))
    });
    if program.is_empty() || on_path { "temporal".to_owned() } else { program }
}
