//! `waybill-simulators`: the simulated Shopify and the simulated WMS in one process.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    simulators::run().await
}
