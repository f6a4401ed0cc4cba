//! The leader is cut off from the other nodes, but not from its clients.

use anyhow::Result;

use super::Drill;
use super::field::{Field, GAP_UNPLANNED};
use super::load::Load;
use super::report::Report;

/// Writes and reads that are tried at the leader that was cut off.
const TRIES: u64 = 3;
/// Their numbers, out of the way of the load's.
const FIRST_PROBE: u64 = 1 << 40;

pub(super) const DRILL: Drill = Drill {
    name: "isolate-leader",
    summary: "the leader is cut off from the other nodes while clients still reach it",
    must_hold: &[
        "the others elect a leader within 5 s",
        "the leader that was cut off acknowledges no write and answers no linearizable read",
        "clients of the others are without an acknowledged write for 5 s at most",
        "after healing the old leader follows",
    ],
    run,
};

fn run(field: &mut Field<'_>, report: &mut Report) -> Result<()> {
    let client = field.client()?;
    let load = Load::start(&client)?;
    field.let_it_write(&load)?;
    let old = field.leader()?;

    field.tell(format_args!("cutting {}, the leader, off", field.name(old)));
    field.lab.isolate(old)?;
    let (new, after) = field.new_leader(old)?;
    field.tell(format_args!("{} leads", field.name(new)));
    let measured = format!("{} after {:.2} s", field.name(new), after.as_secs_f64());
    report.fact("the others elect a leader", measured, after <= GAP_UNPLANNED);

    let (mut wrote, mut read) = (0, 0);
    for probe in FIRST_PROBE..FIRST_PROBE + TRIES {
        wrote += u32::from(client.put(old, probe)?);
        // Sequence 1 is the load's first write: it is there, so only the missing quorum can refuse the read.
        read += u32::from(client.can_read(old, 1)?);
    }
    report.fact("writes acknowledged by the node that was cut off", format!("{wrote} of {TRIES}"), wrote == 0);
    report.fact("linearizable reads answered by it", format!("{read} of {TRIES}"), read == 0);
    field.let_it_write(&load)?;

    field.lab.heal()?;
    field.tell("healed");
    let members = field.wait_healthy()?;
    let name = field.name(old);
    let state = members.iter().find(|peer| peer.name == name).map_or("gone", |peer| peer.state.as_str()).to_owned();
    report.fact("the old leader after healing", &state, state == "follower");
    field.close(&client, load, GAP_UNPLANNED, report)
}
