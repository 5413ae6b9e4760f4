//! The client against a service that answers as it is told, on a port of its own.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::net::TcpListener;
use tonic::transport::{Server, server::TcpIncoming};

use super::*;
use crate::proto::inventory_server::{Inventory, InventoryServer};

/// What the service does with the next call of `Release`; without an entry it answers.
enum Does {
    Refuses(Code),
    Hangs,
}

#[derive(Clone, Default)]
struct Scripted {
    does: Arc<Mutex<VecDeque<Does>>>,
    calls: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl Inventory for Scripted {
    async fn release(
        &self,
        request: Request<proto::ReleaseRequest>,
    ) -> Result<Response<proto::ReleaseResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        assert_eq!(request.metadata().get(CORRELATION_ID).unwrap(), "correlation-1");
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer a.b.c");
        let does = self.does.lock().unwrap().pop_front();
        match does {
            None => Ok(Response::new(proto::ReleaseResponse { given_back: 7 })),
            Some(Does::Refuses(code)) => Err(Status::new(code, "as it was told")),
            Some(Does::Hangs) => std::future::pending().await,
        }
    }

    async fn check_stock(
        &self,
        _: Request<proto::CheckStockRequest>,
    ) -> Result<Response<proto::CheckStockResponse>, Status> {
        // More than anybody asked for.
        let unknown_skus = vec!["x".repeat(1024); 8 * 1024];
        Ok(Response::new(proto::CheckStockResponse { unknown_skus, ..proto::CheckStockResponse::default() }))
    }

    async fn reserve(
        &self,
        _: Request<proto::ReserveRequest>,
    ) -> Result<Response<proto::ReserveResponse>, Status> {
        Err(not_played())
    }

    async fn confirm(
        &self,
        _: Request<proto::ConfirmRequest>,
    ) -> Result<Response<proto::ConfirmResponse>, Status> {
        Err(not_played())
    }

    async fn fulfil(
        &self,
        _: Request<proto::FulfilRequest>,
    ) -> Result<Response<proto::FulfilResponse>, Status> {
        Err(not_played())
    }

    async fn get_reservation(
        &self,
        _: Request<proto::GetReservationRequest>,
    ) -> Result<Response<proto::GetReservationResponse>, Status> {
        Err(not_played())
    }

    async fn list_served(
        &self,
        _: Request<proto::ListServedRequest>,
    ) -> Result<Response<proto::ListServedResponse>, Status> {
        Err(not_played())
    }
}

fn not_played() -> Status {
    Status::unimplemented("not played")
}

fn client(port: u16) -> InventoryClient {
    let url = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    InventoryClient::new(ClientSettings {
        connect_within: Duration::from_millis(500),
        answer_within: Duration::from_millis(300),
        repeat_after: vec![Duration::from_millis(100), Duration::from_millis(200)],
        breaker: BreakerSettings { failures: 3, open_for: Duration::from_millis(400) },
        ..ClientSettings::new(url, Some("a.b.c".to_owned()))
    })
    .unwrap()
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn playing(does: impl IntoIterator<Item = Does>) -> (Scripted, InventoryClient) {
    let (listener, port) = listener().await;
    let scripted = Scripted { does: Arc::new(Mutex::new(does.into_iter().collect())), ..Scripted::default() };
    serve(listener, scripted.clone());
    (scripted, client(port))
}

fn serve(listener: TcpListener, scripted: Scripted) {
    let server = Server::builder().add_service(InventoryServer::new(scripted));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
}

async fn release(client: &InventoryClient) -> Result<u64, StockError> {
    client.release(&OrderId::parse("order-1").unwrap(), 1, "test", "correlation-1").await
}

fn is_unavailable(answer: &Result<u64, StockError>) -> bool {
    matches!(answer, Err(StockError::Unavailable(_)))
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let (_, client) = playing([]).await;
    let answer = client.check_stock(&[Sku::parse("ANY").unwrap()], "correlation-1").await;
    let Err(StockError::Unavailable(said)) = answer else { panic!("{answer:?}") };
    assert!(said.starts_with("OutOfRange"), "{said}");
}

#[tokio::test]
async fn a_call_is_made_again_after_both_waits_when_nobody_listens() {
    let (listener, port) = listener().await;
    drop(listener);
    let begun = Instant::now();
    assert!(is_unavailable(&release(&client(port)).await));
    assert!(begun.elapsed() >= Duration::from_millis(300), "it waited 100 ms and then 200 ms");
}

#[tokio::test]
async fn a_call_whose_connection_broke_is_made_again_and_answered() {
    let (listener, port) = listener().await;
    let scripted = Scripted::default();
    let client = client(port);
    let (answer, ()) = tokio::join!(release(&client), async {
        let (connection, _) = listener.accept().await.unwrap();
        drop(connection);
        serve(listener, scripted.clone());
    });
    assert_eq!(answer.unwrap(), 7);
    assert_eq!(scripted.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_the_service_answers_itself_is_not_asked_again() {
    for code in [Code::Unavailable, Code::FailedPrecondition, Code::Internal, Code::Unauthenticated] {
        let (scripted, client) = playing([Does::Refuses(code)]).await;
        assert!(release(&client).await.is_err());
        assert_eq!(scripted.calls.load(Ordering::SeqCst), 1, "{code:?}");
    }
}

#[tokio::test]
async fn a_call_without_an_answer_ends_by_its_deadline() {
    let (scripted, client) = playing([Does::Hangs]).await;
    let begun = Instant::now();
    assert!(is_unavailable(&release(&client).await));
    assert!(begun.elapsed() < Duration::from_millis(3000));
    assert_eq!(scripted.calls.load(Ordering::SeqCst), 1);
    assert_eq!(release(&client).await.unwrap(), 7, "the next call is answered");
}

#[tokio::test]
async fn after_three_failures_the_service_is_left_alone_and_then_tried_once() {
    let away = || Does::Refuses(Code::Unavailable);
    let (scripted, client) = playing([away(), away(), away()]).await;
    for _ in 0..3 {
        assert!(is_unavailable(&release(&client).await));
    }
    assert!(is_unavailable(&release(&client).await), "it would answer now");
    assert_eq!(scripted.calls.load(Ordering::SeqCst), 3, "but is not asked");
    let opened = Instant::now();
    while is_unavailable(&release(&client).await) {
        assert!(opened.elapsed() < Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    assert!(opened.elapsed() >= Duration::from_millis(350));
    assert_eq!(scripted.calls.load(Ordering::SeqCst), 4, "one trial, and nobody was asked before it");
    assert_eq!(release(&client).await.unwrap(), 7);
}

#[tokio::test]
async fn a_refusal_does_not_open_the_breaker() {
    let refuses = || Does::Refuses(Code::FailedPrecondition);
    let (_, client) = playing([refuses(), refuses(), refuses(), refuses()]).await;
    for _ in 0..4 {
        assert!(matches!(release(&client).await, Err(StockError::Refused { .. })));
    }
    assert_eq!(release(&client).await.unwrap(), 7);
}

#[tokio::test]
async fn a_token_shows_in_no_debug() {
    let (_, port) = listener().await;
    assert!(!format!("{:?}", client(port)).contains("a.b.c"));
}
