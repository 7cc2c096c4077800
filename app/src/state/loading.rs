//! From the import plan to the document.

use super::{Layout, Platform, State, messages};
use crate::demo::DemoCase;
use crate::document::{
    Bricks, Draft, ExampleInfo, FoundLabel, Mask, MaskId, MaskInfo, PartId, Provenance, Refusal, Status,
    TargetId,
};
use crate::import::{Fix, Item, Light, Role};
use crate::jobs::{ConformedLabels, ImageFile, ImageSource, Job, JobId, Outcome, Read};
use imaging::conform::GeometryChoice;
use imaging::io::Scan;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What import plans have asked to be loaded and has not arrived. What belongs to one plan has one batch number and is
/// one step of undo.
#[derive(Default)]
pub(super) struct Loads {
    /// Scans to segment, with the masks that wait for them.
    targets: HashMap<JobId, (Job, u64, Vec<MaskFile>)>,
    /// Labels of examples and masks.
    labels: HashMap<JobId, (Job, u64, LabelRole)>,
    last_batch: u64,
}

/// What labels are for.
enum LabelRole {
    /// An example.
    Example {
        /// What the plan found odd.
        remark: Option<String>,
    },
    /// A mask on a target.
    Mask {
        /// The target that it lies on.
        target: TargetId,
        /// Ground truth, or a mask that the user brought.
        status: Status,
        path: PathBuf,
    },
}

/// A mask of the plan.
struct MaskFile {
    file: ImageFile,
    geometry: GeometryChoice,
    status: Status,
}

impl Loads {
    /// Cancels all loads.
    pub(super) fn clear(&mut self) {
        self.targets.drain().for_each(|(_, (job, ..))| job.cancel());
        self.labels.drain().for_each(|(_, (job, ..))| job.cancel());
    }
}

/// Title of the step that loads what a plan says.
const TITLE: &str = "Load";

impl State {
    /// Whether images, label maps or masks are on their way from an import plan.
    pub fn is_loading(&self) -> bool {
        !self.loads.targets.is_empty() || !self.loads.labels.is_empty()
    }

    /// Loads what the plan says; target and labels arrive one by one as they are read.
    pub fn load_plan(&mut self, platform: &mut Platform) {
        let Some(plan) = self.plan.take() else { return };
        self.loads.last_batch += 1;
        let batch = self.loads.last_batch;
        let loaded: Vec<usize> = (0..plan.items.len()).filter(|&index| plan.is_loaded(index)).collect();
        let items = || loaded.iter().map(|&index| &plan.items[index]);
        let mask = |item: &Item| {
            let status = match item.role {
                Role::Truth => Status::Reference,
                Role::Mask => Status::Accepted,
                _ => return None,
            };
            Some(MaskFile { file: file(item), geometry: geometry(item), status })
        };
        let masks: Vec<MaskFile> = items().filter_map(mask).collect();
        if let Some(target) = items().find(|item| item.role == Role::Target) {
            let job = platform.jobs.read(Read::Open(file(target)));
            self.loads.targets.insert(job.id, (job, batch, masks));
        } else {
            self.load_masks(masks, batch, platform);
        }
        for &index in &loaded {
            let item = &plan.items[index];
            let Some(partner) = item.partner.filter(|_| item.role == Role::Example) else { continue };
            let verdict = plan.verdict(index);
            let remark = (verdict.light != Light::Good).then(|| match item.fix {
                Some(fix) => format!("{} · {}", past(fix), verdict.finding),
                None => verdict.finding,
            });
            let job = platform.jobs.read(Read::ConformLabels {
                labels: file(&plan.items[partner]),
                image: ImageSource::File(file(item)),
                geometry: geometry(item),
            });
            self.loads.labels.insert(job.id, (job, batch, LabelRole::Example { remark }));
        }
    }

    fn load_masks(&mut self, masks: Vec<MaskFile>, batch: u64, platform: &mut Platform) {
        let Some(target) = self.document.target() else { return };
        for MaskFile { file, geometry, status } in masks {
            let role = LabelRole::Mask { target: target.id(), status, path: file.path.clone() };
            let image = ImageSource::Scan(target.scan().clone());
            let job = platform.jobs.read(Read::ConformLabels { labels: file, image, geometry });
            self.loads.labels.insert(job.id, (job, batch, role));
        }
    }

