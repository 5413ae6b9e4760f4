//! The operations port of a process: its metrics, for Prometheus, and what else is said of it there.
//!
//! **Invariant:** on loopback it answers to this machine's own names alone, so that no page in a browser here reads it
//! by a name that leads to this machine.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use url::Url;

use crate::settings::is_on_loopback;

/// How often what was counted is put together.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Where a process is asked how it is.
#[derive(Debug, Clone, Copy)]
pub struct OpsPort {
    /// The address.
    pub listen: SocketAddr,
    /// Whether others may reach it: it wants no token.
    pub open: bool,
}

impl OpsPort {
    /// Checks that nobody else reaches an address unless somebody says so.
    ///
    /// # Errors
    /// What is wrong, after the setting's name.
    pub fn new(listen: SocketAddr, open: bool) -> Result<Self, String> {
        if open || listen.ip().is_loopback() {
            return Ok(Self { listen, open });
        }
        Err(format!(
            "others can reach this address, and whoever asks there needs no token; listen on loopback, for example \
             127.0.0.1:{}, or say ALLOW_OPEN_METRICS=true",
            listen.port()
        ))
    }
}

/// Serves `/metrics`, and `more`.
///
/// # Errors
/// When the address is taken, or metrics were started before.
pub async fn serve_ops(port: OpsPort, builder: PrometheusBuilder, more: Router) -> anyhow::Result<()> {
    let handle = builder.install_recorder()?;
    let listen = port.listen;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened on"))?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_EVERY);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    let of_prometheus = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let mut router = more.route("/metrics", get(async move || (of_prometheus, handle.render())));
    if !port.open {
        router = router.layer(from_fn(for_this_machine_alone));
    }
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn for_this_machine_alone(request: Request, next: Next) -> Response {
    if is_for_this_machine(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::BAD_REQUEST, "Host: a name of this machine, such as localhost\n").into_response()
}

fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let url = host.to_str().ok().and_then(|host| Url::parse(&format!("http://{host}")).ok());
    url.is_some_and(|url| url.path() == "/" && is_on_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let ask = |hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            is_for_this_machine(&headers)
        };
        for host in ["localhost:9464", "127.0.0.1:9464", "[::1]:9464", "LOCALHOST"] {
            assert!(ask(&[host]), "{host}");
        }
        for host in
            ["evil.example:9464", "127.0.0.1.evil.example", "localhost.evil.example", "a b", "127.0.0.1/x"]
        {
            assert!(!ask(&[host]), "{host}");
        }
        assert!(!ask(&[]) && !ask(&["localhost", "localhost"]));
    }
}
