//! The judgement: from a transaction's bytes and a policy to a record of what may be signed, or a refusal.

use exchequer_chains::{Coin, EffectKind, Effects, KeyPath, KeyPurpose, Payment, Unsigned, is_burn_address};
use exchequer_domain::{ChainAddress, Family, Network, Timestamp};

use super::approval::{Instruction, approved};
use super::limits::{same_totals, totals, wallet};
use super::request::{Asked, Intent, SigningRequest};
use super::settings::{CoinPolicy, NetworkPolicy, Policy};
use super::verdict::{Code, Verdict};
use crate::keys::Keys;
use crate::record::{BodyHash, Decided, Known, Paid, PaymentId, SigningRecord};

/// Payments of one transaction.
const PAYMENTS_MAX: usize = 1_000;

/// What may be signed.
pub(crate) struct Judged {
    pub(crate) record: SigningRecord,
    /// It was signed before.
    pub(crate) again: bool,
}

pub(super) struct Judge<'a> {
    pub(super) policy: &'a Policy,
    pub(super) network: Network,
    pub(super) of: &'a NetworkPolicy,
    pub(super) keys: &'a Keys,
    pub(super) known: &'a Known,
    pub(super) asked: &'a Asked,
    pub(super) now: Timestamp,
}

pub(super) type Ruled<T> = Result<T, Verdict>;

pub(super) fn refuse<T>(code: Code, reason: impl Into<String>) -> Ruled<T> {
    Err(Verdict::refuse(code, reason))
}

/// Judges a request.
pub(crate) fn judge(
    policy: &Policy,
    keys: &Keys,
    known: &Known,
    vault: [u8; 16],
    asked: &Asked,
    now: Timestamp,
) -> Ruled<Judged> {
    let network = asked.effects.network;
    let Some(of) = policy.networks.get(&network) else {
        return refuse(Code::Network, format!("{network} is not in the policy"));
    };
    let now = known.no_earlier(now);
    if of.decided_only && known.attempt(&asked.body).is_none() {
        return refuse(Code::NotDecided, "the log has no decision for this transaction");
    }
    if known.is_dead(&asked.body) {
        return refuse(Code::AttemptDead, "the log has declared that this transaction can never come any more");
    }
    let judge = Judge { policy, network, of, keys, known, asked, now };
    judge.described()?;
    judge.keys()?;
    let payments = judge.intent()?;
    judge.fee()?;
    if let Some(before) = known.attempt(&asked.body) {
        let SigningRequest { generation, intent, .. } = &asked.request;
        let same = before.payments == payments
            && before.noop == (*intent == Intent::Noop)
            && before.generation == *generation
            && same_totals(&before.outflow, &totals(&asked.effects, intent));
        if !same {
            return refuse(Code::PaymentChanged, "these bytes were decided or signed before for something else");
        }
        // What only the log says was signed is judged anew, in full.
        if known.is_vouched(&asked.body) {
            return Ok(Judged { record: before.clone(), again: true });
        }
    }
    if let Some(told) = known.barring(&asked.body, &asked.effects.exclusion, &payments) {
        let body = hex::encode(told.body);
        let why = format!("its nonce, coin or payment is that of signature {body}, of which this vault knows no bytes");
        return refuse(Code::UnreadRecord, why);
    }
    judge.exclusive(&payments)?;
    let outflow = judge.velocity(&payments)?;
    let SigningRequest { epoch, generation, intent, .. } = &asked.request;
    let (at, epoch, generation) = (now, *epoch, *generation);
    let record = SigningRecord {
        vault,
        at,
        epoch,
        payments,
        outflow,
        ..bare(&asked.unsigned, &asked.effects, asked.body, generation, intent)
    };
    Ok(Judged { record, again: false })
}

