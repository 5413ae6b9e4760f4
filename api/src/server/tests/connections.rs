use std::pin::pin;

use axum::extract::Extension;

use super::*;

const QUICK: Connections = Connections {
    most: 1,
    for_webhooks: 0,
    header_time_limit: Duration::from_millis(200),
    hurried_time_limit: Duration::from_millis(200),
    answer_time_limit: Duration::from_millis(200),
};
const PATIENCE: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n";
/// More than the buffers between the two ends hold.
const LARGE: usize = 64 * 1024 * 1024;

/// Serves `router` while `visit` runs.
pub(super) async fn while_served(limits: Connections, router: Router, visit: impl AsyncFnOnce(SocketAddr)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut served =
        pin!(serve_within(limits, listener, router, Entrance::default(), std::future::pending()));
    select! {
        () = &mut served => unreachable!("it serves until it is dropped"),
        visited = timeout(PATIENCE, visit(address)) => visited.expect("within the limits"),
    }
}

fn large() -> Router {
    Router::new().route("/large", get(async || vec![b'x'; LARGE]))
}

/// Reads until the other end is done with us.
async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut read).await;
    read
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_answer_makes_place_for_the_next_one() {
    while_served(QUICK, large(), async |address| {
        let mut lazy = TcpStream::connect(address).await.unwrap();
        lazy.write_all(REQUEST).await.unwrap();
        // There is one place, so this one is served when the lazy one has lost it.
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(b"GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(read_all(&mut next).await.starts_with(b"HTTP/1.1 404"));
        assert!(read_all(&mut lazy).await.len() < LARGE);
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_reads_gets_a_large_answer_whole() {
    let limits = Connections { answer_time_limit: PATIENCE, ..QUICK };
    while_served(limits, large(), async |address| {
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller.write_all(REQUEST).await.unwrap();
        assert!(read_all(&mut caller).await.len() > LARGE);
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_says_nothing_is_sent_away_before_and_after_its_first_request() {
    let routes = Router::new().route("/", get(async || "here"));
    while_served(QUICK, routes, async |address| {
        let mut silent = TcpStream::connect(address).await.unwrap();
        read_all(&mut silent).await;
        let mut dreaming = TcpStream::connect(address).await.unwrap();
        dreaming.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(read_all(&mut dreaming).await.ends_with(b"here"));
    })
    .await;
}

#[tokio::test]
async fn a_request_knows_the_address_it_came_from() {
    let tell = get(async |Extension(Peer(peer)): Extension<Peer>| peer.to_string());
    while_served(QUICK, Router::new().route("/", tell), async |address| {
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let answer = String::from_utf8(read_all(&mut caller).await).unwrap();
        assert!(answer.ends_with(&caller.local_addr().unwrap().to_string()), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn while_others_hold_every_place_a_webhook_still_finds_one() {
    let limits = Connections { for_webhooks: 1, header_time_limit: PATIENCE, ..QUICK };
    let routes = Router::new()
        .route("/webhooks/shopify", axum::routing::post(async || "taken"))
        .route("/orders", get(async || "told"));
    while_served(limits, routes, async |address| {
        let _silent = TcpStream::connect(address).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"GET /orders HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(read_all(&mut other).await.starts_with(b"HTTP/1.1 503"));
        let mut slow = TcpStream::connect(address).await.unwrap();
        let mut webhook = TcpStream::connect(address).await.unwrap();
        let head = b"POST /webhooks/shopify HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
        webhook.write_all(head).await.unwrap();
        // The slow one loses its place, and the answer ends the connection.
        assert!(read_all(&mut webhook).await.starts_with(b"HTTP/1.1 200"));
        assert!(read_all(&mut slow).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_place_for_webhooks_is_given_only_while_there_is_no_other() {
    let limits = Connections { for_webhooks: 1, header_time_limit: PATIENCE, ..QUICK };
    let routes = Router::new().route("/orders", get(async || "told"));
    while_served(limits, routes, async |address| {
        let silent = TcpStream::connect(address).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(silent);
        tokio::time::sleep(Duration::from_millis(100)).await;
        // Nobody holds anything: whatever place was free while somebody did is nothing to whoever comes now.
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"GET /orders HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(read_all(&mut other).await.starts_with(b"HTTP/1.1 200"));
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_what_turns_out_to_be_no_webhooks_keeps_none_waiting_for_long() {
    let limits = Connections { for_webhooks: 4, header_time_limit: PATIENCE, ..QUICK };
    let routes = Router::new().route("/webhooks/shopify", axum::routing::post(async || "taken"));
    while_served(limits, routes, async |address| {
        let mut flood = Vec::new();
        for turn in 0..60 {
            let mut stranger = TcpStream::connect(address).await.unwrap();
            // Every third says nothing, every third asks for something else, every third begins and dawdles.
            match turn % 3 {
                0 => {}
                1 => stranger.write_all(b"GET /orders HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap(),
                _ => stranger.write_all(b"POST /webhooks/shopify HTTP/1.1\r\nhost: a\r\n").await.unwrap(),
            }
            flood.push(stranger);
        }
        let begun = std::time::Instant::now();
        let mut webhook = TcpStream::connect(address).await.unwrap();
        let head = b"POST /webhooks/shopify HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
        webhook.write_all(head).await.unwrap();
        assert!(read_all(&mut webhook).await.starts_with(b"HTTP/1.1 200"));
        // Forty of them cost 200 ms each, on four places.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    })
    .await;
}

#[tokio::test]
async fn two_hosts_or_none_are_refused_and_http_1_0_is_answered() {
    let limits = Connections { most: 9, ..QUICK };
    let routes = Router::new().route("/health", get(async || "well"));
    while_served(limits, routes, async |address| {
        for (head, status) in [
            ("GET /health HTTP/1.1\r\nconnection: close\r\n\r\n", "400"),
            ("GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n", "400"),
            ("GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "200"),
            ("GET /health HTTP/1.0\r\n\r\n", "200"),
        ] {
            let mut caller = TcpStream::connect(address).await.unwrap();
            caller.write_all(head.as_bytes()).await.unwrap();
            let answer = String::from_utf8_lossy(&read_all(&mut caller).await).into_owned();
            assert_eq!(answer.split(' ').nth(1), Some(status), "{head:?}: {answer}");
        }
    })
    .await;
}
