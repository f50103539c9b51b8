//! Notifications to a service manager.

use std::os::unix::net::UnixDatagram;
use std::time::Instant;

use super::peer::{LIMIT, Runtime, Tcp, is_timeout};
use crate::workspace::Workspace;

/// A service manager that receives notifications.
struct Manager(UnixDatagram);

impl Manager {
    fn new(workspace: &Workspace) -> Self {
        let socket = UnixDatagram::bind(workspace.path("notify")).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self(socket)
    }

    fn receive(&self) -> String {
        let mut buffer = [0; 4096];
        let count = self.0.recv(&mut buffer).expect("a notification");
        String::from_utf8(buffer[..count].to_vec()).unwrap().trim_end().to_owned()
    }

    /// Waits for a notification that contains `words`.
    fn wait_for(&self, words: &str) {
        let until = Instant::now() + LIMIT;
        while !self.receive().contains(words) {
            assert!(Instant::now() < until, "no notification with {words}");
        }
    }
}

#[test]
fn a_service_manager_is_notified_of_start_line_and_watchdog() {
    let workspace = Workspace::new();
    let manager = Manager::new(&workspace);
    let line = Tcp::new();
    let address = line.address();
    let env = [("NOTIFY_SOCKET", "notify"), ("WATCHDOG_USEC", "90000")];
    let _runtime =
        Runtime::start_with(&workspace, &["--tcp", &address], &["--image", "spots.png"], &env);
    assert_eq!(manager.receive(), "READY=1");
    let peer = line.accept();
    manager.wait_for(&format!("STATUS={address} over TCP: open"));
    manager.wait_for("WATCHDOG=1");
    manager.wait_for("WATCHDOG=1");
    drop((peer, line));
    // While it waits for the line the watchdog is notified too.
    manager.wait_for("connection lost");
    manager.wait_for("WATCHDOG=1");
    manager.wait_for("WATCHDOG=1");
}

#[test]
fn without_a_watchdog_no_watchdog_notifications_are_sent() {
    let workspace = Workspace::new();
    let manager = Manager::new(&workspace);
    let line = Tcp::new();
    let env = [("NOTIFY_SOCKET", "notify")];
    let images = ["--image", "spots.png"];
    let _runtime = Runtime::start_with(&workspace, &["--tcp", &line.address()], &images, &env);
    let mut peer = line.accept();
    peer.meet();
    peer.assert_quiet();
    assert_eq!(manager.receive(), "READY=1");
    assert!(manager.receive().ends_with(": open"));
    manager.0.set_nonblocking(true).unwrap();
    let nothing = manager.0.recv(&mut [0; 16]).unwrap_err();
    assert!(is_timeout(nothing.kind()), "{nothing}");
}
