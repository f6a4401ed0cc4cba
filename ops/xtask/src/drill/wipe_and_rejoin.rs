//! A node loses everything it had and joins as a new one.

use anyhow::{Context, Result};

use super::Drill;
use super::field::{Field, GAP_PLANNED};
use super::load::Load;
use super::report::Report;

pub(super) const DRILL: Drill = Drill {
    name: "wipe-and-rejoin",
    summary: "a follower's data is wiped; it is removed and joins again while clients write",
    must_hold: &[
        "the machine comes back under a new id; the old id is no member any more",
        "clients are without an acknowledged write for 3 s at most",
        "the new node has the whole state",
    ],
    run,
};

fn run(field: &mut Field<'_>, report: &mut Report) -> Result<()> {
    let client = field.client()?;
    let load = Load::start(&client)?;
    field.let_it_write(&load)?;
    let leader = field.leader()?;
    let node = field.another(leader);
    let name = field.name(node);
    let id_of = |field: &Field<'_>| -> Result<Option<u64>> {
        Ok(field.peers(leader)?.iter().find(|peer| peer.name == name).map(|peer| peer.id))
    };
    let old = id_of(field)?.context("the follower is no member")?;

    field.tell(format_args!("wiping {name} (id {old}), a follower"));
    field.lab.wipe(node)?;
    field.let_it_write(&load)?;
    field.remove(leader, old)?;
    field.tell(format_args!("id {old} removed"));
    let token = field.join_token(leader)?;
    field.lab.join(node, leader, &token)?;
    field.lab.start(node)?;
    let begun = std::time::Instant::now();
    let members = field.wait_healthy()?;
    let new = id_of(field)?.context("the node that joined is no member")?;
    field
        .tell(format_args!("{name} is a voter under id {new}, {:.1} s after it joined", begun.elapsed().as_secs_f64()));
    let gone = !members.iter().any(|peer| peer.id == old);
    report.fact("id before and after", format!("{old}, {new}"), new > old && gone);
    field.close(&client, load, GAP_PLANNED, report)
}
