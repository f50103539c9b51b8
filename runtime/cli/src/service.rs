//! Notifications to a service manager such as systemd: ready, status, watchdog.

use std::time::{Duration, Instant};

/// Watchdog notifications per watchdog timeout.
const PINGS_PER_TIMEOUT: u32 = 3;

/// The service manager. Without one nothing is sent.
pub(super) struct Service {
    /// Time between two watchdog notifications; `None` without a watchdog.
    interval: Option<Duration>,
    last: Instant,
    unhealthy: bool,
}

impl Service {
    /// The manager that started this process.
    pub(super) fn new() -> Self {
        let interval = manager::watchdog_timeout().map(|timeout| timeout / PINGS_PER_TIMEOUT);
        Self { interval, last: Instant::now(), unhealthy: false }
    }

    /// Reports that the service is ready.
    pub(super) fn ready(&self) {
        manager::notify("READY=1");
    }

    /// Reports that the service is stopping as requested.
    #[cfg(feature = "serve")]
    pub(super) fn stopping(&self) {
        manager::notify("STOPPING=1");
    }

    /// Reports the status as one line of text.
    pub(super) fn status(&self, what: &str) {
        manager::notify(&format!("STATUS={}", what.replace(char::is_control, " ")));
    }

    /// Sends a watchdog notification if one is due.
    pub(super) fn alive(&mut self) {
        self.unhealthy = false;
        if self.interval.is_some_and(|interval| self.last.elapsed() >= interval) {
            self.last = Instant::now();
            manager::notify("WATCHDOG=1");
        }
    }

    /// Sends no watchdog notification, so that the manager restarts the process; logs the reason once.
    pub(super) fn unhealthy(&mut self, why: &str) {
        if !self.unhealthy {
            log::error!("{why}; a service manager with a watchdog restarts the process");
            self.status(why);
        }
        self.unhealthy = true;
    }
}

#[cfg(unix)]
mod manager {
    use std::time::Duration;

    use sd_notify::NotifyState;

    pub(super) fn watchdog_timeout() -> Option<Duration> {
        sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero())
    }

    /// Sends a notification; a failure is logged only.
    pub(super) fn notify(state: &str) {
        if let Err(error) = sd_notify::notify(&[NotifyState::Custom(state)]) {
            log::warn!("cannot notify the service manager of {state}: {error}");
        }
    }
}

#[cfg(not(unix))]
mod manager {
    pub(super) fn watchdog_timeout() -> Option<std::time::Duration> {
        None
    }

    pub(super) fn notify(_: &str) {}
}
