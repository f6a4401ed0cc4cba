//! Transactions of Bitcoin out of drafts: who is paid, what comes back, what it costs, and what it replaces.

use bitcoin::Transaction;
use bitcoin::consensus::encode::deserialize;
use exchequer_domain::{Network, OutPoint, TxId};
use proptest::prelude::*;

use super::keys::Wallet;
use crate::bitcoin::{
    ChangeTo, Coins, Draft, Earlier, FeeRate, INPUTS_MAX, Offered, UnsignedBitcoin, build, effects_of_signed, replace,
    script_of,
};
use crate::{
    AccountKey, EffectKind, Effects, Exclusion, KeyPath, KeyPurpose, NetworkParams, Scheme, Signature, TxError,
    UNSIGNED_BYTES_MAX, Unsigned,
};

/// Most a change output is worth that is not made: its own cost at the highest rate of these tests, and what spending it costs.
const LOST_VBYTES_MAX: u64 = 43 + 68;

pub(super) struct Purse {
    pub(super) params: NetworkParams,
    pub(super) wallet: Wallet,
    segwit: AccountKey,
    taproot: AccountKey,
}

impl Purse {
    pub(super) fn new(params: NetworkParams) -> Purse {
        let wallet = Wallet::new();
        let segwit = wallet.account(&params, Scheme::Segwit, KeyPurpose::Hot);
        let taproot = wallet.account(&params, Scheme::Taproot, KeyPurpose::Hot);
        Purse { params, wallet, segwit, taproot }
    }

    fn account(&self, scheme: Scheme) -> &AccountKey {
        if scheme == Scheme::Taproot { &self.taproot } else { &self.segwit }
    }

    pub(super) fn coin(&self, number: u32, amount: u64, scheme: Scheme) -> Offered {
        let key = KeyPath { purpose: KeyPurpose::Hot, index: number % 5, change: false };
        let address = self.account(scheme).address(key.index, false).unwrap();
        let mut tx = [7; 32];
        tx[..4].copy_from_slice(&number.to_be_bytes());
        let coins = Coins { amount, script: script_of(&self.params, &address).unwrap(), key };
        Offered { outpoint: OutPoint { tx: TxId(tx), vout: number % 3 }, coins }
    }

    pub(super) fn draft(&self, payments: &[u64], may: Vec<Offered>, rate: u64) -> Draft {
        let key = KeyPath { purpose: KeyPurpose::Hot, index: 9, change: true };
        let customer = self.wallet.account(&self.params, Scheme::Taproot, KeyPurpose::Deposit);
        let to = |place: usize| customer.address(u32::try_from(place % 8).unwrap(), false).unwrap();
        Draft {
            payments: payments.iter().enumerate().map(|(place, amount)| (to(place), *amount)).collect(),
            must: vec![],
            may,
            change: ChangeTo { address: self.segwit.address(9, true).unwrap(), key },
            rate: FeeRate::of_kvb(rate).unwrap(),
            fee_max: 100_000_000,
            tip_height: 840_000,
        }
    }

    fn signed(&self, unsigned: &UnsignedBitcoin) -> Transaction {
        let unsigned = Unsigned::Bitcoin(unsigned.clone());
        let inputs = unsigned.signing_inputs(&self.params).unwrap();
        let signatures = self.wallet.sign_all(&self.params, &inputs);
        let signed = unsigned.assemble(&self.params, &signatures).unwrap();
        assert_eq!(unsigned.accept(&self.params, &signed.raw), Ok(signed.clone()));
        deserialize(&signed.raw).unwrap()
    }
}

fn regtest() -> Purse {
    Purse::new(NetworkParams::test(Network::Bitcoin))
}

fn effects(purse: &Purse, unsigned: &UnsignedBitcoin) -> Effects {
    Unsigned::Bitcoin(unsigned.clone()).effects(&purse.params).unwrap()
}

fn spends(unsigned: &UnsignedBitcoin, coin: &Offered) -> bool {
    let vout = coin.outpoint.vout;
    let names = unsigned.tx().input.iter().map(|input| input.previous_output);
    names.into_iter().any(|name| name.vout == vout && name.txid.to_string() == coin.outpoint.tx.to_string())
}

