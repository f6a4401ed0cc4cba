//! Indicators against their definitions, each written out over the whole series.

use super::Random;
use crate::indicators::{
    Adx, Atr, Bollinger, Candle, Ema, Indicator, Macd, Obv, PERIOD_MAX, ParameterError, Rsi, Sma, Spec, SpecError,
    Stochastic, Vwap, Wma, series,
};

struct Columns {
    candles: Vec<Candle>,
    time: Vec<u64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

/// Half-hour candles of a price that wanders, stands still at times and jumps at others.
fn columns(seed: u64, length: usize) -> Columns {
    let random = &mut Random::new(seed);
    let mut fraction = |range: f64| random.below(1 << 30) as f64 / f64::from(1 << 30) * range;
    let mut all = Columns { candles: vec![], time: vec![], high: vec![], low: vec![], close: vec![], volume: vec![] };
    let mut close = 100.0;
    for at in 0..length as u64 {
        let is_still = at % 97 > 90;
        let open = close + if at % 50 == 7 { fraction(8.0) - 4.0 } else { 0.0 };
        close = if is_still { open } else { f64::max(open + fraction(4.0) - 2.0, 1.0) };
        let (top, bottom) = (f64::max(open, close), f64::min(open, close));
        let (high, low) = if is_still { (top, bottom) } else { (top + fraction(1.0), bottom - fraction(0.5)) };
        let volume = if at % 48 == 0 { 0.0 } else { fraction(1e6) };
        all.time.push(1_700_000_000_000 + at * 1_800_000);
        all.candles.push(Candle::new(all.time[at as usize], high, low, close, volume).unwrap());
        all.high.push(high);
        all.low.push(low);
        all.close.push(close);
        all.volume.push(volume);
    }
    all
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The value at `at` is `value(at)` from `first` on.
fn from(first: usize, length: usize, value: impl Fn(usize) -> f64) -> Vec<Option<f64>> {
    (0..length).map(|at| (at >= first).then(|| value(at))).collect()
}

#[track_caller]
fn assert_close(seen: &[Option<f64>], expected: &[Option<f64>]) {
    assert_eq!(seen.len(), expected.len());
    for (at, pair) in seen.iter().zip(expected).enumerate() {
        match pair {
            (None, None) => {}
            (Some(seen), Some(expected)) if (seen - expected).abs() <= 1e-9 * expected.abs().max(1.0) => {}
            pair => panic!("at {at}: {pair:?}"),
        }
    }
}

fn column<V>(values: Vec<Option<V>>, part: impl Fn(&V) -> f64) -> Vec<Option<f64>> {
    values.iter().map(|value| value.as_ref().map(&part)).collect()
}

/// The exponential average as its weights say: the plain average of the first n numbers from `start` on, then each
/// number's share by how long ago it was.
fn ema(numbers: &[f64], start: usize, length: usize, at: usize) -> f64 {
    let share = 2.0 / (length as f64 + 1.0);
    let seed = start + length - 1;
    let rest = |from: usize| (1.0 - share).powi((at - from) as i32);
    let later: f64 = (seed + 1..=at).map(|one| share * rest(one) * numbers[one]).sum();
    later + rest(seed) * mean(&numbers[start..=seed])
}

/// Wilder's average as its weights say, over numbers that begin at `start`.
fn wilder(numbers: &[f64], start: usize, length: usize, at: usize) -> f64 {
    let share = 1.0 / length as f64;
    let seed = start + length - 1;
    let rest = |from: usize| (1.0 - share).powi((at - from) as i32);
    let later: f64 = (seed + 1..=at).map(|one| share * rest(one) * numbers[one]).sum();
    later + rest(seed) * mean(&numbers[start..=seed])
}

/// Goal: averages are what their weights say. Method: each value anew from the whole series.
#[test]
fn averages_follow_their_weights() {
    for seed in 1..6 {
        println!("seed {seed}");
        let all = columns(seed, 300);
        let close = &all.close;
        for n in [1, 2, 7, 20] {
            let sma = from(n - 1, 300, |at| mean(&close[at + 1 - n..=at]));
            assert_close(&series(Sma::new(n).unwrap(), &all.candles), &sma);
            assert_close(&series(Ema::new(n).unwrap(), &all.candles), &from(n - 1, 300, |at| ema(close, 0, n, at)));
            let weights: f64 = (1..=n).map(|weight| weight as f64).sum();
            let wma = from(n - 1, 300, |at| {
                (1..=n).map(|weight| weight as f64 * close[at + weight - n]).sum::<f64>() / weights
            });
            assert_close(&series(Wma::new(n).unwrap(), &all.candles), &wma);
            let bands = series(Bollinger::new(n, 2.0).unwrap(), &all.candles);
            let width = |at: usize| {
                let window = &close[at + 1 - n..=at];
                2.0 * mean(&window.iter().map(|one| (one - mean(window)).powi(2)).collect::<Vec<_>>()).sqrt()
            };
            let around = |side: f64| from(n - 1, 300, |at| mean(&close[at + 1 - n..=at]) + side * width(at));
            assert_close(&column(bands.clone(), |bands| bands.middle), &sma);
            assert_close(&column(bands.clone(), |bands| bands.upper), &around(1.0));
            assert_close(&column(bands, |bands| bands.lower), &around(-1.0));
        }
    }
}

/// Goal: RSI, MACD and Stochastic are what they are defined to be. Method: as above.
#[test]
fn momentum_follows_its_definition() {
    for seed in 1..6 {
        println!("seed {seed}");
        let all = columns(seed, 300);
        let change = |up: f64| -> Vec<f64> {
            let moves = all.close.windows(2).map(|pair| ((pair[1] - pair[0]) * up).max(0.0));
            [0.0].into_iter().chain(moves).collect()
        };
        let (up, down) = (change(1.0), change(-1.0));
        for n in [2, 14] {
            let rsi = from(n, 300, |at| {
                let (up, down) = (wilder(&up, 1, n, at), wilder(&down, 1, n, at));
                100.0 - 100.0 / (1.0 + up / down)
            });
            let seen = series(Rsi::new(n).unwrap(), &all.candles);
            assert_close(&seen, &rsi);
        }

        let macd: Vec<f64> = (0..300)
            .map(|at| if at < 25 { 0.0 } else { ema(&all.close, 14, 12, at) - ema(&all.close, 0, 26, at) })
            .collect();
        let signal = from(33, 300, |at| ema(&macd, 25, 9, at));
        let seen = series(Macd::new(12, 26, 9).unwrap(), &all.candles);
        assert_close(&column(seen.clone(), |value| value.macd), &from(33, 300, |at| macd[at]));
        assert_close(&column(seen.clone(), |value| value.signal), &signal);
        assert_close(&column(seen, |value| value.histogram), &from(33, 300, |at| macd[at] - ema(&macd, 25, 9, at)));

        let place: Vec<f64> = (0..300)
            .map(|at: usize| {
                let window = at.saturating_sub(13)..=at;
                let highest = all.high[window.clone()].iter().copied().fold(f64::MIN, f64::max);
                let lowest = all.low[window].iter().copied().fold(f64::MAX, f64::min);
                100.0 * (all.close[at] - lowest) / (highest - lowest)
            })
            .collect();
        let k: Vec<f64> = (0..300_usize).map(|at| mean(&place[at.saturating_sub(2)..=at])).collect();
        let seen = series(Stochastic::new(14, 3, 3).unwrap(), &all.candles);
        assert_close(&column(seen.clone(), |value| value.k), &from(17, 300, |at| k[at]));
        assert_close(&column(seen, |value| value.d), &from(17, 300, |at| mean(&k[at - 2..=at])));
    }
}

/// Goal: ATR and ADX are what Wilder says. Method: his sums as weights over the whole series.
#[test]
fn ranges_follow_their_definition() {
    for seed in 1..6 {
        println!("seed {seed}");
        let all = columns(seed, 300);
        let of_pair = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..300).map(|at| if at == 0 { 0.0 } else { value(at) }).collect()
        };
        let range = of_pair(&|at| f64::max(all.high[at], all.close[at - 1]) - f64::min(all.low[at], all.close[at - 1]));
        let rise = |at: usize| all.high[at] - all.high[at - 1];
        let fall = |at: usize| all.low[at - 1] - all.low[at];
        let up = of_pair(&|at| if rise(at) > fall(at).max(0.0) { rise(at) } else { 0.0 });
        let down = of_pair(&|at| if fall(at) > rise(at).max(0.0) { fall(at) } else { 0.0 });
        for n in [2, 14] {
            assert_close(&series(Atr::new(n).unwrap(), &all.candles), &from(n, 300, |at| wilder(&range, 1, n, at)));
            // The first n - 1 count in full, and each candle from then on takes an n-th of the sum away.
            let sum = |numbers: &[f64], at: usize| -> f64 {
                let kept = 1.0 - 1.0 / n as f64;
                (1..=at).map(|one| numbers[one] * kept.powi((at - one.max(n - 1)) as i32)).sum()
            };
            let part = |numbers: &[f64], at: usize| 100.0 * sum(numbers, at) / sum(&range, at);
            let direction: Vec<f64> = (0..300)
                .map(|at: usize| {
                    let (plus, minus) = (part(&up, at.max(n)), part(&down, at.max(n)));
                    100.0 * (plus - minus).abs() / (plus + minus)
                })
                .collect();
            let seen = series(Adx::new(n).unwrap(), &all.candles);
            let first = 2 * n - 1;
            assert_close(&column(seen.clone(), |value| value.plus), &from(first, 300, |at| part(&up, at)));
            assert_close(&column(seen.clone(), |value| value.minus), &from(first, 300, |at| part(&down, at)));
            if n == 14 {
                let adx = from(first, 300, |at| wilder(&direction, n, n, at));
                assert_close(&column(seen, |value| value.adx), &adx);
            }
        }
    }
}

