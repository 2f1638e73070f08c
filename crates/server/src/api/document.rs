//! The document that describes the API, made from the types and the handlers.
//!
//! What all operations have in common is added in one pass: a name that no other has, what it takes to be let in, and the
//! problems that any of them may answer with.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, Object, OpenApi, Ref, RefOr, Response, Schema};

use crate::access::extract::CSRF;
use crate::problem::ProblemDetails;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Backstay",
        description = "Everything that a Backstay server does. Errors are `application/problem+json`. Sign in for a session \
                       cookie, or send an API token as `Authorization: Bearer`. With a session, what changes something \
                       needs the session's `csrf` too, except from pages of the server itself."
    ),
    components(schemas(ProblemDetails))
)]
struct Document;

/// The media type of problems.
const PROBLEM: &str = "application/problem+json";
const SESSION: &str = "session";

/// The document before there are operations in it.
pub(super) fn empty() -> OpenApi {
    let mut document = <Document as utoipa::OpenApi>::openapi();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let cookie = ApiKeyValue::with_description("backstay", "Named `__Host-backstay` over TLS.");
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let csrf = ApiKeyValue::with_description(CSRF, "The session's `csrf`.");
    components.add_security_scheme("csrf", SecurityScheme::ApiKey(ApiKey::Header(csrf)));
    document
}

/// Adds what all operations have in common.
pub(super) fn complete(document: &mut OpenApi) {
    if let Some(components) = &mut document.components {
        merge_closed(&mut components.schemas);
    }
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, .. } = item;
        for (operation, changes) in [(get, false), (put, true), (post, true), (delete, true)] {
            if let Some(operation) = operation {
                name(operation);
                secure(operation, changes);
                add_problems(operation);
            }
        }
    }
}

/// Its tag before its own name: `plans_list`.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next();
    if let (Some(tag), Some(own)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{own}"));
    }
}

/// A token or a session lets in, where the operation does not say otherwise.
fn secure(operation: &mut Operation, changes: bool) {
    let none: [&str; 0] = [];
    let session = || {
        let needs = SecurityRequirement::new(SESSION, none);
        if changes { needs.add("csrf", none) } else { needs }
    };
    operation.security = match &operation.security {
        None => Some(vec![SecurityRequirement::new("token", none), session()]),
        Some(said) if said.contains(&SecurityRequirement::new(SESSION, none)) => Some(vec![session()]),
        Some(_) => return,
    };
}

fn add_problems(operation: &mut Operation) {
    let is_open = operation.security.iter().flatten().any(|needs| *needs == SecurityRequirement::default());
    let has_body = operation.request_body.is_some();
    let has_parameters = operation.parameters.iter().flatten().next().is_some();
    let common = [
        (true, "400", "The request cannot be understood."),
        (!is_open, "401", "Nobody is signed in."),
        (true, "403", "The caller may not do that, or the request comes from another site's page."),
        (!is_open || has_body, "404", "There is no such thing, or none that the caller may know of."),
        (has_body, "408", "The body did not come in time."),
        (!is_open || has_body, "409", "It does not fit the state things are in."),
        (has_body, "413", "The body is too large."),
        (has_body, "415", "The body is not JSON."),
        (true, "421", "The server is not known by the name that was asked for."),
        (has_body || has_parameters, "422", "A field's value cannot be accepted."),
        (true, "429", "Too many attempts."),
        (true, "500", "Something failed inside the server."),
        (true, "503", "It cannot be done now."),
        (!is_open, "504", "A node did not answer in time."),
        (true, "507", "There is no space left for the catalog."),
    ];
    let responses = &mut operation.responses.responses;
    for (applies, status, description) in common {
        if applies {
            responses.entry(status.to_owned()).or_insert_with(|| Response::new(description).into());
        }
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) && response.content.is_empty() {
            let schema = Ref::from_schema_name("ProblemDetails");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            response.content.insert(PROBLEM.to_owned(), RefOr::T(content));
        }
    }
}

/// Makes one form of those that are put together of several, where one of these takes no further fields: it would not take
/// those of the others either.
fn merge_closed(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        merge(schema, &known);
        if let RefOr::T(Schema::OneOf(either)) = schema {
            either.items.iter_mut().for_each(|each| merge(each, &known));
        }
    }
}

fn merge(schema: &mut RefOr<Schema>, known: &BTreeMap<String, RefOr<Schema>>) {
    let RefOr::T(Schema::AllOf(all)) = schema else { return };
    let parts: Option<Vec<&Object>> = all.items.iter().map(|part| object(part, known)).collect();
    let Some(parts) = parts.filter(|parts| parts.iter().any(|part| is_closed(part))) else { return };
    let mut one = Object::default();
    one.description = all.description.clone();
    for part in parts {
        one.schema_type = part.schema_type.clone();
        one.required.extend(part.required.iter().cloned());
        one.properties.extend(part.properties.iter().map(|(name, field)| (name.clone(), field.clone())));
    }
    one.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    *schema = RefOr::T(Schema::Object(one));
}

fn object<'a>(schema: &'a RefOr<Schema>, known: &'a BTreeMap<String, RefOr<Schema>>) -> Option<&'a Object> {
    let schema = match schema {
        RefOr::Ref(place) => known.get(place.ref_location.rsplit('/').next()?)?,
        RefOr::T(_) => schema,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    }
}

fn is_closed(object: &Object) -> bool {
    matches!(object.additional_properties.as_deref(), Some(AdditionalProperties::FreeForm(false)))
}
