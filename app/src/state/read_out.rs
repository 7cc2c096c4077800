//! What lies under the cursor.

use super::State;
use glam::DVec3;

/// What lies under the cursor.
pub struct ReadOut {
    /// World position, RAS+ in millimetres.
    pub world_mm: DVec3,
    /// Voxel of the target.
    pub voxel: [usize; 3],
    /// Intensity of the target.
    pub value: f32,
    /// Label of the mask that is shown.
    pub label: Option<u16>,
}

impl State {
    /// What lies under the cursor; None outside the target.
    pub fn read_out(&self) -> Option<ReadOut> {
        let target = self.target()?;
        let grid = &target.volume.grid;
        let world_mm = self.view.cursor_mm;
        let at = grid.voxel_from_world().transform_point3(world_mm).round();
        let inside = (0..3).all(|axis| at[axis] >= 0.0 && at[axis] < grid.shape[axis] as f64);
        let voxel = [at.x, at.y, at.z].map(|i| i as usize);
        inside.then(|| ReadOut {
            world_mm,
            voxel,
            value: target.volume.voxels[grid.index(voxel)],
            label: self.shown_mask().and_then(|mask| mask.voxels().get(voxel)).filter(|&value| value > 0),
        })
    }
}
