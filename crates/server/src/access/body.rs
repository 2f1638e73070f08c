//! Bodies of requests and answers.

use std::fmt;
use std::marker::PhantomData;

use axum::body::HttpBody;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::problem::Problem;
use crate::serving::TooSlow;

/// A body of JSON. What is wrong with one is told without repeating what it holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::<Object<T>>::from_request(request, state).await {
            Ok(axum::Json(Object(body))) => Ok(Self(body)),
            Err(rejection) => Err(of_json(&rejection)),
        }
    }
}

/// A body of JSON that may be left out, or be `null`: it is an object without fields then.
#[derive(Debug, Clone, Copy, Default)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = match request.body().is_end_stream() {
            true => None,
            false => match axum::Json::<Option<Object<T>>>::from_request(request, state).await {
                Ok(axum::Json(body)) => body,
                Err(rejection) => return Err(of_json(&rejection)),
            },
        };
        match body {
            Some(Object(body)) => Ok(Self(body)),
            None => serde_json::from_str("{}").map(Self).map_err(Problem::internal),
        }
    }
}

/// Where it is told what a body may hold.
const FIELDS: &str = "/api/v1/openapi.json says which fields this address takes";

/// How a body is given.
const AS_JSON: &str = "give the fields as a JSON object, with the header `Content-Type: application/json`; `backstay api` takes \
                       them from a file or standard input (-f FILE, -f -)";

/// What is written as a JSON object. Forms would take arrays too, with their fields in order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn of_json(rejection: &JsonRejection) -> Problem {
    match rejection {
        JsonRejection::JsonDataError(error) => {
            let text = without_values(&error.body_text());
            let text = text.trim_start_matches("Failed to deserialize the JSON body into the target type: ");
            match text.split_once(": ") {
                Some((field, why)) if !field.contains(' ') => Problem::invalid(field, why),
                _ => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", text).hint(FIELDS),
            }
        }
        JsonRejection::JsonSyntaxError(_) => Problem::bad_request("the body is not valid JSON").hint(AS_JSON),
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body has to be JSON, with `Content-Type: application/json`",
        )
        .hint(AS_JSON),
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than is taken here")
        }
        other if is_slow(other) => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time")
        }
        _ => Problem::bad_request("the body cannot be read"),
    }
}

fn is_slow(rejection: &JsonRejection) -> bool {
    let causes = std::iter::successors(std::error::Error::source(rejection), |cause| cause.source());
    causes.into_iter().any(|cause| cause.is::<TooSlow>())
}

/// Takes the value out of `invalid type: string "hunter2", expected …`: it may be a secret in the wrong field.
fn without_values(text: &str) -> String {
    for mark in ["invalid type: ", "invalid value: "] {
        if let Some(start) = text.find(mark).map(|at| at + mark.len())
            && let Some(end) = text.rfind(", expected ").filter(|end| *end >= start)
        {
            let (before, rest) = text.split_at(start);
            let (value, after) = rest.split_at(end - start);
            let kind = value.split([' ', '"', '`']).next().unwrap_or_default();
            return format!("{before}{kind}{after}");
        }
    }
    // What is no field's name is told too: it is what was mistyped. A variant is a value.
    if let Some((before, rest)) = text.split_once("unknown variant `")
        && let Some((_, after)) = rest.rsplit_once("`, ")
    {
        return format!("{before}unknown variant, {after}");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_body_repeats_no_value() {
        let told = without_values(
            "password: invalid type: string \"hunter2, expected a\", expected a map at line 1",
        );
        assert_eq!(told, "password: invalid type: string, expected a map at line 1");
        let told = without_values("invalid type: integer `12345`, expected a string");
        assert_eq!(told, "invalid type: integer, expected a string");
        let told =
            without_values("tls: unknown variant `hunter2`, there are no variants`, expected `a` or `b`");
        assert_eq!(told, "tls: unknown variant, expected `a` or `b`");
        assert_eq!(without_values("unknown field `x`, expected `y`"), "unknown field `x`, expected `y`");
    }
}
