//! Blocks that are looked at again: a directive goes through the supervisor to the deposit worker in its host, and what the worker
//! finds comes back over the money link.

use std::sync::Arc;

use exchequer_state::directives::{Directive, DirectiveAction, Priority, Stage as At, Target};
use exchequer_state::ledger::{AccountKey, Asset, Holder, Side};
use exchequer_state::workers::Desired;
use exchequer_state::{AddWorkers, Body, ConfigureNetworkAsset, Done, NewDirective, SendDirectives};
use exchequer_workers::kinds::Kind;
use exchequer_workers::kinds::deposit::{Deposit, RESCAN, RESCAN_APPLY};
use exchequer_workers::money::{Dial, Link};
use parking_lot::Mutex;

use super::super::super::ground::Ground as _;
use super::super::super::money::Door;
use super::super::stage::{Part, Stage};
use super::acceptance::truthful;
use super::chain::Chain;
use super::deposits::{scanned, worker};
use super::link::{Faults, Inline};
use super::{Dice, NETWORK, TOKEN, balances, list_token, open};

/// Rescans until one comes through.
const TRIES_MAX: u32 = 200;

/// A deposit worker that runs, and the chain as its two endpoints tell it.
struct Scene {
    stage: Stage,
    tell: [Arc<Mutex<Chain>>; 2],
    faults: Arc<Mutex<Faults>>,
}

impl Scene {
    async fn begin() -> Scene {
        let stage = open().await;
        let tell = [4, 4].map(|seed| Arc::new(Mutex::new(Chain::new(seed))));
        let faults = Arc::new(Mutex::new(Faults { dice: Dice::new(4), lost: 0, deadly: 0, full: None }));
        let nodes = truthful(&[("first", &tell[0]), ("second", &tell[1])]);
        let (shared, lossy) = (Arc::downgrade(&stage.shared), faults.clone());
        let part: Part = Arc::new(move |pid: u32| {
            let (shared, faults) = (shared.clone(), lossy.clone());
            let dial: Dial = Arc::new(move |ticket: Vec<u8>| {
                let door = Door::new(shared.upgrade().unwrap());
                let caller = door.caller(&ticket, Some(pid)).unwrap();
                let link = Inline { door, caller, faults: faults.clone(), died: Arc::default() };
                Arc::new(link) as Arc<dyn Link>
            });
            (Arc::new(Deposit::with(nodes.clone())) as Arc<dyn Kind>, Some(dial))
        });
        stage.shared.launcher.parts.lock().insert(worker(), part);
        let workers = vec![worker()];
        stage.ground().run(Body::AddWorkers(AddWorkers { workers, desired: Desired::Running, reason: "test".into() }));
        Scene { stage, tell, faults }
    }

    /// Both endpoints tell the same from now on.
    fn tell(&self, chain: &Chain) {
        self.tell.iter().for_each(|told| *told.lock() = chain.clone());
    }

    async fn level(&self) {
        let head = self.tell[0].lock().head();
        let level = |stage: &Stage| {
            let now = scanned(stage);
            now.tip.map(|tip| tip.height) == Some(head) && now.agreed == head
        };
        self.stage.until("the worker is level with the chain", level).await;
    }

    /// Has the worker carry a directive out; what came of it.
    async fn have(&self, name: &str, payload: &str) -> Directive {
        let action =
            DirectiveAction::Custom { name: name.into(), payload: payload.as_bytes().to_vec(), idempotent: true };
        let directive = NewDirective {
            key: None,
            priority: Priority::Normal,
            target: Target::Worker(worker()),
            action,
            not_before: None,
            deadline: None,
            max_attempts: 1,
            needs_approval: false,
        };
        let send = SendDirectives { directives: vec![directive], reason: "test".into() };
        let Done::DirectivesSent(sent) = self.stage.ground().run(Body::SendDirectives(send)) else {
            panic!("not sent")
        };
        let id = sent[0].directive;
        let is_over = |stage: &Stage| matches!(stage.directive(id).state.stage(), At::Succeeded | At::Failed);
        self.stage.until(&format!("`{name} {payload}` is over"), is_over).await;
        self.stage.directive(id)
    }

    /// What a directive that succeeded says.
    async fn done(&self, name: &str, payload: &str) -> String {
        let done = self.have(name, payload).await;
        assert_eq!(done.state.stage(), At::Succeeded, "{done:?}");
        String::from_utf8(done.result).unwrap()
    }
}

