//! Children that end with their parent, whatever ends it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context as _, Result, bail};

/// util-linux's; it asks the kernel to send a signal when the parent is gone, and becomes the program.
const SETPRIV: &str = "/usr/bin/setpriv";
const LINES: usize = 20;

/// A running program. Dropping it kills it; where this process is killed, the kernel does.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; everything it prints goes to `log`.
    pub(crate) fn start(words: &[String], log: &Path) -> Result<Process> {
        let (program, arguments) = words.split_first().context("no program is named")?;
        let mut command = if Path::new(SETPRIV).exists() {
            let mut command = Command::new(SETPRIV);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let out = File::create(log).with_context(|| format!("{} cannot be made", log.display()))?;
        let error = out.try_clone().context("the log cannot be shared")?;
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(error);
        let child = spawn(command).with_context(|| format!("{program} cannot be started"))?;
        Ok(Process { child, log: log.to_owned() })
    }

    /// That it still runs; the end of its log where it does not.
    pub(crate) fn alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("the process cannot be waited for")? {
            bail!("ended by itself ({status}); its log ends:\n{}", self.tail())
        }
        Ok(())
    }

    /// Ends it at once, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // It may have ended before; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last lines that it printed.
    pub(crate) fn tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

type Order = (Command, Sender<io::Result<Child>>);

/// The kernel takes the thread that started a child for its parent, and the threads of tests and runtimes end before
/// the process does. So one that stays starts them all.
fn spawn(command: Command) -> Result<Child> {
    static KEEPER: OnceLock<Sender<Order>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, ordered) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in ordered {
                // Nobody waits where the asker is gone.
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, answered) = channel();
    keeper.send((command, answer)).ok().context("the thread that starts programs is gone")?;
    Ok(answered.recv().context("the thread that starts programs is gone")??)
}
