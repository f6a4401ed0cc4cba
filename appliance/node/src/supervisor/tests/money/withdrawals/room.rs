//! Batches that are more than a wallet may pay within an hour.

use exchequer_domain::{Timestamp, TxId};

use super::*;
use crate::supervisor::tests::money::mortal::Fate;

/// What each withdrawal is, in minor units, which are satoshi.
const AMOUNT: u128 = 1_000_000;
/// What an hour allows: five of them, with a fee.
const HOUR_MAX: u128 = 5_100_000;
const HOUR_US: u64 = 3_600_000_000;
/// Withdrawals that are queued at once.
const QUEUED: u64 = 12;
/// Seconds between two looks.
const LOOK_S: u64 = 20;
/// An hour where every moment has a life of its own.
const SHORT_HOUR_US: u64 = 300_000_000;
/// Looks until all must be paid: five hours.
const LOOKS_MAX: u64 = 5 * 3_600 / LOOK_S;
/// Moments at which a worker dies: from the first on, and every so many.
const MOMENTS: u64 = 120;
const MOMENTS_STEP: usize = 8;

/// What was signed, when, and what it takes away: what every signer of the vault remembers.
struct Spent {
    hour_us: u64,
    signed: Vec<(Timestamp, TxId, u128)>,
}

/// Signs no more than an hour allows, as the vault's signer does, and says what there is room for.
struct Tight {
    hand: Arc<dyn Signer>,
    ground: Arc<Memory>,
    net: Arc<Mutex<Net>>,
    spent: Arc<Mutex<Spent>>,
}

impl Tight {
    /// Whether it may be signed.
    fn judge(&self, payout: u64, attempt: u32) -> Result<(), SignError> {
        let (payout, attempt) = (PayoutId(payout), u16::try_from(attempt).unwrap());
        let bytes = self.ground.rows(|state, rows| state.unsigned_bytes(rows, payout, attempt).unwrap()).unwrap();
        let Some(tx) = bytes.and_then(|raw| self.net.lock().read(&raw)) else {
            return Err(SignError::Unknown("it is over".to_owned()));
        };
        let total: u128 = tx.effects.payments.iter().map(|payment| payment.amount).sum::<u128>() + tx.effects.fee_max;
        let (now, mut spent) = (self.ground.now(), self.spent.lock());
        if spent.signed.iter().any(|(_, id, _)| *id == tx.id) {
            return Ok(());
        }
        let within = spent.signed.iter().filter(|(at, ..)| now.0 - at.0 < spent.hour_us);
        let room = HOUR_MAX - within.map(|(.., amount)| amount).sum::<u128>();
        match tx.effects.payments.len() {
            _ if total <= room => {
                spent.signed.push((now, tx.id, total));
                Ok(())
            }
            1 if total > HOUR_MAX => Err(SignError::Refused("over-velocity".to_owned())),
            1 => Err(SignError::Unknown("velocity-hour".to_owned())),
            _ => Err(SignError::TooMuch { why: "velocity-hour".to_owned(), room }),
        }
    }
}

impl Signer for Tight {
    fn sign(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Signature, SignError>> {
        Box::pin(async move {
            self.judge(payout, attempt)?;
            self.hand.sign(payout, attempt).await
        })
    }

    fn give_up(&self, payout: u64, attempt: u32) -> Doing<'_, Result<Option<Signature>, SignError>> {
        self.hand.give_up(payout, attempt)
    }
}

/// A queue that is more than an hour allows.
async fn queue(amounts: &[u128], hour_us: u64) -> (Play, Arc<Mutex<Spent>>, Vec<WithdrawalId>) {
    let play = Play::begin(Network::Bitcoin, 1, 1).await;
    let asked =
        (0..).zip(amounts).map(|(n, amount)| ask_for(&play.stage, Network::Bitcoin, 1, 1, n, *amount)).collect();
    (play, Arc::new(Mutex::new(Spent { hour_us, signed: Vec::new() })), asked)
}

fn worker(play: &mut Play, spent: &Arc<Mutex<Spent>>, fate: Option<&Arc<Fate>>) -> Worker {
    let (ground, net, spent) = (play.stage.shared.ground.clone(), play.net.clone(), spent.clone());
    let tight = move |hand| Arc::new(Tight { hand, ground, net, spent }) as Arc<dyn Signer>;
    match fate {
        None => play.worker_over(|link| link, tight),
        Some(fate) => play.worker_over(
            |link| Arc::new(super::super::mortal::MortalLink { link, fate: fate.clone() }),
            |hand| Arc::new(super::super::mortal::MortalSigner { signer: tight(hand), fate: fate.clone() }),
        ),
    }
}

