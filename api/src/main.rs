//! `waybill-api`: webhooks in, stock and orders for people and services.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    api::run().await
}
