//! What is known of the terminal and its user: the width, and where caches are.

use std::io::IsTerminal as _;
use std::path::PathBuf;

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

/// Where what is built once is kept, by the same rules as in tools/.
pub(crate) fn cache() -> PathBuf {
    let given = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || given("HOME").unwrap_or_default().join(".cache");
    let of_user = || given("XDG_CACHE_HOME").unwrap_or_else(home).join("plimsoll");
    given("PLIMSOLL_CACHE").unwrap_or_else(of_user)
}
