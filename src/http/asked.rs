//! Who asks: questions that members alone are answered carry a member's word in a header (`docs/API.md`, "Asking as a member").

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};

use crate::http::Node;
use crate::http::problem::{Code, Problem};
use sealane_core::consortium::{MemberQuestion, WordError};
use sealane_core::hash::Hash;

/// The header with the member's word. `pass_on` hands it on from an observer.
pub const MEMBER_QUESTION: &str = "sealane-member";

/// What an answer says that depends on who asked: no cache keeps it for another one.
pub const FOR_THE_MEMBER: HeaderValue = HeaderValue::from_static("private, no-store");

/// Tells by its `kid` which member in force asks; `None` if the request says nothing of that.
///
/// # Errors
///
/// The header is there and does not hold for this request and these members.
pub fn member_asking(request: &HttpRequest, node: &Node) -> Result<Option<Hash>, Problem> {
    let mut words = request.headers().get_all(HeaderName::from_static(MEMBER_QUESTION));
    let Some(word) = words.next() else { return Ok(None) };
    if words.next().is_some() {
        return Err(Problem::new(Code::BadHeader, format!("the header {MEMBER_QUESTION} stands more than once")));
    }
    let word = word.to_str().map_err(|_| refused(&WordError::Malformed("it is no ASCII text")))?;
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let question = MemberQuestion { method: request.method().as_str(), target };
    let (view, ledger) = (node.ledger.view(), &node.ledger);
    let members = view.registry.members();
    let key_of = |kid: &Hash| members.get(kid).map(|member| member.key());
    let asked = question.asked_by(word, view.registry.origin(), ledger.now(), ledger.verifier(), key_of);
    asked.map(Some).map_err(|error| refused(&error))
}

/// Says that only a member is answered.
pub fn members_alone(what: &str) -> Problem {
    let detail = format!(
        "{what} are told to members alone: ask with a member's word in the header {MEMBER_QUESTION}, as `sealane participants` \
         does with the --data of a member"
    );
    Problem::new(Code::MembersAlone, detail)
}

fn refused(error: &WordError) -> Problem {
    let code = match error {
        WordError::UnknownKey { .. } => Code::NotAMember,
        _ => Code::BadQuestion,
    };
    Problem::new(code, format!("the member's word in the header {MEMBER_QUESTION} is not taken: {error}"))
}
