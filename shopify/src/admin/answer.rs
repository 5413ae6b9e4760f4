//! Reads an HTTP answer of the Admin API into data or an error class.
//!
//! **Invariant:** an answer that is not understood counts as "may have worked".

use std::time::Duration;

use calls::{VendorText, wait_asked_for};
use serde::Deserialize;
use serde_json::Value;

use super::error::ShopifyError;

/// Characters of Shopify's texts that are kept.
const MOST_CHARACTERS: usize = 500;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Value,
    #[serde(default)]
    extensions: Value,
}

/// The `data` of an answer.
pub(super) fn read(status: u16, retry_after: Option<&str>, body: &[u8]) -> Result<Value, ShopifyError> {
    match status {
        200..=299 => read_envelope(body),
        401 | 403 => Err(ShopifyError::Unauthorised { text: error_text(body) }),
        429 => Err(ShopifyError::Throttled { retry_after: header_wait(retry_after) }),
        500.. => Err(ShopifyError::unknown("HTTP 5xx")),
        _ => Err(ShopifyError::Refused { status, text: error_text(body) }),
    }
}

/// What the document cost and what is left, if the answer says so.
pub(super) fn cost(body: &[u8]) -> Option<Value> {
    let mut envelope: Envelope = serde_json::from_slice(body).ok()?;
    envelope.extensions.get_mut("cost").map(Value::take)
}

fn read_envelope(body: &[u8]) -> Result<Value, ShopifyError> {
    let unreadable = ShopifyError::unknown("unreadable answer");
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return Err(unreadable);
    };
    match &envelope.errors {
        Value::Null => {}
        Value::Array(errors) if errors.is_empty() => {}
        errors => return Err(graphql_error(errors, &envelope.extensions)),
    }
    if envelope.data.is_object() { Ok(envelope.data) } else { Err(unreadable) }
}

/// Shopify answers 200 with errors; which of them counts is the one that says most about a retry.
fn graphql_error(errors: &Value, extensions: &Value) -> ShopifyError {
    let listed = errors.as_array().map(Vec::as_slice).unwrap_or_default();
    let codes: Vec<&str> =
        listed.iter().filter_map(|error| error.pointer("/extensions/code")?.as_str()).collect();
    let has = |code: &str| codes.contains(&code);
    let text = text_of(errors);
    if has("THROTTLED") {
        ShopifyError::Throttled { retry_after: cost_wait(extensions) }
    } else if has("INTERNAL_SERVER_ERROR") || has("TIMEOUT") {
        ShopifyError::unknown("internal error").found_by(request_id(listed))
    } else if has("ACCESS_DENIED") || has("SHOP_INACTIVE") {
        ShopifyError::Unauthorised { text }
    } else {
        ShopifyError::Graphql { code: codes.first().map(|code| (*code).to_owned()), text }
    }
}

/// The request id that Shopify gives with an internal error: in a member of its own, or in its
/// sentence ("Request ID: 3e2a… (include this in support requests).", as of 2026-04).
fn request_id(errors: &[Value]) -> Option<&str> {
    errors.iter().find_map(|error| {
        let member = error.pointer("/extensions/requestId").and_then(Value::as_str);
        member.or_else(|| {
            let (_, tail) = error.get("message")?.as_str()?.split_once("Request ID:")?;
            tail.split_whitespace().next()
        })
    })
}

/// How long until the bucket holds what the document costs (`extensions.cost` of the answer).
fn cost_wait(extensions: &Value) -> Duration {
    let figure = |path: &str| extensions.pointer(path).and_then(Value::as_f64);
    let (Some(cost), Some(available), Some(rate)) = (
        figure("/cost/requestedQueryCost"),
        figure("/cost/throttleStatus/currentlyAvailable"),
        figure("/cost/throttleStatus/restoreRate").filter(|rate| *rate > 0.0),
    ) else {
        return wait_asked_for(None);
    };
    // Another caller may have drained the bucket since: never less than a tenth of a second.
    wait_asked_for(Some(((cost - available) / rate).max(0.1)))
}

/// `Retry-After` in seconds, which Shopify writes with a decimal point (`2.0`).
fn header_wait(retry_after: Option<&str>) -> Duration {
    wait_asked_for(retry_after.and_then(|text| text.trim().parse().ok()))
}

fn error_text(body: &[u8]) -> VendorText {
    let errors = serde_json::from_slice::<Envelope>(body).map(|envelope| envelope.errors);
    text_of(&errors.unwrap_or_default())
}

