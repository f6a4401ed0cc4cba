//! The contracts of the simulator: tokens with exact balances, and two that are not what they seem.

use std::collections::BTreeMap;

use super::address::Address;
use crate::shim::keccak;

/// Energy of a transfer to one who has some of the token already, and to one who has none: the figures of the public
/// network's largest token.
pub const ENERGY_KNOWN: i64 = 64_285;
/// As [`ENERGY_KNOWN`], for the first that a holder gets.
pub const ENERGY_FRESH: i64 = 130_285;
/// Energy of a call that is refused by the contract.
const ENERGY_REFUSED: i64 = 3_500;
/// Energy of a question.
const ENERGY_QUESTION: i64 = 935;

/// How a contract behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Moves, logs, and refuses by reverting.
    Token,
    /// Says `false` where it cannot move, and the transaction succeeds.
    SaysFalse,
    /// Logs a transfer and moves nothing.
    Forges,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Who made it.
    pub owner: Address,
    /// Its name.
    pub name: String,
    /// Its symbol.
    pub symbol: String,
    /// How many digits of an amount stand behind the point.
    pub decimals: u8,
    /// By how many parts of 10,000 every call costs more.
    pub energy_factor: i64,
    /// Whose transfers are refused.
    pub blocked: Vec<Address>,
    balances: BTreeMap<Address, u128>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Who says it.
    pub address: Address,
    /// What, and of whom.
    pub topics: Vec<[u8; 32]>,
    /// How much.
    pub data: Vec<u8>,
}

/// What a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Energy, without what the factor adds.
    pub energy: i64,
    /// What it returned.
    pub result: Vec<u8>,
    /// What it logged.
    pub logs: Vec<Log>,
    /// The contract refused; nothing moved.
    pub reverted: bool,
}

impl Token {
    /// A new one, of which nobody has any.
    #[must_use]
    pub fn new(behaviour: Behaviour, owner: Address, symbol: &str, decimals: u8) -> Token {
        let (name, symbol) = (format!("{symbol} of the simulator"), symbol.to_owned());
        Token {
            behaviour,
            owner,
            name,
            symbol,
            decimals,
            energy_factor: 0,
            blocked: Vec::new(),
            balances: BTreeMap::new(),
        }
    }

    /// How much an account has.
    #[must_use]
    pub fn balance(&self, of: Address) -> u128 {
        self.balances.get(&of).copied().unwrap_or(0)
    }

    /// Gives an account more, out of nothing. What would not fit stays out.
    pub fn issue(&mut self, to: Address, amount: u128) {
        let balance = self.balances.entry(to).or_default();
        *balance = balance.saturating_add(amount);
    }

    /// Executes a call of `caller`.
    pub fn call(&mut self, own: Address, caller: Address, data: &[u8]) -> Called {
        let selector = data.get(..4).unwrap_or_default();
        let word = |at: usize| data.get(4 + 32 * at..36 + 32 * at);
        let is = |signature: &str| selector == &keccak(signature.as_bytes())[..4];
        let told = |result: Vec<u8>| Called { energy: ENERGY_QUESTION, result, logs: Vec::new(), reverted: false };
        if is("balanceOf(address)") {
            return match word(0).and_then(Address::of_word) {
                Some(of) => told(number(self.balance(of)).to_vec()),
                None => refused(""),
            };
        }
        if is("decimals()") {
            return told(number(u128::from(self.decimals)).to_vec());
        }
        if is("symbol()") {
            return told(text(&self.symbol));
        }
        if is("name()") {
            return told(text(&self.name));
        }
        if is("totalSupply()") {
            return told(number(self.balances.values().fold(0, |sum, one| sum.saturating_add(*one))).to_vec());
        }
        if self.behaviour == Behaviour::Forges && is("forge(address,address,uint256)") {
            let (Some(from), Some(to), Some(amount)) = (word(0), word(1), word(2)) else { return refused("") };
            let (Some(from), Some(to)) = (Address::of_word(from), Address::of_word(to)) else { return refused("") };
            let log = transfer_log(own, from, to, amount.to_vec());
            return Called { energy: 10_000, result: Vec::new(), logs: vec![log], reverted: false };
        }
        if is("transfer(address,uint256)") {
            let (Some(to), Some(amount)) = (word(0).and_then(Address::of_word), word(1)) else { return refused("") };
            return self.transfer(own, caller, to, amount);
        }
        refused("")
    }

