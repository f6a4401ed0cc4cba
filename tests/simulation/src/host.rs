//! What runs on a simulated machine: a node with its server, its clients, its worker, and the hands of the operator.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use exchequer_raft::{
    Address, Alarm, Committed, Dialer, Drive, Epoch, Fatal, Handover, Hooks, Io, Membership, Node, Options,
    ProposeError, Timing,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::unbounded_channel;
use turmoil::net::{TcpListener, TcpStream};

use crate::machine::{Command, Outcome, SimMachine};
use crate::world::{PEER_PORT, World, address};

/// Lists that clients append to; the last one is the leader's worker's.
pub const LISTS: u8 = 4;
const WORKER_LIST: u8 = LISTS;
const CLUSTER: [u8; 16] = *b"simulatedcluster";
/// Where the simulated wall clock starts, in microseconds since 1970.
const EPOCH_US: u64 = 1_800_000_000_000_000;

/// An order of the operator to a node.
#[derive(Debug, Clone)]
pub enum Order {
    /// Found the cluster.
    Found,
    /// Add a learner.
    AddLearner(u64, Address),
    /// Give a vote.
    Promote(u64),
    /// Take a vote.
    Demote(u64),
    /// Remove a member.
    Remove(u64),
    /// Hand leadership to somebody.
    Transfer(Option<u64>),
    /// Take a snapshot as a backup does.
    Snapshot,
    /// Stop as on SIGTERM.
    Stop,
}

/// The draws of a run that nodes need.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A node's times.
    pub timing: Timing,
    /// The longest an ordinary sync takes, in milliseconds.
    pub sync_ms: u64,
    /// Clients on each machine.
    pub clients: u64,
    /// The longest pause of a client, in milliseconds.
    pub pause_ms: u64,
}

struct SimDialer;

