//! The interface description's types as the domain's, both ways. What one side writes the other side
//! checks again: nothing unchecked gets past this module.

mod requests;
mod responses;

pub(crate) use requests::*;
pub(crate) use responses::*;