fn earlier(purse: &Purse, unsigned: &UnsignedBitcoin) -> Earlier {
    let effects = effects(purse, unsigned);
    let Exclusion::Inputs(inputs) = effects.exclusion else { panic!("other families") };
    let inputs = inputs.iter().map(|spent| spent.outpoint).collect();
    let vbytes = purse.signed(unsigned).vsize() as u64;
    Earlier { inputs, fee: u64::try_from(effects.fee_max).unwrap(), vbytes }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Goal: everybody who is to be paid is paid exactly, nothing else leaves but the fee, the fee is what the rate says for the real
    /// size, and what is read is what was ordered. Method: random purses and drafts; sizes are taken from the signed bytes.
    #[test]
    fn drafts_are_carried_out(
        coins in prop::collection::vec((1_u64..5_000_000_000, any::<bool>()), 1..40),
        payments in prop::collection::vec(330_u64..50_000_000, 0..12),
        rate in prop_oneof![Just(100_u64), 100..500_000_u64],
        must in 0_usize..3,
    ) {
        let purse = regtest();
        let mut coins: Vec<Offered> = (0..).zip(&coins).map(|(number, (amount, taproot))| {
            purse.coin(number, *amount, if *taproot { Scheme::Taproot } else { Scheme::Segwit })
        }).collect();
        let must: Vec<Offered> = coins.drain(..must.min(coins.len())).collect();
        let draft = Draft { must: must.clone(), ..purse.draft(&payments, coins.clone(), rate) };
        let offered: u128 = coins.iter().chain(&must).map(|coin| u128::from(coin.coins.amount)).sum();
        let unsigned = match build(&purse.params, &draft) {
            Ok(unsigned) => unsigned,
            Err(TxError::Insufficient { need, .. }) => {
                // Refused for good reason: not even all of it, less what each coin costs to spend, is enough.
                let spent = |coin: &Offered| coin.coins.amount.saturating_sub(draft.rate.fee(69));
                let worth: u64 = coins.iter().map(spent).sum::<u64>() + must.iter().map(|c| c.coins.amount).sum::<u64>();
                let paid: u64 = payments.iter().sum();
                prop_assert!(worth < paid + draft.rate.fee(60 + 43 * (payments.len() as u64 + 1) + 68 * must.len() as u64) + 330);
                prop_assert!(need > 0);
                return Ok(());
            }
            Err(other) => panic!("{other}"),
        };
        let read = effects(&purse, &unsigned);
        let kept = Unsigned::decode(&Unsigned::Bitcoin(unsigned.clone()).encode()).unwrap();
        prop_assert_eq!(kept, Unsigned::Bitcoin(unsigned.clone()));
        let paid: Vec<_> = read.payments.iter().map(|payment| (payment.to.clone(), payment.amount)).collect();
        let meant: Vec<_> = draft.payments.iter().map(|(to, amount)| (to.clone(), u128::from(*amount))).collect();
        prop_assert_eq!(paid, meant);
        prop_assert!(must.iter().all(|coin| spends(&unsigned, coin)));
        prop_assert_eq!(read.kind == EffectKind::Noop, payments.is_empty());
        let tx = purse.signed(&unsigned);
        let Exclusion::Inputs(inputs) = &read.exclusion else { panic!("other families") };
        let (have, out): (u128, u64) = (inputs.iter().map(|spent| spent.amount).sum(), tx.output.iter().map(|o| o.value.to_sat()).sum());
        prop_assert!(have <= offered);
        let fee = u64::try_from(have).unwrap() - out;
        prop_assert_eq!(u128::from(fee), read.fee_max);
        let least = draft.rate.fee(tx.vsize() as u64);
        // A signature is a byte or two shorter than reckoned with at most.
        let slack = draft.rate.fee(inputs.len() as u64) + 1;
        let lost = if read.change.is_empty() { draft.rate.fee(LOST_VBYTES_MAX).max(330 + draft.rate.fee(43)) } else { 0 };
        prop_assert!(least <= fee && fee <= least + slack + lost, "{} for {} vbytes at {}", fee, tx.vsize(), rate);
        for change in &read.change {
            prop_assert_eq!(&change.address, &draft.change.address);
            prop_assert_eq!(change.key, draft.change.key);
        }
        prop_assert!(tx.is_explicitly_rbf());
        prop_assert_eq!(tx.lock_time.to_consensus_u32(), 840_000);
        let (name, again) = effects_of_signed(&purse.params, &bitcoin::consensus::serialize(&tx), unsigned.coins()).unwrap();
        prop_assert_eq!(name, unsigned.id());
        prop_assert_eq!((again.fee_max, again.exclusion, again.from), (read.fee_max, read.exclusion, read.from));
    }

    /// Goal: a replacement excludes every earlier attempt and pays what nodes ask for. Method: three attempts in a row over
    /// random purses, each with what the others spent on offer as well.
    #[test]
    fn a_replacement_excludes_all_attempts(
        amounts in prop::collection::vec(100_000_u64..900_000, 6..12),
        pay in 50_000_u64..300_000,
        rate in 1_000_u64..20_000,
    ) {
        let purse = regtest();
        let coins: Vec<Offered> = (0..).zip(&amounts).map(|(n, amount)| purse.coin(n, *amount, Scheme::Segwit)).collect();
        let draft = purse.draft(&[pay, 60_000], coins.clone(), rate);
        let first = build(&purse.params, &draft).unwrap();
        let mut attempts = vec![first.clone()];
        let increment = FeeRate::of_kvb(1_000).unwrap();
        for round in 1..3_u64 {
            let (must, may) = coins.iter().cloned().partition(|coin| spends(&first, coin));
            let draft = Draft { must, may, rate: FeeRate::of_kvb(rate * (round + 1) + 2_000).unwrap(), ..draft.clone() };
            let before: Vec<Earlier> = attempts.iter().map(|attempt| earlier(&purse, attempt)).collect();
            let next = replace(&purse.params, &draft, &before, increment).unwrap();
            let (fee, vbytes) = (effects(&purse, &next).fee_max, purse.signed(&next).vsize() as u64);
            for (attempt, before) in attempts.iter().zip(&before) {
                prop_assert!(effects(&purse, &next).exclusion.excludes(&effects(&purse, attempt).exclusion));
                prop_assert!(fee >= u128::from(before.fee + increment.fee(vbytes)));
                prop_assert!(fee * u128::from(before.vbytes) > u128::from(before.fee) * u128::from(vbytes));
            }
            attempts.push(next);
        }
    }
}

