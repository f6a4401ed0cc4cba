//! What the figures of an overview were in the last day.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{AssetCode, FigureText, Moment};

/// What a figure was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// When it was sampled, by the node's clock.
    #[schemars(with = "Moment")]
    pub at: String,
    /// The figure.
    #[schemars(with = "FigureText")]
    pub value: String,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesOfDay {
    /// Its name.
    pub series: String,
    /// `state`: the same at every node that keeps up; `node`: of the answering node itself.
    #[schemars(extend("enum" = ["state", "node"]))]
    pub source: String,
    /// What the figures count.
    #[schemars(extend("enum" = ["count", "bytes", "milliseconds", "minor-units"]))]
    pub unit: String,
    /// Of amounts, the asset.
    #[schemars(with = "Option<AssetCode>")]
    pub asset: Option<String>,
    /// Of amounts, the decimals: a unit of the asset is ten to the power of so many minor units.
    pub decimals: Option<u8>,
    /// In the order of time. What was not sampled, or not known, is absent; nothing is made up for it.
    pub points: Vec<Point>,
    /// What it was 24 hours before the newest sample; none where that was not sampled.
    pub day_before: Option<Point>,
}

/// `GET /v1/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// The answering node: what it keeps is its own, and begins anew when it is started.
    pub node: u64,
    /// When the oldest sample was taken that it keeps; none before the first one.
    #[schemars(with = "Option<Moment>")]
    pub kept_since: Option<String>,
    /// When the newest one was taken.
    #[schemars(with = "Option<Moment>")]
    pub sampled_at: Option<String>,
    /// Seconds between two samples.
    pub sampled_every_s: u64,
    /// Seconds between two points where nothing is absent.
    pub step_s: u64,
    /// By name, and of amounts by asset.
    pub series: Vec<SeriesOfDay>,
}
