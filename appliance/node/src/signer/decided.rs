//! From what the log decided to what a signer is told of it: intent and description.
//!
//! Invariant: what a transaction pays, to whom and how much, is taken from the state; of its bytes only what the state does not
//! decide (kind, inputs, change). Where the two differ nothing is told.

use exchequer_chains::{
    Coin, EffectKind, Effects, Exclusion, KeyPath, KeyPurpose, NetworkParams, Payment, Resource, SigningInput, Unsigned,
};
use exchequer_domain::{ChainAddress, Digest, Family, Network, Timestamp};
use exchequer_state::custody::{self, WalletRole};
use exchequer_state::withdrawals::{
    Claim, Errand, Lent, Move, Payer, PaymentName, PayoutId, Purpose, SignedFor, SigningRecord, Stake, move_payment_id,
};
use exchequer_state::{Actor, Rows, State};
use exchequer_vault::policy::{Approval, Instruction, Intent};
use exchequer_vault::record::PaymentId;
use exchequer_workers::kinds::nodes;

/// What is told of a decided transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) intent: Intent,
    pub(crate) description: Effects,
    /// The keys that must sign it.
    pub(crate) inputs: Vec<SigningInput>,
}

/// The parameters of a network, as the cluster's workers have them.
pub(crate) fn params(state: &State, network: Network) -> NetworkParams {
    nodes::params(network, state.cluster().is_some_and(|cluster| cluster.sandbox))
}

/// The name of a payment in the signing memory.
pub(crate) fn payment_id(name: PaymentName) -> PaymentId {
    match name {
        PaymentName::Withdrawal(withdrawal) => PaymentId::of_withdrawal(withdrawal.0),
        PaymentName::Move(payout) => of_move(payout),
    }
}

pub(super) fn of_move(payout: PayoutId) -> PaymentId {
    PaymentId(move_payment_id(payout))
}

fn coin(contract: Option<&ChainAddress>) -> Coin {
    contract.map_or(Coin::Native, |contract| Coin::Token(contract.clone()))
}

/// What is told of a decided transaction with these bytes.
///
/// # Errors
/// In words, how the bytes are other than what was decided.
pub(crate) fn told(state: &State, rows: &dyn Rows, record: &SigningRecord, bytes: &[u8]) -> Result<Told, String> {
    if *blake3::hash(bytes).as_bytes() != record.digest.0 {
        return Err("its bytes are not those that were decided".into());
    }
    let params = params(state, record.network);
    let unsigned = Unsigned::decode(bytes).map_err(|error| error.to_string())?;
    let effects = unsigned.effects(&params).map_err(|error| error.to_string())?;
    let inputs = unsigned.signing_inputs(&params).map_err(|error| error.to_string())?;
    if effects.network != record.network {
        return Err(format!("it is a transaction of {}", effects.network));
    }
    let payer = address_of(state, rows, record.network, record.payer)?;
    claims(&record.claim, &effects, payer.as_ref())?;
    fee(state, record, &effects)?;
    let (intent, payments) = match (record.purpose, &record.errand) {
        (Purpose::Noop, _) => (Intent::Noop, Vec::new()),
        (Purpose::Payment, Errand::Withdrawals) => withdrawals(state, record, &effects.payments)?,
        (Purpose::Payment, Errand::Sweep(one)) => (Intent::Sweep { id: of_move(record.payout) }, vec![moved(one)]),
        (Purpose::Payment, Errand::TopUp(one)) => {
            let to = path_of(state, rows, record.network, &one.to)?;
            (Intent::TopUp { id: of_move(record.payout), to }, vec![moved(one)])
        }
        (Purpose::Payment, Errand::Stake(stake)) => (staked(state, rows, record, stake, &effects.kind)?, Vec::new()),
    };
    if payments != effects.payments {
        return Err("it pays otherwise than was decided".into());
    }
    Ok(Told { intent, description: Effects { payments, ..effects }, inputs })
}

/// What is done with stake; the transaction must do just that.
fn staked(
    state: &State,
    rows: &dyn Rows,
    record: &SigningRecord,
    stake: &Stake,
    does: &EffectKind,
) -> Result<Intent, String> {
    if deed(stake) != *does {
        return Err("it does something else with stake than was decided".into());
    }
    let id = of_move(record.payout);
    Ok(match stake {
        Stake::Freeze { .. } => Intent::Freeze { id },
        Stake::Unfreeze { .. } => Intent::Unfreeze { id },
        Stake::Collect => Intent::Collect { id },
        Stake::Lend(lent) => Intent::Delegate { id, to: path_of(state, rows, record.network, &lent.to)? },
        Stake::TakeBack(lent) => Intent::Undelegate { id, from: path_of(state, rows, record.network, &lent.to)? },
    })
}

