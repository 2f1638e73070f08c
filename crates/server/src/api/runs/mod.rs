//! Runs: what was, is and will be executed, and what they write down.

mod list;
mod log;
mod steer;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(list::routes()).merge(log::routes()).merge(steer::routes())
}
