//! What a deposit worker watches: the exchange's addresses, the contracts of listed tokens, and on Bitcoin its coins.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use exchequer_chains::NetworkParams;
use exchequer_chains::scan::{AddressSet, FileError, Key, Own};
use exchequer_domain::{ChainAddress, Family, OutPoint};
use futures::StreamExt as _;

use super::untold::Untold;
use crate::money::proto::NetworkReply;
use crate::money::{Link, words};

/// Tokens that are doubted; and why, where nobody was told yet.
pub(super) type Suspects = BTreeMap<ChainAddress, Option<String>>;

/// What is watched on a network.
pub struct Watched {
    params: NetworkParams,
    set: AddressSet,
    coins: HashSet<OutPoint>,
    coins_known: bool,
    /// The set is from a file, and has not been compared with the state yet.
    from_file: bool,
    /// Tokens whose balances were seen not to follow their logs: nothing of them is certain before people have looked.
    pub(super) suspects: Suspects,
    /// What no quorum has told lately.
    pub(super) untold: Untold,
    /// Tokens of which it is not known with how many decimals they count, and why not.
    pub(super) uncounted: BTreeMap<ChainAddress, String>,
    /// Contracts of listed tokens.
    pub(super) tokens: BTreeSet<[u8; 20]>,
}

impl Own for Watched {
    fn holds(&self, key: &Key) -> bool {
        self.set.contains(key)
    }

    fn spends(&self, coin: &OutPoint) -> bool {
        self.coins.contains(coin)
    }
}

impl Watched {
    /// Nothing yet.
    #[must_use]
    pub fn new(params: NetworkParams) -> Watched {
        let set = AddressSet::new(params.network());
        Watched {
            params,
            set,
            coins: HashSet::new(),
            coins_known: false,
            from_file: false,
            suspects: Suspects::new(),
            untold: Untold::default(),
            uncounted: BTreeMap::new(),
            tokens: BTreeSet::new(),
        }
    }

    /// What a file has, or nothing yet where it has nothing that can be used. Blocks.
    #[must_use]
    pub fn open(params: NetworkParams, file: &Path) -> Watched {
        match AddressSet::load(file, params.network()) {
            Ok(set) => Watched { set, from_file: true, ..Watched::new(params) },
            Err(FileError::Missing) => Watched::new(params),
            Err(error) => {
                tracing::warn!("addresses are read from the state anew: {error}");
                Watched::new(params)
            }
        }
    }

    /// Has it watch an account and a token, for tests of what goes by it.
    #[cfg(test)]
    pub(super) fn watch(&mut self, account: [u8; 20], token: [u8; 20]) {
        self.set.insert(Key::Account(account), 1).unwrap();
        self.tokens.insert(token);
    }

    /// How many addresses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Brings it up to date: new addresses of the pool, wallets, and listed tokens.
    ///
    /// # Errors
    /// The node does not answer, or with something that is none; what is known so far is kept.
    pub async fn follow(&mut self, link: &dyn Link, config: &NetworkReply) -> Result<(), String> {
        let text = |error: crate::money::LinkError| error.to_string();
        if self.from_file && !self.fits(link).await? {
            // Of another cluster that had this folder before, or of a state that was restored: it would hide addresses.
            tracing::warn!("the file of addresses is not of this state: they are read from the state anew");
            self.set = AddressSet::new(self.params.network());
        }
        self.from_file = false;
        let from = u32::try_from(self.set.version()).map_err(|_| "too many addresses".to_owned())?;
        let mut pages = link.addresses(from).await.map_err(text)?;
        let mut next = from;
        while let Some(page) = pages.next().await {
            let page = page.map_err(text)?;
            if page.first != next {
                return Err(format!("addresses from {next} were asked for, and came from {}", page.first));
            }
            for address in &page.addresses {
                let key = self.key(address)?;
                next += 1;
                // The version is the index that comes next: what is in the set is known up to there.
                self.set.insert(key, u64::from(next)).map_err(|error| error.to_string())?;
            }
        }
        for wallet in link.wallets().await.map_err(text)?.wallets {
            for own in wallet.addresses {
                let key = self.key(&own.address)?;
                self.set.insert(key, u64::from(next)).map_err(|error| error.to_string())?;
            }
        }
        let mut tokens = BTreeSet::new();
        // A person who has looked lets a token be believed again; what nobody was told of yet nobody has looked at.
        self.suspects.retain(|_, untold| untold.is_some());
        for listing in &config.listings {
            if listing.coin.is_empty() {
                continue;
            }
            if listing.doubted {
                let token = words::address(&listing.coin).map_err(|error| error.to_string())?;
                self.suspects.insert(token, None);
            }
            match self.key(&listing.coin)? {
                Key::Account(contract) => tokens.insert(contract),
                Key::Script(_) => return Err("a token is listed on a network that has none".to_owned()),
            };
        }
        self.tokens = tokens;
        if self.params.network().family() == Family::Bitcoin && !self.coins_known {
            self.load_coins(link).await?;
        }
        Ok(())
    }

    /// Whether the last addresses of a set from a file are those that the state has in these places.
    async fn fits(&self, link: &dyn Link) -> Result<bool, String> {
        let Some(last) = self.set.version().checked_sub(1) else { return Ok(self.set.is_empty()) };
        let Ok(last) = u32::try_from(last) else { return Ok(false) };
        let mut pages = link.addresses(last).await.map_err(|error| error.to_string())?;
        let Some(page) = pages.next().await else { return Ok(false) };
        let page = page.map_err(|error| error.to_string())?;
        match page.addresses.first() {
            Some(address) if page.first == last => Ok(self.set.contains(&self.key(address)?)),
            Some(_) | None => Ok(false),
        }
    }

    async fn load_coins(&mut self, link: &dyn Link) -> Result<(), String> {
        let mut pages = link.coins().await.map_err(|error| error.to_string())?;
        self.coins.clear();
        while let Some(page) = pages.next().await {
            for coin in page.map_err(|error| error.to_string())?.coins {
                let outpoint = words::outpoint(coin.outpoint.as_ref()).map_err(|error| error.to_string())?;
                self.coins.insert(outpoint);
            }
        }
        self.coins_known = true;
        Ok(())
    }

    /// An output of ours was seen: whoever spends it is to be told of.
    pub fn coin(&mut self, outpoint: OutPoint) {
        self.coins.insert(outpoint);
    }

    /// The state's coins have changed otherwise than by what was scanned here.
    pub fn forget_coins(&mut self) {
        self.coins_known = false;
    }

    fn key(&self, text: &str) -> Result<Key, String> {
        let address = words::address(text).map_err(|error| error.to_string())?;
        let key = Key::of_address(&self.params, &address);
        key.map_err(|error| format!("{text} is no address of {}: {error}", self.params.network()))
    }
}
