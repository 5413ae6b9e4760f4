//! Enums that stand for words on the wire and in the database.
//!
//! The one home of a word is its variant, of which `strum` makes the text. What is here is the same for all of
//! these enums: their list, and how a text is read back.

/// Gives an enum of words its list and its texts, and reads them back; any other text is a
/// [`ParseError`](crate::ParseError) about the field named here, which lists the words. The enum is `Copy` and
/// derives `strum`'s `Display`, `IntoStaticStr` and `VariantArray`.
#[macro_export]
macro_rules! words {
    ($name:ident, $field:literal) => {
        impl $name {
            /// Every one, in the sequence in which they are declared.
            pub const ALL: [Self; <Self as ::strum::VariantArray>::VARIANTS.len()] =
                *<Self as ::strum::VariantArray>::VARIANTS.first_chunk().expect("as long as it is");

            /// The word on the wire and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::ParseError;
            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                let word = Self::ALL.into_iter().find(|word| word.as_str() == text);
                word.ok_or_else(|| $crate::ParseError::none_of($field, &Self::ALL.map(Self::as_str)))
            }
        }

        impl ::std::convert::TryFrom<::std::string::String> for $name {
            type Error = $crate::ParseError;
            fn try_from(text: ::std::string::String) -> ::std::result::Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

/// Gives an enum of words its texts, and reads them back, for words that others may add to: one that is not
/// known is kept as it came, or as `$bare` leaves it. The enum derives `strum`'s `AsRefStr` and `EnumString`,
/// and has a variant for the unknown that is `#[strum(default, transparent)]`.
#[macro_export]
macro_rules! open_words {
    ($name:ident) => {
        $crate::open_words!($name, ::std::convert::identity);
    };
    ($name:ident, $bare:expr) => {
        impl $name {
            /// The word on the wire and in the database.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.as_ref()
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(text: ::std::string::String) -> Self {
                Self::from($bare(text.as_str()))
            }
        }

        impl ::std::convert::From<$name> for ::std::string::String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }
    };
}
