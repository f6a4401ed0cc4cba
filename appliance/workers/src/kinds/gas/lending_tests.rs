//! Amounts of stakes.

use super::*;

fn station() -> TronAccount {
    TronAccount {
        activated: true,
        balance: 1_000 * TRX,
        staked: 600 * TRX,
        energy_stake: 500 * TRX,
        energy_lent: 100 * TRX,
        energy_of_all: 180_000,
        stake_of_all: 20_000,
        ..TronAccount::default()
    }
}

/// Goal: what is lent gives at least what is lacked, and is not a TRX more than that takes; what was used today is not lent; the endpoint
/// that tells the least decides. Method: random amounts; the network's own division; a second endpoint that tells less or more.
#[test]
fn a_loan_gives_what_is_lacked() {
    let station = station();
    let mut seed = 0x7707_u64;
    println!("seed {seed:#x}");
    for _ in 0..1_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let energy = (seed >> 40) % 200_000;
        let sun = stake_for(energy, &[station]).unwrap();
        let gives = |sun: u64| sun / TRX * station.energy_of_all / station.stake_of_all;
        assert_eq!(energy_of(sun, &station), gives(sun));
        assert!(gives(sun) >= energy, "{energy}");
        assert!(sun == TRX || gives(sun - TRX) * 100 < energy * 102, "{energy}");
    }
    let dearer = TronAccount { stake_of_all: 40_000, ..station };
    assert_eq!(stake_for(9_000, &[station, dearer]), stake_for(9_000, &[dearer]));
    assert_eq!((stake_for(1, &[station, TronAccount::default()]), stake_for(1, &[])), (None, None));
    let absurd = TronAccount { energy_used: u64::MAX, stake_of_all: u64::MAX, energy_of_all: 1, ..station };
    assert_eq!((stake_for(u64::MAX, &[absurd]), lendable(&[absurd], 0)), (None, 0), "no endpoint makes it fall over");
    assert_eq!(energy_of(TRX, &TronAccount::default()), 0);
    assert_eq!((lendable(&[station], 0), lendable(&[station], 200 * TRX)), (500 * TRX, 300 * TRX));
    // 9 units are of a TRX.
    assert_eq!(lendable(&[TronAccount { energy_used: 10, ..station }], 0), 498 * TRX);
    assert_eq!(lendable(&[TronAccount { energy_used: 1_000_000, ..station }], 0), 0);
    assert_eq!((lendable(&[station, TronAccount::default()], 0), lendable(&[], 0)), (0, 0));
}

/// Goal: a wallet stakes what it shall in steps that it can bear: never more than half of what it has, never what is lent or used,
/// and what has ended comes back first. Method: each case at its bound.
#[test]
fn the_stake_goes_where_it_shall() {
    let of = |told: TronAccount| Staker { told: vec![told], decided: 0, usable: true };
    let next = |told: TronAccount, trx: u64| towards(&[of(told)], trx * TRX, 0, 10_000, 1, &[]).map(|(_, deed)| deed);
    let station = station();
    assert_eq!(next(station, 600), None);
    assert_eq!(next(station, 601), Some(Deed::Freeze(TRX)));
    assert_eq!(next(station, 5_000), Some(Deed::Freeze(200 * TRX)), "800 of 1,600");
    assert_eq!(next(TronAccount { balance: 602 * TRX - 1, ..station }, 5_000), None);
    let rich = TronAccount { balance: 1_000_000 * TRX, ..station };
    assert_eq!(next(rich, 100_000), Some(Deed::Freeze(FREEZE_SUN_MAX)), "in steps");
    let booked = |frozen: u64| towards(&[of(station)], 700 * TRX, frozen * TRX, 10_000, 1, &[]);
    assert_eq!(booked(650), Some((0, Deed::Freeze(50 * TRX))), "no more than the book lets");
    assert_eq!(booked(700), None);
    assert_eq!(next(station, 599), Some(Deed::Unfreeze(TRX)));
    assert_eq!(next(station, 0), Some(Deed::Unfreeze(500 * TRX)), "what is lent stays");
    let about = Staker { decided: 450 * TRX, ..of(station) };
    assert_eq!(
        towards(&[about], 0, 0, 0, 1, &[]),
        Some((0, Deed::Unfreeze(50 * TRX))),
        "what is about to be lent stays"
    );
    assert_eq!(next(TronAccount { ending: ENDING_MAX, ..station }, 0), None);
    let ended = TronAccount { ending: 1, free_ms: 9_999, ..station };
    assert_eq!(next(ended, 5_000), Some(Deed::Collect(true)));
    assert_eq!(next(TronAccount { free_ms: 10_000, ..ended }, 600), None);
    // What people look at holds up its like alone.
    let halted =
        |word: &str, trx: u64| towards(&[of(ended)], trx * TRX, 0, 10_000, 1, &[word.to_owned()]).map(|(_, deed)| deed);
    assert_eq!(halted("collect", 5_000), Some(Deed::Freeze(200 * TRX)));
    assert_eq!(halted("collect", 599), Some(Deed::Unfreeze(TRX)));
    assert_eq!(halted("freeze", 5_000), Some(Deed::Collect(true)));
    let idle = |word: &str, trx: u64| towards(&[of(station)], trx * TRX, 0, 10_000, 1, &[word.to_owned()]);
    assert_eq!((idle("freeze", 5_000), idle("unfreeze", 0)), (None, None));
}

