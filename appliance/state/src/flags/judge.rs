//! What a flag answers, and why.

use std::fmt;

use exchequer_domain::{Network, Timestamp};

use super::{PERMILLE_MAX, Rule};

/// What is hashed before a flag's name, so that no other hash of ours falls together with it.
const DOMAIN: &[u8] = b"exchequer flag v1\0";

/// What a flag answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is on.
    pub is_on: bool,
    /// Why.
    pub why: Why,
}

/// Why a flag is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is no such flag.
    Unknown,
    /// Its time is over.
    Expired {
        /// Since when.
        at: Timestamp,
    },
    /// It is switched off.
    Off,
    /// It is for other networks.
    Network,
    /// It is on for everyone.
    Everyone,
    /// It names the subject.
    Allowed,
    /// The subject is, or is not, among those that its percentage includes.
    Percent {
        /// Where the subject falls, 0 to 999.
        draw: u16,
        /// It is on for those below.
        permille: u16,
    },
    /// It is on for the subjects that it names, and this is none of them.
    NotAllowed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Unknown => f.write_str("there is no such flag"),
            Why::Expired { at } => write!(f, "it expired at {at}"),
            Why::Off => f.write_str("it is switched off"),
            Why::Network => f.write_str("it is not for this network"),
            Why::Everyone => f.write_str("it is on for everyone"),
            Why::Allowed => f.write_str("it names this subject"),
            Why::Percent { draw, permille } => {
                write!(f, "the subject falls on {draw} of 0 to 999; it is on below {permille}")
            }
            Why::NotAllowed => f.write_str("it does not name this subject"),
        }
    }
}

impl Rule {
    /// What it answers. The order of the questions is the rule's: time, switch, network, names, percentage.
    #[must_use]
    pub fn judge(&self, flag: &str, subject: &str, network: Option<Network>, now: Timestamp) -> Verdict {
        let (is_on, why) = match self.expires_at {
            Some(at) if now >= at => (false, Why::Expired { at }),
            Some(_) | None if !self.on => (false, Why::Off),
            Some(_) | None if !self.is_on_network(network) => (false, Why::Network),
            Some(_) | None => self.includes(flag, subject),
        };
        Verdict { is_on, why }
    }

    fn is_on_network(&self, network: Option<Network>) -> bool {
        self.networks.is_empty() || network.is_some_and(|network| self.networks.contains(&network))
    }

    fn includes(&self, flag: &str, subject: &str) -> (bool, Why) {
        if self.permille >= PERMILLE_MAX {
            return (true, Why::Everyone);
        }
        if self.allowed.binary_search_by(|allowed| allowed.as_str().cmp(subject)).is_ok() {
            return (true, Why::Allowed);
        }
        if self.permille == 0 {
            return (false, Why::NotAllowed);
        }
        let draw = draw(flag, subject);
        (draw < self.permille, Why::Percent { draw, permille: self.permille })
    }
}

