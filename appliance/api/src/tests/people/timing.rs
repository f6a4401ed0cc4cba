//! Whether the time of a refusal tells that a name exists.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use exchequer_state::people::Role;
use serde_json::json;

use super::super::World;
use super::super::memory::Memory;
use super::{admin, sign_in, unlimited};
use crate::app::App;

/// Pairs of sign-ins: one of a name that exists, one of a name that does not.
const PAIRS: usize = 120;
/// A difference that chance makes once in about thirty thousand tests.
const Z_MAX: f64 = 4.0;

/// The Mann-Whitney test of two samples: how many standard deviations their ranks are apart. Ties do not occur in
/// nanoseconds often enough to matter.
fn z(one: &[u128], other: &[u128]) -> f64 {
    let (n, m) = (one.len() as f64, other.len() as f64);
    let less = |a: &u128, b: &u128| match a.cmp(b) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    };
    let u: f64 = one.iter().map(|a| other.iter().map(|b| less(a, b)).sum::<f64>()).sum();
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// Wrong sign-ins of a name that exists and of names that do not, in turns, so that whatever else the machine does meets
/// both alike.
async fn measure(world: &World) -> f64 {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..PAIRS {
        let stranger = format!("ad{number:03}");
        let in_turn = if number % 2 == 0 { ["ada00", &stranger] } else { [stranger.as_str(), "ada00"] };
        for name in in_turn {
            let body = json!({ "name": name, "password": "wrong wrong wrong", "otp": "000000" });
            let begun = Instant::now();
            let reply = sign_in(world, &body).await;
            let took = begun.elapsed().as_nanos();
            assert_eq!(reply.refusal().1, "EXQ-0211");
            if name == "ada00" { known.push(took) } else { unknown.push(took) }
        }
    }
    z(&known, &unknown)
}

/// Goal: the time of a refusal does not tell whether a name exists, and this test would notice if it did. Method: the ranks
/// of interleaved refusals, by Mann and Whitney; then the same with a bug planted that refuses unknown names at once. A
/// disturbed machine can make one run differ, so the first passes if any of three does.
#[tokio::test]
async fn the_time_of_a_refusal_tells_nothing() {
    let house = Arc::new(Memory::new());
    let app = App::new(house.clone());
    let world = World { router: crate::serve(&app), house };
    unlimited(&world.house);
    admin(&world.house, "ada00", &[Role::Owner], true);
    // What is made once is made before.
    measure_once(&world).await;
    let mut seen = Vec::new();
    while seen.len() < 3 && seen.last().is_none_or(|z: &f64| z.abs() >= Z_MAX) {
        seen.push(measure(&world).await);
    }
    println!("z {seen:?}");
    assert!(seen.last().is_some_and(|z| z.abs() < Z_MAX), "{seen:?}");

    app.people.refuses_early.store(true, Ordering::Relaxed);
    let planted = measure(&world).await;
    println!("z {planted} with the bug planted");
    assert!(planted.abs() > 2.0 * Z_MAX, "a planted bug must show: {planted}");
}

async fn measure_once(world: &World) {
    for name in ["ada00", "nobody"] {
        sign_in(world, &json!({ "name": name, "password": "wrong wrong wrong", "otp": "000000" })).await;
    }
}

/// Goal: the test itself can tell equal from different. Method: samples of known order.
#[test]
fn ranks_are_counted_right() {
    let (low, high): (Vec<u128>, Vec<u128>) = ((0..40).collect(), (40..80).collect());
    assert!(z(&low, &high) > 7.0 && z(&high, &low) < -7.0);
    let (even, odd): (Vec<u128>, Vec<u128>) = ((0..40).map(|n| 2 * n).collect(), (0..40).map(|n| 2 * n + 1).collect());
    assert!(z(&even, &odd).abs() < 1.0);
}
