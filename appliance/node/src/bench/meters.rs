//! What the nodes count themselves, read before and after a measurement.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{Code, Problem};

use super::gateway::Target;
use super::process;
use crate::cli::StageReport;
use crate::identity::api_client;

/// A node that does not answer for as long is not asked any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the nodes' meters are read.
pub(super) struct Meters {
    http: reqwest::Client,
    addresses: Vec<String>,
}

/// What each node had counted at one moment, by the meter's name. A node that did not answer is not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading(BTreeMap<String, BTreeMap<String, f64>>);

impl Meters {
    /// Meters of every node of `target`.
    ///
    /// # Errors
    /// Authorities that cannot be used.
    pub(super) fn new(target: &Target) -> Result<Meters, Problem> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(api_client(&target.authorities)?)
            .https_only(true)
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| Problem::new(Code::Internal, format!("the HTTP client cannot be made: {error}")))?;
        Ok(Meters { http, addresses: target.addresses.clone() })
    }

    /// Reads all nodes that answer, one after the other.
    pub(super) async fn read(&self) -> Reading {
        let mut all = Reading::default();
        for address in &self.addresses {
            if let Ok(page) = self.page(address).await {
                all.add(address, &page);
            }
        }
        all
    }

    async fn page(&self, address: &str) -> reqwest::Result<String> {
        let answer = self.http.get(format!("https://{address}/metrics")).send().await?;
        answer.error_for_status()?.text().await
    }
}

impl Reading {
    /// Adds one node's page. Parts of histograms have labels, and are passed over; their sums and counts have none.
    fn add(&mut self, node: &str, page: &str) {
        let found = self.0.entry(node.to_owned()).or_default();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            if let (false, Ok(value)) = (name.contains('{'), value.parse::<f64>()) {
                found.insert(name.to_owned(), value);
            }
        }
    }

    /// What was counted under a name since `before`, on all nodes together that answered both times. One that was
    /// started anew counts from zero.
    pub(super) fn since(&self, before: &Reading, name: &str) -> f64 {
        let grown = |(node, now): (&String, &BTreeMap<String, f64>)| {
            let (now, then) = (now.get(name).copied()?, before.0.get(node)?.get(name).copied().unwrap_or(0.0));
            Some(if now < then { now } else { now - then })
        };
        self.0.iter().filter_map(grown).sum()
    }

    /// Syncs that acknowledgements waited for, or that followed them: the log's and the guard's. The state's store adds
    /// a few for every 64 MiB that it writes, which are not counted.
    pub(super) fn syncs(&self, before: &Reading) -> f64 {
        let of = |name| self.since(before, name);
        of("exchequer_raft_log_sync_seconds_count") + of("exchequer_raft_guard_syncs_total")
    }

    /// Where a command's time went, given how long the client saw it take.
    pub(super) fn stages(&self, before: &Reading, client_mean_us: f64) -> StageReport {
        let over = |sum: &str, count: &str| self.since(before, sum) / self.since(before, count).max(1.0);
        let stage = |name: &str| {
            over(&format!("exchequer_commands_{name}_microseconds_total"), "exchequer_commands_answered_total")
        };
        let (queue_us, commit_us, engine_us) = (stage("queue"), stage("commit"), stage("engine"));
        let (apply_us, answer_us) = (stage("apply"), stage("answer"));
        let gateway_us = over("exchequer_gateway_microseconds_total", "exchequer_gateway_commands_total");
        StageReport {
            client_us: client_mean_us - gateway_us,
            api_us: gateway_us - queue_us - commit_us - engine_us - apply_us - answer_us,
            queue_us,
            commit_us,
            engine_us,
            apply_us,
            answer_us,
            log_sync_us: 1e6 * over("exchequer_raft_log_sync_seconds_sum", "exchequer_raft_log_sync_seconds_count"),
            commands_per_entry: over("exchequer_raft_entry_commands_sum", "exchequer_raft_entry_commands_count"),
            engine_us_per_command: over("exchequer_apply_engine_nanoseconds_total", "exchequer_applied_commands_total")
                / 1e3,
            apply_us_per_command: over("exchequer_apply_nanoseconds_total", "exchequer_applied_commands_total") / 1e3,
        }
    }
}

/// Bytes that processes on this machine had written to storage.
pub(super) fn written_by(pids: &[u32]) -> u64 {
    pids.iter().map(|pid| process::written_bytes(*pid)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(pages: &[(&str, &str)]) -> Reading {
        let mut reading = Reading::default();
        pages.iter().for_each(|(node, page)| reading.add(node, page));
        reading
    }

    /// Goal: counters of several nodes are added up, parts of histograms are left out, what is not there is zero, a node
    /// that did not answer once is left out, and one that was started anew counts from zero. Method: pages as the exporter
    /// writes them.
    #[test]
    fn pages_are_added_up() {
        let page = "# TYPE exchequer_raft_guard_syncs_total counter\nexchequer_raft_guard_syncs_total 7\n\n\
                    exchequer_raft_log_sync_seconds_bucket{le=\"0.1\"} 9\nexchequer_raft_log_sync_seconds_sum 0.5\n\
                    exchequer_raft_log_sync_seconds_count 4\n";
        let guard = |count: u64| format!("exchequer_raft_guard_syncs_total {count}\n");
        let after = reading(&[("a", page), ("b", page), ("c", page)]);
        let before = reading(&[("a", &guard(2)), ("b", &guard(9))]);
        assert_eq!(after.since(&before, "exchequer_raft_guard_syncs_total"), 5.0 + 7.0);
        assert_eq!(after.syncs(&before), 5.0 + 7.0 + 2.0 * 4.0);
        assert_eq!(after.since(&before, "exchequer_raft_log_sync_seconds_sum"), 1.0);
        assert_eq!(after.since(&before, "exchequer_raft_log_sync_seconds_bucket"), 0.0);
        assert_eq!(after.since(&after, "exchequer_raft_guard_syncs_total"), 0.0);
    }

    /// Goal: the stages add up to what the client saw. Method: made counters, two commands.
    #[test]
    fn stages_add_up() {
        let mut page = "exchequer_commands_answered_total 2\nexchequer_gateway_commands_total 2\n\
                        exchequer_gateway_microseconds_total 600\n"
            .to_owned();
        for (stage, us) in [("queue", 20), ("commit", 400), ("engine", 40), ("apply", 10), ("answer", 30)] {
            page += &format!("exchequer_commands_{stage}_microseconds_total {us}\n");
        }
        let stages = reading(&[("a", &page)]).stages(&reading(&[("a", "")]), 500.0);
        assert_eq!((stages.client_us, stages.api_us, stages.queue_us), (200.0, 50.0, 10.0));
        assert_eq!((stages.commit_us, stages.engine_us, stages.apply_us, stages.answer_us), (200.0, 20.0, 5.0, 15.0));
    }
}
