//! The statements of one request as a script for pgbench.
//!
//! Two requests are put side by side. What is the same in both is the same in every transaction of the
//! script; what differs has to be made of ids, numbers and times whose forms are known here, and each
//! of them is drawn anew. A difference of another kind is an error: then the code has changed, and this
//! file has to learn what it writes now.

use std::{collections::BTreeMap, sync::LazyLock};

use anyhow::{Context, ensure};
use regex::{Captures, Regex};

use crate::{
    scenario::{ITEMS, USERS},
    server_log::Statement,
};

mod values;

use values::{Piece, bytes_of, elements, pieces};

/// A script, and the values of its variables that do not change.
#[derive(Debug)]
pub struct Script {
    /// What pgbench reads.
    pub text: String,
    /// The values of `:c0`, `:c1` and so on.
    pub constants: Vec<String>,
}

/// `:n` is another number in every transaction: of up to 63 runs, a million transactions of each of 64
/// clients. It grows within a client as the real ids do, so that indexes are filled at the same end.
const NUMBERS: &str = "\\set counter :counter + 1\n\\set n (:run * 1048576 + :counter) * 64 + :client_id\n";

static PARAMETER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$(\d+)").ok());
/// What pgbench would take for a variable of its own.
static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(^|[^:]):\w").ok());

/// Makes the script of two requests' transactions. `types` has the types of each statement's parameters.
///
/// # Errors
/// If the requests differ in a way that is not understood.
pub fn script(first: &[Statement], second: &[Statement], types: &[Vec<String>]) -> anyhow::Result<Script> {
    ensure!(
        first.len() == second.len(),
        "one request has {} statements, the other {}",
        first.len(),
        second.len()
    );
    let variable = VARIABLE.as_ref().context("no regular expression")?;
    let mut writer = Writer::default();
    let mut text = NUMBERS.to_owned();
    text.push_str(&format!("\\set item random(1, {ITEMS})\n\\set buyer random(1, {USERS})\n"));
    for ((one, other), types) in first.iter().zip(second).zip(types) {
        ensure!(one.sql == other.sql, "the requests run different statements:\n{}\n{}", one.sql, other.sql);
        ensure!(!variable.is_match(&one.sql), "pgbench would see a variable in:\n{}", one.sql);
        let statement = writer.statement(one, other, types);
        text.push_str(&statement.with_context(|| format!("in the statement\n{}", one.sql))?);
        text.push_str(";\n");
    }
    Ok(Script { text, constants: writer.constants })
}

/// What has been written of a script so far.
#[derive(Default)]
struct Writer {
    constants: Vec<String>,
    /// Which id of the second request stands where one of the first does, and the how many-th that was.
    counterparts: BTreeMap<String, (String, usize)>,
}

