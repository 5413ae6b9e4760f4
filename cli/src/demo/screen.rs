//! What the demo prints: plain lines, coloured where somebody looks.
//!
//! **Invariant:** a reader that went away (`make demo | head`) does not end the demo.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use owo_colors::OwoColorize;

/// Standard output.
#[derive(Clone, Copy)]
pub struct Screen {
    coloured: bool,
}

impl Screen {
    /// Colours only on a terminal, and not where `NO_COLOR` is set.
    pub fn new() -> Self {
        Self {
            coloured: io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Prints one line.
    pub fn line(self, text: &str) {
        // Nothing can be said about a standard output that is gone.
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// A headline, after an empty line.
    pub fn headline(self, text: &str) {
        self.line("");
        self.line(&self.bold(text));
    }

    /// A server that is up: its name, where it is and what is worth knowing.
    pub fn server(self, name: &str, place: &str, note: &str) {
        self.line(format!("  {name:<20}{place:<26}{note}").trim_end());
    }

    /// A step of an order: when, and how long after the step before.
    pub fn step(self, label: &str, since_webhook: Duration, since_last: Duration, detail: &str) {
        let total = format!("{:>9}", seconds(since_webhook));
        let own = format!("+{}", seconds(since_last));
        let line = format!(
            "  {} {label:<28}{total}  {own:>10}  {detail}",
            self.green("✓")
        );
        self.line(line.trim_end());
    }

    /// A command to paste, under what it is for.
    pub fn command(self, purpose: &str, commands: &[String]) {
        self.line(&format!("  {purpose}"));
        for command in commands {
            self.line(&format!("    {}", self.cyan(command)));
        }
    }

    /// Something that went differently than planned.
    pub fn notice(self, text: &str) {
        self.line(&if self.coloured {
            text.yellow().to_string()
        } else {
            text.to_owned()
        });
    }

    fn bold(self, text: &str) -> String {
        if self.coloured {
            text.bold().to_string()
        } else {
            text.to_owned()
        }
    }

    fn green(self, text: &str) -> String {
        if self.coloured {
            text.green().to_string()
        } else {
            text.to_owned()
        }
    }

    fn cyan(self, text: &str) -> String {
        if self.coloured {
            text.cyan().to_string()
        } else {
            text.to_owned()
        }
    }
}

/// A duration as people read it.
pub fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}