/// What a transaction does that does this with stake, and nothing else.
fn deed(stake: &Stake) -> EffectKind {
    let resource = Resource::Energy;
    match stake {
        Stake::Freeze { sun } => EffectKind::Freeze { resource, amount: (*sun).into() },
        Stake::Unfreeze { sun } => EffectKind::Unfreeze { resource, amount: (*sun).into() },
        Stake::Collect => EffectKind::Collect,
        Stake::Lend(Lent { to, sun, .. }) => EffectKind::Delegate { to: to.clone(), resource, amount: (*sun).into() },
        Stake::TakeBack(Lent { to, sun, .. }) => {
            EffectKind::Undelegate { from: to.clone(), resource, amount: (*sun).into() }
        }
    }
}

fn moved(one: &Move) -> Payment {
    Payment { to: one.to.clone(), coin: coin(one.coin.as_ref()), amount: one.on_chain }
}

/// The instructions and payments of withdrawals, in the order in which the transaction makes them.
fn withdrawals(state: &State, record: &SigningRecord, made: &[Payment]) -> Result<(Intent, Vec<Payment>), String> {
    let mut left: Vec<(Payment, Instruction)> = Vec::with_capacity(record.pays.len());
    for pay in &record.pays {
        let listing = state.custody().listing(record.network, pay.asset);
        let listing = listing.ok_or_else(|| format!("asset {} is not listed", pay.asset.0))?;
        let payment = Payment { to: pay.to.clone(), coin: coin(listing.coin.as_ref()), amount: pay.on_chain };
        left.push((payment, instruction(state, pay)));
    }
    let (mut instructions, mut payments) = (Vec::with_capacity(left.len()), Vec::with_capacity(left.len()));
    for payment in made {
        let place = left.iter().position(|(wanted, _)| wanted == payment);
        let place = place.ok_or("it pays somebody, or so much, that was not decided")?;
        let (payment, instruction) = left.remove(place);
        payments.push(payment);
        instructions.push(instruction);
    }
    if left.is_empty() { Ok((Intent::Withdrawal(instructions), payments)) } else { Err("it pays too few".into()) }
}

/// Who asked for a withdrawal, as the signer's policy names persons: no approval of theirs counts. Nobody has to ask any more once it
/// is over.
fn initiator(state: &State, pay: &SignedFor) -> String {
    match state.withdrawals().get(pay.withdrawal).map(|one| one.initiator) {
        Some(Actor::Admin(id)) => match state.people().person_of(id) {
            "" => format!("admin {id}"),
            person => person.to_owned(),
        },
        Some(Actor::Operator) => "operator".into(),
        Some(Actor::User(_) | Actor::ApiKey(_) | Actor::Node(_) | Actor::Worker(_)) | None => {
            format!("user {}", pay.user)
        }
    }
}

fn instruction(state: &State, pay: &SignedFor) -> Instruction {
    let (_, until) = pay.approved.unwrap_or((Digest([0; 32]), Timestamp(0)));
    let approval = |consent: &exchequer_state::withdrawals::Consent| Approval {
        key: consent.key.0,
        signature: hex::encode(consent.signature.bytes()),
    };
    Instruction {
        withdrawal: pay.withdrawal.0,
        initiator: initiator(state, pay),
        memo: pay.memo.clone(),
        fee_cap: pay.fee_cap,
        until,
        approvals: pay.consents.iter().map(approval).collect(),
    }
}

/// Whether the transaction uses up what was claimed for it, and nothing else.
fn claims(claim: &Claim, effects: &Effects, payer: Option<&ChainAddress>) -> Result<(), String> {
    let from_payer = || payer.is_some_and(|payer| effects.from.as_slice() == std::slice::from_ref(payer));
    let fits = match (claim, &effects.exclusion) {
        (Claim::Nonce(wanted), Exclusion::Nonce { nonce, .. }) => nonce == wanted && from_payer(),
        (Claim::Coins(coins), Exclusion::Inputs(inputs)) => {
            inputs.len() == coins.len() && inputs.iter().all(|input| coins.contains(&input.outpoint))
        }
        (Claim::Window { expires, .. }, Exclusion::Expiry { expires_ms, .. }) => {
            expires_ms.saturating_mul(1_000) <= expires.0 && from_payer()
        }
        (Claim::Nonce(_) | Claim::Coins(_) | Claim::Window { .. }, _) => false,
    };
    if fits { Ok(()) } else { Err("it uses up something else than was claimed for it".into()) }
}

