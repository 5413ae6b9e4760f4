//! Members that stand twice in an object. One reader takes the first, another the last, so that two who look
//! at one body see two different ones; here nobody looks at it.

use std::{collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Where a member stands for the second time, for example `items[0].quantity`; none if nothing does, or if it is
/// no JSON.
pub(crate) fn repeated(body: &[u8]) -> Option<String> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(body);
    // An error is the end of the walk: what was found, or what is for others to refuse.
    let _ = Walk { place: String::new(), found: &mut found }.deserialize(&mut reader);
    found
}

struct Walk<'a> {
    place: String,
    found: &'a mut Option<String>,
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
                *self.found = Some(place);
                return Err(A::Error::custom("a member stands twice"));
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
            (r#"{"a": 1, "a""#, Some("a")),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(repeated(body.as_bytes()).as_deref(), place, "{body}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(repeated(deep.as_bytes()), None);
    }
}
