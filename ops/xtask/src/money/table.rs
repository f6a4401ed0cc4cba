//! What became of the journeys, as a table.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One coin's journey on one network: what somebody brought, traded away, and what somebody else took out of it. Moments are
/// counted from the payment on the chain, that of the end from the request.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) network: &'static str,
    pub(crate) asset: &'static str,
    pub(crate) seen: Duration,
    pub(crate) credited: Duration,
    pub(crate) traded: Duration,
    pub(crate) withdrawn: Duration,
    /// What was brought is gathered in a wallet of the exchange.
    pub(crate) swept: Duration,
    /// The transaction that paid it out.
    pub(crate) tx: String,
    pub(crate) total: Duration,
}

/// What is going on on each network, and what became of the last journeys.
#[derive(Debug, Default)]
pub(crate) struct Board {
    doing: Mutex<BTreeMap<&'static str, String>>,
    rows: Mutex<Vec<Row>>,
}

impl Board {
    pub(super) fn doing(&self, network: &'static str, what: &str) {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).insert(network, what.to_owned());
    }

    /// Keeps the last row of each coin on each network.
    pub(super) fn arrived(&self, rows: Vec<Row>) {
        let mut kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            kept.retain(|old| (old.network, old.asset) != (row.network, row.asset));
            kept.push(row);
        }
        kept.sort_by_key(|row| (row.network, row.asset));
    }

    /// As a person sees it.
    pub(crate) fn picture(&self) -> String {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = doing.iter().map(|(network, what)| format!("{network:9} {what}"));
        let mut text = lines.collect::<Vec<_>>().join("\n");
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if !rows.is_empty() {
            text += &format!("\n{}", table(&rows));
        }
        text
    }
}

const HEAD: [&str; 9] =
    ["NETWORK", "COIN", "DEPOSIT-SEEN", "CREDITED", "TRADED", "WITHDRAWN", "SWEPT", "ON-CHAIN-TRANSACTION", "SECONDS"];

fn seconds(time: Duration) -> String {
    format!("{}.{}", time.as_secs(), time.subsec_millis() / 100)
}

/// The table.
pub(crate) fn table(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let [seen, credited, traded, withdrawn, swept] =
            [row.seen, row.credited, row.traded, row.withdrawn, row.swept].map(|time| format!("{} s", seconds(time)));
        let names = [row.network.to_owned(), row.asset.to_owned()];
        [&names[..], &[seen, credited, traded, withdrawn, swept, row.tx.clone(), seconds(row.total)]].concat()
    };
    let mut lines: Vec<Vec<String>> = vec![HEAD.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(row));
    let width = |at: usize| lines.iter().filter_map(|line| line.get(at).map(String::len)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let told = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(told).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: columns are as wide as what is in them, and every moment is told with its unit. Method: a row.
    #[test]
    fn rows_line_up() {
        let second = Duration::from_millis(1_250);
        let row = Row {
            network: "bitcoin",
            asset: "BTC",
            seen: second,
            credited: second * 2,
            traded: second * 3,
            withdrawn: second * 4,
            swept: second * 5,
            tx: "ab".repeat(32),
            total: second * 5,
        };
        let told = table(&[row]);
        let (head, line) = told.split_once('\n').unwrap();
        assert!(line.ends_with("6.2") && line.contains("1.2 s") && line.contains("5.0 s"), "{line}");
        assert_eq!(head.find("DEPOSIT-SEEN"), line.find("1.2 s"));
    }
}
