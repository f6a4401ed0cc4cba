//! The stable codes of everything that can go wrong. A code is never reused or renumbered.
//!
//! 1xx configuration and requests, 2xx identity and access, 3xx cluster, 4xx settings and values,
//! 5xx disk, 6xx snapshots, recovery and audit, 7xx time and agreement, 8xx money: assets, users, the ledger,
//! 9xx markets and orders, 10xx workers, jobs and directives, 11xx approvals, maintenance and emergencies.
//! 9xx markets and orders, 10xx workers, jobs and directives, 12xx events, 13xx custody and deposits, 14xx withdrawals,
//! 17xx the vault and the signer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($name:ident $text:literal $title:literal $hint:literal;)*) => {
        /// A stable code. `exchequer explain CODE` prints its page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of its number.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The text form, `EXQ-0401`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// One line: what it means.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// One line: what to do.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Code::$name => $hint,)* }
            }

            /// The whole page in Markdown: what it means, likely causes, what to do.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self {
                    $(Code::$name => include_str!(concat!("../../../docs/errors/", $text, ".md")),)*
                }
            }
        }
    };
}

codes! {
    ConfigUnknownKey "EXQ-0101" "the configuration file has a key that does not exist" "remove the key or correct its spelling; the commented file in the documentation lists them all";
    ConfigInvalid "EXQ-0102" "the configuration has a value that cannot be used" "correct the value and start again";
    PortOccupied "EXQ-0103" "an address this node must listen on is in use" "stop the other program or choose another address";
    FolderOfAnotherNode "EXQ-0104" "the data folder belongs to another node" "start the node with its own data folder";
    FolderNotInitialised "EXQ-0105" "the data folder holds no node yet" "run `exchequer init` for a new cluster or `exchequer join` to enter one";
    FolderInitialised "EXQ-0106" "the data folder already holds a node" "choose an empty folder, or start the node that is there";
    FolderLocked "EXQ-0107" "another process is using the data folder" "stop the other server first";
    BadRequest "EXQ-0108" "the request could not be understood" "correct the request as the message says";
    NotFound "EXQ-0109" "there is no such thing" "check the name; the list commands show what exists";
    TooLarge "EXQ-0110" "the request is larger than its limit" "send less at once";
    Unreachable "EXQ-0111" "no server answered" "check the address, and that the server runs";
    Internal "EXQ-0112" "something failed that should not have" "see the node's log at this moment";
    TokenMissing "EXQ-0201" "the call shows neither a session nor the operator token" "sign in with `exchequer login`, or set EXCHEQUER_TOKEN or give --token-file";
    TokenWrong "EXQ-0202" "the operator token is not the right one" "check the token; `exchequer init` printed it once";
    JoinTokenUnknown "EXQ-0203" "the join token is not one of this cluster's" "make a new one with `exchequer cluster token create`";
    JoinTokenExpired "EXQ-0204" "the join token has expired" "make a new one with `exchequer cluster token create`";
    JoinTokenUsed "EXQ-0205" "the join token was used before" "make a new one with `exchequer cluster token create`";
    AuthorityMismatch "EXQ-0206" "the server's certificate authority is not the expected one" "make sure that the address is the cluster's own; do not go on otherwise";
    KeyringWrong "EXQ-0207" "the keyring does not open what is sealed" "use the keyring exported from this cluster";
    CertificateInvalid "EXQ-0208" "a certificate is missing, damaged or not of this cluster" "rotate the node's certificate, or join again under a new id";
    ApiKeyUnknown "EXQ-0209" "there is no such API key, or it is revoked" "see the user's keys; make a new one where it was revoked";
    ApiKeyScope "EXQ-0210" "the API key may not do this" "use a key with the scope that is needed";
    SignInRefused "EXQ-0211" "the sign-in was refused" "check name, password and code; after several failures wait a quarter of an hour";
    SessionUnknown "EXQ-0212" "there is no such session, or it is over" "sign in again";
    NotPermitted "EXQ-0213" "the caller's roles do not allow this" "ask someone whose role allows it; `exchequer admin show` lists what a role may do";
    FactorMissing "EXQ-0214" "the session has not shown a second factor" "enrol one with `exchequer admin totp`, then sign in again";
    FactorWrong "EXQ-0215" "the code is wrong, or was used before" "wait for the next code and try again";
    StepUpNeeded "EXQ-0216" "this needs a second factor that was shown just now" "show it with `exchequer session step-up`, then repeat the command";
    PasswordMustChange "EXQ-0217" "the password was given by somebody else and must be changed first" "change it with `exchequer admin password`";
    PasswordWeak "EXQ-0218" "the password is too short or too well known" "choose another one, of at least 12 characters";
    RequestForged "EXQ-0219" "the request does not come from the page that holds the session" "send the header x-csrf-token, and the request from the exchange's own page";
    SignInsBusy "EXQ-0220" "more sign-ins are waiting than the node takes" "wait as long as Retry-After says and try again";
    AdminUnknown "EXQ-0221" "there is no such admin" "`exchequer admin list` shows them all";
    SignInNameTaken "EXQ-0222" "somebody else signs in with this name" "choose another name";
    OwnRoles "EXQ-0223" "nobody changes what they may do themselves" "ask another owner or security officer";
    LastOwner "EXQ-0224" "the exchange would have no owner any more" "make another admin an owner first";
    CredentialsHeld "EXQ-0225" "the password was given by somebody else less than a day ago" "wait until the moment in the message; existing keys of the account were revoked";
    WrongCluster "EXQ-0301" "the call was meant for another cluster" "check the addresses: two clusters are mixed up";
    WrongNode "EXQ-0302" "the call was meant for another node" "check the addresses in `exchequer cluster peers`";
    NoLeader "EXQ-0303" "no leader is known at the moment" "try again; if it lasts, see `exchequer status` on every node";
    NoQuorum "EXQ-0304" "a majority of the voters cannot be reached" "bring the missing nodes back, or see `exchequer cluster recover plan`";
    OutcomeUnknown "EXQ-0305" "the answer was lost: the command may or may not have taken effect" "send it again within 24 hours with the same command id; it takes effect once at most";
    WouldLoseQuorum "EXQ-0306" "the change would leave the cluster without a working majority" "bring other nodes back or add one first";
    LearnerLagging "EXQ-0307" "the learner is not caught up yet" "wait until `cluster peers` shows it close to the leader, or use --force";
    UnknownNode "EXQ-0308" "no node has this id or name" "see `exchequer cluster peers`";
    AlreadyDone "EXQ-0309" "the cluster is already as asked" "nothing to do";
    NodeRemoved "EXQ-0310" "this node was removed from the cluster" "join again with a new token; it gets a new id";
    ChangeInProgress "EXQ-0311" "another membership change is under way" "wait for it to end and try again";
    NotVoter "EXQ-0312" "only a voter can lead" "promote the node first";
    Overloaded "EXQ-0313" "more commands are waiting than the node accepts" "slow down and try again";
    CommandIdReused "EXQ-0314" "the command id was used before for another command" "draw a new id for a new command";
    StaleEpoch "EXQ-0315" "the sender's leadership is over" "nothing: the present leader does this work now";
    LineageMismatch "EXQ-0316" "the cluster was restored or recovered without this node" "join again with a new token; it gets a new id";
    ReadTooStale "EXQ-0317" "this node's state is older than the read allows" "read from the leader, or allow more age";
    SettingUnknown "EXQ-0401" "there is no such setting" "`exchequer settings get` lists them all";
    SettingWrongUnit "EXQ-0402" "the value has not the kind or unit of this setting" "give the value with the unit that the message names";
    SettingOutOfRange "EXQ-0403" "the value is outside the setting's range" "choose a value in the range that the message names";
    StaleRevision "EXQ-0404" "someone changed it since you looked" "look again, then repeat the change with the new revision";
    RevisionUnknown "EXQ-0405" "there is no such revision" "`exchequer settings history` lists them";
    ReasonMissing "EXQ-0406" "the change needs a reason" "say why with --reason; it is kept in the audit";
    SandboxOnly "EXQ-0407" "this exists only in a sandbox cluster" "use a cluster made with `exchequer init --sandbox`";
    VersionMismatch "EXQ-0408" "the value is not at the expected version" "read it again and decide anew";
    SettingPlace "EXQ-0409" "the setting has no value of its own there" "give the key without a place, or with one that the message names";
    ConfigurationFull "EXQ-0410" "there is as much configuration of this kind as there may be" "remove what is not needed any more";
    FlagUnknown "EXQ-0411" "there is no such flag" "`exchequer flag list` shows them all";
    SecretUnknown "EXQ-0412" "there is no such secret" "`exchequer secret list` shows their names; put it first";
    SecretInUse "EXQ-0413" "something refers to the secret" "take the reference away first, or put another text under the same name";
    EndpointCredentials "EXQ-0414" "the address of an endpoint holds credentials" "put the key with `exchequer secret set` and refer to it as `secret:NAME`";
    DiskFull "EXQ-0501" "the disk is full: the node is read-only" "free space or enlarge the disk; the node resumes by itself";
    DiskSlow "EXQ-0502" "syncs to this disk are slow" "move the data folder to a faster disk";
    SyncFailed "EXQ-0503" "the disk reported that a sync failed: the node stopped" "replace the disk, then join again under a new id";
    FileCorrupt "EXQ-0504" "a file of the data folder is damaged" "remove this node from the cluster and join again with an empty folder";
    LogLost "EXQ-0505" "the log is shorter than what this node had acknowledged" "remove this node from the cluster and join again with an empty folder";
    GuardDamaged "EXQ-0506" "the guard record cannot be read" "remove this node from the cluster and join again with an empty folder";
    FormatNewer "EXQ-0507" "the data was written by a newer version" "install that version or a newer one";
    SnapshotOtherCluster "EXQ-0601" "the snapshot is of another cluster" "use the keyring and the snapshot of the same cluster";
    SnapshotCorrupt "EXQ-0602" "the snapshot is damaged" "take another copy of it";
    SnapshotTruncated "EXQ-0603" "the snapshot ends too early" "take another copy of it";
    RecoverRefused "EXQ-0604" "recovery is not possible here" "see the message; nothing was changed";
    RecoverUnconfirmed "EXQ-0605" "recovery was not confirmed" "repeat with --confirm and the cluster id that the plan shows";
    AuditBroken "EXQ-0606" "the audit chain does not verify" "keep the data as it is and compare with the other nodes and with backups";
    ClockOff "EXQ-0701" "this node's clock is too far from the others'" "set the clock and keep it in step (NTP); the node does not lead until then";
    StateDiverged "EXQ-0702" "this node's state differs from the majority's: it stopped" "keep the folder for analysis, remove the node and join again";
    LogicVersion "EXQ-0703" "this node cannot apply what the cluster decided" "upgrade the node's program";
    InvariantBroken "EXQ-0704" "a rule that must always hold does not: the node stopped" "keep the folder and the log, and report it";
    AssetUnknown "EXQ-0801" "there is no such asset" "create the asset first, or check its number";
    AssetExists "EXQ-0802" "another asset has this code" "use the asset that is there, or choose another code";
    UserUnknown "EXQ-0803" "there is no such user" "create the user first, or check the number";
    UserFrozen "EXQ-0804" "the user is frozen and cannot send money" "make the user active again when the reason is gone";
    TransferMalformed "EXQ-0805" "the transfer cannot be right, whatever the balances are" "correct it as the message says and send it under a new transfer id";
    TransferIdReused "EXQ-0806" "the transfer id was used before for another transfer" "draw a new id for a new transfer";
    TransferIdBurnt "EXQ-0807" "the transfer id was used before for a transfer that failed" "draw a new id and decide anew";
    BalanceTooLow "EXQ-0808" "the account has less available than the transfer takes" "look at balance and holds, then send what there is under a new transfer id";
    AccountUnknown "EXQ-0809" "there is no such account" "open the account first, or check its number";
    AccountDiffers "EXQ-0810" "the account exists with another overdraft flag" "use the account as it is";
    HoldUnavailable "EXQ-0811" "the hold does not hold that" "look what became of the hold";
    RevertRefused "EXQ-0812" "the transfer cannot be reverted" "post a transfer that corrects it, with a reason";
    LedgerFull "EXQ-0813" "a limit of the ledger is reached" "see the message for which limit";
    MarketUnknown "EXQ-0901" "there is no such market" "see `exchequer market list`";
    MarketExists "EXQ-0902" "another market has this symbol" "use the market that is there, or choose another symbol";
    MarketSteps "EXQ-0903" "the steps of prices and quantities are no whole minor units" "choose a larger tick or lot, or an asset with more decimals";
    MarketsFull "EXQ-0904" "there are as many markets as there may be" "use a market that is there";
    ClientOrderIdUsed "EXQ-0905" "an open order of the user has this client order id" "choose another one, or ask for the order that has it";
    OrderRefused "EXQ-0906" "the market refuses the order" "correct the order as the message says";
    OrderUnknown "EXQ-0907" "there is no such open order" "look at the user's open orders; it may be filled or over";
    WorkerUnknown "EXQ-1001" "there is no such worker" "see `exchequer worker list`, or add it";
    WorkerExists "EXQ-1002" "there is such a worker" "use the worker that is there, or choose another number";
    WorkersFull "EXQ-1003" "there are as many workers as there may be" "remove workers that are not needed";
    WorkerStateRefused "EXQ-1004" "the worker's state does not allow it" "see `exchequer worker show` for the state that it is in";
    WorkerKindRefused "EXQ-1005" "there is no such worker of this kind" "name the worker as its kind wants it";
    ScaleRefused "EXQ-1006" "the workers cannot have this number" "see the bounds with `exchequer worker fleets`";
    WorkerBinaryUnknown "EXQ-1007" "there is no such program for workers" "see `exchequer worker binary list`, or register it";
    WorkerBinaryRefused "EXQ-1008" "the registered program cannot be changed like this" "see `exchequer worker binary list`";
    BulkChanged "EXQ-1009" "the workers are not as they were in the preview" "look at the preview again, then run it";
    BulkRefused "EXQ-1010" "this cannot be done to these workers, or not be taken back" "see the message";
    WorkerMayNot "EXQ-1011" "a worker may not ask for this" "see the message; the worker's program may be of another version";
    WorkerUnexpected "EXQ-1020" "the supervisor does not expect this worker" "nothing where the worker runs; see `exchequer worker show`";
    JobUnknown "EXQ-1030" "there is no such job" "see `exchequer job list`";
    JobNotLeased "EXQ-1031" "the worker does not have this job, or not any more" "nothing: another worker has it, or it is over";
    JobState "EXQ-1032" "the job is in a state in which this cannot be" "look at the job and decide anew";
    JobsFull "EXQ-1033" "there are as many jobs or queues as there may be" "see which queue grows, and why nobody takes from it";
    DirectiveUnknown "EXQ-1040" "there is no such directive" "see `exchequer command list`";
    DirectiveState "EXQ-1041" "the directive is in a state in which this cannot be" "look at the directive and decide anew";
    DirectiveKeyReused "EXQ-1042" "another directive has this key" "choose another key for another directive";
    DirectivesFull "EXQ-1043" "as many directives are open as there may be" "see what waits, and cancel what is not wanted any more";
    ApprovalNeeded "EXQ-1101" "this needs the approval of another person" "propose it: repeat it with `--propose`, or with the header `exq-propose`; then others approve it with `exchequer approve sign`";
    NothingToApprove "EXQ-1102" "this needs nobody's approval" "send it without proposing it";
    ProposalUnknown "EXQ-1103" "no such proposal waits" "`exchequer approve list` shows what waits; it may be over";
    ApprovalForbidden "EXQ-1104" "this person cannot do this here" "let another person do it, signed in under their own name";
    ApprovalSignature "EXQ-1105" "the signature does not fit" "sign again what `exchequer approve show` shows, with the key that is enrolled";
    ApprovalKeyUnknown "EXQ-1106" "no such approval key counts" "see `exchequer approve key list`";
    LastApprovalKeys "EXQ-1107" "the key is one of the last with which anything can be approved" "have another key enrolled and confirmed first";
    UnderMaintenance "EXQ-1120" "the exchange is under maintenance" "try again when it is over; the answer says when";
    MaintenanceUnknown "EXQ-1121" "there is no such maintenance" "`exchequer maintenance list` shows what is announced and open";
    EmergencyHolds "EXQ-1130" "the exchange is stopped, and this waits" "see `exchequer emergency status`; two persons let the exchange go on";
    NoEmergency "EXQ-1131" "the exchange is not stopped" "nothing to do";
    EventsGone "EXQ-1201" "events from that number on are not kept any more" "go on from the oldest one that is kept, which the message names, and look at the state for what happened before";
    ConsumerUnknown "EXQ-1202" "there is no such consumer of events" "see `exchequer event consumers`";
    ConsumerExists "EXQ-1203" "another consumer of events has this name" "use the consumer that is there, or choose another name";
    ConsumersFull "EXQ-1204" "there are as many consumers of events as there may be" "remove consumers that are not used any more";
    CommitTooSoon "EXQ-1205" "the consumer committed less than a second ago" "commit once a second at most; the last offset says it all";
    OffsetRefused "EXQ-1206" "the consumer's offset cannot be that" "commit the number of the last event that was handled; say --rewind to go back";
    SubscriberTooSlow "EXQ-1207" "the stream was closed because its client took nothing for too long" "connect again from the last number that was handled";
    StreamsFull "EXQ-1208" "too many streams of events are open" "close streams that are not used any more";
    CustodyFull "EXQ-1301" "there are as many wallets, addresses, listings or coins as there may be" "see the message for which; retire or use up what is not needed";
    WalletExists "EXQ-1302" "there is such a wallet" "use the wallet that is there, or retire it first";
    WalletUnknown "EXQ-1303" "there is no such wallet in use" "look at the list of wallets";
    AddressKnown "EXQ-1304" "the address is one of the exchange's already" "use another address, or look whose this one is";
    AddressesOut "EXQ-1305" "no deposit address waits to be given out" "see whether a deposit wallet of the family is registered and the leading node's signer is open: it fills the pool";
    AddressesTooFast "EXQ-1306" "the user got too many new addresses of late" "use an address that was given before; all of them stay valid";
    ListingRefused "EXQ-1307" "the asset cannot be listed like this" "see the message; a listing keeps its coin, and its decimals unless its contract says others";
    NotListed "EXQ-1308" "the asset is not listed on this network" "list it first, or choose another network";
    CoinUnavailable "EXQ-1309" "an output cannot be used for this" "choose the inputs anew";
    DepositUnknown "EXQ-1320" "there is no such deposit" "ask for an explanation by network and transaction";
    CursorMoved "EXQ-1321" "the network is scanned further, or not as far" "read where the state stands and go on from there";
    ChainHalted "EXQ-1322" "the network is halted" "two persons look what happened to the chain and let it go on";
    BlocksRefused "EXQ-1323" "the blocks cannot be taken" "see the message; the worker's program may be of another version";
    DepositState "EXQ-1324" "the deposit is in a state in which this cannot be" "look at the deposit and decide anew";
    DepositsFull "EXQ-1325" "as many deposits of the network are open as there may be" "let them in: deposits of their asset on, an emergency or maintenance ended, fewer confirmations; the scan goes on by itself";
    WithdrawalExists "EXQ-1401" "another withdrawal of the user has this name" "choose another name, or ask for what was asked under it";
    WithdrawalsShut "EXQ-1402" "nothing is paid out there now" "try again when the network is open again; operators see `exchequer network list`";
    WithdrawalAmount "EXQ-1403" "the amount cannot be withdrawn like this" "see the message for the least, the most and the step";
    WithdrawalAddress "EXQ-1404" "the address cannot be paid to" "use an address of the address book that counts already";
    WithdrawalLimit "EXQ-1405" "the withdrawal is above the user's limit" "withdraw less, wait until earlier ones are out of the window, or raise the KYC level";
    WithdrawalUnripe "EXQ-1406" "a part of the money was deposited too lately to leave" "wait for more confirmations, or withdraw less";
    WithdrawalProof "EXQ-1407" "the second factor does not fit the request" "show the second factor again, for this request";
    WithdrawalUnknown "EXQ-1408" "there is no such open withdrawal or payout" "look at the list; it may be over";
    WithdrawalStage "EXQ-1409" "the withdrawal is in a stage in which this cannot be" "look where it stands and decide anew";
    PayoutRefused "EXQ-1410" "the transaction cannot be decided like this" "read where the state stands and build it anew";
    HotWalletShort "EXQ-1411" "the hot wallet has too little" "refill the hot wallet; what waits goes on by itself";
    PayoutNotDead "EXQ-1412" "it is not proved that the payment can never be made" "wait until the chain proves it; no money is freed before";
    WithdrawalPolicy "EXQ-1413" "the withdrawal policy cannot be that" "see the message, and correct the policy";
    MoveRefused "EXQ-1501" "this cannot be moved between the exchange's wallets" "see the message; read what there is and plan it anew";
    GasStations "EXQ-1520" "these are no stations of gas" "name addresses of the network's gas and hot wallets, each once";
    GasTooOften "EXQ-1521" "the address got gas as often within a day as it may" "see why its sweeps fail; it gets gas again when 24 hours are over";
    GasBudget "EXQ-1522" "the day's budget for gas is used up" "see what it went for with `exchequer gas status`; raise `gas.budget_usd_day` or wait for the next day";
    GasNoPrice "EXQ-1523" "nobody can say what the gas is worth" "set the reference price of the network's coin";
    RunUnknown "EXQ-1601" "the run or its block is not known" "begin another run at a block that was scanned";
    ReadingsRefused "EXQ-1602" "the readings cannot be taken" "see the message; the worker's program may be of another version";
    DiscrepancyUnknown "EXQ-1603" "no such discrepancy is open" "look at the list; it may be over";
    DiscrepancyState "EXQ-1604" "the discrepancy is in a state in which this cannot be" "look at it and decide anew";
    AdjustmentRefused "EXQ-1605" "the books cannot be put right like this" "see the message, and choose another category or an explanation";
    AdjustmentAlone "EXQ-1606" "nobody puts the books right alone" "propose the adjustment, and have another person approve it";
    VaultExists "EXQ-1701" "there is a vault already, or a newer copy" "look at it with `exchequer vault status`; a further seed comes with `vault rotate`";
    VaultMissing "EXQ-1702" "there is no vault here" "make one with `exchequer vault init`, or bring it with `vault import-sealed`";
    VaultKeyWrong "EXQ-1703" "the vault does not open with that" "check passphrase, key file or credential; `vault status` lists the locks";
    VaultDamaged "EXQ-1704" "a file of the vault cannot be used" "take the copy of another node; look at the disk";
    VaultSecret "EXQ-1705" "a passphrase, the words of a seed, or a lock is refused" "see the message for the rule";
    VaultPolicy "EXQ-1706" "the signer's policy is missing or refused" "see the message; `exchequer vault policy check` reads a file";
    SignerSilent "EXQ-1707" "the signer does not answer" "see whether the node runs, and what its log says of the signer";
    SignerRefused "EXQ-1708" "the signer refuses" "see the reason; every refusal is in the signer's decision log";
    SignerMemory "EXQ-1709" "the signing memory is missing, damaged or in use" "look at the disk; `exchequer vault recreate-memory` makes one anew";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = crate::ParseIdError;
    fn from_str(text: &str) -> Result<Code, crate::ParseIdError> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text))
            .ok_or(crate::ParseIdError { kind: "code", expected: "a known code such as EXQ-0401" })
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every code has a page a stuck operator can use. Method: each page is titled with its code and has the
    /// sections that answer what happened, why, and what to do.
    #[test]
    fn every_code_has_a_useful_page() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {code}: ")), "{code}: the title must start with the code");
            for section in ["## What it means", "## Likely causes", "## What to do"] {
                assert!(page.contains(section), "{code}: the page lacks `{section}`");
            }
        }
    }

    /// Goal: codes are unique, ascending, and read back from their text.
    #[test]
    fn codes_are_unique_and_read_back() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].as_str() < pair[1].as_str(), "{} before {}", pair[0], pair[1]);
        }
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }
}
