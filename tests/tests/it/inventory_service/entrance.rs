//! Who gets in, and what the service says of itself.

use std::time::{Duration, Instant};

use inventory_service::proto::{CheckStockRequest, CheckStockResponse, inventory_client::InventoryClient};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_stream::StreamExt;
use tonic::{Code, Request, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::world::{self, Certificate, InventoryService, TOKEN_SECRET, claims, signed, until};

const SERVICE: &str = "waybill.inventory.v1.Inventory";

async fn answered(client: &mut InventoryClient<Channel>, token: Option<String>) -> Code {
    let mut request = Request::new(CheckStockRequest { skus: vec!["ANY".into()] });
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    client.check_stock(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

fn token(role: &str) -> Option<String> {
    Some(signed(&claims(role, "somebody"), TOKEN_SECRET))
}

#[test]
fn on_loopback_no_token_is_needed_and_one_that_is_presented_is_checked() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        let mut client = service.client().await;
        assert_eq!(answered(&mut client, None).await, Code::Ok);
        for role in ["order-service", "admin"] {
            assert_eq!(answered(&mut client, token(role)).await, Code::Ok, "{role}");
        }
        for role in ["operator", "customer", "inventory-service"] {
            assert_eq!(answered(&mut client, token(role)).await, Code::PermissionDenied, "{role}");
        }
        let forged = signed(&claims("admin", "somebody"), "another-secret-of-somebody-else-");
        assert_eq!(answered(&mut client, Some(forged)).await, Code::Unauthenticated);
    });
}

#[test]
fn where_a_token_is_required_the_service_wants_one_too() {
    world::run(async {
        let service = InventoryService::start(&[("API_REQUIRE_TOKEN", "true")]).await;
        let mut client = service.client().await;
        assert_eq!(answered(&mut client, None).await, Code::Unauthenticated);
        assert_eq!(answered(&mut client, token("order-service")).await, Code::Ok);
    });
}

#[test]
fn reflection_lists_the_service_and_its_calls() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        let mut reflection = ServerReflectionClient::new(service.channel().await);
        let ask = |what| ServerReflectionRequest { host: String::new(), message_request: Some(what) };
        let asked = [
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol(SERVICE.into())),
        ];
        let mut answers =
            reflection.server_reflection_info(tokio_stream::iter(asked)).await.unwrap().into_inner();
        let Some(MessageResponse::ListServicesResponse(list)) =
            answers.next().await.unwrap().unwrap().message_response
        else {
            panic!("services are listed")
        };
        let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
        assert!(names.contains(&SERVICE) && names.contains(&"grpc.health.v1.Health"), "{names:?}");
        let Some(MessageResponse::FileDescriptorResponse(file)) =
            answers.next().await.unwrap().unwrap().message_response
        else {
            panic!("the service is described")
        };
        let text = String::from_utf8_lossy(&file.file_descriptor_proto[0]).into_owned();
        for call in ["CheckStock", "Reserve", "Confirm", "Release", "Fulfil", "GetReservation", "ListServed"]
        {
            assert!(text.contains(call), "{call}");
        }
    });
}

#[test]
fn health_follows_the_database() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        let health = HealthClient::new(service.channel().await);
        let until_it_says = async |expected: ServingStatus| {
            until(&format!("health says {expected:?}"), Duration::from_secs(30), async || {
                let request = HealthCheckRequest { service: SERVICE.into() };
                let answer = health.clone().check(request).await.ok()?.into_inner();
                (answer.status() == expected).then_some(())
            })
            .await;
        };
        until_it_says(ServingStatus::Serving).await;

        let name: String =
            sqlx::query_scalar("SELECT current_database()").fetch_one(&service.pool).await.unwrap();
        let url = std::env::var("TEST_DATABASE_URL").unwrap();
        let mut server = PgConnection::connect(&url).await.unwrap();
        let close = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        sqlx::query(AssertSqlSafe(close)).execute(&mut server).await.unwrap();
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
            .bind(&name)
            .execute(&mut server)
            .await
            .unwrap();
        until_it_says(ServingStatus::NotServing).await;
        assert_eq!(answered(&mut service.client().await, None).await, Code::Unavailable);

        let open = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        sqlx::query(AssertSqlSafe(open)).execute(&mut server).await.unwrap();
        until_it_says(ServingStatus::Serving).await;
        assert_eq!(answered(&mut service.client().await, None).await, Code::Ok);
    });
}

