//! Why a command did not do what it was shown, what to do next, and its exit code.
//!
//! **Invariant:** what is said here goes to standard error, and the exit code says the same.

use std::process::ExitCode;

use serde::Deserialize;

use crate::output::clean;

/// The exit codes, as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    refused by the API, not confirmed, or a check found something wrong
  2    wrong usage
  3    not found
  4    the API cannot be reached, or cannot do it right now
  5    not allowed: no token, or one that may not do this
  130  the demo was interrupted";

/// A command that was not done.
#[derive(Debug)]
pub enum CliError {
    /// The API refused.
    Refused(ProblemDetails),
    /// The API did not answer: its address, and why.
    Unreachable(String, String),
    /// Something answered that is no API of ours: its address, and what is odd.
    Strange(String, String),
    /// What was typed cannot be done.
    Usage(String),
    /// What was checked is not right; what of it was shown.
    Wrong(String),
    /// The person thought better of it.
    NotConfirmed,
}

/// A refusal of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemDetails {
    /// The HTTP status.
    pub status: u16,
    /// The problem's name: a section of `docs/errors.md`.
    pub name: String,
    /// The API's own sentence.
    pub sentence: String,
    /// For the API's log.
    pub correlation_id: Option<String>,
    /// Seconds until it may work.
    pub retry_after_s: Option<u64>,
    /// The whole answer, for scripts.
    pub body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProblemBody {
    r#type: String,
    detail: String,
    correlation_id: Option<String>,
}

impl ProblemDetails {
    /// Reads a refusal; none if it is not one of our API.
    pub fn read(status: u16, retry_after_s: Option<u64>, body: &str) -> Option<Self> {
        let problem: ProblemBody = serde_json::from_str(body).ok()?;
        let (_, name) = problem.r#type.rsplit_once('/')?;
        // A path our API does not have: the address is that of something else, or of an older version.
        if matches!(name, "path-not-found" | "method-not-allowed") {
            return None;
        }
        Some(Self {
            status,
            name: name.to_owned(),
            sentence: problem.detail,
            correlation_id: problem.correlation_id,
            retry_after_s,
            body: body.to_owned(),
        })
    }

    fn exit_code(&self) -> u8 {
        match self.status {
            401 | 403 => 5,
            404 => 3,
            408 | 429 | 500.. => 4,
            _ => 1,
        }
    }

    fn advice(&self) -> String {
        let wait_s = self.retry_after_s.unwrap_or(5);
        match self.name.as_str() {
            "unauthenticated" => "give a token in WAYBILL_TOKEN; `waybill token --role operator` makes one \
                 for the demo"
                .to_owned(),
            "forbidden" => "use a token with one of these roles (docs/access.md)".to_owned(),
            "invalid-request" => "correct what is named and try again".to_owned(),
            "order-not-found" => "`waybill orders list` shows the orders that are there".to_owned(),
            "item-not-found" => "`waybill stock list` shows the items that are there".to_owned(),
            "message-not-found" => "`waybill inbox list` shows the messages that are there".to_owned(),
            "message-done" => "if the order is stuck, `waybill orders retry ORDER` is what helps".to_owned(),
            "cannot-be-cancelled" => {
                "what has left can only come back as a return (docs/cancellation.md)".to_owned()
            }
            "too-many-requests" | "unavailable" => format!("try again in {wait_s} s"),
            "timed-out" => "look whether it was done before you try again".to_owned(),
            "internal" => "report it with the correlation id; the API's log has the cause".to_owned(),
            name => format!("docs/errors.md has a section `{name}`"),
        }
    }
}

impl CliError {
    /// The exit code that says the same to a script.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(refusal) => refusal.exit_code(),
            Self::Unreachable(..) | Self::Strange(..) => 4,
            Self::Usage(_) => 2,
            Self::Wrong(_) | Self::NotConfirmed => 1,
        })
    }

    /// What a person is shown.
    pub fn shown(&self) -> String {
        match self {
            Self::Refused(refusal) => {
                let id =
                    refusal.correlation_id.as_deref().map(|id| format!("\n  correlation id: {}", clean(id)));
                format!(
                    "error: {}{}\n  what to do: {}",
                    clean(&refusal.sentence),
                    id.unwrap_or_default(),
                    clean(&refusal.advice())
                )
            }
            Self::Unreachable(url, why) => format!(
                "error: the API at {url} {why}\n  what to do: start one here with `make demo`, or name \
                 yours with --api or in WAYBILL_API"
            ),
            Self::Strange(url, what) => format!(
                "error: what answers at {url} is no Waybill API, or one of another version: {}\n  what to \
                 do: check --api and WAYBILL_API",
                clean(what)
            ),
            Self::Usage(sentence) | Self::Wrong(sentence) => format!("error: {sentence}"),
            Self::NotConfirmed => "Nothing was done.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, name: &str) -> ProblemDetails {
        let body = format!(
            r#"{{"type": "https://waybill.dev/errors/{name}", "detail": "No.", "correlationId": "c-1"}}"#
        );
        ProblemDetails::read(status, Some(7), &body).expect("a refusal")
    }

    #[test]
    fn each_kind_of_refusal_has_its_exit_code() {
        for (status, expected) in
            [(400, 1), (409, 1), (421, 1), (401, 5), (403, 5), (404, 3), (429, 4), (500, 4), (503, 4)]
        {
            assert_eq!(refusal(status, "forbidden").exit_code(), expected, "{status}");
        }
    }

    #[test]
    fn a_person_hears_the_sentence_the_correlation_id_and_what_to_do() {
        let shown = CliError::Refused(refusal(503, "unavailable")).shown();
        assert_eq!(shown, "error: No.\n  correlation id: c-1\n  what to do: try again in 7 s");
        let shown = CliError::Refused(refusal(409, "something-new")).shown();
        assert!(shown.ends_with("docs/errors.md has a section `something-new`"), "{shown}");
    }

    #[test]
    fn what_is_no_problem_of_ours_is_no_refusal() {
        for body in ["<html>", "{}", r#"{"type": "about:blank", "detail": "No."}"#] {
            assert_eq!(ProblemDetails::read(404, None, body), None, "{body}");
        }
        let no_path = r#"{"type": "https://waybill.dev/errors/path-not-found", "detail": "Nothing."}"#;
        assert_eq!(ProblemDetails::read(404, None, no_path), None);
    }

    #[test]
    fn a_sentence_cannot_steer_the_terminal() {
        let refusal =
            ProblemDetails { sentence: "a\u{1b}[2Jb".to_owned(), ..refusal(400, "invalid-request") };
        assert!(!CliError::Refused(refusal).shown().contains('\u{1b}'));
    }
}
