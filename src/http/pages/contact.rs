//! The contact of an organisation as a link, and a message to it that says what was looked up.

use maud::{Markup, html};

use crate::http::parameters::encode;
use sealane_core::consortium::Contact;

/// A link to a contact; its plain text if it is none. What was refused at registration becomes no link here either.
pub fn contact_link(contact: &str, text: &str) -> Markup {
    html! {
        @if contact.parse::<Contact>().is_ok() {
            a href=(contact) rel="noopener noreferrer nofollow" { (text) }
        } @else { (text) }
    }
}

/// A contact as people read it: an address or a number without the scheme of its URI.
pub fn plain(contact: &str) -> &str {
    contact.strip_prefix("mailto:").or_else(|| contact.strip_prefix("tel:")).unwrap_or(contact)
}

/// Where a contact is opened to report something. A mail (RFC 6068) comes with its subject and text; a page or a telephone number
/// takes none.
pub fn report_href(contact: &Contact, subject: &str, body: &str) -> String {
    match contact.as_str() {
        // Spaces as %20: a plus is a plus in a mailto URI. Lines end with CRLF (RFC 6068 §5).
        mail if mail.starts_with("mailto:") => {
            format!("{mail}?subject={}&body={}", encode(subject), encode(&body.replace('\n', "\r\n")))
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_contact_becomes_a_link() {
        for uri in ["https://example.com/report", "mailto:quality@example.com", "tel:+32-2-788-78-00"] {
            assert!(contact_link(uri, "x").into_string().contains(&format!("href=\"{uri}\"")), "{uri}");
        }
        for uri in
            ["javascript:alert(1)", "http://example.com", "data:text/html,x", "mailto:a@b.example?bcc=c@d.example"]
        {
            assert_eq!(contact_link(uri, "x").into_string(), "x", "{uri}");
        }
    }

    #[test]
    fn a_mail_says_what_was_looked_up_and_nothing_gets_out_of_its_field() {
        let mail: Contact = "mailto:quality@example.com".parse().unwrap();
        let href = report_href(&mail, "A & B?", "(01)1\nword");
        assert_eq!(href, "mailto:quality@example.com?subject=A%20%26%20B%3F&body=%2801%291%0D%0Aword");
        let page: Contact = "https://example.com/report".parse().unwrap();
        assert_eq!(report_href(&page, "A", "B"), "https://example.com/report");
    }
}
