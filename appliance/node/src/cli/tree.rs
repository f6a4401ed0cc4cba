//! The tree of verbs. Its doc comments are the help that operators read.

use clap::{Parser, Subcommand};

use super::address::AddressVerb;
use super::admin::AdminVerb;
use super::apikey::ApiKeyVerb;
use super::approve::ApproveVerb;
use super::args::{Format, InitArgs, JoinArgs, OutputArgs, ServerArgs};
use super::asset::AssetVerb;
use super::audit::AuditVerb;
use super::autopilot::AutopilotArgs;
use super::bench::BenchVerb;
use super::certificates::CertificatesVerb;
use super::completions::CompletionsArgs;
use super::deposit::DepositVerb;
use super::directive::DirectiveVerb;
use super::emergency::EmergencyVerb;
use super::event::EventVerb;
use super::explain::ExplainArgs;
use super::flag::FlagVerb;
use super::gas::GasVerb;
use super::job::JobVerb;
use super::keyring::KeyringVerb;
use super::ledger::LedgerVerb;
use super::limits::{LimitVerb, ThresholdVerb};
use super::login::{LoginArgs, LogoutArgs, SessionVerb};
use super::maintenance::MaintenanceVerb;
use super::market::MarketVerb;
use super::members::{AddLearnerArgs, PromoteArgs, RemoveArgs, TransferArgs};
use super::network::NetworkVerb;
use super::order::{BookArgs, OrderVerb};
use super::payout::PayoutVerb;
use super::peers::PeersArgs;
use super::policy::PolicyVerb;
use super::reconcile::ReconcileVerb;
use super::recover::RecoverVerb;
use super::scratch::ScratchVerb;
use super::secret::SecretVerb;
use super::settings::SettingsVerb;
use super::signer_process::SignerArgs;
use super::snapshot::SnapshotVerb;
use super::status::StatusArgs;
use super::sweep::SweepVerb;
use super::token::{OperatorTokenVerb, TokenVerb};
use super::user::UserVerb;
use super::vault::VaultVerb;
use super::verify::VerifyArgs;
use super::wallet::{ListingVerb, PriceVerb, WalletVerb};
use super::withdrawal::WithdrawalVerb;
use super::worker_args::WorkerVerb;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or healthy
  1  refused or failed, wrong usage included; the reason is on standard error with its code
  2  answered, but the cluster is degraded
  3  the cluster has no quorum or no leader (EXQ-0303, EXQ-0304)
  4  the server must not be started again on its folder: a failed sync, damage, another state than the others'

Example:
  exchequer init --data-dir d1 --name n1 --api 127.0.0.1:8640 --peer 127.0.0.1:8641
  exchequer server --data-dir d1";

