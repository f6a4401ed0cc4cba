//! What happens to each withdrawal of the campaign, out of its seed.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use exchequer_test_nodes::faults::{Fault, Rule};

use super::super::chains::{Chains, DOORS, Which};
use super::super::journey::Guide;
use super::super::places::{Coin, PLACES, Place};
use super::super::victims::Victim;
use crate::crowd::dice::Dice;

/// The process dies within so long after the request: a payment takes about as long.
const MOMENT_MS_MAX: u64 = 9_000;
/// For so long both doors are closed or silent, and for so long one of them: the other is there meanwhile.
const OUTAGE_MS_MAX: u64 = 2_500;
const DOOR_MS_MAX: u64 = 6_000;
/// Of a hundred payments, so many have the reply of their broadcast lost, so many a reorganisation under them, and in so many a door
/// lies.
const LOST_PERCENT: u64 = 50;
const REORGANISED_PERCENT: u64 = 30;
const LIE_PERCENT: u64 = 40;
/// A door lies for so long.
const LIE_MS_MAX: u64 = 2_500;
/// Whoever stands still does so after so many blocks more.
const STUCK_AHEAD: u64 = 3;
/// One that shows another chain, for so long: it must not come to call another block final. A node that did is another node than it
/// was, and stays away until a person lets it in again.
const FORK_MS_MAX: u64 = 1_500;
/// Who dies in turn: of sixty seeds in a row each network meets all of it. Two leaders in a row take longest, and are rarer.
const TURNS: [Victim; 10] = [
    Victim::Leader,
    Victim::Worker,
    Victim::Signer,
    Victim::Door,
    Victim::Leaders,
    Victim::Worker,
    Victim::Leader,
    Victim::Signer,
    Victim::Silence,
    Victim::Doors,
];
/// The turn at which Bitcoin's node dies, in its worker's stead.
const NODE_TURN: u64 = 5;

/// What happens to one withdrawal.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) place: &'static Place,
    pub(super) coin: Coin,
    pub(super) victim: Victim,
    pub(super) moment: Duration,
    pub(super) outage: Duration,
    /// The doors that are closed or silent, where any are.
    pub(super) doors: Which,
    /// How many replies to broadcasts are lost at each door.
    pub(super) lost: [u32; DOORS],
    /// A door that lies.
    pub(super) lie: Option<Lie>,
    /// How many blocks are given up, and when after the kill.
    pub(super) reorganised: Option<(u64, Duration)>,
}

/// A lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No transaction is known.
    Unknown,
    /// None has a receipt.
    NoReceipt,
    /// No block is known.
    NoBlock,
    /// Every transaction is taken, and forgotten.
    Swallow,
    /// The chain does not grow.
    Stuck,
    /// From now on it is another chain.
    Fork,
    /// One answer of several comes twice.
    Twice,
    /// Answers come in another order.
    Reordered,
}

/// What the doors of each network know to lie about.
const OF_ETHEREUM: &[Kind] = &[
    Kind::Unknown,
    Kind::NoReceipt,
    Kind::NoBlock,
    Kind::Swallow,
    Kind::Stuck,
    Kind::Fork,
    Kind::Twice,
    Kind::Reordered,
];
/// Blocks are final so soon that another chain would soon be final too.
const OF_FAST_FINALITY: &[Kind] =
    &[Kind::Unknown, Kind::NoReceipt, Kind::NoBlock, Kind::Swallow, Kind::Stuck, Kind::Twice, Kind::Reordered];
const OF_BITCOIN: &[Kind] = &[Kind::Unknown, Kind::NoBlock, Kind::Twice, Kind::Reordered];
const OF_TRON: &[Kind] = &[Kind::Unknown, Kind::NoReceipt, Kind::NoBlock, Kind::Swallow, Kind::Stuck, Kind::Fork];

/// A door that lies for a while.
#[derive(Debug, Clone)]
pub(super) struct Lie {
    door: usize,
    kind: Kind,
    /// From when on after the request, and how long.
    after: Duration,
    time: Duration,
}

