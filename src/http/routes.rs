//! The table of everything that is served.

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, guard, web};

use crate::http::Node;
use crate::http::problem::Problem;
use crate::http::{
    assets, capture, docs, epcis, events, evidence, front, health, ledger, master_data, members, metrics, openapi,
    participants, pass_on, product, scan, trust, verify,
};

/// One path and the methods that it takes. `HEAD` goes with `GET`, and every path answers `OPTIONS`.
pub struct Endpoint {
    path: &'static str,
    /// Taken with a `/` after it too.
    or_slash: bool,
    pub methods: Vec<Method>,
    routes: Vec<Route>,
}

/// Registers every endpoint; any other path is not found.
pub fn configure(config: &mut web::ServiceConfig) {
    for endpoint in endpoints() {
        config.service(endpoint.into_resource());
    }
    config.default_service(web::to(nothing_here));
}

/// Every path, in the order in which they are tried.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        // What is asked most comes first: to try the patterns of others costs as much as to refuse a capture.
        at("/epcis/capture").or_slash().writes(capture::post_capture).options(capture::options_capture),
        at("/verify").get(verify::get_verdict),
        at("/evidence").get(evidence::get_evidence),
        at("/").get(front::get_front),
        at("/health/live").get(health::get_live),
        at("/health/ready").get(health::get_ready),
        at("/metrics").get(metrics::get_metrics),
        at("/openapi.json").get(openapi::get_openapi),
        at("/docs").get(docs::get_docs),
        at("/docs/").get(docs::get_docs_redirect),
        at("/members").writes(members::create_join_request).get(members::get_members),
        at("/members/decisions").writes(members::post_member_decision),
        at("/members/proposals").get(members::list_proposals),
        at("/members/proposals/{id}").get(members::get_proposal),
        at("/participants").writes(participants::create_participant).get(participants::list_participants),
        at("/participants/{id}").get(participants::get_participant),
        at("/participants/{id}/certificate").get(participants::get_certificate),
        at("/participants/{id}/decisions").writes(participants::post_decision),
        at("/participants/{id}/renewals").writes(participants::post_renewal),
        at("/epcis/capture/{captureID}").get(capture::get_capture),
        at("/epcis").or_slash().get(epcis::get_collection).options(epcis::options_collection),
        at("/epcis/events").or_slash().get(events::list_events),
        at("/epcis/events/{eventID:.+}").get(events::get_event),
        at("/epcis/epcs/{epc:.+}/events").get(events::list_events_of_epc),
        at("/epcis/vocabularies").or_slash().get(master_data::get_vocabularies),
        at("/trust").get(trust::get_trust),
        at("/ledger/checkpoint").get(ledger::get_checkpoint),
        at("/ledger/tile/{path:.+}").get(ledger::get_tile),
        at("/ledger/blocks/{height}").get(ledger::get_block),
        at("/ledger/handovers").get(ledger::get_handovers),
        at("/ledger/leaves/{index}").get(ledger::get_leaf),
        at("/ledger/statements/{sha256}").get(ledger::get_statement),
        at("/ledger/audit").get(ledger::get_audit),
        at("/ledger/faults").get(ledger::get_faults),
        at("/ledger/proofs/inclusion").get(ledger::get_inclusion_proof),
        at("/ledger/proofs/consistency").get(ledger::get_consistency_proof),
        at("/scan").get(scan::get_scan).post(scan::post_scan),
        at("/scan/list").get(scan::get_list),
        at("/assets/{file:.+}").get(assets::get_asset),
        at("/.well-known/gs1resolver").get(product::get_resolver_description),
        at(product::PATH).get(product::get_product).options(product::options_product),
    ]
}

fn at(path: &'static str) -> Endpoint {
    Endpoint { path, or_slash: false, methods: Vec::new(), routes: Vec::new() }
}

impl Endpoint {
    fn or_slash(self) -> Self {
        Self { or_slash: true, ..self }
    }

    fn get<F, A>(self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
        self.with(Method::GET, route)
    }

    fn post<F, A>(self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.with(Method::POST, web::post().to(handler))
    }

    /// A post that writes. An observer passes it on.
    fn writes<F, A>(mut self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let passed_on = web::post().guard(guard::fn_guard(pass_on::is_observer)).to(pass_on::pass_on_post);
        self.routes.push(passed_on);
        self.post(handler)
    }

    fn options<F, A>(self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.with(Method::OPTIONS, web::route().method(Method::OPTIONS).to(handler))
    }

    fn with(mut self, method: Method, route: Route) -> Self {
        self.methods.push(method);
        self.routes.push(route);
        self
    }

    fn allow(&self) -> String {
        let mut allow: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        if self.methods.contains(&Method::GET) {
            allow.push("HEAD");
        }
        if !self.methods.contains(&Method::OPTIONS) {
            allow.push("OPTIONS");
        }
        allow.sort_unstable();
        allow.join(", ")
    }