impl Writer {
    fn statement(&mut self, one: &Statement, other: &Statement, types: &[String]) -> anyhow::Result<String> {
        ensure!(
            one.parameters.len() == types.len() && other.parameters.len() == types.len(),
            "it has {} parameters and not {}",
            one.parameters.len(),
            types.len()
        );
        let mut values = Vec::with_capacity(types.len());
        for (index, of_type) in types.iter().enumerate() {
            let value =
                self.value(one.parameters[index].as_deref(), other.parameters[index].as_deref(), of_type);
            values.push(value.with_context(|| format!("${}", index + 1))?);
        }
        let place = PARAMETER.as_ref().context("no regular expression")?;
        let filled = place.replace_all(&one.sql, |found: &Captures<'_>| {
            let index = found[1].parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            // A `$n` without a value is left for the server to refuse.
            index.and_then(|index| values.get(index)).cloned().unwrap_or_else(|| found[0].to_owned())
        });
        Ok(filled.into_owned())
    }

    /// A parameter as an expression of the script.
    fn value(&mut self, one: Option<&str>, other: Option<&str>, of_type: &str) -> anyhow::Result<String> {
        let (one, other) = match (one, other) {
            (None, None) => return Ok(format!("NULL::{of_type}")),
            (Some(one), Some(other)) => (one, other),
            _ => anyhow::bail!("it is NULL in one request only"),
        };
        if one == other {
            return Ok(format!("{}::{of_type}", self.constant(one)));
        }
        if of_type.ends_with("[]") {
            return Ok(format!("{}::{of_type}", self.array(one, other)?));
        }
        if of_type != "BYTEA" {
            return Ok(format!("({})::{of_type}", self.text(one, other)?));
        }
        let (one, other) = (bytes_of(one)?, bytes_of(other)?);
        match (str::from_utf8(&one), str::from_utf8(&other)) {
            (Ok(one), Ok(other)) => Ok(format!("convert_to({}, 'UTF8')", self.text(one, other)?)),
            _ => {
                ensure!(one.len() == other.len(), "bytes of different length");
                Ok(format!("decode(lpad(to_hex(:n::bigint), {}, '0'), 'hex')", 2 * one.len()))
            }
        }
    }

    /// An array that differs between the requests. The expression has to be one that PostgreSQL can
    /// work out when it plans for these values, and whose length it does not know when it plans for any:
    /// so it stands with the API's parameters, and so the script is planned anew as often as they are.
    fn array(&mut self, one: &str, other: &str) -> anyhow::Result<String> {
        const BETWEEN: &str = "chr(31)";
        let (ones, others) = (elements(one)?, elements(other)?);
        ensure!(ones.len() == others.len(), "lists of different length");
        let mut parts = Vec::with_capacity(ones.len());
        for (one, other) in ones.iter().zip(&others) {
            parts.push(self.text(one, other)?);
        }
        let joined = parts.join(&format!(" || {BETWEEN} || "));
        Ok(format!("string_to_array({joined}, {BETWEEN})"))
    }

    /// A text that differs between the requests.
    fn text(&mut self, one: &str, other: &str) -> anyhow::Result<String> {
        let (ones, others) = (pieces(one)?, pieces(other)?);
        let differ = || format!("the requests differ in a way that is not understood:\n{one}\n{other}");
        ensure!(ones.len() == others.len(), differ());
        if let ([Piece::Moment(_)], [Piece::Moment(_)]) = (ones.as_slice(), others.as_slice()) {
            return Ok("now()".to_owned());
        }
        let mut parts = Vec::with_capacity(ones.len());
        for (one, other) in ones.iter().zip(&others) {
            parts.push(match (one, other) {
                // Within a longer text it is for readers, and as long as any other.
                (Piece::Moment(moment), Piece::Moment(_)) => format!("{}::text", self.constant(moment)),
                (one, other) if one == other => format!("{}::text", self.constant(one.text())),
                (Piece::Id(kind, id), Piece::Id(other_kind, counterpart)) if kind == other_kind => {
                    kind.expression(id, self.ordinal(id, counterpart)?)
                }
                _ => anyhow::bail!(differ()),
            });
        }
        Ok(parts.join(" || "))
    }

    /// The how many-th id of the request this is.
    fn ordinal(&mut self, id: &str, counterpart: &str) -> anyhow::Result<usize> {
        let next = self.counterparts.len();
        let entry = self.counterparts.entry(id.to_owned());
        let (known, ordinal) = entry.or_insert_with(|| (counterpart.to_owned(), next));
        ensure!(known == counterpart, "{id} is {known} in one place and {counterpart} in another");
        Ok(*ordinal)
    }

    /// The variable that has this value; pgbench has none for a text of no characters.
    fn constant(&mut self, value: &str) -> String {
        if value.is_empty() {
            return "''".to_owned();
        }
        let known = self.constants.iter().position(|constant| constant == value);
        let index = known.unwrap_or_else(|| {
            self.constants.push(value.to_owned());
            self.constants.len() - 1
        });
        format!(":c{index}")
    }
}

#[cfg(test)]
mod tests;
