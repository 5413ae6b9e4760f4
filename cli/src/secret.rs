//! Secrets come from the environment: a flag could be read by everybody on the machine in the list of processes.

use anyhow::{Context, bail};

/// What a variable holds, or the file that the same name with `_FILE` at its end names.
///
/// # Errors
/// When both are given, or the file cannot be read.
pub fn of(name: &str) -> anyhow::Result<Option<String>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let in_file = format!("{name}_FILE");
    let value = match (variable(name), variable(&in_file)) {
        (Some(_), Some(_)) => bail!("{name} and {in_file}: one of them, not both"),
        (value, None) => value,
        (None, Some(path)) => {
            Some(std::fs::read_to_string(&path).with_context(|| format!("{in_file}: {path}"))?)
        }
    };
    Ok(value.map(|value| value.trim().to_owned()))
}
