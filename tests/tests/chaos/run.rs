//! One run: bring up, break, mend, check.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use exchequer_tests::cluster::{Deadline, Http, until};
use futures::StreamExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use reqwest::Method;

use crate::check::{Became, Ending};
use crate::faults::{Bag, Kind, missing};
use crate::history::{History, Key, WriteEnd};
use crate::lab::{HOSTS, Lab, SOON};
use crate::load::{Load, Shared, seen};
use crate::nemesis::Nemesis;
use crate::plan::Plan;
use crate::say::say;
use crate::{check, linear, report};

/// Questions to the cluster under way at once, after the run.
const QUESTIONS: usize = 24;
/// Of the acknowledged writes one in this many is asked about by its command id.
const ASKED_EVERY: usize = 10;

/// Runs it.
///
/// # Errors
/// Whatever was found, and what is needed to look into it.
pub(crate) fn campaign(plan: &Plan) -> Result<()> {
    say(format_args!("seed {} (EXCHEQUER_CHAOS_SEED), {:?}", plan.seed, plan.time));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")?;
    // Servers end with the thread that started them: this one.
    runtime.block_on(under_faults(plan))
}

async fn under_faults(plan: &Plan) -> Result<()> {
    let shared = Shared::new();
    let mut lab = Lab::open(&shared).await?;
    let kinds = Kind::possible(&lab, &plan.kinds);
    ensure!(!kinds.is_empty(), "no kind of fault is possible");
    say(format_args!("{}; {} kinds of faults", lab.title(), kinds.len()));
    let load = Load::start(&shared, plan.seed, || lab.doors())?;
    let dice = StdRng::seed_from_u64(plan.seed);
    let mut nemesis = Nemesis { dice, shared: shared.clone(), faults: Vec::new(), wrong: Vec::new() };
    let mut agreed = Vec::new();
    let broken = strikes(plan, &kinds, &mut lab, &load, &mut nemesis, &mut agreed).await;
    let end = shared.now();
    let history = load.end().await?;
    say(summary(&shared, &nemesis, &history, &agreed, end));
    if broken.is_err() {
        say(lab.scene().await);
    }
    broken?;

    let ending = ask_all(&lab, &history).await?;
    let (orders, mut wrong) = check::check(&history, &ending);
    let began = Deadline::within(SOON);
    let (windows, not_linearizable) = linear::check(&orders);
    wrong.extend(not_linearizable);
    wrong.append(&mut nemesis.wrong);
    say(format_args!("{windows} windows of {} keys checked in {:.1} s", orders.len(), began.elapsed().as_secs_f64()));
    lab.cluster.does(&["audit", "verify"]).await?;
    lab.agree().await.context("after the run")?;
    if !wrong.is_empty() {
        wrong.iter().take(50).for_each(|text| say(format_args!("WRONG: {text}")));
        bail!("FAILED: {} violations, seed {}", wrong.len(), plan.seed)
    }
    let missing = missing(&kinds, &nemesis.faults, plan.least);
    ensure!(missing.is_empty(), "INVALID, which is not a pass: these kinds took effect too seldom: {missing:?}");
    say("PASSED: 0 acknowledged writes lost, 0 applied twice, all histories linearizable, equal state hashes");
    lab.finish()
}

/// Faults until the time is over and every kind was seen, with a look at the hashes after each round of all kinds.
async fn strikes(
    plan: &Plan,
    kinds: &[Kind],
    lab: &mut Lab,
    load: &Load,
    nemesis: &mut Nemesis,
    agreed: &mut Vec<Duration>,
) -> Result<()> {
    let (time, most) = (Deadline::within(plan.time), Deadline::within(plan.time * 2));
    let mut bag = Bag::new(kinds.to_vec(), &mut nemesis.dice);
    lab.pass(Duration::from_secs(1)).await?;
    while !time.passed() || !(missing(kinds, &nemesis.faults, plan.least).is_empty() || most.passed()) {
        match bag.next(&mut nemesis.dice) {
            Some(kind) => nemesis.strike(lab, kind).await.with_context(|| format!("FAILED: {}", kind.text()))?,
            None => {
                load.hold().await?;
                agreed.push(lab.agree().await.context("FAILED: state hashes after healing")?);
                load.resume();
            }
        }
    }
    load.hold().await?;
    agreed.push(lab.agree().await.context("FAILED: state hashes after healing")?);
    lab.healthy().await?;
    let verified = lab.cluster.does(&["cluster", "verify"]).await?;
    ensure!(verified.json()?["agree"] == true, "FAILED: {verified}");
    Ok(())
}

