//! Users: who orders through our own API.

use domain::UserId;
use sqlx::{FromRow, PgConnection};

use crate::OrdersError;

/// Somebody who orders. Does not show in `Debug`.
#[derive(derive_more::Debug, Clone, PartialEq, Eq, FromRow)]
#[debug("User(redacted)")]
pub struct User {
    /// The id the caller chose, or the subject of its tokens.
    #[sqlx(try_from = "String")]
    pub user_id: UserId,
    /// The name a parcel is addressed to.
    pub name: String,
    /// Where mail goes.
    pub email: String,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterOutcome {
    /// The user is new.
    New,
    /// The same user was there already.
    Already,
    /// Another user has the id.
    IdTaken,
    /// Another user has the e-mail address, in these letters or in others.
    EmailTaken,
}

/// Registers a user.
///
/// # Errors
/// [`OrdersError::Database`] or [`OrdersError::Unreadable`].
pub async fn register(conn: &mut PgConnection, user: &User) -> Result<RegisterOutcome, OrdersError> {
    let inserted = sqlx::query(
        "INSERT INTO orders.users (user_id, name, email) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(user.user_id.as_str())
    .bind(&user.name)
    .bind(&user.email)
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(RegisterOutcome::New);
    }
    Ok(match find(conn, &user.user_id).await? {
        Some(known) if known == *user => RegisterOutcome::Already,
        Some(_) => RegisterOutcome::IdTaken,
        None => RegisterOutcome::EmailTaken,
    })
}

/// The user with this id, if there is one.
///
/// # Errors
/// [`OrdersError::Database`] or [`OrdersError::Unreadable`].
pub async fn find(conn: &mut PgConnection, id: &UserId) -> Result<Option<User>, OrdersError> {
    Ok(sqlx::query_as("SELECT user_id, name, email FROM orders.users WHERE user_id = $1")
        .bind(id.as_str())
        .fetch_optional(conn)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_never_shows_in_debug() {
        let user_id = UserId::parse("user11").unwrap();
        let user = User { user_id, name: "Sriram".into(), email: "sriram@example.com".into() };
        assert_eq!(format!("{user:?}"), "User(redacted)");
    }
}
