//! A log whose records this vault's key did not make: such as a vault has that was made anew from its words.

use exchequer_chains::evm::{EvmAction, account_of_text};
use exchequer_chains::{Exclusion, NetworkParams, Unsigned};
use exchequer_domain::Timestamp;

use super::rig::*;
use crate::policy::{Code, Intent};
use crate::record::{Claimed, Committed, Death, Decided, Feed, PaymentId, Told};

fn body(unsigned: &Unsigned) -> [u8; 32] {
    *blake3::hash(&unsigned.encode()).as_bytes()
}

fn decided(unsigned: &Unsigned, intent: Intent) -> Committed {
    let (at, unsigned) = (Timestamp(NOON_US), unsigned.encode());
    Committed::Decided(Box::new(Decided { at, epoch: EPOCH, generation: 0, unsigned, intent }))
}

/// What the log says of its signature; the record is nobody's.
fn signed(unsigned: &Unsigned, payments: &[PaymentId]) -> Committed {
    signed_by(unsigned, payments, vec![7; 90])
}

fn signed_by(unsigned: &Unsigned, payments: &[PaymentId], record: Vec<u8>) -> Committed {
    let network = unsigned.network();
    let claims = match unsigned.effects(&NetworkParams::mainnet(network)).unwrap().exclusion {
        Exclusion::Nonce { chain_id, account, nonce } => {
            vec![Claimed::Nonce { chain_id, account: account.as_str().to_owned(), nonce }]
        }
        Exclusion::Inputs(inputs) => inputs.iter().map(|input| Claimed::Coin(input.outpoint)).collect(),
        Exclusion::Expiry { .. } => vec![],
    };
    let told = Told { at: Timestamp(NOON_US), network, body: body(unsigned), claims, payments: payments.to_vec() };
    Committed::SignedAs { record, told: Box::new(told) }
}

fn dead(unsigned: &Unsigned, death: Death) -> Committed {
    Committed::Dead { body: body(unsigned), death }
}

/// Goal: a signer goes on over records that it cannot open, says how many there are, and remembers of each what the log says: the
/// nonce serves nothing else, the payment is made by nothing that could come beside it, and what left counts. Method: nine ethers
/// decided and signed by another vault's key, with and without a restart.
#[test]
fn what_cannot_be_opened_is_remembered_as_it_is_told() {
    let mut rig = Rig::new();
    let all: Vec<_> = (1..=9u8).map(|number| rig.evm(number.into(), STRANGER, 2_000)).collect();
    let entries = all
        .iter()
        .zip(1u8..)
        .flat_map(|(unsigned, number)| [decided(unsigned, withdrawal(number)), signed(unsigned, &[paid(number)])]);
    let before = rig.core.standing().unwrap().decisions;
    rig.feed(entries.collect()).unwrap();
    rig.told(before + 1, Code::Done);
    for restart in [false, true] {
        if restart {
            rig = rig.restart();
        }
        assert_eq!(rig.core.standing().unwrap().unread, 9);
        // Another payment on a nonce that is used; the same payment on another nonce.
        rig.refuses(&rig.evm(3, STRANGER, 1_999), withdrawal(50), Code::NonceTaken);
        rig.refuses(&rig.evm(20, STRANGER, 2_000), withdrawal(3), Code::NotExclusive);
        rig.refuses(&rig.evm(1_100, STRANGER, 1), withdrawal(51), Code::NonceFar);
        // Eighteen of twenty ethers an hour are gone.
        rig.refuses(&rig.evm(21, STRANGER, 2_000), withdrawal(52), Code::VelocityHour);
    }
    // The very same transaction is signed again, judged in full: in its own place it counts no second time.
    rig.signed(&all[4], withdrawal(5));
    assert_eq!(rig.core.standing().unwrap().unread, 8);
    let rig = rig.restart();
    assert_eq!(rig.core.standing().unwrap().unread, 8);
    rig.pass(3_601);
    rig.signed(&rig.evm(21, STRANGER, 2_000), withdrawal(52));
}

/// Goal: where the signer knows no decision of what was signed either, nothing that it touches is signed for anything, not even the
/// same again, and no velocity that cannot be counted is used up; the rest goes on. Method: a nonce, a coin and a TRON payment.
#[test]
fn what_is_not_known_is_never_signed_again() {
    let mut rig = Rig::new();
    let unknown = rig.evm(5, STRANGER, 100);
    let coin = rig.bitcoin(&[(1, 100_000_000)], &[(BITCOIN_STRANGER, 1_000_000)]);
    rig.feed(vec![signed(&unknown, &[paid(1)]), signed(&coin, &[paid(2)])]).unwrap();
    for restart in [false, true] {
        if restart {
            rig = rig.restart();
        }
        assert_eq!(rig.core.standing().unwrap().unread, 2);
        rig.refuses(&unknown, withdrawal(1), Code::UnreadRecord);
        rig.refuses(&rig.noop(5), Intent::Noop, Code::UnreadRecord);
        rig.refuses(&rig.evm(6, STRANGER, 100), withdrawal(1), Code::UnreadRecord);
        rig.refuses(
            &rig.bitcoin(&[(1, 100_000_000), (2, 5_000_000)], &[(BITCOIN_STRANGER, 1_000_000)]),
            withdrawal(3),
            Code::UnreadRecord,
        );
        rig.refuses(&rig.evm(7, STRANGER, 100), withdrawal(4), Code::VelocityDay);
        rig.feed(vec![dead(&unknown, Death::NeverSigned)]).unwrap();
    }
    rig.pass(86_400);
    let later =
        Intent::Withdrawal(vec![crate::policy::Instruction { until: Timestamp(UNTIL.0 * 2), ..order(4, vec![]) }]);
    rig.signed(&rig.evm(7, STRANGER, 100), later);
    rig.refuses(&rig.noop(5), Intent::Noop, Code::UnreadRecord);
}

