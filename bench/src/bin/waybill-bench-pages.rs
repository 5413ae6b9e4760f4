//! `waybill-bench-pages`: how soon the console's pages and the lists of the API are there, with few orders and with many.
//! `scripts/bench-pages.sh` starts what it needs.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;
use reqwest::Client;
use serde_json::{Value, json};

/// What is asked. The item and the customer are ones of `bench/scripts/many_orders.sql`; `{order}` is one that ended.
const PAGES: [(&str, &str); 22] = [
    ("overview", "/console/"),
    ("attention", "/console/attention"),
    ("orders", "/console/orders"),
    ("orders by status", "/console/orders?status=CONFIRMED"),
    ("orders late", "/console/orders?due=LATE"),
    ("an order's number", "/console/orders?search={number}"),
    ("an e-mail address", "/console/orders?search=customer-77%40example.com"),
    ("an item many have", "/console/orders?search=PAGES-1"),
    ("the same, and a status", "/console/orders?search=PAGES-1&status=CANCELLED"),
    ("found by nobody", "/console/orders?search=nothing-is-called-so"),
    ("an order", "/console/orders/{order}"),
    ("stock", "/console/stock"),
    ("an item", "/console/stock/PAGES-1"),
    ("returns", "/console/returns"),
    ("lanes", "/console/lanes"),
    ("inbox", "/console/inbox"),
    ("dead letters", "/console/dead-letters"),
    ("audit", "/console/audit"),
    ("GET /api/overview", "/api/overview"),
    ("GET /api/orders", "/api/orders"),
    ("GET /api/attention", "/api/attention"),
    ("GET /api/orders/…/story", "/api/orders/{order}/story"),
];

/// Measures APIs that nothing else uses, on loopback, where they ask for no token.
#[derive(Parser)]
#[command(name = "waybill-bench-pages", version)]
struct Arguments {
    /// Where the API with few orders listens.
    #[arg(long, value_name = "ADDRESS")]
    few: SocketAddr,
    /// Where the API with many listens.
    #[arg(long, value_name = "ADDRESS")]
    many: SocketAddr,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(5..=10_000))]
    rounds: u32,
    /// Fails where the overview with many orders was never there within so many milliseconds.
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    most_ms: Option<u64>,
}

/// One API, and an order of it that ended.
struct Site {
    base: String,
    order: String,
    number: String,
}

/// How soon a page was there, from the first byte sent to the last byte read.
struct Figures {
    best: Duration,
    p50: Duration,
    p95: Duration,
    bytes: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // HTTP is plain here, but the client wants to know who would encrypt. An error says somebody named one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(Duration::from_secs(60)).build()?;
    let few = Site::look(&client, arguments.few).await.context("the API with few orders")?;
    let many = Site::look(&client, arguments.many).await.context("the API with many orders")?;
    println!("{:<26}{:>8}{:>11}{:>11}{:>11}{:>9}", "", "kB", "few p50", "many p50", "many p95", "growth");
    let mut lines = Vec::new();
    let mut first_page = None;
    for (name, path) in PAGES {
        let (few, many) = compare(&client, [&few, &many], path, arguments.rounds).await?;
        first_page.get_or_insert(many.best);
        let growth = many.p50.as_secs_f64() / few.p50.as_secs_f64().max(f64::MIN_POSITIVE);
        println!(
            "{name:<26}{:>8}{:>8.1} ms{:>8.1} ms{:>8.1} ms{growth:>9.1}",
            many.bytes.div_ceil(1000),
            milliseconds(few.p50),
            milliseconds(many.p50),
            milliseconds(many.p95),
        );
        lines.push(json!({
            "page": name, "path": path, "bytes": many.bytes, "fewP50Ms": milliseconds(few.p50),
            "manyP50Ms": milliseconds(many.p50), "manyP95Ms": milliseconds(many.p95), "growth": growth,
        }));
    }
    println!("\none caller; {} rounds, few and many in turns; growth: many ÷ few\n", arguments.rounds);
    for line in lines {
        println!("{line}");
    }
    if let (Some(most_ms), Some(best)) = (arguments.most_ms, first_page) {
        let best_ms = milliseconds(best);
        ensure!(
            best <= Duration::from_millis(most_ms),
            "the first page took {best_ms} ms at best, {most_ms} ms may be"
        );
    }
    Ok(())
}

impl Site {
    async fn look(client: &Client, address: SocketAddr) -> anyhow::Result<Self> {
        let base = format!("http://{address}");
        let ended = client.get(format!("{base}/api/orders?status=DELIVERED&limit=1")).send().await?;
        let ended: Value = ended.error_for_status()?.json().await?;
        let text = |name: &str| ended[0][name].as_str().map(str::to_owned).context("no order was delivered");
        Ok(Self { order: text("orderId")?, number: text("orderNumber")?, base })
    }

    fn address(&self, path: &str) -> String {
        let path = path.replace("{order}", &self.order).replace("{number}", &self.number);
        format!("{}{path}", self.base)
    }
}

async fn compare(
    client: &Client,
    sites: [&Site; 2],
    path: &str,
    rounds: u32,
) -> anyhow::Result<(Figures, Figures)> {
    let mut taken = [Vec::new(), Vec::new()];
    let mut bytes = [0, 0];
    // The first round warms up.
    for round in 0..=rounds {
        for (at, site) in sites.iter().enumerate() {
            let address = site.address(path);
            let began = Instant::now();
            let answer = client.get(&address).send().await?;
            let status = answer.status();
            bytes[at] = answer.bytes().await?.len();
            ensure!(status.is_success(), "{address}: {status}");
            if round > 0 {
                taken[at].push(began.elapsed());
            }
        }
    }
    let [few, many] = taken;
    Ok((Figures::of(few, bytes[0]), Figures::of(many, bytes[1])))
}

impl Figures {
    fn of(mut taken: Vec<Duration>, bytes: usize) -> Self {
        taken.sort_unstable();
        let at = |percent: usize| taken[(taken.len() * percent / 100).min(taken.len() - 1)];
        Self { best: taken[0], p50: at(50), p95: at(95), bytes }
    }
}

fn milliseconds(taken: Duration) -> f64 {
    (taken.as_secs_f64() * 10_000.0).round() / 10.0
}
