//! What the demo prints: plain lines, coloured where somebody looks.
//!
//! **Invariant:** a reader that went away (`make demo | head`) does not end the demo.

use std::time::Duration;

use owo_colors::Style;

use crate::output::Output;

/// What a step of an order means for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is done.
    Done,
    /// The order waits for something that comes by itself.
    Waits,
    /// The order waits for a person.
    Parked,
}

impl Output {
    /// A step of an order: when, and how long after the step before.
    pub fn step(self, mark: Mark, label: &str, since_start: Duration, since_last: Duration, detail: &str) {
        let (sign, style) = match mark {
            Mark::Done => ("✓", Style::new().green()),
            Mark::Waits => ("…", Style::new().yellow()),
            Mark::Parked => ("!", Style::new().yellow().bold()),
        };
        let label = format!("{label:<28}");
        let label = if mark == Mark::Parked { self.styled(&label, style) } else { label };
        let total = seconds(since_start);
        let own = format!("+{}", seconds(since_last));
        let line = format!("  {} {label}{total:>10}{own:>12}  {detail}", self.styled(sign, style));
        self.line(line.trim_end());
    }

    /// Commands to paste, under what they are for.
    pub fn command(self, purpose: &str, commands: &[String]) {
        self.line(&format!("  {purpose}"));
        for command in commands {
            self.command_line(command);
        }
    }

    /// A command to paste.
    pub fn command_line(self, command: &str) {
        self.line(&format!("    {}", self.styled(command, Style::new().cyan())));
    }

    /// Something that went differently than planned.
    pub fn notice(self, text: &str) {
        self.line(&self.styled(text, Style::new().yellow()));
    }
}

/// A duration as people read it.
fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}
