//! The few styles of this program's text.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Headings, and what matters most.
pub(super) fn bold(text: impl Display) -> String {
    styled(Style::new().bold(), text)
}

/// What is there for completeness.
pub(super) fn dim(text: impl Display) -> String {
    styled(Style::new().dimmed(), text)
}

/// What is proven or well.
pub(super) fn good(text: &str) -> String {
    styled(AnsiColor::Green.on_default().bold(), text)
}

/// What asks for attention.
pub(super) fn warn(text: &str) -> String {
    styled(AnsiColor::Yellow.on_default().bold(), text)
}

/// What failed.
pub(super) fn bad(text: &str) -> String {
    styled(AnsiColor::Red.on_default().bold(), text)
}
