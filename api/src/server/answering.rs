//! A connection whose caller has to take its answers in time.
//!
//! **Invariant:** whoever reads slowly, or not at all, holds a connection no longer than the limit for
//! one answer.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// A connection under a limit for each answer: from when the caller first lags behind until it has
/// taken everything.
pub(super) struct Answering {
    stream: TcpStream,
    time_limit: Duration,
    /// Runs while the caller lags behind.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Answering {
    pub(super) fn new(stream: TcpStream, time_limit: Duration) -> Self {
        Self { stream, time_limit, patience: None }
    }

    /// What came of a write, unless the caller has been lagging behind for too long.
    fn in_time<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_pending() && self.patience.is_none() {
            self.patience = Some(Box::pin(sleep(self.time_limit)));
        }
        let is_over =
            self.patience.as_mut().is_some_and(|patience| patience.as_mut().poll(context).is_ready());
        if is_over { Poll::Ready(Err(Error::from(ErrorKind::TimedOut))) } else { written }
    }
}

impl AsyncRead for Answering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Answering {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Comes after everything was written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.patience = None;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
