//! Topics: what an event is about, coarsely enough that a consumer can choose by it.

use std::fmt;
use std::str::FromStr;

use exchequer_domain::ParseIdError;
use serde::{Deserialize, Serialize};

macro_rules! topics {
    ($($(#[$what:meta])* $variant:ident = $word:literal,)*) => {
        /// What an event is about. Variants are only ever appended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Topic {
            $($(#[$what])* $variant,)*
        }

        impl Topic {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Topic] = &[$(Topic::$variant,)*];
            /// Their words, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Topic::$variant => $word,)* }
            }
        }
    };
}

topics! {
    /// Nodes, leadership, tokens, certificates.
    Cluster = "cluster",
    /// Settings, flags, limits.
    Settings = "settings",
    /// Who administers the exchange.
    People = "people",
    /// Proposals and what became of them.
    Approvals = "approvals",
    /// Workers and their states.
    Workers = "workers",
    /// Jobs and their queues.
    Jobs = "jobs",
    /// What is asked of workers.
    Directives = "directives",
    /// Networks and what may be done on them.
    Networks = "networks",
    /// Assets, accounts, movements of money.
    Money = "money",
    /// Markets.
    Markets = "markets",
    /// Emergencies and maintenance.
    Emergency = "emergency",
    /// Users of the exchange.
    Users = "users",
    /// Events made for trying things out.
    Sandbox = "sandbox",
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Topic {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Topic, ParseIdError> {
        let found = Topic::ALL.iter().copied().find(|topic| topic.as_str() == text);
        found.ok_or(ParseIdError { kind: "topic", expected: "a topic such as cluster, settings or workers" })
    }
}

/// A set of topics; one bit each, so that topics of a later program are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topics(u32);

impl Topics {
    /// Every topic there is or will be.
    pub const ALL: Topics = Topics(u32::MAX);

    /// Whether none is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same with one more.
    #[must_use]
    pub const fn with(self, topic: Topic) -> Topics {
        Topics(self.0 | 1 << topic as u32)
    }

    /// Whether a topic is in it.
    #[must_use]
    pub const fn has(self, topic: Topic) -> bool {
        self.0 & 1 << topic as u32 != 0
    }

    /// Those in it that this program knows.
    pub fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.iter().copied().filter(move |topic| self.has(*topic))
    }
}

impl FromIterator<Topic> for Topics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Topics {
        topics.into_iter().fold(Topics::default(), Topics::with)
    }
}

impl fmt::Display for Topics {
    /// `all`, or the words with commas between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Topics::ALL {
            return f.write_str("all");
        }
        for (number, topic) in self.iter().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            f.write_str(topic.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Topics {
    type Err = ParseIdError;

    /// Reads what [`Topics::fmt`] writes; nothing is no set.
    fn from_str(text: &str) -> Result<Topics, ParseIdError> {
        if text == "all" { Ok(Topics::ALL) } else { text.split(',').map(str::parse).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a set is what was put into it, reads back from its text, and does not take what is no topic.
    #[test]
    fn sets_read_back() {
        for topic in Topic::ALL {
            let alone = Topics::default().with(*topic);
            assert!(!alone.is_empty() && alone.has(*topic));
            assert_eq!(alone.iter().collect::<Vec<_>>(), [*topic]);
            assert_eq!(topic.as_str().parse(), Ok(alone));
            assert_eq!(Topic::WORDS.get(*topic as usize), Some(&topic.as_str()));
        }
        let two: Topics = "markets,cluster".parse().unwrap();
        assert_eq!(two.to_string(), "cluster,markets");
        assert!(!two.has(Topic::Money) && Topics::ALL.has(Topic::Money));
        assert_eq!(("all".parse(), Topics::ALL.to_string()), (Ok(Topics::ALL), "all".to_owned()));
        for bad in ["", "cluster,", "Cluster", "all,cluster"] {
            assert!(bad.parse::<Topics>().is_err(), "{bad:?}");
        }
    }
}
