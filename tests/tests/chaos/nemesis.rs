//! Breaking things and mending them.
//!
//! One fault at a time, each from a cluster that serves: what is under test is that no fault loses anything, and an
//! outage that two faults together explain would tell nothing about either. A fault counts only when its effect was
//! seen: a leader in the minority, say, only when the others have elected one while it was cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Deadline, until};
use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::faults::{Fault, Kind, between};
use crate::ground::{self, Cut};
use crate::lab::{HOSTS, Lab, SOON};
use crate::load::Shared;
use crate::say::say;

/// From the beginning of one fault to that of the next, in milliseconds: at least, and at most unless the fault itself
/// takes longer.
const EVERY_MS: (u64, u64) = (5_000, 10_000);
/// Within this time after healing somebody leads and writes are acknowledged.
const SERVES: Duration = Duration::from_secs(30);

/// Whoever breaks things.
pub(crate) struct Nemesis {
    pub(crate) dice: StdRng,
    pub(crate) shared: Arc<Shared>,
    pub(crate) faults: Vec<Fault>,
    /// What was wrong and did not end the run.
    pub(crate) wrong: Vec<String>,
}

/// Whether the effect was seen, and what happened.
type Effect = (bool, String);

impl Nemesis {
    /// One fault, from a serving cluster to a serving cluster.
    ///
    /// # Errors
    /// When the cluster does not do what it must; the fault is then the last one on record.
    pub(crate) async fn strike(&mut self, lab: &mut Lab, kind: Kind) -> Result<()> {
        let begun = self.shared.now();
        let every = Deadline::within(between(&mut self.dice, EVERY_MS.0, EVERY_MS.1));
        self.faults.push(Fault { kind, begun, effective: false, caught_up: Duration::ZERO });
        let (effective, detail) = self.perform(lab, kind).await?;
        let healed = self.shared.now();
        say(format_args!("[{:7.1} s] {}: {detail}", begun as f64 / 1e9, kind.text()));
        if let Some(fault) = self.faults.last_mut() {
            fault.effective = effective;
        }
        let caught_up = lab.catch_up().await.context("catching up after healing")?;
        if let Some(fault) = self.faults.last_mut() {
            fault.caught_up = caught_up;
        }
        self.serves(lab, healed).await?;
        lab.pass(every.left()).await
    }

    /// Waits until somebody leads and a write that returns after `since` is acknowledged.
    async fn serves(&self, lab: &mut Lab, since: u64) -> Result<()> {
        lab.leader(&[], SERVES).await?;
        until("an acknowledged write after healing", SERVES, async || {
            ensure!(self.shared.last_acknowledged() > since, "none yet");
            Ok(())
        })
        .await?;
        lab.stand()
    }

    async fn perform(&mut self, lab: &mut Lab, kind: Kind) -> Result<Effect> {
        let leader = lab.leader(&[], SOON).await?;
        let follower = (leader + self.dice.random_range(1..HOSTS)) % HOSTS;
        let other = HOSTS - leader - follower;
        let everyone_but = |host: usize| (0..HOSTS).filter(|peer| *peer != host).collect::<Vec<_>>();
        let both = |host: usize| Cut { deaf_to: everyone_but(host), mute_to: everyone_but(host) };
        let deaf = |host: usize| Cut { deaf_to: everyone_but(host), mute_to: Vec::new() };
        let mute = |host: usize| Cut { deaf_to: Vec::new(), mute_to: everyone_but(host) };
        let link = Cut { deaf_to: vec![follower], mute_to: vec![follower] };
        match kind {
            Kind::KillLeader => self.kill(lab, &[leader]).await,
            Kind::KillFollower => self.kill(lab, &[follower]).await,
            Kind::KillTwo => {
                let spared = self.dice.random_range(0..HOSTS);
                self.kill(lab, &everyone_but(spared)).await
            }
            Kind::KillAll => self.kill(lab, &[leader, follower, other]).await,
            Kind::PauseLeader => self.pause(lab, leader, true).await,
            Kind::PauseFollower => self.pause(lab, follower, false).await,
            Kind::IsolateLeader => self.cut(lab, leader, &both(leader), true).await,
            Kind::IsolateFollower => self.cut(lab, follower, &both(follower), false).await,
            Kind::CutLink => self.cut(lab, leader, &link, false).await,
            Kind::DeafLeader => self.cut(lab, leader, &deaf(leader), true).await,
            Kind::MuteLeader => self.cut(lab, leader, &mute(leader), true).await,
            Kind::DeafFollower => self.cut(lab, follower, &deaf(follower), false).await,
            Kind::MuteFollower => self.cut(lab, follower, &mute(follower), false).await,
            Kind::FillLeader => self.fill(lab, leader).await,
            Kind::FillFollower => self.fill(lab, follower).await,
            Kind::PowerLeader => self.power(lab, &[leader]).await,
            Kind::PowerFollower => self.power(lab, &[follower]).await,
            Kind::PowerAll => self.power(lab, &[leader, follower, other]).await,
            Kind::RemoveAndJoin => self.wipe(lab, follower, false).await,
            Kind::Replace => self.wipe(lab, follower, true).await,
            Kind::RollingRestart => self.rolling_restart(lab).await,
            Kind::Transfer => self.transfer(lab, leader, follower).await,
        }
    }