/// How many of them are paid, each once, in their order; and no hour saw more than it allows.
fn paid(play: &Play, spent: &Mutex<Spent>, asked: &[WithdrawalId], said: &str) -> usize {
    let all: Vec<usize> = (0..).zip(asked).map(|(n, _)| play.paid(n).len()).collect();
    assert!(all.windows(2).all(|pair| pair[0] >= pair[1]) && all.iter().all(|count| *count <= 1), "{said}: {all:?}");
    let spent = spent.lock();
    for (at, ..) in &spent.signed {
        let within = spent.signed.iter().filter(|(other, ..)| (at.0..at.0 + spent.hour_us).contains(&other.0));
        assert!(within.map(|(.., amount)| amount).sum::<u128>() <= HOUR_MAX, "{said}");
    }
    all.iter().sum()
}

/// Goal: a batch that is more than an hour allows is cut to what fits: that is paid at once, the rest in the hours that come, in its
/// order, each once; and no person is asked. Method: twelve withdrawals, of which an hour allows five; what is paid is counted after
/// minutes, and after each hour.
#[tokio::test(start_paused = true)]
async fn a_batch_is_cut_to_what_an_hour_allows() {
    let (mut play, spent, asked) = queue(&[AMOUNT; QUEUED as usize], HOUR_US).await;
    let desk = worker(&mut play, &spent, None);
    let (began, mut by_hour, mut looks) = (play.stage.ground().now(), [0; 5], 0);
    while !asked.iter().all(|id| play.stage_of(*id).is_over()) {
        looks += 1;
        assert!(looks < LOOKS_MAX, "{by_hour:?}, {:?}", asked.iter().map(|id| play.stage_of(*id)).collect::<Vec<_>>());
        let _ = play.round(&desk).await;
        play.pass(LOOK_S, looks % 6 == 0).await;
        let hours = (play.stage.ground().now().0 - began.0) / HOUR_US;
        by_hour[usize::try_from(hours).unwrap()] = paid(&play, &spent, &asked, "in peace");
        let people = play.stage.ground().state(|state| state.withdrawals().before_people()).unwrap();
        assert_eq!(people, 0, "nobody is asked");
    }
    println!("paid by the end of each hour: {by_hour:?}; batches {:?}", play.net.lock().batches());
    assert_eq!(by_hour[..2], [5, 10], "as many as fit, each hour");
    assert_eq!(paid(&play, &spent, &asked, "in the end"), asked.len());
    // Whatever was given up was sent to nobody. The first transaction is how the wallet came by its coins.
    let batches: Vec<usize> = play.net.lock().batches().into_iter().skip(1).filter(|count| *count > 0).collect();
    assert_eq!(batches, [5, 1, 4, 1, 1], "one waits for its signature at a time, and the rest behind it");
    assert_eq!(play.net.lock().offered.len(), batches.len());
}

/// Goal: one that is more than an hour allows by itself does not hold those up that are not: they are paid, and it is set before people.
/// Method: such a one in the middle of a queue that fits without it.
#[tokio::test(start_paused = true)]
async fn one_that_no_hour_allows_is_set_aside_alone() {
    let amounts = [AMOUNT, HOUR_MAX, AMOUNT, AMOUNT];
    let (mut play, spent, asked) = queue(&amounts, HOUR_US).await;
    let desk = worker(&mut play, &spent, None);
    for look in 0..100 {
        let _ = play.round(&desk).await;
        play.pass(LOOK_S, look % 6 == 0).await;
    }
    let stages: Vec<Standing> = asked.iter().map(|id| play.stage_of(*id)).collect();
    assert_eq!(stages, [Standing::Completed, Standing::Review, Standing::Completed, Standing::Completed]);
}

/// Goal: wherever a worker dies while a batch is cut, each withdrawal is paid once and nobody has to lend a hand. Method: lives that end
/// at every eighth of the first moments before and after each call by which a worker changes something, reads what it sends, or has
/// something signed or given up; another worker begins with nothing.
#[tokio::test(start_paused = true)]
async fn a_death_while_a_batch_is_cut_pays_once() {
    let mut deaths = 0;
    for moment in (0..MOMENTS).step_by(MOMENTS_STEP) {
        let (mut play, spent, asked) = queue(&[AMOUNT * 2; 3], SHORT_HOUR_US).await;
        let before = play.money(1, 1)[0];
        let (fate, said) = (Fate::at(moment), format!("moment {moment}"));
        let mut desk = worker(&mut play, &spent, Some(&fate));
        let (mut looks, mut dead) = (0, false);
        while !asked.iter().all(|id| play.stage_of(*id).is_over()) {
            looks += 1;
            assert!(looks < LOOKS_MAX, "{said}: {:?}", asked.iter().map(|id| play.stage_of(*id)).collect::<Vec<_>>());
            let dies = tokio::select! {
                biased;
                () = fate.reached.notified(), if !dead => true,
                _ = play.round(&desk) => false,
            };
            if dies {
                dead = true;
                desk = worker(&mut play, &spent, None);
            }
            play.pass(LOOK_S, looks % 6 == 0).await;
        }
        assert_eq!(paid(&play, &spent, &asked, &said), asked.len(), "{said}");
        assert_eq!(play.money(1, 1), [before - 6 * AMOUNT; 2], "{said}: nothing is held any more");
        if fate.is_ahead() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 5, "{deaths} deaths");
}
