//! What the search is doing, on standard error: a line that changes on a terminal, or with `-v` a line
//! for each step.

use std::io::{IsTerminal as _, Write as _};

use plimsoll_solver::Phase;

use crate::{args::Common, clock, output, render};

/// Shows progress until it is dropped.
pub(crate) struct Progress {
    how: How,
    choice: anstream::ColorChoice,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Silent,
    /// One line, written over.
    Line,
    /// A line a step.
    Log,
}

/// Nothing is shown for runs that end before anyone would wonder.
const PATIENCE: f64 = 0.3;

impl Progress {
    pub(crate) fn new(common: &Common) -> Self {
        let how = if common.verbose {
            How::Log
        } else if !common.quiet && std::io::stderr().is_terminal() {
            How::Line
        } else {
            How::Silent
        };
        Self { how, choice: common.color.choice() }
    }

    /// A phase of the search is done.
    pub(crate) fn phase(&mut self, phase: &Phase) {
        let text = render::phase(phase);
        match self.how {
            How::Log => output::to_stderr(&format!("{:7.3} s  {text}\n", clock::seconds()), self.choice),
            How::Line if clock::seconds() > PATIENCE => {
                let text: String = text.chars().take(78).collect();
                output::to_stderr(&format!("\r\u{1b}[2K{text}"), anstream::ColorChoice::AlwaysAnsi);
            }
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.how == How::Line && clock::seconds() > PATIENCE {
            _ = std::io::stderr().write_all(b"\r\x1b[2K");
        }
    }
}