    async fn kill(&mut self, lab: &mut Lab, hosts: &[usize]) -> Result<Effect> {
        for host in hosts {
            lab.kill(*host)?;
        }
        let names: Vec<&str> = hosts.iter().map(|host| lab.name(*host)).collect();
        let names = names.join(", ");
        let down = between(&mut self.dice, 500, 3_000);
        lab.pass(down).await?;
        for host in hosts {
            lab.start(*host)?;
        }
        Ok((true, format!("{names} for {down:?}")))
    }

    async fn pause(&mut self, lab: &mut Lab, host: usize, leads: bool) -> Result<Effect> {
        let time = Deadline::within(between(&mut self.dice, 1_000, 10_000));
        lab.pause(host)?;
        // A short pause may be over before the others have elected anyone; that is a good fault all the same.
        let successor = if leads { self.successor(lab, host, &time).await? } else { None };
        lab.pass(time.left()).await?;
        lab.resume(host)?;
        let followed = successor.map(|next| format!(", {} led meanwhile", lab.name(next))).unwrap_or_default();
        Ok((true, format!("{} for {:?}{followed}", lab.name(host), time.elapsed())))
    }

    /// The host that leads in place of `host`, if there is one in time.
    async fn successor(&mut self, lab: &mut Lab, host: usize, time: &Deadline) -> Result<Option<usize>> {
        while !time.passed() {
            if let Some(next) = lab.leads_now(&[host]).await? {
                return Ok(Some(next));
            }
            lab.stand()?;
            time.pause().await;
        }
        Ok(None)
    }

    /// `deposes`: it counts only when another host led meanwhile.
    async fn cut(&mut self, lab: &mut Lab, host: usize, cut: &Cut, deposes: bool) -> Result<Effect> {
        let time = Deadline::within(between(&mut self.dice, 2_500, 6_000));
        lab.cut(host, cut)?;
        let successor = if deposes { self.successor(lab, host, &time).await? } else { None };
        lab.pass(time.left()).await?;
        let swallowed = ground::swallowed(host)?;
        ground::heal()?;
        let followed = successor.map(|next| format!(", {} led meanwhile", lab.name(next))).unwrap_or_default();
        let detail = format!("{} for {:?}, {swallowed} packets swallowed{followed}", lab.name(host), time.elapsed());
        Ok((swallowed > 0 && (!deposes || successor.is_some()), detail))
    }