/// Goal: a replacement that would leave an earlier attempt valid, or that no node would take, is not built. Method: one rule broken
/// at a time.
#[test]
fn a_replacement_that_replaces_nothing_is_refused() {
    let purse = regtest();
    let coins: Vec<Offered> = (0..6).map(|number| purse.coin(number, 200_000, Scheme::Taproot)).collect();
    let first = build(&purse.params, &purse.draft(&[150_000], coins.clone(), 5_000)).unwrap();
    let before = earlier(&purse, &first);
    let increment = FeeRate::of_kvb(1_000).unwrap();
    let (must, may): (Vec<Offered>, Vec<Offered>) = coins.iter().cloned().partition(|coin| spends(&first, coin));
    let good = Draft { must, may: may.clone(), ..purse.draft(&[150_000], vec![], 10_000) };
    let attempt = |draft: &Draft, earlier: &[Earlier]| replace(&purse.params, draft, earlier, increment);
    assert!(attempt(&good, std::slice::from_ref(&before)).is_ok());
    let refused = |result: Result<UnsignedBitcoin, TxError>| matches!(result, Err(TxError::Replacement(_)));
    assert!(refused(attempt(&good, &[])));
    // On offer is not enough: the choice may fall on others.
    let on_offer = Draft { must: vec![], may: coins, ..good.clone() };
    assert!(refused(attempt(&on_offer, std::slice::from_ref(&before))));
    let second = Earlier { inputs: vec![may[0].outpoint], fee: 1, vbytes: 100 };
    assert!(refused(attempt(&good, &[before.clone(), second])), "the second attempt would stay valid");
    // A rate that is hardly higher: what nodes ask for on top of the fee that is replaced decides.
    let hardly = Draft { rate: FeeRate::of_kvb(5_050).unwrap(), ..good.clone() };
    let dearer = attempt(&hardly, std::slice::from_ref(&before)).unwrap();
    let vbytes = purse.signed(&dearer).vsize() as u64;
    assert!(effects(&purse, &dearer).fee_max >= u128::from(before.fee + increment.fee(vbytes)));
    let same_rate = Earlier { fee: 10 * before.vbytes, ..before };
    assert!(refused(attempt(&good, &[same_rate])));
}

