//! Rows: how the state is laid out as ordered keys and versioned values.
//!
//! A key begins with the byte of its [`Table`]; numbers in keys are big-endian, so that byte order is number order. A
//! value begins with a version byte. Invariant: a table's number is never given to another table. The numbers 0x10 to
//! 0x17, 0x30 to 0x3f and 0x50 to 0x5f are the ledger's, whose tables are [`exchequer_ledger::Table`].

mod visit;

pub(crate) use visit::{for_each, for_each_of_table, for_each_under};

/// Rows asked for at once while a whole table is read.
const SCAN_ROWS_MAX: usize = 1_000;

/// How a row is kept and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Loaded into memory at start; never read from disk afterwards.
    Working,
    /// Append-only, read from disk by range.
    History,
    /// Cold rows read by point lookup: outcomes by command id, scratch values, labels, ids of transfers.
    Ids,
}

/// The family of a table's number, whether the table is one of [`Table`] or the ledger's; none for no table's.
#[must_use]
pub const fn family_of(table: u8) -> Option<Family> {
    match table {
        0x01..=0x1f | 0x60..=0x7f => Some(Family::Working),
        0x20..=0x3f | 0x80..=0x9f => Some(Family::History),
        0x40..=0x5f | 0xa0..=0xbf => Some(Family::Ids),
        _ => None,
    }
}

