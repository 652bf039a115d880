//! `GET /docs`: `/openapi.json` as a page to read. It is whole without a script.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::http::Node;
use crate::http::openapi::{ANY, document};
use crate::http::pages::{HtmlPage, Visitor, answer};

/// Leads to the page: this path was its own before.
#[utoipa::path(get, path = "/docs/", tag = "operations",
    responses((status = 308, description = "The page is at /docs")))]
pub async fn get_docs_redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs")).finish()
}

/// Shows this interface to people.
#[utoipa::path(get, path = "/docs", tag = "operations",
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub async fn get_docs(request: HttpRequest, node: Option<web::Data<Node>>) -> HttpResponse {
    let visitor = Visitor::of(&request);
    let origin = node.map(|node| node.ledger.origin().as_str().to_owned());
    let main = main(&visitor, document());
    answer(StatusCode::OK, &visitor, HtmlPage::new(visitor.say("docs.title"), origin.as_deref(), main))
}

/// An operation of the document, as far as it is shown.
struct Operation<'a> {
    /// Its name in links to it.
    id: &'a str,
    method: String,
    path: &'a str,
    value: &'a Value,
}

fn main(visitor: &Visitor, document: &Value) -> Markup {
    let operations = operations(document);
    let tags: Vec<(&str, &str)> =
        items(&document["tags"]).iter().map(|tag| (text(&tag["name"]), text(&tag["description"]))).collect();
    let of = |tag: &str| {
        operations.iter().filter(|one| items(&one.value["tags"]).iter().any(|own| own == tag)).collect::<Vec<_>>()
    };
    let empty = Map::new();
    let schemas = document["components"]["schemas"].as_object().unwrap_or(&empty);
    html! {
        div.docs {
            h1 { (visitor.say("docs.title")) }
            p.lead { (visitor.say("docs.lead")) " " a href="/openapi.json" { "/openapi.json" } }
            // The document is in English, whatever the language of the page.
            nav.contents lang="en" aria-label=(visitor.say("docs.contents")) {
                @for (tag, description) in &tags {
                    section {
                        h2 { a href={ "#" (tag) } { (tag) } }
                        p.meta { (description) }
                        ul { @for one in of(tag) { li { a href={ "#" (one.id) } { code { (one.method) " " (one.path) } } } } }
                    }
                }
            }
            section lang="en" {
                h2 id="every" { "Answers of every operation" }
                (responses(ANY.iter().map(|(status, description)| (*status, inline(description), html! { "Problem" }))))
            }
            @for (tag, description) in &tags {
                section lang="en" {
                    h2 id=(tag) { (tag) }
                    p { (description) }
                    @for one in of(tag) { (operation(one)) }
                }
            }
            section lang="en" {
                h2 id="schemas" { "Schemas" }
                @for (name, schema) in schemas { (schema_part(name, schema)) }
            }
        }
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, value)| (path, method, value))
    });
    all.map(|(path, method, value)| Operation {
        id: text(&value["operationId"]),
        method: method.to_uppercase(),
        path,
        value,
    })
    .collect()
}

fn operation(one: &Operation<'_>) -> Markup {
    let parameters = items(&one.value["parameters"]);
    let body = &one.value["requestBody"];
    // What every operation may answer is said once for all.
    let is_own = |status: &str, answer: &Value| !ANY.contains(&(status, text(&answer["description"])));
    let own =
        one.value["responses"].as_object().into_iter().flatten().filter(|(status, answer)| is_own(status, answer));
    html! {
        article.operation aria-labelledby=(one.id) {
            h3 id=(one.id) { code { span.method { (one.method) } " " (one.path) } }
            p { (inline(text(&one.value["summary"]))) }
            @if !parameters.is_empty() {
                div.rows role="list" aria-label="Parameters" {
                    @for parameter in parameters {
                        div role="listitem" {
                            p { code { (text(&parameter["name"])) } " " span.meta {
                                "in " (text(&parameter["in"])) ", " (type_of(&parameter["schema"]))
                                @if parameter["required"] == true { ", required" }
                            } }
                            p { (inline(text(&parameter["description"]))) }
                        }
                    }
                }
            }
            @if let Some(content) = body["content"].as_object() {
                p { strong { "Body: " } (inline(text(&body["description"]))) }
                (contents(content))
            }
            (responses(own.map(|(status, answer)| {
                let content = answer["content"].as_object();
                (status.as_str(), inline(text(&answer["description"])), html! { @if let Some(content) = content { (contents(content)) } })
            })))
        }
    }
}

