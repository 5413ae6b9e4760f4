//! Refusals of `/api` as an operator reads them: what is so now, and what is possible instead.

use super::status;

/// A refusal's sentence, in the words of this console.
pub(crate) fn refusal(sentence: &str) -> String {
    let (first, rest) = sentence.split_once(". ").unwrap_or((sentence, ""));
    let stands = match rest.strip_prefix("Current status: ") {
        Some(code) => format!(" Where it stands: {}.", status(code.trim_end_matches('.')).to_lowercase()),
        None => String::new(),
    };
    let said = match first {
        "nothing is parked" => "It waits for no answer any more; look at the order for what became of it.",
        "Order cannot be cancelled" => "It cannot be cancelled any more. Announce a return instead.",
        "Order cannot be changed" => "It cannot be changed any more.",
        _ if first.starts_with("attentionId: the order has no open row") => {
            "Somebody answered it before, or it went on by itself."
        }
        _ if first.starts_with("There is no open row") => "Somebody answered it before.",
        _ if first.starts_with("attentionId: several rows") => {
            "More than one thing waits of this order; answer each by its own button."
        }
        _ if first.starts_with("the order's workflow has gone just now") => {
            "Nobody works on it any more, since just now. Try again: that starts it anew."
        }
        _ if first.starts_with("nothing of the order can be recalled") => {
            "The warehouse has nothing of it left to recall. Say that it was dealt with instead."
        }
        _ if first.starts_with("requestId: ") => {
            "This form was sent before with something else in it. Load the page anew and fill it in again."
        }
        _ if first.starts_with("reason: ") => "It needs a reason of at most 255 characters.",
        _ if first.starts_with("expected: ") => {
            "More wait by now than were named. Look at who is meant and answer again."
        }
        _ if first.starts_with("This needs one of the roles") => {
            "Your role may look here and not act. Ask somebody who is an operator."
        }
        _ if first.starts_with("There is no lane") => "There is no such lane any more.",
        _ => return sentence.to_owned(),
    };
    format!("{said}{stands}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_so_in_words_an_operator_knows() {
        for (said, read) in [
            (
                "attentionId: the order has no open row 17",
                "Somebody answered it before, or it went on by itself.",
            ),
            (
                "nothing is parked. Current status: PROCESSING",
                "It waits for no answer any more; look at the order for what became of it. Where it stands: at the \
                 warehouse.",
            ),
            (
                "Order cannot be cancelled. Current status: SHIPPED",
                "It cannot be cancelled any more. Announce a return instead. Where it stands: shipped.",
            ),
            (
                "requestId: new for every change",
                "This form was sent before with something else in it. Load the page anew and fill it in again.",
            ),
            ("Something that is not known here", "Something that is not known here"),
        ] {
            assert_eq!(refusal(said), read);
        }
    }
}
