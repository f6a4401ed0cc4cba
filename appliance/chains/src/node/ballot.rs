//! How answers of several endpoints are counted, and why they come to nothing.

use super::NodeError;

/// Why endpoints do not agree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// Too few answered.
    #[error("{answers} endpoints answered, {quorum} have to agree; the last error: {last}")]
    TooFew {
        /// How many did.
        answers: usize,
        /// How many have to.
        quorum: usize,
        /// Why the last of the others did not.
        last: String,
    },
    /// They say different things.
    #[error("endpoints contradict each other: {same} of {answers} say the same, {quorum} have to")]
    Different {
        /// The largest number that say the same.
        same: usize,
        /// How many answered.
        answers: usize,
        /// How many have to agree.
        quorum: usize,
    },
    /// They give one block, and not the same money in it.
    #[error(
        "endpoints contradict each other about the money in block {height}; none is believed, look at each: {endpoints}"
    )]
    Contents {
        /// The block's height.
        height: u64,
        /// Who was asked.
        endpoints: String,
    },
}

/// Why several endpoints together came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PanelError {
    /// No endpoint at all, or a quorum that cannot be reached.
    #[error(
        "a quorum of {quorum} out of {endpoints} endpoints cannot be: configure as many endpoints as have to agree"
    )]
    Quorum {
        /// How many have to agree.
        quorum: usize,
        /// How many there are.
        endpoints: usize,
    },
    /// Two endpoints of one provider: it would agree with itself.
    #[error("{first} and {second} are one provider, which would agree with itself: leave one of them out")]
    OneProvider {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// None can be used.
    #[error("no endpoint can be used at present; see each one's score and why it is 0")]
    None,
    /// All that can be used failed; the last one so.
    #[error("no endpoint has an answer; the last one ({endpoint}): {error}")]
    All {
        /// Which was the last.
        endpoint: String,
        /// What became of it.
        error: NodeError,
    },
    /// So many do not keep the state of that block any more that no quorum will ever tell of it.
    #[error("too few endpoints keep the state of that block: configure some that keep more")]
    Forgotten,
    /// So many are there and refuse to tell that no quorum can.
    #[error("too few endpoints tell: {0}")]
    Refused(String),
    /// They do not agree.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
}

/// The answer of a quorum, if more say it than anything else.
pub(super) fn tally<T: Clone>(
    answers: &[(usize, T)],
    quorum: usize,
    same: impl Fn(&T, &T) -> bool,
    last: Option<&NodeError>,
) -> Result<T, Disagreement> {
    let mut groups: Vec<(&T, usize)> = Vec::new();
    for (_, answer) in answers {
        match groups.iter_mut().find(|(known, _)| same(known, answer)) {
            Some((_, count)) => *count += 1,
            None => groups.push((answer, 1)),
        }
    }
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let tie = groups.len() > 1 && groups[0].1 == groups[1].1;
    match groups.first() {
        Some((answer, count)) if *count >= quorum && !tie => Ok((*answer).clone()),
        Some((_, count)) if answers.len() >= quorum => {
            Err(Disagreement::Different { same: *count, answers: answers.len(), quorum })
        }
        Some(_) | None => {
            let last = last.map_or_else(|| "they do not have it yet".to_owned(), NodeError::to_string);
            Err(Disagreement::TooFew { answers: answers.len(), quorum, last })
        }
    }
}
