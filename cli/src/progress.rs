//! What the search is doing, on standard error: a line that changes on a terminal, or with `-v` a line
//! for each step.

use std::io::{IsTerminal as _, Write as _};

use plimsoll_planner::cluster::Progress as Step;
use plimsoll_solver::Phase;

use crate::{args::Common, clock, output, render};

/// Shows progress until it is dropped.
pub(crate) struct Progress {
    how: How,
    choice: anstream::ColorChoice,
    /// When something was shown, and the phase that was.
    last: (f64, &'static str),
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
/// Seconds between two looks at the same phase, on the line and in the log.
const LINE: f64 = 0.05;
const LOG: f64 = 0.25;

impl Progress {
    pub(crate) fn new(common: &Common) -> Self {
        let how = if common.verbose {
            How::Log
        } else if !common.quiet && std::io::stderr().is_terminal() {
            How::Line
        } else {
            How::Silent
        };
        Self { how, choice: common.color.choice(), last: (f64::NEG_INFINITY, "") }
    }

    /// Something better is known, or a phase of the search is done.
    pub(crate) fn phase(&mut self, phase: &Phase) {
        self.show(phase.name, !phase.counts.is_empty(), || render::phase(phase));
    }

    /// The same of a packing.
    pub(crate) fn packing(&mut self, step: &Step) {
        self.show(step.name, !step.counts.is_empty(), || render::packing_step(step));
    }

    fn show(&mut self, name: &'static str, is_done: bool, text: impl FnOnce() -> String) {
        let now = clock::seconds();
        let often = if self.how == How::Log { LOG } else { LINE };
        if !is_done && name == self.last.1 && now - self.last.0 < often {
            return;
        }
        match self.how {
            How::Log => {
                self.last = (now, name);
                output::to_stderr(&format!("{now:7.3} s  {}\n", text()), self.choice);
            }
            How::Line if now > PATIENCE => {
                self.last = (now, name);
                let text: String = text().chars().take(78).collect();
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
