//! The withdrawal policy: who must agree to a withdrawal, by rules of which the first that matches decides.
//!
//! No rule, no payment. A withdrawal of which nobody can say what it is worth is never let through by a rule that looks at
//! values: then every bound counts as reached, and of the rules that match the most demanding one decides.

use exchequer_domain::{AdminId, Network, Timestamp};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

/// Rules of a policy.
pub const RULES_MAX: usize = 100;
/// Groups of a policy.
pub const GROUPS_MAX: usize = 20;
/// Members of a group.
pub const MEMBERS_MAX: usize = 50;
/// Longest name of a rule or group.
pub const NAME_BYTES_MAX: usize = 60;
/// Most approvals that a rule asks for.
pub const APPROVALS_MAX: u8 = 9;
/// Assets or networks that a rule names.
pub const NAMED_MAX: usize = 100;
/// The longest window over which amounts are added up, and the longest for which they are kept, in microseconds.
pub const WINDOW_US_MAX: u64 = 30 * DAY_US;
/// The longest delay after an approval, in microseconds.
pub const DELAY_US_MAX: u64 = 7 * DAY_US;
/// The group of everybody who may approve movements of money; it is in every policy.
pub const EVERYBODY: &str = "treasury";

/// A day, in microseconds.
pub const DAY_US: u64 = 86_400_000_000;
const HOUR_US: u64 = 3_600_000_000;
/// Millionths of a dollar in a thousand dollars.
const THOUSAND: u64 = 1_000_000_000;

/// What kind of place a withdrawal goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Destination {
    /// An address that the user's address book does not hold, or not yet for long enough.
    New,
    /// An address of the user's address book.
    Listed,
    /// Another user of the exchange.
    Internal,
    /// An address that is not listed and looks like one that the user knows: the ends are the same, the middle is not. A rule for
    /// new ones is for these too; what a rule lets through that does not name them waits for a person.
    Lookalike,
}

impl Destination {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Destination::New => "new",
            Destination::Listed => "listed",
            Destination::Internal => "internal",
            Destination::Lookalike => "lookalike",
        }
    }
}

/// So many persons of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The group's name.
    pub group: String,
    /// How many of it.
    pub count: u8,
}

/// Which withdrawals a rule is for; what is not said is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Of one of these assets; of any where there is none.
    pub assets: Vec<Asset>,
    /// On one of these networks; on any where there is none.
    pub networks: Vec<Network>,
    /// To one of these; anywhere where there is none.
    pub destinations: Vec<Destination>,
    /// Worth so much or more, in millionths of a dollar.
    pub usd_from: Option<u64>,
    /// Worth less than this, in millionths of a dollar.
    pub usd_below: Option<u64>,
    /// Worth so much or more together with what the same user withdrew in a window.
    pub accumulated: Option<Accumulated>,
}

/// What a user withdrew in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accumulated {
    /// How long, in microseconds.
    pub window_us: u64,
    /// Together with this one so much or more, in millionths of a dollar.
    pub usd_from: u64,
}

/// What a rule does with those that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// They go on.
    Allow,
    /// They are refused.
    Block,
    /// They wait for people.
    Approve {
        /// All of these.
        needs: Vec<Need>,
        /// How long they wait after the last approval, in microseconds.
        delay_us: u64,
    },
}

impl Verdict {
    /// How much it asks: to compare two.
    fn demands(&self) -> (u8, u32, u64) {
        match self {
            Verdict::Allow => (0, 0, 0),
            Verdict::Approve { needs, delay_us } => {
                (1, needs.iter().map(|need| u32::from(need.count)).sum(), *delay_us)
            }
            Verdict::Block => (2, 0, 0),
        }
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name, for people.
    pub name: String,
    /// Which withdrawals it is for.
    pub when: Match,
    /// What becomes of them.
    pub then: Verdict,
}

/// A named set of admins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Who is in it; everybody who may approve movements of money where there is none.
    pub members: Vec<AdminId>,
}

