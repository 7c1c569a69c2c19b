//! Exit codes: one table, printed by `plimsoll --help`, on which scripts may rely.

use std::process::ExitCode;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// The command did what it was asked to.
    Done = 0,
    /// A bug in plimsoll.
    Internal = 1,
    /// The command line or a file is wrong.
    Usage = 2,
    /// A check failed, or a required workload could not be placed.
    Refused = 3,
    /// An outside service failed.
    Outside = 4,
    /// A limit came before there was a plan. `plan` itself does not end so: its first plan comes before
    /// any limit is looked at.
    Limit = 5,
}

impl Exit {
    /// Every code.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Internal, Self::Usage, Self::Refused, Self::Outside, Self::Limit];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Outside => 4,
            Self::Limit => 5,
        }
    }

    /// What it means, as the help has it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Internal => "internal failure: a bug in plimsoll",
            Self::Usage => "bad usage or bad input",
            Self::Refused => "a check failed, or a required workload could not be placed",
            Self::Outside => "an outside service failed",
            Self::Limit => "stopped at a limit with no plan",
        }
    }

    /// The table for the help.
    pub fn table() -> String {
        let rows = Self::ALL.map(|exit| format!("  {}  {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

/// Ends the program where it stands, as a signal would: nothing is written any more.
pub(crate) fn at_once() -> ! {
    #[expect(clippy::exit, reason = "whoever presses Ctrl-C twice wants no more work done")]
    std::process::exit(128 + 2)
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
