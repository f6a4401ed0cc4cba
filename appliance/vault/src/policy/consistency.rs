//! Whether what a policy's rules allow can be signed at all. What a rule allows and an hour never does is refused by the signer for good,
//! one payment after the other, after its user's money was set aside; so whoever puts such a policy in place is told at once.
//!
//! A policy that is in place already is used all the same: a signer without one signs nothing.

use std::fmt;

use exchequer_chains::Coin;
use exchequer_domain::Network;

use super::settings::{CoinPolicy, NetworkPolicy, Policy, PolicyError};

/// Two bounds of a policy that contradict each other. Amounts are in the smallest unit of their coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// A rule allows payments that an hour never does.
    RuleAboveHour {
        /// On which network.
        network: Network,
        /// Of which coin.
        coin: Coin,
        /// What the rule allows.
        up_to: u128,
        /// What such a payment may cost in the same coin.
        fee: u128,
        /// What an hour allows.
        hour_max: u128,
    },
    /// A transaction may cost what an hour never allows.
    FeeAboveHour {
        /// On which network.
        network: Network,
        /// What a transaction may cost.
        fee_max: u128,
        /// What an hour allows of the coin in which it is paid.
        hour_max: u128,
    },
    /// The coin in which fees are paid is not in the policy, so that nothing is ever signed.
    NoCoinForFees {
        /// On which network.
        network: Network,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contradiction::RuleAboveHour { network, coin, up_to, fee, hour_max } => {
                let least = up_to.saturating_add(*fee);
                let most = hour_max.saturating_sub(*fee);
                write!(f, "a rule of {} on {network} allows a payment of {up_to}", word(coin))?;
                if *fee > 0 {
                    write!(f, ", which may cost {fee} more")?;
                }
                write!(
                    f,
                    ", and its `hour_max` is {hour_max}: what is in between would be refused for good. Raise `hour_max` (and \
                     `day_max`) to {least} at least, or lower `up_to` to {most}"
                )
            }
            Contradiction::FeeAboveHour { network, fee_max, hour_max } => write!(
                f,
                "a transaction on {network} may cost {fee_max}, and the `hour_max` of its own coin is {hour_max}: what costs more would \
                 be refused for good. Raise that `hour_max` (and `day_max`) to {fee_max} at least, or lower `fee_max`"
            ),
            Contradiction::NoCoinForFees { network } => write!(
                f,
                "the coins of {network} lack its own, in which every fee is paid, so that nothing would be signed there. Add \"Native\" \
                 with an `hour_max` and a `day_max`; without `rules` nothing but fees is paid in it"
            ),
        }
    }
}

fn word(coin: &Coin) -> String {
    match coin {
        Coin::Native => "the network's own coin".to_owned(),
        Coin::Token(contract) => format!("token {contract}"),
    }
}

impl NetworkPolicy {
    /// The most that a payment of so much may cost in the coin that it pays, as [`super::judge`] bounds fees.
    fn fee_of(&self, coin: &CoinPolicy, amount: u128) -> u128 {
        match coin.coin {
            Coin::Native => {
                let share =
                    amount.checked_mul(u128::from(self.fee_permille_max)).map_or(u128::MAX, |share| share / 1_000);
                share.max(self.fee_free.0).min(self.fee_max.0)
            }
            Coin::Token(_) => 0,
        }
    }

    fn contradictions(&self, network: Network) -> Vec<Contradiction> {
        let mut found = Vec::new();
        let own = self.coins.iter().find(|coin| coin.coin == Coin::Native).map(|coin| coin.hour_max.0);
        match own {
            None if !self.coins.is_empty() => found.push(Contradiction::NoCoinForFees { network }),
            Some(hour_max) if self.fee_max.0 > hour_max => {
                found.push(Contradiction::FeeAboveHour { network, fee_max: self.fee_max.0, hour_max });
            }
            None | Some(_) => {}
        }
        for coin in &self.coins {
            for rule in &coin.rules {
                let (up_to, fee, hour_max) = (rule.up_to.0, self.fee_of(coin, rule.up_to.0), coin.hour_max.0);
                if up_to.saturating_add(fee) > hour_max {
                    let coin = coin.coin.clone();
                    found.push(Contradiction::RuleAboveHour { network, coin, up_to, fee, hour_max });
                }
            }
        }
        found
    }
}

impl Policy {
    /// As [`Policy::parse`], of one that is to be put in place: it must not contradict itself either.
    ///
    /// # Errors
    /// As there, and [`PolicyError::Contradiction`] with the first one.
    pub fn parse_new(json: &str) -> Result<Policy, PolicyError> {
        let policy = Policy::parse(json)?;
        match policy.contradictions().into_iter().next() {
            None => Ok(policy),
            Some(first) => Err(PolicyError::Contradiction(first)),
        }
    }

    /// What of it contradicts itself, so that something it allows is never signed.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Contradiction> {
        self.networks.iter().flat_map(|(network, of)| of.contradictions(*network)).collect()
    }
}

#[cfg(test)]
mod tests {
    use exchequer_chains::Parameters;

    use super::super::settings::{Rule, Units, install, load};
    use super::*;
    use crate::sealed::{self, Opener};

