//! What the API shows, whole: every member of an answer is compared with what is kept in `snapshots/`.
//!
//! A change that is meant is accepted by a person: `INSTA_UPDATE=always make test ARGS="--test it -- NAME"`.

use serde_json::Value;

/// What differs from run to run, by how it looks.
const DRAWN_ANEW: [(&str, &str); 6] = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[moment]"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "[uuid]"),
    (r"ORD-\d{8}-[0-9A-Z]{8}", "[order number]"),
    (r"alloc_[0-9a-f]{32}", "[allocation]"),
    (r"\b\d{18}\b", "[number of the shop's]"),
    (r#""attentionId": \d+"#, r#""attentionId": "[row]""#),
];

/// That an answer is, member by member, the one kept under this name.
pub(crate) fn assert_answer(name: &str, answer: &Value) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (drawn, shown) in DRAWN_ANEW {
        settings.add_filter(drawn, shown);
    }
    settings.bind(|| insta::assert_json_snapshot!(name, answer));
}