/// A crypto-exchange back end in one binary
///
/// Three nodes of this binary form a cluster. `init` makes the first one, `join` every other, `server` runs a node. The
/// other verbs ask a running node over its API, or work on the data folder of a stopped one.
#[derive(Debug, Parser)]
#[command(name = "exchequer", version, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES, disable_help_subcommand = true, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a node
    ///
    /// Waits for `init` or `join` where the data folder is empty. SIGTERM and Ctrl-C hand leadership over and stop.
    #[command(after_help = "Example:\n  exchequer server --config /etc/exchequer/exchequer.toml\n  \
        exchequer server --data-dir /var/lib/exchequer")]
    Server(ServerArgs),

    /// Make the first node of a new cluster, in an empty data folder
    ///
    /// Prints the operator token, which is not shown again. With `--owner` also what the first admin needs to sign in: the
    /// secret of the second factor, and recovery codes.
    #[command(after_help = "Example:\n  exchequer init --data-dir /var/lib/exchequer --name n1 --api 10.0.0.1:8640 \
        --peer 10.0.0.1:8641 \\\n    --owner ada")]
    Init(InitArgs),

    /// Enter a cluster: make a further node, in an empty data folder
    #[command(after_help = "Example:\n  exchequer join 10.0.0.1:8640 --token exqj_... --data-dir /var/lib/exchequer \
        --name n2 \\\n    --api 10.0.0.2:8640 --peer 10.0.0.2:8641")]
    Join(JoinArgs),

    /// Show one node and its cluster at a glance
    ///
    /// The exit code tells the health: 0 healthy, 2 degraded, 3 no quorum.
    #[command(after_help = "Example:\n  exchequer status\n  exchequer status --address n2:8640 --output json")]
    Status(StatusArgs),

    /// See and change who belongs to the cluster
    #[command(after_help = "Example:\n  exchequer cluster peers")]
    Cluster {
        /// What to do.
        #[command(subcommand)]
        verb: ClusterVerb,
    },

    /// Save, inspect and restore snapshots
    #[command(after_help = "Example:\n  exchequer snapshot save backup.exqsnap")]
    Snapshot {
        /// What to do.
        #[command(subcommand)]
        verb: SnapshotVerb,
    },

    /// See and change the replicated settings
    #[command(after_help = "Example:\n  exchequer settings get")]
    Settings {
        /// What to do.
        #[command(subcommand)]
        verb: SettingsVerb,
    },

    /// See and change the limits on what clients may ask
    #[command(after_help = "Example:\n  exchequer limit list")]
    Limit {
        /// What to do.
        #[command(subcommand)]
        verb: LimitVerb,
    },

    /// See and change the thresholds at which something is shown as not well
    #[command(after_help = "Example:\n  exchequer threshold list")]
    Threshold {
        /// What to do.
        #[command(subcommand)]
        verb: ThresholdVerb,
    },

    /// See and change what is switched on for whom
    #[command(after_help = "Example:\n  exchequer flag list")]
    Flag {
        /// What to do.
        #[command(subcommand)]
        verb: FlagVerb,
    },

    /// Put and remove the secrets with which others are reached
    #[command(after_help = "Example:\n  exchequer secret list")]
    Secret {
        /// What to do.
        #[command(subcommand)]
        verb: SecretVerb,
    },

    /// See and change what may be done on each blockchain, and how it is reached
    #[command(after_help = "Example:\n  exchequer network list")]
    Network {
        /// What to do.
        #[command(subcommand)]
        verb: NetworkVerb,
    },

    /// See and check the record of administrative changes
    #[command(after_help = "Example:\n  exchequer audit tail")]
    Audit {
        /// What to do.
        #[command(subcommand)]
        verb: AuditVerb,
    },

    /// Follow what happens, and keep the offsets of those who do
    #[command(after_help = "Example:\n  exchequer event tail --follow")]
    Event {
        /// What to do.
        #[command(subcommand)]
        verb: EventVerb,
    },

    /// Export and import the keys that open the cluster's secrets
    #[command(after_help = "Example:\n  exchequer keyring export exchequer.keyring --reason 'yearly backup'")]
    Keyring {
        /// What to do.
        #[command(subcommand)]
        verb: KeyringVerb,
    },

    /// Replace the operator token
    #[command(after_help = "Example:\n  exchequer operator-token rotate --reason 'quarterly rotation'")]
    OperatorToken {
        /// What to do.
        #[command(subcommand)]
        verb: OperatorTokenVerb,
    },

    /// Sign in, for the commands that follow
    ///
    /// The session's token is kept in a file that only you can read, and is used where no operator token is given. It is
    /// over after a quarter of an hour without use.
    #[command(after_help = "Example:\n  exchequer login ada\n  exchequer login ada --recovery")]
    Login(LoginArgs),

    /// Sign out
    #[command(after_help = "Example:\n  exchequer logout")]
    Logout(LogoutArgs),

    /// See and end sessions, and show the second factor again
    #[command(after_help = "Example:\n  exchequer session list")]
    Session {
        /// What to do.
        #[command(subcommand)]
        verb: SessionVerb,
    },

    /// Make, see and change those who administer the exchange
    #[command(after_help = "Example:\n  exchequer admin list")]
    Admin {
        /// What to do.
        #[command(subcommand)]
        verb: AdminVerb,
    },

    /// Create and list assets
    #[command(after_help = "Example:\n  exchequer asset list")]
    Asset {
        /// What to do.
        #[command(subcommand)]
        verb: AssetVerb,
    },

    /// Create, see and change users
    #[command(after_help = "Example:\n  exchequer user list")]
    User {
        /// What to do.
        #[command(subcommand)]
        verb: UserVerb,
    },

    /// Make and revoke the keys of users' programs
    #[command(after_help = "Example:\n  exchequer apikey list 12")]
    Apikey {
        /// What to do.
        #[command(subcommand)]
        verb: ApiKeyVerb,
    },

    /// Make, see, halt and close markets
    #[command(after_help = "Example:\n  exchequer market list")]
    Market {
        /// What to do.
        #[command(subcommand)]
        verb: MarketVerb,
    },

    /// See, place and cancel orders on behalf of a user
    #[command(after_help = "Example:\n  exchequer order list 12 BTCUSDT")]
    Order {
        /// What to do.
        #[command(subcommand)]
        verb: OrderVerb,
    },

    /// Show the best prices of a market
    #[command(after_help = "Example:\n  exchequer book BTCUSDT -n 5")]
    Book(BookArgs),

    /// See and verify the ledger, and move money by hand
    #[command(after_help = "Example:\n  exchequer ledger accounts --user 12")]
    Ledger {
        /// What to do.
        #[command(subcommand)]
        verb: LedgerVerb,
    },

    /// See, register and retire the exchange's wallets on blockchains
    #[command(after_help = "Example:\n  exchequer wallet list")]
    Wallet {
        /// What to do.
        #[command(subcommand)]
        verb: WalletVerb,
    },

    /// See and change which assets there are on which networks, and on what terms
    #[command(after_help = "Example:\n  exchequer listing list")]
    Listing {
        /// What to do.
        #[command(subcommand)]
        verb: ListingVerb,
    },

    /// See and set what assets are worth for limits and policies
    #[command(after_help = "Example:\n  exchequer price list")]
    Price {
        /// What to do.
        #[command(subcommand)]
        verb: PriceVerb,
    },

    /// See and give users' deposit addresses, and see where they withdraw to
    #[command(after_help = "Example:\n  exchequer address list 12")]
    Address {
        /// What to do.
        #[command(subcommand)]
        verb: AddressVerb,
    },

    /// See and explain deposits, decide whose they are, see how far networks are scanned
    #[command(after_help = "Example:\n  exchequer deposit list")]
    Deposit {
        /// What to do.
        #[command(subcommand)]
        verb: DepositVerb,
    },

    /// Compare the books with the chains, see what differs, and put it right
    #[command(after_help = "Example:\n  exchequer reconcile status")]
    Reconcile {
        /// What to do.
        #[command(subcommand)]
        verb: ReconcileVerb,
    },

    /// See, explain, ask for, approve and refuse withdrawals
    #[command(after_help = "Example:\n  exchequer withdrawal list")]
    Withdrawal {
        /// What to do.
        #[command(subcommand)]
        verb: WithdrawalVerb,
    },

    /// See and decide about the transactions that pay withdrawals
    #[command(after_help = "Example:\n  exchequer payout show 3")]
    Payout {
        /// What to do.
        #[command(subcommand)]
        verb: PayoutVerb,
    },

    /// See how deposits are gathered, and why something is not
    #[command(after_help = "Example:\n  exchequer sweep list")]
    Sweep {
        /// What to do.
        #[command(subcommand)]
        verb: SweepVerb,
    },

    /// See fees, what there is for them and how long it lasts, and what a top-up was for
    #[command(after_help = "Example:\n  exchequer gas status")]
    Gas {
        /// What to do.
        #[command(subcommand)]
        verb: GasVerb,
    },

    /// See, try and change who must agree to withdrawals
    #[command(after_help = "Example:\n  exchequer policy show")]
    Policy {
        /// What to do.
        #[command(subcommand)]
        verb: PolicyVerb,
    },

    /// Make, open, change and copy the vault with the keys of the exchange's wallets
    #[command(after_help = "Example:\n  exchequer vault status")]
    Vault {
        /// What to do.
        #[command(subcommand)]
        verb: VaultVerb,
    },

    /// Run the signer: the process that has the keys; a node starts it by itself
    #[command(
        hide = true,
        after_help = "Example:\n  exchequer signer --data /var/lib/exchequer-signer --user exchequer \\\n    \
        --socket /run/exchequer-signer/signer.sock"
    )]
    Signer(SignerArgs),

    /// See, start, stop, scale and diagnose workers
    #[command(after_help = "Example:\n  exchequer worker list")]
    Worker {
        /// What to do.
        #[command(subcommand)]
        verb: WorkerVerb,
    },

    /// See, enter, end and retry jobs, and steer their queues
    #[command(after_help = "Example:\n  exchequer job list")]
    Job {
        /// What to do.
        #[command(subcommand)]
        verb: JobVerb,
    },

    /// See and send directives: what is asked of workers, in the order of its urgency
    ///
    /// This is the admin's command queue. Not to be mistaken for the ids of commands, by which any change can be repeated.
    #[command(after_help = "Example:\n  exchequer command list")]
    Command {
        /// What to do.
        #[command(subcommand)]
        verb: DirectiveVerb,
    },

    /// Write and read values for trying things out; sandbox clusters only
    #[command(hide = true, after_help = "Example:\n  exchequer scratch put colour blue")]
    Scratch {
        /// What to do.
        #[command(subcommand)]
        verb: ScratchVerb,
    },

    /// See and approve what nobody does alone, and the keys for it
    #[command(after_help = "Example:\n  exchequer approve list")]
    Approve {
        /// What to do.
        #[command(subcommand)]
        verb: ApproveVerb,
    },

    /// Stop the exchange in an emergency, and let it go on
    #[command(after_help = "Example:\n  exchequer emergency status")]
    Emergency {
        /// What to do.
        #[command(subcommand)]
        verb: EmergencyVerb,
    },

    /// Announce, begin and end maintenance
    #[command(after_help = "Example:\n  exchequer maintenance list")]
    Maintenance {
        /// What to do.
        #[command(subcommand)]
        verb: MaintenanceVerb,
    },

    /// Explain an error code: what it means, likely causes, what to do
    #[command(after_help = "Example:\n  exchequer explain EXQ-0304")]
    Explain(ExplainArgs),

    /// Print a script with which a shell completes this command line
    #[command(after_help = "Example:\n  exchequer completions bash > /etc/bash_completion.d/exchequer")]
    Completions(CompletionsArgs),

    /// Measure
    #[command(after_help = "Example:\n  exchequer bench raft --clients 64")]
    Bench {
        /// What to do.
        #[command(subcommand)]
        verb: BenchVerb,
    },
}

