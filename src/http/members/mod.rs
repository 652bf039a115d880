//! The members: who they are, and what they decide together.

mod answer;
pub mod decide;
pub mod get;
pub mod join;
pub mod newcomers;
pub mod proposal;
pub mod proposals;

pub use decide::post_member_decision;
pub use get::get_members;
pub use join::create_join_request;
pub use proposal::get_proposal;
pub use proposals::list_proposals;
