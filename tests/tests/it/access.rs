//! Who may do what: every cell of the table on `docs/access.md`, which is the table in the code,
//! against a running API.

use std::{path::PathBuf, process::Command, time::Duration};

use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpStream};

use super::world::{self, InventoryService, Plan, Program, TOKEN_SECRET, World, claims, signed};

const PAGE: &str = include_str!("../../../docs/access.md");
/// Whose tokens are tried. The user is not there, nor is an order or an item of this name.
const SOMEBODY: &str = "somebody";
const ROLES: [&str; 6] = ["admin", "operator", "viewer", "customer", "order-service", "inventory-service"];
/// The secret that `waybill token` signs with unless it is told another.
const DEMO_SECRET: &str = "waybill-demo-secret-that-everybody-knows";

/// A row of the table: the route, and whether a request without a token and one of each role may.
struct Row {
    method: Method,
    path: String,
    tokenless: bool,
    roles: Vec<bool>,
}

fn table() -> Vec<Row> {
    let table = PAGE.split("<!-- the table -->\n").nth(1).expect("the table");
    let mut lines = table.lines();
    let head = lines.next().expect("a head");
    assert_eq!(head, format!("| route | no token, on loopback | {} |", ROLES.join(" | ")));
    lines
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let (method, path) = cells[0].trim_matches('`').split_once(' ').expect("method and path");
            let may = |cell: &&str| matches!(*cell, "yes" | "own");
            Row {
                method: method.parse().expect("a method"),
                path: path.to_owned(),
                tokenless: may(&cells[1]),
                roles: cells[2..].iter().map(may).collect(),
            }
        })
        .collect()
}

impl Row {
    /// The path with something in the place of each parameter.
    fn filled(&self) -> String {
        let fill = |part: &str| match part {
            "{*file}" => "index.html".to_owned(),
            part if part.starts_with('{') => SOMEBODY.to_owned(),
            part => part.to_owned(),
        };
        self.path.split('/').map(fill).collect::<Vec<_>>().join("/")
    }

    fn is_open(&self) -> bool {
        self.tokenless && self.roles.iter().all(|may| *may)
    }

    fn request(&self, world: &World) -> RequestBuilder {
        let request = world.http.request(self.method.clone(), world.api(&self.filled()));
        if self.method == Method::GET { request } else { request.json(&json!({})) }
    }
}

/// What came of a request at its door: let in, or refused with a status.
async fn at_the_door(row: &Row, request: RequestBuilder) -> Option<StatusCode> {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    assert!(headers.contains_key("x-correlation-id"), "{} {}", row.method, row.path);
    let body: Value = answer.json().await.unwrap_or(Value::Null);
    let name = body["type"].as_str().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    let code = body["error"]["code"].as_str().unwrap_or_default();
    let is_refused =
        matches!(name, "unauthenticated" | "forbidden") || matches!(code, "UNAUTHENTICATED" | "FORBIDDEN");
    if !is_refused {
        assert!(status != StatusCode::FORBIDDEN, "{} {}: {body}", row.method, row.path);
        return None;
    }
    if row.path.starts_with("/api/") {
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(body["status"], status.as_u16());
        assert!(body["error"].is_string());
    } else {
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(body["success"], false);
        assert!(body["error"]["message"].is_string());
    }
    if status == StatusCode::UNAUTHORIZED {
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
    }
    Some(status)
}

/// Tries every cell; `tokenless` is whether this API lets in whom the table lets in without a token.
async fn try_every_cell(world: &World, tokenless: bool) {
    let forged = signed(&claims("admin", SOMEBODY), "another secret of thirty-two or more");
    for row in table() {
        let shown = format!("{} {}", row.method, row.path);
        let request = || row.request(world);
        let expected = |may: bool, status| if may { None } else { Some(status) };
        let may_lack_token = row.is_open() || (row.tokenless && tokenless);
        assert_eq!(
            at_the_door(&row, request()).await,
            expected(may_lack_token, StatusCode::UNAUTHORIZED),
            "{shown} without a token"
        );
        assert_eq!(
            at_the_door(&row, request().bearer_auth(&forged)).await,
            expected(row.is_open(), StatusCode::UNAUTHORIZED),
            "{shown} with a forged token"
        );
        for (role, may) in ROLES.iter().zip(&row.roles) {
            assert_eq!(
                at_the_door(&row, request().bearer_auth(world.token_of(role, SOMEBODY))).await,
                expected(*may, StatusCode::FORBIDDEN),
                "{shown} as {role}"
            );
        }
    }
}

