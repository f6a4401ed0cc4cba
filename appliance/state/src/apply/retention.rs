//! How long jobs and directives that are over are kept: by days and by count, counted from when they were entered, since
//! their numbers are.

use super::Entry;
use crate::codec;
use crate::events::{Kept, Retention};
use crate::ids;
use crate::rows::{Edit, Table};
use crate::settings::schema;

/// The rows of [`Table::Counter`] that say what is kept of jobs and of directives.
pub(crate) const JOBS_KEPT: &[u8] = &[2];
pub(crate) const DIRECTIVES_KEPT: &[u8] = &[3];

const DAY_SECONDS: u64 = 24 * 60 * 60;

impl Entry<'_> {
    /// Takes note of the day's first jobs and directives, and forgets those that are over and too old or too many.
    pub(super) fn forget_over(&mut self) {
        let [jobs, directives] = self.opened.numbered;
        let settings = &self.state.settings;
        let retention = |span: std::time::Duration, count: i64| Retention {
            days: u32::try_from(span.as_secs().div_ceil(DAY_SECONDS)).unwrap_or(u32::MAX),
            count: count.unsigned_abs(),
        };
        let of_jobs = retention(settings.get(&schema::JOBS_RETENTION), settings.get(&schema::JOBS_KEPT_MAX));
        let of_directives =
            retention(settings.get(&schema::DIRECTIVES_RETENTION), settings.get(&schema::DIRECTIVES_KEPT_MAX));
        let mut kept = std::mem::take(&mut self.state.jobs.kept);
        self.forget(&mut kept, [jobs, self.state.jobs.last().0], of_jobs, (Table::JobOver, JOBS_KEPT));
        self.state.jobs.kept = kept;
        let mut kept = std::mem::take(&mut self.state.directives.kept);
        let numbers = [directives, self.state.directives.last().0];
        self.forget(&mut kept, numbers, of_directives, (Table::DirectiveOver, DIRECTIVES_KEPT));
        self.state.directives.kept = kept;
    }

    fn forget(
        &mut self,
        kept: &mut Kept,
        [before, last]: [u64; 2],
        retention: Retention,
        (table, row): (Table, &[u8]),
    ) {
        let is_new_day = ids::bucket(self.opened.time) != ids::bucket(self.now);
        if before == last && !is_new_day {
            return;
        }
        let mut is_changed = last > before && kept.arose(before + 1, self.now);
        if let Some(first) = kept.due(last, self.now, retention) {
            // What was open for longer than it would have been kept went into history behind the mark: once a day all goes.
            let from = if is_new_day { 0 } else { kept.first };
            kept.forget_before(first, last);
            let [from, until] = [from, first].map(|number| table.key(&number.to_be_bytes()));
            self.change(table.family(), from, Edit::DeleteUntil(until));
            is_changed = true;
        }
        if is_changed {
            self.change(Table::Counter.family(), Table::Counter.key(row), Edit::Put(codec::encode(&*kept)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::jobs::{Backoff, JobId, Jobs};
    use crate::settings::Value;
    use crate::tests::world::{World, set};
    use crate::{Body, CancelJobs, Done, EnqueueJobs, Input, NewJob};

    fn enqueue(world: &mut World, count: usize) -> Vec<JobId> {
        let job = NewJob {
            queue: "selftest".parse().unwrap(),
            key: None,
            priority: 5,
            payload: Vec::new(),
            not_before: None,
            deadline: None,
            max_attempts: 1,
            backoff: Backoff { first_us: 1_000_000, most_us: 1_000_000 },
        };
        match world.run(Body::EnqueueJobs(EnqueueJobs { jobs: vec![job; count], reason: "test".into() })) {
            Ok(Done::JobsEnqueued(jobs)) => jobs.iter().map(|one| one.job).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn cancel(world: &mut World, jobs: Vec<JobId>) {
        world.run(Body::CancelJobs(CancelJobs { jobs, reason: "test".into() })).unwrap();
    }

    fn kept(world: &World) -> Vec<u64> {
        let page = Jobs::history(&world.rows, JobId(u64::MAX), 1_000).unwrap();
        page.iter().rev().map(|job| job.id.0).collect()
    }

    fn next_day(world: &mut World) {
        world.now = world.now.plus(Duration::from_secs(DAY_SECONDS));
        world.apply(Input::Noop).unwrap();
    }

    /// Goal: jobs that are over go by age in whole days, those that were open for longer a day later, and what is open stays.
    /// Method: one that is over, one that is ended on the fourth day, one that never is.
    #[test]
    fn jobs_go_by_age() {
        let mut world = World::new();
        world.run(set("jobs.retention", Value::DurationUs(2 * DAY_SECONDS * 1_000_000), None)).unwrap();
        let old = enqueue(&mut world, 3);
        cancel(&mut world, old[..1].to_vec());
        next_day(&mut world);
        let young = enqueue(&mut world, 1);
        cancel(&mut world, young);
        next_day(&mut world);
        assert_eq!(kept(&world), [1, 4]);
        next_day(&mut world);
        assert_eq!(kept(&world), [4]);
        cancel(&mut world, old[1..2].to_vec());
        assert_eq!(kept(&world), [2, 4]);
        next_day(&mut world);
        assert_eq!(kept(&world), [0_u64; 0]);
        assert!(world.state.jobs().get(old[2]).is_some(), "it is open");
    }

    /// Goal: of more than are kept the oldest go, in steps. Method: a limit of a thousand, and four hundred more.
    #[test]
    fn jobs_go_by_count() {
        let mut world = World::new();
        world.run(set("jobs.kept_max", Value::Integer(1_000), None)).unwrap();
        for _ in 0..14 {
            let jobs = enqueue(&mut world, 100);
            cancel(&mut world, jobs);
        }
        let there = |id| world.state.jobs().find(&world.rows, JobId(id)).unwrap().is_some();
        assert_eq!([1, 300, 301, 1_400].map(there), [false, false, true, true]);
    }
}
