//! What can differ between two requests: ids, and moments.

use std::sync::LazyLock;

use anyhow::{Context, ensure};
use regex::Regex;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Anything else.
    Text(String),
    /// An id.
    Id(Kind, String),
    /// A moment, as PostgreSQL or as JSON writes it.
    Moment(String),
}

impl Piece {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Id(_, text) | Self::Moment(text) => text,
        }
    }
}

/// What an id looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Allocation,
    OrderNumber,
    Item,
    User,
}

impl Kind {
    /// The expression that makes another id of this form in every transaction. Of an id that is drawn by
    /// time and chance the beginning stays; its end is `ordinal`, which tells it from the request's other
    /// ids, and the transaction's number.
    pub(super) fn expression(self, id: &str, ordinal: usize) -> String {
        const DRAWN_DIGITS: usize = 12;
        const NUMBER: &str = "lpad(to_hex(:n::bigint), 8, '0')";
        match self {
            Self::Uuid | Self::Allocation => {
                format!("'{}{ordinal:04x}' || {NUMBER}", &id[..id.len() - DRAWN_DIGITS])
            }
            // Of a day that the API draws no numbers for, as this number is short and has to be unique.
            Self::OrderNumber => format!("'ORD-19700101-' || upper({NUMBER})"),
            Self::Item => "'BENCH-' || lpad(:item::text, 6, '0')".to_owned(),
            Self::User => "'bench-user-' || lpad(:buyer::text, 6, '0')".to_owned(),
        }
    }
}

const ID_FORMS: [(&str, Kind); 5] = [
    ("uuid", Kind::Uuid),
    ("allocation", Kind::Allocation),
    ("order_number", Kind::OrderNumber),
    ("item", Kind::Item),
    ("user", Kind::User),
];

static FORMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?<uuid> [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12} )
        | (?<allocation> alloc_[0-9a-f]{32} )
        | (?<order_number> ORD-\d{8}-[0-9A-F]{8} )
        | (?<item> BENCH-\d{6} )
        | (?<user> bench-user-\d{6} )
        | (?<moment> \d{4}-\d\d-\d\d[\x20T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::\d\d)?) )",
    )
    .ok()
});

/// Takes a text apart.
pub(super) fn pieces(text: &str) -> anyhow::Result<Vec<Piece>> {
    let forms = FORMS.as_ref().context("the forms of ids are no regular expression")?;
    let (mut pieces, mut end) = (Vec::new(), 0);
    for found in forms.captures_iter(text) {
        let whole = found.get_match();
        if whole.start() > end {
            pieces.push(Piece::Text(text[end..whole.start()].to_owned()));
        }
        end = whole.end();
        let id = ID_FORMS.iter().find(|(name, _)| found.name(name).is_some());
        pieces.push(match id {
            Some((_, kind)) => Piece::Id(*kind, whole.as_str().to_owned()),
            None => Piece::Moment(whole.as_str().to_owned()),
        });
    }
    if end < text.len() {
        pieces.push(Piece::Text(text[end..].to_owned()));
    }
    Ok(pieces)
}

/// Bytes as PostgreSQL shows them.
pub(super) fn bytes_of(shown: &str) -> anyhow::Result<Vec<u8>> {
    let digits = shown.strip_prefix("\\x").context("bytes are shown as \\x and digits")?;
    Ok(hex::decode(digits)?)
}

/// The elements of an array of one dimension, as PostgreSQL shows it.
///
/// # Errors
/// If one of them is NULL.
pub(super) fn elements(shown: &str) -> anyhow::Result<Vec<String>> {
    let inside = shown.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inside = inside.with_context(|| format!("not an array of one dimension: {shown}"))?;
    let mut elements = Vec::new();
    let mut characters = inside.chars().peekable();
    while characters.peek().is_some() {
        let mut element = String::new();
        let quoted = characters.next_if_eq(&'"').is_some();
        while let Some(character) = characters.next() {
            match character {
                '"' if quoted => {
                    characters.next_if_eq(&',');
                    break;
                }
                ',' if !quoted => break,
                '\\' => element.extend(characters.next()),
                other => element.push(other),
            }
        }
        ensure!(quoted || element != "NULL", "an element is NULL: {shown}");
        elements.push(element);
    }
    Ok(elements)
}
