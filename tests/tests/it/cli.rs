//! The `waybill` program as operators and scripts use it: the real program against a running API.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, World, until},
};

mod acts;
mod health;
mod inbox;
mod stand_in;
mod stock;

/// How a run of the program ended.
#[derive(Debug)]
pub struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    /// The answer that `--json` printed.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The first line that contains a text.
    pub fn line(&self, text: &str) -> &str {
        self.out.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}: {self:?}"))
    }

    /// What it ended with.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// What it said of what went wrong.
    pub fn err(&self) -> &str {
        &self.err
    }

    /// All that it printed.
    pub fn out(&self) -> &str {
        &self.out
    }

    /// With no word about anything wrong.
    pub fn ended_well(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        assert_eq!(self.err, "");
        self
    }
}

/// Runs the program against the API at an address.
async fn waybill_at(address: &str, arguments: &[&str]) -> Run {
    waybill_with_token(address, "", arguments).await
}

async fn waybill_with_token(address: &str, token: &str, arguments: &[&str]) -> Run {
    let folder = std::env::var("TEST_BIN_DIR").expect("`make test` builds the programs");
    let ended = Command::new(format!("{folder}/waybill"))
        .args(arguments)
        .env("WAYBILL_API", address)
        .env("TZ", "UTC")
        .env("WAYBILL_TOKEN", token)
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Run { code: ended.status.code().expect("a code"), out: text(ended.stdout), err: text(ended.stderr) }
}

/// Runs the program against a world.
pub async fn waybill(world: &World, arguments: &[&str]) -> Run {
    waybill_at(&world.api(""), arguments).await
}

fn number(order: &Value) -> &str {
    order["orderNumber"].as_str().expect("a number")
}

async fn api_answers(world: &World, path: &str) -> Value {
    world.http.get(world.api(path)).send().await.unwrap().json().await.unwrap()
}

#[test]
fn an_order_is_listed_and_shown_with_all_that_left() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-SHOWN", 5).await;
        let order = Placed::new(SHOP, &["CLI-SHOWN"], 2);
        world.place(&order).await;
        let known = world.until_order(&order, "status", &["DELIVERED"]).await;

        let listed =
            waybill(world, &["orders", "list", "--shop", SHOP, "--status", "delivered", "--limit", "200"])
                .await;
        let columns: Vec<&str> = listed.out.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(columns, ["ORDER", "FROM", "STATUS", "CONDITION", "TOTAL", "AGE"]);
        let row: Vec<&str> = listed.line(number(&known)).split_whitespace().collect();
        let name = format!("#{}", order.id);
        assert_eq!(row[..6], [number(&known), "quick", &name, "DELIVERED", "29.90", "EUR"]);
        assert!(listed.out.lines().all(|line| line.chars().count() <= 100), "{}", listed.out);
        assert!(!listed.out.contains('\u{1b}'), "no colours where nobody looks");

        let shown = waybill(world, &["orders", "show", number(&known)]).await.ended_well();
        assert!(shown.line("Status").ends_with("DELIVERED"), "{shown:?}");
        assert!(shown.line("Workflow").ends_with(&order.workflow()), "{shown:?}");
        let item: Vec<&str> = shown.line("CLI-SHOWN").split_whitespace().collect();
        assert_eq!(item.last_chunk::<3>().unwrap(), &["2", "29.90", "59.80"]);
        let parcel = shown.line(&format!("{}-main-1", number(&known)));
        assert!(parcel.contains("delivered"), "{parcel}");
        assert!(!shown.out.contains("waits for a person"), "{shown:?}");
    });
}

#[test]
fn the_timeline_tells_what_happened_in_its_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-TIMELINE", 5).await;
        let order = Placed::new(SHOP, &["CLI-TIMELINE"], 1);
        world.place(&order).await;
        let known = world.until_order(&order, "status", &["DELIVERED"]).await;
        let told = waybill(world, &["orders", "timeline", number(&known)]).await.ended_well();
        let place = |event: &str| {
            told.out
                .lines()
                .position(|line| line.split_whitespace().any(|word| word == event))
                .unwrap_or_else(|| panic!("no {event}: {told:?}"))
        };
        assert!(place("RECEIVED") < place("RESERVED"));
        assert!(place("RESERVED") < place("SHIPPED"));
        assert!(place("SHIPPED") < place("DELIVERED"));
        assert!(told.line("RESERVED").contains(" +"), "{told:?}");
    });
}

#[test]
fn for_scripts_the_answer_is_printed_as_it_is() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-JSON", 5).await;
        let placed = world.place_at_api("CLI-JSON", 1, Some("10m")).await;
        let id = placed["orderId"].as_str().unwrap();
        for (arguments, path) in [
            (vec!["orders", "show", id], format!("/api/orders/{id}")),
            (vec!["orders", "timeline", id], format!("/api/orders/{id}/timeline")),
        ] {
            let expected = world.http.get(world.api(&path)).send().await.unwrap().text().await.unwrap();
            let printed = waybill(world, &[&arguments[..], &["--json"]].concat()).await.ended_well();
            assert_eq!(printed.out, format!("{expected}\n"));
        }
        let refused = waybill(world, &["--json", "orders", "show", "no-such-order"]).await;
        assert_eq!(refused.code, 3);
        assert_eq!(refused.json()["type"], "https://waybill.dev/errors/order-not-found");
    });
}

