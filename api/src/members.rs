//! The members of a JSON object as the caller wrote them: under any of several names, with every digit,
//! and refused under the name that was written.
//!
//! **Invariant:** a refusal names the place in the caller's own words, for example `items[0].product_id`.

use std::collections::BTreeMap;

use domain::ParseError;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    field::{self, Amount},
    problem::Problem,
};

/// An object. `null` counts as absent.
pub(crate) struct Members<'a> {
    /// What stands before a member's name in a refusal.
    prefix: String,
    members: BTreeMap<String, &'a RawValue>,
}

/// A member, or an entry of a list, and where it stands.
pub(crate) struct Member<'a> {
    place: String,
    value: &'a RawValue,
}

impl<'a> Members<'a> {
    /// The body's own members.
    ///
    /// # Errors
    /// [`Problem::Invalid`] if it is no object.
    pub(crate) fn of_body(body: &'a RawValue) -> Result<Self, Problem> {
        Self::read(body, String::new()).ok_or_else(|| Problem::unreadable("The body is a JSON object"))
    }

    fn read(value: &'a RawValue, prefix: String) -> Option<Self> {
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(value.get()).ok()?;
        members.retain(|_, value| value.get() != "null");
        Some(Self { prefix, members })
    }

    /// The member under one of these names.
    ///
    /// # Errors
    /// [`Problem::Invalid`] if it is there under two of them, with two values.
    pub(crate) fn get(&self, names: &[&str]) -> Result<Option<Member<'a>>, Problem> {
        let mut found: Option<Member<'a>> = None;
        for name in names {
            let Some(value) = self.members.get(*name) else { continue };
            let member = Member { place: format!("{}{name}", self.prefix), value };
            match &found {
                Some(first) if first.value.get() != value.get() => {
                    return Err(member.refuse(&format!("says something else than {}", first.place)));
                }
                Some(_) => {}
                None => found = Some(member),
            }
        }
        Ok(found)
    }

    /// The same, where it may not be left out. The first name is the one in camel case, the second the
    /// one in snake case; a caller who writes snake case hears that one.
    ///
    /// # Errors
    /// [`Problem::Invalid`] if it is not there, and as [`Members::get`].
    pub(crate) fn needed(&self, names: &[&str]) -> Result<Member<'a>, Problem> {
        self.get(names)?.ok_or_else(|| self.missing(names))
    }

    pub(crate) fn missing(&self, names: &[&str]) -> Problem {
        let is_snake_case = self.members.keys().any(|name| name.contains('_'));
        let name = names.get(usize::from(is_snake_case)).or(names.first()).unwrap_or(&"");
        Problem::invalid(format!("{}{name}", self.prefix), "is missing")
    }
}