/// The verbs below `exchequer cluster`.
#[derive(Debug, Subcommand)]
pub enum ClusterVerb {
    /// List the members
    ///
    /// TRAILS-LEADER-BY counts entries. LAST-CONTACT is how long ago the asked node heard of the member. Exit code 3:
    /// most voters cannot be reached.
    #[command(after_help = "Example:\n  exchequer cluster peers\n  exchequer cluster peers --stale --address n2:8640")]
    Peers(PeersArgs),

    /// Make tokens with which nodes join
    #[command(after_help = "Example:\n  exchequer cluster token create --reason 'n2 joins'")]
    Token {
        /// What to do.
        #[command(subcommand)]
        verb: TokenVerb,
    },

    /// Let a node that was admitted receive the log, without a vote
    ///
    /// `join` does so by itself; this is for a node whose joining was cut short.
    #[command(after_help = "Example:\n  exchequer cluster add-learner n4 --reason 'its join was cut short'")]
    AddLearner(AddLearnerArgs),

    /// Give a learner its vote
    ///
    /// Autopilot does so by itself once the learner has kept up for a while.
    #[command(after_help = "Example:\n  exchequer cluster promote n4 --reason 'autopilot is off'")]
    Promote(PromoteArgs),

    /// Remove a node for good
    ///
    /// [dangerous] Its id is never used again, and its data folder becomes useless. Refused where the rest would have no
    /// working majority.
    #[command(after_help = "Example:\n  exchequer cluster remove n2 --reason 'disk died'\n  \
        exchequer cluster remove 12 --reason 'disk died' --yes")]
    Remove(RemoveArgs),

