//! `waybill-worker`: runs orders' workflows and their steps, and what is done besides.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    worker::run().await
}