/// A record of a transaction, as far as its effects and its intent say.
fn bare(unsigned: &Unsigned, effects: &Effects, body: BodyHash, generation: u32, intent: &Intent) -> SigningRecord {
    let tx = match unsigned {
        Unsigned::Bitcoin(unsigned) => Some(unsigned.id()),
        Unsigned::Evm(_) | Unsigned::Tron(_) => None,
    };
    let payments = match intent {
        Intent::Withdrawal(instructions) => {
            let both = instructions.iter().zip(&effects.payments);
            let one = |(instruction, payment): (&Instruction, &Payment)| Paid {
                id: instruction.id(),
                what: what(effects.network, std::slice::from_ref(payment), true),
            };
            both.map(one).collect()
        }
        Intent::Noop => Vec::new(),
        Intent::Sweep { id }
        | Intent::TopUp { id, .. }
        | Intent::Delegate { id, .. }
        | Intent::Undelegate { id, .. }
        | Intent::Freeze { id }
        | Intent::Unfreeze { id }
        | Intent::Collect { id } => vec![Paid { id: *id, what: what(effects.network, &effects.payments, false) }],
    };
    SigningRecord {
        vault: [0; 16],
        at: Timestamp(0),
        epoch: 0,
        network: effects.network,
        generation,
        wallet: wallet(effects, generation),
        noop: *intent == Intent::Noop,
        payments,
        body,
        exclusion: effects.exclusion.clone(),
        outflow: totals(effects, intent),
        tx,
    }
}

/// A record of what was decided; none where its bytes are not understood.
pub(crate) fn recorded(policy: &Policy, vault: [u8; 16], decided: &Decided) -> Option<SigningRecord> {
    let unsigned = Unsigned::decode(&decided.unsigned).ok()?;
    let effects = unsigned.effects(&policy.params(unsigned.network()).ok()?).ok()?;
    let body = *blake3::hash(&decided.unsigned).as_bytes();
    let record = bare(&unsigned, &effects, body, decided.generation, &decided.intent);
    Some(SigningRecord { vault, at: decided.at, epoch: decided.epoch, ..record })
}

