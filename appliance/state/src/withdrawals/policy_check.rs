//! What a withdrawal policy must be to work at all.

use serde::{Deserialize, Serialize};

use super::policy::{
    APPROVALS_MAX, DELAY_US_MAX, EVERYBODY, GROUPS_MAX, MEMBERS_MAX, Match, NAME_BYTES_MAX, NAMED_MAX, Need, RULES_MAX,
    Verdict, WINDOW_US_MAX, WithdrawalPolicy,
};
use super::refusal::Refusal;
use crate::users::KYC_LEVEL_MAX;

/// What is wrong with a policy. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyFault {
    /// No rule, or too many, or one that names too much.
    Rules,
    /// Too many groups or members, a name twice, or the group of everybody is missing or has members.
    Groups,
    /// A name is blank or too long.
    Names,
    /// Not one limit for each KYC level, or a day's above its month's.
    Limits,
    /// A range that nothing can be in, or a window that is too long.
    Range,
    /// A group that does not exist or is too small, no approval, too many, or too long a delay.
    Approvals,
}

impl WithdrawalPolicy {
    /// Whether this can be a policy.
    ///
    /// # Errors
    /// `Policy`, with what is wrong.
    pub fn check(&self) -> Result<(), Refusal> {
        let wrong = |what: PolicyFault| Err(Refusal::Policy { what });
        let named =
            |name: &str| !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
        if self.rules.is_empty() || self.rules.len() > RULES_MAX {
            return wrong(PolicyFault::Rules);
        }
        if self.groups.len() > GROUPS_MAX || self.groups.iter().any(|group| group.members.len() > MEMBERS_MAX) {
            return wrong(PolicyFault::Groups);
        }
        let mut names: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|pair| pair[0] == pair[1]);
        if twice || self.group(EVERYBODY).is_none_or(|group| !group.members.is_empty()) {
            return wrong(PolicyFault::Groups);
        }
        if !names.into_iter().chain(self.rules.iter().map(|rule| rule.name.as_str())).all(named) {
            return wrong(PolicyFault::Names);
        }
        if self.limits.len() != usize::from(KYC_LEVEL_MAX) + 1
            || self.limits.iter().any(|limit| limit.day_usd > limit.month_usd)
        {
            return wrong(PolicyFault::Limits);
        }
        for rule in &self.rules {
            let Match { assets, networks, destinations, usd_from, usd_below, accumulated } = &rule.when;
            if [assets.len(), networks.len(), destinations.len()].into_iter().any(|count| count > NAMED_MAX) {
                return wrong(PolicyFault::Rules);
            }
            let empty = matches!((usd_from, usd_below), (Some(from), Some(below)) if from >= below);
            let window = accumulated.is_some_and(|sum| sum.window_us == 0 || sum.window_us > WINDOW_US_MAX);
            if empty || window {
                return wrong(PolicyFault::Range);
            }
            if let Verdict::Approve { needs, delay_us } = &rule.then {
                let known = |need: &Need| {
                    let members = self.group(&need.group).map(|group| group.members.len());
                    let enough = members.is_some_and(|members| members == 0 || members >= usize::from(need.count));
                    enough && (1..=APPROVALS_MAX).contains(&need.count)
                };
                if needs.is_empty() || needs.len() > GROUPS_MAX || !needs.iter().all(known) || *delay_us > DELAY_US_MAX
                {
                    return wrong(PolicyFault::Approvals);
                }
            }
        }
        Ok(())
    }
}
