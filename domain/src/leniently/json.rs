//! JSON that a strict reader refuses for the way a text or a number in it is written.
//!
//! **Invariant:** what is mended is how a text or a number nobody could keep is written, never a body's
//! structure; sound JSON comes out as it went in.

/// The same JSON with what is unsound in a text replaced: half a surrogate pair, which shops have sent
/// where an emoji was cut in two, bytes that are no UTF-8, control characters. A number too large for
/// any machine becomes null, and a byte order mark is left out.
#[must_use]
pub fn sound_json(body: &[u8]) -> String {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    mended(&String::from_utf8_lossy(body))
}

fn mended(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((outside, inside)) = rest.split_once('"') {
        mend_numbers(outside, &mut mended);
        mended.push('"');
        rest = mend_text(inside, &mut mended);
    }
    mend_numbers(rest, &mut mended);
    mended
}

/// Mends a text whose opening quote has been passed; what is left begins behind its closing one.
fn mend_text<'a>(mut rest: &'a str, mended: &mut String) -> &'a str {
    while let Some(at) = rest.find(|character| character == '"' || character == '\\' || character < ' ') {
        let (plain, special) = rest.split_at(at);
        mended.push_str(plain);
        let (instead, length) = match special.as_bytes()[0] {
            b'"' => {
                mended.push('"');
                return &special[1..];
            }
            b'\\' => escape(special),
            _ => (" ", 1),
        };
        mended.push_str(instead);
        rest = &special[length..];
    }
    mended.push_str(rest);
    ""
}

/// What to write for the escape that `text` begins with, and how many bytes it takes.
fn escape(text: &str) -> (&str, usize) {
    const REPLACEMENT: &str = "\\ufffd";
    match unit(text) {
        Some(0xD800..=0xDBFF) => match unit(&text[6..]) {
            Some(0xDC00..=0xDFFF) => (&text[..12], 12),
            _ => (REPLACEMENT, 6),
        },
        Some(0xDC00..=0xDFFF) => (REPLACEMENT, 6),
        Some(_) => (&text[..6], 6),
        None if text[1..].starts_with(['"', '\\', '/', 'b', 'f', 'n', 'r', 't']) => (&text[..2], 2),
        None => (REPLACEMENT, 1),
    }
}

/// The UTF-16 unit of a `\uXXXX` that `text` begins with.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

fn mend_numbers(outside: &str, mended: &mut String) {
    let of_a_number =
        |character: char| character.is_ascii_digit() || matches!(character, '-' | '+' | '.' | 'e' | 'E');
    let mut rest = outside;
    while let Some(at) = rest.find(|character: char| character.is_ascii_digit() || character == '-') {
        let (before, from) = rest.split_at(at);
        let (number, after) = from.split_at(from.find(|c| !of_a_number(c)).unwrap_or(from.len()));
        let too_large = number.parse::<f64>().is_ok_and(f64::is_infinite);
        mended.push_str(before);
        mended.push_str(if too_large { "null" } else { number });
        rest = after;
    }
    mended.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &[u8]) -> Option<Value> {
        serde_json::from_str(&sound_json(body)).ok()
    }

    #[test]
    fn half_a_surrogate_becomes_a_replacement_character_and_a_pair_stays() {
        for (body, text) in [
            (r#"{"a": "x\ud83d"}"#, "x\u{fffd}"),
            (r#"{"a": "\ud83d\u0041"}"#, "\u{fffd}A"),
            (r#"{"a": "\uD83D\uDE00\uDE00"}"#, "😀\u{fffd}"),
            (r#"{"a": "\ud83d\ud83d\ude00"}"#, "\u{fffd}😀"),
            (r#"{"a": "\\ud83d \ud83d"}"#, "\\ud83d \u{fffd}"),
            (r#"{"a": "\\\ud83d"}"#, "\\\u{fffd}"),
            (r#"{"a": "\"\ud83d\""}"#, "\"\u{fffd}\""),
            (r#"{"a": "\ud83dé"}"#, "\u{fffd}é"),
        ] {
            assert_eq!(read(body.as_bytes()), Some(json!({"a": text})), "{body}");
        }
        assert_eq!(read(r#"{"a\ud83d": 1}"#.as_bytes()), Some(json!({"a\u{fffd}": 1})));
    }

    #[test]
    fn bytes_and_characters_that_no_text_may_hold_are_replaced() {
        assert_eq!(read(b"{\"a\": \"x\xff\xfey\"}"), Some(json!({"a": "x\u{fffd}\u{fffd}y"})));
        assert_eq!(read(b"{\"a\": \"x\n\x01y\"}"), Some(json!({"a": "x  y"})));
        assert_eq!(read(br#"{"a": "\x\u12 \ud83d"}"#), Some(json!({"a": "\u{fffd}x\u{fffd}u12 \u{fffd}"})));
    }

    #[test]
    fn a_number_too_large_for_any_machine_is_null() {
        assert_eq!(
            read(br#"[1e999, -1E+400, 1.5, "1e999 \ud83d"]"#),
            Some(json!([null, null, 1.5, "1e999 \u{fffd}"]))
        );
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(read("\u{feff}{}".as_bytes()), Some(json!({})));
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for body in
            ["", "{", "{\"a\": \"", "{\"a\": \"\\", "{\"a\": \"\\ud83d", "{\u{fffd}}", "{} {}", "{'a': 1}"]
        {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn sound_json_is_mended_into_itself(text in any::<String>(), number in any::<i64>()) {
            let value = json!({text.clone(): [text, number, {"x": [1.5, true, null]}]});
            let written = value.to_string();
            prop_assert_eq!(&mended(&written), &written);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in "(\\\\|\"|\\\\u|d83d|de0|[{}\\[\\],:]|[0-9eE.+-]|é|.){0,60}") {
            let _ = read(bytes.as_bytes());
        }
    }
}
