//! `GET /v1/history`: what the figures of an overview were in the last day, as the asked node sampled them.
//!
//! They are sums over the whole house and say nothing of single people, so that whoever may see how it is may see them.

use axum::Json;
use axum::extract::State;
use exchequer_domain::{Code, Problem, Timestamp};
use exchequer_state::people::Permission;

use crate::app::App;
use crate::dto::{self, shapes};
use crate::extract::Params;
use crate::history::{KEPT_MINUTES, SAMPLED_EVERY_US, Series};
use crate::money::asset_of;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::route::Route;

/// Points of a series where nothing is said: one a quarter of an hour.
const POINTS: u64 = 96;
/// The fewest points.
const POINTS_MIN: u64 = 2;
/// Series in one request.
const SERIES_MAX: usize = 12;
/// Points in one answer: series whose amounts have assets of their own are as many lines as there are assets.
const POINTS_OF_ALL_MAX: u64 = 40_000;
/// A wrong name is echoed up to this length.
const NAME_CHARS_SHOWN_MAX: usize = 32;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/history", history)
            .says("What the figures of an overview were in the last 24 hours")
            .more(
                "Each node samples its own copy once a minute and keeps a day in memory: a failover loses nothing, and a node that is \
                 started begins anew and says since when. A step of time without a sample has no point; the point of a step is its \
                 newest sample.",
            )
            .asks([
                Param::text::<shapes::SeriesList>("series", "Which ones; twelve at most").needed(),
                Param::number("points", POINTS_MIN, KEPT_MINUTES, "Points of a series, at most; 96 where nothing is said"),
            ])
            .needs(Permission::StatusRead),
    ]
}

fn wanted(text: &str) -> Result<Vec<Series>, Problem> {
    let bad = |message: String| Problem::new(Code::BadRequest, message);
    let mut series: Vec<Series> = Vec::new();
    for name in text.split(',') {
        let one = Series::named(name).ok_or_else(|| {
            let name: String = name.chars().take(NAME_CHARS_SHOWN_MAX).collect();
            bad(format!("there is no series `{name}`")).hint(format!("name some of {}", Series::NAMES.join(", ")))
        })?;
        if series.contains(&one) {
            return Err(bad(format!("`series` in the query names `{name}` more than once")));
        }
        series.push(one);
    }
    if series.len() > SERIES_MAX {
        let text = format!("`series` in the query names {} series; {SERIES_MAX} are answered at once", series.len());
        return Err(bad(text).hint("ask more than once"));
    }
    Ok(series)
}

fn point((at, value): (Timestamp, i128)) -> dto::Point {
    dto::Point { at: at.to_string(), value: value.to_string() }
}

async fn history(State(app): State<App>, mut params: Params) -> Result<Json<dto::History>, Refused> {
    let series = params.take("series")?;
    let series = series.ok_or_else(|| {
        let text = "the query must name `series`";
        Problem::new(Code::BadRequest, text).hint(format!("name some of {}", Series::NAMES.join(", ")))
    })?;
    let series = wanted(&series)?;
    let points = params.number("points", POINTS_MIN..=KEPT_MINUTES)?.unwrap_or(POINTS);
    params.end()?;
    let read = app.backend.history().read(&series, points);
    let lines = u64::try_from(read.lines.len()).unwrap_or(u64::MAX);
    if lines.saturating_mul(points) > POINTS_OF_ALL_MAX {
        let text = format!(
            "{lines} series of {points} points are more than the {POINTS_OF_ALL_MAX} that are answered at once"
        );
        return Err(Problem::new(Code::BadRequest, text).hint("ask for fewer points, or more than once").into());
    }
    let mut answer = Vec::with_capacity(read.lines.len());
    app.backend.read(&mut |state, _, _| {
        answer.clear();
        for line in &read.lines {
            let (series, asset) = line.key;
            let asset = asset.map(|asset| asset_of(state, asset)).transpose()?;
            answer.push(dto::SeriesOfDay {
                series: series.as_str().to_owned(),
                source: series.source().as_str().to_owned(),
                unit: series.unit().as_str().to_owned(),
                asset: asset.map(|asset| asset.code.clone()),
                decimals: asset.map(|asset| asset.decimals),
                points: Vec::new(),
                day_before: line.day_before.map(point),
            });
        }
        Ok(())
    })?;
    // Texts are made when nobody waits for the state.
    for (series, line) in answer.iter_mut().zip(read.lines) {
        series.points = line.points.into_iter().map(point).collect();
    }
    Ok(Json(dto::History {
        node: app.node,
        kept_since: read.kept_since.map(|at| at.to_string()),
        sampled_at: read.sampled_at.map(|at| at.to_string()),
        sampled_every_s: SAMPLED_EVERY_US / 1_000_000,
        step_s: read.step_minutes * 60,
        series: answer,
    }))
}
