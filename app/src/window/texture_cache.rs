//! Textures of the volumes that are shown: derived from the state, made when first needed, dropped when gone.

use super::state::State;
use crate::viewer::{Gpu, ImageTexture, LabelTexture};
use imaging::LabelMap;
use imaging::io::Scan;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// What was uploaded, by volume.
pub struct TextureCache {
    gpu: Option<Gpu>,
    images: Kept<Scan, ImageTexture>,
    labels: Kept<LabelMap, LabelTexture>,
    thumbnails: HashMap<*const Scan, (Weak<Scan>, egui::TextureHandle)>,
}

/// Textures by the address of their volume; the weak handle tells whether it still lives there.
type Kept<V, T> = HashMap<*const V, (Weak<V>, T)>;

impl TextureCache {
    /// Without a graphics device panes stay black; tests of the logic run so.
    pub fn new(gpu: Option<Gpu>) -> Self {
        Self { gpu, images: HashMap::new(), labels: HashMap::new(), thumbnails: HashMap::new() }
    }

    /// The graphics device.
    pub fn gpu(&self) -> Option<Gpu> {
        self.gpu.clone()
    }

    /// A scan's texture.
    pub fn image(&mut self, scan: &Arc<Scan>) -> Option<ImageTexture> {
        let gpu = self.gpu.as_ref()?;
        Some(kept(&mut self.images, scan, || ImageTexture::new(gpu, &scan.volume)))
    }

    /// A mask's texture.
    pub fn labels(&mut self, map: &Arc<LabelMap>) -> Option<LabelTexture> {
        let gpu = self.gpu.as_ref()?;
        Some(kept(&mut self.labels, map, || LabelTexture::new(gpu, map)))
    }

    /// A scan's middle slice, with its labels where it has some; none before it was computed.
    pub fn thumbnail(
        &mut self,
        context: &egui::Context,
        scan: &Arc<Scan>,
        state: &State,
    ) -> Option<egui::TextureId> {
        let picture = &state.derived(scan)?.thumbnail;
        let draw = || context.load_texture(&scan.name, picture.clone(), egui::TextureOptions::LINEAR);
        Some(kept(&mut self.thumbnails, scan, draw).id())
    }
}

fn kept<V, T: Clone>(known: &mut Kept<V, T>, volume: &Arc<V>, make: impl FnOnce() -> T) -> T {
    let key = Arc::as_ptr(volume);
    if let Some((_, texture)) = known.get(&key).filter(|(weak, _)| weak.strong_count() > 0) {
        return texture.clone();
    }
    known.retain(|_, (weak, _)| weak.strong_count() > 0);
    let texture = make();
    known.insert(key, (Arc::downgrade(volume), texture.clone()));
    texture
}
