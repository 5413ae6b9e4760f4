//! The API over HTTP: a request, and its answer or why there is none.
//!
//! **Invariant:** nothing is sent twice by itself; whether a command may be repeated is for the
//! person to say.

use std::time::Duration;

use clap::Args;
use reqwest::{Client, Method, RequestBuilder, Url, header, redirect};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use crate::{
    error::{CliError, ProblemDetails},
    output::Output,
    secret,
};

mod download;
mod next_page;

use next_page::next_cursor;

/// Where a demo on this machine listens.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8080";
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// The API gives a request up after ten seconds and says so.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// A page of the largest orders has less.
const MOST_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Of a list that never ends.
const MOST_PAGES: usize = 10_000;
/// The API's largest page.
const MOST_OF_A_PAGE: u8 = 200;

/// Which API. Who asks is said by a bearer token in WAYBILL_TOKEN, or in the file that WAYBILL_TOKEN_FILE names.
#[derive(Args)]
#[command(next_help_heading = "The API")]
pub struct Connection {
    /// The API's address.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "WAYBILL_API",
        default_value = DEFAULT_ADDRESS
    )]
    api: String,
    /// Whether the token may be sent to another machine without TLS, where whoever stands between reads it: true or
    /// false (the default).
    #[arg(long, global = true, value_name = "BOOL", env = "ALLOW_PLAIN_HTTP")]
    allow_plain_http: Option<String>,
    /// Print the API's answer as it is, for scripts.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The API.
pub struct Api {
    client: Client,
    address: Url,
    token: Option<header::HeaderValue>,
}

/// How much of a list is wanted.
#[derive(Args, Clone, Copy)]
pub struct Extent {
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=200))]
    limit: u8,
    /// All of them, however many there are.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

/// What the API answered.
pub struct Answer {
    /// The HTTP status, from 200 to 299.
    pub status: u16,
    /// The body as it came.
    body: String,
    /// The cursor of the next page of a list.
    next: Option<String>,
    address: String,
}

impl Api {
    /// The API at this address.
    ///
    /// # Errors
    /// [`CliError::Usage`] for an address or a token that cannot be one.
    pub fn new(connection: &Connection) -> Result<Self, CliError> {
        let token = secret::of("WAYBILL_TOKEN").map_err(|error| usage(&format!("{error:#}")))?;
        Self::with_token(connection, token.as_deref())
    }

