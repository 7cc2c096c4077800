//! Names of parts, and of what the parts hold.
//!
//! One counter gives all ids and revisions of a document. It never goes back, so that a number that undo has taken
//! out of use never means something else later.

macro_rules! id {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) u64);
    };
}

id! {
    /// A scan to segment, from the moment it becomes the target.
    TargetId
}
id! {
    /// An image with its label map on the example shelf.
    ExampleId
}
id! {
    /// A mask on the target's grid.
    MaskId
}
id! {
    /// A content: equal revisions of a part mean equal voxels or table entries, before and after undo.
    Revision
}

/// Any part that a job can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartId {
    /// The scan to segment.
    Target(TargetId),
    /// An example.
    Example(ExampleId),
    /// A mask.
    Mask(MaskId),
    /// The label table.
    Labels,
}

/// Source of ids and revisions.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(u64);

impl Counter {
    pub(super) fn target(&mut self) -> TargetId {
        TargetId(self.next())
    }

    pub(super) fn example(&mut self) -> ExampleId {
        ExampleId(self.next())
    }

    pub(super) fn mask(&mut self) -> MaskId {
        MaskId(self.next())
    }

    pub(super) fn revision(&mut self) -> Revision {
        Revision(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}