fn fee(state: &State, record: &SigningRecord, effects: &Effects) -> Result<(), String> {
    let listing = state.custody().listed(record.network, None).ok_or("the network's coin is not listed")?;
    let most = listing.to_ledger(effects.fee_max).map(|(whole, rest)| whole.saturating_add(u128::from(rest > 0)));
    if most.is_some_and(|most| most <= u128::from(record.fee_max)) {
        Ok(())
    } else {
        Err("it may cost more than was decided".into())
    }
}

/// The address that pays; none on networks where a wallet pays as a whole.
pub(super) fn address_of(
    state: &State,
    rows: &dyn Rows,
    network: Network,
    payer: Payer,
) -> Result<Option<ChainAddress>, String> {
    if network.family() == Family::Bitcoin {
        return Ok(None);
    }
    let wallet = state.custody().wallet(payer.wallet).ok_or("there is no such wallet")?;
    if wallet.role == WalletRole::Deposit {
        let page = custody::given_addresses(rows, network.family(), payer.index, 1).map_err(|halt| halt.to_string())?;
        return Ok(page.into_iter().find(|(index, _)| *index == payer.index).map(|(_, one)| one.address));
    }
    let own = wallet.addresses.iter().find(|own| own.index == payer.index && !own.change);
    Ok(own.map(|own| own.address.clone()))
}

/// The key of an address of the exchange's own.
pub(crate) fn path_of(
    state: &State,
    rows: &dyn Rows,
    network: Network,
    address: &ChainAddress,
) -> Result<KeyPath, String> {
    if let Some(wallet) = state.custody().wallet_at(network.family(), address)
        && let Some(own) = wallet.addresses.iter().find(|own| own.address == *address)
    {
        let purpose = match wallet.role {
            WalletRole::Deposit => KeyPurpose::Deposit,
            WalletRole::Hot => KeyPurpose::Hot,
            WalletRole::Gas => KeyPurpose::Gas,
            WalletRole::Cold => KeyPurpose::Cold,
        };
        return Ok(KeyPath { purpose, index: own.index, change: own.change });
    }
    let index = custody::index_of(rows, network, address).map_err(|halt| halt.to_string())?;
    let index = index.ok_or_else(|| format!("{address} is none of the exchange's addresses"))?;
    Ok(KeyPath { purpose: KeyPurpose::Deposit, index, change: false })
}

#[cfg(test)]
mod tests {
    use exchequer_chains::tron::{RefBlock, TronAction, TronTx, UnsignedTron, text};

    use super::*;

    /// Goal: of what is decided with stake and of what transactions do each fits its own and no other. Method: real transactions of every
    /// kind, amounts that differ by one, other addresses, the other resource.
    #[test]
    fn what_is_done_with_stake_is_what_was_decided() {
        let params = nodes::params(Network::Tron, false);
        let key = KeyPath { purpose: KeyPurpose::Gas, index: 0, change: false };
        let [to, other] = [[7; 20], [8; 20]];
        let (energy, bandwidth) = (Resource::Energy, Resource::Bandwidth);
        let actions = [
            TronAction::Freeze { resource: energy, amount: 5 },
            TronAction::Unfreeze { resource: energy, amount: 5 },
            TronAction::Collect,
            TronAction::Delegate { to, resource: energy, amount: 5 },
            TronAction::Undelegate { from: to, resource: energy, amount: 5 },
            // None of these was decided.
            TronAction::Freeze { resource: energy, amount: 6 },
            TronAction::Freeze { resource: bandwidth, amount: 5 },
            TronAction::Delegate { to: other, resource: energy, amount: 5 },
            TronAction::Delegate { to, resource: energy, amount: 6 },
            TronAction::Delegate { to, resource: bandwidth, amount: 5 },
            TronAction::Undelegate { from: other, resource: energy, amount: 5 },
            TronAction::Undelegate { from: to, resource: energy, amount: 4 },
            TronAction::Transfer { to, amount: 5 },
        ];
        let does = actions.map(|action| {
            let ref_block = RefBlock { bytes: [1, 2], hash: [3; 8] };
            let tx = TronTx { owner: [9; 20], action, ref_block, expires_ms: 2_000, made_ms: 1_000, fee_limit: 0 };
            Unsigned::Tron(UnsignedTron::new(&params, key, tx).unwrap()).effects(&params).unwrap().kind
        });
        let lent = || Lent { to: text(&to), to_index: 1, sun: 5, plan: None };
        let decided = [
            Stake::Freeze { sun: 5 },
            Stake::Unfreeze { sun: 5 },
            Stake::Collect,
            Stake::Lend(lent()),
            Stake::TakeBack(lent()),
        ];
        for (number, stake) in decided.iter().enumerate() {
            let fits: Vec<usize> = (0..does.len()).filter(|place| does[*place] == deed(stake)).collect();
            assert_eq!(fits, [number], "{stake:?}");
        }
    }
}