fn summary(shared: &Arc<Shared>, nemesis: &Nemesis, history: &History, agreed: &[Duration], end: u64) -> String {
    let count = |wanted: fn(&WriteEnd) -> bool| history.writes.iter().filter(|write| wanted(&write.end)).count();
    let acknowledged = history.acknowledgements();
    let gaps = report::gaps(&nemesis.faults, &acknowledged, end);
    format!(
        "\n{}\n{} faults, {} operations in {:.0} s: {} writes acknowledged, {} refused for their version, {} refused, {} \
         unknown; {} linearizable and {} local reads, {} reads unanswered; {} commands repeated\nother answers: {:?}\n\
         equal hashes after healing: {agreed:.1?}\n",
        report::by_kind(&nemesis.faults, &gaps),
        nemesis.faults.len(),
        history.operations(),
        end as f64 / 1e9,
        count(|end| matches!(end, WriteEnd::Done(_))),
        count(|end| *end == WriteEnd::Mismatch),
        count(|end| *end == WriteEnd::Refused),
        count(|end| *end == WriteEnd::Unknown),
        history.reads.iter().filter(|read| !read.local).count(),
        history.reads.iter().filter(|read| read.local).count(),
        history.silent_reads,
        history.repeats,
        shared.codes(),
    )
}

/// Reads every key and asks what became of commands, at all nodes in turn.
async fn ask_all(lab: &Lab, history: &History) -> Result<Ending> {
    let doors = lab.doors()?;
    let door = |number: usize| doors.get(number % HOSTS).cloned().context("no such host");
    let mut keys: Vec<Key> = history.writes.iter().map(|write| write.key).collect();
    keys.extend(history.reads.iter().map(|read| read.key));
    keys.sort_unstable();
    keys.dedup();
    let reads = keys.into_iter().enumerate().map(async |(number, key)| {
        let found = ask(&door(number)?, &format!("/v1/scratch/{key}")).await?;
        Ok((key, seen(&found)?.with_context(|| format!("{key}: {}", found.text))?))
    });
    let values = futures::stream::iter(reads).buffer_unordered(QUESTIONS).collect::<Vec<Result<_>>>().await;
    let asked = history.writes.iter().enumerate().filter(|(number, write)| match write.end {
        WriteEnd::Refused | WriteEnd::Unknown => true,
        WriteEnd::Done(_) | WriteEnd::Mismatch => number % ASKED_EVERY == 0,
    });
    let questions = asked.map(async |(number, write)| {
        let found = ask(&door(number)?, &format!("/v1/commands/{:032x}", write.id)).await?;
        let became = match (found.status, found.body["status"].as_str(), found.body["effect"]["version"].as_u64()) {
            (404, _, _) => Became::Nothing,
            (200, Some("done"), Some(version)) => Became::Done(version),
            (200, Some("rejected"), _) => Became::Mismatch,
            (_, _, _) => bail!("a strange answer about a command: {}", found.text),
        };
        Ok((write.id, became))
    });
    let became = futures::stream::iter(questions).buffer_unordered(QUESTIONS).collect::<Vec<Result<_>>>().await;
    Ok(Ending {
        values: values.into_iter().collect::<Result<BTreeMap<_, _>>>()?,
        became: became.into_iter().collect::<Result<BTreeMap<_, _>>>()?,
    })
}

/// Asks until it is answered with what is there, or that nothing is.
async fn ask(door: &Http, path: &str) -> Result<exchequer_tests::cluster::Answer> {
    until(path, SOON, async || {
        let answer = door.call(Method::GET, path, None).await?;
        ensure!([200, 404].contains(&answer.status), "HTTP {}: {}", answer.status, answer.text);
        Ok(answer)
    })
    .await
}