async fn restart(world: &World, changed: &[(&str, &str)]) {
    world.kill(Program::Api);
    for (name, value) in changed {
        world.set_environment(name, value);
    }
    world.start_program(Program::Api);
    world.until_ready().await;
}

#[test]
fn every_cell_of_the_table_holds() {
    world::run(async {
        assert!(table().len() > 30, "the table was read");
        let world = World::start(Plan::default()).await;
        try_every_cell(&world, true).await;
        restart(&world, &[("API_REQUIRE_TOKEN", "true")]).await;
        try_every_cell(&world, false).await;
        let logged: String = world.logged().into_iter().map(|(_, text)| text).collect();
        assert!(logged.contains("token refused") && logged.contains("the signature does not fit"));
        assert!(!logged.contains("eyJ"), "a token, or a part of one, is in the log");
    });
}

#[test]
fn what_is_not_there_is_not_there_for_anybody_and_says_no_more() {
    world::run(async {
        let plan = Plan { env: vec![("API_REQUIRE_TOKEN", "true".to_owned())], ..Plan::default() };
        let world = World::start(plan).await;
        let bearers = [None, Some("forged".to_owned()), Some(world.token("admin"))];
        for bearer in bearers {
            for (method, path, status) in [
                (Method::GET, "/api/secrets", StatusCode::NOT_FOUND),
                (Method::GET, "/allocations/a/b/c/d", StatusCode::NOT_FOUND),
                (Method::GET, "/", StatusCode::NOT_FOUND),
                (Method::DELETE, "/api/orders", StatusCode::METHOD_NOT_ALLOWED),
                (Method::DELETE, "/allocations", StatusCode::METHOD_NOT_ALLOWED),
                (Method::OPTIONS, "/api/orders", StatusCode::METHOD_NOT_ALLOWED),
            ] {
                let mut request = world.http.request(method.clone(), world.api(path));
                if let Some(bearer) = &bearer {
                    request = request.bearer_auth(bearer);
                }
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), status, "{method} {path}");
                assert!(!answer.headers().contains_key("access-control-allow-origin"));
            }
        }
    });
}