impl Lie {
    fn of(network: &str, dice: &mut Dice) -> Lie {
        let kinds = match network {
            "bitcoin" => OF_BITCOIN,
            "tron" => OF_TRON,
            "ethereum" | "arbitrum" => OF_ETHEREUM,
            _ => OF_FAST_FINALITY,
        };
        let kind = kinds[dice.below(kinds.len() as u64) as usize];
        let longest = if kind == Kind::Fork { FORK_MS_MAX } else { LIE_MS_MAX };
        Lie {
            door: dice.below(DOORS as u64) as usize,
            kind,
            after: Duration::from_millis(dice.below(MOMENT_MS_MAX)),
            time: Duration::from_millis(dice.between(200, longest)),
        }
    }

    fn rule(&self, network: &str, head: u64) -> Rule {
        match self.kind {
            Kind::Unknown => Fault::UnknownTransaction.into(),
            Kind::NoReceipt => Fault::NullReceipt.into(),
            Kind::NoBlock => Fault::MissingBlock.into(),
            Kind::Swallow => Rule::from(Fault::Swallow).at(Chains::broadcast_method(network)),
            // Blocks may come until it is told to stand still: it must not go back behind what it called final.
            Kind::Stuck => Fault::StuckAt { height: head + STUCK_AHEAD }.into(),
            Kind::Fork => Fault::MinorityFork { from: head + 1, until_final: true }.into(),
            Kind::Twice => Fault::DuplicateReply.into(),
            Kind::Reordered => Fault::ReorderReplies.into(),
        }
    }

    /// Has the door lie, when it is time.
    ///
    /// # Errors
    /// Stopped, or the node tells no height.
    pub(super) fn tell(&self, guide: &Guide<'_>, network: &str) -> Result<()> {
        guide.stop.pause(self.after)?;
        guide.chains.lying(network, self.door, |head| self.rule(network, head), self.time, guide.stop)
    }
}

impl Plan {
    pub(super) fn of(seed: u64) -> Plan {
        let mut dice = Dice::new(seed, 1);
        let networks = PLACES.len() as u64;
        let place = &PLACES[(seed % networks) as usize];
        let turn = seed / networks % TURNS.len() as u64;
        let bitcoin = place.network == "bitcoin";
        let victim = if bitcoin && turn == NODE_TURN { Victim::Node } else { TURNS[turn as usize] };
        let coin = if dice.chance(50) { place.token.unwrap_or(place.coin) } else { place.coin };
        let moment = Duration::from_millis(dice.below(MOMENT_MS_MAX));
        let one = Which::One(dice.below(DOORS as u64) as usize);
        let doors = match victim {
            Victim::Doors => Which::Both,
            Victim::Silence if dice.chance(50) => Which::Both,
            _ => one,
        };
        let longest = if doors == Which::Both { OUTAGE_MS_MAX } else { DOOR_MS_MAX };
        let outage = Duration::from_millis(dice.between(200, longest));
        let mut lost = [0; DOORS];
        if dice.chance(LOST_PERCENT) {
            let first = dice.below(DOORS as u64) as usize;
            let at_both = dice.chance(50);
            for (door, lost) in lost.iter_mut().enumerate().filter(|(door, _)| *door == first || at_both) {
                *lost = 1 + u32::from(dice.chance(30) && door == first);
            }
        }
        // What is settled is never given up: on these two that is a block with one upon it.
        let depth = if matches!(place.network, "bsc" | "bitcoin") { 1 } else { dice.between(1, 2) };
        let after = Duration::from_millis(dice.below(MOMENT_MS_MAX / 2));
        let reorganised = dice.chance(REORGANISED_PERCENT).then_some((depth, after));
        let lie = dice.chance(LIE_PERCENT).then(|| Lie::of(place.network, &mut dice));
        Plan { seed, place, coin, victim, moment, outage, doors, lost, lie, reorganised }
    }