/// The first byte of every key that is not the ledger's.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row: the cluster's identity, authority and logic version.
    Cluster = 0x01,
    /// One row: the latest activation of a leader.
    Epoch = 0x02,
    /// One row: replicated time as of the last entry.
    Time = 0x03,
    /// One row: the number of the last durable event.
    EventSequence = 0x04,
    /// Setting key (text) -> its value and the revision that set it.
    Setting = 0x05,
    /// Node id -> its record; removed nodes stay.
    Node = 0x06,
    /// One row: the hash of the operator token.
    OperatorToken = 0x07,
    /// Join token id (8 bytes) -> the token without its secret.
    JoinToken = 0x08,
    /// One row: number and hash of the last audit record.
    AuditHead = 0x09,
    /// Asset number (u32) -> the asset.
    Asset = 0x0a,
    /// User number -> the user without its label.
    User = 0x0b,
    /// Ring (one byte), place in it -> a sign-in, a refused one, or the end of sessions.
    SignIn = 0x0e,
    /// Market -> what it is.
    Market = 0x18,
    /// Market -> the book without its orders.
    MarketHead = 0x19,
    /// Market, owner -> a dead man's switch.
    BookSwitch = 0x1b,
    /// Market, order -> an open order: its record, and what the book needs of it.
    OpenOrder = 0x1c,
    /// Number of an API key -> the key.
    ApiKey = 0x1d,
    /// Name of a queue -> the queue.
    Queue = 0x64,
    /// Number of a job -> the job, while it is open or in the dead letter.
    Job = 0x65,
    /// Number of a directive -> the directive, while it is open.
    Directive = 0x66,
    /// Which (one byte) -> the number of the last job or directive.
    Counter = 0x67,
    /// One row: the emergency that lasts; none where there is none.
    Emergency = 0x6d,
    /// Number of a proposal -> the proposal, while it waits; under no number how many there were, and since when the
    /// two-person rule is in force.
    Proposal = 0x6c,
    /// Number of an approval key -> the key.
    ApprovalKey = 0x6f,
    /// Number of a proposal -> the proposal that is over.
    ProposalOver = 0x82,
    /// Number of a window of maintenance -> the window; under no number how many there were.
    Maintenance = 0x6e,
    /// Revision -> what changed in which setting, by whom, why and when.
    SettingHistory = 0x20,
    /// Sequence -> audit record.
    Audit = 0x21,
    /// Sequence -> durable event.
    Event = 0x22,
    /// User, market, order -> an order that is over.
    Order = 0x28,
    /// Market, trade -> the trade.
    Trade = 0x29,
    /// User, market, trade, side -> the order that traded, its side, and whether it came second.
    UserTrade = 0x2a,
    /// Market, interval, open time -> a kline that is over.
    Kline = 0x2b,
    /// Number of a job -> the job that is over.
    JobOver = 0x80,
    /// Number of a directive -> the directive that is over.
    DirectiveOver = 0x81,
    /// Day bucket (u32) and command id -> body hash and outcome.
    CommandId = 0x40,
    /// Scratch key (bytes) -> version and value. Sandbox clusters only.
    Scratch = 0x41,
    /// User number -> the user's label, where it has one.
    UserLabel = 0x42,
    /// User and client order id -> market and number of the latest order of that name.
    ClientOrder = 0x48,
    /// Kind, network and instance (2 bytes each, behind two zeros) -> the worker.
    Worker = 0x60,
    /// Kind, network -> what was decided about these workers together.
    WorkerScale = 0x61,
    /// Name -> a registered program of workers.
    WorkerBinary = 0x62,
    /// Number -> what was done to many workers at once.
    WorkerBulk = 0x63,
    /// Key of a directive -> its number, and a hash of what was sent.
    DirectiveKey = 0xa8,
    /// Name of a flag -> the flag.
    Flag = 0x70,
    /// Name of a secret -> its sealed text, and who put it.
    Secret = 0x71,
    /// Network -> what it is used for, and how it is reached.
    NetworkConfig = 0x72,
    /// Network, asset -> what is switched on for the asset there.
    NetworkAsset = 0x73,
    /// Name of a consumer (text) -> the consumer of events.
    Consumer = 0x74,
    /// One row: which events are kept.
    EventsKept = 0x75,
    /// Number of an admin -> the admin.
    Admin = 0x68,
    /// Hash of a session's token -> the session of an admin.
    AdminSession = 0x69,
    /// Number of an admin -> what it signs in with.
    AdminCredentials = 0x6a,
    /// User number -> what it signs in with.
    UserCredentials = 0xa0,
    /// Hash of a session's token -> the user whose it is.
    UserSession = 0xa1,
    /// User number -> the user's sessions.
    UserSessions = 0xa2,
    /// Name to sign in with -> the user.
    UserName = 0xa3,
    /// Number (u32) of a wallet -> the wallet; network, outpoint -> a coin of the exchange's.
    Wallet = 0x76,
    /// Family (one byte) -> how far its pool of addresses is used.
    AddressPool = 0x77,
    /// Network, asset -> the asset's listing there; asset -> its reference price.
    Listing = 0x78,
    /// Family (one byte), index (u32) -> an address of the pool, and whose it is.
    PoolAddress = 0x86,
    /// Network, transaction -> what the exchange signed it for.
    OwnTransfer = 0xaa,
    /// Family (one byte), address -> its index in the pool.
    AddressIndex = 0xab,
    /// User -> the indices of the addresses that were given to it.
    UserAddresses = 0xac,
    /// Number of a withdrawal -> the withdrawal, while it is open.
    Withdrawal = 0x7b,
    /// Number of a payout -> the payout, while it is open.
    Payout = 0x7c,
    /// Under no suffix how many withdrawals, payouts and signing records there were; under 1 the policy.
    WithdrawalsHead = 0x7d,
    /// Network, wallet, index -> the nonces of a payer.
    WalletLane = 0x7e,
    /// User -> what it withdrew in the last 30 days.
    WithdrawalsOfUser = 0x7f,
    /// Number of a withdrawal -> the withdrawal that is over.
    WithdrawalOver = 0x88,
    /// Withdrawal, number -> an edge that it went.
    WithdrawalTrace = 0x89,
    /// Number of a payout -> the payout that is over.
    PayoutOver = 0x8a,
    /// Payout, attempt, which (one byte) -> the bytes of its transaction, 0 unsigned, 1 signed.
    PayoutBytes = 0x8b,
    /// Place -> an entry of the signing log.
    SigningRecord = 0x8c,
    /// Network, wallet, index -> the nonces of a deposit address.
    AddressLane = 0x90,
    /// Number of a plan to sweep something -> the plan, while it is open; under no number how many there were.
    SweepPlan = 0x0c,
    /// Concern (one byte), network, subject -> a matter that people were told of and that has not ended.
    Attention = 0x0d,
    /// Number of a plan -> the plan that is over.
    SweepPlanOver = 0x91,
    /// Network, index of an address, asset -> what lies there and may be swept.
    Holding = 0x92,
    /// Network, index, asset, place in line -> a deposit that lies there.
    HoldingLine = 0x93,
    /// Number of a deposit -> whether it was swept.
    DepositSwept = 0x94,
    /// Network, outpoint -> a coin of the exchange's that is in no memory.
    ColdCoin = 0x95,
    /// Part (one byte), then by part -> what of reconciliation is in memory.
    Reconciliation = 0x1f,
    /// Network, address, coin -> what lies there by the books.
    Position = 0x96,
    /// Network, number -> a comparison with the chain that is over.
    ReconciliationRun = 0x97,
    /// Number of a discrepancy -> the discrepancy that is over.
    DiscrepancyOver = 0x98,
    /// User, withdrawal -> nothing: by which a user's are paged.
    UserWithdrawal = 0x8d,
    /// User, the client's name -> the number of the withdrawal.
    ClientWithdrawal = 0xb0,
    /// User, network, hash of address and memo -> an address of the user's book.
    AddressBookEntry = 0xb1,
    /// User -> what holds of its address book as a whole.
    AddressBook = 0xb2,
    /// User, family (one byte), the ends of an address -> the addresses with these ends that the user knows.
    AddressLook = 0x99,
    /// Number of a deposit -> the deposit, while something can still happen to it; under no number how many there were.
    Deposit = 0x79,
    /// Network -> how far it is scanned; network, height -> the hash of that block.
    Chain = 0x7a,
    /// Number of a deposit -> the deposit that is over.
    DepositOver = 0x83,
    /// User, network, number of a deposit -> nothing.
    DepositOf = 0x84,
    /// Network, transaction, number of a deposit -> nothing.
    DepositTx = 0x85,
    /// Network -> what is known of gas there; network, address -> when it got some within 24 hours.
    Gas = 0x1e,
    /// Network, asset, index of an address -> payments that are too small by themselves.
    Accrual = 0x87,
    /// Network, transaction, place, address -> the number of the deposit.
    DepositId = 0xa9,
}

