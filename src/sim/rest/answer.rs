//! Answers: a status and a JSON body, and how a refusal is told.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::sim::rules::Refusal;

/// What a call is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, which is JSON.
    pub body: String,
}

impl Answer {
    /// 200 with this body.
    pub fn body(body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self { status: StatusCode::OK, body },
            Err(error) => Refusal::Broken(error.to_string()).into(),
        }
    }

    /// 200 with this under `data`.
    pub fn data(data: impl Serialize) -> Self {
        #[derive(Serialize)]
        struct Envelope<T> {
            data: T,
        }
        Self::body(&Envelope { data })
    }

    /// 200 with nothing to tell.
    #[must_use]
    pub fn done() -> Self {
        Self::data(())
    }

    /// The answer as HTTP has it.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let json = header::HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.message();
        let (status, body) = match refusal {
            Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, json!({ "data": message })),
            Refusal::Missing(params) => {
                (StatusCode::BAD_REQUEST, json!({ "message": message, "data": { "missing_params": params } }))
            }
            Refusal::Invalid { param, .. } => {
                let mut data = Map::new();
                data.extend(param.map(|param| ("param".to_owned(), Value::from(param))));
                data.insert("error".to_owned(), Value::from(message.clone()));
                (StatusCode::BAD_REQUEST, json!({ "message": message, "data": data }))
            }
            Refusal::Forbidden(_) => (StatusCode::FORBIDDEN, json!({ "message": message })),
            Refusal::NotFound(_) => (StatusCode::NOT_FOUND, json!({ "message": message })),
            Refusal::WrongMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, json!({ "message": message })),
            Refusal::Broken(_) => (StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": message })),
        };
        Self { status, body: body.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_shapes_of_the_definition() {
        let told = |refusal: Refusal| {
            let answer = Answer::from(refusal);
            (answer.status.as_u16(), answer.body)
        };
        assert_eq!(told(Refusal::Unauthorized), (401, r#"{"data":"Unauthorized"}"#.to_owned()));
        let (status, body) = told(Refusal::Missing(vec!["a".to_owned()]));
        assert_eq!(
            (status, body.as_str()),
            (400, r#"{"data":{"missing_params":["a"]},"message":"missing parameters: a"}"#)
        );
        let (status, body) = told(Refusal::param("p", "bad"));
        assert_eq!((status, body.as_str()), (400, r#"{"data":{"error":"bad","param":"p"},"message":"bad"}"#));
        assert_eq!(told(Refusal::NotFound("x".into())), (404, r#"{"message":"x"}"#.to_owned()));
        assert_eq!(Answer::done().body, r#"{"data":null}"#);
    }
}
