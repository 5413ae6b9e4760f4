//! Whose a reservation or an allocation is.
//!
//! **Invariant:** an order's id is one within a holder. What one holder reserves, confirms or gives back is
//! never another's, whatever the order is called: the epoch under which it is kept has the holder in it.

use domain::ParseError;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::error::InventoryError;

/// The subject under which everybody holds stock where allocations are shared. No token's subject is this: it would have to
/// be a space.
pub const EVERYBODY: &str = " ";

/// Epochs of one holder.
const EPOCHS: i64 = 1 << 32;

/// Who holds stock: the orders of this installation, or another system by the subject of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holder(u32);

impl Holder {
    /// The orders of this installation.
    pub const OURS: Self = Self(0);
    /// Whoever holds nothing.
    const NOBODY: Self = Self(i32::MAX as u32);

    /// One of this holder's reservations of an order.
    #[must_use]
    pub fn epoch(self, number: u32) -> Epoch {
        Epoch(i64::from(self.0) * EPOCHS + i64::from(number))
    }

    pub(crate) fn number(self) -> i64 {
        i64::from(self.0)
    }
}

/// Which of an order's reservations, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[derive(derive_more::Display, derive_more::Into)]
#[display("{}", self.number())]
pub struct Epoch(i64);

impl Epoch {
    /// Whose it is.
    #[must_use]
    pub fn holder(self) -> Holder {
        Holder((self.0 / EPOCHS) as u32)
    }

    /// Which of the holder's.
    #[must_use]
    pub fn number(self) -> u32 {
        (self.0 % EPOCHS) as u32
    }

    /// Whether it is shown to this holder, or to whoever sees all where none is named. An order of ours is shown
    /// to everybody, who cannot change it.
    pub(crate) fn is_shown_to(self, holder: Option<Holder>) -> bool {
        self.holder() == Holder::OURS || holder.is_none_or(|holder| holder == self.holder())
    }
}

impl TryFrom<i64> for Epoch {
    type Error = ParseError;
    /// As it is kept. Both its halves fit their numbers unless it is negative.
    fn try_from(key: i64) -> Result<Self, ParseError> {
        if key < 0 { Err(ParseError::new("epoch", "0 or more")) } else { Ok(Self(key)) }
    }
}

impl From<u32> for Epoch {
    fn from(number: u32) -> Self {
        Holder::OURS.epoch(number)
    }
}

/// The holder that bears tokens of this subject, to look at what it holds. Whoever never held anything is
/// nobody.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn holder_of(conn: &mut PgConnection, subject: &str) -> Result<Holder, InventoryError> {
    let number: Option<i32> = sqlx::query_scalar("SELECT number FROM inventory.holders WHERE subject = $1")
        .bind(subject)
        .fetch_optional(conn)
        .await?;
    Ok(number.map_or(Holder::NOBODY, |number| Holder(number.unsigned_abs())))
}

/// The same, to hold something.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn become_holder(conn: &mut PgConnection, subject: &str) -> Result<Holder, InventoryError> {
    let known = holder_of(conn, subject).await?;
    if known != Holder::NOBODY {
        return Ok(known);
    }
    // Two first calls at once: the second finds what the first has made.
    let number: i32 = sqlx::query_scalar(
        "INSERT INTO inventory.holders (subject) VALUES ($1)
         ON CONFLICT ON CONSTRAINT holders_pk DO UPDATE SET subject = EXCLUDED.subject
         RETURNING number",
    )
    .bind(subject)
    .fetch_one(conn)
    .await?;
    Ok(Holder(number.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_its_holder_in_it() {
        for (holder, number) in
            [(Holder::OURS, 1), (Holder(7), 0), (Holder(7), u32::MAX), (Holder::NOBODY, u32::MAX)]
        {
            let epoch = holder.epoch(number);
            assert_eq!((epoch.holder(), epoch.number()), (holder, number));
            assert_eq!(Epoch::try_from(i64::from(epoch)), Ok(epoch));
        }
        assert_eq!(i64::from(Epoch::from(5)), 5);
        assert!(Holder(1).epoch(0) > Holder::OURS.epoch(u32::MAX));
    }
}
