//! Somebody who calls the server in process, and what came back.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, header},
};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use tower::ServiceExt;

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) text: String,
    pub(crate) json: Json,
}

impl Client {
    /// Somebody with a token or an API key, or nobody in particular.
    pub(crate) fn new(router: &Router, token: Option<&str>) -> Self {
        Self { router: router.clone(), token: token.map(str::to_owned) }
    }

    /// Somebody else at the same server.
    pub(crate) fn with(&self, token: &str) -> Self {
        Self::new(&self.router, Some(token))
    }

    /// The same person at another server.
    pub(crate) fn at(&self, router: &Router) -> Self {
        Self::new(router, self.token.as_deref())
    }

    /// The same person at somebody else's server.
    pub(crate) fn beside(&self, other: &Self) -> Self {
        self.at(&other.router)
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let mut body = body;
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        // A server may ask once more after the end.
        assert!(body.frame().await.is_none());
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_text = kind.starts_with("text/") || kind.ends_with("json");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!is_text || text.as_bytes() == bytes, "text is UTF-8");
        let json = serde_json::from_str(&text).unwrap_or(Json::Null);
        Answer { status: head.status.as_u16(), headers: head.headers, bytes, text, json }
    }

    /// An answer that comes in pieces, and need not end.
    pub(crate) async fn open(&self, path: &str) -> Body {
        self.open_with(path, None).await
    }

    /// The same for what is asked with a body.
    pub(crate) async fn open_with(&self, path: &str, body: Option<Json>) -> Body {
        let token = format!("Bearer {}", self.token.as_deref().unwrap_or_default());
        let method = if body.is_some() { "POST" } else { "GET" };
        let request = Request::builder().method(method).uri(path);
        let request = request
            .header(header::AUTHORIZATION, token)
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).unwrap();
        self.router.clone().oneshot(request).await.unwrap().into_body()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], vec![]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Answer {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
        .await
    }

    pub(crate) async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send(
            "PATCH",
            path,
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
        .await
    }

    pub(crate) async fn put(&self, path: &str, body: Json) -> Answer {
        let bytes = body.to_string().into_bytes();
        self.send("PUT", path, &[("content-type", "application/json")], bytes).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], vec![]).await
    }

    /// Attaches a file: the other fields of the form, its name and its bytes.
    pub(crate) async fn attach(
        &self,
        fields: &[(&str, &str)],
        (name, bytes): (&str, &[u8]),
    ) -> Answer {
        let mut body = Vec::new();
        for (key, value) in fields {
            let head = format!("--line\r\ncontent-disposition: form-data; name=\"{key}\"\r\n\r\n");
            body.extend_from_slice(format!("{head}{value}\r\n").as_bytes());
        }
        let head = "--line\r\ncontent-disposition: form-data; name=\"file\"; filename=";
        body.extend_from_slice(format!("{head}\"{name}\"\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--line--\r\n");
        let kind = [("content-type", "multipart/form-data; boundary=line")];
        self.send("POST", "/api/attachments", &kind, body).await
    }

    /// Uploads files: the path, the other fields of the form, and for each file its field, its name and its bytes.
    pub(crate) async fn upload(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &str, &[u8])],
    ) -> Answer {
        let mut body = Vec::new();
        for (key, value) in fields {
            let head = format!("--line\r\ncontent-disposition: form-data; name=\"{key}\"\r\n\r\n");
            body.extend_from_slice(format!("{head}{value}\r\n").as_bytes());
        }
        for (key, name, bytes) in files {
            let head =
                format!("--line\r\ncontent-disposition: form-data; name=\"{key}\"; filename=");
            body.extend_from_slice(format!("{head}\"{name}\"\r\n\r\n").as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--line--\r\n");
        let kind = [("content-type", "multipart/form-data; boundary=line")];
        self.send("POST", path, &kind, body).await
    }

    /// Makes a record and gives back what was answered.
    pub(crate) async fn make(&self, path: &str, body: Json) -> Json {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json
    }
}

impl Answer {
    /// The names of the records of a page.
    pub(crate) fn names(&self) -> Vec<&str> {
        let data = self.json["data"].as_array();
        let data = data.unwrap_or_else(|| panic!("no page: {self:?}"));
        data.iter().map(|record| record["name"].as_str().unwrap()).collect()
    }
}
