//! The import plan.

use super::{About, Action};
use crate::import::{Fix, Plan, Role};
use crate::state::{Platform, State};

/// The import plan. Files are named by their place in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Import {
    /// Give a file a role.
    Role(usize, Role),
    /// Give an example its label file.
    Pair(usize, Option<usize>),
    /// Choose what happens to a file that does not fit.
    Fix(usize, Fix),
    /// Choose the volume of a series, from 0.
    Volume(usize, usize),
    /// Load what the plan says.
    Load,
    /// Drop the plan.
    Cancel,
}

impl Action for Import {
    fn about(&self) -> About {
        About::new(match self {
            Self::Role(..) => "Change role",
            Self::Pair(..) => "Change label file",
            Self::Fix(_, fix) => fix.label(),
            Self::Volume(..) => "Change volume",
            Self::Load => "Load",
            Self::Cancel => "Cancel import",
        })
    }

    fn execute(&self, state: &mut State, platform: &mut Platform) {
        match *self {
            Self::Role(index, role) => change(state, |plan| {
                plan.choose(index);
                plan.set_role(index, role);
            }),
            Self::Pair(index, partner) => change(state, |plan| {
                plan.choose(index);
                partner.into_iter().for_each(|partner| plan.choose(partner));
                plan.set_partner(index, partner);
            }),
            Self::Fix(index, fix) => change(state, |plan| plan.set_fix(index, fix)),
            Self::Volume(index, frame) => change(state, |plan| plan.set_frame(index, frame)),
            Self::Load => state.load_plan(platform),
            Self::Cancel => state.plan = None,
        }
    }
}

fn change(state: &mut State, change: impl FnOnce(&mut Plan)) {
    if let Some(plan) = &mut state.plan {
        change(plan);
        plan.change();
    }
}
