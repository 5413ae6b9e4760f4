//! Numbers, as people read them.

/// A number with thin spaces between its thousands.
pub(crate) fn number(number: &u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len());
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 order`, `2 orders`.
pub(crate) fn count(number_: &u64, one: &str, many: &str) -> String {
    format!("{} {}", number(number_), if *number_ == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_counted() {
        assert_eq!(number(&1), "1");
        assert_eq!(number(&1_234_567), "1\u{2009}234\u{2009}567");
        assert_eq!(
            (count(&1, "order", "orders"), count(&0, "order", "orders")),
            ("1 order".into(), "0 orders".into())
        );
    }
}
