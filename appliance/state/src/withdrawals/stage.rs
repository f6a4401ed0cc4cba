//! The stages of a withdrawal, and which may follow which: the one table of edges.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! stages {
    ($($(#[$what:meta])* $variant:ident = $word:literal,)*) => {
        /// How far a withdrawal has come. Variants are only ever appended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Stage {
            $($(#[$what])* $variant,)*
        }

        impl Stage {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Stage] = &[$(Stage::$variant,)*];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Stage::$variant => $word,)* }
            }
        }
    };
}

stages! {
    /// Waits for its user's second factor.
    Confirming = "confirming",
    /// Is looked at for risk.
    Screening = "screening",
    /// Waits for people.
    AwaitingApproval = "awaiting-approval",
    /// Approved; waits where the policy wants a delay.
    Approved = "approved",
    /// Waits for its turn, or for what the hot wallet lacks.
    Queued = "queued",
    /// Its transaction is decided and not signed.
    Preparing = "preparing",
    /// Its transaction is signed; from here on it may be on its way.
    Signed = "signed",
    /// Its transaction was given to nodes.
    Broadcast = "broadcast",
    /// Its transaction is in a block that is not final.
    Mined = "mined",
    /// Its transaction does not get into a block.
    Stuck = "stuck",
    /// A transaction that excludes the earlier ones is decided and not signed.
    Replacing = "replacing",
    /// Nobody knows what became of its transaction.
    Unknown = "unknown",
    /// A person has to decide.
    Review = "review",
    /// Paid.
    Completed = "completed",
    /// Taken back by its user.
    Cancelled = "cancelled",
    /// Refused by the policy or by a person.
    Rejected = "rejected",
    /// Nobody confirmed or approved it in time.
    Expired = "expired",
    /// Proved never to be paid; the money is free again.
    Failed = "failed",
    /// Its transaction was mined and did nothing; the money is free again.
    Reverted = "reverted",
}

impl Stage {
    /// Whether this is an end.
    #[must_use]
    pub const fn is_over(self) -> bool {
        self.next().is_empty()
    }

    /// Whether its user can still take it back.
    #[must_use]
    pub const fn can_be_cancelled(self) -> bool {
        match self {
            Stage::Confirming | Stage::Screening | Stage::AwaitingApproval | Stage::Approved | Stage::Queued => true,
            Stage::Preparing
            | Stage::Signed
            | Stage::Broadcast
            | Stage::Mined
            | Stage::Stuck
            | Stage::Replacing
            | Stage::Unknown
            | Stage::Review
            | Stage::Completed
            | Stage::Cancelled
            | Stage::Rejected
            | Stage::Expired
            | Stage::Failed
            | Stage::Reverted => false,
        }
    }

    /// Whether a withdrawal in this stage can be in that one next.
    #[must_use]
    pub fn may_become(self, to: Stage) -> bool {
        self.next().contains(&to)
    }

