//! Who asks, as the interface knows them.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{caller::Caller, state::Api};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(me))
}

/// Who asks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me)]
struct MeBody {
    /// By this name acts are kept.
    #[schema(example = "anna")]
    name: String,
    /// Those of the roles that count for staff.
    #[schema(value_type = Vec<String>, max_items = 5, example = json!(["operator"]))]
    roles: Vec<&'static str>,
    /// Whether it is a token that says so; false for somebody on this machine, where no token is asked for.
    signed_in: bool,
}

/// Who asks, of those who run the business
#[utoipa::path(
    get, path = "/api/me", tag = "operations", operation_id = "whoAmI",
    responses((status = 200, description = "Who asks, and what they may be", body = MeBody))
)]
async fn me(caller: Caller) -> Json<MeBody> {
    Json(MeBody {
        name: caller.name().to_owned(),
        roles: caller.roles().iter().map(|role| role.as_str()).collect(),
        signed_in: caller.has_token(),
    })
}
