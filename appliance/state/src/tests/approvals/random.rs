//! Random lives of proposals against a model that knows nothing but the rules.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{AdminId, Timestamp};

use super::super::dice::Dice;
use super::*;

/// What the model knows of a proposal that waits.
struct Waiting {
    initiator: Option<AdminId>,
    needed: usize,
    expires: u64,
    approved: BTreeSet<AdminId>,
}

/// Who is who; accounts 1 and 6 are one person.
fn person(admin: AdminId) -> u32 {
    if admin == ADA2 { ADA.0 } else { admin.0 }
}

/// Who may approve changes.
const MAY: [AdminId; 4] = [ADA, SAM, OPS, ADA2];

struct Model {
    waiting: BTreeMap<ProposalId, Waiting>,
    revoked: BTreeSet<AdminId>,
    executed: u64,
}

impl Model {
    /// Whether the key of an admin approves something of this initiator now.
    fn counts(&self, initiator: Option<AdminId>, by: AdminId) -> bool {
        let other = initiator.is_none_or(|initiator| person(initiator) != person(by));
        MAY.contains(&by) && !self.revoked.contains(&by) && other
    }

    fn persons(&self, waiting: &Waiting) -> usize {
        let counting = waiting.approved.iter().filter(|by| self.counts(waiting.initiator, **by));
        counting.map(|by| person(*by)).collect::<BTreeSet<u32>>().len()
    }

    /// Whether an approval is taken.
    fn takes(&self, id: ProposalId, by: AdminId) -> bool {
        let Some(waiting) = self.waiting.get(&id) else { return false };
        let same = |other: &&AdminId| person(**other) == person(by) && self.counts(waiting.initiator, **other);
        self.counts(waiting.initiator, by) && waiting.approved.iter().find(same).is_none()
    }
}

/// Goal: whatever is proposed, approved, rejected, taken back and revoked in whatever order, an operation is carried out when
/// as many other persons as needed have approved it with keys that count then, never otherwise and never twice, and the rows
/// hold what memory does. Method: 60 random lives of 120 steps from a printed seed, against the model above; every tenth
/// step the state is loaded anew.
#[test]
fn operations_are_carried_out_when_enough_persons_agree() {
    let seed = 0x5eed_a991_u64;
    println!("seed {seed:#x}");
    let mut dice = Dice(seed);
    let mut total = 0;
    for _ in 0..60 {
        let mut world = in_force();
        let mut model = Model { waiting: BTreeMap::new(), revoked: BTreeSet::new(), executed: 0 };
        for step in 0..120 {
            let by = AdminId(1 + dice.below(6) as u32);
            let id = ProposalId(1 + dice.below(world.state.approvals().count() as usize + 1) as u64);
            match dice.below(20) {
                0..6 => {
                    let initiator = [None, Some(ADA), Some(OPS), Some(ADA2)][dice.below(4)];
                    let change = critical(1 + dice.below(9) as i64);
                    let operation = operation_of(&change);
                    let ttl_us = Some(HOUR * (1 + dice.below(5) as u64));
                    let body = Body::Propose(Propose { operation, ttl_us, reason: "x".into() });
                    let actor = initiator.map_or(Actor::Operator, Actor::Admin);
                    let command = Command { actor, ..world.command(body) };
                    let ordinary =
                        crate::approvals::policy_of(&change, actor, &world.state, world.state.ledger()).is_none();
                    let done = world.send(&command);
                    if ordinary {
                        assert_eq!(done, Err(Rejection::NothingToApprove), "what holds already");
                        continue;
                    }
                    let done = done.unwrap();
                    let needed = 1 + usize::from(initiator.is_none());
                    let Done::Proposed { proposal, expires, .. } = done else { panic!("{done:?}") };
                    let waiting = Waiting { initiator, needed, expires: expires.0, approved: BTreeSet::new() };
                    model.waiting.insert(proposal, waiting);
                }
                6..15 => {
                    let known = world.state.approvals().get(id).is_some();
                    let of = if dice.once_in(8) { AdminId(1 + dice.below(6) as u32) } else { by };
                    let good = if known { signature(&world, of, id) } else { Signature([1; 32], [2; 32]) };
                    let done = approve_with(&mut world, by, id, good);
                    let taken = model.takes(id, by) && of == by;
                    assert_eq!(done.is_ok(), taken, "{done:?}");
                    if taken {
                        let mut waiting = model.waiting.remove(&id).unwrap();
                        waiting.approved.retain(|other| model.counts(waiting.initiator, *other));
                        waiting.approved.insert(by);
                        let enough = model.persons(&waiting) >= waiting.needed;
                        let Ok(Done::Approved { execution, .. }) = done else { panic!("{done:?}") };
                        assert_eq!(execution != Execution::Waits, enough);
                        if enough {
                            assert!(matches!(execution, Execution::Done(_)), "{execution:?}");
                            model.executed += 1;
                        } else {
                            model.waiting.insert(id, waiting);
                        }
                    }
                }
                15 => {
                    let body = Body::RejectProposal(RejectProposal { proposal: id, reason: "x".into() });
                    let ends = MAY.contains(&by) && model.waiting.contains_key(&id);
                    assert_eq!(send(&mut world, by, body).is_ok(), ends);
                    if ends {
                        model.waiting.remove(&id);
                    }
                }
                16 => {
                    let body = Body::RevokeProposal(RevokeProposal { proposal: id, reason: "x".into() });
                    let own = |waiting: &Waiting| waiting.initiator.is_some_and(|own| person(own) == person(by));
                    let ends = model.waiting.get(&id).is_some_and(own);
                    assert_eq!(send(&mut world, by, body).is_ok(), ends);
                    if ends {
                        model.waiting.remove(&id);
                    }
                }
                17 => {
                    let body =
                        Body::RevokeApprovalKey(RevokeApprovalKey { key: ApprovalKeyId(by.0), reason: "x".into() });
                    let left: BTreeSet<u32> = MAY
                        .into_iter()
                        .filter(|other| *other != by && !model.revoked.contains(other))
                        .map(person)
                        .collect();
                    let ends = !model.revoked.contains(&by) && (left.len() >= 2 || !MAY.contains(&by));
                    assert_eq!(send(&mut world, by, body).is_ok(), ends, "{left:?}");
                    if ends {
                        model.revoked.insert(by);
                    }
                }
                _ => {
                    world.now = Timestamp(world.now.0 + HOUR * dice.below(3) as u64);
                    world.apply(crate::Input::Noop).unwrap();
                    model.waiting.retain(|_, waiting| waiting.expires > world.now.0);
                }
            }
            let open: Vec<ProposalId> = world.state.approvals().open().map(|proposal| proposal.id).collect();
            assert_eq!(open, model.waiting.keys().copied().collect::<Vec<_>>());
            assert_eq!(world.state.settings().revision(), model.executed);
            if step % 10 == 0 {
                assert_eq!(State::load(&world.rows).unwrap().approvals(), world.state.approvals());
            }
        }
        total += model.executed;
    }
    println!("{total} operations were carried out");
    assert!(total > 100, "{total}");
}
