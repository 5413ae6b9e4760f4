//! What the commands print on standard output: tables for people, the API's answer for scripts.
//!
//! **Invariant:** with `--json` nothing but the answer is printed; a reader that went away
//! (`waybill orders list | head`) is no failure; and what came in from outside cannot steer the
//! terminal.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, presets,
};
use owo_colors::{OwoColorize, Style};

/// Characters of a line where nobody says how many there are.
const USUAL_WIDTH: u16 = 100;
/// Narrower than that, lines are left to the terminal to break.
const LEAST_WIDTH: u16 = 60;

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Answers are printed as they are.
    pub json: bool,
    coloured: bool,
    width: u16,
}

/// How a value is to strike the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// All is well.
    Good,
    /// Somebody should look.
    Alarming,
    /// Nothing more happens here.
    Faint,
}

/// A column: its title, and how it takes its place.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    right: bool,
    breaks: bool,
}

/// A column of names and ids, which are never broken.
pub const fn name(title: &'static str) -> Column {
    Column { title, right: false, breaks: false }
}

/// A column of figures.
pub const fn figure(title: &'static str) -> Column {
    Column { title, right: true, breaks: false }
}

/// A column of texts, which are broken where the line is too short.
pub const fn text(title: &'static str) -> Column {
    Column { title, right: false, breaks: true }
}

/// A value with its tone.
#[derive(Clone, Debug)]
pub struct Value(String, Tone);

/// A value that strikes the eye.
pub fn toned(value: impl AsRef<str>, tone: Tone) -> Value {
    let lines: Vec<String> = value.as_ref().split('\n').map(clean).collect();
    Value(lines.join("\n"), tone)
}

/// A value like any other. A line break in it is one in the table.
pub fn plain(value: impl AsRef<str>) -> Value {
    toned(value, Tone::Plain)
}

impl Output {
    /// Colours only on a terminal, and not where `NO_COLOR` is set; as wide as the terminal.
    pub fn new(json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let asked = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = if terminal { Table::new().width() } else { None };
        Self {
            json,
            coloured: terminal && !no_color,
            width: width.or(asked).unwrap_or(USUAL_WIDTH).max(LEAST_WIDTH),
        }
    }

    /// Whether a line has less room than usual.
    pub fn is_narrow(self) -> bool {
        self.width < USUAL_WIDTH
    }

    /// Prints one line.
    pub fn line(self, text: &str) {
        // Nothing can be said about a standard output that is gone.
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// Prints bytes as they are.
    pub fn raw(self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
    }

    /// Prints a headline, after an empty line.
    pub fn headline(self, text: &str) {
        self.line("");
        self.line(&self.styled(text, Style::new().bold()));
    }

    /// The text as it strikes the eye where somebody looks.
    pub fn styled(self, text: &str, style: Style) -> String {
        if self.coloured { text.style(style).to_string() } else { text.to_owned() }
    }

    /// Prints values under their titles.
    pub fn rows(self, columns: &[Column], rows: Vec<Vec<Value>>) {
        self.laid_out(columns, rows).iter().for_each(|line| self.line(line));
    }

    fn laid_out(self, columns: &[Column], rows: Vec<Vec<Value>>) -> Vec<String> {
        let mut table = self.empty_table();
        table.set_header(columns.iter().map(|column| Cell::new(column.title).add_attribute(Attribute::Bold)));
        for row in rows {
            table.add_row(row.into_iter().map(|value| self.cell(value)));
        }
        for (column, laid_out) in columns.iter().zip(table.column_iter_mut()) {
            if column.right {
                laid_out.set_cell_alignment(CellAlignment::Right);
            }
            if !column.breaks {
                laid_out.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        in_lines(table)
    }

    /// Prints values beside their names; those that are empty are left out.
    pub fn facts(self, facts: Vec<(&'static str, Value)>) {
        let mut table = self.empty_table();
        for (name, value) in facts.into_iter().filter(|(_, value)| !value.0.is_empty()) {
            table.add_row([self.cell(plain(name)).add_attribute(Attribute::Dim), self.cell(value)]);
        }
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        in_lines(table).iter().for_each(|line| self.line(line));
    }

    fn empty_table(self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.width);
        if self.coloured {
            table.enforce_styling()
        } else {
            table.force_no_tty()
        };
        table.style_text_only();
        table
    }

    fn cell(self, Value(text, tone): Value) -> Cell {
        let cell = Cell::new(text);
        match tone {
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::DarkGreen),
            Tone::Alarming => cell.fg(Color::DarkYellow).add_attribute(Attribute::Bold),
            Tone::Faint => cell.add_attribute(Attribute::Dim),
        }
    }
}

/// Two blanks between columns, none at the end of a line.
fn in_lines(mut table: Table) -> Vec<String> {
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// The text in one line, without the characters a terminal obeys.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(width: u16) -> Output {
        Output { json: false, coloured: false, width }
    }

    fn lines(output: Output, columns: &[Column], rows: Vec<Vec<Value>>) -> Vec<String> {
        output.laid_out(columns, rows)
    }

    fn example(reason: &str) -> Vec<Vec<Value>> {
        vec![
            vec![plain("ORD-20261121-CED0A867"), plain(reason), toned("7", Tone::Alarming)],
            vec![plain("ORD-20261121-0A867CED"), plain(""), plain("12345")],
        ]
    }

    const COLUMNS: [Column; 3] = [name("ORDER"), text("REASON"), figure("PIECES")];

    #[test]
    fn a_table_aligns_figures_to_the_right_and_has_no_trailing_blanks() {
        let expected = [
            "ORDER                  REASON  PIECES",
            "ORD-20261121-CED0A867  late         7",
            "ORD-20261121-0A867CED           12345",
        ];
        assert_eq!(lines(on(80), &COLUMNS, example("late")), expected);
    }

    #[test]
    fn a_line_that_is_too_short_breaks_texts_and_never_names() {
        let long = "it did not arrive and nobody at the warehouse could say where it went to";
        let shown = lines(on(60), &COLUMNS, example(long));
        assert!(shown.len() > 3, "{shown:#?}");
        assert!(shown.iter().all(|line| line.chars().count() <= 60), "{shown:#?}");
        for number in ["ORD-20261121-CED0A867", "ORD-20261121-0A867CED"] {
            assert!(shown.iter().any(|line| line.starts_with(number)), "{shown:#?}");
        }
    }

    #[test]
    fn colours_are_for_terminals_alone() {
        let coloured = Output { coloured: true, ..on(80) };
        assert!(lines(coloured, &COLUMNS, example("late")).join("").contains("\u{1b}["));
        assert!(!lines(on(80), &COLUMNS, example("late")).join("").contains('\u{1b}'));
    }

    #[test]
    fn what_came_in_from_outside_cannot_steer_the_terminal() {
        let shown = lines(on(80), &[text("TOPIC")], vec![vec![plain("a\u{1b}]0;title\u{7}b\r")]]).join("");
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}
