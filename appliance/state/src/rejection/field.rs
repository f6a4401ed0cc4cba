//! Fields of commands whose rule a command can break, and the rules in words.

use exchequer_matching::FEE_PPM_MAX;
use serde::{Deserialize, Serialize};

use crate::{
    access, api_keys, apply, assets, cluster, events, flags, maintenance, markets, networks, people, registry, scratch,
    secrets, settings, users, workers,
};

/// A field with a rule of its own. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    /// A node's name.
    NodeName,
    /// The address of a node's API.
    ApiAddress,
    /// The address of a node for its peers.
    PeerAddress,
    /// A node's release.
    Release,
    /// The cluster's name.
    ClusterName,
    /// The authority's certificate.
    Authority,
    /// The authority's sealed key.
    AuthorityKey,
    /// How long a join token can be used.
    JoinTokenTtl,
    /// What an action was done to.
    Target,
    /// A scratch key.
    ScratchKey,
    /// A scratch value.
    ScratchValue,
    /// An asset's code.
    AssetCode,
    /// How many decimals an asset has.
    AssetDecimals,
    /// An asset's name.
    AssetName,
    /// A user's label.
    UserLabel,
    /// A user's KYC level.
    KycLevel,
    /// How many users are made at once.
    UserCount,
    /// How many accounts are opened at once.
    AccountCount,
    /// How many transfers are posted at once.
    TransferCount,
    /// An API key's name.
    ApiKeyName,
    /// An API key's label.
    ApiKeyLabel,
    /// An API key's sealed secret.
    ApiKeySecret,
    /// The addresses from which an API key may be used.
    ApiKeyRanges,
    /// A market's symbol.
    MarketSymbol,
    /// A market's assets.
    MarketAssets,
    /// A market's fees.
    MarketFees,
    /// The steps of a market's prices and quantities.
    MarketSteps,
    /// How many workers are named, stepped or reported at once.
    WorkerCount,
    /// What is reported of workers at once.
    WorkerReports,
    /// The version of a worker's program.
    WorkerVersion,
    /// What a worker says is wrong with it.
    WorkerError,
    /// The name of a registered program.
    WorkerBinaryName,
    /// The path of a registered program.
    WorkerBinaryPath,
    /// How many workers of a kind there are to be.
    FleetSize,
    /// How long the oldest job of a fleet should wait at most.
    QueueAgeTarget,
    /// What customers are told of maintenance.
    MaintenanceBanner,
    /// When maintenance begins and ends.
    MaintenanceTime,
    /// A flag's name.
    FlagName,
    /// A flag's description.
    FlagDescription,
    /// A flag's part of all subjects.
    FlagPermille,
    /// The subjects that a flag names.
    FlagSubjects,
    /// A flag's networks.
    FlagNetworks,
    /// A secret's name.
    SecretName,
    /// A secret's sealed text.
    SecretText,
    /// A network's confirmations.
    Confirmations,
    /// A network's fee caps.
    FeeCap,
    /// The address of an endpoint.
    Endpoint,
    /// A network's endpoints.
    Endpoints,
    /// A consumer's name.
    ConsumerName,
    /// What a consumer reads.
    ConsumerTopics,
    /// How many events are made, and how large.
    MadeEvents,
    /// The name that somebody signs in with.
    SignInName,
    /// The identity of a person.
    Person,
    /// The roles of an admin.
    AdminRoles,
    /// The addresses from which an admin may act.
    AdminRanges,
    /// A sealed password or secret.
    Credential,
    /// Recovery codes.
    RecoveryCodes,
    /// The name of a program that signs in.
    Agent,
    /// What a market's new orders must satisfy.
    MarketFilters,
    /// How long a proposal waits.
    ProposalTtl,
    /// An approval key's label.
    ApprovalKeyLabel,
    /// An approval key.
    ApprovalKey,
}

