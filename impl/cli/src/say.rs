//! What becomes of words that nobody reads any more? Nothing: a reader that closes its pipe, as `head` does,
//! ends neither a server nor a verdict. Everything that this command prints goes through here.

use crate::CANNOT_RUN;
use std::fmt;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

/// A line on standard output.
macro_rules! say {
    ($($words:tt)*) => { $crate::say::line(::std::io::stdout(), format_args!($($words)*)) };
}

/// A line on standard error.
macro_rules! complain {
    ($($words:tt)*) => { $crate::say::line(::std::io::stderr(), format_args!($($words)*)) };
}

pub(crate) use {complain, say};

/// One line, for as long as somebody reads. `println!` would panic.
pub(crate) fn line(mut to: impl Write, words: fmt::Arguments<'_>) {
    // In one write, so that lines of several processes on one pipe stay whole.
    let _ = to.write_all(format!("{words}\n").as_bytes());
    let _ = to.flush();
}

/// Prints a report on standard output. The exit code is the report's own, also for whoever read only its
/// beginning; that it could not run, if the report got lost in another way.
pub(crate) fn report(
    command: &str,
    code: ExitCode,
    print: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> ExitCode {
    report_to(io::stdout().lock(), command, code, print)
}

fn report_to(
    to: impl Write,
    command: &str,
    code: ExitCode,
    print: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> ExitCode {
    let mut out = BufWriter::new(to);
    match print(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain!("quorate {command}: cannot write: {error}");
            ExitCode::from(CANNOT_RUN)
        }
        _ => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes and then fails.
    struct Fails {
        room: usize,
        how: ErrorKind,
    }

    impl Write for Fails {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            if taken == 0 {
                return Err(self.how.into());
            }
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn code_after(how: ErrorKind) -> ExitCode {
        report_to(Fails { room: 10, how }, "audit", ExitCode::from(3), |out| {
            (0..10_000).try_for_each(|i| writeln!(out, "line {i}"))
        })
    }

    #[test]
    fn whoever_reads_only_the_beginning_learns_the_verdict() {
        assert_eq!(code_after(ErrorKind::BrokenPipe), ExitCode::from(3));
    }

    #[test]
    fn a_report_that_got_lost_is_no_verdict() {
        assert_eq!(code_after(ErrorKind::StorageFull), ExitCode::from(CANNOT_RUN));
    }

    #[test]
    fn a_line_that_nobody_reads_hurts_nobody() {
        let closed = Fails {
            room: 3,
            how: ErrorKind::BrokenPipe,
        };
        line(closed, format_args!("a line of more than three bytes"));
    }
}
