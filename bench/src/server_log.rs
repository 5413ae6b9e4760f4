//! PostgreSQL's log as statements with their parameters.

use std::sync::LazyLock;

use anyhow::{Context, bail};
use regex::Regex;

/// `log_line_prefix` while statements are logged: the application's name, the server process, the
/// transaction's id.
pub const LINE_PREFIX: &str = "%a|%p|%x|";

static LINE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([^|\t]*)\|(\d+)\|(\d+)\|([A-Z]+):  (.*)$").ok());

/// A statement that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The server process, one for each connection.
    pub process: u32,
    /// The id of its transaction; 0 as long as that has written nothing.
    pub transaction: u32,
    /// The statement, with `$1` and so on where it has parameters.
    pub sql: String,
    /// The parameters as texts; none is NULL.
    pub parameters: Vec<Option<String>>,
}

/// The statements that one application ran, in their order.
///
/// # Errors
/// If the log cannot be understood.
pub fn statements(log: &str, application: &str) -> anyhow::Result<Vec<Statement>> {
    let mut statements: Vec<Statement> = Vec::new();
    for entry in entries(log)? {
        if entry.application != application {
            continue;
        }
        match entry.level.as_str() {
            "LOG" => statements.extend(entry.statement()),
            "DETAIL" => {
                if let Some(listed) = strip_prefix_ignoring_case(&entry.text, "parameters: ") {
                    let statement =
                        statements.iter_mut().rfind(|statement| statement.process == entry.process);
                    statement.context("parameters without a statement")?.parameters = parameters(listed)?;
                }
            }
            "ERROR" | "FATAL" => bail!("a statement failed: {}", entry.text),
            _ => {}
        }
    }
    Ok(statements)
}

/// A line with those that continue it.
struct Entry {
    application: String,
    process: u32,
    transaction: u32,
    level: String,
    text: String,
}

impl Entry {
    /// The statement that was run, if the entry tells of one.
    fn statement(&self) -> Option<Statement> {
        let sql = match self.text.strip_prefix("statement: ") {
            Some(sql) => sql,
            None => self.text.strip_prefix("execute ")?.split_once(": ")?.1,
        };
        // pgbench sends the mark at the end of a statement too.
        let sql = sql.trim_end_matches(';').to_owned();
        let Self { process, transaction, .. } = *self;
        Some(Statement { process, transaction, sql, parameters: Vec::new() })
    }
}

fn entries(log: &str) -> anyhow::Result<Vec<Entry>> {
    let line_form = LINE.as_ref().context("the form of a line is no regular expression")?;
    let mut entries: Vec<Entry> = Vec::new();
    for line in log.lines() {
        if let Some(continued) = line.strip_prefix('\t') {
            if let Some(entry) = entries.last_mut() {
                entry.text.push('\n');
                entry.text.push_str(continued);
            }
        } else if let Some(parts) = line_form.captures(line) {
            entries.push(Entry {
                application: parts[1].to_owned(),
                process: parts[2].parse()?,
                transaction: parts[3].parse()?,
                level: parts[4].to_owned(),
                text: parts[5].to_owned(),
            });
        }
    }
    Ok(entries)
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Reads `$1 = 'it''s', $2 = NULL`.
fn parameters(listed: &str) -> anyhow::Result<Vec<Option<String>>> {
    let (mut rest, mut found) = (listed, Vec::new());
    loop {
        let start = format!("${} = ", found.len() + 1);
        rest = rest.strip_prefix(start.as_str()).with_context(|| format!("{start}is missing in: {rest}"))?;
        let value = match rest.strip_prefix('\'') {
            Some(quoted) => {
                let (value, after) = unquoted(quoted).context("a quotation mark is missing")?;
                rest = after;
                Some(value)
            }
            None => {
                rest =
                    rest.strip_prefix("NULL").with_context(|| format!("neither a text nor NULL: {rest}"))?;
                None
            }
        };
        found.push(value);
        match rest.strip_prefix(", ") {
            Some(more) => rest = more,
            None if rest.is_empty() => return Ok(found),
            None => bail!("more than parameters: {rest}"),
        }
    }
}

/// A text up to its closing quotation mark, and what follows.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let (mut value, mut rest) = (String::new(), quoted);
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(transaction: u32, sql: &str, parameters: &[Option<&str>]) -> Statement {
        let parameters = parameters.iter().map(|value| value.map(str::to_owned)).collect();
        Statement { process: 7, transaction, sql: sql.to_owned(), parameters }
    }

    #[test]
    fn statements_of_one_application_are_read_with_their_parameters() {
        let log = "waybill-api|7|0|LOG:  statement: BEGIN\n\
                   waybill-api|7|0|LOG:  execute sqlx_s_1: INSERT INTO t\n\t    VALUES ($1, $2, $3)\n\
                   other|8|0|LOG:  statement: SELECT 1\n\
                   waybill-api|7|0|DETAIL:  parameters: $1 = 'it''s, $2 = ''x''', $2 = NULL, $3 = 'two\n\tlines'\n\
                   |9|0|LOG:  checkpoint starting: time\n\
                   waybill-api|7|740|LOG:  execute P_1: COMMIT;\n";
        let expected = [
            statement(0, "BEGIN", &[]),
            statement(
                0,
                "INSERT INTO t\n    VALUES ($1, $2, $3)",
                &[Some("it's, $2 = 'x'"), None, Some("two\nlines")],
            ),
            statement(740, "COMMIT", &[]),
        ];
        assert_eq!(statements(log, "waybill-api").unwrap(), expected);
    }

    #[test]
    fn parameters_belong_to_the_statement_of_their_own_connection() {
        let log = "a|1|0|LOG:  execute s: SELECT $1\na|2|0|LOG:  execute s: SELECT $1 + 1\n\
                   a|1|0|DETAIL:  Parameters: $1 = 'one'\na|2|0|DETAIL:  Parameters: $1 = 'two'\n";
        let read = statements(log, "a").unwrap();
        assert_eq!(read[0].parameters, [Some("one".to_owned())]);
        assert_eq!(read[1].parameters, [Some("two".to_owned())]);
    }

    #[test]
    fn what_cannot_be_understood_or_failed_is_an_error() {
        for bad in ["$1 = 'open", "$2 = 'x'", "$1 = 5", "$1 = 'x' and more"] {
            let log = format!("a|1|0|LOG:  execute s: SELECT $1\na|1|0|DETAIL:  parameters: {bad}\n");
            assert!(statements(&log, "a").is_err(), "{bad}");
        }
        assert!(statements("a|1|0|ERROR:  duplicate key\n", "a").is_err());
    }
}
