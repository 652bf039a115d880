//! `GET /participants/{id}/certificate`: the newest certificate with its chain.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::http::Node;
use crate::http::pass_on::pass_on_get;
use crate::http::problem::{Code, Problem};

/// Characters of base64 on one line of PEM (RFC 7468 §2).
const PEM_LINE_CHARS: usize = 64;

/// Gives the participant's newest certificate and those above it.
#[utoipa::path(get, path = "/participants/{id}/certificate", tag = "participants",
    params(("id" = String, Path, description = "The participant's id")),
    responses(
        (status = 200, description = "PEM, the participant's own first",
            content_type = "application/pem-certificate-chain", body = String),
        (status = 404, description = "Nobody has this id, or no certificate was issued"),
    ))]
pub async fn get_certificate(
    request: HttpRequest,
    id: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let id = super::id_of(&id)?;
    // What is above it, the ledger does not hold. Without the followed node, an observer gives the certificate alone.
    if let Some(Ok(answer)) = pass_on_get(&request, &node).await
        && !answer.status().is_server_error()
    {
        return Ok(answer);
    }
    let found = super::find(&node, &id).await?;
    let newest = found.participant.as_ref().and_then(|participant| participant.certificates.last());
    let newest = newest.ok_or_else(|| {
        let detail = format!("participant {id} is {}; a certificate comes with the approval", found.status.as_str());
        Problem::new(Code::NoCertificate, detail)
    })?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .content_type("application/pem-certificate-chain")
        .body(format!("{}{}", to_pem(&newest.der), node.member_certificate_pem)))
}

fn to_pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::new();
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % PEM_LINE_CHARS == 0 {
            lines.push('\n');
        }
        lines.push(c);
    }
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_has_lines_of_64() {
        let full = to_pem(&[0; 48]);
        assert_eq!(full.lines().map(str::len).collect::<Vec<_>>(), [27, 64, 25]);
        let more = to_pem(&[0; 49]);
        assert_eq!(more.lines().map(str::len).collect::<Vec<_>>(), [27, 64, 4, 25]);
    }
}
