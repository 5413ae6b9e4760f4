//! A valve in front of a server: while it is shut, connections are taken and stay open, and nothing goes
//! through.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// The valve, open at first.
pub struct Valve {
    port: u16,
    shut: watch::Sender<bool>,
    door: JoinHandle<()>,
}

impl Valve {
    /// One in front of the server at this address.
    pub async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("an address").port();
        let (shut, watched) = watch::channel(false);
        let door = tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let Ok(callee) = TcpStream::connect(&server).await else { continue };
                let ((from_caller, to_caller), (from_callee, to_callee)) =
                    (caller.into_split(), callee.into_split());
                tokio::spawn(pour(from_caller, to_callee, watched.clone()));
                tokio::spawn(pour(from_callee, to_caller, watched.clone()));
            }
        });
        Self { port, shut, door }
    }

    /// Where the server is to be called.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Nothing goes through from now on.
    pub fn shut(&self) {
        self.shut.send_replace(true);
    }

    /// Everything goes through, what was held back first.
    pub fn open(&self) {
        self.shut.send_replace(false);
    }
}

impl Drop for Valve {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn pour(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut shut: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        // A valve that is gone lets through.
        let _ = shut.wait_for(|shut| !shut).await;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&bytes[..read]).await?;
    }
}
