//! Who may do what at the least, operation by operation, written by hand.
//!
//! `$PROJECT`, `$NODE` and the like stand for ids of a project that is there; `$NEW` for a name that nobody has.

use backstay_model::Role;

/// Who may do something at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Least {
    /// Anybody.
    Open,
    /// Anybody who is known.
    Known,
    /// A person who signed in, and no token.
    SignedIn,
    /// Who has this role in the project.
    Role(Role),
    /// Who has this role in the project, or owns the server.
    RoleOrServer(Role),
    /// Who owns the server.
    Server,
    /// Who owns the server and signed in, and no token.
    ServerSignedIn,
}

/// An operation, who may do it at the least, the query, and the body that reaches the decision.
pub(super) type Row = (&'static str, Least, &'static str, Option<&'static str>);

use Least::{Known, Open, RoleOrServer, Server, ServerSignedIn, SignedIn};

const VIEWER: Least = Least::Role(Role::Viewer);
const OPERATOR: Least = Least::Role(Role::Operator);
const ADMIN: Least = Least::Role(Role::Admin);
const OWNER: Least = Least::Role(Role::Owner);

const OF_PROJECT: &str = "?project=$PROJECT";
const NAMED: Option<&str> = Some(r#"{"name": "$NEW"}"#);
const LOCAL: &str = r#"{"project": "$PROJECT", "node": "$NODE", "name": "$NEW", "settings": {"type": "local", "path": "/srv/$NEW"}}"#;
const SIGN_IN: &str = r#"{"project": "$PROJECT", "node": "$NODE", "name": "$NEW", "settings": {"client_id": "a", "client_secret": "b", "endpoint": "http://127.0.0.1:9"}}"#;
const LOCAL_CHANGED: &str =
    r#"{"node": "$NODE", "name": "$NEW", "settings": {"type": "local", "path": "/srv/$NEW"}, "revision": 1}"#;
const SOURCE: &str = r#"{"project": "$PROJECT", "node": "$NODE", "name": "$NEW", "spec": {"type": "files", "paths": ["/srv"]}}"#;
const SOURCE_CHANGED: &str =
    r#"{"node": "$NODE", "name": "$NEW", "spec": {"type": "files", "paths": ["/srv"]}, "revision": 1}"#;
const PLAN: &str =
    r#"{"project": "$PROJECT", "name": "$NEW", "sources": ["$SOURCE"], "destinations": ["$DESTINATION"]}"#;
const PLAN_CHANGED: &str =
    r#"{"revision": 1, "name": "$NEW", "sources": ["$SOURCE"], "destinations": ["$DESTINATION"]}"#;
const DESTINATION: &str =
    r#"{"project": "$PROJECT", "name": "$NEW", "connection": "$CONNECTION", "path": "$NEW"}"#;
const DESTINATION_CHANGED: &str = r#"{"name": "$NEW", "connection": "$CONNECTION", "path": "", "layout": "per_node", "holds": {"type": "repository"}, "revision": 1}"#;
const NOTIFIER: &str = r#"{"project": "$PROJECT", "name": "$NEW", "on": ["failed"], "channel": {"type": "email", "to": ["a@example.org"]}}"#;
const NOTIFIER_CHANGED: &str = r#"{"revision": 1, "name": "$NEW", "on": ["failed"], "channel": {"type": "email", "to": ["a@example.org"]}}"#;
const PERSON: &str = r#"{"name": "New", "email": "$NEW@example.org", "grants": []}"#;
const PERSON_CHANGED: &str =
    r#"{"name": "New", "email": "$NEW@example.org", "grants": [], "disabled": false}"#;
const SMTP: &str = r#"{"host": "localhost", "port": 25, "tls": "none", "from": "a@example.org"}"#;
const OIDC: &str = r#"{"issuer": "http://127.0.0.1:9", "client_id": "a", "name": "Office"}"#;
const RESTORE: &str = r#"{"repository": "$REPOSITORY", "snapshot": "latest", "target": "/srv/back"}"#;

pub(super) const TABLE: &[Row] = &[
    ("account_ask_password_reset", Open, "", Some(r#"{"email": "nobody@example.org"}"#)),
    ("account_begin_totp", SignedIn, "", None),
    ("account_begin_passkey", SignedIn, "", Some(r#"{"password": "wrong"}"#)),
    ("account_begin_passkey_sign_in", Open, "", None),
    ("account_change_password", SignedIn, "", Some(r#"{"current": "wrong", "new": "a long new password"}"#)),
    (
        "account_confirm_password_reset",
        Open,
        "",
        Some(r#"{"token": "x", "password": "a long new password"}"#),
    ),
    ("account_confirm_totp", SignedIn, "", Some(r#"{"code": "000000"}"#)),
    ("account_create_passkey", SignedIn, "", Some(r#"{"ceremony": "x", "name": "$NEW", "credential": {}}"#)),
    ("account_create_token", SignedIn, "", Some(r#"{"name": "$NEW", "role": "viewer"}"#)),
    ("account_end_other_sessions", SignedIn, "", None),
    ("account_end_session", SignedIn, "", None),
    ("account_get", Known, "", None),
    ("account_list_passkeys", SignedIn, "", None),
    ("account_list_sessions", SignedIn, "", None),
    ("account_list_tokens", SignedIn, "", None),
    ("account_oidc_about", Open, "", None),
    ("account_oidc_callback", Open, "", None),
    ("account_oidc_start", Open, "", None),
    ("account_passkey_sign_in", Open, "", Some(r#"{"ceremony": "x", "credential": {}}"#)),
    ("account_remove_passkey", SignedIn, "", None),
    ("account_remove_token", SignedIn, "", None),
    ("account_remove_totp", SignedIn, "", Some(r#"{"password": "wrong"}"#)),
    (
        "account_set_up",
        Open,
        "",
        Some(r#"{"token": "x", "name": "a", "email": "a@example.org", "password": "x"}"#),
    ),
    ("account_setup_state", Open, "", None),
    ("account_sign_in", Open, "", Some(r#"{"email": "nobody@example.org", "password": "wrong"}"#)),
    ("account_sign_out", SignedIn, "", None),
    ("account_update", SignedIn, "", NAMED),
    ("audit_list", RoleOrServer(Role::Admin), OF_PROJECT, None),
    ("audit_verify", Server, "", None),
    ("connections_check", OPERATOR, "", None),
    ("connections_create", ADMIN, "", Some(LOCAL)),
    ("connections_get", VIEWER, "", None),
    ("connections_list", VIEWER, OF_PROJECT, None),
    ("connections_poll_sign_in", ADMIN, "", Some(r#"{"project": "$PROJECT", "sign_in": "made up"}"#)),
    ("connections_remove", ADMIN, "", None),
    ("connections_sign_in_again", ADMIN, "", None),
    ("connections_start_sign_in", ADMIN, "", Some(SIGN_IN)),
    ("connections_update", ADMIN, "", Some(LOCAL_CHANGED)),
    ("destinations_create", ADMIN, "", Some(DESTINATION)),
    ("destinations_get", VIEWER, "", None),
    ("destinations_list", VIEWER, OF_PROJECT, None),
    ("destinations_remove", ADMIN, "", None),
    ("destinations_update", ADMIN, "", Some(DESTINATION_CHANGED)),
    ("events_stream", Known, "", None),
    ("health_healthz", Open, "", None),
    ("health_metrics", Known, "", None),
    ("health_readyz", Open, "", None),
    ("nodes_create_token", ADMIN, "", Some(r#"{"project": "$PROJECT"}"#)),
    ("nodes_folder", OPERATOR, "?path=/", None),
    ("nodes_get", VIEWER, "", None),
    ("nodes_list", VIEWER, OF_PROJECT, None),
    ("nodes_list_tokens", ADMIN, OF_PROJECT, None),
    ("nodes_remove", ADMIN, "", None),
    ("nodes_remove_token", ADMIN, "", None),
    ("nodes_revoke", ADMIN, "", None),
    ("nodes_update", ADMIN, "", NAMED),
    ("notifiers_create", ADMIN, "", Some(NOTIFIER)),
    ("notifiers_get", ADMIN, "", None),
    ("notifiers_list", ADMIN, OF_PROJECT, None),
    ("notifiers_remove", ADMIN, "", None),
    ("notifiers_test", ADMIN, "", None),
    ("notifiers_update", ADMIN, "", Some(NOTIFIER_CHANGED)),
    ("people_create", Server, "", Some(PERSON)),
    ("people_get", Server, "", None),
    ("people_list", Server, "", None),
    ("people_list_members", OWNER, "", None),
    ("people_new_link", ServerSignedIn, "", None),
    ("people_remove", Server, "", None),
    ("people_remove_factor", ServerSignedIn, "", None),
    ("people_remove_member", OWNER, "", None),
    ("people_set_member", OWNER, "", Some(r#"{"role": "viewer"}"#)),
    ("people_unlink", Server, "", None),
    ("people_update", Server, "", Some(PERSON_CHANGED)),
    ("plans_create", ADMIN, "", Some(PLAN)),
    ("plans_disable", ADMIN, "", None),
    ("plans_duplicate", ADMIN, "", NAMED),
    ("plans_enable", ADMIN, "", None),
    ("plans_get", VIEWER, "", None),
    ("plans_list", VIEWER, OF_PROJECT, None),
    ("plans_list_revisions", VIEWER, "", None),
    ("plans_moments", VIEWER, "", None),
    ("plans_next", VIEWER, "", None),
    ("plans_preview", Known, "", Some(r#"{"schedule": {"when": "manual"}}"#)),
    ("plans_remove", ADMIN, "", None),
    ("plans_revert", ADMIN, "", Some(r#"{"revision": 1}"#)),
    ("plans_run", OPERATOR, "", Some(r#"{"kind": "backup"}"#)),
    ("plans_update", ADMIN, "", Some(PLAN_CHANGED)),
    ("projects_create", Server, "", NAMED),
    ("projects_get", VIEWER, "", None),
    ("projects_list", Known, "", None),
    ("projects_remove", OWNER, "", None),
    ("projects_update", OWNER, "", NAMED),
    ("receiver_create_client", Server, "", NAMED),
    ("receiver_get", Server, "", None),
    ("receiver_get_client", Server, "", None),
    ("receiver_list_clients", Server, "", None),
    ("receiver_list_files", Server, "?client=$CLIENT", None),
    ("receiver_list_uploads", Server, "?client=$CLIENT", None),
    ("receiver_remove_client", Server, "", None),
    ("receiver_renew_client_token", Server, "", None),
    ("receiver_update_client", Server, "", Some(r#"{"revision": 1, "append_only": true}"#)),
    ("repositories_issue", OWNER, "", Some(r#"{"project": "$PROJECT"}"#)),
    ("repositories_states", VIEWER, OF_PROJECT, None),
    ("reports_overview", VIEWER, OF_PROJECT, None),
    ("reports_summary", VIEWER, OF_PROJECT, None),
    (
        "repositories_adopt",
        ADMIN,
        "",
        Some(r#"{"destination": "$DESTINATION", "node": "$NODE", "password": "x"}"#),
    ),
    ("repositories_forget", OWNER, "", None),
    ("repositories_get", VIEWER, "", None),
    ("repositories_list", VIEWER, OF_PROJECT, None),
    ("repositories_reveal_key", OWNER, "", None),
    ("runs_cancel", OPERATOR, "", None),
    ("runs_counts", VIEWER, OF_PROJECT, None),
    ("runs_get", VIEWER, "", None),
    ("runs_list", VIEWER, OF_PROJECT, None),
    ("runs_log", OPERATOR, "", None),
    ("runs_pause", OPERATOR, "", None),
    ("runs_restore", OPERATOR, "", Some(RESTORE)),
    ("runs_resume", OPERATOR, "", None),
    ("runs_search_log", OPERATOR, OF_PROJECT, None),
    ("settings_connection_checks", Server, "", None),
    ("settings_oidc", Server, "", None),
    ("settings_remove_oidc", Server, "", None),
    ("settings_remove_smtp", Server, "", None),
    ("settings_retention", Server, "", None),
    ("settings_set_connection_checks", Server, "", Some(r#"{"every": "6h", "failing_every": "30m"}"#)),
    ("settings_set_oidc", Server, "", Some(OIDC)),
    ("settings_set_retention", Server, "", Some(r#"{"logs": "90d", "runs": "400d"}"#)),
    ("settings_set_sign_in", Server, "", Some(r#"{"idle_timeout": "12h"}"#)),
    ("settings_set_smtp", Server, "", Some(SMTP)),
    ("settings_sign_in", Server, "", None),
    ("settings_smtp", Server, "", None),
    ("settings_test_smtp", Server, "", Some(r#"{"to": "a@example.org"}"#)),
    ("snapshots_compare", OPERATOR, "?from=latest&to=latest", None),
    ("snapshots_file", OPERATOR, "?path=/x", None),
    ("snapshots_find", OPERATOR, "?name=x", None),
    ("snapshots_folder", OPERATOR, "", None),
    ("snapshots_list", OPERATOR, "", None),
    ("snapshots_preview", OPERATOR, "?path=/x", None),
    ("snapshots_remove", ADMIN, "", None),
    ("snapshots_tag", OPERATOR, "", Some(r#"{"add": ["x"]}"#)),
    ("snapshots_versions", OPERATOR, "?path=/x", None),
    ("snapshots_zip", OPERATOR, "?path=/x", None),
    ("sources_create", ADMIN, "", Some(SOURCE)),
    ("sources_get", VIEWER, "", None),
    ("sources_list", VIEWER, OF_PROJECT, None),
    ("sources_remove", ADMIN, "", None),
    ("sources_update", ADMIN, "", Some(SOURCE_CHANGED)),
    ("vault_keys", Server, "", None),
    ("vault_rotate", Server, "", None),
];