impl Dialer for SimDialer {
    fn dial(&self, address: &str, _: u64) -> Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>> {
        let address = address.to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

struct SimHooks(Arc<World>);

impl Hooks for SimHooks {
    fn is_removed(&self, node: u64) -> bool {
        self.0.lock().removed.contains(&node)
    }

    fn answer(&self, _: u64, _: String, body: Bytes) -> Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>> {
        Box::pin(std::future::ready(Ok(body)))
    }

    fn beacon(&self) -> Bytes {
        Bytes::new()
    }

    fn clock_offset_max(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// A connection as the server takes it.
struct Accepted(TcpStream);

impl tonic::transport::server::Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Runs the machine until it crashes.
///
/// # Errors
/// None: whatever goes wrong is noted in the world, for the nemesis decides what is an error.
pub async fn run(world: Arc<World>, slot: usize, plan: Plan) -> turmoil::Result {
    if let Some(node) = start(&world, slot, &plan).await {
        serve(&world, slot, &plan, node).await?;
    }
    // Nothing more happens here until the machine is started again.
    std::future::pending().await
}

async fn start(world: &Arc<World>, slot: usize, plan: &Plan) -> Option<Node<SimMachine>> {
    let (id, boot, disk, skew, slow) = {
        let mut state = world.lock();
        let here = state.slots.get_mut(slot)?;
        if here.id == 0 {
            return None;
        }
        here.boots += 1;
        let disk = here.platter.power_on();
        if let Some(operations) = here.cut_at_boot.take() {
            here.platter.cut_power_in(operations);
        }
        (here.id, here.boots, disk, here.skew_us.clone(), here.slow.clone())
    };
    let alarmed = world.clone();
    let alarm = Alarm::new(move |fatal| {
        alarmed.event(&format!("node {id} stops: {fatal}"));
        let mut state = alarmed.lock();
        if let Some(here) = state.slots.get_mut(slot).filter(|here| here.boots == boot) {
            // What the node itself could not see, the others remember.
            here.lost |= here.rotten && matches!(fatal, Fatal::LogLost { .. });
            here.fatal.get_or_insert(fatal);
        }
    });
    let timed = world.clone();
    let wall = Arc::new(move || {
        let now = turmoil::sim_elapsed().unwrap_or_else(|| Duration::from_millis(timed.now_ms()));
        let now_us = u64::try_from(now.as_micros()).unwrap_or(0);
        (EPOCH_US + now_us).saturating_add_signed(skew.load(Ordering::Relaxed))
    });
    let (rolled, sync_ms) = (world.clone(), plan.sync_ms);
    let drive = Drive::Tasks(Arc::new(move || {
        // Now and then a disk takes ten times as long as it should.
        let longest = if rolled.roll(50) == 0 { sync_ms * 10 } else { sync_ms };
        let slow = slow.load(Ordering::Relaxed);
        Duration::from_millis(rolled.roll(longest * slow + slow))
    }));
    let options = Options {
        us: Membership { cluster: CLUSTER, lineage: 1, node: id },
        disk: Arc::new(disk),
        dialer: Arc::new(SimDialer),
        hooks: Arc::new(SimHooks(world.clone())),
        alarm,
        wall,
        drive,
        timing: plan.timing.clone(),
    };
    match Node::<SimMachine>::start(options).await {
        Ok(node) => {
            world.event(&format!("node {id} starts, run {boot}, applied {}", node.applied_index()));
            if world.lock().slots.get(slot).is_some_and(|here| here.must_refuse) {
                world.violate("start", &format!("node {id} lost acknowledged entries and starts all the same"));
            }
            Some(node)
        }
        Err(fatal) => {
            world.event(&format!("node {id} cannot start: {fatal}"));
            refused(world, slot, fatal);
            None
        }
    }
}

/// A node could not start: fine where its disk was damaged or cut off, a violation elsewhere.
fn refused(world: &World, slot: usize, fatal: Fatal) {
    let mut unexpected = None;
    {
        let mut state = world.lock();
        let Some(here) = state.slots.get_mut(slot) else { return };
        match &fatal {
            Fatal::LogLost { .. } if here.rotten => here.lost = true,
            Fatal::Disk(_) if here.platter.is_off() || here.full => {}
            Fatal::Halt { .. } if here.platter.is_off() || here.full => {}
            Fatal::LogLost { .. }
            | Fatal::Disk(_)
            | Fatal::Halt { .. }
            | Fatal::Diverged { .. }
            | Fatal::Undecodable { .. } => {
                unexpected = Some(format!("node {} cannot start on a sound disk: {fatal}", here.id));
            }
        }
        here.fatal = Some(fatal);
    }
    if let Some(text) = unexpected {
        world.violate("start", &text);
    }
}

async fn serve(world: &Arc<World>, slot: usize, plan: &Plan, node: Node<SimMachine>) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PEER_PORT)).await?;
    let incoming = futures::stream::unfold(listener, |listener| async move {
        let accepted = listener.accept().await.map(|(stream, _)| Accepted(stream));
        Some((accepted, listener))
    });
    let (orders, mut queue) = unbounded_channel();
    {
        let mut state = world.lock();
        if let Some(here) = state.slots.get_mut(slot) {
            here.node = Some(node.clone());
            here.orders = Some(orders);
        }
    }
    for _ in 0..plan.clients {
        tokio::spawn(client(world.clone(), node.clone(), plan.pause_ms));
    }
    tokio::spawn(worker(world.clone(), node.clone()));
    let (obeying, ordered) = (world.clone(), node.clone());
    tokio::spawn(async move {
        while let Some(order) = queue.recv().await {
            obey(&obeying, slot, &ordered, order).await;
        }
    });
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_millis(500)))
        .http2_keepalive_timeout(Some(Duration::from_millis(1000)))
        .add_routes(node.service())
        .serve_with_incoming(Box::pin(incoming))
        .await?;
    Ok(())
}

async fn obey(world: &Arc<World>, slot: usize, node: &Node<SimMachine>, order: Order) {
    let told = format!("node {} is told {order:?}", node.id());
    let patience = Duration::from_secs(3);
    let said = match order {
        Order::Found => node.found(address(slot)).await.map_err(|error| error.to_string()),
        Order::AddLearner(id, address) => {
            within(patience, async { node.add_learner(id, address).await.map_err(|error| error.to_string()) }).await
        }
        Order::Promote(id) => {
            let ids = BTreeSet::from([id]);
            within(patience, async { node.promote(ids).await.map_err(|error| error.to_string()) }).await
        }
        Order::Demote(id) => within(patience, async { node.demote(id).await.map_err(|error| error.to_string()) }).await,
        Order::Remove(id) => within(patience, async { node.remove(id).await.map_err(|error| error.to_string()) }).await,
        Order::Transfer(to) => {
            let handed = node.transfer_leader(to, Duration::from_secs(2)).await;
            if handed == Handover::Done { Ok(()) } else { Err("nobody took over".to_owned()) }
        }
        Order::Snapshot => node.snapshot().await.map(drop).map_err(|error| error.to_string()),
        Order::Stop => {
            node.stop(Duration::from_secs(1)).await;
            Ok(())
        }
    };
    world.event(&format!("{told}: {said:?}"));
}

