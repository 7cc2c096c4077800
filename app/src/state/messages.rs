//! The window's words for what could not be done.

use crate::document::{Refusal, Status};
use crate::jobs::Failure;
use imaging::Error;
use inference::pipeline::Stage;

/// Why a job has no result.
pub fn failure(failure: &Failure) -> String {
    match failure {
        Failure::Cancelled => "Cancelled.".into(),
        Failure::Engine(Error::Misplaced { problem, copyable }) => {
            let copy = if *copyable { " or copy the image header" } else { "" };
            format!("{problem} Open it again and choose in the import plan to resample it{copy}.")
        }
        Failure::Engine(error @ Error::SeveralStructures { .. }) => format!("{error} Tick one label only."),
        Failure::Engine(error) => error.to_string(),
        Failure::Panic => {
            "The program met an error of its own and stopped this step; nothing of yours was changed. Try \
                           again, and report it if it comes back."
                .into()
        }
    }
}

/// Why the document was not changed.
pub fn refusal(refusal: Refusal) -> String {
    match refusal {
        Refusal::NoPart(_) | Refusal::Outdated(_) => {
            "The document changed in the meantime, so nothing was done. Try again.".into()
        }
        Refusal::NoTarget => "There is no scan to segment yet; open one first.".into(),
        Refusal::OtherGrid => "The labels do not lie on the grid of their image; resample them first.".into(),
        Refusal::MaskLocked(Status::Proposal) => "A proposal cannot be changed; accept it first.".into(),
        Refusal::MaskLocked(_) => "The ground truth cannot be changed.".into(),
        Refusal::NoWay(..) | Refusal::Unchanged => "Nothing changed: it is so already.".into(),
        Refusal::NoLabel(value) => format!("There is no label {value}."),
        Refusal::LabelTaken(value) => format!("Label {value} is taken; choose another number."),
        Refusal::NoValueLeft => "All 65535 label numbers are taken.".into(),
        Refusal::LabelLocked(value) => format!("Label {value} is locked; unlock it first."),
        Refusal::LabelHeld(value, _) => {
            format!("An example or the ground truth holds label {value}, so it keeps its number.")
        }
        Refusal::BeyondGrid => "That lies beyond the scan.".into(),
        Refusal::OutsideRegion => "That lies outside the region of interest.".into(),
        Refusal::OutsideLimits => "The intensities there lie outside the limits.".into(),
        Refusal::NotPaintedOver(value) => format!("Label {value} is not painted over."),
        Refusal::NotErased(value) => format!("Label {value} is not the active label, so it was not erased."),
    }
}

/// What a run does.
pub fn stage(stage: Option<&Stage>) -> String {
    match stage {
        None => "Starting".into(),
        Some(Stage::Preparing { done, total }) => {
            format!("Preparing image {} of {total}", (done + 1).min(*total))
        }
        Some(Stage::Registering { done, total }) => {
            format!("Registering example {} of {total}", (done + 1).min(*total))
        }
        Some(Stage::Reading { label, labels, pairs: 1, .. }) if *labels > 1 => {
            format!("Label {label} of {labels}")
        }
        Some(Stage::Reading { label, labels, pass, pair, pairs, .. }) if *labels > 1 => {
            let closer = if *pass > 1 { ", closer" } else { "" };
            format!("Label {label} of {labels}{closer} · {pair} of {pairs} read")
        }
        Some(Stage::Reading { pair, pairs, .. }) => format!("Reading example {pair} of {pairs}"),
        Some(Stage::Restoring) => "Laying the result on the scan".into(),
    }
}