/// Goal: limits hold, and say what is wrong. Method: one draft too many of each kind.
#[test]
fn drafts_beyond_limits_are_refused() {
    let purse = regtest();
    let coins: Vec<Offered> = (0..8).map(|number| purse.coin(number, 1_000_000, Scheme::Segwit)).collect();
    let draft = |payments: &[u64]| purse.draft(payments, coins.clone(), 1_000);
    assert!(build(&purse.params, &draft(&vec![1_000; 100])).is_ok());
    assert!(matches!(build(&purse.params, &draft(&vec![1_000; 101])), Err(TxError::Limit { .. })));
    assert!(matches!(build(&purse.params, &draft(&[329])), Err(TxError::Amount(_))), "dust");
    assert!(matches!(build(&purse.params, &draft(&[u64::MAX, 1_000])), Err(TxError::Amount(_))));
    assert!(matches!(build(&purse.params, &draft(&[8_000_001])), Err(TxError::Insufficient { .. })));
    let cheap = Draft { fee_max: 50, ..draft(&[1_000]) };
    assert!(matches!(build(&purse.params, &cheap), Err(TxError::Limit { .. })));
    let twice = Draft { must: vec![coins[0].clone()], ..draft(&[1_000]) };
    assert!(build(&purse.params, &twice).is_err());
    let live = NetworkParams::mainnet(Network::Bitcoin);
    assert!(build(&live, &draft(&[1_000])).is_err(), "addresses of another chain");
    let gather = Draft { payments: vec![], must: coins.clone(), may: vec![], ..draft(&[]) };
    let gathered = build(&purse.params, &gather).unwrap();
    assert_eq!((gathered.tx().input.len(), gathered.tx().output.len()), (8, 1));
    let mut other = coins[0].clone();
    other.coins.script = script_of(&purse.params, &purse.draft(&[], vec![], 0).change.address).unwrap();
    other.coins.script = [&[0xa9, 20][..], &other.coins.script[2..], &[0x87]].concat();
    assert!(build(&purse.params, &Draft { may: vec![other], ..draft(&[1_000]) }).is_err(), "coins by script");
}

/// Goal: large sums are counted to the satoshi, where the floats of the choice cannot tell them apart. Method: purses of nearly
/// everything there is, and an draft that leaves a few satoshi.
#[test]
fn large_sums_are_exact() {
    let purse = regtest();
    let whole = 2_000_000_000_000_001;
    let coins = vec![purse.coin(0, whole, Scheme::Taproot), purse.coin(1, 99_999_999_999, Scheme::Taproot)];
    for less in [200_u64, 111, 1_000, 33_333] {
        let draft = purse.draft(&[whole - less], coins.clone(), 1_000);
        let unsigned = build(&purse.params, &draft).unwrap();
        let read = effects(&purse, &unsigned);
        let back: u128 = read.change.iter().map(|change| change.amount).sum();
        let Exclusion::Inputs(inputs) = read.exclusion else { panic!("other families") };
        let have: u128 = inputs.iter().map(|spent| spent.amount).sum();
        assert_eq!(have, u128::from(whole - less) + back + read.fee_max);
        assert!(read.fee_max < 1_000, "{less}: {}", read.fee_max);
    }
}

