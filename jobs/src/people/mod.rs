//! What people may ask about their own data, and what happens with accounts that nobody uses: exports and erasures.

mod ask;
mod erase_person;
mod export_person;
mod tend_data_requests;
mod warn_inactive;

pub use ask::{Asked, ask_erasure, ask_export, withdraw_erasure};
pub use erase_person::ErasePerson;
pub use export_person::ExportPerson;
pub use tend_data_requests::TendDataRequests;
pub use warn_inactive::WarnInactive;
