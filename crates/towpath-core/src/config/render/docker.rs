//! Docker's `--env-file`: raw lines without quotes, escapes or comments after a value
//! (docker/cli `pkg/kvfile/kvfile.go`). Compose reads its `env_file` by other rules.

use super::Why;

/// The longest line: Go's `bufio.MaxScanTokenSize` less the line break.
const LONGEST: usize = 64 * 1024 - 1;

/// Returns the line of a variable.
pub(super) fn line(name: &str, value: &str) -> Result<String, Why> {
    // A line break may be `\r\n`, so a last `\r` would be lost.
    if value.contains('\n') || value.ends_with('\r') {
        return Err(Why::Lines);
    }
    if name.len() + 1 + value.len() > LONGEST {
        return Err(Why::Long(LONGEST));
    }
    let enclosed = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if enclosed('"') || enclosed('\'') {
        return Err(Why::Enclosed);
    }
    Ok(format!("{name}={value}"))
}
