//! The metrics of a process, for Prometheus on this machine.
//!
//! **Invariant:** a page in a browser here cannot read them by a name that leads to this machine: they answer to
//! this machine's own names alone.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use url::Url;

use crate::settings::is_on_loopback;

/// How often what was counted is put together.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Serves them on a loopback address.
///
/// # Errors
/// When the address is taken or can be reached by others, or metrics were started before.
pub async fn serve_metrics(listen: SocketAddr, builder: PrometheusBuilder) -> anyhow::Result<()> {
    ensure!(
        listen.ip().is_loopback(),
        "metrics have no authentication, so only a loopback address is allowed"
    );
    let handle = builder.install_recorder()?;
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
    let show = move |headers: HeaderMap| {
        let answer = if is_for_this_machine(&headers) { Ok(handle.render()) } else { Err(()) };
        async move { answer.map_or_else(|()| refused(), shown) }
    };
    let router = Router::new().route("/metrics", get(show));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

fn shown(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn refused() -> Response {
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