impl Table {
    /// Every table, in the order of its number.
    pub const ALL: &'static [Table] = &[
        Table::Cluster,
        Table::Epoch,
        Table::Time,
        Table::EventSequence,
        Table::Setting,
        Table::Node,
        Table::OperatorToken,
        Table::JoinToken,
        Table::AuditHead,
        Table::Asset,
        Table::User,
        Table::SweepPlan,
        Table::Attention,
        Table::SignIn,
        Table::Market,
        Table::MarketHead,
        Table::BookSwitch,
        Table::OpenOrder,
        Table::ApiKey,
        Table::Gas,
        Table::Reconciliation,
        Table::SettingHistory,
        Table::Audit,
        Table::Event,
        Table::Order,
        Table::Trade,
        Table::UserTrade,
        Table::Kline,
        Table::CommandId,
        Table::Scratch,
        Table::UserLabel,
        Table::ClientOrder,
        Table::Worker,
        Table::WorkerScale,
        Table::WorkerBinary,
        Table::WorkerBulk,
        Table::Queue,
        Table::Job,
        Table::Directive,
        Table::Counter,
        Table::Admin,
        Table::AdminSession,
        Table::AdminCredentials,
        Table::Proposal,
        Table::Emergency,
        Table::Maintenance,
        Table::ApprovalKey,
        Table::Flag,
        Table::Secret,
        Table::NetworkConfig,
        Table::NetworkAsset,
        Table::Consumer,
        Table::EventsKept,
        Table::Wallet,
        Table::AddressPool,
        Table::Listing,
        Table::Deposit,
        Table::Chain,
        Table::Withdrawal,
        Table::Payout,
        Table::WithdrawalsHead,
        Table::WalletLane,
        Table::WithdrawalsOfUser,
        Table::JobOver,
        Table::DirectiveOver,
        Table::ProposalOver,
        Table::DepositOver,
        Table::DepositOf,
        Table::DepositTx,
        Table::PoolAddress,
        Table::Accrual,
        Table::WithdrawalOver,
        Table::WithdrawalTrace,
        Table::PayoutOver,
        Table::PayoutBytes,
        Table::SigningRecord,
        Table::UserWithdrawal,
        Table::AddressLane,
        Table::SweepPlanOver,
        Table::Holding,
        Table::HoldingLine,
        Table::DepositSwept,
        Table::ColdCoin,
        Table::Position,
        Table::ReconciliationRun,
        Table::DiscrepancyOver,
        Table::AddressLook,
        Table::UserCredentials,
        Table::UserSession,
        Table::UserSessions,
        Table::UserName,
        Table::DirectiveKey,
        Table::DepositId,
        Table::OwnTransfer,
        Table::AddressIndex,
        Table::UserAddresses,
        Table::ClientWithdrawal,
        Table::AddressBookEntry,
        Table::AddressBook,
    ];

    /// Where the table's rows are kept.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Table::Cluster
            | Table::Epoch
            | Table::Time
            | Table::EventSequence
            | Table::Setting
            | Table::Node
            | Table::OperatorToken
            | Table::JoinToken
            | Table::AuditHead
            | Table::Asset
            | Table::Attention
            | Table::SignIn
            | Table::User
            | Table::Market
            | Table::MarketHead
            | Table::BookSwitch
            | Table::OpenOrder
            | Table::ApiKey
            | Table::Gas
            | Table::Queue
            | Table::Job
            | Table::Counter
            | Table::Worker
            | Table::WorkerScale
            | Table::WorkerBinary
            | Table::WorkerBulk
            | Table::Directive
            | Table::SweepPlan => Family::Working,
            Table::Emergency | Table::Maintenance | Table::Proposal | Table::ApprovalKey => Family::Working,
            Table::Flag | Table::Secret | Table::NetworkConfig | Table::NetworkAsset => Family::Working,
            Table::Consumer | Table::EventsKept => Family::Working,
            Table::Withdrawal
            | Table::Payout
            | Table::WithdrawalsHead
            | Table::WalletLane
            | Table::WithdrawalsOfUser => Family::Working,
            Table::WithdrawalOver
            | Table::WithdrawalTrace
            | Table::PayoutOver
            | Table::PayoutBytes
            | Table::SigningRecord
            | Table::UserWithdrawal
            | Table::AddressLane
            | Table::SweepPlanOver
            | Table::Holding
            | Table::HoldingLine
            | Table::DepositSwept
            | Table::ColdCoin => Family::History,
            Table::ClientWithdrawal | Table::AddressBookEntry | Table::AddressBook => Family::Ids,
            Table::Wallet | Table::AddressPool | Table::Listing => Family::Working,
            Table::Deposit | Table::Chain => Family::Working,
            Table::Reconciliation => Family::Working,
            Table::Position | Table::ReconciliationRun | Table::DiscrepancyOver => Family::History,
            Table::AddressLook => Family::History,
            Table::PoolAddress => Family::History,
            Table::DepositOver | Table::DepositOf | Table::DepositTx | Table::Accrual => Family::History,
            Table::DepositId => Family::Ids,
            Table::OwnTransfer | Table::AddressIndex | Table::UserAddresses => Family::Ids,
            Table::Admin | Table::AdminSession | Table::AdminCredentials => Family::Working,
            Table::SettingHistory
            | Table::ProposalOver
            | Table::Audit
            | Table::Event
            | Table::Order
            | Table::Trade
            | Table::UserTrade
            | Table::Kline
            | Table::JobOver
            | Table::DirectiveOver => Family::History,
            Table::CommandId
            | Table::Scratch
            | Table::UserLabel
            | Table::ClientOrder
            | Table::DirectiveKey
            | Table::UserCredentials
            | Table::UserSession
            | Table::UserSessions
            | Table::UserName => Family::Ids,
        }
    }

    /// The key of the row `suffix` of this table.
    #[must_use]
    pub fn key(self, suffix: &[u8]) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + suffix.len());
        key.push(self as u8);
        key.extend_from_slice(suffix);
        key
    }

    /// The keys of the numbered rows `first..=last` as `from` and exclusive `until` of a scan.
    #[must_use]
    pub fn range(self, first: u64, last: u64) -> (Vec<u8>, Vec<u8>) {
        let until = match last.checked_add(1) {
            Some(next) => self.key(&next.to_be_bytes()),
            None => vec![self as u8 + 1],
        };
        (self.key(&first.to_be_bytes()), until)
    }
}

