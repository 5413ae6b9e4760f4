//! What all pages have: their frame, their headers, and how a refusal looks.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};

use crate::{
    assets,
    client::{Refusal, Visitor},
    session::Said,
    shown::{Me, Wanted},
};

/// Nothing from elsewhere, no script or style in the page itself, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What a page is.
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The frame of a page.
pub(crate) struct Shell {
    pub(crate) title: String,
    /// Which entry of the rail it belongs to.
    pub(crate) section: &'static str,
    /// The order that the page is about, whose changes alone are followed.
    pub(crate) order: String,
    /// Whether it is kept up to date; what answers a form is not, or it would lose what was typed.
    pub(crate) follows: bool,
    pub(crate) me: Me,
    pub(crate) said: Option<Said>,
    /// Rows that wait for a person; none if nobody could say.
    pub(crate) wanted: Option<u64>,
    pub(crate) now: DateTime<Utc>,
}

impl Shell {
    /// The frame for a visitor. How much waits is asked each time: what is kept for a while would stand in a page that was
    /// read anew because of just that change, and stay there.
    pub(crate) async fn of(visitor: &Visitor, section: &'static str, title: impl Into<String>) -> Self {
        let wanted = visitor.client.get::<Wanted>("/api/attention/count").await;
        Self::with(visitor, section, title.into(), wanted.ok().map(|wanted| wanted.rows))
    }

    /// The same, where it is known how much waits.
    pub(crate) fn counting(
        visitor: &Visitor,
        section: &'static str,
        title: impl Into<String>,
        wanted: u64,
    ) -> Self {
        Self::with(visitor, section, title.into(), Some(wanted))
    }

    fn with(visitor: &Visitor, section: &'static str, title: String, wanted: Option<u64>) -> Self {
        Self {
            title,
            section,
            order: String::new(),
            follows: true,
            me: visitor.me.clone(),
            said: visitor.said.clone(),
            wanted,
            now: Utc::now(),
        }
    }

    /// It says why a form was refused, and stays as it is: kept up to date, it would lose what was typed.
    pub(crate) fn keep_with(&mut self, refusal: String) {
        self.follows = false;
        self.said = Some(Said { is_refusal: true, sentence: refusal });
    }

    pub(crate) fn version(&self) -> String {
        version()
    }

    pub(crate) fn is(&self, section: &str) -> bool {
        self.section == section
    }
}

/// A page as it is sent.
pub(crate) fn render(status: StatusCode, page: &impl Template) -> Response {
    let Ok(html) = page.render() else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HTML),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, html).into_response()
}

/// A page that is there.
pub(crate) fn show(page: &impl Template) -> Response {
    render(StatusCode::OK, page)
}

#[derive(Template)]
#[template(path = "plain.html")]
struct Plain<'a> {
    title: &'a str,
    sentence: &'a str,
    version: String,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOut<'a> {
    end: &'a str,
    version: String,
}

/// Where people sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignIn<'a> {
    /// The page that was wanted.
    pub(crate) to: &'a str,
    pub(crate) refusal: Option<&'a str>,
    /// What the issuer would have to do.
    pub(crate) needed: &'a [String],
    /// Whether they can at the issuer.
    pub(crate) at_issuer: bool,
    /// Whether somebody else might be let in.
    pub(crate) as_another: bool,
    /// Whether the place for a token is open, which it is where there is no other way.
    pub(crate) with_token: bool,
    pub(crate) version: String,
}

impl<'a> SignIn<'a> {
    /// Before anything went wrong.
    pub(crate) fn new(to: &'a str, at_issuer: bool) -> Self {
        let (needed, as_another, with_token) = (&[][..], false, !at_issuer);
        Self { to, refusal: None, needed, at_issuer, as_another, with_token, version: version() }
    }

    pub(crate) fn show(&self, status: StatusCode) -> Response {
        render(status, self)
    }
}

fn version() -> String {
    format!("{:016x}", assets::VERSION)
}

/// Why there is no such page now.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let title = match refusal.status {
        StatusCode::NOT_FOUND => "This is not here",
        StatusCode::FORBIDDEN => "This is not yours to see",
        status if status.is_client_error() => "This cannot be shown",
        _ => "This cannot be shown right now",
    };
    render(refusal.status, &Plain { title, sentence: &refusal.sentence, version: version() })
}

/// A form that came from elsewhere.
pub(crate) fn forged() -> Response {
    let sentence = "The form did not come from a page of this console, so nothing was done.";
    render(StatusCode::FORBIDDEN, &Plain { title: "Nothing was done", sentence, version: version() })
}

/// Signed out here; the page leads on to where one signs out at the issuer.
pub(crate) fn signed_out(end: &str) -> Response {
    render(StatusCode::OK, &SignedOut { end, version: version() })
}
