//! Whole tables and parts of them, row by row.

use super::{Rows, Table};
use crate::halt::Halt;

/// Calls `each` with key suffix and value of every row from `from` to `until`, in order, until it returns `false`.
pub(crate) fn for_each(
    rows: &dyn Rows,
    table: Table,
    (from, until): (Vec<u8>, Vec<u8>),
    mut each: impl FnMut(&[u8], &[u8]) -> Result<bool, Halt>,
) -> Result<(), Halt> {
    let mut stopped = Ok(());
    rows.visit(table.family(), &from, &until, &mut |key, value| match each(key.get(1..).unwrap_or_default(), value) {
        Ok(more) => more,
        Err(halt) => {
            stopped = Err(halt);
            false
        }
    })?;
    stopped
}

/// Calls `each` with key suffix and value of every row of `table`, in order.
pub(crate) fn for_each_of_table(
    rows: &dyn Rows,
    table: Table,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Halt>,
) -> Result<(), Halt> {
    for_each(rows, table, (vec![table as u8], vec![table as u8 + 1]), |key, value| each(key, value).map(|()| true))
}

/// Calls `each` with key suffix and value of every row of `table` whose suffix begins with `prefix`, in order.
pub(crate) fn for_each_under(
    rows: &dyn Rows,
    table: Table,
    prefix: &[u8; 4],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let until = match u32::from_be_bytes(*prefix).checked_add(1) {
        Some(next) => table.key(&next.to_be_bytes()),
        None => vec![table as u8 + 1],
    };
    for_each(rows, table, (table.key(prefix), until), |key, value| each(key, value).map(|()| true))
}

#[cfg(test)]
mod tests {
    use super::super::{Family, SCAN_ROWS_MAX};
    use super::*;
    use crate::testing::MemoryRows;

    /// Goal: a scan of a table reads every row once, in order, across pages that end exactly at its end or not.
    #[test]
    fn scans_read_every_page() {
        for count in [0, 1, SCAN_ROWS_MAX, SCAN_ROWS_MAX + 1, 3 * SCAN_ROWS_MAX] {
            let mut rows = MemoryRows::new();
            for number in 0..count as u64 {
                rows.put(Family::History, Table::Audit.key(&number.to_be_bytes()), vec![]);
            }
            rows.put(Family::History, Table::Event.key(&[0]), vec![]);
            let mut seen = Vec::new();
            for_each_of_table(&rows, Table::Audit, |key, _| {
                seen.push(u64::from_be_bytes(key.try_into().unwrap()));
                Ok(())
            })
            .unwrap();
            assert!(seen.iter().copied().eq(0..count as u64), "{count} rows");
        }
    }
}