/// Goal: OBV and VWAP are what they are defined to be; VWAP begins anew at midnight UTC. Method: sums over the series.
#[test]
fn volume_follows_its_definition() {
    let all = columns(3, 300);
    let obv = from(0, 300, |at| {
        let signed = |one: usize| match all.close[one].total_cmp(&all.close[one - 1]) {
            std::cmp::Ordering::Less => -all.volume[one],
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => all.volume[one],
        };
        all.volume[0] + (1..=at).map(signed).sum::<f64>()
    });
    assert_close(&series(Obv::new(), &all.candles), &obv);
    let day = |at: usize| all.time[at] / 86_400_000;
    let seen = series(Vwap::new(), &all.candles);
    let mut silent = 0;
    for at in 0..300 {
        let today = || (0..=at).filter(|&one| day(one) == day(at));
        let volume: f64 = today().map(|one| all.volume[one]).sum();
        let paid = |one: usize| all.volume[one] * (all.high[one] + all.low[one] + all.close[one]) / 3.0;
        let vwap = (volume > 0.0).then(|| today().map(paid).sum::<f64>() / volume);
        assert_close(&seen[at..=at], &[vwap]);
        silent += usize::from(vwap.is_none());
    }
    assert!(silent > 0, "no day began without volume");
}

/// Goal: nothing moves, nothing breaks. Method: flat candles, at zero and elsewhere, through every indicator.
#[test]
fn flat_series_give_finite_values() {
    let names = ["sma", "ema", "wma", "rsi", "macd", "bb", "atr", "stoch", "adx", "obv", "vwap"];
    for price in [0.0, 100.0] {
        let candles: Vec<Candle> = (0..100).map(|at| Candle::new(at, price, price, price, 0.0).unwrap()).collect();
        for name in names {
            let spec: Spec = name.parse().unwrap();
            let values = series(spec.start().unwrap(), &candles);
            assert!(values.iter().flatten().flat_map(|values| values.as_slice()).all(|value| value.is_finite()));
        }
    }
    let last = |name: &str| {
        let spec: Spec = name.parse().unwrap();
        let candles: Vec<Candle> = (0..100).map(|at| Candle::new(at, 5.0, 5.0, 5.0, 1.0).unwrap()).collect();
        series(spec.start().unwrap(), &candles).last().copied().flatten().map(|values| values.as_slice().to_vec())
    };
    assert_eq!(last("rsi"), Some(vec![0.0]));
    assert_eq!(last("stoch"), Some(vec![0.0, 0.0]));
    assert_eq!(last("bb"), Some(vec![5.0, 5.0, 5.0]));
}