impl Judge<'_> {
    fn described(&self) -> Ruled<()> {
        let (said, does) = (&self.asked.request.description, &self.asked.effects);
        let differs = [
            ("network", said.network != does.network),
            ("kind", said.kind != does.kind),
            ("from", said.from != does.from),
            ("payments", said.payments != does.payments),
            ("change", said.change != does.change),
            ("fee", said.fee_max != does.fee_max),
            ("exclusion", said.exclusion != does.exclusion),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            Some((field, _)) => {
                refuse(Code::OtherThanDescribed, format!("the transaction's {field} is not the one that was described"))
            }
            None if said == does => Ok(()),
            None => refuse(Code::OtherThanDescribed, "the transaction is not the one that was described"),
        }
    }

    /// Each key has the address that is spent from, and every address that is spent from has a key.
    fn keys(&self) -> Ruled<()> {
        let generation = self.asked.request.generation;
        if self.asked.inputs.is_empty() {
            return refuse(Code::Key, "nothing is to be signed");
        }
        for input in &self.asked.inputs {
            let has = self.keys.is_address(self.network, generation, input.key, input.scheme, &input.address);
            has.map_err(|error| Verdict::refuse(Code::Key, error.to_string()))?;
            if !self.asked.effects.from.contains(&input.address) {
                return refuse(Code::Key, format!("{} signs, and nothing is spent from there", input.address));
            }
        }
        let signs = |from: &ChainAddress| self.asked.inputs.iter().any(|input| input.address == *from);
        match self.asked.effects.from.iter().find(|from| !signs(from)) {
            Some(from) => refuse(Code::Key, format!("{from} is spent from, and does not sign")),
            None => Ok(()),
        }
    }

    pub(super) fn purposes(&self, allowed: &[KeyPurpose]) -> Ruled<()> {
        let wrong = self.asked.inputs.iter().find(|input| !allowed.contains(&input.key.purpose));
        wrong.map_or(Ok(()), |input| {
            let (purpose, word) = (input.key.purpose, self.asked.request.intent.as_str());
            refuse(Code::Kind, format!("a key of purpose {purpose:?} signs no {word}"))
        })
    }

    pub(super) fn kind(&self, fits: bool) -> Ruled<()> {
        let (kind, word) = (&self.asked.effects.kind, self.asked.request.intent.as_str());
        if fits { Ok(()) } else { refuse(Code::Kind, format!("{kind:?} is nothing that a {word} does")) }
    }

    /// What comes back comes to our own hot wallet, of this seed or the newest.
    fn change(&self) -> Ruled<()> {
        for change in &self.asked.effects.change {
            if change.key.purpose != KeyPurpose::Hot {
                return refuse(Code::Destination, format!("change goes to a key of purpose {:?}", change.key.purpose));
            }
            let of =
                |generation| self.keys.is_address_of_any_scheme(self.network, generation, change.key, &change.address);
            if of(self.asked.request.generation).is_err() && of(self.keys.newest()).is_err() {
                return refuse(Code::Destination, format!("{} is said to be change and is not ours", change.address));
            }
        }
        Ok(())
    }

    pub(super) fn own(&self, path: KeyPath, address: &ChainAddress) -> Ruled<()> {
        let generations = [self.asked.request.generation, self.keys.newest()];
        // A deposit address stays its user's whatever seed is the newest.
        let mut all = generations.into_iter().chain(0..self.keys.newest());
        let ours = |generation| self.keys.is_address_of_any_scheme(self.network, generation, path, address).is_ok();
        if all.any(ours) {
            Ok(())
        } else {
            refuse(Code::Destination, format!("{address} is not our address at {path:?}"))
        }
    }

    /// The rules of the intent. Gives the payments to remember.
    fn intent(&self) -> Ruled<Vec<Paid>> {
        use KeyPurpose::{Deposit, Gas, Hot};
        let effects = &self.asked.effects;
        let transfers = matches!(effects.kind, EffectKind::Transfer | EffectKind::TokenTransfer);
        self.change()?;
        match &self.asked.request.intent {
            Intent::Withdrawal(instructions) => {
                // Bitcoin's deposits are spent where they are; nobody gathers them first.
                let from = if self.network.family() == Family::Bitcoin { &[Hot, Deposit][..] } else { &[Hot] };
                self.purposes(from)?;
                self.kind(transfers)?;
                self.withdrawal(instructions)
            }
            Intent::Sweep { id } => {
                self.purposes(&[Deposit, Hot, Gas])?;
                self.kind(transfers && !effects.payments.is_empty())?;
                for payment in &effects.payments {
                    self.listed(&payment.coin)?;
                    if !self.of.sweep_to.contains(&payment.to) {
                        return refuse(
                            Code::Destination,
                            format!("{} is not a pinned destination of sweeps", payment.to),
                        );
                    }
                }
                Ok(vec![self.paid(*id)?])
            }
            Intent::TopUp { id, to } => {
                self.purposes(&[Gas, Hot])?;
                let [payment] = effects.payments.as_slice() else {
                    return refuse(Code::Kind, "a top-up is one payment");
                };
                self.kind(effects.kind == EffectKind::Transfer && payment.coin == Coin::Native)?;
                self.listed(&payment.coin)?;
                self.own(*to, &payment.to)?;
                Ok(vec![self.paid(*id)?])
            }
            Intent::Noop => {
                self.purposes(&[Deposit, Hot, Gas])?;
                self.kind(effects.kind == EffectKind::Noop && effects.payments.is_empty())?;
                Ok(Vec::new())
            }
            Intent::Delegate { .. }
            | Intent::Undelegate { .. }
            | Intent::Freeze { .. }
            | Intent::Unfreeze { .. }
            | Intent::Collect { .. } => self.stakes(),
        }
    }

    fn withdrawal(&self, instructions: &[Instruction]) -> Ruled<Vec<Paid>> {
        let payments = &self.asked.effects.payments;
        if instructions.is_empty() || instructions.len() > PAYMENTS_MAX || instructions.len() != payments.len() {
            let (instructions, payments) = (instructions.len(), payments.len());
            return refuse(
                Code::OtherThanDescribed,
                format!("{instructions} payments were asked for, {payments} are made"),
            );
        }
        let mut paid: Vec<Paid> = Vec::with_capacity(instructions.len());
        for (instruction, payment) in instructions.iter().zip(payments) {
            let id = instruction.id();
            if paid.iter().any(|other| other.id == id) {
                return refuse(Code::Malformed, format!("withdrawal {} is in it twice", instruction.withdrawal));
            }
            self.destination(payment)?;
            let coin = self.listed(&payment.coin)?;
            let Some(rule) = coin.rules.iter().find(|rule| payment.amount <= rule.up_to.0) else {
                let number = instruction.withdrawal;
                return refuse(Code::NoRule, format!("withdrawal {number}: no rule allows so much"));
            };
            let this = Paid { id, what: what(self.network, std::slice::from_ref(payment), true) };
            let in_time = |attempt: &SigningRecord| attempt.at < instruction.until && attempt.payments.contains(&this);
            let again = self.known.vouched_attempts(id).any(in_time);
            let when = (self.now, again);
            approved(self.policy, coin.asset, self.network, instruction, payment, rule.approvals, when)
                .map_err(|(code, reason)| Verdict::refuse(code, reason))?;
            paid.push(this);
        }
        let unit = self.of.fee_minor_unit.0;
        let cap = instructions.iter().map(|instruction| u128::from(instruction.fee_cap).saturating_mul(unit));
        if self.asked.effects.fee_max > cap.fold(0u128, u128::saturating_add) {
            return refuse(Code::Fee, "it may cost more than was asked for with its payments");
        }
        Ok(paid)
    }

    fn destination(&self, payment: &Payment) -> Ruled<()> {
        let params =
            self.keys.params(self.network).map_err(|error| Verdict::refuse(Code::Network, error.to_string()))?;
        let is = |coin: &CoinPolicy| matches!(&coin.coin, Coin::Token(contract) if *contract == payment.to);
        if is_burn_address(params, &payment.to).unwrap_or(true) {
            return refuse(Code::Destination, format!("nobody has the key of {}", payment.to));
        }
        if self.of.coins.iter().any(is) || matches!(&payment.coin, Coin::Token(contract) if *contract == payment.to) {
            return refuse(Code::Destination, format!("{} is the contract of a token", payment.to));
        }
        if self.asked.effects.from.contains(&payment.to) {
            return refuse(Code::Destination, format!("{} would pay itself", payment.to));
        }
        if payment.amount == 0 {
            return refuse(Code::Kind, "a payment of nothing");
        }
        Ok(())
    }

    pub(super) fn listed(&self, coin: &Coin) -> Ruled<&CoinPolicy> {
        let found = self.of.coins.iter().find(|known| known.coin == *coin);
        found.ok_or_else(|| match coin {
            Coin::Native => Verdict::refuse(Code::NoRule, format!("no rules for the coin of {}", self.network)),
            Coin::Token(contract) => Verdict::refuse(Code::Token, format!("token {contract} is not listed")),
        })
    }

    /// What is remembered of anything but a withdrawal: where to, not how much, since a sweep with another fee moves another
    /// amount. Withdrawals' names are theirs alone.
    pub(super) fn paid(&self, id: PaymentId) -> Ruled<Paid> {
        if id.is_of_withdrawal() {
            return refuse(Code::Malformed, format!("{id} is the name of a withdrawal's payment"));
        }
        Ok(Paid { id, what: what(self.network, &self.asked.effects.payments, false) })
    }

    fn fee(&self) -> Ruled<()> {
        let fee = self.asked.effects.fee_max;
        if fee > self.of.fee_max.0 {
            return refuse(Code::Fee, format!("it may cost {fee}, and {} is the most", self.of.fee_max.0));
        }
        let native = self.asked.effects.payments.iter().filter(|payment| payment.coin == Coin::Native);
        let paid = native.fold(0u128, |sum, payment| sum.saturating_add(payment.amount));
        let share = paid.checked_mul(u128::from(self.of.fee_permille_max)).map_or(u128::MAX, |product| product / 1000);
        let relative = self.asked.effects.kind == EffectKind::Transfer;
        if relative && fee > share.max(self.of.fee_free.0) {
            let permille = self.of.fee_permille_max;
            return refuse(Code::Fee, format!("it may cost {fee}, more than {permille} thousandths of what is paid"));
        }
        Ok(())
    }
}

/// A hash of payments: with what amounts, or only where to.
fn what(network: Network, payments: &[Payment], amounts: bool) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut put = |text: &str| {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    put(network.as_str());
    for payment in payments {
        put(payment.to.as_str());
        match &payment.coin {
            Coin::Native => put(""),
            Coin::Token(contract) => put(contract.as_str()),
        }
        put(&if amounts { payment.amount.to_string() } else { String::new() });
    }
    *hasher.finalize().as_bytes()
}