impl Field {
    pub(super) fn rule(self) -> String {
        match self {
            Field::NodeName => {
                format!("a node's name is 1 to {} characters of a-z, 0-9 and `-`", registry::NAME_BYTES_MAX)
            }
            Field::ApiAddress => address_rule("API"),
            Field::PeerAddress => address_rule("peer"),
            Field::Release => {
                format!("a node's release is 1 to {} visible ASCII characters", registry::RELEASE_BYTES_MAX)
            }
            Field::ClusterName => {
                format!("the cluster's name is 1 to {} characters of a-z, 0-9 and `-`", registry::NAME_BYTES_MAX)
            }
            Field::Authority => {
                format!("the authority's certificate is 1 to {} bytes", cluster::AUTHORITY_BYTES_MAX)
            }
            Field::AuthorityKey => {
                format!("the authority's sealed key is 1 to {} bytes", cluster::AUTHORITY_BYTES_MAX)
            }
            Field::JoinTokenTtl => format!(
                "a join token lasts from {} to {}",
                settings::Value::DurationUs(access::TOKEN_TTL_US_MIN),
                settings::Value::DurationUs(access::TOKEN_TTL_US_MAX)
            ),
            Field::Target => format!("the target of an action is at most {} bytes", apply::TARGET_BYTES_MAX),
            Field::ScratchKey => format!("a scratch key is 1 to {} bytes", scratch::KEY_BYTES_MAX),
            Field::ScratchValue => format!("a scratch value is at most {} bytes", scratch::VALUE_BYTES_MAX),
            Field::AssetCode => {
                format!("an asset's code is 1 to {} characters of A-Z and 0-9", assets::CODE_BYTES_MAX)
            }
            Field::AssetDecimals => format!("an asset has 0 to {} decimals", assets::DECIMALS_MAX),
            Field::AssetName => {
                format!(
                    "an asset's name is 1 to {} bytes, not blank, without control characters",
                    assets::NAME_BYTES_MAX
                )
            }
            Field::UserLabel => {
                format!("a user's label is at most {} bytes without control characters", users::LABEL_BYTES_MAX)
            }
            Field::KycLevel => format!("a KYC level is 0 to {}", users::KYC_LEVEL_MAX),
            Field::UserCount => format!("1 to {} users are made at once", users::USERS_AT_ONCE_MAX),
            Field::AccountCount => format!("1 to {} accounts are opened at once", apply::ACCOUNTS_AT_ONCE_MAX),
            Field::ApiKeyName => format!("an API key's name is {} letters and digits", api_keys::KEY_BYTES),
            Field::ApiKeyLabel => format!("an API key's label is at most {} bytes", api_keys::KEY_LABEL_BYTES_MAX),
            Field::ApiKeySecret => {
                format!("an API key's sealed secret is 1 to {} bytes", api_keys::SEALED_SECRET_BYTES_MAX)
            }
            Field::ApiKeyRanges => format!(
                "an API key has at most {} address ranges, and at least 1 where it may withdraw",
                api_keys::RANGES_MAX
            ),
            Field::MarketSymbol => {
                format!("a market's symbol is 1 to {} characters of A-Z and 0-9", markets::SYMBOL_BYTES_MAX)
            }
            Field::MarketAssets => "a market is between 2 different assets".into(),
            Field::MarketFees => {
                format!(
                    "a market has 1 to {} fee tiers, with rates of at most {FEE_PPM_MAX} millionths",
                    markets::TIERS_MAX
                )
            }
            Field::MarketSteps => {
                format!("a step of prices or quantities has at most {} decimals", markets::STEP_DECIMALS_MAX)
            }
            Field::WorkerCount => {
                format!("1 to {} workers are named at once, each once", workers::WORKERS_AT_ONCE_MAX)
            }
            Field::WorkerReports => format!(
                "1 to {} workers or fleets are reported at once, with at most {} errors each",
                workers::WORKERS_AT_ONCE_MAX,
                workers::ERRORS_IN_REPORT_MAX
            ),
            Field::WorkerVersion => {
                format!(
                    "the version of a worker's program is 1 to {} visible ASCII characters",
                    workers::VERSION_BYTES_MAX
                )
            }
            Field::WorkerError => {
                format!("what a worker says is wrong with it is at most {} bytes", workers::ERROR_BYTES_MAX)
            }
            Field::WorkerBinaryName => format!(
                "the name of a registered program is 1 to {} characters of a-z, 0-9 and `-`",
                workers::BINARY_NAME_BYTES_MAX
            ),
            Field::WorkerBinaryPath => format!(
                "the path of a registered program is whole and plain, of at most {} visible ASCII characters",
                workers::BINARY_PATH_BYTES_MAX
            ),
            Field::FleetSize => {
                format!(
                    "0 to {} workers of a kind are scaled, the least no more than the most",
                    workers::FLEET_SIZE_MAX
                )
            }
            Field::QueueAgeTarget => format!(
                "the oldest job should wait {} to {}",
                settings::Value::DurationUs(workers::QUEUE_AGE_TARGET_US_MIN),
                settings::Value::DurationUs(workers::QUEUE_AGE_TARGET_US_MAX)
            ),
            Field::MaintenanceBanner => format!(
                "the text for customers is 1 to {} characters, not blank, without control characters",
                maintenance::BANNER_CHARS_MAX
            ),
            Field::ProposalTtl => format!(
                "a proposal waits from {} to {}",
                settings::Value::DurationUs(crate::approvals::TTL_US_MIN),
                settings::Value::DurationUs(crate::approvals::TTL_US_MAX)
            ),
            Field::ApprovalKey => "an approval key is an Ed25519 public key whose signatures prove something".into(),
            Field::ApprovalKeyLabel => format!(
                "an approval key's label is at most {} bytes without control characters",
                crate::approvals::KEY_LABEL_BYTES_MAX
            ),
            Field::MaintenanceTime => {
                let most = settings::Value::DurationUs(maintenance::WINDOW_SPAN_US_MAX);
                format!("maintenance begins now or later, within {most}, and ends after its beginning, within {most}")
            }
            Field::FlagName => {
                format!(
                    "a flag's name is 1 to {} characters of a-z, 0-9 and `.-_`, a letter first",
                    flags::NAME_BYTES_MAX
                )
            }
            Field::FlagDescription => format!(
                "a flag's description is at most {} bytes without control characters",
                flags::DESCRIPTION_BYTES_MAX
            ),
            Field::FlagPermille => format!("a flag is on for 0 to {} of a thousand", flags::PERMILLE_MAX),
            Field::FlagSubjects => format!(
                "a flag names at most {} subjects of 1 to {} bytes, each once and in ascending order",
                flags::ALLOWED_MAX,
                flags::SUBJECT_BYTES_MAX
            ),
            Field::FlagNetworks => "a flag names each of the 6 networks once at most, in their order".into(),
            Field::SecretName => {
                format!(
                    "a secret's name is 1 to {} characters of a-z, 0-9 and `-_`, a letter first",
                    flags::NAME_BYTES_MAX
                )
            }
            Field::SecretText => format!("a secret is 1 to {} bytes", secrets::TEXT_BYTES_MAX),
            Field::Confirmations => format!(
                "confirmations are 1 to {}, and no fewer to withdraw than to trade",
                networks::CONFIRMATIONS_MAX
            ),
            Field::FeeCap => "a fee cap is at least 1".into(),
            Field::Endpoint => format!(
                "an endpoint is an address of at most {} bytes such as https://HOST:PORT/PATH or wss://HOST",
                networks::ENDPOINT_BYTES_MAX
            ),
            Field::Endpoints => format!("a network has at most {} different endpoints", networks::ENDPOINTS_MAX),
            Field::ConsumerName => format!(
                "a consumer's name is 1 to {} characters of a-z, 0-9, `-`, `_` and `.`",
                events::CONSUMER_NAME_BYTES_MAX
            ),
            Field::ConsumerTopics => "a consumer reads at least 1 topic".into(),
            Field::MadeEvents => format!(
                "1 to {} events are made at once, each filled with at most {} bytes",
                apply::EVENTS_AT_ONCE_MAX,
                apply::EVENT_FILLING_BYTES_MAX
            ),
            Field::SignInName => {
                format!("a name to sign in with is 1 to {} of a-z, 0-9 and `.-_@+`", people::ADMIN_NAME_BYTES_MAX)
            }
            Field::Person => format!(
                "a person is 1 to {} bytes without control characters, not blank at either end",
                people::PERSON_BYTES_MAX
            ),
            Field::AdminRoles => "an admin has at least 1 role, and none may both begin and approve money".into(),
            Field::AdminRanges => format!("an admin has at most {} address ranges", people::ADMIN_RANGES_MAX),
            Field::Credential => {
                format!("a sealed password or secret is 1 to {} bytes", people::CREDENTIAL_BYTES_MAX)
            }
            Field::RecoveryCodes => format!("there are at most {} recovery codes", people::RECOVERY_CODES_MAX),
            Field::Agent => {
                format!("a program's name is at most {} bytes without control characters", people::AGENT_BYTES_MAX)
            }
            Field::MarketFilters => {
                "a market's filters leave room for an order: every least is at most its most, with a \
                                     multiple of the step between them, and no step is zero"
                    .into()
            }
            Field::TransferCount => format!("1 to {} transfers are posted at once", apply::TRANSFERS_AT_ONCE_MAX),
        }
    }
}

