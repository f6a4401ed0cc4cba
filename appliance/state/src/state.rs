//! The working set, how it is loaded, and the door through which log entries come in.

use exchequer_domain::{CommandId, NodeId, Timestamp};
use exchequer_ledger::Ledger;
use serde::de::DeserializeOwned;

use crate::access::Access;
use crate::api_keys::ApiKeys;
use crate::apply::Entry;
use crate::approvals::Approvals;
use crate::assets::Assets;
use crate::attention::Attention;
use crate::audit::AuditHead;
use crate::cluster::{Cluster, Epoch};
use crate::command::Received;
use crate::custody::Custody;
use crate::deposits::Deposits;
use crate::directives::Directives;
use crate::emergency::Emergency;
use crate::event::Event;
use crate::events::Events;
use crate::flags::Flags;
use crate::gas::Gas;
use crate::halt::Halt;
use crate::jobs::Jobs;
use crate::maintenance::Maintenance;
use crate::markets::Markets;
use crate::money::HistoryOf;
use crate::networks::Networks;
use crate::outcome::Outcome;
use crate::people::{People, SignIns};
use crate::reconciliation::Reconciliation;
use crate::registry::Registry;
use crate::rows::{Change, Family, Rows, Table};
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::sweeps::Sweeps;
use crate::users::Users;
use crate::withdrawals::Withdrawals;
use crate::workers::Workers;
use crate::{LOGIC_VERSION_SUPPORTED, codec, ids, money};

/// Where and when an entry stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The entry's index.
    pub index: u64,
    /// The entry's term.
    pub term: u64,
    /// The leader's stamp.
    pub time: Timestamp,
}

/// What an entry holds.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Nothing but its time.
    Noop,
    /// A leader begins its work.
    Activate {
        /// The leader.
        node: NodeId,
        /// Drawn by the leader's process at its start.
        boot: [u8; 16],
    },
    /// Encoded commands, applied in order.
    Commands(&'a [&'a [u8]]),
}

/// What an entry did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// One encoded [`Outcome`] per command.
    pub outcomes: Vec<Vec<u8>>,
    /// The rows that changed, to be written in this order.
    pub changes: Vec<Change>,
    /// What others act on.
    pub events: Vec<Event>,
}

/// The working set: everything that `apply` decides by, except cold rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub(crate) cluster: Option<Cluster>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) time: Timestamp,
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) access: Access,
    pub(crate) audit: AuditHead,
    pub(crate) event_sequence: u64,
    pub(crate) events: Events,
    pub(crate) assets: Assets,
    pub(crate) users: Users,
    /// On loan to the entry while one is applied.
    pub(crate) ledger: Ledger,
    pub(crate) markets: Markets,
    pub(crate) api_keys: ApiKeys,
    pub(crate) jobs: Jobs,
    pub(crate) workers: Workers,
    pub(crate) directives: Directives,
    pub(crate) emergency: Option<Emergency>,
    pub(crate) maintenance: Maintenance,
    pub(crate) approvals: Approvals,
    pub(crate) flags: Flags,
    pub(crate) secrets: Secrets,
    pub(crate) networks: Networks,
    pub(crate) people: People,
    pub(crate) sign_ins: SignIns,
    pub(crate) custody: Custody,
    pub(crate) deposits: Deposits,
    pub(crate) withdrawals: Withdrawals,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) gas: Gas,
    pub(crate) sweeps: Sweeps,
    pub(crate) attention: Attention,
}

impl State {
    /// The state before the first entry.
    #[must_use]
    pub fn new() -> State {
        State::default()
    }

