//! From paths to an import plan, and from the plan to the case.

use super::case::{Case, Id, Layer, Pair, Standing};
use super::guess;
use super::plan::{Check, Fix, Item, Phase, Plan, Role};
use super::{Layout, Purpose, State};
use crate::demo::DemoCase;
use crate::viewer::Statistics;
use crate::window::outside::Outside;
use exemplar_engine::LabelMap;
use exemplar_engine::agreement::GeometryChoice;
use exemplar_engine::nifti::Scan;
use exemplar_engine::worker::{Fitted, Request};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What becomes of a label map once it lies on its image.
pub(super) enum Waiting {
    /// A card of the shelf.
    Pair {
        /// The example's image.
        image: Arc<Scan>,
        /// What the plan found odd.
        remark: Option<String>,
    },
    /// A layer on the target.
    Layer {
        /// Ground truth, or a mask that the user brought.
        standing: Standing,
        /// File name.
        file: String,
    },
}

impl State {
    /// Adds files to the plan and has them opened.
    pub(super) fn check_files(&mut self, files: Vec<PathBuf>, outside: &Outside) {
        let Some(plan) = &mut self.plan else { return };
        plan.collecting = false;
        for path in files {
            if plan.items.iter().any(|item| item.path == path) {
                continue;
            }
            plan.items.push(Item::new(path));
        }
        if plan.items.is_empty() {
            self.plan = None;
            return self.say(
                "There is no image file in what you opened; Exemplar reads .nii, .nii.gz and .hdr/.img.",
                true,
            );
        }
        guess::by_name(plan);
        let waiting = plan.items.iter().filter(|item| matches!(item.check, Check::Waiting));
        let asked =
            |path: &Path| self.waiting.values().any(|p| matches!(p, Purpose::Check(known) if known == path));
        let paths: Vec<PathBuf> = waiting.map(|item| item.path.clone()).filter(|path| !asked(path)).collect();
        for path in paths {
            let request = Request::Open { path: path.clone(), frame: 0 };
            self.ask(request, Purpose::Check(path), outside);
        }
    }

    /// Has another volume of a series opened.
    pub(super) fn open_volume(&mut self, index: usize, frame: usize, outside: &Outside) {
        let Some(item) = self.plan.as_mut().and_then(|plan| plan.items.get_mut(index)) else { return };
        (item.frame, item.check) = (frame, Check::Waiting);
        let path = item.path.clone();
        self.ask(Request::Open { path: path.clone(), frame }, Purpose::Check(path), outside);
    }

    /// Enters into the plan what became of a file.
    pub(super) fn checked(&mut self, path: &Path, check: Check) {
        let Some(plan) = &mut self.plan else { return };
        if let Some(item) = plan.item_mut(path) {
            item.check = check;
        }
        if plan.phase() == Phase::Ready {
            guess::by_content(plan);
        }
    }

    /// Loads what the plan says; labels arrive one by one as the worker brings them to their images.
    pub(super) fn load_plan(&mut self, outside: &Outside) {
        let Some(plan) = self.plan.take() else { return };
        let loaded: Vec<usize> = plan.rows().into_iter().filter(|&index| plan.is_loaded(index)).collect();
        for index in loaded.iter().copied().filter(|&i| plan.items[i].role == Role::Target) {
            if let Some(scan) = plan.items[index].scan() {
                self.set_target(scan.clone(), outside);
            }
        }
        for index in loaded {
            self.load_labels(&plan, index, outside);
        }
    }

