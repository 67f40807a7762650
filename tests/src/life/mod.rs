//! A life of a deployment: weeks of tables, policies and people, in which at random everything goes wrong that may.
//! What is to happen is drawn from a seed beforehand, so that a life can be lived again with less of it.

pub mod act;
mod dice;
pub mod draw;
mod faults;
mod history;
mod scene;
mod shrink;
mod still;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backup_chain_checker::{Entry, Intent};
use backup_chain_deployed::stack::{Failure, Schedules, Stack};
use backup_chain_local::{Options, World};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use self::act::{Act, Trouble, What};
pub use self::history::digest;
use self::scene::Scene;
pub use self::shrink::shrink;

/// When every life begins: a Monday, weeks before the clocks of Europe and America go forward.
const BEGIN: &str = "2026-02-02T00:00:00Z";
/// How often somebody looks whether all is at rest, and how often they do at most.
const LOOK: SignedDuration = SignedDuration::from_mins(30);
const LOOKS: usize = 48;

/// Lives through the acts, and tells what happened. The seed throws the dice of the embedded AWS as well.
///
/// # Errors
/// When the embedded AWS does not do what it is there for.
pub fn live(seed: u64, acts: &[(usize, Act)]) -> Result<Vec<Entry>, Failure> {
    // The SDK makes its own idempotency tokens with it.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(Life::live(seed, acts))
}

/// What happens at a moment, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Ends(usize),
    Begins(usize),
}

struct Life {
    scene: Arc<Scene>,
    orders: mpsc::UnboundedSender<What>,
    /// How much the operators have not done yet.
    ordered: Arc<AtomicUsize>,
    /// What goes wrong now, by the numbers of the acts.
    troubles: BTreeMap<usize, Option<Trouble>>,
    /// The turns to come.
    turns: BTreeMap<(SignedDuration, Turn), What>,
    began: Timestamp,
}

impl Life {
    async fn live(seed: u64, acts: &[(usize, Act)]) -> Result<Vec<Entry>, Failure> {
        let world = World::new(Options { start: BEGIN.parse()?, seed });
        let schedules = Schedules { tick: SignedDuration::from_mins(30), ..Schedules::default() };
        let stack = Stack::deploy(&world, schedules).await?;
        world.clear_calls();
        world.keep_bodies();
        let scene = Arc::new(Scene::new(world, stack));
        scene.note(history::deployed(&scene.stack));
        let mut life = Self::new(scene);
        for (number, act) in acts {
            life.turns.insert((act.after, Turn::Begins(*number)), act.what.clone());
        }
        while let Some(((after, turn), what)) = life.turns.pop_first() {
            life.scene.world.drive_until(life.began + after).await;
            life.take(after, turn, what).await?;
        }
        Ok(life.scene.history.end(&life.scene.world))
    }

    fn new(scene: Arc<Scene>) -> Self {
        let (orders, mut taken) = mpsc::unbounded_channel();
        let ordered = Arc::new(AtomicUsize::default());
        let (theirs, left, began) = (Arc::clone(&scene), Arc::clone(&ordered), scene.world.now());
        // The operators do one thing after another.
        tokio::spawn(async move {
            while let Some(what) = taken.recv().await {
                if let Err(error) = theirs.operate(what).await {
                    theirs.note(Intent::Note { text: format!("an operator gives up: {error}") });
                }
                left.fetch_sub(1, Ordering::Relaxed);
            }
        });
        Self { scene, orders, ordered, troubles: BTreeMap::new(), turns: BTreeMap::new(), began }
    }

    async fn take(&mut self, after: SignedDuration, turn: Turn, what: What) -> Result<(), Failure> {
        let number = match turn {
            Turn::Ends(number) => return self.end(number).await,
            Turn::Begins(number) => number,
        };
        match what {
            What::Calm => {
                self.scene.world.clear_faults();
                for number in self.troubles.keys().copied().collect::<Vec<_>>() {
                    self.end(number).await?;
                }
            }
            What::Quiet => self.look().await?,
            What::Trouble(trouble, lasts) => {
                let what = format!("{trouble:?} for {lasts:#}");
                self.scene.note(Intent::FaultBegan { fault: number as u64, what });
                self.scene.begin(&trouble, lasts).await?;
                self.troubles.insert(number, Some(trouble.clone()));
                self.turns.insert((after + lasts, Turn::Ends(number)), What::Trouble(trouble, lasts));
            }
            What::Tick(_)
            | What::Crash(_)
            | What::FailBackup(_)
            | What::FailCopy(_)
            | What::Abort
            | What::Vanish(_)
            | What::Retag(..) => {
                self.scene.note(Intent::FaultBegan { fault: number as u64, what: format!("{what:?}") });
                self.troubles.insert(number, None);
                self.scene.strike(&what).await?;
            }
            people => {
                self.ordered.fetch_add(1, Ordering::Relaxed);
                self.orders.send(people)?;
                // They begin at once.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn end(&mut self, number: usize) -> Result<(), Failure> {
        if let Some(trouble) = self.troubles.remove(&number) {
            if let Some(trouble) = trouble {
                self.scene.end(&trouble).await?;
            }
            self.scene.note(Intent::FaultEnded { fault: number as u64 });
        }
        Ok(())
    }

    /// Waits until all is at rest, and looks.
    async fn look(&self) -> Result<(), Failure> {
        let world = &self.scene.world;
        for _ in 0..LOOKS {
            if self.ordered.load(Ordering::Relaxed) == 0 && !self.scene.is_at_work() {
                break;
            }
            world.drive_until(world.now() + LOOK).await;
        }
        self.scene.tell_restores().await?;
        self.scene.history.quiet(world, self.scene.state());
        Ok(())
    }
}