/// Goal: however often it is asked, half of what a wallet has is never frozen. Method: each step is done, until nothing is left to do.
#[test]
fn half_stays_free_however_often_it_is_asked() {
    let mut has = TronAccount { staked: 0, energy_stake: 0, energy_lent: 0, balance: 90_001 * TRX, ..station() };
    let mut steps = Vec::new();
    for _ in 0..100 {
        let own = [Staker { told: vec![has], decided: 0, usable: true }];
        let Some((_, Deed::Freeze(sun))) = towards(&own, 1_000_000 * TRX, has.staked, 0, 1, &[]) else { break };
        steps.push(sun / TRX);
        has.balance -= sun;
        has.staked += sun;
        has.energy_stake += sun;
    }
    assert_eq!(steps, [10_000, 10_000, 10_000, 10_000, 5_000]);
    assert_eq!(has.balance, 45_001 * TRX);
}

/// Goal: one endpoint that lies or is behind freezes nothing and frees nothing. Method: three, of which one says that nothing is
/// staked, or all there is; and what a quorum says.
#[test]
fn one_endpoint_moves_no_stake() {
    let station = station();
    let nothing = TronAccount { staked: 0, energy_stake: 0, energy_lent: 0, ..station };
    let huge = TronAccount { staked: u64::MAX, energy_stake: u64::MAX, free_ms: 1, ..station };
    for liar in [nothing, huge] {
        for place in 0..3 {
            let mut told = vec![station; 3];
            told[place] = liar;
            let own = [Staker { told: told.clone(), decided: 0, usable: true }];
            assert_eq!(towards(&own, 600 * TRX, 600 * TRX, 10_000, 2, &[]), None, "{liar:?}");
            assert!(lendable(&told, 0) <= 500 * TRX);
            let staked: Vec<u64> = told.iter().map(|one| one.staked).collect();
            assert_eq!(agreed(&staked, 2), Some(600 * TRX));
            // As if the book had forgotten.
            assert_eq!(towards(&own, 600 * TRX, 0, 10_000, 2, &[]), None, "{liar:?}");
        }
    }
    assert_eq!((agreed(&[1, 2], 2), agreed(&[], 1), agreed(&[7], 1)), (None, None, Some(7)));
}

/// Goal: of several addresses the first stakes, also while it can decide nothing, and all of them free. Method: three addresses, each
/// usable or not, more and less wanted than is staked.
#[test]
fn one_address_stakes_and_all_free() {
    let bare = TronAccount { staked: 0, energy_stake: 0, energy_lent: 0, ..station() };
    let of = |told, usable| Staker { told: vec![told], decided: 0, usable };
    let trio = |usable: [bool; 3]| [of(bare, usable[0]), of(station(), usable[1]), of(station(), usable[2])];
    let next = |usable, trx: u64| towards(&trio(usable), trx * TRX, 0, 0, 1, &[]);
    assert_eq!(next([true; 3], 1_300), Some((0, Deed::Freeze(100 * TRX))), "what the others have counts");
    assert_eq!(next([false, true, true], 1_300), None, "it is waited for");
    assert_eq!(next([true; 3], 1_200), None);
    assert_eq!(next([true; 3], 1_100), Some((1, Deed::Unfreeze(100 * TRX))));
    assert_eq!(next([true, false, true], 1_100), Some((2, Deed::Unfreeze(100 * TRX))));
    assert_eq!(next([true, false, false], 1_100), None);
    assert_eq!(towards(&[], TRX, 0, 0, 1, &[]), None);
}

/// Goal: whether a loan is there, and what of a stake strays, no endpoint says alone. Method: endpoints that agree, one that is behind,
/// one that lies, too few.
#[test]
fn nodes_that_are_behind_miss_nothing() {
    assert_eq!((there(&[5, 0, 6], 5, 2), there(&[4, 0, 5], 5, 2)), (Some(true), Some(false)));
    assert_eq!((there(&[5, 0], 5, 2), there(&[5], 5, 2), there(&[], 5, 2), there(&[], 5, 0)), (None, None, None, None));
    assert_eq!((there(&[5], 5, 1), there(&[4], 5, 1)), (Some(true), Some(false)));
    assert_eq!(
        (stray(&[9, 7, 0], 5, 2), stray(&[9, 5], 5, 2), stray(&[3, 9, 3], 5, 2), stray(&[9], 5, 2)),
        (2, 0, 0, 0)
    );
}

/// Goal: that station lends which can, no more at once than signers sign, and none of whose loans people look at one. Method: three
/// stations of which one has too little left, around the bound; loans of two stations.
#[test]
fn who_can_lend_does() {
    let of = |decided: u64, usable| Staker { told: vec![station()], decided: decided * TRX, usable };
    // 900 units and their room are 102 TRX of a stake.
    let sun = stake_for(900, &[station()]).unwrap();
    assert_eq!(sun, 102 * TRX);
    assert_eq!(lender(&[of(0, false), of(399, true), of(398, true)], 900), Some((2, sun)));
    assert_eq!((lender(&[of(399, true)], 900), lender(&[], 900)), (None, None));
    let rich = TronAccount { energy_stake: 1_000_000 * TRX, ..station() };
    let most = |energy| lender(&[Staker { told: vec![rich], decided: 0, usable: true }], energy);
    assert_eq!(most(882_352), Some((0, LENT_SUN_MAX)));
    assert_eq!(most(882_353), None, "signers sign no more");
    let payer = |index| Payer { wallet: 7, index };
    let loan = |index, stopped| Loan { payer: Some(payer(index)), stopped, ..Loan::default() };
    let loans = [loan(0, false), loan(1, true)];
    assert_eq!(
        (is_stopped(&loans, payer(0)), is_stopped(&loans, payer(1)), is_stopped(&[], payer(1))),
        (false, true, false)
    );
}