/// A status, what it means, and what comes with it.
fn responses<'a>(all: impl Iterator<Item = (&'a str, Markup, Markup)>) -> Markup {
    html! {
        dl.answers {
            @for (status, description, content) in all {
                div { dt { (status) } dd { (description) " " span.meta { (content) } } }
            }
        }
    }
}

/// Media types, with what each holds.
fn contents(content: &Map<String, Value>) -> Markup {
    html! {
        span.contents-of {
            @for (media_type, of) in content {
                span { code { (media_type) } @if of["schema"]["$ref"].is_string() { ": " (type_of(&of["schema"])) } } " "
            }
        }
    }
}

fn schema_part(name: &str, schema: &Value) -> Markup {
    let required = items(&schema["required"]);
    html! {
        article.operation aria-labelledby={ "schema-" (name) } {
            h3 id={ "schema-" (name) } { code { (name) } }
            @if schema["description"].is_string() { p { (inline(text(&schema["description"]))) } }
            @match schema["properties"].as_object() {
                Some(properties) => div.rows role="list" aria-label="Members" {
                    @for (member, of) in properties {
                        div role="listitem" {
                            p { code { (member) } " " span.meta { (type_of(of)) @if required.iter().any(|one| one == member) { ", always there" } } }
                            @if of["description"].is_string() { p { (inline(text(&of["description"]))) } }
                        }
                    }
                },
                None => p.meta { (type_of(schema)) },
            }
        }
    }
}

/// The type of a value in words, with links to schemas that have a name.
fn type_of(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    let any_of = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[key].as_array());
    if let Some(any_of) = any_of {
        return html! { @for (at, one) in any_of.iter().enumerate() { @if at > 0 { " or " } (type_of(one)) } };
    }
    if let Some(values) = schema["enum"].as_array() {
        return html! { @for (at, one) in values.iter().enumerate() { @if at > 0 { " or " } code { (text(one)) } } };
    }
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        Value::String(name) => name.clone(),
        _ => "any value".to_owned(),
    };
    html! { (names) @if schema["items"].is_object() { " of " (type_of(&schema["items"])) } }
}

/// A sentence in which what stands between backticks is code.
fn inline(text: &str) -> Markup {
    html! { @for (at, part) in text.split('`').enumerate() { @if at % 2 == 1 { code { (part) } } @else { (part) } } }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn page(path: &str) -> String {
        main(&Visitor::of(&TestRequest::get().uri(path).to_http_request()), document()).into_string()
    }

    #[test]
    fn every_operation_and_schema_is_there_once_and_every_link_leads_to_one() {
        let page = page("/docs");
        let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        for one in operations(document()) {
            assert_eq!(ids.iter().filter(|id| **id == one.id).count(), 1, "{}", one.id);
        }
        let links: Vec<&str> = page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(links.len() > 100, "{}", links.len());
        for link in links {
            assert!(ids.contains(&link), "#{link}");
        }
    }

    #[test]
    fn what_it_says_is_read_from_the_document() {
        let page = page("/docs");
        for words in [
            "<span class=\"method\">POST</span> /epcis/capture",
            "Judges a product by what is on this node's ledger.",
            "<code>application/jose</code>",
            "<a href=\"#schema-CaptureJob\">CaptureJob</a>",
            "in query, string, required",
            "integer or null",
        ] {
            assert!(page.contains(words), "{words}");
        }
        // What each may answer stands once.
        assert_eq!(page.matches("The fault is the node's; its log has the rest").count(), 1);
    }
}
