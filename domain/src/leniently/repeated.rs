//! Members that stand twice in an object. One reader takes the first, another the last, so that two who look
//! at one body see two different ones.

use std::{collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::sound_json;

/// More of them say no more.
const MOST: usize = 1_000;

/// Where members stand again, for example `items[0].quantity`, in JSON as it is or [mended](sound_json); none if it
/// cannot be walked through, as it is no JSON or too deep. Readers that pass over what they do not know may take more.
#[must_use]
pub fn repeated_members(body: &[u8]) -> Option<Vec<String>> {
    walked(body).or_else(|| walked(sound_json(body).as_bytes()))
}

fn walked(json: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let walked = Walk { place: String::new(), found: &mut found }.deserialize(&mut reader);
    (walked.is_ok() || found.len() > MOST).then_some(found)
}

/// The first of these members that stands again; `[]` is any place in a list, as in `items[].quantity`.
#[must_use]
pub fn repeated_of(body: &[u8], needed: &[&str]) -> Option<String> {
    repeated_members(body)?.into_iter().find(|place| {
        let anywhere: String =
            place.split('[').fold(String::new(), |known, part| match part.split_once(']') {
                Some((_, rest)) if !known.is_empty() => known + "[]" + rest,
                _ => known + part,
            });
        needed.contains(&anywhere.as_str())
    })
}

struct Walk<'a> {
    place: String,
    found: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let dot = if self.place.is_empty() { "" } else { "." };
            let place = format!("{}{dot}{name}", self.place);
            if !seen.insert(name) {
                self.found.push(place.clone());
                if self.found.len() > MOST {
                    return Err(A::Error::custom("too many members stand twice"));
                }
            }
            members.next_value_seed(Walk { place, found: &mut *self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(()) = entries
            .next_element_seed(Walk { place: format!("{}[{index}]", self.place), found: &mut *self.found })?
        {
            index += 1;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_twice_is_found_wherever_it_is() {
        for (body, place) in [
            (r#"{"a": 1, "b": 2, "a": 1}"#, Some("a")),
            (r#"{"items": [{"sku": "x"}, {"quantity": 1, "quantity": 9}]}"#, Some("items[1].quantity")),
            (r#"{"a": {"b": {"c": null, "c": 1.5}}}"#, Some("a.b.c")),
            (r#"{"a": 1, "\u0061": 2}"#, Some("a")),
            (r#"{"a": {"a": {"a": [true, -1, "a"]}}}"#, None),
            (r#"[{"a": 1}, {"a": 1}]"#, None),
            (r#"{"note": "\ud83d", "a": 1, "a": 2}"#, Some("a")),
            (r#"{"note": 1e999, "a": 1, "a": 2}"#, Some("a")),
        ] {
            let found = repeated_members(body.as_bytes()).unwrap();
            assert_eq!(found.first().map(String::as_str), place, "{body}");
        }
        assert!(
            repeated_members(b"{\"note\": \"\xff\", \"a\": 1, \"a\": 2}").is_some_and(|found| found == ["a"])
        );
        let deep = format!("{{\"note\": {}{}, \"a\": 1, \"a\": 2}}", "[".repeat(200), "]".repeat(200));
        for unwalkable in ["", "{", r#"{"a": 1, "a""#, &deep, &"[".repeat(100_000)] {
            assert_eq!(repeated_members(unwalkable.as_bytes()), None, "{unwalkable:.80}");
        }
    }

    #[test]
    fn of_very_many_the_first_are_told_and_of_what_breaks_off_before_none() {
        let members = |count: usize| r#""a": 1, "#.repeat(count + 1);
        let whole = format!("{{{}\"b\": 1}}", members(2 * MOST));
        assert_eq!(repeated_members(whole.as_bytes()).map(|found| found.len()), Some(MOST + 1));
        let cut_off = format!("{{{}", members(MOST));
        assert_eq!(repeated_members(cut_off.as_bytes()), None);
    }

    #[test]
    fn a_bracket_in_a_name_is_no_place_of_a_list() {
        assert_eq!(repeated_of(br#"{"a]b": 1, "a]b": 2}"#, &["[]b"]), None);
    }

    #[test]
    fn what_is_needed_is_found_at_any_place_of_a_list() {
        let body = br#"{"note": 1, "note": 2, "items": [{"q": 1}, {"q": 1, "q": 2}], "id": 1}"#;
        assert_eq!(repeated_of(body, &["id", "items[].q"]).as_deref(), Some("items[1].q"));
        assert_eq!(repeated_of(body, &["id", "items"]), None);
        assert_eq!(repeated_of(body, &["note"]).as_deref(), Some("note"));
    }
}
