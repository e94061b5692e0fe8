//! Measures encryption: the envelope beside aws-lc-rs alone, and files of sops beside the crate `rops`.
//!
//! Both are examples of `towpath-secrets`, which has the peers for its tests anyway.

use anyhow::{Context as _, Result};

use super::{Figures, Taken, build_example, figures};
use crate::process;
use crate::workspace::Workspace;

/// Measures.
pub(super) fn measure(workspace: &Workspace) -> Result<Taken> {
    let mut all = Figures::new();
    for name in ["envelope_speed", "sops_speed"] {
        let example =
            build_example(workspace, "towpath-secrets", name)?.with_context(|| format!("there is no `{name}`"))?;
        let printed = process::stdout_of(&mut workspace.command(&example))?;
        all.extend(figures(&printed).with_context(|| format!("`{name}` printed no line of figures"))?);
    }
    let notes = vec![
        "`seal`, `open`: a value of 1024 bytes by the envelope, beside aws-lc-rs AES-256-GCM alone (`_raw`). Both draw a random nonce of 12 bytes \
         from the same generator for each value and write to memory of their own. The envelope also binds the value to its place, counts it, \
         and erases what it decrypted; the other side does none of it; with `_bound` it takes as many bytes of associated data. Processor time, the median of the ratios within 301 rounds"
            .into(),
        "`_parse`, `_open`, `_edit`: a file of 500 values; read without a key; read, decrypted and its MAC checked once the key is unwrapped; one \
         value changed. `age_unwrap_ms`: unwrapping its key by an age identity"
            .into(),
        "`whole`: from the text of the YAML file and the text of an age identity to the values with the MAC checked, by both in turn (`rops` reads \
         its key from the environment). `_mb`: peak of resident memory of a process that does it once, over one that only reads the file"
            .into(),
    ];
    Ok(Taken::Figures { figures: all, notes })
}
