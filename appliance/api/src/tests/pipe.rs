//! Encoded commands that are held back, to see how many requests are under way at once.

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Holds requests until `group` of them are under way, then answers the last one first, each with its own commands.
pub(super) struct Pipe {
    group: usize,
    begun: watch::Sender<usize>,
    ended: watch::Sender<usize>,
    most: Mutex<usize>,
}

impl Pipe {
    pub(super) fn new(group: usize) -> Pipe {
        Pipe { group, begun: watch::Sender::new(0), ended: watch::Sender::new(0), most: Mutex::new(0) }
    }

    /// How many were under way at once.
    pub(super) fn most(&self) -> usize {
        *self.most.lock()
    }

    pub(super) async fn pass(&self, commands: Vec<Bytes>) -> (Vec<Bytes>, u64) {
        let place = *self.begun.borrow();
        self.begun.send_modify(|begun| *begun += 1);
        let under_way = place + 1 - *self.ended.borrow();
        {
            let mut most = self.most.lock();
            *most = under_way.max(*most);
        }
        let (group, place) = (place / self.group, place % self.group);
        let turn = group * self.group + (self.group - 1 - place);
        let full = (group + 1) * self.group;
        // Answers leave in order, so the next group begins only when the first of this one, its last to end, has.
        let _ = self.begun.subscribe().wait_for(|begun| *begun >= full).await;
        let _ = self.ended.subscribe().wait_for(|ended| *ended == turn).await;
        self.ended.send_modify(|ended| *ended += 1);
        (commands, 1)
    }
}