    fn load_labels(&mut self, plan: &Plan, index: usize, outside: &Outside) {
        let item = &plan.items[index];
        let partner = item.partner.and_then(|partner| plan.items.get(partner));
        let finding = plan.verdict(index).finding;
        let odd = !matches!(plan.verdict(index).light, super::plan::Light::Good);
        let (label, image, waiting) = match (item.role, partner.and_then(Item::scan), item.scan()) {
            (Role::Example, Some(label), Some(image)) => {
                self.case.inputs.extend(partner.map(|partner| partner.path.clone()));
                let remark = odd.then(|| match item.fix {
                    Some(fix) => format!("{} · {finding}", past(fix)),
                    None => finding,
                });
                (label, image.clone(), Waiting::Pair { image: image.clone(), remark })
            }
            (Role::Truth | Role::Mask, _, Some(label)) => {
                let Some(target) = self.case.target.clone() else { return };
                let standing = if item.role == Role::Truth { Standing::Truth } else { Standing::Accepted };
                (label, target, Waiting::Layer { standing, file: item.name.clone() })
            }
            _ => return,
        };
        let geometry = match item.fix {
            Some(Fix::Resample) => GeometryChoice::Resample,
            Some(Fix::CopyHeader) => GeometryChoice::Copy,
            Some(Fix::LeaveOut) | None => GeometryChoice::Strict,
        };
        let request = Request::Fit { label: label.clone(), image, geometry };
        self.case.inputs.insert(item.path.clone());
        self.ask(request, Purpose::Fit(waiting), outside);
    }

    /// Takes in a label map that lies on its image now.
    pub(super) fn fitted(&mut self, waiting: Waiting, fitted: Fitted, outside: &Outside) {
        let id: Id = self.case.next_id();
        let Fitted { map: labels, counts, names } = fitted;
        self.case.names.merge(names);
        match waiting {
            Waiting::Pair { image, remark } => {
                let values = counts.iter().map(|&(value, _)| value).collect();
                self.case.examples.push(Pair { id, image, label: labels, values, on: true, remark });
            }
            Waiting::Layer { standing, file } => {
                let truth = standing == Standing::Truth;
                if truth {
                    self.case.layers.retain(|layer| layer.standing != Standing::Truth);
                    self.case.layers.iter_mut().for_each(|layer| layer.agreement = None);
                }
                self.case.layers.push(Layer {
                    id,
                    title: if truth { "Ground truth".into() } else { "Mask".into() },
                    origin: file,
                    volumes_ml: Layer::volumes(&labels, &counts),
                    map: labels,
                    standing,
                    report: None,
                    agreement: None,
                });
                if self.case.shown.is_none() && !truth {
                    self.case.shown = Some(id);
                }
                self.compare_with_truth(outside);
            }
        }
    }

    fn set_target(&mut self, scan: Arc<Scan>, outside: &Outside) {
        // Masks lie on the grid of the target that goes.
        if self.run.is_running() {
            self.stop(outside);
        }
        self.case.layers.clear();
        self.case.shown = None;
        self.case.inputs.insert(scan.path.clone());
        self.case.target = Some(scan);
        self.look.layout = Layout::Planes;
        self.look_at_case();
    }

    /// Turns the panes to the case's target, unless they show it already.
    pub(super) fn look_at_case(&mut self) {
        let Some(target) = &self.case.target else { return };
        let now = target.volume.grid;
        if self.seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, target)) {
            self.view.show(&now, &Statistics::of(&target.volume));
            self.seen = Some(target.clone());
        }
    }

    /// Label maps on their way belong to a state of the case that is gone.
    pub(super) fn forget_loading(&mut self) {
        self.waiting.retain(|_, purpose| !matches!(purpose, Purpose::Fit(_)));
    }

    /// Opens the built-in case in place of the present one.
    pub(super) fn open_demo(&mut self, outside: &Outside) {
        let demo = match DemoCase::open() {
            Ok(demo) => demo,
            Err(error) => return self.say(error.to_string(), true),
        };
        self.forget_loading();
        self.case = Case::default();
        self.set_target(demo.target, outside);
        let fitted = |map: Arc<LabelMap>| Fitted { counts: map.counts(), map, names: demo.names.clone() };
        let truth = Waiting::Layer { standing: Standing::Truth, file: "target_label.nii.gz".into() };
        self.fitted(Waiting::Pair { image: demo.example, remark: None }, fitted(demo.label), outside);
        self.fitted(truth, fitted(demo.truth), outside);
    }
}

fn past(fix: Fix) -> &'static str {
    match fix {
        Fix::Resample => "resampled",
        Fix::CopyHeader => "image header copied",
        Fix::LeaveOut => "left out",
    }
}
