//! Ctrl-C and SIGTERM as a flag that ends every wait, so that whatever was started is taken down in order.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Somebody asked the program to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Whether to stop. Clones share the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// One that only [`Stop::now`] sets.
    pub(crate) fn new() -> Stop {
        Stop::default()
    }

    /// One that SIGINT, SIGTERM and SIGHUP set. The second signal ends the process as it would without us.
    ///
    /// # Errors
    /// The process cannot listen for signals.
    pub(crate) fn on_signals() -> Result<Stop> {
        let stop = Stop::new();
        let setter = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("signals")?;
        let mut signals = {
            let _inside = runtime.enter();
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal)
        };
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let [Ok(interrupt), Ok(terminate), Ok(hangup)] = &mut signals else { return };
            for _ in 0..2 {
                runtime.block_on(async {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                });
                if setter.is_set() {
                    // The kernel kills the children with us (see `product`).
                    std::process::exit(130);
                }
                setter.now();
            }
        })?;
        Ok(stop)
    }

    /// Stops.
    pub(crate) fn now(&self) {
        let (flag, changed) = &*self.shared;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Whether to stop.
    pub(crate) fn is_set(&self) -> bool {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`.
    ///
    /// # Errors
    /// [`Interrupted`], at once, when it is set.
    pub(crate) fn pause(&self, time: Duration) -> Result<()> {
        let (flag, changed) = &*self.shared;
        let guard = flag.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, _) = changed.wait_timeout_while(guard, time, |set| !*set).unwrap_or_else(PoisonError::into_inner);
        if *set { Err(Interrupted.into()) } else { Ok(()) }
    }
}
