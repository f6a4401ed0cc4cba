//! Indicators of candles, for a comparison with another program.
//!
//! Arguments are indicators (`ema:20`, `macd:12,26,9`). A line of standard input is a candle: open time in milliseconds,
//! high, low, close and volume, with commas between. A line of standard output is what each indicator says of it, an
//! indicator without a value as empty cells; the first line has the names.

use std::io::{self, BufRead, Write};

use exchequer_market_data::indicators::{Candle, Indicator, Spec};

fn main() -> io::Result<()> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let specs: Result<Vec<Spec>, _> = names.iter().map(|name| name.parse()).collect();
    let specs = specs.map_err(io::Error::other)?;
    let running: Result<Vec<_>, _> = specs.iter().map(|spec| spec.start()).collect();
    let mut running = running.map_err(io::Error::other)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let columns = names.iter().zip(&specs).flat_map(|(name, spec)| {
        let name = name.replace(',', "/");
        spec.columns().iter().map(move |column| format!("{name} {column}"))
    });
    writeln!(out, "{}", columns.collect::<Vec<_>>().join(","))?;
    for line in io::stdin().lock().lines() {
        let candle = candle(&line?).ok_or_else(|| io::Error::other("not five finite numbers"))?;
        let mut cells = Vec::new();
        for (spec, running) in specs.iter().zip(&mut running) {
            match running.push(&candle) {
                // As many digits as lead back to the same number.
                Some(values) => cells.extend(values.as_slice().iter().map(|value| format!("{value:e}"))),
                None => cells.extend(spec.columns().iter().map(|_| String::new())),
            }
        }
        writeln!(out, "{}", cells.join(","))?;
    }
    out.flush()
}

fn candle(line: &str) -> Option<Candle> {
    let mut cells = line.split(',');
    let open_time = cells.next()?.parse().ok()?;
    let mut number = || cells.next()?.trim().parse().ok();
    Candle::new(open_time, number()?, number()?, number()?, number()?).ok()
}
