//! The messages of TRON's protocol that are built and read here. Fields that never have a value here are left out: bytes that
//! have one do not survive being read and written again, and are refused by that.

/// A transaction with its signatures. Its first field is kept as bytes: its hash is the transaction's name.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Transaction {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) raw_data: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) signature: Vec<Vec<u8>>,
}

/// What is signed.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Raw {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) ref_block_bytes: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) ref_block_hash: Vec<u8>,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "8")]
    pub(crate) expiration: i64,
    #[prost(message, repeated, tag = "11")]
    pub(crate) contract: Vec<Contract>,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "14")]
    pub(crate) timestamp: i64,
    /// Sun.
    #[prost(int64, tag = "18")]
    pub(crate) fee_limit: i64,
}

/// What is done, in a wrapper that names its kind twice.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Contract {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) parameter: Option<Parameter>,
}

/// A message with the name of its type.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Parameter {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// `TransferContract`, kind 1.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Transfer {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) owner: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) to: Vec<u8>,
    /// Sun.
    #[prost(int64, tag = "3")]
    pub(crate) amount: i64,
}

/// `TriggerSmartContract`, kind 31.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Trigger {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) owner: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) contract: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) data: Vec<u8>,
}

/// `FreezeBalanceV2Contract`, kind 54; `UnfreezeBalanceV2Contract`, kind 55.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Freeze {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) owner: Vec<u8>,
    /// Sun.
    #[prost(int64, tag = "2")]
    pub(crate) amount: i64,
    #[prost(int32, tag = "3")]
    pub(crate) resource: i32,
}

/// `WithdrawExpireUnfreezeContract`, kind 56.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Collect {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) owner: Vec<u8>,
}

/// `DelegateResourceContract`, kind 57, without a lock; `UnDelegateResourceContract`, kind 58.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Delegate {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) owner: Vec<u8>,
    #[prost(int32, tag = "2")]
    pub(crate) resource: i32,
    /// Sun.
    #[prost(int64, tag = "3")]
    pub(crate) balance: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) receiver: Vec<u8>,
}
