//! The end of a process: asked for once, seen by everybody who watches.

use anyhow::Context;
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Tells all who watch that the process was asked to end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for SIGTERM and SIGINT from now on.
    ///
    /// # Errors
    /// If the system does not let this process listen.
    pub fn on_signals() -> anyhow::Result<Self> {
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened to")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened to")?;
        let (stop, asked) = watch::channel(false);
        tokio::spawn(async move {
            select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // A failure means that nobody watches any more.
            let _ = stop.send(true);
        });
        Ok(Self(asked))
    }

    /// Ends when the process was asked to end.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut asked = self.0.clone();
        async move {
            // A failure means that nobody can ask any more, which is an end too.
            let _ = asked.wait_for(|asked| *asked).await;
        }
    }
}
