//! Members that several bodies share.

use crate::problem::Problem;

/// The most characters of a name, an address or the like.
const MOST_CHARACTERS: usize = 255;

/// A text of 1 to 255 characters, none of them a control character; white space around it goes.
pub(crate) fn text(field: &str, value: &str) -> Result<String, Problem> {
    let value = value.trim();
    let characters = value.chars().count();
    if !(1..=MOST_CHARACTERS).contains(&characters) || value.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "1 to 255 printable characters"));
    }
    Ok(value.to_owned())
}

/// An e-mail address, as far as that can be told without writing to it.
pub(crate) fn email(field: &str, value: &str) -> Result<String, Problem> {
    let value = text(field, value)?;
    let parts = value.split_once('@');
    if parts.is_none_or(|(name, host)| name.is_empty() || host.is_empty())
        || value.contains(char::is_whitespace)
    {
        return Err(Problem::invalid(field, "an e-mail address with an @"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_printable() {
        assert_eq!(text("name", " Yash Vyas ").unwrap(), "Yash Vyas");
        for bad in ["", "   ", "a\0b", &"ä".repeat(256)] {
            assert!(text("name", bad).is_err(), "{bad:?}");
        }
        assert!(text("name", &"ä".repeat(255)).is_ok());
    }

    #[test]
    fn an_e_mail_address_has_something_on_both_sides_of_its_at() {
        assert!(email("customer_email", "yash@example.com").is_ok());
        for bad in ["yash", "@example.com", "yash@", "ya sh@example.com"] {
            assert!(email("customer_email", bad).is_err(), "{bad}");
        }
    }
}
