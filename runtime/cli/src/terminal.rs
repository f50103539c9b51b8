//! What the user sees on standard output and standard error.

use std::io::{self, Write};

use fiducia::{Error, ErrorKind};

/// Prints one line on standard error; a failure to do so is ignored.
pub(crate) fn notice(message: &str) {
    let _ = writeln!(io::stderr(), "fiducia: {message}");
}

/// Writes a result to standard output. A reader that closes the pipe (`| head`) is not an error.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
            ErrorKind::Unwritable,
            format!("cannot write to standard output: {e}; check the free space"),
        )),
        _ => Ok(()),
    }
}