    fn with_token(connection: &Connection, token: Option<&str>) -> Result<Self, CliError> {
        let asked = connection.api.trim();
        let address: Url = if asked.is_empty() { DEFAULT_ADDRESS } else { asked }
            .parse()
            .ok()
            .filter(|url: &Url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| usage("--api or WAYBILL_API: an address such as http://127.0.0.1:8080"))?;
        let token = token.map(bearer).transpose()?;
        let on_this_machine = matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let plain_elsewhere = match connection.allow_plain_http.as_deref().map(str::trim) {
            None | Some("" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(usage("--allow-plain-http or ALLOW_PLAIN_HTTP: true or false")),
        };
        if token.is_some() && address.scheme() == "http" && !on_this_machine && !plain_elsewhere {
            return Err(usage(
                "--api or WAYBILL_API: http to another machine, where whoever stands between can take the token; \
                 use https, or say ALLOW_PLAIN_HTTP=true",
            ));
        }
        let client = Client::builder()
            .user_agent(concat!("waybill/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            // A token is for the API alone.
            .redirect(redirect::Policy::none());
        let client = if on_this_machine { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| usage(&format!("no HTTP client: {error}")))?;
        Ok(Self { client, address, token })
    }

    /// Asks for what is at a path, of which each part is one segment.
    ///
    /// # Errors
    /// Any [`CliError`] of the API's.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, CliError> {
        self.ask(self.request(Method::GET, path, query)).await
    }

    /// Sends a command with a JSON body.
    ///
    /// # Errors
    /// Any [`CliError`] of the API's.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Answer, CliError> {
        self.ask(self.request(Method::POST, path, &[]).json(body)).await
    }

    /// Sends a change of what is at a path, with a JSON body.
    ///
    /// # Errors
    /// Any [`CliError`] of the API's.
    pub async fn patch(&self, path: &[&str], body: &Value) -> Result<Answer, CliError> {
        self.ask(self.request(Method::PATCH, path, &[]).json(body)).await
    }

    /// Prints a list of what fits the filters that are given, as `show` lays it out for people, or says that there is
    /// `nothing`.
    ///
    /// # Errors
    /// Any [`CliError`] of the API's.
    pub async fn list<T: DeserializeOwned>(
        &self,
        output: Output,
        path: &[&str],
        filters: &[(&str, Option<&str>)],
        extent: Extent,
        nothing: &str,
        show: impl FnOnce(&[T]),
    ) -> Result<(), CliError> {
        let limit = if extent.all { MOST_OF_A_PAGE } else { extent.limit };
        let limit = limit.to_string();
        let given = filters.iter().filter_map(|&(name, value)| Some((name, value?)));
        let query: Vec<_> = given.chain([("limit", limit.as_str())]).collect();
        let mut list = self.get(path, &query).await?;
        if extent.all && list.next.is_some() {
            list = self.rest_of(list, path, &query).await?;
        }
        list.show_entries(output, nothing, show)?;
        if list.next.is_some() && !output.json {
            // Where only its readers hear it.
            eprintln!("There are more; --all shows all of them.");
        }
        Ok(())
    }

    /// The whole of a list that begins with this page.
    async fn rest_of(
        &self,
        mut page: Answer,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, CliError> {
        let mut entries: Vec<Box<RawValue>> = page.read()?;
        let mut pages = 1;
        while let Some(cursor) = page.next.take() {
            let with_cursor: Vec<_> = query.iter().copied().chain([("cursor", cursor.as_str())]).collect();
            page = self.get(path, &with_cursor).await?;
            entries.extend(page.read::<Vec<Box<RawValue>>>()?);
            pages += 1;
            if page.next.as_deref() == Some(cursor.as_str()) || pages > MOST_PAGES {
                return Err(page.strange("its list never ends"));
            }
        }
        let entries: Vec<&str> = entries.iter().map(|entry| entry.get()).collect();
        page.body = format!("[{}]", entries.join(","));
        Ok(page)
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, token),
            None => request,
        }
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, CliError> {
        let address = self.address.to_string();
        let unreachable = |error: reqwest::Error| CliError::Unreachable(address.clone(), why(&error));
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let text = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let retry_after_s = text("retry-after").and_then(|seconds| seconds.parse().ok());
        let next = text("link").as_deref().and_then(next_cursor);
        let correlation_id = text("x-correlation-id");
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            if body.len() + part.len() > MOST_ANSWER_BYTES {
                return Err(CliError::Strange(address, "its answer is too large".to_owned()));
            }
            body.extend_from_slice(&part);
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() {
            return Ok(Answer { status: status.as_u16(), body, next, address });
        }
        match ProblemDetails::read(status.as_u16(), retry_after_s, &body) {
            Some(mut refusal) => {
                refusal.correlation_id = refusal.correlation_id.or(correlation_id);
                Err(CliError::Refused(refusal))
            }
            None => Err(CliError::Strange(address, format!("it answers {status}"))),
        }
    }
}

impl Answer {
    /// Reads the body.
    ///
    /// # Errors
    /// [`CliError::Strange`] if it is not what this version expects.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CliError> {
        serde_json::from_str(&self.body).map_err(|error| self.strange(&error.to_string()))
    }

    /// Prints it: as it is for scripts, else as `show` says it to people.
    ///
    /// # Errors
    /// As [`Answer::read`].
    pub fn show<T: DeserializeOwned>(&self, output: Output, show: impl FnOnce(T)) -> Result<(), CliError> {
        if output.json {
            output.line(&self.body);
        } else {
            show(self.read()?);
        }
        Ok(())
    }