/// Where a subject falls among 0 to 999, evenly, differently for each flag, and always the same.
#[must_use]
pub fn draw(flag: &str, subject: &str) -> u16 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN);
    hasher.update(flag.as_bytes());
    hasher.update(&[0]);
    hasher.update(subject.as_bytes());
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    // The top of the product: no draw is larger than another by more than 1 in 2^54.
    let scaled = (u128::from(u64::from_be_bytes(first)) * u128::from(PERMILLE_MAX)) >> 64;
    scaled as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule { on: true, permille: 0, allowed: Vec::new(), networks: Vec::new(), expires_at: None }
    }

    /// Goal: draws are those that were released, for ever: whoever was included stays so. Method: vectors computed with
    /// another implementation of BLAKE3.
    #[test]
    fn draws_are_stable() {
        let of = |flag, subject| draw(flag, subject);
        assert_eq!([of("a", "1"), of("a", "2"), of("b", "1"), of("new-book", "user 12"), of("", "")], DRAWS);
    }

    const DRAWS: [u16; 5] = [956, 903, 782, 593, 252];

    /// Goal: a percentage is spread evenly and two flags independently. Method: chi-square over 100,000 subjects and 20
    /// cells, for three flags, and over the 4 cells of two flags at 50 %; the subjects are fixed, so are the figures. The
    /// bounds are those of p = 0.001.
    #[test]
    fn percentages_are_even() {
        const SUBJECTS: u32 = 100_000;
        for flag in ["a", "new-book", "withdrawals.fast"] {
            let mut cells = [0_u64; 20];
            for subject in 0..SUBJECTS {
                cells[usize::from(draw(flag, &format!("user {subject}"))) / 50] += 1;
            }
            let expected = u64::from(SUBJECTS) / 20;
            let chi = cells.iter().map(|count| count.abs_diff(expected).pow(2)).sum::<u64>() / expected;
            println!("{flag}: chi-square {chi} with 19 degrees of freedom");
            assert!((1..44).contains(&chi), "{flag}: {cells:?}");
        }
        let mut cells = [0_u64; 4];
        for subject in 0..SUBJECTS {
            let of = |flag| usize::from(draw(flag, &format!("user {subject}")) < 500);
            cells[of("a") * 2 + of("b")] += 1;
        }
        let chi = cells.iter().map(|count| count.abs_diff(25_000).pow(2)).sum::<u64>() / 25_000;
        println!("two flags: chi-square {chi} with 3 degrees of freedom");
        assert!(chi < 17, "{cells:?}");
    }

    /// Goal: whoever a percentage includes stays included when it grows. Method: every step of ten for 500 subjects.
    #[test]
    fn growing_takes_nobody_out() {
        for subject in 0..500 {
            let subject = subject.to_string();
            let included = |permille| Rule { permille, ..rule() }.judge("f", &subject, None, Timestamp(0)).is_on;
            let steps: Vec<bool> = (0..=1_000).step_by(10).map(included).collect();
            assert!(steps.windows(2).all(|pair| !pair[0] || pair[1]), "{subject}");
            assert!(!steps[0] && steps[100]);
        }
    }

    /// Goal: every question has its place in the order, and its explanation. Method: one rule for each answer, with what
    /// would answer later set the other way.
    #[test]
    fn questions_are_asked_in_order() {
        let (now, tron) = (Timestamp(10), Some(Network::Tron));
        let everyone = Rule { permille: 1_000, ..rule() };
        let named = Rule { allowed: vec!["a".into(), "b".into()], ..rule() };
        let on_tron = Rule { networks: vec![Network::Tron], ..everyone.clone() };
        for (rule, subject, network, is_on, why) in [
            (Rule { expires_at: Some(now), ..everyone.clone() }, "a", None, false, Why::Expired { at: now }),
            (Rule { expires_at: Some(Timestamp(11)), ..everyone.clone() }, "a", None, true, Why::Everyone),
            (Rule { on: false, ..everyone.clone() }, "a", None, false, Why::Off),
            (on_tron.clone(), "a", None, false, Why::Network),
            (on_tron.clone(), "a", Some(Network::Bsc), false, Why::Network),
            (on_tron, "a", tron, true, Why::Everyone),
            (named.clone(), "b", tron, true, Why::Allowed),
            (named, "c", None, false, Why::NotAllowed),
            (Rule { allowed: vec!["a".into()], permille: 1, ..rule() }, "a", None, true, Why::Allowed),
        ] {
            assert_eq!(rule.judge("f", subject, network, now), Verdict { is_on, why }, "{rule:?}");
        }
        let percent = Rule { permille: 400, ..rule() };
        let seen = percent.judge("f", "x", None, now);
        let Why::Percent { draw: at, permille: 400 } = seen.why else { panic!("{seen:?}") };
        assert_eq!((at, seen.is_on), (draw("f", "x"), at < 400));
    }
}
