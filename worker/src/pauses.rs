//! Which lanes are paused, as the database says, and whether they may go on: one worker at a time probes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use activities::{Callee, LaneCalls, PausedLanes};
use domain::LaneName;
use metrics::gauge;
use orders::lanes::{
    self, Pause, PauseCause,
    health::{self, ProbeWaits, Reading},
};
use parking_lot::Mutex;
use process::shutdown::Shutdown;
use sqlx::PgPool;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tracing::{info, warn};

/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What every lane of a process hears of pauses. Cheap to clone.
#[derive(Clone)]
pub struct Pauses {
    pool: PgPool,
    known: Arc<watch::Sender<BTreeSet<LaneName>>>,
    shown: Arc<Mutex<BTreeSet<(LaneName, PauseCause)>>>,
}

impl Pauses {
    /// As the database says now, where it answers.
    pub async fn look_first(pool: &PgPool) -> Self {
        let pauses = Self {
            pool: pool.clone(),
            known: Arc::new(watch::channel(BTreeSet::new()).0),
            shown: Arc::default(),
        };
        if let Err(error) = pauses.look().await {
            warn!(%error, "which lanes are paused is not known yet");
        }
        pauses
    }

    /// For whoever makes calls.
    pub fn listen(&self) -> PausedLanes {
        self.known.subscribe()
    }

    /// Waits until the lane is paused, or is not.
    pub async fn until(&self, lane: &LaneName, is_paused: bool) {
        // The sender is held here.
        let mut known = self.listen();
        let _ended = known.wait_for(|paused| paused.contains(lane) == is_paused).await;
    }

    /// Looks each second, and probes what is due of whom these calls go to.
    pub fn watch(self, duties: &mut JoinSet<()>, calls: LaneCalls, waits: ProbeWaits, shutdown: &Shutdown) {
        let asked = shutdown.asked();
        duties.spawn(async move {
            tokio::select! {
                () = asked => {}
                () = self.keep_looking(&calls, waits) => {}
            }
        });
    }

    async fn keep_looking(&self, calls: &LaneCalls, waits: ProbeWaits) {
        let mut probes = JoinSet::new();
        loop {
            sleep(LOOK_EVERY).await;
            while probes.try_join_next().is_some() {}
            if let Err(error) = self.look().await {
                warn!(%error, "which lanes are paused is not known; it stays as it was");
                continue;
            }
            let paused = self.known.borrow().clone();
            for (lane, callee) in calls.callees().filter(|(lane, _)| paused.contains(*lane)) {
                match self.take_probe(lane).await {
                    Ok(false) => {}
                    Ok(true) => {
                        let (pool, lane, callee) = (self.pool.clone(), lane.clone(), callee.clone());
                        probes.spawn(async move { probe(&pool, &lane, &callee, waits).await });
                    }
                    Err(error) => warn!(%lane, %error, "whether to probe is not known"),
                }
            }
        }
    }

    async fn look(&self) -> anyhow::Result<()> {
        let on = lanes::on(&mut *self.pool.acquire().await?).await?;
        self.show(&on);
        let paused: BTreeSet<LaneName> = on.into_iter().map(|pause| pause.lane).collect();
        self.known.send_if_modified(|known| {
            for lane in paused.difference(known) {
                info!(%lane, "the lane is paused");
            }
            for lane in known.difference(&paused) {
                info!(%lane, "the lane goes on");
            }
            let is_new = *known != paused;
            *known = paused;
            is_new
        });
        Ok(())
    }

    /// Each pause that is on, and that those are over which were.
    fn show(&self, on: &[Pause]) {
        let of = |lane: &LaneName, cause: PauseCause| gauge!("waybill_lane_paused", "lane" => lane.to_string(), "cause" => cause.as_str());
        let mut shown = self.shown.lock();
        let now: BTreeSet<_> = on.iter().map(|pause| (pause.lane.clone(), pause.cause)).collect();
        shown.difference(&now).for_each(|(lane, cause)| of(lane, *cause).set(0.0));
        now.iter().for_each(|(lane, cause)| of(lane, *cause).set(1.0));
        *shown = now;
    }

    async fn take_probe(&self, lane: &LaneName) -> anyhow::Result<bool> {
        Ok(health::take_probe(&mut *self.pool.acquire().await?, lane).await?)
    }
}

async fn probe(pool: &PgPool, lane: &LaneName, callee: &Callee, waits: ProbeWaits) {
    let (reading, code) = callee.read().await;
    let noted = async {
        let mut tx = pool.begin().await?;
        health::probed(&mut tx, lane, reading, code, waits).await?;
        anyhow::Ok(tx.commit().await?)
    };
    match (noted.await, reading) {
        (Ok(()), Reading::Answered) => info!(%lane, "a probe was answered"),
        (Ok(()), Reading::Down | Reading::TokenRefused) => warn!(%lane, code, "a probe failed"),
        // The lease passes, and somebody probes again.
        (Err(error), _) => warn!(%lane, %error, "what a probe was told was not written down"),
    }
}
