//! From paths to an import plan, and from the plan to the case.

use super::case::{Case, Layer, MaskStatus, Pair};
use super::derived::Derived;
use super::guess;
use super::plan::{Check, Fix, Item, Light, Phase, Plan, Role};
use super::{Layout, Purpose, State};
use crate::demo::DemoCase;
use crate::jobs::{Fitted, Image, Request};
use crate::viewer::Palette;
use crate::window::platform::Platform;
use imaging::LabelMap;
use imaging::conform::GeometryChoice;
use imaging::io::{Scan, readable_files};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// A target on its way, with the masks that wait for it.
#[derive(Default)]
pub(super) struct Target {
    masks: Vec<Mask>,
}

/// A target with what its pictures need, or a sentence that says why there is none.
pub(super) type Opened = Result<(Arc<Scan>, Arc<Derived>), String>;

/// A mask of the plan.
struct Mask {
    path: PathBuf,
    frame: usize,
    geometry: GeometryChoice,
    status: MaskStatus,
    file: String,
}

/// What becomes of a label map once it lies on its image.
pub(super) enum Waiting {
    /// A card of the shelf.
    Pair {
        /// What the plan found odd.
        remark: Option<String>,
    },
    /// A layer on the target.
    Layer {
        /// The target that it lies on.
        target: Arc<Scan>,
        /// Ground truth, or a mask that the user brought.
        status: MaskStatus,
        /// File name.
        file: String,
    },
}

impl State {
    /// Adds files to the plan and has them looked at.
    pub(super) fn check_files(&mut self, files: Vec<PathBuf>, platform: &Platform) {
        let Some(plan) = &mut self.plan else { return };
        plan.collecting = false;
        let known: HashSet<PathBuf> = plan.items.iter().map(|item| item.path.clone()).collect();
        let first = plan.items.len();
        plan.items.extend(files.into_iter().filter(|path| !known.contains(path)).map(Item::new));
        if plan.items.is_empty() {
            self.plan = None;
            return self.notify(
                format!("There is no image file in what you opened; Exemplar reads {}.", readable_files()),
                true,
            );
        }
        plan.change();
        guess::by_name(plan);
        let new = plan.items.iter().enumerate().skip(first);
        let new = new.filter(|(_, item)| matches!(item.check, Check::Waiting));
        let new: Vec<_> = new.map(|(index, item)| (index, item.path.clone())).collect();
        for (index, path) in new {
            self.ask(Request::Probe { path, values: false }, Purpose::Check(index), platform);
        }
    }

    /// Enters into the plan what became of a file.
    pub(super) fn checked(&mut self, index: usize, check: Check, platform: &Platform) {
        let Some(plan) = &mut self.plan else { return };
        if let Some(item) = plan.items.get_mut(index) {
            item.check = check;
        }
        plan.change();
        if plan.phase() != Phase::Ready {
            return;
        }
        let unclear = guess::unclear(plan);
        if unclear.is_empty() {
            guess::by_content(plan);
        }
        for index in unclear {
            let Some(item) = self.plan.as_mut().and_then(|plan| plan.items.get_mut(index)) else { continue };
            item.check = Check::Waiting;
            let path = item.path.clone();
            self.ask(Request::Probe { path, values: true }, Purpose::Check(index), platform);
        }
    }

    /// Gives the plan up, with everything that was asked for it.
    pub(super) fn drop_plan(&mut self, platform: &Platform) {
        self.plan = None;
        self.forget(platform, |purpose| matches!(purpose, Purpose::List | Purpose::Check(_)));
    }

    /// Loads what the plan says; target and labels arrive one by one as the worker has read them.
    pub(super) fn load_plan(&mut self, platform: &Platform) {
        let Some(plan) = self.plan.take() else { return };
        let loaded: Vec<usize> = (0..plan.items.len()).filter(|&index| plan.is_loaded(index)).collect();
        let mut masks = Vec::new();
        for item in loaded.iter().map(|&index| &plan.items[index]) {
            if matches!(item.role, Role::Truth | Role::Mask) {
                masks.push(Mask {
                    path: item.path.clone(),
                    frame: item.frame,
                    geometry: geometry(item),
                    status: if item.role == Role::Truth { MaskStatus::Truth } else { MaskStatus::Accepted },
                    file: item.name.clone(),
                });
            }
        }
        let is_target = |index: &&usize| plan.items[**index].role == Role::Target;
        if let Some(item) = loaded.iter().find(is_target).map(|&index| &plan.items[index]) {
            let (path, frame) = (item.path.clone(), item.frame);
            let open = move || -> Opened {
                let scan = Arc::new(Scan::open(&path, frame).map_err(|error| error.to_string())?);
                let derived = Derived::of(&scan, None, &Palette::default());
                Ok((scan, Arc::new(derived)))
            };
            self.compute(open, |slot| Purpose::Target(Target { masks }, slot), platform);
        } else if let Some(target) = self.case.target.clone() {
            self.load_masks(&target, masks, platform);
        }
        for index in loaded {
            self.load_pair(&plan, index, platform);
        }
    }

    fn load_masks(&mut self, target: &Arc<Scan>, masks: Vec<Mask>, platform: &Platform) {
        for Mask { path, frame, geometry, status, file } in masks {
            let image = Image::Scan(target.clone());
            let request = Request::Fit { label: path, frame, image, geometry };
            let waiting = Waiting::Layer { target: target.clone(), status, file };
            self.ask(request, Purpose::Fit(waiting), platform);
        }
    }

