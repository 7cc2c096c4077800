//! Volumes and label maps as 3D textures.
//!
//! Intensities are kept as `R32Float` and labels as `R16Uint`: both exist on every device, need no conversion, and
//! lose nothing. Neither can be filtered by hardware everywhere, so the shaders interpolate by themselves.

use super::Gpu;
use bytemuck::Pod;
use eframe::wgpu;
use glam::{DAffine3, DVec3};
use imaging::{Grid, LabelMap, Volume};

/// At most this many voxels go to the device: 1 GiB of intensities.
const MAX_VOXELS: usize = 1 << 28;

/// Voxels on the graphics device; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Texture {
    pub view: wgpu::TextureView,
    /// Where the texture's own voxels lie; coarser than the volume's when it did not fit.
    pub grid: Grid,
}

/// An image on the graphics device; cheap to clone.
#[derive(Clone, Debug)]
pub struct ImageTexture {
    pub(super) texture: Texture,
    grid: Grid,
}

/// A segmentation on the graphics device; cheap to clone.
#[derive(Clone, Debug)]
pub struct LabelTexture {
    pub(super) texture: Texture,
    grid: Grid,
}

impl ImageTexture {
    /// Uploads a volume. One that is too large for the device is thinned out; see [`Self::note`].
    pub fn new(gpu: &Gpu, volume: &Volume) -> Self {
        let texture = Texture::new(gpu, &volume.grid, &volume.voxels, wgpu::TextureFormat::R32Float);
        Self { texture, grid: volume.grid }
    }

    /// The volume's own grid.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// A note for the user if the panes show less detail than the volume has.
    pub fn note(&self) -> Option<Note> {
        let [x, y, z] = self.grid.shape;
        let kept = self.texture.grid.shape;
        let step = (0..3).map(|axis| self.grid.shape[axis].div_ceil(kept[axis])).max().unwrap_or(1);
        (step > 1).then(|| Note {
            short: format!("shown thinned: 1 voxel in {step} along each axis"),
            sentence: format!(
                "This scan ({x} × {y} × {z}) is too large for the graphics device, so the panes show one voxel in \
                 {step} along each axis and may hide small structures; results and exports keep all of them."
            ),
        })
    }
}

/// A note that a scan is shown with reduced detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A few words for the panes.
    pub short: String,
    /// The reason, and what it means.
    pub sentence: String,
}

impl LabelTexture {
    /// Uploads a segmentation. One that is too large for the device is thinned out.
    pub fn new(gpu: &Gpu, labels: &LabelMap) -> Self {
        let texture = Texture::new(gpu, &labels.grid, &labels.voxels, wgpu::TextureFormat::R16Uint);
        Self { texture, grid: labels.grid }
    }

    /// The segmentation's own grid.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }
}

impl Texture {
    fn new<T: Pod>(gpu: &Gpu, grid: &Grid, voxels: &[T], format: wgpu::TextureFormat) -> Self {
        let limit = gpu.0.device.limits().max_texture_dimension_3d as usize;
        let step = thinning(grid.shape, limit, MAX_VOXELS);
        if step > 1 {
            let (coarse, kept) = thin_out(grid, voxels, step);
            return Self { view: upload(gpu, coarse.shape, &kept, format), grid: coarse };
        }
        Self { view: upload(gpu, grid.shape, voxels, format), grid: *grid }
    }
}

/// The least whole step at which a volume fits a device.
fn thinning(shape: [usize; 3], limit: usize, max_voxels: usize) -> usize {
    let fits = |step: &usize| {
        let kept = shape.map(|n| n.div_ceil(*step));
        kept.iter().all(|&n| n <= limit) && kept.iter().product::<usize>() <= max_voxels
    };
    (1..).find(fits).expect("one voxel fits every device")
}

/// Every `step`th voxel along each axis, from the first.
fn thin_out<T: Pod>(grid: &Grid, voxels: &[T], step: usize) -> (Grid, Vec<T>) {
    let shape = grid.shape.map(|n| n.div_ceil(step));
    let stretch = DAffine3::from_scale(DVec3::splat(step as f64));
    let coarse = Grid { shape, world_from_voxel: grid.world_from_voxel * stretch };
    let mut kept = Vec::with_capacity(coarse.len());
    for z in 0..shape[2] {
        for y in 0..shape[1] {
            kept.extend((0..shape[0]).map(|x| voxels[grid.index([x * step, y * step, z * step])]));
        }
    }
    (coarse, kept)
}

/// Copies voxels, x fastest, into a new 3D texture. One of no voxels becomes one of a single zero.
fn upload<T: Pod>(
    gpu: &Gpu,
    shape: [usize; 3],
    voxels: &[T],
    format: wgpu::TextureFormat,
) -> wgpu::TextureView {
    let [width, height, depth] = shape.map(|n| n.max(1) as u32);
    let texture = gpu.0.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("volume"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: depth },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    // Slab by slab, since each write passes through a staging buffer that a device may limit to 256 MiB.
    let slice_bytes = width as usize * height as usize * size_of::<T>();
    let slices = ((32 << 20) / slice_bytes).max(1);
    for (i, slab) in voxels.chunks(slices * shape[0] * shape[1].max(1)).enumerate() {
        let first = (i * slices) as u32;
        gpu.0.queue.write_texture(
            wgpu::TexelCopyTextureInfo {
                origin: wgpu::Origin3d { x: 0, y: 0, z: first },
                ..texture.as_image_copy()
            },
            bytemuck::cast_slice(slab),
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(width * size_of::<T>() as u32),
                rows_per_image: Some(height),
            },
            wgpu::Extent3d { width, height, depth_or_array_layers: (depth - first).min(slices as u32) },
        );
        // Staging memory is freed only after a submission.
        gpu.0.queue.submit([]);
    }
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_beyond_the_limits_is_thinned_out_in_place() {
        assert_eq!(thinning([256, 256, 256], 2048, MAX_VOXELS), 1);
        assert_eq!(thinning([512, 300, 20], 256, MAX_VOXELS), 2);
        assert_eq!(thinning([1024, 1024, 1024], 2048, MAX_VOXELS), 2);
        let world_from_voxel = DAffine3::from_scale_rotation_translation(
            DVec3::new(1.0, 2.0, 3.0),
            glam::DQuat::from_rotation_z(0.3),
            DVec3::new(7.0, 8.0, 9.0),
        );
        let grid = Grid { shape: [5, 4, 3], world_from_voxel };
        let numbers: Vec<u16> = (0..60).collect();
        let (coarse, kept) = thin_out(&grid, &numbers, 2);
        assert_eq!(coarse.shape, [3, 2, 2]);
        assert_eq!(kept[coarse.index([2, 1, 1])], numbers[grid.index([4, 2, 2])]);
        let (a, b) = (DVec3::new(2.0, 1.0, 1.0), DVec3::new(4.0, 2.0, 2.0));
        let distance = coarse.world_from_voxel.transform_point3(a) - world_from_voxel.transform_point3(b);
        assert!(distance.length() < 1e-9);
    }
}
