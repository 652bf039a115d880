//! What master data says that people are shown: a name, and links.

use crate::consortium::Contact;
use crate::gs1::IdKind;
use crate::json::Json;

/// A link that a holder gives of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterLink {
    /// The link type by its name in the GS1 Web Vocabulary, such as `pip`.
    pub link_type: &'static str,
    /// An `https:` address, as a [`Contact`] may be one.
    pub href: String,
    pub title: Option<String>,
    pub media_type: Option<String>,
    pub language: Option<String>,
}

/// Characters of a name or a title that are shown.
const SHOWN_CHARS_MAX: usize = 120;

/// Attributes that name a product, the better first (CBV 2.0 §9.2; GS1 Web Vocabulary).
const PRODUCT_NAMES: [&str; 5] =
    ["productName", "descriptionShort", "tradeItemDescription", "regulatedProductName", "functionalName"];

/// Attributes that name a place or an organisation.
const PLACE_NAMES: [&str; 3] = ["name", "physicalLocationName", "organizationName"];

/// The vocabularies whose attributes are read: the CBV's (CBV 2.0 §9), as it is written in URNs and in URLs, and GS1's, by its names.
const NAMESPACES: [&str; 7] = [
    "urn:epcglobal:cbv:mda:",
    "urn:epcglobal:cbv:mda#",
    "https://ref.gs1.org/cbv/mda/",
    "https://ref.gs1.org/voc/",
    "https://gs1.org/voc/",
    "http://gs1.org/voc/",
    "https://www.gs1.org/voc/",
];

/// GS1's link types (GS1 Web Vocabulary, `gs1:linkType`) but those that are a resolver's own to fill: `defaultLink`, `defaultLinkMulti`,
/// `epcis`, `masterData`, `traceability`, `verificationService`, `handledBy`.
const LINK_TYPES: [&str; 50] = [
    "activityIdeas",
    "allergenInfo",
    "appDownload",
    "brandHomepageClinical",
    "brandHomepagePatient",
    "careersInfo",
    "certificationInfo",
    "consumerHandlingStorageInfo",
    "dpp",
    "epil",
    "eventsInfo",
    "faqs",
    "hasRetailers",
    "homepage",
    "ingredientsInfo",
    "instructions",
    "jws",
    "leaveReview",
    "locationInfo",
    "logisticsInfo",
    "loyaltyProgram",
    "menuInfo",
    "nutritionalInfo",
    "openingHoursInfo",
    "paymentLink",
    "pip",
    "productSustainabilityInfo",
    "promotion",
    "purchaseSuppliesOrAccessories",
    "quickStartGuide",
    "recallStatus",
    "recipeInfo",
    "registerProduct",
    "registryEntry",
    "relatedImage",
    "relatedVideo",
    "review",
    "safetyInfo",
    "scheduleTime",
    "serviceInfo",
    "smartLabel",
    "smpc",
    "socialMedia",
    "statisticInfo",
    "subscribe",
    "support",
    "sustainabilityInfo",
    "tutorial",
    "userAgreement",
    "whatsInTheBox",
];

/// The attribute that names an id of some kind, and the name, in a language if there are several: cut where it is too long to be shown.
pub fn name<'a>(
    kind: IdKind,
    attributes: impl Iterator<Item = (&'a str, &'a Json)> + Clone,
    language: &str,
) -> Option<(&'a str, String)> {
    let names = match kind {
        IdKind::Location | IdKind::Party => PLACE_NAMES.as_slice(),
        _ => PRODUCT_NAMES.as_slice(),
    };
    names.iter().find_map(|wanted| {
        let values = attributes.clone().filter(|(attribute, _)| local_name(attribute) == Some(*wanted));
        let texts: Vec<(&str, Option<&str>, &str)> = values
            .flat_map(|(name, value)| texts(value).into_iter().map(move |(own, text)| (name, own, text)))
            .collect();
        let is_wanted = |own: &str| own.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case(language));
        let fitting = texts.iter().find(|(_, own, _)| own.is_some_and(is_wanted));
        let unmarked = || texts.iter().find(|(_, own, _)| own.is_none());
        let (name, _, text) = fitting.or_else(unmarked).or(texts.first())?;
        Some((*name, cut(text)?))
    })
}

/// The links that attributes give: those whose name is a link type and whose value is an `https:` address.
pub fn links<'a>(attributes: impl Iterator<Item = (&'a str, &'a Json)>) -> Vec<MasterLink> {
    let mut found = Vec::new();
    for (attribute, value) in attributes {
        let name = local_name(attribute);
        let Some(link_type) = LINK_TYPES.into_iter().find(|own| Some(*own) == name) else { continue };
        found.extend(items(value).iter().filter_map(|item| link(link_type, item)));
    }
    found
}

fn link(link_type: &'static str, item: &Json) -> Option<MasterLink> {
    let member = |names: &[&str]| names.iter().find_map(|name| item.get(name)?.as_str());
    let href = item.as_str().or_else(|| member(&["@id", "@value", "href"]))?;
    let href: Contact = href.parse().ok().filter(|_| href.starts_with("https://"))?;
    let is_token = |text: &&str| {
        (1..=100).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+./".contains(&byte))
    };
    Some(MasterLink {
        link_type,
        href: href.to_string(),
        title: member(&["title"]).and_then(cut),
        media_type: member(&["type", "@type"]).filter(|text| text.contains('/')).filter(is_token).map(str::to_owned),
        language: member(&["@language", "@lang", "hreflang"]).filter(is_token).map(str::to_owned),
    })
}

