//! The rules for Temporal (design: an order's run can be neither wedged, nor doubled, nor lost).

mod long_history;
mod messages;
mod runs;
mod undo_from_outside;
mod updates;
