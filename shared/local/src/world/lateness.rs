//! How late a world's changes are seen.

use jiff::SignedDuration;

use super::World;
use crate::lags::{Lag, Lags};

/// A scene is being set: see [`World::scene`].
#[derive(Debug)]
pub struct Scene(World);

impl Drop for Scene {
    fn drop(&mut self) {
        self.0.lag(|lags| lags.set_scene(false));
    }
}

impl World {
    /// From now on changes are seen late, as in AWS: each draws from the seed when each kind of reader sees it,
    /// at once or some seconds later ([`Lag`]).
    pub fn hesitate(&self) {
        self.lag(Lags::spread);
    }

    /// From now on every change is seen at once, as AWS never promises: to compare with emulators that know no lag,
    /// or to show a session whose answers a reader can foresee. A product must not be proven on it. What was changed
    /// before is seen when it would have been.
    pub fn consistent(&self) {
        self.lag(Lags::clear);
    }

    /// From now on every change of this kind is seen exactly so late.
    pub fn stretch(&self, lag: Lag, by: SignedDuration) {
        self.lag(|lags| lags.stretch(lag, by));
    }

    /// Until what this returns is dropped, changes are seen at once: a scene is set of things that have been there
    /// for a while.
    #[must_use = "a scene ends when this is dropped"]
    pub fn scene(&self) -> Scene {
        self.lag(|lags| lags.set_scene(true));
        Scene(self.clone())
    }

    fn lag(&self, change: impl Fn(&mut Lags)) {
        let mut state = self.state();
        change(&mut state.dynamo.lags);
        change(&mut state.backup.lags);
    }
}
