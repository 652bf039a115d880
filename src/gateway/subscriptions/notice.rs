//! What a subscriber is sent: the results of its query, signed with its own secret. Pure.
//!
//! | header | is |
//! |---|---|
//! | `GS1-Signature` | `sha256=` and the HMAC-SHA-256 (RFC 2104), in hexadecimal, of the time, a dot and the body, under the `signatureToken` |
//! | `Sealane-Timestamp` | that time, in seconds since 1970: a receiver refuses what is old, so that no thief of it sends it again |
//! | `Sealane-Delivery` | the same for each try to tell the same events, so that a receiver knows what it has |

use aws_lc_rs::hmac;

use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

use super::subscription::{Subscription, SubscriptionId, ToldPlace};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeOf {
    /// The events behind the first place, as far as the second.
    Events(Option<ToldPlace>, Option<ToldPlace>),
    /// That there are none at this time, or that the query was not run then.
    Moment(Timestamp),
}

/// A message on its way to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub content_type: &'static str,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What a delivery came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeAnswer {
    /// The subscriber has it.
    Taken,
    /// It wants no more of this subscription (410).
    Gone,
    /// It wants less at a time (413).
    TooLarge,
    /// In words, why it is not known to have it.
    Failed(String),
}

impl NoticeAnswer {
    /// What became of it, as counters call it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Gone => "gone",
            Self::TooLarge => "too-large",
            Self::Failed(_) => "failed",
        }
    }
}

impl Notice {
    /// Puts a body for a subscriber together.
    pub fn new(
        subscription: &Subscription,
        about: NoticeOf,
        content_type: &'static str,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Self {
        let mut headers = vec![
            ("Sealane-Delivery", name_of(&subscription.id, about)),
            ("Sealane-Timestamp", now.seconds().to_string()),
            ("GS1-EPCIS-Version", "2.0.0".to_owned()),
            ("GS1-EPC-Format", subscription.controls.form.as_str().to_owned()),
        ];
        if let Some(token) = &subscription.signature_token {
            headers.push(("GS1-Signature", format!("sha256={}", signature(token, now, &body))));
        }
        Self { content_type, headers, body }
    }
}

/// The HMAC of a body that is sent at a time.
fn signature(token: &str, now: Timestamp, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes()));
    context.update(now.seconds().to_string().as_bytes());
    context.update(b".");
    context.update(body);
    context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn name_of(id: &SubscriptionId, about: NoticeOf) -> String {
    let place = |place: Option<ToldPlace>| place.map_or_else(String::new, |at| format!("{}.{}", at.leaf, at.position));
    let what = match about {
        NoticeOf::Events(from, until) => format!("{}-{}", place(from), place(until)),
        NoticeOf::Moment(time) => time.to_string(),
    };
    Hash::of(format!("{id} {what}").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::clients::ClientName;
    use crate::gateway::query::form::IdForm;
    use crate::gateway::subscriptions::dest::{Dest, DestRules};
    use crate::gateway::subscriptions::subscription::{SubscriptionControls, Timing};
    use sealane_core::merkle::LeafIndex;
    use zeroize::Zeroizing;

    const NOW: NoticeOf = NoticeOf::Moment(Timestamp::EPOCH);

    fn subscription(token: Option<&str>) -> Subscription {
        Subscription {
            id: SubscriptionId::parse("df5a33e3-5aa3-4403-ae01-99b83234e27b").unwrap(),
            query: "q".parse().unwrap(),
            client: ClientName::local(),
            created_at: Timestamp::EPOCH,
            dest: Dest::read("https://client.example.com/x", &DestRules::default()).unwrap(),
            signature_token: token.map(|token| Zeroizing::new(token.to_owned())),
            controls: SubscriptionControls {
                timing: Timing::Stream,
                reports_if_empty: false,
                initial_record_time: None,
                form: IdForm::DigitalLink,
            },
        }
    }

    #[test]
    fn a_receiver_can_check_where_a_body_comes_from() {
        // printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of many characters'
        let now = Timestamp::from_seconds(1_767_225_600).unwrap();
        let notice = Notice::new(
            &subscription(Some("a secret of many characters")),
            NOW,
            "application/json",
            b"{\"a\":1}".to_vec(),
            now,
        );
        let header =
            |name: &str| notice.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(header("Sealane-Timestamp"), Some("1767225600"));
        assert_eq!(
            header("GS1-Signature"),
            Some("sha256=81592d37bd867a1a5c1b2fd378c670bf8278de34f5f0990e84225b8307b737e5")
        );
        let without = Notice::new(&subscription(None), NOW, "application/json", Vec::new(), now);
        assert!(without.headers.iter().all(|(name, _)| *name != "GS1-Signature"));
    }

    #[test]
    fn another_try_of_the_same_has_the_same_name_and_no_other_has() {
        let place = |leaf| Some(ToldPlace { leaf: LeafIndex::new(leaf).unwrap(), position: 0 });
        let name = |about| {
            let notice = Notice::new(&subscription(None), about, "application/json", Vec::new(), Timestamp::EPOCH);
            notice.headers.into_iter().find(|(name, _)| *name == "Sealane-Delivery").unwrap().1
        };
        let later = Timestamp::from_seconds(1).unwrap();
        let all = [
            NoticeOf::Events(None, place(1)),
            NoticeOf::Events(place(1), place(2)),
            NoticeOf::Events(place(1), place(3)),
            NoticeOf::Moment(Timestamp::EPOCH),
            NoticeOf::Moment(later),
        ];
        let names: std::collections::BTreeSet<String> = all.into_iter().map(name).collect();
        assert_eq!(names.len(), all.len());
        assert_eq!(name(all[1]), name(all[1]));
    }
}
