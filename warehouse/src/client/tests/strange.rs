//! Peers whose answers have no end, no measure or no sense, or that send us elsewhere.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{client, hand_over};

async fn write(mut stream: TcpStream, kind: &str, elsewhere: &str) -> std::io::Result<()> {
    let mut request = [0; 8192];
    let _ = stream.read(&mut request).await?;
    match kind {
        "endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(b"1\r\n \r\n").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        "huge" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 65536]).await?;
            }
        }
        "deep" => {
            let body = "[".repeat(200_000);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await
        }
        _ => {
            let head =
                format!("HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
    }
}

#[tokio::test]
async fn an_answer_without_end_measure_or_sense_is_an_error_and_nobody_is_sent_elsewhere() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = elsewhere.local_addr().unwrap().to_string();
    for kind in ["endless", "huge", "deep", "elsewhere"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(listener.local_addr().unwrap());
        let away = away.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let away = away.clone();
                tokio::spawn(async move { write(stream, kind, &away).await });
            }
        });
        let begun = Instant::now();
        assert!(client.request(&hand_over().reference).await.is_err(), "{kind}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{kind}");
    }
    let visited = tokio::time::timeout(Duration::from_millis(200), elsewhere.accept()).await;
    assert!(visited.is_err(), "somebody was sent elsewhere, with the token");
}
