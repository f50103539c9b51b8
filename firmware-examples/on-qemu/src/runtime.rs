//! The real runtime.

use std::process::{Child, Command};

use crate::{Line, named, repository};

/// A running `fiducia link`. It is killed where this ends.
pub struct Runtime(Child);

impl Runtime {
    /// Starts it at its end of `line`, in the root of the repository.
    pub fn start(line: &Line, arguments: &[&str]) -> Self {
        let child = Command::new(named("FIDUCIA"))
            .args(["link", "--tcp", &format!("127.0.0.1:{}", line.runtime_port())])
            .args(arguments)
            .current_dir(repository())
            .env("RUST_LOG", "info")
            .spawn()
            .expect("the runtime does not start");
        Self(child)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
