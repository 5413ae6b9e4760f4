//! What a process runs: lanes and duties by their names, or by the beginning of a name.

/// Patterns such as `orders`, `shopify-*` or `*`. What none of them fits is left to other processes.
#[derive(Debug, derive_more::Display, Clone, PartialEq, Eq)]
#[display("{}", _0.join(","))]
pub struct Runs(Vec<String>);

impl Runs {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Reads a list with commas.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(list: &str) -> Result<Self, String> {
        let patterns = super::comma_separated(list);
        if patterns.is_empty() {
            return Err("names of lanes and duties, comma separated, or *".to_owned());
        }
        match patterns.iter().find(|pattern| pattern.trim_end_matches('*').contains('*')) {
            Some(wrong) => Err(format!("{wrong}: a * stands at the end of a name alone")),
            None => Ok(Self(patterns)),
        }
    }

    /// Whether this lane or duty is among them.
    #[must_use]
    pub fn include(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, name))
    }

    /// Whether nothing but these is named.
    #[must_use]
    pub fn are_among(&self, names: &[&str]) -> bool {
        self.0.iter().all(|pattern| names.contains(&pattern.as_str()))
    }

    /// Patterns that fit none of these names.
    pub fn that_fit_none<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(String::as_str).filter(|pattern| !names.iter().any(|name| fits(pattern, name)))
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_its_beginning_says_what_is_run() {
        let runs = Runs::parse("orders, shopify-*").unwrap();
        for (name, included) in
            [("orders", true), ("shopify-a.myshopify.com", true), ("warehouse", false), ("sweepers", false)]
        {
            assert_eq!(runs.include(name), included, "{name}");
        }
        assert!(Runs::all().include("events") && !Runs::nothing().include("events"));
        assert_eq!(runs.that_fit_none(&["orders".to_owned()]).collect::<Vec<_>>(), ["shopify-*"]);
    }

    #[test]
    fn a_list_without_sense_is_refused() {
        for wrong in ["", " , ", "*-shop", "a*b*"] {
            assert!(Runs::parse(wrong).is_err(), "{wrong}");
        }
    }
}