/// Goal: a transaction goes out to another wallet and its signatures come back, finished or not; what is not its, or commits to less
/// than all of it, does not. Method: the PSBT is signed by the Bitcoin library alone.
#[test]
fn another_wallet_signs_a_psbt() {
    let purse = regtest();
    let coins = vec![purse.coin(0, 70_000, Scheme::Segwit), purse.coin(1, 80_000, Scheme::Taproot)];
    let unsigned = build(&purse.params, &Draft { must: coins, ..purse.draft(&[100_000], vec![], 2_000) }).unwrap();
    let accounts = [purse.segwit.clone(), purse.taproot.clone()];
    let bytes = unsigned.to_psbt(&purse.params, &accounts, purse.wallet.fingerprint()).unwrap();
    assert!(unsigned.to_psbt(&purse.params, &accounts[..1], [0; 4]).is_err(), "an account is missing");
    assert!(unsigned.signatures_of_psbt(&bytes).is_err(), "nothing is signed yet");
    let mut psbt = bitcoin::Psbt::deserialize(&bytes).unwrap();
    let master = bitcoin::bip32::Xpriv::new_master(bitcoin::NetworkKind::Test, &purse.wallet.seed).unwrap();
    let signed = psbt.sign(&master, &purse.wallet.curve).unwrap();
    assert_eq!(signed.len(), 2, "both keys are found by their paths");
    let signatures = unsigned.signatures_of_psbt(&psbt.serialize()).unwrap();
    let whole = Unsigned::Bitcoin(unsigned.clone());
    let by_psbt = whole.assemble(&purse.params, &signatures).unwrap();
    let mut finished = psbt.clone();
    let tx: Transaction = deserialize(&by_psbt.raw).unwrap();
    for (input, signed) in finished.inputs.iter_mut().zip(&tx.input) {
        input.partial_sigs.clear();
        input.tap_key_sig = None;
        input.final_script_witness = Some(signed.witness.clone());
    }
    assert_eq!(unsigned.signatures_of_psbt(&finished.serialize()), Ok(signatures.clone()));
    let single = bitcoin::EcdsaSighashType::Single;
    psbt.inputs[0].partial_sigs.values_mut().for_each(|signature| signature.sighash_type = single);
    assert!(unsigned.signatures_of_psbt(&psbt.serialize()).is_err());
    psbt.unsigned_tx.lock_time = bitcoin::absolute::LockTime::ZERO;
    assert!(unsigned.signatures_of_psbt(&psbt.serialize()).is_err());
    let swapped: Vec<Signature> = signatures.into_iter().rev().collect();
    assert!(matches!(whole.assemble(&purse.params, &swapped), Err(TxError::Signature { .. })));
}

/// Goal: a wrong amount in a description gives signatures that are worth nothing. Method: the amount of one input is changed after
/// the fact; the signatures are put into the transaction as it was.
#[test]
fn signatures_commit_to_amounts() {
    let purse = regtest();
    for scheme in [Scheme::Segwit, Scheme::Taproot] {
        let draft = Draft { must: vec![purse.coin(0, 70_000, scheme)], ..purse.draft(&[10_000], vec![], 2_000) };
        let honest = build(&purse.params, &draft).unwrap();
        let mut coins = honest.coins().to_vec();
        coins[0].amount += 5;
        let lie = UnsignedBitcoin::new(&purse.params, honest.tx().clone(), coins, honest.change().to_vec()).unwrap();
        assert_eq!(effects(&purse, &lie).fee_max, effects(&purse, &honest).fee_max + 5);
        let (said, meant) = (effects(&purse, &lie).exclusion, effects(&purse, &honest).exclusion);
        assert!(said.contradicts(&meant) && !meant.contradicts(&meant));
        let inputs = Unsigned::Bitcoin(lie).signing_inputs(&purse.params).unwrap();
        let signatures = purse.wallet.sign_all(&purse.params, &inputs);
        assert!(Unsigned::Bitcoin(honest).assemble(&purse.params, &signatures).is_err());
    }
}

/// Goal: a hundred payments out of a large purse are one transaction of bounded size, in bounded time. Method: as many coins as are
/// looked at, of which hundreds are needed.
#[test]
fn a_large_purse_is_no_burden() {
    let purse = regtest();
    let coins: Vec<Offered> = (0..1_200).map(|n| purse.coin(n, 10_000 + u64::from(n), Scheme::Segwit)).collect();
    let started = std::time::Instant::now();
    let unsigned = build(&purse.params, &purse.draft(&vec![30_000; 100], coins.clone(), 2_000)).unwrap();
    println!("built in {} ms out of {} coins", started.elapsed().as_millis(), coins.len());
    assert!((250..=INPUTS_MAX).contains(&unsigned.tx().input.len()), "{}", unsigned.tx().input.len());
    let bytes = Unsigned::Bitcoin(unsigned).encode();
    assert!(Unsigned::decode(&bytes).is_ok() && bytes.len() < UNSIGNED_BYTES_MAX / 2, "{}", bytes.len());
    let too_much = purse.draft(&vec![70_000; 100], coins, 2_000);
    assert!(matches!(build(&purse.params, &too_much), Err(TxError::Insufficient { .. })), "more coins than inputs");
}