#[test]
fn an_order_is_cancelled_once_and_cancelling_it_again_is_a_success() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-CANCELLED", 5).await;
        let placed = world.place_at_api("CLI-CANCELLED", 2, Some("10m")).await;
        let number = number(&placed);

        let unconfirmed = waybill(world, &["orders", "cancel", number]).await;
        assert_eq!((unconfirmed.code, unconfirmed.out.as_str()), (2, ""));
        assert!(unconfirmed.err.contains("--yes"), "{unconfirmed:?}");
        world.until_api_order(&placed, &["PENDING"]).await;

        let cancel = ["orders", "cancel", number, "--yes", "--reason", "two of them by mistake"];
        for _ in 0..2 {
            let cancelled = waybill(world, &cancel).await.ended_well();
            assert_eq!(cancelled.out, format!("Order {number} is cancelled.\n"));
        }
        assert_eq!(world.available("CLI-CANCELLED").await, 5);
    });
}

#[test]
fn an_order_that_has_left_is_not_cancelled_and_the_refusal_says_what_to_do() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-LEFT", 5).await;
        let order = Placed::new(SHOP, &["CLI-LEFT"], 1);
        world.place(&order).await;
        let known = world.until_order(&order, "status", &["DELIVERED"]).await;
        let refused = waybill(world, &["orders", "cancel", number(&known), "--yes"]).await;
        assert_eq!((refused.code, refused.out.as_str()), (1, ""));
        let lines: Vec<&str> = refused.err.lines().collect();
        assert_eq!(lines[0], "error: Order cannot be cancelled. Current status: DELIVERED");
        assert!(lines[1].starts_with("  correlation id: "), "{refused:?}");
        assert!(lines[2].starts_with("  what to do: "), "{refused:?}");
    });
}

#[test]
fn an_order_that_is_stuck_says_so_and_ships_after_a_retry() {
    let world = &*WORLD;
    world::run(async {
        let sku = "CLI-STUCK";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "WMS_BAD_ADDRESS");
        let known = world.order(&order).await;

        let stuck =
            waybill(world, &["orders", "list", "--condition", "NEEDS_ATTENTION", "--shop", SHOP, "--all"])
                .await;
        assert!(stuck.line(number(&known)).contains("NEEDS_ATTENTION"), "{stuck:?}");
        assert!(stuck.out.contains("WMS_BAD_ADDRESS"), "{stuck:?}");
        let shown = waybill(world, &["orders", "show", number(&known)]).await;
        assert!(shown.line("Condition").ends_with("NEEDS_ATTENTION: WMS_BAD_ADDRESS"), "{shown:?}");
        shown.line(&format!("waybill orders retry {}", number(&known)));

        waybill(world, &["orders", "retry", number(&known)]).await.ended_well().line("Retry requested");
        world.until_shipped(&order).await;
    });
}

#[test]
fn stock_is_booked_in_and_listed_page_after_page() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-STOCK-1", 2).await;
        world.stock("CLI-STOCK-2", 0).await;
        let received =
            waybill(world, &["stock", "receive", "CLI-STOCK-2", "24", "--reason", "delivery note 4711"])
                .await;
        assert_eq!(received.ended_well().line("Available").split_whitespace().last(), Some("24"));

        let listed = waybill(world, &["stock", "list", "--all"]).await.ended_well();
        let row: Vec<&str> = listed.line("CLI-STOCK-2").split_whitespace().collect();
        assert_eq!(row, ["CLI-STOCK-2", "CLI-STOCK-2", "main", "24", "24", "0", "0"]);

        let first = waybill(world, &["stock", "list", "--limit", "1"]).await;
        assert_eq!((first.code, first.out.lines().count()), (0, 2));
        assert!(first.err.contains("--all"), "{first:?}");

        let all = waybill(world, &["stock", "list", "--all", "--json"]).await.ended_well().json();
        let skus = all.as_array().unwrap().iter().map(|item| item["sku"].as_str().unwrap());
        assert_eq!(skus.filter(|sku| sku.starts_with("CLI-STOCK-")).count(), 2);
    });
}