/// What the users of a KYC level may withdraw, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// In any 24 hours.
    pub day_usd: u64,
    /// In any 30 days.
    pub month_usd: u64,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawalPolicy {
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// The groups.
    pub groups: Vec<Group>,
    /// What may be withdrawn, by KYC level from 0.
    pub limits: Vec<Limit>,
    /// Whether what the hot wallet can pay passes what it cannot.
    pub small_may_pass: bool,
    /// How often it was changed.
    pub version: u32,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

impl Default for WithdrawalPolicy {
    fn default() -> WithdrawalPolicy {
        let approve = |count, delay_us| {
            let needs = vec![Need { group: EVERYBODY.to_owned(), count }];
            Verdict::Approve { needs, delay_us }
        };
        // What many small ones come to is looked at first: otherwise whoever splits a payment passes.
        let over = |name: &str, usd_from, then| Rule {
            name: name.to_owned(),
            when: Match { accumulated: Some(Accumulated { window_us: DAY_US, usd_from }), ..Match::default() },
            then,
        };
        let limit = |day_usd: u64| Limit { day_usd, month_usd: day_usd * 10 };
        WithdrawalPolicy {
            rules: vec![
                over("more than a million a day", 1_000 * THOUSAND + 1, approve(3, HOUR_US)),
                over("a hundred thousand a day", 100 * THOUSAND, approve(2, 0)),
                over("ten thousand a day", 10 * THOUSAND, approve(1, 0)),
                Rule { name: "the rest".into(), when: Match::default(), then: Verdict::Allow },
            ],
            groups: vec![Group { name: EVERYBODY.to_owned(), members: Vec::new() }],
            limits: vec![limit(0), limit(THOUSAND), limit(50 * THOUSAND), limit(500 * THOUSAND)],
            small_may_pass: false,
            version: 0,
            changed_at: Timestamp(0),
        }
    }
}

/// What a rule looks at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Of what.
    pub asset: Asset,
    /// On which network.
    pub network: Network,
    /// Where to.
    pub destination: Destination,
    /// What it is worth, in millionths of a dollar; none where nobody can say.
    pub usd: Option<u64>,
    /// What the same user withdrew in the last so many microseconds, in millionths of a dollar; none where nobody can say.
    pub spent: &'a dyn Fn(u64) -> Option<u64>,
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} on {} to {}, worth {:?}", self.asset, self.network, self.destination.as_str(), self.usd)
    }
}

impl Match {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let is_new = subject.destination == Destination::Lookalike && self.destinations.contains(&Destination::New);
        let named = (self.assets.is_empty() || self.assets.contains(&subject.asset))
            && (self.networks.is_empty() || self.networks.contains(&subject.network))
            && (self.destinations.is_empty() || self.destinations.contains(&subject.destination) || is_new);
        let worth = subject.usd.is_none_or(|usd| {
            self.usd_from.is_none_or(|from| usd >= from) && self.usd_below.is_none_or(|below| usd < below)
        });
        let accumulated = self.accumulated.is_none_or(|Accumulated { window_us, usd_from }| {
            let sum = subject.usd.and_then(|usd| (subject.spent)(window_us).map(|spent| spent.saturating_add(usd)));
            sum.is_none_or(|sum| sum >= usd_from)
        });
        named && worth && accumulated
    }
}

/// One person looks.
fn one_looks() -> Verdict {
    Verdict::Approve { needs: vec![Need { group: EVERYBODY.to_owned(), count: 1 }], delay_us: 0 }
}

impl WithdrawalPolicy {
    /// What becomes of a withdrawal, and by which rule; blocked where no rule is for it.
    #[must_use]
    pub fn judge(&self, subject: &Subject<'_>) -> (Verdict, String) {
        let mut matching = self.rules.iter().filter(|rule| rule.when.matches(subject));
        if subject.usd.is_some() {
            let Some(rule) = matching.next() else { return (Verdict::Block, String::new()) };
            // Nobody who copied the wrong address is paid before a person has looked.
            let unnamed = subject.destination == Destination::Lookalike
                && !rule.when.destinations.contains(&Destination::Lookalike);
            let then = match (&rule.then, unnamed) {
                (Verdict::Allow, true) => one_looks(),
                (then, _) => then.clone(),
            };
            return (then, rule.name.clone());
        }
        // Nobody can say what it is worth. Every bound counts as reached, the most demanding decides, and a person looks.
        let most = matching.max_by_key(|rule| rule.then.demands());
        match most {
            None => (Verdict::Block, String::new()),
            Some(Rule { then: Verdict::Allow, name, .. }) => (one_looks(), name.clone()),
            Some(rule) => (rule.then.clone(), rule.name.clone()),
        }
    }

    /// What the users of a KYC level may withdraw.
    #[must_use]
    pub fn limit(&self, kyc_level: u8) -> Limit {
        self.limits.get(usize::from(kyc_level)).copied().unwrap_or(Limit { day_usd: 0, month_usd: 0 })
    }

    /// A group by its name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy_check::PolicyFault;
    use super::super::refusal::Refusal;
    use super::*;

    const K: u64 = THOUSAND;

