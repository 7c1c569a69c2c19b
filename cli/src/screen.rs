//! What is known of the terminal: its width.

use std::io::IsTerminal as _;

/// The width of tables where nothing says otherwise.
const WIDTH: usize = 100;

/// The width for what is written to standard output: `COLUMNS`, else the terminal's, else 100.
pub(crate) fn width() -> usize {
    let columns = std::env::var_os("COLUMNS").and_then(|text| text.to_str()?.parse().ok());
    let terminal = || {
        let out = std::io::stdout();
        let (width, _) = out.is_terminal().then(|| terminal_size::terminal_size_of(out)).flatten()?;
        Some(usize::from(width.0))
    };
    // Below some width nothing can be laid out; above some the eye loses the line.
    columns.or_else(terminal).unwrap_or(WIDTH).clamp(60, 200)
}