    /// The state as its rows hold it.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn load(rows: &dyn Rows) -> Result<State, Halt> {
        let mut ledger = Ledger::load(&HistoryOf(rows))?;
        let markets = Markets::load(rows, &mut ledger)?;
        let state = State {
            cluster: single(rows, Table::Cluster)?,
            epoch: single(rows, Table::Epoch)?,
            time: single(rows, Table::Time)?.unwrap_or_default(),
            settings: Settings::load(rows)?,
            registry: Registry::load(rows)?,
            access: Access::load(rows)?,
            audit: single(rows, Table::AuditHead)?.unwrap_or_default(),
            event_sequence: single(rows, Table::EventSequence)?.unwrap_or_default(),
            events: Events::load(rows)?,
            assets: Assets::load(rows)?,
            users: Users::load(rows)?,
            ledger,
            markets,
            api_keys: ApiKeys::load(rows)?,
            jobs: Jobs::load(rows)?,
            workers: Workers::load(rows)?,
            directives: Directives::load(rows)?,
            emergency: Emergency::load(rows)?,
            maintenance: Maintenance::load(rows)?,
            approvals: Approvals::load(rows)?,
            flags: Flags::load(rows)?,
            secrets: Secrets::load(rows)?,
            networks: Networks::load(rows)?,
            people: People::load(rows)?,
            sign_ins: SignIns::load(rows)?,
            custody: Custody::load(rows)?,
            deposits: Deposits::load(rows)?,
            withdrawals: Withdrawals::load(rows)?,
            reconciliation: Reconciliation::load(rows)?,
            gas: Gas::load(rows)?,
            sweeps: Sweeps::load(rows)?,
            attention: Attention::load(rows)?,
        };
        match &state.cluster {
            Some(cluster) if cluster.logic_version > LOGIC_VERSION_SUPPORTED => {
                Err(Halt::LogicVersion { needed: cluster.logic_version, supported: LOGIC_VERSION_SUPPORTED })
            }
            Some(_) | None => Ok(state),
        }
    }

    /// Applies one log entry. `rows` shows everything that was applied before it.
    ///
    /// # Errors
    /// The node must stop, and this state must not be used any more.
    pub fn apply(&mut self, at: At, input: Input<'_>, rows: &dyn Rows) -> Result<Applied, Halt> {
        // The entry changes the ledger and the other rooms side by side. It goes back in any case: until the node has
        // stopped, a reader must not find an empty one.
        let mut ledger = std::mem::take(&mut self.ledger);
        let applied = self.apply_with(&mut ledger, at, input, rows);
        self.ledger = ledger;
        applied
    }

    fn apply_with(&mut self, ledger: &mut Ledger, at: At, input: Input<'_>, rows: &dyn Rows) -> Result<Applied, Halt> {
        let history = HistoryOf(rows);
        let mut entry = Entry::open(self, ledger, at, &history)?;
        let mut outcomes = Vec::new();
        match input {
            Input::Noop => {}
            Input::Activate { node, boot } => entry.activate(node, boot),
            Input::Commands(commands) => {
                let commands: Vec<Received<'_>> = commands.iter().map(|bytes| Received::read(bytes)).collect();
                rows.prefetch(entry.lookups(&commands))?;
                outcomes.reserve_exact(commands.len());
                for command in commands {
                    outcomes.push(entry.command(command)?);
                }
            }
        }
        let applied = entry.close(outcomes)?;
        money::check(ledger, at.index)?;
        Ok(applied)
    }

    /// The outcome of the command with this id, as long as it is remembered.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn outcome_by_id(&self, rows: &dyn Rows, id: CommandId) -> Result<Option<Outcome>, Halt> {
        for key in ids::keys(self.time, id) {
            if let Some(row) = rows.get(Family::Ids, &key)? {
                let outcome = ids::decode(&row).and_then(|(_, outcome)| Outcome::decode(outcome));
                return outcome.map(Some).map_err(|error| Halt::row(Table::CommandId, error));
            }
        }
        Ok(None)
    }

    /// The cluster's identity, authority and rules; none before the bootstrap.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// The latest activation of a leader.
    #[must_use]
    pub fn epoch(&self) -> Option<&Epoch> {
        self.epoch.as_ref()
    }

    /// Replicated time as of the last entry.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The nodes.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The operator token and the join tokens.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The API keys.
    #[must_use]
    pub fn api_keys(&self) -> &ApiKeys {
        &self.api_keys
    }

    /// Jobs and their queues.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Directives.
    #[must_use]
    pub fn directives(&self) -> &Directives {
        &self.directives
    }

    /// When time has something to do next, anywhere.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let rooms = [
            self.markets.next_due(),
            self.jobs.next_due(),
            self.directives.next_due(),
            self.maintenance.next_due(),
            self.approvals.next_due(),
            self.withdrawals.next_due(),
            self.next_look(),
            self.flags.next_expiry(self.time),
        ];
        rooms.into_iter().flatten().min()
    }

    /// The workers, and what is wanted of them.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The emergency that lasts, if one does.
    #[must_use]
    pub fn emergency(&self) -> Option<&Emergency> {
        self.emergency.as_ref()
    }

    /// What waits for approval, and who may give it.
    #[must_use]
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// Maintenance, announced and open.
    #[must_use]
    pub fn maintenance(&self) -> &Maintenance {
        &self.maintenance
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// The secrets, sealed.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The networks.
    #[must_use]
    pub fn networks(&self) -> &Networks {
        &self.networks
    }

    /// Withdrawals and the payouts that pay them.
    #[must_use]
    pub fn withdrawals(&self) -> &Withdrawals {
        &self.withdrawals
    }

    /// The open plans to sweep something.
    #[must_use]
    pub fn sweeps(&self) -> &Sweeps {
        &self.sweeps
    }

    /// What is known of gas.
    #[must_use]
    pub fn gas(&self) -> &Gas {
        &self.gas
    }

    /// What is compared with chains, and where that differs.
    #[must_use]
    pub fn reconciliation(&self) -> &Reconciliation {
        &self.reconciliation
    }

    /// Wallets, listings, prices, deposit addresses and coins.
    #[must_use]
    pub fn custody(&self) -> &Custody {
        &self.custody
    }

    /// What was told to people of matters that wait for them.
    #[must_use]
    pub fn attention(&self) -> &Attention {
        &self.attention
    }

    /// How far networks are scanned, and deposits.
    #[must_use]
    pub fn deposits(&self) -> &Deposits {
        &self.deposits
    }

    /// Who administers the exchange, and their sessions.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The log of sign-ins.
    #[must_use]
    pub fn sign_ins(&self) -> &SignIns {
        &self.sign_ins
    }

    /// The markets, their books and orders.
    #[must_use]
    pub fn markets(&self) -> &Markets {
        &self.markets
    }

    /// The end of the audit chain.
    #[must_use]
    pub fn audit(&self) -> &AuditHead {
        &self.audit
    }

    /// The assets.
    #[must_use]
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// The number of the last durable event; zero when there is none.
    #[must_use]
    pub fn event_sequence(&self) -> u64 {
        self.event_sequence
    }

    /// Which events are kept, and who reads them.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The rules by which commands are computed.
    #[must_use]
    pub fn logic_version(&self) -> u32 {
        self.cluster.as_ref().map_or(1, |cluster| cluster.logic_version)
    }

    /// The highest logic version that every node knows: what new commands may rely on after a raise.
    #[must_use]
    pub fn cluster_version(&self) -> u32 {
        self.registry.oldest().map_or(1, |node| node.version.logic)
    }
}

fn single<T: DeserializeOwned>(rows: &dyn Rows, table: Table) -> Result<Option<T>, Halt> {
    match rows.get(table.family(), &table.key(&[]))? {
        Some(row) => codec::decode(&row).map(Some).map_err(|error| Halt::row(table, error)),
        None => Ok(None),
    }
}