    /// The path as documents and metrics have it: `/a/{b}` for `/a/{b:.+}`.
    pub fn plain_path(&self) -> String {
        let (mut plain, mut depth, mut in_pattern) = (String::new(), 0, false);
        for c in self.path.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ':' if depth == 1 => in_pattern = true,
                _ => {}
            }
            in_pattern &= depth > 0;
            if !in_pattern {
                plain.push(c);
            }
        }
        plain
    }

    fn into_resource(self) -> Resource {
        let (name, allow) = (self.plain_path(), self.allow());
        let other_methods = move |request: HttpRequest| {
            let allow = allow.clone();
            async move {
                if request.method() == Method::OPTIONS {
                    return Ok(HttpResponse::NoContent().insert_header((ALLOW, allow)).finish());
                }
                Err(Problem::method_not_allowed(request.method(), &allow))
            }
        };
        let with_slash = self.or_slash.then(|| format!("{}/", self.path));
        let paths: Vec<String> = [self.path.to_owned()].into_iter().chain(with_slash).collect();
        let resource = self.routes.into_iter().fold(web::resource(paths).name(&name), Resource::route);
        resource.default_service(web::to(other_methods))
    }
}

/// What is at no path of the table: a compressed Digital Link, whose one segment may be anything, or nothing.
async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let node = request.app_data::<web::Data<Node>>();
    if let Some(node) = node
        && let Some(answer) = product::get_compressed(&request, node).await
    {
        return answer;
    }
    Err(Problem::not_found("nothing is served at this path; /openapi.json lists what is"))
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::body::to_bytes;
    use actix_web::http::StatusCode;
    use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use serde_json::Value;

    use super::*;
    use crate::http::exchange::exchange;

    async fn answer(request: TestRequest) -> (StatusCode, HeaderMap, Vec<u8>) {
        let app = init_service(App::new().configure(configure).wrap(from_fn(exchange))).await;
        let answer = call_service(&app, request.to_request()).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, to_bytes(answer.into_body()).await.unwrap().to_vec())
    }

    fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[actix_web::test]
    async fn what_is_not_served_is_a_problem_with_the_request_id() {
        for path in ["/nothing", "/epcis/nothing", "/abc/def", "/ledger/tile/"] {
            let request = TestRequest::get().uri(path).insert_header(("X-Request-Id", "r-7"));
            let (status, headers, body) = answer(request).await;
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((status, text(&headers, "content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
            assert_eq!(
                (&problem["code"], &problem["requestId"]),
                (&Value::from("not-found"), &Value::from("r-7")),
                "{path}"
            );
            assert_eq!((text(&headers, "x-request-id"), text(&headers, "x-content-type-options")), ("r-7", "nosniff"));
            let epcis = problem["type"] == "epcisException:NoSuchResourceException";
            assert_eq!(epcis, path.starts_with("/epcis/"), "{problem}");
        }
    }

    #[actix_web::test]
    async fn other_methods_hear_which_are_taken() {
        let (status, headers, body) = answer(TestRequest::delete().uri("/participants")).await;
        assert_eq!((status, text(&headers, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS, POST"));
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], "method-not-allowed");
        let options = |path: &'static str| TestRequest::default().method(Method::OPTIONS).uri(path);
        let (status, headers, _) = answer(options("/verify")).await;
        assert_eq!((status, text(&headers, "allow")), (StatusCode::NO_CONTENT, "GET, HEAD, OPTIONS"));
        let (status, headers, _) = answer(options("/epcis/capture")).await;
        assert_eq!((status, text(&headers, "allow")), (StatusCode::NO_CONTENT, "OPTIONS, POST"));
        assert_eq!(text(&headers, "gs1-epcis-version"), "2.0.0");
        assert_eq!(text(&headers, "gs1-epcis-capture-limit"), "10000");
        assert_eq!(text(&headers, "gs1-epcis-capture-file-size-limit"), "3141564");
    }

    #[actix_web::test]
    async fn head_is_get_without_a_body() {
        let (status, headers, _) = answer(TestRequest::default().method(Method::HEAD).uri("/health/live")).await;
        assert_eq!((status, text(&headers, "content-type")), (StatusCode::OK, "application/json"));
        assert!(headers.contains_key(CONTENT_TYPE) && headers.contains_key("content-security-policy"));
    }

    #[actix_web::test]
    async fn a_uri_without_end_is_refused() {
        let path = format!("/verify?id={}", "x".repeat(20_000));
        let (status, _, body) = answer(TestRequest::get().uri(&path)).await;
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &problem["limit"]), (StatusCode::URI_TOO_LONG, &Value::from(16_384)));
    }

    #[actix_web::test]
    async fn the_interface_shows_itself() {
        let (status, headers, body) = answer(TestRequest::get().uri("/docs")).await;
        assert_eq!((status, text(&headers, "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
        assert!(String::from_utf8(body).unwrap().contains("href=\"/openapi.json\""));
        assert_eq!(answer(TestRequest::get().uri("/docs/none.js")).await.0, StatusCode::NOT_FOUND);
        let (status, headers, _) = answer(TestRequest::get().uri("/docs/")).await;
        assert_eq!((status, text(&headers, "location")), (StatusCode::PERMANENT_REDIRECT, "/docs"));
        let (_, headers, body) = answer(TestRequest::get().uri("/openapi.json")).await;
        assert_eq!(text(&headers, "content-type"), "application/json");
        assert!(serde_json::from_slice::<Value>(&body).unwrap()["paths"]["/verify"].is_object());
    }
}