fn text_of(errors: &Value) -> VendorText {
    let text = match errors {
        Value::String(text) => text.clone(),
        Value::Array(listed) => {
            let messages: Vec<&str> =
                listed.iter().filter_map(|error| error.get("message")?.as_str()).collect();
            messages.join(" ")
        }
        _ => String::new(),
    };
    VendorText::new(
        text.chars().filter(|character| *character != '\0').take(MOST_CHARACTERS).collect::<String>(),
    )
}

#[cfg(test)]
mod tests {
    use calls::CallFailure;
    use serde_json::json;

    use super::*;

    fn ok(body: &Value) -> Result<Value, ShopifyError> {
        read(200, None, body.to_string().as_bytes())
    }

    #[test]
    fn throttling_waits_until_the_bucket_holds_the_cost() {
        let answer = json!({
            "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {"cost": {"requestedQueryCost": 202, "actualQueryCost": null,
                "throttleStatus": {"maximumAvailable": 1000.0, "currentlyAvailable": 52, "restoreRate": 50.0}}},
        });
        assert_eq!(ok(&answer), Err(ShopifyError::Throttled { retry_after: Duration::from_secs(3) }));
    }

    #[test]
    fn throttling_without_figures_waits_the_usual_time() {
        for extensions in [
            json!(null),
            json!({"cost": {"requestedQueryCost": 10, "throttleStatus":
            {"currentlyAvailable": 0, "restoreRate": 0}}}),
        ] {
            let answer = json!({"errors": [{"extensions": {"code": "THROTTLED"}}], "extensions": extensions});
            assert_eq!(ok(&answer), Err(ShopifyError::Throttled { retry_after: wait_asked_for(None) }));
        }
    }

    #[test]
    fn no_wait_is_believed_beyond_a_minute_or_below_nothing() {
        for (header, wait) in
            [("2.0", 2_000), ("0.5", 500), ("-1", 2_000), ("1e9", 60_000), ("soon", 2_000), ("NaN", 2_000)]
        {
            let error = read(429, Some(header), b"").unwrap_err();
            assert_eq!(error.retry_after(), Some(Duration::from_millis(wait)), "{header}");
        }
    }

    #[test]
    fn a_status_says_whether_the_call_may_have_worked() {
        let code = |status: u16| read(status, None, b"<html>").unwrap_err().code();
        assert_eq!(code(200), "SHOPIFY_UNKNOWN_OUTCOME");
        assert_eq!(code(502), "SHOPIFY_UNKNOWN_OUTCOME");
        assert_eq!(code(401), "SHOPIFY_UNAUTHORISED");
        assert_eq!(code(403), "SHOPIFY_UNAUTHORISED");
        assert_eq!(code(404), "SHOPIFY_REFUSED");
        assert_eq!(code(301), "SHOPIFY_REFUSED");
    }

    #[test]
    fn an_error_beside_data_is_an_error() {
        let answer = json!({"data": {"order": null},
            "errors": [{"message": "m", "extensions": {"code": "BAD_REQUEST"}}]});
        let expected = ShopifyError::Graphql { code: Some("BAD_REQUEST".into()), text: VendorText::new("m") };
        assert_eq!(ok(&answer), Err(expected));
    }

    #[test]
    fn errors_that_are_a_text_are_read_too() {
        let error = read(401, None, br#"{"errors":"[API] Invalid API key"}"#).unwrap_err();
        assert_eq!(error.vendor_text().as_deref(), Some("[API] Invalid API key"));
        assert!(!error.to_string().contains("API key"));
    }

    #[test]
    fn an_internal_error_keeps_its_request_id() {
        let message = "Internal error.\nRequest ID: 3e2ab86b-17 (include this in support requests).";
        for (error, id) in [
            (json!({"message": message, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}), "3e2ab86b-17"),
            (json!({"extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "9-\u{0}b c"}}), "9-bc"),
        ] {
            let error = ok(&json!({"errors": [error]})).unwrap_err();
            assert_eq!(error.vendor_text(), Some(format!("request id {id}")));
            assert_eq!(error.clone().found_by(Some("another")), error);
        }
        assert_eq!(
            ok(&json!({"errors": [{"extensions": {"code": "TIMEOUT"}}]})).unwrap_err().vendor_text(),
            None
        );
    }

    #[test]
    fn an_internal_error_may_have_worked_and_a_lacking_scope_is_not_the_orders_fault() {
        let of = |code: &str| ok(&json!({"errors": [{"extensions": {"code": code}}]})).unwrap_err();
        assert_eq!(of("INTERNAL_SERVER_ERROR").code(), "SHOPIFY_UNKNOWN_OUTCOME");
        assert_eq!(of("ACCESS_DENIED").code(), "SHOPIFY_UNAUTHORISED");
        assert!(!of("ACCESS_DENIED").is_permanent());
        assert!(of("MAX_COST_EXCEEDED").is_permanent());
    }
}
