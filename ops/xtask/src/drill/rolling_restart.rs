//! Every node is restarted in order, the leader last, as an upgrade does.

use std::time::Instant;

use anyhow::Result;

use super::Drill;
use super::field::{Field, GAP_PLANNED};
use super::load::Load;
use super::report::Report;
use crate::lab::MACHINES;

pub(super) const DRILL: Drill = Drill {
    name: "rolling-restart",
    summary: "every node is stopped with SIGTERM and started again, one after the other, while clients write",
    must_hold: &[
        "each node stops by itself within 30 s of SIGTERM",
        "the leader hands leadership over: clients are without an acknowledged write for 3 s at most",
    ],
    run,
};

fn run(field: &mut Field<'_>, report: &mut Report) -> Result<()> {
    let client = field.client()?;
    let load = Load::start(&client)?;
    field.let_it_write(&load)?;
    let leader = field.leader()?;
    let followers = (0..MACHINES).filter(|node| *node != leader);
    for node in followers.chain([leader]).collect::<Vec<_>>() {
        let name = field.name(node);
        field.tell(format_args!("restarting {name}{}", if node == leader { ", the leader" } else { "" }));
        let begun = Instant::now();
        let stopped = field.lab.stop(node);
        let measured = stopped
            .as_ref()
            .map_or_else(|error| format!("{error:#}"), |()| format!("after {:.1} s", begun.elapsed().as_secs_f64()));
        report.fact(format!("{name} stopped in order"), measured, stopped.is_ok());
        field.let_it_write(&load)?;
        field.lab.start(node)?;
        field.wait_healthy()?;
    }
    field.close(&client, load, GAP_PLANNED, report)
}
