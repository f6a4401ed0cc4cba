//! A machine loses its power: first a follower's, then the leader's.

use std::time::Instant;

use anyhow::Result;

use super::Drill;
use super::field::{Field, GAP_UNPLANNED};
use super::load::Load;
use super::report::Report;

pub(super) const DRILL: Drill = Drill {
    name: "power-cut",
    summary: "the power goes at a follower's machine, then at the leader's, while clients write",
    must_hold: &[
        "clients are without an acknowledged write for 5 s at most",
        "each node recovers from what its disk holds and votes again",
    ],
    run,
};

fn run(field: &mut Field<'_>, report: &mut Report) -> Result<()> {
    field.tell(format_args!("a power cut here: {}", field.lab.power_cut_means()));
    let client = field.client()?;
    let load = Load::start(&client)?;
    field.let_it_write(&load)?;

    let follower = field.another(field.leader()?);
    cut_and_restore(field, &load, follower, "a follower", report)?;
    let leader = field.leader()?;
    cut_and_restore(field, &load, leader, "the leader", report)?;
    field.close(&client, load, GAP_UNPLANNED, report)
}

fn cut_and_restore(field: &mut Field<'_>, load: &Load, node: usize, role: &str, report: &mut Report) -> Result<()> {
    let name = field.name(node);
    field.tell(format_args!("power cut at {name}, {role}"));
    field.lab.cut_power(node)?;
    let (leader, _) = field.new_leader(node)?;
    field.let_it_write(load)?;
    field.tell(format_args!("power back at {name}; {} leads", field.name(leader)));
    let begun = Instant::now();
    field.lab.restore_power(node)?;
    let up = begun.elapsed();
    let members = field.wait_healthy()?;
    let votes = members.iter().any(|peer| peer.name == name && peer.is_voter);
    let (whole, up) = (begun.elapsed().as_secs_f64(), up.as_secs_f64());
    let after = format!("healthy {whole:.1} s after the power came back; its machine took {up:.1} s of that");
    report.fact(format!("{name} ({role}) is a voter again"), after, votes);
    Ok(())
}