/// Goal: a payment that both endpoints once hid is told by a look, which changes nothing, and credited once by what two persons
/// asked for, whatever is lost on the way and however often; one endpoint's word credits nothing, and what nobody can look at is
/// refused with its reason. Method: a block told without its payment between two that were seen; the truth by one endpoint, then
/// by both.
#[tokio::test(start_paused = true)]
async fn what_a_rescan_finds_is_credited_once() {
    let scene = Scene::begin().await;
    let mut truth = Chain::new(4);
    for (index, minor) in [(0, 500), (1, 700), (0, 30)] {
        truth.mine_to(index, minor);
    }
    for _ in 0..5 {
        truth.mine(0);
    }
    scene.tell(&truth.without(2));
    scene.level().await;
    truth.finality = 1;
    truth.mine(0);
    scene.tell(&truth.without(2));
    scene.level().await;
    let seen = [530, 0, 0, 0];
    assert_eq!(balances(&scene.stage), seen);
    assert!(
        scene.done(RESCAN, "1 3").await.starts_with("blocks 1 to 3: 2 arrivals, 0 that are not certain, 0 differences")
    );

    *scene.tell[0].lock() = truth.clone();
    for name in [RESCAN, RESCAN_APPLY] {
        let alone = scene.have(name, "1 3").await;
        assert!(alone.error.as_deref().is_some_and(|why| why.contains("contradict each other")), "{alone:?}");
    }
    assert_eq!(balances(&scene.stage), seen, "one endpoint's word");

    scene.tell(&truth);
    let told = scene.done(RESCAN, "1 3").await;
    assert!(
        told.starts_with("blocks 1 to 3: 3 arrivals, 0 that are not certain, 1 differences\nmissing: block 2: "),
        "{told}"
    );
    assert_eq!(balances(&scene.stage), seen, "a look changes nothing");
    for (payload, why) in
        [("7", "two heights"), ("3 1", "two heights"), ("1 99", "block 9 is the last one"), ("1 9999", "2000 blocks")]
    {
        let refused = scene.have(RESCAN_APPLY, payload).await;
        assert!(refused.error.as_deref().is_some_and(|error| error.contains(why)), "{payload}: {refused:?}");
    }
    assert!(scene.have("rescan-all", "1 3").await.error.is_some_and(|why| why.contains("knows no directive")));

    let all = [530, 700, 0, 0];
    scene.faults.lock().lost = 60;
    let (mut failed, mut done) = (0, 0);
    for _ in 0..TRIES_MAX {
        let is_done = scene.have(RESCAN_APPLY, "1 3").await.state.stage() == At::Succeeded;
        (done, failed) = if is_done { (done + 1, failed) } else { (done, failed + 1) };
        let has = balances(&scene.stage);
        assert!(has == seen || has == all, "{has:?}");
        if done >= 3 && failed > 0 {
            break;
        }
    }
    scene.faults.lock().lost = 0;
    assert!(done >= 3 && failed > 0, "{done} came through, {failed} did not");
    assert_eq!(balances(&scene.stage), all);
    let told = scene.done(RESCAN_APPLY, "1 3").await;
    let nothing = "3 arrivals, 0 that are not certain, 0 differences; 0 that were missing are in the books now";
    assert_eq!(told, format!("blocks 1 to 3: {nothing}"));
}

/// Goal: what a rescan credits is a deposit like any other: the worker that goes on neither credits it again nor takes it back.
/// Method: blocks after it, the worker killed and begun anew from the state's cursor.
#[tokio::test(start_paused = true)]
async fn the_scan_goes_on_after_a_rescan() {
    let scene = Scene::begin().await;
    let mut truth = Chain::new(4);
    truth.mine_to(2, 900);
    for _ in 0..3 {
        truth.mine(0);
    }
    scene.tell(&truth.without(1));
    scene.level().await;
    truth.finality = 1;
    truth.mine(0);
    scene.tell(&truth.without(1));
    scene.level().await;
    scene.tell(&truth);
    let told = scene.done(RESCAN_APPLY, "1 1").await;
    assert!(told.contains("1 that were missing are in the books now"), "{told}");
    assert_eq!(balances(&scene.stage), [0, 0, 900, 0]);
    scene.stage.shared.launcher.running.lock()[&worker()].send(super::super::super::launch::End::Forced).unwrap();
    truth.mine_to(2, 11);
    for _ in 0..4 {
        truth.mine(0);
    }
    scene.tell(&truth);
    scene.level().await;
    assert_eq!(balances(&scene.stage), [0, 0, 911, 0]);
}

/// Goal: a log that a quorum disproved is not believed in a rescan because nodes have forgotten since, and is as soon as a quorum proves it.
/// Method: some of a token that arrives by its log and not by its balances; a person who lets the token go on, and endpoints that have
/// forgotten, and then tell otherwise.
#[tokio::test(start_paused = true)]
async fn what_was_not_believed_is_not_because_nodes_forget() {
    let scene = Scene::begin().await;
    list_token(scene.stage.ground());
    let mut truth = Chain::new(4);
    truth.tokens = Some(false);
    truth.mine_token(TOKEN, 0, 50);
    (0..5).for_each(|_| truth.mine(0));
    scene.tell(&truth);
    scene.level().await;
    truth.finality = 1;
    truth.mine(0);
    scene.tell(&truth);
    scene.level().await;
    let key = AccountKey { holder: Holder::Customer { customer: 1, sub_account: 0 }, asset: Asset(2) };
    let has = || {
        let account = scene.stage.ground().state(|state| state.account(&key)).unwrap();
        account.map_or(0, |account| account.sums.balance(Side::Credit))
    };
    let (deposits, withdrawals, sweeps) = (Some(true), None, None);
    let on = ConfigureNetworkAsset {
        network: NETWORK,
        asset: Asset(2),
        deposits,
        withdrawals,
        sweeps,
        reason: "test".into(),
    };
    scene.stage.ground().run(Body::ConfigureNetworkAsset(on));
    for (tokens, said, credited) in [(None, "not certain: ", 0), (Some(true), "certain now: ", 50)] {
        truth.tokens = tokens;
        scene.tell(&truth);
        let told = scene.done(RESCAN_APPLY, "1 1").await;
        assert!(told.contains(said), "{told}");
        assert_eq!(has(), credited, "{told}");
    }
}