    /// Make another voter the leader
    #[command(after_help = "Example:\n  exchequer cluster transfer-leader n2 --reason 'maintenance of n1'")]
    TransferLeader(TransferArgs),

    /// Show what autopilot sees, and by which settings it acts
    ///
    /// Exit code 2: a member is unhealthy, or there is no leader.
    #[command(after_help = "Example:\n  exchequer cluster autopilot")]
    Autopilot(AutopilotArgs),

    /// Compare all rows of all nodes
    ///
    /// Every node hashes all its rows as of one entry, in the background. Exit code 2: a node did not answer in time;
    /// exit code 1 and EXQ-0702: the rows differ.
    #[command(after_help = "Example:\n  exchequer cluster verify\n  exchequer cluster verify --patience 5m")]
    Verify(VerifyArgs),

    /// Renew certificates by command
    #[command(after_help = "Example:\n  exchequer cluster certificates rotate n2 --reason 'n2 was cloned'")]
    Certificates {
        /// What to do.
        #[command(subcommand)]
        verb: CertificatesVerb,
    },

    /// Go on from one survivor when a majority is lost for good
    #[command(after_help = "Example:\n  exchequer cluster recover plan --data-dir /var/lib/exchequer")]
    Recover {
        /// What to do.
        #[command(subcommand)]
        verb: RecoverVerb,
    },
}

