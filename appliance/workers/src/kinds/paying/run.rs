//! The loop of a worker that pays: what is due is paid at once, what is on its way is looked after beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exchequer_domain::Family;

use super::{Desk, Errands};
use crate::host::Bench;
use crate::kinds::nodes::Nodes;
use crate::money::signer::LinkSigner;

/// Between two looks at what is due, where nothing is.
const PAUSE: Duration = Duration::from_millis(150);
/// After a round that came to nothing.
const PAUSE_FAILED: Duration = Duration::from_secs(1);
/// Rounds that follow each other at once, as long as each decides something.
const AT_ONCE_MAX: u32 = 100;

/// What it has counted, for heartbeats.
#[derive(Debug, Default)]
pub struct Counts {
    paid: AtomicU64,
    watched: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// The counts now.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, u64> {
        let of = |name: &str, count: &AtomicU64| (name.to_owned(), count.load(Ordering::Relaxed));
        [of("rounds_paid", &self.paid), of("rounds_watched", &self.watched), of("rounds_failed", &self.failed)].into()
    }
}

/// How often what is on its way is looked after.
const fn watch_pause(family: Family) -> Duration {
    match family {
        Family::Bitcoin => Duration::from_secs(5),
        Family::Evm => Duration::from_millis(500),
        Family::Tron => Duration::from_secs(1),
    }
}

/// Works until it is dropped. Whoever comes next goes on with it.
pub async fn run(bench: &Bench, nodes: Nodes, counts: &Counts, errands: &dyn Errands) {
    let (Some(link), Some(network)) = (bench.money.clone(), bench.worker.network) else {
        bench.condition("it has no way to the node's money link".to_owned());
        return std::future::pending().await;
    };
    let signer = Arc::new(LinkSigner::new(link.clone()));
    let requests = bench.requests.clone();
    let desk = Desk::new(network, link, nodes, signer, bench.outside.clone(), requests);
    let told = Told { bench, counts, texts: parking_lot::Mutex::default() };
    let paying = async {
        let mut at_once = 0;
        loop {
            counts.paid.fetch_add(1, Ordering::Relaxed);
            let came = desk.pay(errands).await;
            let pause = match &came {
                Ok(true) if at_once < AT_ONCE_MAX => {
                    at_once += 1;
                    Duration::ZERO
                }
                Ok(_) => {
                    at_once = 0;
                    PAUSE
                }
                Err(_) => PAUSE_FAILED,
            };
            told.tell(0, came.map(drop));
            tokio::time::sleep(pause).await;
        }
    };
    let watching = async {
        loop {
            counts.watched.fetch_add(1, Ordering::Relaxed);
            told.tell(1, desk.watch().await);
            tokio::time::sleep(watch_pause(network.family())).await;
        }
    };
    tokio::join!(paying, watching);
}

/// What is wrong with each of the two, as people were told last.
struct Told<'a> {
    bench: &'a Bench,
    counts: &'a Counts,
    texts: parking_lot::Mutex<[String; 2]>,
}

impl Told<'_> {
    fn tell(&self, which: usize, came: Result<(), String>) {
        let text = came.err().unwrap_or_default();
        if !text.is_empty() {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
        }
        let mut texts = self.texts.lock();
        if texts[which] == text {
            return;
        }
        if !text.is_empty() {
            tracing::warn!("{text}");
        }
        texts[which] = text;
        let both: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        self.bench.condition(both.join("; "));
    }
}
