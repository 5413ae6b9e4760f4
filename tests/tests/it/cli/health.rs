//! `waybill health`, as a container's health check runs it.

use std::{net::TcpListener as Listener, time::Instant};

use axum::{Router, http::StatusCode, routing::get};

use super::*;
use crate::world::free_port;

async fn asked(variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let folder = std::env::var("TEST_BIN_DIR").expect("`make test` builds the programs");
    let ended = Command::new(format!("{folder}/waybill"))
        .arg("health")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Run { code: ended.status.code().expect("a code"), out: text(ended.stdout), err: text(ended.stderr) }
}

#[test]
fn a_process_that_can_work_is_told_from_one_that_cannot() {
    world::run(async {
        let busy = get(async || (StatusCode::SERVICE_UNAVAILABLE, "Temporal is not connected yet"));
        let address = stand_in::serve(Router::new().route("/ready", busy).route("/health", get("up"))).await;
        let listens = address.replace("http://127.0.0.1", "0.0.0.0");
        // A proxy is for other machines.
        let variables = [("WORKER_METRICS_LISTEN", listens.as_str()), ("http_proxy", "http://127.0.0.1:1")];
        let not_ready = asked(&variables, &["worker"]).await;
        assert_eq!((not_ready.code, not_ready.out.as_str()), (1, ""), "{not_ready:?}");
        assert!(not_ready.err.contains("503") && not_ready.err.contains("Temporal is not"), "{not_ready:?}");
        let up = asked(&[], &["--url", &format!("{address}/health")]).await.ended_well();
        assert_eq!(up.out, format!("{address}/health answers 200 OK\n"));
    });
}

#[test]
fn an_api_that_answers_to_its_own_names_alone_is_called_by_one() {
    world::run(async {
        let ready = get(async |headers: axum::http::HeaderMap| {
            let is_named = headers["host"] == "waybill.example.com";
            if is_named { StatusCode::OK } else { StatusCode::BAD_REQUEST }
        });
        let address = stand_in::serve(Router::new().route("/ready", ready)).await;
        let listens = address.replace("http://", "");
        let hosts = ("API_ALLOWED_HOSTS", "waybill.example.com,other.example.com");
        asked(&[("API_LISTEN", &listens), hosts], &["api"]).await.ended_well();
        assert_eq!(asked(&[("API_LISTEN", &listens)], &["api"]).await.code, 1);
    });
}

#[test]
fn nobody_there_and_somebody_silent_are_both_a_no_in_time() {
    world::run(async {
        let nobody = format!("127.0.0.1:{}", free_port());
        let refused = asked(&[("API_LISTEN", &nobody)], &["api"]).await;
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{refused:?}");
        // It takes the connection, and that is all.
        let silent = Listener::bind("127.0.0.1:0").unwrap();
        let listens = silent.local_addr().unwrap().to_string();
        let began = Instant::now();
        let late = asked(&[("SIM_SHOPIFY_LISTEN", &listens)], &["simulators", "--within", "300ms"]).await;
        assert_eq!((late.code, late.out.as_str()), (1, ""), "{late:?}");
        assert!(late.err.contains("no answer within 300ms"), "{late:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    });
}

#[test]
fn whom_to_ask_is_said_and_said_once() {
    world::run(async {
        for arguments in [&[][..], &["nobody"], &["api", "--url", "http://127.0.0.1:1/"], &["--url", "here"]]
        {
            assert_eq!(asked(&[], arguments).await.code, 2, "{arguments:?}");
        }
    });
}
