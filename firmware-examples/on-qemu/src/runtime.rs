//! The real runtime, `fiducia link`.

use std::process::{Child, Command};

use crate::{Line, named, repository};

/// A running `fiducia link`. It is killed on drop.
pub struct Runtime(Child);

impl Runtime {
    /// Starts it on `line`, in the root of the repository.
    pub fn start(line: &Line, arguments: &[&str]) -> Self {
        let child = Command::new(named("FIDUCIA"))
            .args(["link", "--tcp", &format!("127.0.0.1:{}", line.runtime_port())])
            .args(arguments)
            .current_dir(repository())
            .env("RUST_LOG", "info")
            .spawn()
            .expect("cannot start the runtime");
        Self(child)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
