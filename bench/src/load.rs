//! The callers: each asks on a connection of its own, waits for the answer, and asks again.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    measured::Run,
    scenario::{Choice, Scenario, Tokens},
};

/// How many ask, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Callers at the same time.
    pub connections: u16,
    /// How long they ask before anything is measured.
    pub warm_up: Duration,
    /// How long they ask then.
    pub measured: Duration,
}

/// Where the API is and how it is entered.
pub struct Client {
    /// Its address.
    pub address: SocketAddr,
    /// The tokens.
    pub tokens: Tokens,
}

impl Client {
    /// A connection that is kept open.
    ///
    /// # Errors
    /// If the API does not listen.
    pub async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await.context("the API does not listen")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with an error when the API ends; whoever asks next hears so.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Lets all callers ask, at the given pace.
    ///
    /// # Errors
    /// If a caller cannot connect.
    pub async fn run(self: &Arc<Self>, scenario: Scenario, pace: &Pace) -> anyhow::Result<Run> {
        let mut callers = JoinSet::new();
        let from = Instant::now() + pace.warm_up;
        let until = from + pace.measured;
        for _ in 0..pace.connections {
            let (client, connection) = (Arc::clone(self), self.connect().await?);
            callers.spawn(async move { client.ask_until(scenario, connection, from, until).await });
        }
        let mut run = Run::default();
        while let Some(seen) = callers.join_next().await {
            let Run { latencies, refused, kept, .. } = seen??;
            run.latencies.extend(latencies);
            run.kept += kept;
            for (answer, times) in refused {
                *run.refused.entry(answer).or_default() += times;
            }
        }
        run.took = from.elapsed();
        Ok(run)
    }

    /// What one caller saw; nothing is refused that was answered with 201.
    async fn ask_until(
        &self,
        scenario: Scenario,
        mut connection: SendRequest<Full<Bytes>>,
        from: Instant,
        until: Instant,
    ) -> anyhow::Result<Run> {
        let mut seen = Run::default();
        loop {
            let request = scenario.request(&Choice::draw(), &self.tokens)?;
            let began = Instant::now();
            if began >= until {
                return Ok(seen);
            }
            let answer = ask(&mut connection, request).await;
            if began >= from {
                seen.latencies.push(began.elapsed());
            }
            match answer {
                Ok((StatusCode::CREATED, _)) => seen.kept += 1,
                Ok((status, _)) => *seen.refused.entry(status.to_string()).or_default() += 1,
                Err(error) => {
                    *seen.refused.entry(error.to_string()).or_default() += 1;
                    connection = self.connect().await?;
                }
            }
        }
    }
}

/// Asks, and reads the answer to its end.
///
/// # Errors
/// If the connection breaks.
pub async fn ask(
    connection: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), hyper::Error> {
    connection.ready().await?;
    let answer = connection.send_request(request).await?;
    let status = answer.status();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

/// Asks for something that has to be made.
///
/// # Errors
/// Unless the answer is 201.
pub async fn ask_for_new(
    connection: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<()> {
    let path = request.uri().to_string();
    match ask(connection, request).await? {
        (StatusCode::CREATED, _) => Ok(()),
        (status, body) => bail!("{path} was answered with {status}: {}", String::from_utf8_lossy(&body)),
    }
}