/// An attribute's name without its vocabulary, if that is one of those that are read.
fn local_name(attribute: &str) -> Option<&str> {
    NAMESPACES.iter().find_map(|namespace| attribute.strip_prefix(namespace))
}

/// The texts of a value, each with its language: its own, or those of objects with `@value` (JSON-LD 1.1 §4.2.4), or of each in a list.
fn texts(value: &Json) -> Vec<(Option<&str>, &str)> {
    items(value).iter().filter_map(text).collect()
}

fn text(item: &Json) -> Option<(Option<&str>, &str)> {
    match item {
        Json::String(text) => Some((None, text.as_str())),
        _ => Some((item.get("@language").and_then(Json::as_str), item.get("@value")?.as_str()?)),
    }
}

fn items(value: &Json) -> &[Json] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn cut(text: &str) -> Option<String> {
    let text = text.trim();
    let mut cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    (!cut.is_empty()).then_some(cut)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(list: serde_json::Value) -> Vec<(String, Json)> {
        let list = list.as_array().unwrap().iter();
        list.map(|pair| (pair[0].as_str().unwrap().to_owned(), Json::from(pair[1].clone()))).collect()
    }

    fn pairs(list: &[(String, Json)]) -> impl Iterator<Item = (&str, &Json)> + Clone {
        list.iter().map(|(name, value)| (name.as_str(), value))
    }

    #[test]
    fn a_name_is_the_best_attribute_in_the_best_language() {
        let named = |kind, list: serde_json::Value, language: &str| {
            name(kind, pairs(&attributes(list)), language).map(|(_, name)| name)
        };
        let both = json!([
            ["urn:epcglobal:cbv:mda:descriptionShort", "Moscatel"],
            ["https://ref.gs1.org/voc/productName", [{"@value": "Vino", "@language": "es"}, {"@value": "와인", "@language": "ko-KR"}, "Wine"]],
        ]);
        for (language, right) in [("ko", "와인"), ("es", "Vino"), ("en", "Wine"), ("de", "Wine")] {
            assert_eq!(named(IdKind::Item, both.clone(), language).as_deref(), Some(right), "{language}");
        }
        let place =
            json!([["urn:epcglobal:cbv:mda#name", " Warehouse 3 "], ["https://ref.gs1.org/voc/productName", "No"]]);
        assert_eq!(named(IdKind::Location, place, "en").as_deref(), Some("Warehouse 3"));
        let long = json!([["https://gs1.org/voc/productName", "ä".repeat(500)]]);
        assert_eq!(named(IdKind::Class, long, "en").unwrap().chars().count(), SHOWN_CHARS_MAX + 1);
        for nothing in [
            json!([]),
            json!([["https://ref.gs1.org/voc/productName", ""]]),
            json!([["https://ref.gs1.org/voc/productName", {"x": "y"}]]),
            json!([["https://acme.example/productName", "x"]]),
        ] {
            assert_eq!(named(IdKind::Item, nothing.clone(), "en"), None, "{nothing}");
        }
    }

    #[test]
    fn links_are_https_addresses_of_gs1_link_types() {
        let found = links(pairs(&attributes(json!([
            ["https://ref.gs1.org/voc/pip", "https://brand.example/wine"],
            ["https://gs1.org/voc/pip", [
                {"@id": "https://brand.example/ko", "@language": "ko", "type": "text/html", "title": "와인"},
                {"@value": "https://brand.example/w.pdf", "type": "application/pdf"},
            ]],
            ["https://ref.gs1.org/voc/recallStatus", "http://brand.example/"],
            ["https://ref.gs1.org/voc/recallStatus", "javascript:alert(1)"],
            ["https://ref.gs1.org/voc/recallStatus", "https://user@brand.example/"],
            ["https://ref.gs1.org/voc/recallStatus", "mailto:a@brand.example"],
            ["https://ref.gs1.org/voc/defaultLink", "https://thief.example/"],
            ["https://ref.gs1.org/voc/traceability", "https://thief.example/"],
            ["https://ref.gs1.org/voc/productName", "https://brand.example/"],
            ["https://acme.example/pip", "https://brand.example/"],
        ]))));
        let told: Vec<(&str, &str)> = found.iter().map(|link| (link.link_type, link.href.as_str())).collect();
        let right = [
            ("pip", "https://brand.example/wine"),
            ("pip", "https://brand.example/ko"),
            ("pip", "https://brand.example/w.pdf"),
        ];
        assert_eq!(told, right);
        let korean = &found[1];
        let said = (korean.title.as_deref(), korean.media_type.as_deref(), korean.language.as_deref());
        assert_eq!(said, (Some("와인"), Some("text/html"), Some("ko")));
        let odd = json!({"@id": "https://brand.example/", "type": "text/html\"; x", "@language": "a b"});
        let odd = links(pairs(&attributes(json!([["https://ref.gs1.org/voc/pip", odd]]))));
        assert_eq!((odd[0].media_type.as_deref(), odd[0].language.as_deref()), (None, None));
    }
}
