//! How the interface describes a word of another room: an enum of theirs, under a name of its own.

use std::{borrow::Cow, marker::PhantomData};

use domain::{channel::Skipped, plan::WhyNot};
use inventory::AllocationStatus;
use orders::audit::ActKind;
use orders::lanes::PauseCause;
use orders::{
    inbox::{Source, State},
    returns::{self, ReturnState},
    story::{Doer, Kind},
};
use strum::VariantArray;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// An enum of words, what the interface calls it, and what it tells.
pub(crate) trait Described: Copy + Into<&'static str> + VariantArray {
    const NAME: &'static str;
    const ABOUT: &'static str;
}

/// The description of a member that is one of these words.
pub(crate) struct Word<T>(PhantomData<T>);

impl<T: Described> PartialSchema for Word<T> {
    fn schema() -> RefOr<Schema> {
        let words = T::VARIANTS.iter().map(|word| -> &str { (*word).into() });
        let described = ObjectBuilder::new().schema_type(Type::String).description(Some(T::ABOUT));
        described.enum_values(Some(words)).into()
    }
}

impl<T: Described> ToSchema for Word<T> {
    fn name() -> Cow<'static, str> {
        T::NAME.into()
    }
}

impl Described for AllocationStatus {
    const NAME: &'static str = "AllocationStatus";
    const ABOUT: &'static str = "What has become of an allocation.";
}

impl Described for WhyNot {
    const NAME: &'static str = "WhyNot";
    const ABOUT: &'static str = "Why a warehouse would give a line nothing: the first of these that is true.";
}

impl Described for State {
    const NAME: &'static str = "InboxState";
    const ABOUT: &'static str = "Where a message stands.";
}

impl Described for Source {
    const NAME: &'static str = "InboxSource";
    const ABOUT: &'static str = "Where a message came from.";
}

impl Described for ReturnState {
    const NAME: &'static str = "ReturnState";
    const ABOUT: &'static str = "How far a return is.";
}

impl Described for returns::Source {
    const NAME: &'static str = "ReturnSource";
    const ABOUT: &'static str = "Who announced a return.";
}

impl Described for ActKind {
    const NAME: &'static str = "ActKind";
    const ABOUT: &'static str = "What a person did.";
}

impl Described for Skipped {
    const NAME: &'static str = "ChannelSkippedReason";
    const ABOUT: &'static str = "Why a shop's level is left alone.";
}

impl Described for PauseCause {
    const NAME: &'static str = "PauseCause";
    const ABOUT: &'static str = "What paused a lane.";
}

impl Described for Doer {
    const NAME: &'static str = "StoryActor";
    const ABOUT: &'static str = "Who did it.";
}

impl Described for Kind {
    const NAME: &'static str = "StoryKind";
    const ABOUT: &'static str = "What kind of thing happened.";
}