fn address_rule(kind: &str) -> String {
    format!("the {kind} address is HOST:PORT of 3 to {} visible ASCII characters", registry::ADDRESS_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Code;

    use super::*;
    use crate::Rejection;

    /// Goal: a broken field is explained by its own rule. Method: every field's problem names a limit or a form.
    #[test]
    fn fields_are_explained() {
        for field in [
            Field::NodeName,
            Field::ApiAddress,
            Field::PeerAddress,
            Field::Release,
            Field::ClusterName,
            Field::Authority,
            Field::AuthorityKey,
            Field::JoinTokenTtl,
            Field::Target,
            Field::ScratchKey,
            Field::ScratchValue,
            Field::AssetCode,
            Field::AssetDecimals,
            Field::AssetName,
            Field::UserLabel,
            Field::KycLevel,
            Field::UserCount,
            Field::AccountCount,
            Field::TransferCount,
            Field::WorkerCount,
            Field::WorkerReports,
            Field::WorkerVersion,
            Field::WorkerError,
            Field::WorkerBinaryName,
            Field::WorkerBinaryPath,
            Field::FleetSize,
            Field::QueueAgeTarget,
            Field::FlagName,
            Field::FlagDescription,
            Field::FlagPermille,
            Field::FlagSubjects,
            Field::FlagNetworks,
            Field::SecretName,
            Field::SecretText,
            Field::Confirmations,
            Field::FeeCap,
            Field::Endpoint,
            Field::Endpoints,
            Field::ConsumerName,
            Field::ConsumerTopics,
            Field::MadeEvents,
        ] {
            let problem = Rejection::Invalid { field }.problem();
            assert_eq!(problem.code, Code::BadRequest);
            assert!(problem.message.contains(|c: char| c.is_ascii_digit()), "{problem}");
        }
        let ttl = Rejection::Invalid { field: Field::JoinTokenTtl }.problem();
        assert_eq!(ttl.message, "a join token lasts from 1s to 7d");
    }
}
