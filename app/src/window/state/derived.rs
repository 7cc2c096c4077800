//! What is computed from volumes for the window, on a background thread: all of it takes time that grows with the image.

use super::{Purpose, State};
use crate::jobs::Request;
use crate::viewer::{Palette, Statistics, THUMBNAIL_SIZE, thumbnail};
use crate::window::platform::Platform;
use imaging::LabelMap;
use imaging::io::Scan;
use std::sync::{Arc, OnceLock};

/// What pictures of a scan need.
pub struct Derived {
    /// Range and contrast.
    pub statistics: Statistics,
    /// The middle slice, with labels where there are some.
    pub thumbnail: egui::ColorImage,
}

impl Derived {
    /// Reads every voxel.
    pub fn of(scan: &Scan, labels: Option<&LabelMap>, palette: &Palette) -> Self {
        let pixels = thumbnail(&scan.volume, labels, palette);
        let thumbnail = egui::ColorImage::new([THUMBNAIL_SIZE; 2], pixels);
        Self { statistics: Statistics::of(&scan.volume), thumbnail }
    }
}

/// Where a background thread leaves what it computed.
pub(super) type Slot<T> = Arc<OnceLock<T>>;

impl State {
    /// What was computed of a scan.
    pub fn derived(&self, scan: &Arc<Scan>) -> Option<&Arc<Derived>> {
        let of_it = self.derived.iter().find(|(known, _)| known.as_ptr() == Arc::as_ptr(scan));
        of_it.map(|(_, derived)| derived)
    }

    pub(super) fn keep_derived(&mut self, scan: &Arc<Scan>, derived: Arc<Derived>) {
        self.derived.retain(|(known, _)| known.strong_count() > 0);
        self.derived.push((Arc::downgrade(scan), derived));
    }

    /// Has a scan's pictures prepared; `next` waits for them.
    pub(super) fn derive(&mut self, scan: Arc<Scan>, labels: Option<Arc<LabelMap>>, platform: &Platform) {
        let palette = Palette::for_labels(&self.case.seen);
        let purpose = |slot| Purpose::Derive(scan.clone(), slot);
        let of = scan.clone();
        self.compute(move || Arc::new(Derived::of(&of, labels.as_deref(), &palette)), purpose, platform);
    }

    /// Has something computed in the background.
    pub(super) fn compute<T: Send + Sync + 'static>(
        &mut self,
        compute: impl Fn() -> T + Send + 'static,
        purpose: impl FnOnce(Slot<T>) -> Purpose,
        platform: &Platform,
    ) {
        let slot = Slot::<T>::default();
        let into = slot.clone();
        let work = move || {
            into.get_or_init(&compute);
        };
        self.ask(Request::Compute(Box::new(work)), purpose(slot), platform);
    }
}