    fn transfer(&mut self, own: Address, from: Address, to: Address, amount: &[u8]) -> Called {
        if self.blocked.contains(&from) {
            return refused("blacklisted");
        }
        let wanted = amount.split_at_checked(16).and_then(|(upper, lower)| {
            let fits = upper.iter().all(|byte| *byte == 0);
            Some(u128::from_be_bytes(lower.try_into().ok()?)).filter(|_| fits)
        });
        let left = wanted.and_then(|wanted| self.balance(from).checked_sub(wanted));
        let (Some(wanted), Some(left)) = (wanted, left) else {
            return match self.behaviour {
                Behaviour::SaysFalse => {
                    Called { energy: ENERGY_REFUSED, result: vec![0; 32], logs: Vec::new(), reverted: false }
                }
                Behaviour::Token | Behaviour::Forges => refused("balance too low"),
            };
        };
        let energy = if self.balance(to) > 0 { ENERGY_KNOWN } else { ENERGY_FRESH };
        if left == 0 {
            self.balances.remove(&from);
        } else {
            self.balances.insert(from, left);
        }
        self.issue(to, wanted);
        let log = transfer_log(own, from, to, amount.to_vec());
        // The public network's largest token returns a word that means nothing: zero.
        Called { energy, result: vec![0; 32], logs: vec![log], reverted: false }
    }
}

fn transfer_log(address: Address, from: Address, to: Address, data: Vec<u8>) -> Log {
    Log { address, topics: vec![keccak(b"Transfer(address,address,uint256)"), from.word(), to.word()], data }
}

/// A refusal, with its text as contracts encode it.
fn refused(why: &str) -> Called {
    let result = if why.is_empty() { Vec::new() } else { [&[0x08, 0xc3, 0x79, 0xa0], text(why).as_slice()].concat() };
    Called { energy: ENERGY_REFUSED, result, logs: Vec::new(), reverted: true }
}

fn number(value: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&value.to_be_bytes());
    word
}

/// A text as contracts return it.
fn text(value: &str) -> Vec<u8> {
    let mut padded = value.as_bytes().to_vec();
    padded.resize(value.len().div_ceil(32) * 32, 0);
    [number(32).as_slice(), &number(value.len() as u128), &padded].concat()
}

/// The data of a transfer.
#[must_use]
pub fn transfer_data(to: Address, amount: u128) -> Vec<u8> {
    [&[0xa9, 0x05, 0x9c, 0xbb], to.word().as_slice(), &number(amount)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a token's units are never made or lost by transfers, and a refused one moves nothing. Method: transfers
    /// within and over the balance, to a fresh holder and a known one, to oneself.
    #[test]
    fn transfers_are_exact() {
        let (own, ann, bob) = (Address([1; 20]), Address([2; 20]), Address([3; 20]));
        let mut token = Token::new(Behaviour::Token, ann, "USDT", 6);
        token.issue(ann, 100);
        let first = token.call(own, ann, &transfer_data(bob, 60));
        assert_eq!((first.energy, first.logs.len(), first.reverted), (ENERGY_FRESH, 1, false));
        assert_eq!(token.call(own, ann, &transfer_data(bob, 40)).energy, ENERGY_KNOWN);
        assert!(token.call(own, ann, &transfer_data(bob, 1)).reverted);
        assert!(!token.call(own, bob, &transfer_data(bob, 100)).reverted);
        assert_eq!((token.balance(ann), token.balance(bob)), (0, 100));
        token.blocked.push(bob);
        assert!(token.call(own, bob, &transfer_data(ann, 1)).reverted);
        let mut says_false = Token::new(Behaviour::SaysFalse, ann, "FALSE", 6);
        let called = says_false.call(own, ann, &transfer_data(bob, 1));
        assert_eq!((called.reverted, called.logs, called.result), (false, Vec::new(), vec![0; 32]));
    }
}
