//! The leader's process dies without a word.

use anyhow::Result;

use super::Drill;
use super::field::{Field, GAP_UNPLANNED};
use super::load::Load;
use super::report::Report;

pub(super) const DRILL: Drill = Drill {
    name: "kill-leader",
    summary: "SIGKILL for the leader's process while clients write",
    must_hold: &[
        "another node leads within 5 s",
        "clients are without an acknowledged write for 5 s at most",
        "the killed node comes back by itself once it is started",
    ],
    run,
};

fn run(field: &mut Field<'_>, report: &mut Report) -> Result<()> {
    let client = field.client()?;
    let load = Load::start(&client)?;
    field.let_it_write(&load)?;
    let old = field.leader()?;

    field.tell(format_args!("SIGKILL for {}, the leader", field.name(old)));
    field.lab.kill(old)?;
    let (new, after) = field.new_leader(old)?;
    field.tell(format_args!("{} leads", field.name(new)));
    let measured = format!("{} after {:.2} s", field.name(new), after.as_secs_f64());
    report.fact("another node leads", measured, after <= GAP_UNPLANNED);
    field.let_it_write(&load)?;

    field.lab.start(old)?;
    field.tell(format_args!("{} started again", field.name(old)));
    field.wait_healthy()?;
    field.close(&client, load, GAP_UNPLANNED, report)
}