    /// The same of a list, which may have `nothing` in it.
    ///
    /// # Errors
    /// As [`Answer::read`].
    pub fn show_entries<T: DeserializeOwned>(
        &self,
        output: Output,
        nothing: &str,
        show: impl FnOnce(&[T]),
    ) -> Result<(), CliError> {
        self.show(
            output,
            |entries: Vec<T>| {
                if entries.is_empty() { output.line(nothing) } else { show(&entries) }
            },
        )
    }

    /// Prints it as it is for scripts, and a sentence for people.
    pub fn say(&self, output: Output, sentence: &str) {
        output.line(if output.json { &self.body } else { sentence });
    }

    fn strange(&self, what: &str) -> CliError {
        CliError::Strange(self.address.clone(), what.to_owned())
    }
}

/// The id of something, as the last part of a path.
///
/// # Errors
/// Says what an id may be.
pub fn id(text: &str) -> Result<String, String> {
    // A path would lose the dots.
    match text.trim() {
        "" | "." | ".." => Err("an id or a number is needed".to_owned()),
        id => Ok(id.to_owned()),
    }
}

fn bearer(token: &str) -> Result<header::HeaderValue, CliError> {
    let mut value = header::HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| usage("WAYBILL_TOKEN: a token has no spaces and no line breaks"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn usage(sentence: &str) -> CliError {
    CliError::Usage(sentence.to_owned())
}

/// Why there was no answer, without the address, which the failure names itself.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!(
            "did not answer within {} s; whether it did what it was asked is not known",
            ANSWER_WITHIN.as_secs()
        );
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("cannot be reached: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(address: &str, token: Option<&str>) -> Result<Api, CliError> {
        api_allowing(None, address, token)
    }

    fn api_allowing(allowed: Option<&str>, address: &str, token: Option<&str>) -> Result<Api, CliError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let allow_plain_http = allowed.map(str::to_owned);
        Api::with_token(&Connection { api: address.to_owned(), allow_plain_http, json: false }, token)
    }

    fn url(address: &str, path: &[&str], query: &[(&str, &str)]) -> String {
        let api = api(address, None).expect("an API");
        api.request(Method::GET, path, query).build().expect("a request").url().to_string()
    }

    #[test]
    fn what_was_typed_stays_within_its_part_of_the_path() {
        let there = "http://127.0.0.1:8080";
        assert_eq!(url(there, &["orders", "a/b?c#d"], &[]), format!("{there}/api/orders/a%2Fb%3Fc%23d"));
        assert_eq!(url("http://host/shop/", &["inbox"], &[]), "http://host/shop/api/inbox");
        assert_eq!(url(there, &["inbox"], &[("state", "A&B")]), format!("{there}/api/inbox?state=A%26B"));
        assert!(id("..").is_err() && id(" ").is_err());
    }

    #[test]
    fn a_token_goes_in_plain_to_this_machine_alone_unless_somebody_says_otherwise() {
        let token = Some("a-token");
        for address in ["http://waybill.example.com", "http://192.0.2.1:8080", "http://127.0.0.1.example.com"]
        {
            for allowed in [None, Some(""), Some("false"), Some("yes")] {
                assert!(
                    matches!(api_allowing(allowed, address, token), Err(CliError::Usage(_))),
                    "{address}"
                );
            }
            assert!(api_allowing(Some("true"), address, token).is_ok(), "{address}");
            assert!(api(address, None).is_ok(), "{address}: there is nothing to take");
        }
        for address in ["https://waybill.example.com", "http://127.0.0.1:8080", "http://[::1]:8080"] {
            assert!(api(address, token).is_ok(), "{address}");
        }
    }

    #[test]
    fn an_address_or_a_token_that_cannot_be_one_is_wrong_usage() {
        for (address, token) in [("8080", None), ("ftp://host", None), ("http://host", Some("a\nb"))] {
            assert!(matches!(api(address, token), Err(CliError::Usage(_))), "{address} {token:?}");
        }
    }
}
