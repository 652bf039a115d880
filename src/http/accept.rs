//! Content negotiation (RFC 9110 §12.5): which of the forms on offer a client prefers.

use actix_web::HttpRequest;
use actix_web::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, Accept, AcceptLanguage, CONTENT_DISPOSITION, Header, HeaderName, QualityItem,
};
use actix_web::mime::Mime;

/// Bytes of a header that says what a client would like: browsers send under 200, and each range in it takes a
/// microsecond to read. A longer one counts as none.
const WISHES_BYTES_MAX: usize = 4 * 1024;

/// The parameter that asks for the programs' form as a file.
pub const DOWNLOAD: &str = "download";

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Html,
    Linkset,
    LinksetText,
}

impl Form {
    const fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Form::Json => ("application", "json"),
            Form::Html => ("text", "html"),
            Form::Linkset => ("application", "linkset+json"),
            Form::LinksetText => ("application", "linkset"),
        }
    }
}

/// Picks the form that the request's `Accept` rates highest; of those rated alike the first, and the first too where none
/// fits, which helps more than 406 does.
pub fn preferred(request: &HttpRequest, offered: &[Form]) -> Form {
    let mut best = (offered.first().copied().unwrap_or(Form::Json), 0_u32);
    let accept = accepted(request);
    for form in offered {
        let quality = quality_of(&accept, form.media_type());
        if quality > best.1 {
            best = (*form, quality);
        }
    }
    best.0
}

/// What a client says of a media type, in thousandths; 0 if it takes none of that type, or says nothing.
pub fn media_type_rating(request: &HttpRequest, media_type: &str) -> u32 {
    let Some(parts) = media_type.split_once('/') else { return 0 };
    quality_of(&accepted(request), parts)
}