    /// The stages that may follow. What the chain says final of an attempt that was signed ends it, wherever it stands:
    /// evidence decides, not what somebody believed last.
    #[must_use]
    pub const fn next(self) -> &'static [Stage] {
        use Stage as S;
        match self {
            S::Confirming => &[S::Screening, S::Cancelled, S::Expired],
            S::Screening => &[S::AwaitingApproval, S::Approved, S::Completed, S::Rejected, S::Cancelled],
            S::AwaitingApproval => &[S::Approved, S::Completed, S::Rejected, S::Expired, S::Cancelled],
            // What was agreed to too long ago to be paid is judged anew.
            S::Approved => &[S::Screening, S::Queued, S::Completed, S::Rejected, S::Cancelled],
            S::Queued => &[S::Screening, S::Preparing, S::Rejected, S::Cancelled],
            S::Preparing => &[S::Signed, S::Review, S::Queued, S::Failed],
            S::Signed => &[
                S::Broadcast,
                S::Mined,
                S::Stuck,
                S::Unknown,
                S::Review,
                S::Completed,
                S::Failed,
                S::Reverted,
                S::Queued,
            ],
            S::Broadcast => &[
                S::Broadcast,
                S::Mined,
                S::Stuck,
                S::Unknown,
                S::Review,
                S::Completed,
                S::Failed,
                S::Reverted,
                S::Queued,
            ],
            S::Mined => &[S::Mined, S::Broadcast, S::Review, S::Completed, S::Failed, S::Reverted, S::Queued],
            // What was never signed is signed first, as a person wants it.
            S::Stuck => &[
                S::Preparing,
                S::Broadcast,
                S::Mined,
                S::Replacing,
                S::Unknown,
                S::Review,
                S::Completed,
                S::Failed,
                S::Reverted,
                S::Queued,
            ],
            S::Replacing => &[S::Signed, S::Mined, S::Review, S::Completed, S::Failed, S::Reverted, S::Queued],
            S::Unknown | S::Review => &[
                S::Preparing,
                S::Broadcast,
                S::Mined,
                S::Stuck,
                S::Replacing,
                S::Review,
                S::Completed,
                S::Failed,
                S::Reverted,
                S::Queued,
            ],
            S::Completed | S::Cancelled | S::Rejected | S::Expired | S::Failed | S::Reverted => &[],
        }
    }

    /// The number of the Binance dialect: 0 e-mail sent, 1 cancelled, 2 awaiting approval, 3 rejected, 4 processing,
    /// 5 failure, 6 completed.
    #[must_use]
    pub const fn binance(self) -> u8 {
        match self {
            Stage::Confirming => 0,
            Stage::Cancelled | Stage::Expired => 1,
            Stage::Screening | Stage::AwaitingApproval => 2,
            Stage::Rejected => 3,
            Stage::Approved
            | Stage::Queued
            | Stage::Preparing
            | Stage::Signed
            | Stage::Broadcast
            | Stage::Mined
            | Stage::Stuck
            | Stage::Replacing
            | Stage::Unknown
            | Stage::Review => 4,
            Stage::Failed | Stage::Reverted => 5,
            Stage::Completed => 6,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only the edges of the state machine exist. Method: the whole matrix, written out: a row per stage, a letter per
    /// stage that may follow.
    #[test]
    fn the_whole_matrix() {
        // In the order of the numbers:      CSAAQ PSBMSRUR CCREFR
        let rows = [
            (Stage::Confirming, /*     */ ".x... ........ .x.x.."),
            (Stage::Screening, /*      */ "..xx. ........ xxx..."),
            (Stage::AwaitingApproval, /**/ "...x. ........ xxxx.."),
            (Stage::Approved, /*       */ ".x..x ........ xxx..."),
            (Stage::Queued, /*         */ ".x... x....... .xx..."),
            (Stage::Preparing, /*      */ "....x .x.....x ....x."),
            (Stage::Signed, /*         */ "....x ..xxx.xx x...xx"),
            (Stage::Broadcast, /*      */ "....x ..xxx.xx x...xx"),
            (Stage::Mined, /*          */ "....x ..xx...x x...xx"),
            (Stage::Stuck, /*          */ "....x x.xx.xxx x...xx"),
            (Stage::Replacing, /*      */ "....x .x.x...x x...xx"),
            (Stage::Unknown, /*        */ "....x x.xxxx.x x...xx"),
            (Stage::Review, /*         */ "....x x.xxxx.x x...xx"),
            (Stage::Completed, /*      */ "..... ........ ......"),
            (Stage::Cancelled, /*      */ "..... ........ ......"),
            (Stage::Rejected, /*       */ "..... ........ ......"),
            (Stage::Expired, /*        */ "..... ........ ......"),
            (Stage::Failed, /*         */ "..... ........ ......"),
            (Stage::Reverted, /*       */ "..... ........ ......"),
        ];
        assert_eq!(rows.map(|(stage, _)| stage), Stage::ALL);
        for (from, row) in rows {
            let row: Vec<char> = row.chars().filter(|letter| *letter != ' ').collect();
            for (to, letter) in Stage::ALL.iter().zip(row) {
                assert_eq!(from.may_become(*to), letter == 'x', "{from} to {to}");
            }
            let cancelled = from.may_become(Stage::Cancelled);
            assert_eq!(from.can_be_cancelled(), cancelled, "{from}");
            assert_eq!(from.is_over(), row_is_empty(from), "{from}");
        }
    }

    fn row_is_empty(stage: Stage) -> bool {
        Stage::ALL.iter().all(|to| !stage.may_become(*to))
    }

    /// Goal: the numbers of the other dialect are as its clients read them: an end is never shown as processing, nothing open
    /// as an end.
    #[test]
    fn the_other_dialect() {
        for stage in Stage::ALL {
            assert_eq!(stage.is_over(), [1, 3, 5, 6].contains(&stage.binance()), "{stage}");
        }
        assert_eq!((Stage::Completed.binance(), Stage::Confirming.binance()), (6, 0));
    }
}