    const TOKEN: &str = "0xdAC17F958D2ee523a2206206994597C13D831ec7";

    /// One network: fees of up to 20, and 5 of 100 in what is paid, 2 always.
    fn of(own: Option<(u128, &[u128])>, token: Option<(u128, &[u128])>) -> Policy {
        let coin = |coin: Coin, (hour_max, rules): (u128, &[u128])| CoinPolicy {
            coin,
            asset: 1,
            hour_max: Units(hour_max),
            day_max: Units(hour_max * 3),
            rules: rules.iter().map(|up_to| Rule { up_to: Units(*up_to), approvals: 0 }).collect(),
        };
        let contract = Coin::Token(exchequer_domain::ChainAddress::canonical(TOKEN).unwrap());
        let coins = own.map(|own| coin(Coin::Native, own)).into_iter().chain(token.map(|token| coin(contract, token)));
        let of = NetworkPolicy {
            chain: Parameters::Evm { chain_id: 1 },
            fee_max: Units(20),
            fee_permille_max: 50,
            fee_free: Units(2),
            fee_minor_unit: Units(1),
            sweep_to: vec![],
            stake: false,
            decided_only: true,
            coins: coins.collect(),
        };
        let networks = [(Network::Ethereum, of)].into();
        Policy { version: 1, cluster: "03".repeat(16), networks, approvers: vec![] }
    }

    /// Goal: what a rule allows with the fee that it may cost is never more than an hour allows; the fee of a token is another coin's;
    /// a coin without rules only has to pay fees; and whoever is told is told bounds with which it is a policy. Method: bounds that just
    /// fit, each of them less or more by one, and each correction that is proposed.
    #[test]
    fn what_a_rule_allows_an_hour_allows() {
        let network = Network::Ethereum;
        let rule =
            |coin: Coin, up_to, fee, hour_max| Contradiction::RuleAboveHour { network, coin, up_to, fee, hour_max };
        let token = Coin::Token(exchequer_domain::ChainAddress::canonical(TOKEN).unwrap());
        for (policy, expected) in [
            // 5 of 100 in 200 are 10; in 20 one, where 2 are free; in 1,000 they would be 50, and 20 are the most.
            (of(Some((210, &[20, 200])), None), vec![]),
            (of(Some((209, &[20, 200])), None), vec![rule(Coin::Native, 200, 10, 209)]),
            (of(Some((22, &[20])), None), vec![]),
            (of(Some((21, &[20])), None), vec![rule(Coin::Native, 20, 2, 21)]),
            (of(Some((1_020, &[1_000])), None), vec![]),
            (of(Some((1_019, &[20, 1_000])), None), vec![rule(Coin::Native, 1_000, 20, 1_019)]),
            (of(Some((20, &[])), Some((500, &[100, 500]))), vec![]),
            (of(Some((20, &[])), Some((500, &[501]))), vec![rule(token, 501, 0, 500)]),
            (of(Some((19, &[])), None), vec![Contradiction::FeeAboveHour { network, fee_max: 20, hour_max: 19 }]),
            (of(None, Some((500, &[500]))), vec![Contradiction::NoCoinForFees { network }]),
            (of(None, None), vec![]),
            (of(Some((100, &[u128::MAX])), None), vec![rule(Coin::Native, u128::MAX, 20, 100)]),
        ] {
            assert_eq!(policy.contradictions(), expected);
        }
        let said = |policy: &Policy| policy.contradictions()[0].to_string();
        let text = said(&of(Some((209, &[20, 200])), None));
        assert!(text.contains("to 210 at least, or lower `up_to` to 199"), "{text}");
        assert_eq!(of(Some((209, &[20, 199])), None).contradictions(), []);
        let text = said(&of(Some((19, &[])), None));
        assert!(text.contains("to 20 at least"), "{text}");
    }

    /// Goal: no such policy is put in place, and one that is in place, of a release that did not look, is used all the same: without
    /// one nothing is signed. Method: installed by the door; read when written past it.
    #[test]
    fn one_that_contradicts_itself_is_not_put_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        sealed::create_key_file(&key).unwrap();
        let path = folder.path().join("vault");
        let vault = sealed::init(&path, &Opener::KeyFile(&key), exchequer_domain::Timestamp(1)).unwrap();
        let json = |policy: &Policy| serde_json::to_string(policy).unwrap();
        let wrong = json(&of(Some((209, &[200])), None));
        match install(&path, &vault, &wrong) {
            Err(PolicyError::Contradiction(Contradiction::RuleAboveHour {
                up_to: 200,
                fee: 10,
                hour_max: 209,
                ..
            })) => {}
            other => panic!("{other:?}"),
        }
        assert!(matches!(load(&path, &vault), Err(PolicyError::Missing)));
        let mut bytes = super::super::settings::tag(wrong.as_bytes(), vault.key()).as_bytes().to_vec();
        bytes.extend_from_slice(wrong.as_bytes());
        let file = path.join(super::super::FILE_NAME);
        crate::files::write_private(&file, &bytes, crate::files::Existing::Keep).unwrap();
        assert_eq!(load(&path, &vault).unwrap().contradictions().len(), 1);
        install(&path, &vault, &json(&Policy { version: 2, ..of(Some((210, &[200])), None) })).unwrap();
    }
}
