//! What a service manager such as systemd is told: that a service answers, what it does, that it is alive.

use std::time::{Duration, Instant};

/// Signs of life in the time after which the manager takes the process for dead.
const SIGNS: u32 = 3;

/// The service manager. Where there is none, nothing is sent.
pub(super) struct Service {
    /// Time between two signs of life; none where nobody waits for them.
    pace: Option<Duration>,
    last: Instant,
    silent: bool,
}

impl Service {
    /// The manager that started this process.
    pub(super) fn new() -> Self {
        let pace = manager::patience().map(|patience| patience / SIGNS);
        Self { pace, last: Instant::now(), silent: false }
    }

    /// It answers from now on.
    pub(super) fn ready(&self) {
        manager::tell("READY=1");
    }

    /// It is about to end, because it was told to.
    #[cfg(feature = "serve")]
    pub(super) fn stopping(&self) {
        manager::tell("STOPPING=1");
    }

    /// What goes on, in a line.
    pub(super) fn status(&self, what: &str) {
        manager::tell(&format!("STATUS={}", what.replace(char::is_control, " ")));
    }

    /// A sign of life, where one is due.
    pub(super) fn alive(&mut self) {
        self.silent = false;
        if self.pace.is_some_and(|pace| self.last.elapsed() >= pace) {
            self.last = Instant::now();
            manager::tell("WATCHDOG=1");
        }
    }

    /// No sign of life, because of `why`: the manager will end the process and start it anew.
    pub(super) fn fall_silent(&mut self, why: &str) {
        if !self.silent {
            log::error!("{why}; a service manager with a watchdog starts it anew");
            self.status(why);
        }
        self.silent = true;
    }
}

#[cfg(unix)]
mod manager {
    use std::time::Duration;

    use sd_notify::NotifyState;

    pub(super) fn patience() -> Option<Duration> {
        sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero())
    }

    /// A manager that does not listen is no reason to stop.
    pub(super) fn tell(state: &str) {
        if let Err(error) = sd_notify::notify(&[NotifyState::Custom(state)]) {
            log::warn!("the service manager cannot be told {state}: {error}");
        }
    }
}

#[cfg(not(unix))]
mod manager {
    pub(super) fn patience() -> Option<std::time::Duration> {
        None
    }

    pub(super) fn tell(_: &str) {}
}