/// Picks the media type that the request's `Accept` rates highest; of those rated alike the first, and the first too if it says nothing, or
/// nothing that can be read. `None` if it takes none of them.
pub fn best_media_type(request: &HttpRequest, offered: &[&'static str]) -> Option<&'static str> {
    let accept = accepted(request);
    if accept.is_empty() {
        return offered.first().copied();
    }
    let rated = offered.iter().filter_map(|name| Some((*name, quality_of(&accept, name.split_once('/')?))));
    rated.filter(|(_, quality)| *quality > 0).rev().max_by_key(|(_, quality)| *quality).map(|(name, _)| name)
}

/// What a client says of media types: nothing if it says nothing of them, or nothing that can be read.
fn accepted(request: &HttpRequest) -> Vec<QualityItem<Mime>> {
    let accept = wishes(request, &ACCEPT).and_then(|()| Accept::parse(request).ok());
    accept.map(|accept| accept.0).unwrap_or_default()
}

/// The languages that a client takes (RFC 9110 §12.5.4), with what it says of each.
pub struct LanguageRanges(Vec<(String, u32)>);

impl LanguageRanges {
    /// Reads what a request says of languages; what is too long or cannot be read counts as none.
    pub fn of(request: &HttpRequest) -> Self {
        let accepted = wishes(request, &ACCEPT_LANGUAGE).and_then(|()| AcceptLanguage::parse(request).ok());
        let ranges = accepted.map(|accepted| accepted.0).unwrap_or_default();
        Self(ranges.iter().map(|range| (range.item.to_string().to_ascii_lowercase(), thousandths(range))).collect())
    }

    /// The primary languages that the client takes, the one that it likes best first.
    pub fn ranked(&self) -> impl Iterator<Item = &str> {
        let mut ranked: Vec<&(String, u32)> = self.0.iter().filter(|(_, quality)| *quality > 0).collect();
        ranked.sort_by_key(|(_, quality)| std::cmp::Reverse(*quality));
        ranked.into_iter().map(|(range, _)| range.split('-').next().unwrap_or_default())
    }

    /// What the client says of something in these languages, in thousandths. What is in no language in particular is better than what
    /// the client does not read.
    pub fn rating(&self, languages: &[String]) -> u32 {
        let of = |language: &String| {
            let language = language.to_ascii_lowercase();
            let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_owned();
            let fits = |range: &str| range == "*" || range == language || primary(range) == primary(&language);
            self.0.iter().filter(|(range, _)| fits(range)).map(|(_, quality)| *quality).max().unwrap_or(0)
        };
        languages.iter().map(of).max().unwrap_or(1)
    }
}

/// Tells whether a client takes one of these types. One that says nothing of types, or nothing that can be read, takes any.
pub fn takes_any(request: &HttpRequest, types: &[(&str, &str)]) -> bool {
    let accept = accepted(request);
    accept.is_empty() || types.iter().any(|media_type| quality_of(&accept, *media_type) > 0)
}

/// Tells whether the header of a client's wishes is short enough to be looked at.
fn wishes(request: &HttpRequest, header: &HeaderName) -> Option<()> {
    let bytes: usize = request.headers().get_all(header).map(|line| line.len()).sum();
    (bytes <= WISHES_BYTES_MAX).then_some(())
}

/// True for a browser that shows a page to a person.
pub fn is_for_people(request: &HttpRequest) -> bool {
    preferred(request, &[Form::Json, Form::Html]) == Form::Html
}

/// Tells whether a link asks for what programs get, as a file: `?download`. A browser that saves a link asks for a page like any other.
pub fn is_download(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|pair| pair.split('=').next() == Some(DOWNLOAD))
}

/// The header by which a browser saves an answer under a name, if the request asks for a file (RFC 6266). `name` is a token.
pub fn saved_as(request: &HttpRequest, name: &str) -> Option<(HeaderName, String)> {
    is_download(request).then(|| (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
}

/// True for a browser that shows a page to a person, at a path that has one beside its own form.
pub fn wants_page(request: &HttpRequest) -> bool {
    is_for_people(request) && !is_download(request)
}

/// What the most particular range that covers a media type says of it, in thousandths.
fn quality_of(accept: &[QualityItem<Mime>], (kind, subtype): (&str, &str)) -> u32 {
    let rated = accept.iter().filter_map(|item| {
        let particular = match item.item.essence_str().split_once('/')? {
            ("*", _) => 0,
            (range, "*") if range == kind => 1,
            range if range == (kind, subtype) => 2,
            _ => return None,
        };
        Some((particular, thousandths(item)))
    });
    rated.max_by_key(|(particular, _)| *particular).map_or(0, |(_, quality)| quality)
}

/// The quality of an item. It has three decimals at most; a float is all that the parser gives away.
fn thousandths<T>(item: &QualityItem<T>) -> u32 {
    let q: f32 = item.quality.to_string().trim_start_matches("; q=").parse().unwrap_or(1.0);
    (q * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn pick(accept: &str) -> Form {
        let request = TestRequest::get().insert_header(("Accept", accept)).to_http_request();
        preferred(&request, &[Form::Json, Form::Html, Form::Linkset])
    }

    #[test]
    fn the_best_media_type_is_one_that_is_taken() {
        let best = |accept: &str| {
            let request = TestRequest::get().insert_header(("Accept", accept)).to_http_request();
            best_media_type(&request, &["application/json", "application/xml", "text/xml"])
        };
        for (accept, media_type) in [
            ("", Some("application/json")),
            ("*/*", Some("application/json")),
            ("application/xml", Some("application/xml")),
            ("text/xml", Some("text/xml")),
            ("application/xml;q=0.5, */*;q=0.4", Some("application/xml")),
            ("application/json;q=0.5, application/xml;q=0.6", Some("application/xml")),
            ("application/json, application/xml", Some("application/json")),
            ("image/png", None),
            ("application/xml;q=0", None),
        ] {
            assert_eq!(best(accept), media_type, "{accept}");
        }
    }

    #[test]
    fn picks_what_is_asked_for() {
        for (accept, form) in [
            ("*/*", Form::Json),
            ("", Form::Json),
            ("image/png", Form::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html),
            ("text/html;q=0.5, application/json;q=0.4", Form::Html),
            ("text/html;q=0.5, application/json;q=0.6", Form::Json),
            ("application/linkset+json", Form::Linkset),
            ("application/linkset+json, */*;q=0.1", Form::Linkset),
            ("application/linkset+json;q=0, text/*", Form::Html),
            ("application/*;q=0.3, text/html;q=0.2", Form::Json),
        ] {
            assert_eq!(pick(accept), form, "{accept}");
        }
        assert_eq!(pick(&"text/html,".repeat(400)), Form::Html);
        assert_eq!(pick(&"text/html,".repeat(500)), Form::Json, "a list that long is not read");
        assert_eq!(preferred(&TestRequest::get().to_http_request(), &[Form::Json, Form::Html]), Form::Json);
    }
}