/// One changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where the row is kept; always the family of the key's table.
    pub family: Family,
    /// The whole key, table byte first.
    pub key: Vec<u8>,
    /// What happens to the row.
    pub edit: Edit,
}

/// What happens to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The row has this value from now on.
    Put(Vec<u8>),
    /// The row is gone.
    Delete,
    /// Every row whose key starts with the change's key is gone.
    DeletePrefix,
    /// Every row from the change's key up to, not including, this one is gone.
    DeleteUntil(Vec<u8>),
}

/// A row of a scan: the whole key, and the value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The rows as of the entry before the one being applied.
pub trait Rows {
    /// The value of one row.
    ///
    /// # Errors
    /// The rows cannot be read; the node stops.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, RowsUnavailable>;

    /// Rows from `from` up to, not including, `until`, at most `limit`; `reverse` starts from the last one.
    ///
    /// # Errors
    /// The rows cannot be read; the node stops.
    fn scan(
        &self,
        family: Family,
        from: &[u8],
        until: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, RowsUnavailable>;

    /// Foretells which rows of [`Family::Ids`] will be read one by one, in the order in which they may be: whoever gives
    /// rows may fetch them together. No outcome depends on it.
    ///
    /// # Errors
    /// The rows cannot be read; the node stops.
    fn prefetch(&self, keys: Vec<Vec<u8>>) -> Result<(), RowsUnavailable> {
        drop(keys);
        Ok(())
    }

    /// Shows `each` the rows from `from` up to, not including, `until`, in order, until it answers false; for whole
    /// tables.
    ///
    /// # Errors
    /// The rows cannot be read; the node stops.
    fn visit(&self, family: Family, from: &[u8], until: &[u8], each: &mut Visit<'_>) -> Result<(), RowsUnavailable> {
        let mut from = from.to_vec();
        loop {
            let mut page = self.scan(family, &from, until, SCAN_ROWS_MAX, false)?;
            if !page.iter().all(|(key, value)| each(key, value)) {
                return Ok(());
            }
            match page.pop() {
                Some((last, _)) if page.len() + 1 == SCAN_ROWS_MAX => from = [&last, [0].as_slice()].concat(),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// Is shown a row's key and value, and answers whether it wants the next one.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// An I/O failure under [`Rows`]; its text is for the node's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the state's rows cannot be read: {0}")]
pub struct RowsUnavailable(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halt::Halt;
    use crate::tests::world::World;
    use crate::{At, Input, State};
    use exchequer_domain::{Code, Timestamp};

    /// Goal: table numbers are unique and ascending, so that none is given twice.
    #[test]
    fn tables_are_distinct() {
        for pair in Table::ALL.windows(2) {
            assert!((pair[0] as u8) < pair[1] as u8, "{:?} before {:?}", pair[0], pair[1]);
        }
    }

    /// Goal: no number belongs to a table of the state and to one of the ledger, and every row is found in the family where
    /// it is written. Method: all tables of both.
    #[test]
    fn the_ledger_has_numbers_of_its_own() {
        use exchequer_ledger as ledger;
        for table in Table::ALL {
            assert_eq!(family_of(*table as u8), Some(table.family()), "{table:?}");
            assert!(ledger::Table::ALL.iter().all(|other| *other as u8 != *table as u8), "{table:?}");
        }
        for table in ledger::Table::ALL {
            let family = crate::money::family(table.family());
            assert_eq!(family_of(*table as u8), Some(family), "{table:?}");
            assert!([0x10, 0x30, 0x50].contains(&(*table as u8 & 0xf0)), "{table:?}");
        }
        assert_eq!((family_of(0), family_of(0xc0)), (None, None));
    }

    /// Goal: a range covers its numbers and no other table. Method: its ends against keys around them.
    #[test]
    fn ranges_end_where_they_should() {
        let (from, until) = Table::Audit.range(3, 5);
        assert!(from <= Table::Audit.key(&3_u64.to_be_bytes()) && from > Table::Audit.key(&2_u64.to_be_bytes()));
        assert!(until > Table::Audit.key(&5_u64.to_be_bytes()) && until <= Table::Audit.key(&6_u64.to_be_bytes()));
        let (_, until) = Table::Audit.range(0, u64::MAX);
        assert!(until > Table::Audit.key(&u64::MAX.to_be_bytes()) && until <= Table::Event.key(&[]));
    }

    /// Goal: a row of a newer program, or a damaged one, stops the node with the code that says so; it is never read
    /// as something else. Method: each working row of a cluster in turn gets another version byte, or loses its end.
    #[test]
    fn foreign_rows_halt() {
        let mut world = World::with_accounts();
        world.run(crate::tests::world::token(1, None)).unwrap();
        let working: Vec<(Vec<u8>, Vec<u8>)> = world
            .rows
            .iter()
            .filter(|(family, ..)| *family == Family::Working)
            .map(|(_, key, value)| (key.to_vec(), value.to_vec()))
            .collect();
        let of_money = "asset, 2 users, the ledger's head, 3 accounts";
        assert_eq!(
            working.len(),
            15,
            "cluster, time, events and which are kept, node, operator token, join token, audit head, {of_money}"
        );
        for (key, value) in working {
            let mut newer = world.rows.clone();
            newer.put(Family::Working, key.clone(), [&[2], &value[1..]].concat());
            assert_eq!(State::load(&newer).unwrap_err().problem().code, Code::FormatNewer);
            let mut damaged = world.rows.clone();
            damaged.put(Family::Working, key, value[..value.len() - 1].to_vec());
            assert_eq!(State::load(&damaged).unwrap_err().problem().code, Code::FileCorrupt);
        }
    }

    /// Goal: rows that cannot be read stop the node instead of passing for absent ones.
    #[test]
    fn unreadable_rows_halt() {
        struct Broken;
        impl Rows for Broken {
            fn get(&self, _: Family, _: &[u8]) -> Result<Option<Vec<u8>>, RowsUnavailable> {
                Err(RowsUnavailable("disk".into()))
            }
            fn scan(&self, _: Family, _: &[u8], _: &[u8], _: usize, _: bool) -> Result<Vec<Row>, RowsUnavailable> {
                Err(RowsUnavailable("disk".into()))
            }
        }
        let halt = Halt::Rows(RowsUnavailable("disk".into()));
        assert_eq!(State::load(&Broken), Err(halt.clone()));
        let mut world = World::new();
        let command = world.command(crate::tests::world::put(b"k", b"v", None)).encode();
        let at = At { index: 9, term: 1, time: Timestamp(0) };
        assert_eq!(world.state.apply(at, Input::Commands(&[&command]), &Broken), Err(halt));
    }
}