    fn loses(&self) -> bool {
        self.lost.iter().any(|lost| *lost > 0)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, asset, victim) = (self.place.network, self.coin.asset, self.victim.as_str());
        write!(f, "seed {}: {asset} on {network}, {victim} after {} ms", self.seed, self.moment.as_millis())?;
        if matches!(self.victim, Victim::Door | Victim::Doors | Victim::Silence) {
            write!(f, " ({:?} for {} ms)", self.doors, self.outage.as_millis())?;
        }
        if self.loses() {
            write!(f, ", {:?} replies of broadcasts lost at the doors", self.lost)?;
        }
        if let Some(Lie { door, kind, after, time }) = &self.lie {
            let (after, time) = (after.as_millis(), time.as_millis());
            write!(f, ", door {door} lies ({kind:?}) after {after} ms for {time} ms")?;
        }
        match self.reorganised {
            Some((depth, _)) => write!(f, ", {depth} blocks given up"),
            None => Ok(()),
        }
    }
}

/// How many payments met what, on which network, as a table.
pub(super) fn met(plans: &[&Plan]) -> String {
    let mut text = format!("{:10}", "");
    for victim in Victim::ALL {
        text += &format!("{:>12}", victim.as_str());
    }
    text += &format!("{:>12}{:>12}{:>12}", "lost-reply", "lie", "reorganised");
    for place in &PLACES {
        let here = || plans.iter().filter(|plan| plan.place.network == place.network);
        text += &format!("\n{:10}", place.network);
        for victim in Victim::ALL {
            text += &format!("{:>12}", here().filter(|plan| plan.victim == victim).count());
        }
        let lost = here().filter(|plan| plan.loses()).count();
        let (lies, undone) =
            (here().filter(|plan| plan.lie.is_some()), here().filter(|plan| plan.reorganised.is_some()));
        text += &format!("{lost:>12}{:>12}{:>12}", lies.count(), undone.count());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: sixty seeds in a row, wherever they begin, let every victim die on every network; a thousand meet lost replies, lies and
    /// reorganisations with all of it, at either door and at both; and what they do follows from the seed alone. Method: counted
    /// plans, made twice.
    #[test]
    fn seeds_meet_everything() {
        let plans: Vec<Plan> = (0..1_000).map(Plan::of).collect();
        for place in &PLACES {
            let dies = |victim: &Victim| *victim != Victim::Node || place.network == "bitcoin";
            for victim in Victim::ALL.into_iter().filter(dies) {
                let met = |plan: &&Plan| plan.victim == victim && plan.place.network == place.network;
                for first in [0, 17, 940] {
                    assert!(plans[first..first + 60].iter().any(|plan| met(&plan)), "{}", place.network);
                }
                assert!(plans.iter().filter(met).count() >= 16, "{} {}", place.network, victim.as_str());
            }
            for door in 0..DOORS {
                let here = || plans.iter().filter(|plan| plan.place.network == place.network);
                assert!(here().any(|plan| plan.victim == Victim::Door && plan.doors == Which::One(door)));
                assert!(here().any(|plan| plan.lie.as_ref().is_some_and(|lie| lie.door == door)));
                assert!(here().any(|plan| plan.loses() && plan.lost[door] == 0));
                assert!(here().any(|plan| plan.lost.iter().all(|lost| *lost > 0)));
            }
        }
        assert!(plans.iter().all(|plan| (plan.doors == Which::Both) >= (plan.victim == Victim::Doors)));
        assert!(plans.iter().filter(|plan| plan.loses() && plan.reorganised.is_some()).count() > 80);
        assert!(plans.iter().filter(|plan| plan.lie.is_some()).count() > 300);
        assert!(plans.iter().filter(|plan| plan.coin.is_token).count() > 300);
        let again = (0..1_000).map(|seed| Plan::of(seed).to_string());
        assert!(plans.iter().map(Plan::to_string).eq(again));
    }
}