/// Goal: an indicator by name is the same as by type, has its first value where it says, and goes on where it stopped.
/// Method: each name over a series, and a copy taken in the middle.
#[test]
fn names_warm_up_as_they_say() {
    let all = columns(4, 200);
    for name in ["sma:3", "ema:5", "wma", "rsi:9", "macd:3,7,4", "bb:10,1.5", "atr", "stoch:5,2,4", "adx:6", "obv"] {
        let spec: Spec = name.parse().unwrap();
        let values = series(spec.start().unwrap(), &all.candles);
        assert_eq!(values.iter().position(Option::is_some), Some(spec.warm_up()), "{name}");
        assert!(values[spec.warm_up()..].iter().all(Option::is_some));
        assert!(values.iter().flatten().all(|values| values.as_slice().len() == spec.columns().len()));
        let mut running = spec.start().unwrap();
        let first: Vec<_> = all.candles[..100].iter().map(|candle| running.push(candle)).collect();
        let second = series(running.clone(), &all.candles[100..]);
        assert_eq!([first, second].concat(), values, "{name}");
    }
}

/// Goal: bad parameters and candles are refused by kind. Method: each limit, on both sides of it.
#[test]
fn bad_parameters_are_refused() {
    let range = |error| SpecError::Range(error);
    let short = |period, least| range(ParameterError::Short { period, least });
    for name in ["sma", "ema", "wma", "rsi", "bb", "atr", "stoch"] {
        let parse = |parameter: usize| format!("{name}:{parameter}").parse::<Spec>().map(|_| ());
        assert_eq!(parse(0), Err(short(0, 1)), "{name}");
        assert_eq!((parse(1), parse(PERIOD_MAX)), (Ok(()), Ok(())), "{name}");
        assert_eq!(parse(PERIOD_MAX + 1), Err(range(ParameterError::Long { period: PERIOD_MAX + 1 })), "{name}");
    }
    let parse = |text: &str| text.parse::<Spec>();
    assert_eq!(parse("adx:1"), Err(short(1, 2)));
    assert_eq!(parse("macd:26,12"), Err(range(ParameterError::Order)));
    assert_eq!(parse("macd:12,12"), Err(range(ParameterError::Order)));
    assert_eq!(parse("macd:12,26,0"), Err(short(0, 1)));
    assert_eq!(parse("stoch:14,0"), Err(short(0, 1)));
    assert_eq!(parse("bb:20,-1"), Err(range(ParameterError::Factor { factor: -1.0 })));
    assert_eq!(parse("bb:20,inf"), Err(range(ParameterError::Factor { factor: f64::INFINITY })));
    assert!(matches!(parse("bb:20,NaN"), Err(SpecError::Range(ParameterError::Factor { .. }))));
    for text in ["sma:x", "sma:-1", "sma:1,2", "obv:1", "macd:12,,9", "sma:1,"] {
        assert_eq!(parse(text), Err(SpecError::Parameters), "{text}");
    }
    assert_eq!(parse("sam:20"), Err(SpecError::Name));
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(Candle::new(0, bad, 1.0, 1.0, 1.0).is_err() && Candle::new(0, 1.0, 1.0, 1.0, bad).is_err());
    }
}