async fn within(patience: Duration, change: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::time::timeout(patience, change).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// A client: sends new commands, sends some again, reads.
async fn client(world: Arc<World>, node: Node<SimMachine>, pause_ms: u64) {
    loop {
        tokio::time::sleep(Duration::from_millis(1 + world.roll(pause_ms))).await;
        match world.roll(10) {
            0..=4 => {
                let commands = (0..1 + world.roll(3)).map(|_| {
                    let list = u8::try_from(world.roll(u64::from(LISTS))).unwrap_or(0);
                    let id = world.lock().history.call(list);
                    Command { id, list, epoch: None }
                });
                let commands = commands.collect();
                send(&world, &node, commands).await;
            }
            5 => {
                let again = {
                    let roll = world.roll(u64::MAX);
                    world.lock().history.resend(|many| usize::try_from(roll % many as u64).unwrap_or(0))
                };
                // A worker's command is not sent again: its epoch would be another.
                if let Some((id, list)) = again.filter(|(_, list)| *list != WORKER_LIST) {
                    send(&world, &node, vec![Command { id, list, epoch: None }]).await;
                }
            }
            _ => read(&world, &node).await,
        }
    }
}

async fn send(world: &World, node: &Node<SimMachine>, commands: Vec<Command>) {
    let patience = Duration::from_millis(200 + world.roll(1500));
    let bytes = commands.iter().map(Command::encode).collect();
    let answer = node.propose(bytes, patience).await;
    note(world, node, &commands, answer);
}

fn note(world: &World, node: &Node<SimMachine>, commands: &[Command], answer: Result<Committed, ProposeError>) {
    let mut broken = None;
    {
        let mut state = world.lock();
        let ids: Vec<u64> = commands.iter().map(|command| command.id).collect();
        let short = answer.as_ref().map(|committed| committed.index);
        let line = format!("{} {ids:?} {short:?} {}", node.id(), world.now_ms());
        state.trace.fold(&line);
        match answer {
            Ok(committed) if committed.outcomes.len() == commands.len() => {
                for (command, outcome) in commands.iter().zip(&committed.outcomes) {
                    let said = match Outcome::decode(outcome) {
                        Some(outcome) => state.history.answered(command.id, committed.index, outcome),
                        None => Err(format!("the outcome of {} does not decode", command.id)),
                    };
                    broken = said.err().or(broken);
                }
            }
            Ok(committed) => {
                broken = Some(format!("{} outcomes for {} commands", committed.outcomes.len(), commands.len()));
            }
            Err(error) => ids.iter().for_each(|id| state.history.failed(*id, error)),
        }
        state.history.mark(world.now_ms());
    }
    if let Some(text) = broken {
        world.violate("client", &text);
    }
}

/// A local read: what the node says of its age must be true.
fn look(world: &World, node: &Node<SimMachine>) {
    let Ok(at) = node.read(|_, _, at| Ok(at)) else { return };
    let Ok(age_ms) = u64::try_from(at.age.as_millis()) else { return };
    let said = world.lock().history.aged(node.id(), at.index, age_ms, world.now_ms());
    if let Err(text) = said {
        world.violate("age", &text);
    }
}

async fn read(world: &World, node: &Node<SimMachine>) {
    look(world, node);
    let list = u8::try_from(world.roll(u64::from(LISTS) + 1)).unwrap_or(0);
    let floor = world.lock().history.floor(list);
    let patience = Duration::from_millis(200 + world.roll(1500));
    if node.linearize(patience).await.is_err() {
        return;
    }
    let seen = node.read(|machine, rows, at| Ok((machine.list(list, rows)?, at.index)));
    let said = match seen {
        Ok((seen, index)) => {
            let mut state = world.lock();
            let line = format!("{} read {list} {} {index}", node.id(), seen.len());
            state.trace.fold(&line);
            state.history.read(node.id(), list, floor, seen)
        }
        // A disk that was cut off cannot be read; the working set and its rows must agree on any other.
        Err(halt) if halt.code == "SIM-0001" => Err(format!("node {}: {halt}", node.id())),
        Err(_) => Ok(()),
    };
    if let Err(text) = said {
        world.violate("read", &text);
    }
}

/// The leader's worker: does work that only the leader may do, and goes on with it a little too long.
async fn worker(world: Arc<World>, node: Node<SimMachine>) {
    let mut epochs = node.epoch();
    let mut last: Option<Epoch> = None;
    loop {
        let present = *epochs.borrow_and_update();
        last = present.or(last);
        if let Some(epoch) = last {
            let id = world.lock().history.call(WORKER_LIST);
            let command = Command { id, list: WORKER_LIST, epoch: Some(epoch.index) };
            send(&world, &node, vec![command]).await;
        }
        tokio::time::sleep(Duration::from_millis(20 + world.roll(150))).await;
    }
}
