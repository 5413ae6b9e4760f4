//! Users: who orders through our own API.

use axum::{Json, extract::State, http::StatusCode};
use domain::UserId;
use orders::users::{self, RegisterOutcome, User};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{JsonBody, PathPart},
    members::Members,
    problem::Problem,
    state::{Api, Asked},
};

/// Who sees others.
const MAY_SEE_OTHERS: &str = "admin, operator";

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(look_at))
}

/// A user. `user_id` means the same as `userId`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User, example = json!({
    "userId": "user11", "name": "Sriram", "email": "sriram@example.com"
}))]
struct UserBody {
    /// An id of the caller's choice, or the subject of the user's tokens.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._:|@-]+$",
             example = "user11")]
    user_id: UserId,
    /// Whom parcels are addressed to.
    #[schema(min_length = 1, max_length = 255, example = "Sriram")]
    name: String,
    /// Where mail goes; one user has it.
    #[schema(min_length = 3, max_length = 255, example = "sriram@example.com")]
    email: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Registration)]
struct RegisteredBody {
    #[schema(example = "User registered successfully")]
    message: &'static str,
    #[schema(value_type = String, example = "user11")]
    user_id: UserId,
}

/// Register a user
///
/// The same user again is the same user.
#[utoipa::path(
    post, path = "/api/users", operation_id = "registerUser", tag = "users", request_body = UserBody,
    responses(
        (status = 201, description = "The user is registered", body = RegisteredBody),
        (status = 200, description = "The same user was registered before", body = RegisteredBody),
        (status = 409, description = "Another user has the id or the e-mail address"),
    ),
)]
async fn register(
    State(api): State<Api>,
    JsonBody(body): JsonBody<Box<RawValue>>,
) -> Result<(StatusCode, Json<RegisteredBody>), Problem> {
    let user = read(&body)?;
    let mut conn = api.pool.acquire().await?;
    let (status, message) = match users::register(&mut conn, &user).await? {
        RegisterOutcome::New => (StatusCode::CREATED, "User registered successfully"),
        RegisterOutcome::Already => (StatusCode::OK, "User was registered before"),
        RegisterOutcome::IdTaken => return Err(Problem::UserExists("userId")),
        RegisterOutcome::EmailTaken => return Err(Problem::UserExists("email")),
    };
    Ok((status, Json(RegisteredBody { message, user_id: user.user_id })))
}

/// Show a user
#[utoipa::path(
    get, path = "/api/users/{id}", operation_id = "getUser", tag = "users",
    params(("id" = String, Path, description = "The user's id", max_length = 64,
            pattern = "^[A-Za-z0-9._:|@-]+$", example = "user11")),
    responses(
        (status = 200, description = "The user", body = UserBody),
        (status = 404, description = "No such user"),
    ),
)]
async fn look_at(
    Asked { api, caller, .. }: Asked,
    PathPart(id): PathPart<String>,
) -> Result<Json<UserBody>, Problem> {
    let user_id = Problem::of_field("userId", UserId::parse(&id))?;
    // A customer is nobody but itself.
    if caller.confined_to().is_some_and(|subject| subject != user_id.as_str()) {
        return Err(Problem::Forbidden(MAY_SEE_OTHERS.into()));
    }
    let mut conn = api.pool.acquire().await?;
    let user = users::find(&mut conn, &user_id).await?.ok_or(Problem::NoSuchUser(id))?;
    Ok(Json(UserBody { user_id: user.user_id, name: user.name, email: user.email }))
}

fn read(body: &RawValue) -> Result<User, Problem> {
    let members = Members::of_body(body)?;
    let (name, email) = (members.needed(&["name"])?, members.needed(&["email"])?);
    Ok(User {
        user_id: members.needed(&["userId", "user_id"])?.parse(UserId::parse)?,
        name: name.name()?,
        email: email.email()?,
    })
}
