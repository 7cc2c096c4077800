//! Textures of the volumes that are shown: derived from the state, made when first needed, dropped when gone.

use crate::document::{Mask, MaskId, Revision};
use crate::jobs::Pictures;
use crate::state::State;
use crate::viewer::THUMBNAIL_SIZE;
use crate::viewer::{Gpu, ImageTexture, LabelTexture};
use imaging::io::Scan;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// What was uploaded, by volume.
pub struct TextureCache {
    gpu: Option<Gpu>,
    images: Kept<Scan, ImageTexture>,
    /// The last content of each mask that was shown.
    masks: HashMap<MaskId, (Revision, LabelTexture)>,
    thumbnails: Kept<Pictures, egui::TextureHandle>,
}

/// Textures by the address of their volume; the weak handle tells whether it still lives there.
type Kept<V, T> = HashMap<*const V, (Weak<V>, T)>;

impl TextureCache {
    /// Without a graphics device panes stay black; tests of the logic run so.
    pub fn new(gpu: Option<Gpu>) -> Self {
        Self { gpu, images: HashMap::new(), masks: HashMap::new(), thumbnails: HashMap::new() }
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

    /// The texture of a mask on this target.
    pub fn mask(&mut self, mask: &Mask, target: &Scan) -> Option<LabelTexture> {
        let gpu = self.gpu.as_ref()?;
        if let Some((_, texture)) = self.masks.get(&mask.id()).filter(|(of, _)| *of == mask.revision()) {
            return Some(texture.clone());
        }
        let map = mask.voxels().to_label_map(target.volume.grid.world_from_voxel).ok()?;
        let texture = LabelTexture::new(gpu, &map);
        self.masks.insert(mask.id(), (mask.revision(), texture.clone()));
        Some(texture)
    }

    /// Lets go of the textures of masks that left the document.
    pub fn keep_masks_of(&mut self, state: &State) {
        self.masks.retain(|id, _| state.document.mask(*id).is_some());
    }

    /// The middle slice of an image with this content, with its labels where it has some; none before it was derived.
    pub fn thumbnail(
        &mut self,
        context: &egui::Context,
        of: Revision,
        state: &State,
    ) -> Option<egui::TextureId> {
        let pictures = state.cache.pictures(of)?;
        let draw = || {
            let picture = egui::ColorImage::new([THUMBNAIL_SIZE; 2], pictures.thumbnail.clone());
            context.load_texture("thumbnail", picture, egui::TextureOptions::LINEAR)
        };
        Some(kept(&mut self.thumbnails, pictures, draw).id())
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
