//! How each server of the demo is started: program, arguments, environment.
//!
//! **Invariant:** what two servers must agree on (addresses, tokens, secrets) is written once.

use std::env;
use std::path::PathBuf;

use anyhow::bail;

use super::folder::Folder;
use super::process::Recipe;
use super::settings::{SHOP, Settings};
use crate::token;

const ADMIN_TOKEN: &str = "shpat_demo_token";
const SHOPIFY_SECRET: &str = "hush_test_client_secret";
const WMS_TOKEN: &str = "wms_demo_bearer_token";
const WMS_SECRET: &str = "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=";

/// Temporal's development server, its histories kept in the demo's folder.
pub fn temporal(settings: &Settings, folder: &Folder) -> Recipe {
    let file = folder.path("temporal.db");
    Recipe {
        name: "temporal",
        program: PathBuf::from("scripts/temporal.sh"),
        arguments: vec![
            "serve".to_owned(),
            settings.temporal.address.port().to_string(),
            "--ui-port".to_owned(),
            settings.temporal_ui.address.port().to_string(),
            "--db-filename".to_owned(),
            file.display().to_string(),
        ],
        environment: Vec::new(),
    }
}

/// The simulated Shopify and the simulated WMS.
///
/// # Errors
/// When they are not built.
pub fn simulators(settings: &Settings) -> anyhow::Result<Recipe> {
    Ok(Recipe {
        name: "simulators",
        program: built("waybill-simulators")?,
        arguments: Vec::new(),
        environment: vec![
            (settings.shopify.variable, settings.shopify.address.to_string()),
            (settings.warehouse.variable, settings.warehouse.address.to_string()),
            ("SIM_SHOPIFY_WEBHOOK_URL", format!("{}/webhooks/shopify", settings.api.url())),
            ("SIM_WMS_WEBHOOK_URL", format!("{}/webhooks/wms", settings.api.url())),
            ("SIM_SHOPIFY_ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
            ("SIM_SHOPIFY_WEBHOOK_SECRET", SHOPIFY_SECRET.to_owned()),
            ("SIM_WMS_TOKEN", WMS_TOKEN.to_owned()),
            ("SIM_WMS_WEBHOOK_SECRET", WMS_SECRET.to_owned()),
            ("RUST_LOG", log_filter()),
        ],
    })
}

/// The HTTP process.
///
/// # Errors
/// When it is not built.
pub fn api(settings: &Settings) -> anyhow::Result<Recipe> {
    let program = built("waybill-api")?;
    Ok(Recipe { name: "api", program, arguments: Vec::new(), environment: environment(settings) })
}

/// The worker.
///
/// # Errors
/// When it is not built.
pub fn worker(settings: &Settings) -> anyhow::Result<Recipe> {
    let program = built("waybill-worker")?;
    Ok(Recipe { name: "worker", program, arguments: Vec::new(), environment: environment(settings) })
}

/// What API and worker are told.
fn environment(settings: &Settings) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", settings.database_url()),
        ("TEMPORAL_ADDRESS", settings.temporal.address.to_string()),
        ("TEMPORAL_NAMESPACE", "default".to_owned()),
        ("AUTH_HS256_SECRET", token_secret()),
        (settings.api.variable, settings.api.address.to_string()),
        (settings.api_metrics.variable, settings.api_metrics.address.to_string()),
        (settings.worker_metrics.variable, settings.worker_metrics.address.to_string()),
        ("SHOPIFY_SHOP", SHOP.to_owned()),
        ("SHOPIFY_ADMIN_URL", settings.shopify.url()),
        ("SHOPIFY_ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
        ("SHOPIFY_WEBHOOK_SECRETS", SHOPIFY_SECRET.to_owned()),
        ("WMS_URL", settings.warehouse.url()),
        ("WMS_TOKEN", WMS_TOKEN.to_owned()),
        ("WMS_WEBHOOK_SECRETS", WMS_SECRET.to_owned()),
        ("RUST_LOG", log_filter()),
    ]
}

/// A program that was built together with this one.
fn built(name: &str) -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    if !program.exists() {
        bail!("{} is not built.\nRun `make demo`, which builds it.", program.display());
    }
    Ok(program)
}

/// What the API checks tokens with, and `waybill token` signs them with in the same environment.
fn token_secret() -> String {
    let own = env::var("AUTH_HS256_SECRET").ok().filter(|secret| !secret.is_empty());
    own.unwrap_or_else(|| token::DEMO_SECRET.to_owned())
}

fn log_filter() -> String {
    env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned())
}
