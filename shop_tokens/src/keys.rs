//! The keys that tokens are kept under (AES-256-GCM).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// Characters of a key's id.
const MOST_ID_CHARACTERS: usize = 32;

/// The keys, by their ids; the first one seals, each opens what it sealed.
#[derive(derive_more::Debug, Clone, Default)]
#[debug("Keys({:?})", keys.iter().map(|key| &key.id).collect::<Vec<_>>())]
pub struct Keys {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: String,
    key: LessSafeKey,
}

/// What is wrong with a list of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongKeys {
    /// An entry is not `id:key`.
    #[error(
        "entry {0}: an id of 1 to {MOST_ID_CHARACTERS} letters, digits and the signs . _ -, a colon, and a key of 32 \
         bytes in base64 (`openssl rand -base64 32` makes one)"
    )]
    Entry(usize),
    /// Two keys have one id.
    #[error("{0} is there twice")]
    Twice(String),
}

impl Keys {
    /// Reads `id:key,id:key`, each key 32 bytes in base64. The empty text has none.
    ///
    /// # Errors
    /// [`WrongKeys`], which names the entry and never its value.
    pub fn parse(list: &str) -> Result<Self, WrongKeys> {
        let mut keys: Vec<Key> = Vec::new();
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        for (index, entry) in entries.enumerate() {
            let key = Key::read(entry).ok_or(WrongKeys::Entry(index + 1))?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(WrongKeys::Twice(key.id));
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.keys.first().map(|key| key.id.as_str())
    }

    /// Seals `plain` for `place`: what is opened for another place is not opened. The id is that of the key.
    pub(crate) fn seal(&self, place: &str, plain: &[u8]) -> Option<(&str, Vec<u8>)> {
        let key = self.keys.first()?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        let nonce_of_it = Nonce::assume_unique_for_key(nonce);
        key.key.seal_in_place_append_tag(nonce_of_it, aad(place, &key.id), &mut sealed).ok()?;
        Some((&key.id, [&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed under this key for this place.
    pub(crate) fn open(&self, id: &str, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.iter().find(|key| key.id == id)?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut opened = sealed.to_vec();
        key.key.open_in_place(nonce, aad(place, id), &mut opened).ok().map(|plain| plain.to_vec())
    }
}

impl Key {
    fn read(entry: &str) -> Option<Self> {
        let (id, key) = entry.split_once(':')?;
        let is_id = (1..=MOST_ID_CHARACTERS).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let bytes = STANDARD.decode(key).ok()?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).ok()?;
        is_id.then(|| Self { id: id.to_owned(), key: LessSafeKey::new(key) })
    }
}

fn aad(place: &str, id: &str) -> Aad<String> {
    Aad::from(format!("{id} {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "n:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OLD: &str = "o:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

    #[test]
    fn the_first_key_seals_and_each_opens_what_it_sealed() {
        let old = Keys::parse(OLD).unwrap();
        let both = Keys::parse(&format!("{NEW}, {OLD}")).unwrap();
        let (id, sealed) = old.seal("a shop", b"hush").unwrap();
        assert_eq!(both.open(id, "a shop", &sealed).unwrap(), b"hush");
        let (id, sealed) = both.seal("a shop", b"hush").unwrap();
        assert_eq!(id, "n");
        assert!(!sealed.windows(4).any(|bytes| bytes == b"hush"));
        assert!(old.open(id, "a shop", &sealed).is_none(), "it has no such key");
        assert_ne!(both.seal("a shop", b"hush").unwrap().1, sealed, "never the same twice");
    }

    #[test]
    fn what_was_changed_or_moved_is_not_opened() {
        let keys = Keys::parse(NEW).unwrap();
        let (id, sealed) = keys.seal("a shop", b"hush").unwrap();
        assert!(keys.open(id, "another shop", &sealed).is_none());
        for index in [0, NONCE_LEN, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(keys.open(id, "a shop", &changed).is_none(), "{index}");
        }
        assert!(keys.open(id, "a shop", &sealed[..NONCE_LEN - 1]).is_none());
        assert!(keys.open(id, "a shop", &[]).is_none());
        assert!(Keys::default().seal("a shop", b"hush").is_none());
    }

    #[test]
    fn a_wrong_list_is_named_by_its_entry_and_never_by_its_value() {
        for wrong in ["short:AAEC", "no-colon", ":AAEC", "a b:AAEC", "n:%%%"] {
            let refused = Keys::parse(&format!("{NEW},{wrong}")).unwrap_err();
            assert_eq!(refused, WrongKeys::Entry(2), "{wrong}");
            assert!(!refused.to_string().contains("AAEC"));
        }
        assert_eq!(Keys::parse(&format!("{NEW},{NEW}")).unwrap_err(), WrongKeys::Twice("n".into()));
        assert!(Keys::parse(" , ").unwrap().is_empty());
        let shown = format!("{:?}", Keys::parse(NEW).unwrap());
        assert!(shown.contains('n') && !shown.contains("AAEC"), "{shown}");
    }
}