impl<'a> Member<'a> {
    /// Where it stands, in the caller's words.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn refuse(&self, allowed: &str) -> Problem {
        Problem::invalid(&self.place, allowed)
    }

    pub(crate) fn text(&self) -> Result<String, Problem> {
        self.read("a text")
    }

    pub(crate) fn flag(&self) -> Result<bool, Problem> {
        self.read("true or false")
    }

    /// A name or the like.
    pub(crate) fn name(&self) -> Result<String, Problem> {
        field::text(&self.place, &self.text()?)
    }

    pub(crate) fn email(&self) -> Result<String, Problem> {
        field::email(&self.place, &self.text()?)
    }

    /// A text that means something.
    pub(crate) fn parse<T>(&self, parse: impl FnOnce(&str) -> Result<T, ParseError>) -> Result<T, Problem> {
        Problem::of_field(&self.place, parse(&self.text()?))
    }

    /// A whole number that means something. One that is beyond 64 bits is refused as the largest is.
    pub(crate) fn whole_number<T>(
        &self,
        parse: impl FnOnce(i64) -> Result<T, ParseError>,
    ) -> Result<T, Problem> {
        let number = serde_json::from_str(self.value.get()).unwrap_or(i64::MAX);
        Problem::of_field(&self.place, parse(number))
    }

    /// An amount, as a text or as a number.
    pub(crate) fn amount(&self) -> Result<Decimal, Problem> {
        self.read::<Amount>("a decimal amount, for example \"29.90\"").map(|Amount(amount)| amount)
    }

    pub(crate) fn object(&self) -> Result<Members<'a>, Problem> {
        Members::read(self.value, format!("{}.", self.place)).ok_or_else(|| self.refuse("an object"))
    }

    /// An object whose members are named as if they stood in the body itself.
    pub(crate) fn whole(&self) -> Result<Members<'a>, Problem> {
        Members::read(self.value, String::new()).ok_or_else(|| self.refuse("an object"))
    }

    /// The entries of a list, `at_most` of them or it is refused as `allowed` says.
    pub(crate) fn list(&self, at_most: usize, allowed: &str) -> Result<Vec<Member<'a>>, Problem> {
        let values: Vec<&'a RawValue> =
            serde_json::from_str(self.value.get()).map_err(|_| self.refuse(allowed))?;
        if !(1..=at_most).contains(&values.len()) {
            return Err(self.refuse(allowed));
        }
        let entries = values.into_iter().enumerate();
        Ok(entries
            .map(|(index, value)| Member { place: format!("{}[{index}]", self.place), value })
            .collect())
    }

    fn read<T: DeserializeOwned>(&self, allowed: &str) -> Result<T, Problem> {
        serde_json::from_str(self.value.get()).map_err(|_| self.refuse(allowed))
    }
}

#[cfg(test)]
mod tests {
    use domain::Quantity;

    use super::*;

    const ITEM: [&str; 3] = ["itemId", "item_id", "sku"];

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn error<T>(result: Result<T, Problem>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn a_member_is_found_and_refused_under_the_name_it_was_written_with() {
        let body = raw(r#"{"items": [{"item_id": 17, "quantity": 1e30}]}"#);
        let items = Members::of_body(&body).unwrap().needed(&["items"]).unwrap();
        let item = items.list(5, "1 to 5").unwrap().remove(0).object().unwrap();
        assert_eq!(error(item.needed(&ITEM).unwrap().text()), "items[0].item_id: a text");
        let quantity = item.needed(&["quantity"]).unwrap().whole_number(Quantity::new);
        assert_eq!(error(quantity), "items[0].quantity: a whole number from 1 to 1000000");
    }

    #[test]
    fn the_same_under_two_names_is_taken_and_two_things_are_not() {
        let body = raw(r#"{"itemId": "A", "sku": "A"}"#);
        assert_eq!(Members::of_body(&body).unwrap().needed(&ITEM).unwrap().text().unwrap(), "A");
        let body = raw(r#"{"itemId": "A", "sku": "B"}"#);
        let refused = error(Members::of_body(&body).unwrap().needed(&ITEM));
        assert_eq!(refused, "sku: says something else than itemId");
    }

    #[test]
    fn what_is_missing_is_named_in_the_callers_case_and_null_is_missing() {
        for (body, named) in
            [(r#"{"a": 1}"#, "itemId"), (r#"{"a_b": 1, "itemId": null}"#, "item_id"), ("{}", "itemId")]
        {
            let body = raw(body);
            let refused = error(Members::of_body(&body).unwrap().needed(&ITEM));
            assert_eq!(refused, format!("{named}: is missing"));
        }
    }

    #[test]
    fn an_amount_keeps_its_digits() {
        let body = raw(r#"{"a": 0.10, "b": "29.900"}"#);
        let members = Members::of_body(&body).unwrap();
        for (name, digits) in [("a", "0.10"), ("b", "29.900")] {
            let amount = members.needed(&[name]).unwrap().amount().unwrap();
            assert_eq!(amount.to_string(), digits);
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["[]", "17", "\"text\"", "null"] {
            assert!(Members::of_body(&raw(body)).is_err(), "{body}");
        }
    }
}