    fn judge(policy: &WithdrawalPolicy, usd: Option<u64>, spent: u64) -> (u32, u64) {
        let spent = move |_| Some(spent);
        let subject =
            Subject { asset: Asset(1), network: Network::Tron, destination: Destination::New, usd, spent: &spent };
        match policy.judge(&subject).0 {
            Verdict::Allow => (0, 0),
            Verdict::Block => (99, 0),
            Verdict::Approve { needs, delay_us } => (needs.iter().map(|need| u32::from(need.count)).sum(), delay_us),
        }
    }

    /// Goal: the policy that an exchange begins with asks for nobody, one, two and three persons, also where the sum comes in
    /// pieces. Method: each bound, just below and at it.
    #[test]
    fn the_first_policy() {
        let policy = WithdrawalPolicy::default();
        assert_eq!(policy.check(), Ok(()));
        for (usd, spent, expected) in [
            (1, 0, (0, 0)),
            (10 * K - 1, 0, (0, 0)),
            (10 * K, 0, (1, 0)),
            (1, 10 * K - 1, (1, 0)),
            (1, 10 * K - 2, (0, 0)),
            (100 * K - 1, 0, (1, 0)),
            (100 * K, 0, (2, 0)),
            (1_000 * K, 0, (2, 0)),
            (1_000 * K + 1, 0, (3, HOUR_US)),
            (u64::MAX, u64::MAX, (3, HOUR_US)),
        ] {
            assert_eq!(judge(&policy, Some(usd), spent), expected, "{usd} upon {spent}");
        }
        assert_eq!(judge(&policy, None, 0), (3, HOUR_US), "what nobody can value is looked at by the most");
    }

    /// Goal: the first rule that matches decides, and what no rule is for is blocked; a value that nobody knows passes no rule
    /// by itself. Method: rules in both orders, none, and one that lets everything pass.
    #[test]
    fn first_match_and_denied_by_default() {
        let rule = |usd_below, then| Rule {
            name: "rule".into(),
            when: Match { usd_below, networks: vec![Network::Tron], ..Match::default() },
            then,
        };
        let with = |rules| WithdrawalPolicy { rules, ..WithdrawalPolicy::default() };
        let (allow, block) = (rule(Some(5), Verdict::Allow), rule(None, Verdict::Block));
        assert_eq!(judge(&with(vec![allow.clone(), block.clone()]), Some(4), 0), (0, 0));
        assert_eq!(judge(&with(vec![allow.clone(), block.clone()]), Some(5), 0), (99, 0));
        assert_eq!(judge(&with(vec![block, allow.clone()]), Some(4), 0), (99, 0));
        assert_eq!(judge(&with(vec![allow.clone()]), Some(5), 0), (99, 0));
        assert_eq!(judge(&with(vec![allow]), None, 0), (1, 0));
        let elsewhere = Match { networks: vec![Network::Bsc], ..Match::default() };
        let elsewhere = Rule { when: elsewhere, ..rule(None, Verdict::Allow) };
        assert_eq!(judge(&with(vec![elsewhere]), Some(4), 0), (99, 0));
    }

    /// Goal: a policy that could not work is refused with what is wrong. Method: one change of the first policy each.
    #[test]
    fn bad_policies_are_refused() {
        let fault = |change: fn(&mut WithdrawalPolicy)| {
            let mut policy = WithdrawalPolicy::default();
            change(&mut policy);
            match policy.check() {
                Err(Refusal::Policy { what }) => Some(what),
                other => panic!("{other:?}"),
            }
        };
        let needs =
            |group: &str, count| Verdict::Approve { needs: vec![Need { group: group.into(), count }], delay_us: 0 };
        assert_eq!(fault(|policy| policy.rules.clear()), Some(PolicyFault::Rules));
        assert_eq!(fault(|policy| policy.groups.clear()), Some(PolicyFault::Groups));
        assert_eq!(fault(|policy| policy.groups.push(policy.groups[0].clone())), Some(PolicyFault::Groups));
        assert_eq!(fault(|policy| policy.rules[0].name = " ".into()), Some(PolicyFault::Names));
        assert_eq!(fault(|policy| policy.limits.truncate(3)), Some(PolicyFault::Limits));
        assert_eq!(fault(|policy| policy.limits[1].day_usd = u64::MAX), Some(PolicyFault::Limits));
        assert_eq!(
            fault(|policy| policy.rules[3].when = Match { usd_from: Some(1), usd_below: Some(1), ..Match::default() }),
            Some(PolicyFault::Range)
        );
        for then in [needs("nobody", 1), needs(EVERYBODY, 0), needs(EVERYBODY, 10)] {
            let mut policy = WithdrawalPolicy::default();
            policy.rules[0].then = then;
            assert_eq!(policy.check(), Err(Refusal::Policy { what: PolicyFault::Approvals }));
        }
    }
}
