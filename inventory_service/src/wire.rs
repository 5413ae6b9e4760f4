//! The interface description's types as the domain's, both ways. What one side writes the other side
//! checks again: nothing unchecked gets past this module.

mod answers;
mod asked;

pub(crate) use answers::*;
pub(crate) use asked::*;