#[test]
fn an_order_is_explained_whether_it_is_there_or_imagined() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-EXPLAINED", 5).await;
        let explain = ["stock", "explain", "--item", "CLI-EXPLAINED=4", "--item", "CLI-NO-ITEM=1"];
        let imagined = waybill(world, &explain).await.ended_well();
        assert!(imagined.out.starts_with("1 line would not get all it asks for; 1 parcel would ship."));
        let row: Vec<&str> = imagined.line("CLI-EXPLAINED").split_whitespace().collect();
        assert_eq!(row, ["4", "×", "CLI-EXPLAINED", "main", "5", "4"]);
        assert!(imagined.line("CLI-NO-ITEM").ends_with("there is no such item"), "{imagined:?}");
        assert_eq!(world.available("CLI-EXPLAINED").await, 5);

        let placed = world.place_at_api("CLI-EXPLAINED", 2, Some("10m")).await;
        let held = waybill(world, &["stock", "explain", number(&placed)]).await.ended_well();
        assert!(held.out.starts_with("Nothing is open"), "{held:?}");
        let row: Vec<&str> = held.line("CLI-EXPLAINED").split_whitespace().collect();
        assert_eq!(row, ["2", "×", "CLI-EXPLAINED", "main"]);
        let answer =
            waybill(world, &["stock", "explain", number(&placed), "--json"]).await.ended_well().json();
        assert_eq!(answer["orderId"], placed["orderId"]);
    });
}

#[test]
fn what_is_not_there_has_an_exit_code_of_its_own() {
    let world = &*WORLD;
    world::run(async {
        for (arguments, hint) in [
            (["orders", "show", "ORD-20200101-AAAAAAAA"].as_slice(), "waybill orders list"),
            (&["orders", "cancel", "nobodys-order", "--yes"], "waybill orders list"),
            (&["orders", "retry", "nobodys-order"], "waybill orders list"),
            (&["orders", "timeline", "nobodys-order"], "waybill orders list"),
            (&["stock", "receive", "NO/SUCH ITEM", "1"], "waybill stock list"),
            (&["stock", "explain", "nobodys-order"], "waybill orders list"),
            (&["inbox", "replay", "9007199254740993"], "waybill inbox list"),
        ] {
            let missing = waybill(world, arguments).await;
            assert_eq!((missing.code, missing.out.as_str()), (3, ""), "{arguments:?} {missing:?}");
            assert!(missing.err.contains(hint), "{missing:?}");
        }
    });
}

#[test]
fn an_empty_list_says_so() {
    let world = &*WORLD;
    world::run(async {
        let none = waybill(world, &["orders", "list", "--shop", "nobody.myshopify.com"]).await.ended_well();
        assert_eq!(none.out, "No orders.\n");
        let none = waybill(world, &["orders", "list", "--shop", "nobody.myshopify.com", "--json"])
            .await
            .ended_well();
        assert_eq!(none.json(), json!([]));
        let none = waybill(world, &["inbox", "list", "--order", "nobodys-order"]).await.ended_well();
        assert_eq!(none.out, "No messages.\n");
    });
}

#[test]
fn a_token_that_is_no_good_is_not_allowed_anything() {
    let world = &*WORLD;
    world::run(async {
        let refused = waybill_with_token(&world.api(""), "nonsense", &["orders", "list"]).await;
        assert_eq!((refused.code, refused.out.as_str()), (5, ""), "{refused:?}");
        assert!(refused.err.contains("waybill token --role"), "{refused:?}");
        assert!(!refused.err.contains("nonsense"), "{refused:?}");
    });
}

#[test]
fn an_api_that_is_not_there_is_told_apart_from_one_that_refuses() {
    let world = &*WORLD;
    world::run(async {
        let gone = waybill_at("http://127.0.0.1:1", &["orders", "list"]).await;
        assert_eq!((gone.code, gone.out.as_str()), (4, ""));
        assert!(gone.err.contains("make demo") && gone.err.contains("WAYBILL_API"), "{gone:?}");
        let lost = waybill_at(&world.shopify(""), &["orders", "list"]).await;
        assert_eq!(lost.code, 4, "{lost:?}");
        assert!(lost.err.contains("no Waybill API"), "{lost:?}");
    });
}

#[test]
fn wrong_usage_reaches_nobody() {
    world::run(async {
        for arguments in [
            ["orders", "list", "--status", "LOST"].as_slice(),
            &["orders", "show"],
            &["orders", "show", ""],
            &["stock", "receive", "CLI-STOCK-1", "0"],
            &["inbox", "replay", "seventeen"],
            &["completion", "cobol"],
        ] {
            assert_eq!(waybill_at("http://127.0.0.1:1", arguments).await.code, 2, "{arguments:?}");
        }
        let address = waybill_at("127.0.0.1:8080", &["orders", "list"]).await;
        assert!(address.code == 2 && address.err.contains("WAYBILL_API"), "{address:?}");
    });
}

#[test]
fn shells_complete_the_commands() {
    let world = &*WORLD;
    world::run(async {
        for shell in ["bash", "zsh", "fish"] {
            let script = waybill(world, &["completion", shell]).await.ended_well().out;
            assert!(
                ["orders", "timeline", "replay", "--condition"]
                    .iter()
                    .all(|word| { script.contains(word) || script.contains(&word.replace("--", "-l ")) })
            );
            // Each of them only looks whether it could be run, where the shell is here at all.
            let check = Command::new(shell).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let Ok(mut checking) = check else { continue };
            let mut stdin = checking.stdin.take().unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stdin, script.as_bytes()).await.unwrap();
            drop(stdin);
            let checked = checking.wait_with_output().await.unwrap();
            assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
        }
    });
}