    fn load_pair(&mut self, plan: &Plan, index: usize, platform: &Platform) {
        let item = &plan.items[index];
        let partner = item.partner.and_then(|partner| plan.items.get(partner));
        let (Role::Example, Some(label)) = (item.role, partner) else { return };
        let verdict = plan.verdict(index);
        let remark = (verdict.light != Light::Good).then(|| match item.fix {
            Some(fix) => format!("{} · {}", past(fix), verdict.finding),
            None => verdict.finding,
        });
        let request = Request::Fit {
            label: label.path.clone(),
            frame: label.frame,
            image: Image::File(item.path.clone(), item.frame),
            geometry: geometry(item),
        };
        self.ask(request, Purpose::Fit(Waiting::Pair { remark }), platform);
    }

    /// Takes in a label map that lies on its image now.
    pub(super) fn fitted(&mut self, waiting: Waiting, fitted: Fitted, platform: &Platform) {
        let Fitted { image, map: labels, counts, names, warnings } = fitted;
        match waiting {
            Waiting::Pair { remark } => {
                let values = counts.iter().map(|&(value, _)| value).collect();
                let known = warnings.iter().any(|warning| Some(warning) == remark.as_ref());
                let remarks = remark.into_iter().filter(|_| !known).chain(warnings).collect();
                let (id, pair) = (self.next_id(), (image.clone(), labels.clone()));
                self.case.examples.push(Pair { id, image, label: labels, values, on: true, remarks });
                self.case.names.merge(names);
                self.case.see_labels();
                self.derive(pair.0, Some(pair.1), platform);
            }
            Waiting::Layer { target, status, file } => {
                if self.case.target.as_ref().is_none_or(|now| !Arc::ptr_eq(now, &target)) {
                    return;
                }
                let (id, truth) = (self.next_id(), status == MaskStatus::Truth);
                if truth {
                    self.case.layers.retain(|layer| layer.status != MaskStatus::Truth);
                    self.case.layers.iter_mut().for_each(|layer| layer.agreement = None);
                }
                self.case.names.merge(names);
                self.case.layers.push(Layer {
                    id,
                    title: if truth { "Ground truth".into() } else { "Mask".into() },
                    origin: file,
                    volumes_ml: Layer::volumes(&labels, &counts),
                    map: labels,
                    status,
                    warnings,
                    report: None,
                    agreement: None,
                });
                if self.case.shown.is_none() && !truth {
                    self.case.shown = Some(id);
                }
                self.compare_with_truth(platform);
            }
        }
    }

    /// Puts a scan in place of the present target. Masks lie on the grid of the one that goes.
    pub(super) fn set_target(&mut self, scan: Arc<Scan>, target: Target, platform: &Platform) {
        self.case.layers.clear();
        self.case.shown = None;
        self.case.target = Some(scan.clone());
        self.look.layout = Layout::Planes;
        self.look_at_case(platform);
        self.load_masks(&scan, target.masks, platform);
    }

    /// Turns the panes to the case's target, unless they show it already, and has its masks scored.
    pub(super) fn look_at_case(&mut self, platform: &Platform) {
        let Some(target) = self.case.target.clone() else { return };
        let known = self.derived(&target).map(|derived| derived.statistics);
        if let Some(statistics) = known
            && self.seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &target))
        {
            self.view.show(&target.volume.grid, &statistics);
            self.seen = Some(target);
        }
        self.compare_with_truth(platform);
    }

    /// What is on its way belongs to a state of the case that is gone.
    pub(super) fn forget_loading(&mut self, platform: &Platform) {
        self.forget(platform, |purpose| matches!(purpose, Purpose::Target(..) | Purpose::Fit(_)));
    }

    /// Calls back what was asked for some purposes.
    fn forget(&mut self, platform: &Platform, unwanted: impl Fn(&Purpose) -> bool) {
        self.waiting.retain(|&ticket, purpose| {
            let keep = !unwanted(purpose);
            if !keep {
                platform.worker.cancel(ticket);
            }
            keep
        });
    }

    /// Opens the built-in case in place of the present one.
    pub(super) fn open_demo(&mut self, platform: &Platform) {
        let demo = match DemoCase::open() {
            Ok(demo) => demo,
            Err(error) => return self.notify(error.to_string(), true),
        };
        self.forget_loading(platform);
        self.case = Case::default();
        let derived = Derived::of(&demo.target, None, &Palette::default());
        self.keep_derived(&demo.target, Arc::new(derived));
        self.set_target(demo.target.clone(), Target::default(), platform);
        let fitted = |image: &Arc<Scan>, map: Arc<LabelMap>| Fitted {
            image: image.clone(),
            counts: map.counts(),
            map,
            names: demo.names.clone(),
            warnings: Vec::new(),
        };
        let truth = Waiting::Layer {
            target: demo.target.clone(),
            status: MaskStatus::Truth,
            file: "target_label.nii.gz".into(),
        };
        self.fitted(Waiting::Pair { remark: None }, fitted(&demo.example, demo.label), platform);
        self.fitted(truth, fitted(&demo.target, demo.truth), platform);
    }
}

fn geometry(item: &Item) -> GeometryChoice {
    match item.fix {
        Some(Fix::Resample) => GeometryChoice::Resample,
        Some(Fix::CopyHeader) => GeometryChoice::Copy,
        Some(Fix::LeaveOut) | None => GeometryChoice::Strict,
    }
}

fn past(fix: Fix) -> &'static str {
    match fix {
        Fix::Resample => "resampled",
        Fix::CopyHeader => "image header copied",
        Fix::LeaveOut => "left out",
    }
}