/// Goal: a signature by the log's word alone makes nothing possible: it kills no attempt that this vault signed, spares nothing its
/// judgement, and stands in for nothing. Method: a lie about a replacement that was never signed; one about a transaction that no rule
/// allows; one that would make room within an hour.
#[test]
fn a_lie_about_a_signature_allows_nothing() {
    let rig = Rig::new();
    let paid_one = rig.evm(1, STRANGER, 100);
    rig.signed(&paid_one, withdrawal(1));
    let noop = rig.noop(1);
    let used = Death::NonceUsed { next: 2 };
    rig.feed(vec![decided(&noop, Intent::Noop), signed(&noop, &[]), dead(&paid_one, used.clone())]).unwrap();
    rig.refuses(&rig.evm(2, STRANGER, 100), withdrawal(1), Code::NotExclusive);

    let large = rig.evm(3, STRANGER, 20_000);
    rig.feed(vec![decided(&large, withdrawal(2)), signed(&large, &[paid(2)])]).unwrap();
    rig.refuses(&large, withdrawal(2), Code::NoRule);

    // No approval is kept alive by it.
    let unsigned = rig.evm(4, STRANGER, 3_000);
    let approval = consent(1, &unsigned, &order(4, vec![]));
    let approved = || Intent::Withdrawal(vec![order(4, vec![approval.clone()])]);
    rig.feed(vec![decided(&unsigned, approved()), signed(&unsigned, &[paid(4)])]).unwrap();
    rig.pass(86_401);
    rig.refuses(&unsigned, approved(), Code::ApprovalExpired);

    // It makes no room in an hour: what is said to have been signed before it counts anew when it is replaced.
    let rig = Rig::new();
    let early = rig.evm(1, STRANGER, 2_000);
    rig.feed(vec![decided(&early, withdrawal(1)), signed(&early, &[paid(1)])]).unwrap();
    rig.pass(3_601);
    for number in 2..=10u8 {
        rig.signed(&rig.evm(number.into(), STRANGER, 2_000), withdrawal(number));
    }
    let to = account_of_text(STRANGER).unwrap();
    let bumped = rig.evm_from(HOT, 1, EvmAction::Transfer { to, amount: 2 * ETHER }, 11_000_000_000);
    rig.refuses(&bumped, withdrawal(1), Code::VelocityHour);

    // Of two that only the log knows the one may have displaced the other: so it is after a vault was made anew.
    let rig = Rig::new();
    let (first, noop) = (rig.evm(1, STRANGER, 100), rig.noop(1));
    let told = vec![
        decided(&first, withdrawal(1)),
        signed(&first, &[paid(1)]),
        decided(&noop, Intent::Noop),
        signed(&noop, &[]),
        dead(&first, used),
    ];
    rig.feed(told).unwrap();
    rig.signed(&rig.evm(2, STRANGER, 100), withdrawal(1));
}

/// Goal: a record of this vault's is believed before what is said beside it, and both hold where they are of different transactions.
/// One that was committed in days to come waits. Method: another signer of the same vault.
#[test]
fn a_record_that_opens_is_believed() {
    let (rig, elsewhere) = (Rig::new(), Rig::new());
    let (one, other) = (rig.evm(1, STRANGER, 100), rig.evm(2, STRANGER, 100));
    let record = elsewhere.signed(&one, withdrawal(1)).record;
    // The rigs have vault keys of their own.
    rig.feed(vec![signed_by(&one, &[paid(1)], record)]).unwrap();
    assert_eq!(rig.core.standing().unwrap().unread, 1);

    let rig = Rig::new();
    let record = rig.signed(&one, withdrawal(1)).record;
    rig.feed(vec![signed_by(&one, &[paid(1)], record.clone())]).unwrap();
    assert_eq!(rig.core.standing().unwrap().unread, 0);
    rig.feed(vec![signed_by(&other, &[paid(2)], record)]).unwrap();
    assert_eq!(rig.core.standing().unwrap().unread, 1);
    rig.refuses(&rig.noop(2), Intent::Noop, Code::UnreadRecord);
    let after = rig.core.standing().unwrap().followed;
    let Committed::SignedAs { record, mut told } = signed(&rig.evm(3, STRANGER, 1), &[]) else { unreachable!() };
    told.at = Timestamp(NOON_US * 2);
    let entries = vec![(after + 1, Committed::SignedAs { record, told })];
    assert!(rig.core.follow(Feed { lineage: 0, epoch: EPOCH, after, to: after + 1, entries }).is_err());
}