    async fn fill(&mut self, lab: &mut Lab, host: usize) -> Result<Effect> {
        const FULL: &str = "the disk is full: the node is read-only";
        const AMPLE: &str = "the disk has room again";
        let count = |lab: &Lab, text: &str| lab.log(host).matches(text).count();
        let (full, ample) = (count(lab, FULL), count(lab, AMPLE));
        lab.disk(host)?.fill()?;
        let filled = Deadline::within(between(&mut self.dice, 3_000, 6_000));
        until("a node that says that its disk is full", Duration::from_secs(10), async || {
            ensure!(count(lab, FULL) > full, "{} does not say so", lab.name(host));
            Ok(())
        })
        .await?;
        lab.pass(filled.left()).await?;
        lab.disk(host)?.free()?;
        until("a node that goes on by itself when there is room", Duration::from_secs(10), async || {
            ensure!(count(lab, AMPLE) > ample, "{} does not say so", lab.name(host));
            Ok(())
        })
        .await?;
        Ok((true, format!("{} for {:?}; it said so and went on by itself", lab.name(host), filled.elapsed())))
    }

    async fn power(&mut self, lab: &mut Lab, hosts: &[usize]) -> Result<Effect> {
        for host in hosts {
            lab.cut_power(*host)?;
        }
        let down = between(&mut self.dice, 500, 3_000);
        lab.pass(down).await?;
        for host in hosts {
            lab.restore_power(*host)?;
        }
        let names: Vec<&str> = hosts.iter().map(|host| lab.name(*host)).collect();
        Ok((true, format!("{} for {down:?}", names.join(", "))))
    }

    /// A follower loses everything and comes back as a new node.
    async fn wipe(&mut self, lab: &mut Lab, host: usize, replace: bool) -> Result<Effect> {
        // It may hold what only one other does.
        lab.healthy().await?;
        let (name, old) = (lab.name(host).to_owned(), lab.id(host).to_string());
        lab.kill(host)?;
        lab.wipe(host)?;
        let seen = AtomicU64::new(0);
        if replace {
            lab.join(host, &["--replace", &old]).await?;
        } else {
            lab.cluster.does(&["cluster", "remove", &old, "--reason", "its disk died", "--yes"]).await?;
            lab.join(host, &[]).await?;
        }
        let new = lab.id(host);
        until("the new id votes and the old one is gone", SOON, async || {
            let peers = lab.cluster.does(&["cluster", "peers"]).await?.json()?;
            let ids: Vec<u64> =
                peers["peers"].as_array().into_iter().flatten().filter_map(|p| p["id"].as_u64()).collect();
            seen.store(ids.len() as u64, Ordering::Relaxed);
            let votes = |id: u64| {
                let peers = peers["peers"].as_array().into_iter().flatten();
                peers.filter(|peer| peer["id"] == id).any(|peer| peer["voter"] == true)
            };
            ensure!(votes(new) && !ids.iter().any(|id| id.to_string() == old), "{peers}");
            Ok(())
        })
        .await?;
        lab.healthy().await?;
        Ok((seen.into_inner() == HOSTS as u64, format!("{name}: id {old} is id {new} now")))
    }

    async fn transfer(&mut self, lab: &mut Lab, leader: usize, to: usize) -> Result<Effect> {
        lab.healthy().await?;
        // The leader may have changed meanwhile; then this is refused, and drawn again in the next round.
        let name = lab.name(to).to_owned();
        let words = ["cluster", "transfer-leader", &name, "--reason", "maintenance"];
        let ran = lab.cluster.exq_at(lab.cluster.place(lab.id(leader))?).run(words).await?;
        let leads = lab.leader(&[], SOON).await?;
        let good = ran.exit == 0 && leads == to;
        Ok((good, format!("{} to {name}: exit code {} in {:?}", lab.name(leader), ran.exit, ran.took)))
    }

    /// Every node is stopped in good order and started again, one after the other.
    async fn rolling_restart(&mut self, lab: &mut Lab) -> Result<Effect> {
        let mut steps = Vec::new();
        for host in 0..HOSTS {
            lab.healthy().await?;
            let began = Deadline::within(SOON);
            self.wrong.extend(lab.stop(host).await?);
            lab.start(host)?;
            lab.healthy().await?;
            steps.push(format!("{} {:.1} s", lab.name(host), began.elapsed().as_secs_f64()));
        }
        Ok((true, steps.join(", ")))
    }
}