#[test]
fn a_caller_is_refused_before_its_message_is_read() {
    world::run(async {
        let service = InventoryService::start(&[("API_REQUIRE_TOKEN", "true")]).await;
        let mut grpc = tonic::client::Grpc::new(service.channel().await);
        grpc.ready().await.unwrap();
        // The head comes, and nothing after it.
        let codec = tonic_prost::ProstCodec::<CheckStockRequest, CheckStockResponse>::default();
        let path = format!("/{SERVICE}/CheckStock").parse().unwrap();
        let unfinished = Request::new(tokio_stream::pending::<CheckStockRequest>());
        let asked = grpc.client_streaming(unfinished, path, codec);
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("it is not waited for");
        assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);

        // Nor is the description read out to a stranger; health is.
        let mut reflection = ServerReflectionClient::new(service.channel().await);
        let asked = reflection.server_reflection_info(tokio_stream::pending::<ServerReflectionRequest>());
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("it is not waited for");
        assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
        let mut health = HealthClient::new(service.channel().await);
        let service_name = String::new();
        health.check(HealthCheckRequest { service: service_name }).await.expect("it is open");
        let huge = HealthCheckRequest { service: "x".repeat(8 * 1024) };
        assert_eq!(health.check(huge).await.unwrap_err().code(), Code::OutOfRange);
    });
}

#[test]
fn silent_connections_end_and_leave_their_places_to_others() {
    world::run(async {
        let service = InventoryService::start(&[]).await;
        let mut silent = Vec::new();
        for _ in 0..100 {
            silent.push(TcpStream::connect(service.url().trim_start_matches("http://")).await.unwrap());
        }
        let served = async {
            // Its connection waits behind theirs.
            let mut client = service.client().await;
            answered(&mut client, None).await
        };
        let served = tokio::time::timeout(Duration::from_secs(30), served).await.expect("in time");
        assert_eq!(served, Code::Ok);
    });
}

/// Says one byte after the other, and waits until it is not heard any more.
async fn until_ended(address: &str, words: &[u8]) -> Duration {
    let begun = Instant::now();
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let saying = async {
        for byte in words {
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut heard = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut heard) => {}
        () = saying => {}
    }
    begun.elapsed()
}

#[test]
fn who_is_slow_with_its_handshake_or_its_first_request_is_ended_whatever_it_says() {
    world::run(async {
        let tls = Certificate::new();
        let Certificate { certificate, key, .. } = &tls;
        let plain = InventoryService::start(&[]).await;
        let over_tls =
            InventoryService::start(&[("GRPC_TLS_CERT", certificate), ("GRPC_TLS_KEY", key)]).await;
        // A client's first record of TLS, and what HTTP/2 begins with: the head of a request never comes.
        let handshake = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[0; 60]].concat();
        let preface =
            [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0], &[0; 60]].concat();
        let address = |service: &InventoryService| service.url().trim_start_matches("http://").to_owned();
        let (plain, over_tls) = (address(&plain), address(&over_tls));
        let ended = async { tokio::join!(until_ended(&plain, &preface), until_ended(&over_tls, &handshake)) };
        let (plain, over_tls) = tokio::time::timeout(Duration::from_secs(20), ended).await.expect("in time");
        for took in [plain, over_tls] {
            assert!(took > Duration::from_secs(4), "it has some time: {took:?}");
        }
    });
}

/// Whether the service ends the connection at once.
async fn is_turned_away(address: &str) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever has a place hears what HTTP/2 begins with.
    let heard = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut [0])).await;
    matches!(heard, Ok(Ok(0) | Err(_)))
}

#[test]
fn an_address_has_so_many_connections_and_a_proxy_any_number() {
    world::run(async {
        for (proxies, limited) in [("10.0.0.0/8", true), ("127.0.0.0/8", false)] {
            let service = InventoryService::start(&[("TRUSTED_PROXIES", proxies)]).await;
            let address = service.url().trim_start_matches("http://").to_owned();
            let mut client = service.client().await;
            assert_eq!(answered(&mut client, None).await, Code::Ok);
            let mut others = Vec::new();
            for _ in 0..15 {
                others.push(TcpStream::connect(&address).await.unwrap());
            }
            assert_eq!(is_turned_away(&address).await, limited, "{proxies}");
            assert_eq!(answered(&mut client, None).await, Code::Ok);
            // Whoever waits for somebody to leave finds a place.
            drop(others);
            until("there is a place again", Duration::from_secs(5), async || {
                (!is_turned_away(&address).await).then_some(())
            })
            .await;
        }
    });
}