#[test]
fn a_caller_over_its_limit_waits_and_neither_others_nor_webhooks_do() {
    world::run(async {
        let plan = Plan { env: vec![("API_REQUESTS_PER_SECOND", "1".to_owned())], ..Plan::default() };
        let world = World::start(plan).await;
        let ask = async |path: &str, subject: &str| {
            let token = world.token_of("admin", subject);
            world.http.get(world.api(path)).bearer_auth(token).send().await.unwrap()
        };
        let mut refused = None;
        for _ in 0..20 {
            let answer = ask("/orders/none", "eager").await;
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("one too many");
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
        let body: Value = refused.json().await.unwrap();
        assert_eq!(body["error"]["code"], "TOO_MANY_REQUESTS");
        assert_eq!(ask("/orders/none", "patient").await.status(), StatusCode::NOT_FOUND);
        for _ in 0..20 {
            let answer = world.http.post(world.api("/webhooks/wms")).body("{}").send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        }
    });
}

#[test]
fn pages_of_listed_origins_alone_may_call_from_a_browser() {
    world::run(async {
        let origins = ("API_CORS_ORIGINS", "https://shop.example.com".to_owned());
        let world = World::start(Plan { env: vec![origins], ..Plan::default() }).await;
        let preflight = async |origin: &str| {
            let request = world.http.request(Method::OPTIONS, world.api("/api/orders"));
            let request = request
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,content-type,idempotency-key");
            request.send().await.unwrap()
        };
        let answer = preflight("https://shop.example.com").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example.com");
        assert!(
            !preflight("https://evil.example").await.headers().contains_key("access-control-allow-origin")
        );
        // What is refused is refused readably.
        let request = world.http.get(world.api("/orders/none")).header("origin", "https://shop.example.com");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example.com");
    });
}

#[test]
fn the_command_makes_tokens_for_the_demo_and_for_a_secret_of_ones_own() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let status = async |token: &str| {
            let request = world.http.get(world.api("/allocations/by-order/ord_none")).bearer_auth(token);
            request.send().await.unwrap().status()
        };
        let own = token(Some(TOKEN_SECRET), &["--role", "order-service", "--subject", "shop"]);
        let demo = token(None, &["--role", "order-service"]);
        assert!(status(&own).await != StatusCode::UNAUTHORIZED);
        assert_eq!(status(&demo).await, StatusCode::UNAUTHORIZED);
        restart(&world, &[("AUTH_HS256_SECRET", DEMO_SECRET)]).await;
        assert!(status(&demo).await != StatusCode::UNAUTHORIZED);
        assert_eq!(status(&own).await, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn an_api_that_others_can_reach_does_not_start_without_authentication() {
    let start = |secret: Option<&str>| {
        let mut command = Command::new(program("waybill-api"));
        command.env_remove("AUTH_HS256_SECRET").env("API_LISTEN", "0.0.0.0:0");
        if let Some(secret) = secret {
            command.env("AUTH_HS256_SECRET", secret);
        }
        let ended = command.output().expect("it starts");
        assert!(!ended.status.success());
        String::from_utf8(ended.stderr).expect("text")
    };
    let said = start(None);
    assert!(said.contains("API_LISTEN=0.0.0.0:0") && said.contains("AUTH_HS256_SECRET"), "{said}");
    let said = start(Some(DEMO_SECRET));
    assert!(said.contains("everybody knows the demo's secret"), "{said}");
}

fn token(secret: Option<&str>, arguments: &[&str]) -> String {
    let mut command = Command::new(program("waybill"));
    command.env_remove("AUTH_HS256_SECRET").arg("token").args(arguments);
    if let Some(secret) = secret {
        command.env("AUTH_HS256_SECRET", secret);
    }
    let said = command.output().expect("it runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).expect("text").trim().to_owned()
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(std::env::var("TEST_BIN_DIR").expect("`make test` builds the programs")).join(name)
}

#[test]
fn who_is_behind_a_trusted_proxy_counts_by_its_own_address_and_only_named_hosts_are_answered() {
    world::run(async {
        // A bad token counts for the address it comes from: two in a burst, where one in a second is allowed.
        let asked = async |api: &InventoryService, from: &str| {
            let request =
                api.http.get(api.api("/api/orders")).bearer_auth("bad").header("X-Forwarded-For", from);
            request.send().await.unwrap().status().as_u16()
        };
        let slow = ("API_REQUESTS_PER_SECOND", "1");
        let hosts = ("API_ALLOWED_HOSTS", "127.0.0.1,waybill.example.com");
        let behind = InventoryService::start(&[slow, hosts, ("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
        let first: Vec<u16> =
            vec![asked(&behind, "192.0.2.7").await, asked(&behind, "198.51.100.1, 192.0.2.7").await];
        assert_eq!(first, [401, 401]);
        assert_eq!(
            asked(&behind, "198.51.100.2, 192.0.2.7").await,
            429,
            "what it says of others is not believed"
        );
        assert_eq!(asked(&behind, "192.0.2.8").await, 401);
        let direct = InventoryService::start(&[slow]).await;
        let all = [asked(&direct, "192.0.2.7").await, asked(&direct, "192.0.2.8").await];
        assert_eq!(all, [401, 401]);
        assert_eq!(asked(&direct, "192.0.2.9").await, 429, "nobody is believed");

        for (host, status) in
            [("waybill.example.com", 200), ("waybill.example.com:8080", 200), ("evil.example", 400)]
        {
            let request = behind.http.get(behind.api("/health")).header(header::HOST, host);
            assert_eq!(request.send().await.unwrap().status(), status, "{host}");
        }
    });
}

#[test]
fn an_address_holds_so_many_connections_where_addresses_are_told_apart() {
    world::run(async {
        let api = InventoryService::start(&[("TRUSTED_PROXIES", "10.0.0.0/8")]).await;
        let address = api.api("").trim_start_matches("http://").to_owned();
        // Several attempts, as others of this address may still be ending.
        world::until("one more is turned away", Duration::from_secs(20), async || {
            let mut held = Vec::new();
            for _ in 0..100 {
                held.push(TcpStream::connect(&address).await.unwrap());
            }
            let mut more = TcpStream::connect(&address).await.unwrap();
            let ended = tokio::time::timeout(Duration::from_secs(1), more.read(&mut [0])).await;
            ended.is_ok().then_some(())
        })
        .await;
    });
}

#[test]
fn metrics_are_read_by_a_name_of_this_machine_alone() {
    let world = &*crate::line::WORLD;
    world::run(async {
        for (host, status) in [("localhost", 200), ("evil.example", 400), ("127.0.0.1.evil.example", 400)] {
            let request = world.http.get(world.worker_metrics_address()).header(header::HOST, host);
            assert_eq!(request.send().await.unwrap().status(), status, "{host}");
        }
    });
}
