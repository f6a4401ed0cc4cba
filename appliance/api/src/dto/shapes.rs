//! The shapes of texts in requests and answers: what the description of the API says where Rust only says `String`.
//!
//! A shape is checked by nobody here; it tells clients, and programs that make up requests, what a handler takes. Limits
//! that depend on the state, such as the decimals of an asset, are in no shape.

use std::borrow::Cow;

use exchequer_domain::Code;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// One shape: its name, its pattern, an example, and what it is.
macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident, $pattern:literal, $example:literal;)*) => {
        $(
            $(#[doc = $doc])+
            pub(crate) struct $name;

            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({
                        "type": "string",
                        "description": concat!($($doc),+).trim(),
                        "pattern": $pattern,
                        "examples": [$example],
                    })
                }
            }
        )*
    };
}

texts! {
    /// An amount, price or quantity: digits, and where wanted a point with digits on both sides. No sign, no exponent.
    Amount, r"^[0-9]+(\.[0-9]{1,18})?$", "0.25";
    /// A balance: as an amount, with a minus sign where the other side is larger.
    Balance, r"^-?[0-9]+(\.[0-9]{1,18})?$", "0.25000000";
    /// A moment in RFC 3339, from 1970 on.
    Moment, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$", "2026-11-23T12:00:00Z";
    /// A span of time with its unit, such as `250ms`, `10s` or `1h30m`.
    Span, r"^\s*([0-9]+(us|ms|s|m|h|d))+\s*$", "10s";
    /// The id of a command: 32 hexadecimal digits drawn by the sender. The same id takes effect once at most in 24 hours.
    CommandIdText, "^[0-9a-fA-F]{32}$", "5f0d7a6f2b3c4d5e8f901a2b3c4d5e6f";
    /// The id of a transfer: 32 hexadecimal digits, or a UUID. It is remembered for ever.
    TransferIdText, "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$", "018f3a5e0000700080000000000000ab";
    /// A hash of 32 bytes, hexadecimal.
    HashText, "^[0-9a-fA-F]{64}$", "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a";
    /// The ticker of an asset.
    AssetCode, "^[A-Z0-9]{1,16}$", "BTC";
    /// How far withdrawals are stopped: on a network, of an asset, or everywhere.
    StopText, "^(bitcoin|ethereum|polygon|bsc|arbitrum|tron|everywhere|[A-Z0-9]{1,16})$", "tron";
    /// A difference: a whole number with or without a sign.
    DifferenceText, "^-?[0-9]{1,39}$", "-40";
    /// A figure: a whole number with or without a sign; an amount in minor units of its asset.
    FigureText, "^-?[0-9]{1,39}$", "1250000";
    /// An amount in smallest units: a whole number below 2^64, as text, because programs that take numbers for floats lose its digits.
    UnitsText, "^[0-9]{1,20}$", "1250000000000000";
    /// What a text of a record is: that text, or with an asterisk at its end all that begins with what is before it.
    AuditFilter, r"^[^\u0000-\u001f\u007f-\u009f]{1,200}$", "tron";
    /// Names of series, with commas between.
    SeriesList, "^[a-z0-9_]{1,32}(,[a-z0-9_]{1,32})*$", "workers_running,fees";
    /// The symbol of a market.
    MarketSymbol, "^[A-Z0-9]{1,20}$", "BTCUSDT";
    /// The length of a candle.
    IntervalText, "^(1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)$", "1h";
    /// An indicator and its parameters, such as `ema:20`, `macd:12,26,9`, `bb:20,2` or `vwap`.
    IndicatorText, r"^(sma|ema|wma|rsi|atr|adx|stoch|macd|bb|obv|vwap)(:[0-9]{1,4}(\.[0-9]{1,3})?(,[0-9]{1,4}(\.[0-9]{1,3})?){0,2})?$", "sma:3";
    /// The name of an order, free among the user's open orders of the market.
    ClientOrderIdText, r"^[A-Za-z0-9.:/_-]{1,36}$", "mine-1";
    /// Bytes in base64, with padding.
    Base64Text, "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", "aGVsbG8=";
    /// The name of a queue of jobs.
    QueueNameText, "^[a-z0-9._-]{1,64}$", "deposit.bitcoin";
    /// Whom a directive is for: a worker, a kind, a kind on a network, or `system`.
    TargetText, r"^[a-z]([a-z-]*[a-z])?([./][a-z0-9-]+)?$", "selftest/1";
    /// The key of a setting: `room.name`, and behind an `@` the place for which the value is.
    SettingKey, r"^[a-z_]{1,32}\.[a-z_]{1,32}(@[a-z0-9:,/-]{1,80})?$", "read.stale_max";
    /// The value of a setting, with its unit.
    SettingValue, r"^.{1,100}$", "20s";
    /// The name of a flag.
    FlagName, r"^[a-z][a-z0-9._-]{0,63}$", "new-book";
    /// For whom a flag is asked: a user, a worker, whatever the asking code names.
    Subject, r"^[^\u0000-\u001f\u007f-\u009f]{1,64}$", "user-12";
    /// The name of a secret.
    SecretName, r"^[a-z][a-z0-9_-]{0,63}$", "node-key";
    /// A blockchain.
    NetworkName, "^(bitcoin|ethereum|polygon|bsc|arbitrum|tron)$", "bitcoin";
    /// What a network is used for.
    NetworkStateWord, "^(enabled|deposits-only|withdrawals-only|suspended|delisting)$", "enabled";
    /// The address of a network's node; a key in it is a reference to a secret.
    EndpointText, r"^(https?|wss?)://[!-~]{1,500}$", "https://node.example/v2/secret:node-key";
    /// The key of a scratch value, 1 to 256 bytes.
    ScratchKey, r"^[^/]{1,256}$", "a";
    /// An IP address, or a range of them.
    AddressRange, r"^[0-9a-fA-F.:]{2,39}(/[0-9]{1,3})?$", "10.0.0.0/8";
    /// The name of a consumer of events.
    ConsumerName, "^[a-z0-9._-]{1,64}$", "reports";
    /// What an event is about, coarsely.
    TopicWord, "^[a-z]{1,16}$", "cluster";
    /// Topics with commas between, or `all`.
    TopicList, "^[a-z]{1,16}(,[a-z]{1,16})*$", "cluster,settings";
    /// What an API key may do.
    ScopeWord, "^(read|trade|withdraw)$", "read";
    /// A text for people, without control characters; at most 100 bytes.
    Label, r"^[^\u0000-\u001f\u007f-\u009f]{0,100}$", "Ada";
    /// A worker: `KIND/N`, or `KIND/NETWORK-N` for kinds that work on networks. In a path the slash is `%2F`.
    WorkerName, "^[a-z-]{1,32}/([a-z]{1,16}-)?[1-9][0-9]{0,4}$", "selftest/1";
    /// A kind of workers.
    KindName, "^[a-z-]{1,32}$", "selftest";
    /// What customers are told of maintenance: 1 to 280 characters, none of them a control character.
    Banner, r"^[^\u0000-\u001f\u007f-\u009f]{1,280}$", "Back at noon.";
    /// What somebody types to sign in, and nobody else has.
    SignInName, r"^[a-z0-9.@+_-]{1,64}$", "ada";
    /// A password.
    PasswordText, r"^[\s\S]{1,1024}$", "a horse in a bathtub";
    /// The code that an authenticator shows.
    OtpText, "^[0-9]{6}$", "123456";
    /// A session, as listings name it.
    SessionText, "^[0-9a-f]{16}$", "0123456789abcdef";
    /// An Ed25519 signature, hexadecimal.
    SignatureText, "^[0-9a-fA-F]{128}$", "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
    /// The name of a wallet.
    WalletNameText, "^[a-z0-9_-]{1,40}$", "hot-1";
    /// What a wallet is for.
    WalletRoleWord, "^(deposit|hot|gas|cold)$", "hot";
    /// How networks are built that have their addresses in common.
    FamilyWord, "^(bitcoin|evm|tron)$", "evm";
    /// An address on a chain, by the rules of its network. A sandbox cluster takes those of test networks.
    ChainAddressText, "^[A-Za-z0-9]{1,100}$", "0x52908400098527886E0F7030069857D2E4169EE7";
    /// The name of a transaction: 64 hexadecimal digits, with `0x` in front or without.
    TransactionText, "^(0x)?[0-9a-fA-F]{64}$", "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a";
    /// The name that a client gives a withdrawal; its user's for ever.
    ClientWithdrawalText, "^[!-~]{1,64}$", "rent-2026-11";
    /// What a receiver wants to be told with the money.
    MemoText, r"^[^\u0000-\u001f\u007f-\u009f]{1,120}$", "invoice 7";
    /// Who bears the fee: it is taken out of the amount, or comes on top.
    FeeModeWord, "^(deduct|on-top)$", "deduct";
    /// As a label, but not blank.
    Title, r"^[^\u0000-\u001f\u007f-\u009f]{1,100}$", "Bitcoin";
}

/// Why something is done; kept in the audit. Not blank, at most 500 bytes.
pub(crate) struct Reason;

impl JsonSchema for Reason {
    fn schema_name() -> Cow<'static, str> {
        "Reason".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Why it is done; kept in the audit. Not blank, at most 500 bytes.",
            "minLength": 1,
            "maxLength": 500,
            "examples": ["OPS-410: as agreed"],
        })
    }
}

/// [`exchequer_domain::Problem`], whose crate knows of no descriptions.
pub(crate) struct ProblemShape;

impl JsonSchema for ProblemShape {
    fn schema_name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        json_schema!({
            "type": "object",
            "description": "What went wrong, and what to do about it.",
            "properties": {
                "code": { "type": "string", "enum": codes, "description": "Stable for ever; each has a page." },
                "message": { "type": "string", "minLength": 1, "description": "What happened in this case." },
                "hint": { "type": "string", "description": "What to do next; may be empty." },
            },
            "required": ["code", "message", "hint"],
        })
    }
}
