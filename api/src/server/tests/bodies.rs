//! Bodies of webhooks: how large, how many at once, how slow.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use tokio::net::tcp::OwnedWriteHalf;

use super::{connections::while_served, *};
use crate::unverified::Bounds;

const MIB: usize = 1024 * 1024;
const ROOM: usize = 4 * MIB;
/// Room for little, and all the time there is.
const LITTLE_ROOM: Bounds = Bounds {
    most_bytes: ROOM,
    least_window_bytes: 1,
    window: Duration::from_secs(60),
    grace: Duration::from_secs(60),
};
const IN_A_HURRY: Bounds = Bounds {
    most_bytes: ROOM,
    least_window_bytes: 1024,
    window: Duration::from_millis(100),
    grace: Duration::from_millis(100),
};

/// The whole interface under these bounds, its database away.
fn within(bounds: Bounds) -> (Router, Unverified) {
    let config = config();
    let unverified = Unverified::within(bounds);
    let api = Api { unverified: unverified.clone(), ..api(config.shared) };
    (router(api, Access::new(&config.access).unwrap()), unverified)
}

/// A caller in the middle of a body.
struct Sending {
    writer: OwnedWriteHalf,
    answer: tokio::task::JoinHandle<String>,
}

impl Sending {
    async fn to(address: SocketAddr, announced: usize) -> Self {
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let head = format!(
            "POST /webhooks/shopify HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {announced}\r\n\r\n"
        );
        writer.write_all(head.as_bytes()).await.unwrap();
        let answer = tokio::spawn(async move {
            let mut answer = Vec::new();
            // A reset is an end too.
            let _ = reader.read_to_end(&mut answer).await;
            String::from_utf8_lossy(&answer).into_owned()
        });
        Self { writer, answer }
    }

    async fn send(&mut self, bytes: usize) {
        // It may have been answered and cut already.
        let _ = self.writer.write_all(&vec![b' '; bytes]).await;
    }

    async fn answered(self) -> String {
        self.answer.await.unwrap()
    }
}

async fn until_held(unverified: &Unverified, bytes: usize) {
    while unverified.held() != bytes {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_signed_webhook_of_just_the_limit_is_taken_and_one_byte_more_is_not() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush-hush-hush-hush");
    for (bytes, status, name) in [
        // Taken as far as our database goes, which is away.
        (MOST_WEBHOOK_BYTES, StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (MOST_WEBHOOK_BYTES + 1, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"),
    ] {
        let body = vec![b' '; bytes];
        let signature = STANDARD.encode(hmac::sign(&key, &body));
        let headers = [
            ("X-Shopify-Shop-Domain", SHOP),
            ("X-Shopify-Hmac-Sha256", signature.as_str()),
            ("X-Shopify-Topic", "orders/create"),
            ("X-Shopify-Webhook-Id", "wh-1"),
        ];
        assert_problem(&send("POST", "/webhooks/shopify", &headers, body).await, status, name);
    }
}

#[tokio::test]
async fn a_body_that_does_not_announce_its_size_is_cut_at_the_limit_all_the_same() {
    let (routes, unverified) = within(Bounds::default());
    while_served(CONNECTIONS, routes, async |address| {
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let head = "POST /webhooks/shopify HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        writer.write_all(head.as_bytes()).await.unwrap();
        let sending = tokio::spawn(async move {
            let chunk = [format!("{MIB:x}\r\n").into_bytes(), vec![b' '; MIB], b"\r\n".to_vec()].concat();
            while writer.write_all(&chunk).await.is_ok() {}
        });
        let mut status = [0; 12];
        reader.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 413");
        drop(reader);
        sending.await.unwrap();
        until_held(&unverified, 0).await;
    })
    .await;
}

#[tokio::test]
async fn bodies_of_strangers_take_no_more_room_than_there_is_and_give_it_back() {
    let (routes, unverified) = within(LITTLE_ROOM);
    while_served(CONNECTIONS, routes, async |address| {
        let mut first = Sending::to(address, 2 * MIB).await;
        first.send(2 * MIB - 1).await;
        let mut second = Sending::to(address, 2 * MIB).await;
        second.send(2 * MIB - 1).await;
        until_held(&unverified, 2 * (2 * MIB - 1)).await;

        let mut third = Sending::to(address, MIB).await;
        third.send(MIB).await;
        let refused = third.answered().await;
        assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("no-room-for-body"), "{refused}");
        assert!(refused.contains("\r\nretry-after: 5\r\n"), "{refused}");

        // One is refused for want of a signature, one hangs up; both make room.
        first.send(1).await;
        assert!(first.answered().await.starts_with("HTTP/1.1 401"));
        until_held(&unverified, 2 * MIB - 1).await;
        second.answer.abort();
        drop(second);
        until_held(&unverified, 0).await;

        let mut fourth = Sending::to(address, ROOM).await;
        fourth.send(ROOM).await;
        assert!(fourth.answered().await.starts_with("HTTP/1.1 401"));
        assert_eq!(unverified.held(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_header_alone_takes_no_room() {
    let (routes, unverified) = within(LITTLE_ROOM);
    while_served(CONNECTIONS, routes, async |address| {
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.push(Sending::to(address, ROOM).await);
        }
        let mut other = Sending::to(address, ROOM).await;
        other.send(ROOM).await;
        assert!(other.answered().await.starts_with("HTTP/1.1 401"));
        assert_eq!(unverified.held(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_stops_or_trickles_is_cut() {
    let (routes, unverified) = within(IN_A_HURRY);
    while_served(CONNECTIONS, routes, async |address| {
        let mut stopped = Sending::to(address, MIB).await;
        stopped.send(512).await;
        let answer = stopped.answered().await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body-too-slow"), "{answer}");

        let mut trickling = Sending::to(address, MIB).await;
        while !trickling.answer.is_finished() {
            trickling.send(1).await;
            sleep(Duration::from_millis(5)).await;
        }
        let answer = trickling.answered().await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        until_held(&unverified, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_stops_after_a_good_beginning_is_cut_too() {
    let (routes, _) = within(IN_A_HURRY);
    while_served(CONNECTIONS, routes, async |address| {
        let mut stopped = Sending::to(address, MIB).await;
        stopped.send(MIB - 1).await;
        let answer = stopped.answered().await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_keeps_its_pace_is_read_to_its_end() {
    let (routes, _) = within(Bounds { least_window_bytes: 512, ..IN_A_HURRY });
    while_served(CONNECTIONS, routes, async |address| {
        let mut steady = Sending::to(address, 40 * 1024).await;
        for _ in 0..40 {
            steady.send(1024).await;
            sleep(Duration::from_millis(15)).await;
        }
        assert!(steady.answered().await.starts_with("HTTP/1.1 401"));
    })
    .await;
}
