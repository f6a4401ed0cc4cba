use super::*;

const CENT: UsdMicros = 10_000;
const DOLLAR: UsdMicros = 100 * CENT;

fn candidate(worth: UsdMicros, cost: UsdMicros) -> Candidate {
    Candidate { held: false, worth: Some(worth), cost: Some(cost), needs_gas: false, age_us: 0 }
}

const CALM: Climate = Climate { min: 10 * DOLLAR, hot_low: false, fee: 100, gate: Some(100) };

fn sweeps(candidate: &Candidate, climate: &Climate) -> bool {
    matches!(judge(candidate, climate), Verdict::Sweep { .. })
}

/// Goal: the table of economics holds to the millionth: what is worth the minimum and twenty times its cost goes, one less
/// does not; age and need lower the bound, and gas that has to be brought raises it. Method: for each rule the value at
/// which it begins, and one less.
#[test]
fn each_rule_begins_where_it_says() {
    let aged = AGED_US + 1;
    let low = Climate { hot_low: true, ..CALM };
    let table = [
        // cost, needs gas, age, climate, the least that goes
        (CENT, false, 0, CALM, 10 * DOLLAR),
        (DOLLAR, false, 0, CALM, 20 * DOLLAR),
        (DOLLAR, true, 0, CALM, 20 * DOLLAR),
        (DOLLAR, false, AGED_US, CALM, 20 * DOLLAR),
        (DOLLAR, false, aged, CALM, 4 * DOLLAR),
        (DOLLAR, true, aged, CALM, 4 * DOLLAR),
        (CENT, false, aged, CALM, 4 * CENT),
        (DOLLAR, false, 0, low, 2 * DOLLAR),
        (DOLLAR, true, 0, low, 4 * DOLLAR),
        (0, false, 0, CALM, 10 * DOLLAR),
    ];
    for (cost, needs_gas, age_us, climate, least) in table {
        let of = |worth| Candidate { needs_gas, age_us, ..candidate(worth, cost) };
        assert!(sweeps(&of(least), &climate), "{least} for {cost}");
        let less = judge(&of(least - 1), &climate);
        assert!(matches!(less, Verdict::TooLittle { needed, .. } if needed == least), "{less:?}");
    }
}

/// Goal: nothing is swept from held deposits, nor what nobody can value, however much it seems to be. Method: a fortune.
#[test]
fn what_is_held_or_unknown_stays() {
    let rich = Candidate { age_us: u64::MAX, ..candidate(1_000_000 * DOLLAR, 1) };
    let low = Climate { hot_low: true, gate: None, ..CALM };
    assert!(sweeps(&rich, &low));
    assert_eq!(judge(&Candidate { held: true, ..rich }, &low), Verdict::Held);
    assert_eq!(judge(&Candidate { worth: None, ..rich }, &low), Verdict::NoPrice);
    assert_eq!(judge(&Candidate { cost: None, ..rich }, &low), Verdict::NoPrice);
    assert_eq!(judge(&Candidate { worth: Some(0), cost: Some(0), ..rich }, &low), Verdict::BelowFee);
}

/// Goal: what can wait waits for low fees, for a day at most, and what is urgent does not. Method: a fee at and above the gate.
#[test]
fn fees_are_waited_for_a_day_at_most() {
    let one = candidate(100 * DOLLAR, CENT);
    let dear = Climate { fee: 101, ..CALM };
    assert!(sweeps(&one, &CALM));
    assert_eq!(judge(&one, &dear), Verdict::Fees { fee: 101, gate: 100 });
    assert_eq!(judge(&Candidate { age_us: UNGATED_US, ..one }, &dear), Verdict::Fees { fee: 101, gate: 100 });
    assert!(sweeps(&Candidate { age_us: UNGATED_US + 1, ..one }, &dear));
    assert!(sweeps(&one, &Climate { hot_low: true, ..dear }));
    assert!(sweeps(&one, &Climate { gate: None, ..dear }), "nothing is known of a week of fees");
}

/// Goal: the amount of the network's own coin is never negative, and nothing is no amount. Method: balances around the fee.
#[test]
fn a_native_amount_is_what_is_left_of_the_fee() {
    assert_eq!(native(0, 0), None);
    assert_eq!(native(20_999, 21_000), None);
    assert_eq!(native(21_000, 21_000), None);
    assert_eq!(native(21_001, 21_000), Some(1));
    assert_eq!(native(u128::MAX, 1), Some(u128::MAX - 1));
    assert_eq!(native(1, u128::MAX), None);
}

/// Goal: the hot wallet is filled to its target and the rest is cold, to the unit; a part that is not worth its own fee goes
/// with the other one. Method: a table, and every small combination for the sum and the target.
#[test]
fn parts_are_the_amount_to_the_unit() {
    for (amount, has, target, least, parts) in [
        (100, 0, 1_000, 1, (100, 0)),
        (100, 1_000, 1_000, 1, (0, 100)),
        (100, 960, 1_000, 1, (40, 60)),
        (100, 960, 1_000, 41, (0, 100)),
        (100, 920, 1_000, 21, (100, 0)),
        (100, 950, 1_000, 60, (0, 100)),
        (100, 2_000, 1_000, 1, (0, 100)),
        (0, 0, 1_000, 1, (0, 0)),
        (u128::MAX, 0, u128::MAX - 1, 1, (u128::MAX - 1, 1)),
    ] {
        assert_eq!(part(amount, has, target, least), parts, "{amount} {has} {target} {least}");
    }
    for amount in 0..30_u128 {
        for gap in 0..30_u128 {
            for least in 0..30_u128 {
                let (hot, cold) = part(amount, 100, 100 + gap, least);
                assert_eq!(hot + cold, amount);
                assert!(hot <= gap + least, "the target is passed by less than a part");
                assert!(hot == 0 || cold == 0 || (hot >= least && cold >= least));
            }
        }
    }
}

/// Goal: values are of whole numbers, gains rounded down and costs up, and what does not fit is unknown. Method: a table.
#[test]
fn values_are_rounded_against_the_sweep() {
    assert_eq!(worth(1_500_000, 6, 1_000_000), Some(1_500_000));
    assert_eq!((worth(1, 18, 3_000_000_000), cost(1, 18, 3_000_000_000)), (Some(0), Some(1)));
    assert_eq!(worth(u128::MAX, 0, 1), Some(u128::MAX));
    assert_eq!(worth(u128::MAX, 0, 2), None);
    assert_eq!(worth(1, 39, 1), None);
    assert_eq!(cost(0, 18, u64::MAX), Some(0));
}

/// Goal: every decision says in words what it is about. Method: each kind of verdict.
#[test]
fn verdicts_explain_themselves() {
    let say = |candidate: &Candidate, climate: &Climate| judge(candidate, climate).to_string();
    let one = candidate(100 * DOLLAR, 12_345);
    assert_eq!(say(&one, &CALM), "swept: it is worth it; $100.00 for $0.012345");
    assert_eq!(say(&Candidate { held: true, ..one }, &CALM), "not swept: a deposit that it comes of is held");
    assert_eq!(
        say(&candidate(5 * DOLLAR, CENT), &CALM),
        "not swept: $5.00 would arrive for $0.01, and it takes $10.00"
    );
    assert_eq!(
        say(&one, &Climate { fee: 300, ..CALM }),
        "not swept: it waits for lower fees, 300 now and 100 at most, for 24 hours at the longest"
    );
}
