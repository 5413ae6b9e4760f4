//! An inventory service: a second API process, over a database of its own, that serves gRPC.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use inventory_service::proto::inventory_client::InventoryClient;
use serde_json::{Value, json};
use sqlx::PgPool;
use tonic::transport::{Channel, Endpoint};

use super::{
    TOKEN_SECRET, WMS_SECRET, database,
    processes::{self, Program, Running},
    until,
};

/// A certificate of `localhost` and its key, in files that last as long as this.
pub struct Certificate {
    pub certificate: String,
    pub key: String,
    _folder: tempfile::TempDir,
}

impl Certificate {
    /// A new one, signed by itself.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let certificate = file("cert.pem", made.cert.pem());
        let key = file("key.pem", made.signing_key.serialize_pem());
        Self { certificate, key, _folder: folder }
    }
}

/// One inventory service.
pub struct InventoryService {
    /// Its database.
    pub pool: PgPool,
    /// An HTTP client.
    pub http: reqwest::Client,
    running: Mutex<Option<Running>>,
    environment: Vec<(String, String)>,
    port: u16,
    grpc_port: u16,
    folder: tempfile::TempDir,
}

impl InventoryService {
    /// Starts one and waits until it is ready.
    pub async fn start(more: &[(&str, &str)]) -> Self {
        let pool = database().await;
        let (port, grpc_port) = (processes::free_port(), processes::free_port());
        let url = processes::database_url(&processes::database_name(&pool).await);
        let environment = [
            ("DATABASE_URL", url.as_str()),
            // It starts no order of its own.
            ("TEMPORAL_ADDRESS", "127.0.0.1:1"),
            ("SHOPIFY_SHOP", "elsewhere.myshopify.com"),
            ("SHOPIFY_ADMIN_TOKEN", "never-used-for-anything"),
            ("SHOPIFY_WEBHOOK_SECRETS", "never-used-for-anything"),
            ("WMS_URL", "http://127.0.0.1:1"),
            ("WMS_TOKEN", "never-used-for-anything"),
            ("WMS_WEBHOOK_SECRETS", WMS_SECRET),
            ("AUTH_HS256_SECRET", TOKEN_SECRET),
            ("GRPC_LISTEN", &format!("127.0.0.1:{grpc_port}")),
        ];
        let environment = environment.iter().chain(more);
        let service = Self {
            pool,
            http: processes::http_client(),
            running: Mutex::default(),
            environment: environment.map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            port,
            grpc_port,
            folder: tempfile::tempdir().expect("a folder is made"),
        };
        service.start_again().await;
        service
    }

    /// Starts it again, after it was killed.
    pub async fn start_again(&self) {
        let logs = processes::logs(self.folder.path(), &format!("inventory-{}", self.port));
        let running = processes::start(Program::Api, false, &self.environment, self.port, &logs);
        *self.running.lock().unwrap() = Some(running);
        until("the inventory service listens", Duration::from_secs(30), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", self.grpc_port)).await.ok()
        })
        .await;
    }

    /// Ends it at once, as a power cut would (SIGKILL).
    pub fn kill(&self) {
        if let Some(mut running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            running.kill();
        }
    }

    /// Where it is called.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }

    /// Its address over HTTP with a path.
    pub fn api(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A connection to it.
    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.url()).unwrap().connect().await.expect("the service listens")
    }

    /// A client that was generated from the interface description.
    pub async fn client(&self) -> InventoryClient<Channel> {
        InventoryClient::new(self.channel().await)
    }

    /// Puts pieces of a new item into its stock.
    pub async fn stock(&self, sku: &str, quantity: u32) {
        let item = json!({"itemId": sku, "itemName": sku, "availableQty": quantity, "unitPrice": "29.90"});
        self.post("/api/inventory", &item, 201).await;
    }

    /// Receives more pieces of an item.
    pub async fn receive(&self, sku: &str, quantity: u32) {
        self.post(&format!("/api/inventory/{sku}/receive"), &json!({"quantity": quantity}), 200).await;
    }

    /// On hand and reserved.
    pub async fn figures(&self, sku: &str) -> (i64, i64) {
        sqlx::query_as(
            "SELECT sum(on_hand)::bigint, sum(reserved)::bigint FROM inventory.stock WHERE sku = $1",
        )
        .bind(sku)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Waits until on hand and reserved are these.
    pub async fn until_figures(&self, sku: &str, expected: (i64, i64)) {
        until(&format!("{sku} has {expected:?}"), Duration::from_secs(30), async || {
            (self.figures(sku).await == expected).then_some(())
        })
        .await;
    }

    /// The types of the events about its allocations, in order.
    pub async fn events(&self, order_id: &str) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT event_type FROM integration.outbox WHERE payload->>'orderId' = $1 ORDER BY outbox_id",
        )
        .bind(order_id)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    async fn post(&self, path: &str, body: &Value, expected: u16) {
        let answer = self.http.post(self.api(path)).json(body).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{}", answer.text().await.unwrap());
    }
}

impl Drop for InventoryService {
    fn drop(&mut self) {
        self.kill();
    }
}