    /// Puts a scan in place of the present target.
    pub(super) fn target_opened(&mut self, id: JobId, outcome: Outcome<Arc<Scan>>, platform: &mut Platform) {
        let Some((_, batch, masks)) = self.loads.targets.remove(&id) else { return };
        match outcome {
            Ok(scan) => {
                self.arrive(batch, |draft| draft.set_target(Some(scan)));
                self.settings.layout = Layout::Planes;
                self.load_masks(masks, batch, platform);
            }
            Err(failure) => self.warn(messages::failure(&failure)),
        }
    }

    /// Adds labels that were conformed to their image.
    pub(super) fn labels_opened(&mut self, id: JobId, outcome: Outcome<ConformedLabels>) {
        let Some((_, batch, role)) = self.loads.labels.remove(&id) else { return };
        match (outcome, role) {
            (Err(failure), _) => self.warn(messages::failure(&failure)),
            (Ok(labels), LabelRole::Example { remark }) => {
                self.arrive(batch, |draft| add_example(draft, labels, remark));
            }
            (Ok(labels), LabelRole::Mask { target, status, path }) => {
                if self.document.revision_of(PartId::Target(target)).is_none() {
                    return;
                }
                let mask = self.arrive(batch, |draft| add_mask(draft, labels, status, path));
                if self.shown_mask().is_none() && status != Status::Reference {
                    self.settings.shown = mask;
                }
            }
        }
    }

    /// What belongs to one plan is one step of undo.
    fn arrive<T>(&mut self, batch: u64, change: impl FnOnce(&mut Draft) -> Result<T, Refusal>) -> Option<T> {
        self.edit_with(TITLE, |draft| draft.batch(batch), change)
    }

    /// Empties the window.
    pub fn close(&mut self) {
        self.loads.clear();
        self.edit("Close case", |draft| draft.clear());
        self.settings.layout = Layout::Planes;
    }

    /// Opens the built-in case in place of the present one.
    pub fn open_demo(&mut self) {
        let demo = match DemoCase::open() {
            Ok(demo) => demo,
            Err(error) => return self.warn(error.to_string()),
        };
        self.loads.clear();
        let conformed = |image: &Arc<Scan>, map: Arc<imaging::LabelMap>| ConformedLabels {
            image: image.clone(),
            found: FoundLabel::named(map.counts().into_iter().map(|(value, _)| value), &demo.names),
            map,
            warnings: Vec::new(),
        };
        self.edit("Open the demo case", |draft| {
            draft.clear()?;
            draft.set_target(Some(demo.target.clone()))?;
            let truth = conformed(&demo.target, demo.truth);
            add_mask(draft, truth, Status::Reference, "target_label.nii.gz".into())?;
            add_example(draft, conformed(&demo.example, demo.label), None)
        });
        self.settings.layout = Layout::Planes;
    }
}

fn add_example(draft: &mut Draft, labels: ConformedLabels, remark: Option<String>) -> Result<(), Refusal> {
    let ConformedLabels { image, map, found, warnings } = labels;
    let known = warnings.iter().any(|warning| Some(warning) == remark.as_ref());
    let names = name_conflict(draft, &found);
    let remarks = remark.into_iter().filter(|_| !known).chain(warnings).chain(names).collect();
    let info = ExampleInfo { name: image.name.clone(), on: true, remarks };
    draft.add_example(image, map, &found, info).map(drop)
}

/// Warns where a file means something else by a label value than the files before it: two protocols in one document.
fn name_conflict(draft: &Draft, found: &[FoundLabel]) -> Option<String> {
    let mut conflicts = draft.document().labels().conflicts(found);
    let (value, theirs, ours) = conflicts.next()?;
    let more = match conflicts.count() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!("label {value} is {theirs} here and {ours} in the files before{more}"))
}

/// Adds a mask of a file. There is one ground truth, so another takes its place.
fn add_mask(
    draft: &mut Draft,
    labels: ConformedLabels,
    status: Status,
    path: PathBuf,
) -> Result<MaskId, Refusal> {
    let before = draft.document().reference().filter(|_| status == Status::Reference).map(Mask::id);
    if let Some(before) = before {
        draft.remove_mask(before)?;
    }
    let name = if status == Status::Reference { "Ground truth" } else { "Mask" };
    let provenance = Provenance::File(path);
    let remarks = labels.warnings.into_iter().chain(name_conflict(draft, &labels.found)).collect();
    let info = MaskInfo { name: name.into(), status, provenance, remarks };
    draft.add_mask(Bricks::from_label_map(&labels.map), &labels.found, info)
}

fn file(item: &Item) -> ImageFile {
    ImageFile { path: item.path.clone(), frame: item.frame }
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