impl Verb {
    /// The form in which it answers.
    pub(super) fn format(&self) -> Format {
        let form = match self {
            Verb::Server(args) => args.form,
            Verb::Completions(args) => args.form,
            Verb::Init(args) => args.form,
            Verb::Join(args) => args.form,
            Verb::Status(args) => args.client.form,
            Verb::Cluster { verb } => verb.form(),
            Verb::Snapshot { verb } => match verb {
                SnapshotVerb::Save(args) => args.client.form,
                SnapshotVerb::Inspect(args) => args.form,
                SnapshotVerb::Restore(args) => args.form,
            },
            Verb::Settings { verb } => match verb {
                SettingsVerb::Get(args) => args.client.form,
                SettingsVerb::Set(args) => args.client.form,
                SettingsVerb::Preview(args) => args.client.form,
                SettingsVerb::Unset(args) => args.client.form,
                SettingsVerb::Diff(args) => args.client.form,
                SettingsVerb::History(args) => args.client.form,
                SettingsVerb::Revert(args) => args.client.form,
            },
            Verb::Limit { verb } => verb.client().form,
            Verb::Threshold { verb } => verb.client().form,
            Verb::Flag { verb } => verb.client().form,
            Verb::Secret { verb } => verb.client().form,
            Verb::Network { verb } => verb.client().form,
            Verb::Audit { verb } => match verb {
                AuditVerb::Tail(args) => args.client.form,
                AuditVerb::Verify(args) => args.client.form,
            },
            Verb::Event { verb } => verb.client().form,
            Verb::Keyring { verb } => match verb {
                KeyringVerb::Export(args) => args.client.form,
                KeyringVerb::Import(args) => args.form,
            },
            Verb::OperatorToken { verb: OperatorTokenVerb::Rotate(args) } => args.client.form,
            Verb::Login(args) => args.client.form,
            Verb::Logout(args) => args.client.form,
            Verb::Session { verb } => verb.client().form,
            Verb::Admin { verb } => verb.client().form,
            Verb::Asset { verb } => verb.client().form,
            Verb::User { verb } => verb.client().form,
            Verb::Apikey { verb } => verb.client().form,
            Verb::Market { verb } => verb.client().form,
            Verb::Order { verb } => verb.client().form,
            Verb::Book(args) => args.client.form,
            Verb::Ledger { verb } => verb.client().form,
            Verb::Wallet { verb } => verb.client().form,
            Verb::Listing { verb } => verb.client().form,
            Verb::Price { verb } => verb.client().form,
            Verb::Address { verb } => verb.client().form,
            Verb::Deposit { verb } => verb.client().form,
            Verb::Withdrawal { verb } => verb.client().form,
            Verb::Payout { verb } => verb.client().form,
            Verb::Sweep { verb } => verb.client().form,
            Verb::Gas { verb } => verb.client().form,
            Verb::Reconcile { verb } => verb.client().form,
            Verb::Policy { verb } => verb.client().form,
            Verb::Vault { verb } => verb.form(),
            Verb::Signer(args) => args.form,
            Verb::Worker { verb } => verb.client().form,
            Verb::Job { verb } => verb.client().form,
            Verb::Command { verb } => verb.client().form,
            Verb::Scratch { verb } => match verb {
                ScratchVerb::Put(args) => args.client.form,
                ScratchVerb::Get(args) => args.client.form,
            },
            Verb::Approve { verb } => verb.client().form,
            Verb::Emergency { verb } => verb.client().form,
            Verb::Maintenance { verb } => verb.client().form,
            Verb::Explain(args) => args.form,
            Verb::Bench { verb: BenchVerb::Raft(args) } => args.client.form,
            Verb::Bench { verb: BenchVerb::Log(args) } => args.form,
            Verb::Bench { verb: BenchVerb::Ledger(args) } => args.client.form,
            Verb::Bench { verb: BenchVerb::Directives(args) } => args.client.form,
            Verb::Bench { verb: BenchVerb::Load(args) } => args.client.form,
            Verb::Bench { verb: BenchVerb::Orders(args) } => args.client.form,
            Verb::Bench { verb: BenchVerb::Events(args) } => args.client.form,
            Verb::Bench { verb: BenchVerb::Matching(args) } => args.form,
        };
        form.output
    }
}

impl ClusterVerb {
    fn form(&self) -> OutputArgs {
        match self {
            ClusterVerb::Peers(args) => args.client.form,
            ClusterVerb::Token { verb: TokenVerb::Create(args) } => args.client.form,
            ClusterVerb::AddLearner(args) => args.client.form,
            ClusterVerb::Promote(args) => args.client.form,
            ClusterVerb::Remove(args) => args.client.form,
            ClusterVerb::TransferLeader(args) => args.client.form,
            ClusterVerb::Autopilot(args) => args.client.form,
            ClusterVerb::Verify(args) => args.client.form,
            ClusterVerb::Certificates { verb: CertificatesVerb::Rotate(args) } => args.client.form,
            ClusterVerb::Recover { verb: RecoverVerb::Plan(args) } => args.form,
            ClusterVerb::Recover { verb: RecoverVerb::Apply(args) } => args.form,
        }
    }
}
