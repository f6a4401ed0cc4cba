//! Turns at hashing passwords: few at once, since each takes 64 MiB, and not many who wait. Who finds no place is told to
//! come again. There is one of these for each door, and one for those who are in.

use std::sync::Arc;

use exchequer_domain::{Code, Problem};
use tokio::sync::Semaphore;

/// Sign-ins that wait for it at most.
pub(crate) const WAITING_MAX: usize = 32;

/// Who may hash, and who may wait for it.
pub(crate) struct Turns {
    places: Semaphore,
    turns: Arc<Semaphore>,
}

impl Turns {
    /// So many hash at once.
    pub(crate) fn new(at_once: usize) -> Turns {
        Turns { places: Semaphore::new(at_once + WAITING_MAX), turns: Arc::new(Semaphore::new(at_once)) }
    }

    /// Does the work on a thread where it holds nobody up, when its turn has come.
    ///
    /// # Errors
    /// `SignInsBusy` where too many wait already.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || Problem::new(Code::SignInsBusy, "too many sign-ins are waiting on this node");
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| busy())?;
        // The turn ends with the work, also where nobody waits for it any more.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Problem::new(Code::Internal, "a password could not be hashed"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    const AT_ONCE_MAX: usize = 2;

    /// Goal: no more than two work at once, however many ask; past the places there is a refusal at once; and a client that
    /// went away does not free a turn that is still worked on. Method: work that waits for the test.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn few_at_once() {
        let turns = Arc::new(Turns::new(AT_ONCE_MAX));
        let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (go, gate) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel::<()>();
        let gate = Arc::new(parking_lot::Mutex::new(gate));
        let mut asked = Vec::new();
        for _ in 0..AT_ONCE_MAX + WAITING_MAX {
            let (working, most, gate) = (working.clone(), most.clone(), gate.clone());
            let (turns, begun) = (turns.clone(), begun.clone());
            let work = move || {
                most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                begun.send(()).unwrap();
                let _ = gate.lock().recv();
                working.fetch_sub(1, Ordering::SeqCst);
            };
            asked.push(Box::pin(async move { turns.run(work).await }));
        }
        // Polled once, each has its place, and the first ones work.
        for one in &mut asked {
            assert!(futures::poll!(one.as_mut()).is_pending());
        }
        for _ in 0..AT_ONCE_MAX {
            begins.recv().unwrap();
        }
        assert_eq!(turns.run(|| ()).await.unwrap_err().code, Code::SignInsBusy);
        drop(asked.remove(0));
        for _ in 0..AT_ONCE_MAX + WAITING_MAX {
            go.send(()).unwrap();
        }
        for done in futures::future::join_all(asked).await {
            done.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE_MAX);
    }

    /// Goal: whoever fills one door with sign-ins that wait keeps nobody out at the other, and nobody who is in. Method: the
    /// places of customers taken one by one.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_door_does_not_fill_another() {
        let people = super::super::People::default();
        let (go, gate) = mpsc::channel::<()>();
        let gate = Arc::new(parking_lot::Mutex::new(gate));
        let mut waiting = Vec::new();
        loop {
            let gate = gate.clone();
            let mut one = Box::pin(people.customers.run(move || gate.lock().recv().is_ok()));
            match futures::poll!(one.as_mut()) {
                std::task::Poll::Pending => waiting.push(one),
                std::task::Poll::Ready(full) => {
                    assert_eq!(full.unwrap_err().code, Code::SignInsBusy);
                    break;
                }
            }
        }
        assert!(waiting.len() > WAITING_MAX);
        people.admins.run(|| ()).await.unwrap();
        people.inside.run(|| ()).await.unwrap();
        drop(go);
        futures::future::join_all(waiting).await;
    }
}
