//! Pure geometry of the panes: plane ↔ world ↔ voxel ↔ screen, all in f64.
//!
//! A pane shows the world, not the array: its two axes are world axes and one scale in points per millimetre
//! serves both, so oblique, anisotropic and left-handed volumes appear undistorted.

use super::View;
use emath::{Pos2, Rect, Vec2};
use glam::{DAffine3, DVec2, DVec3};
use imaging::Grid;

/// A world-aligned slicing plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// Seen from below (radiological) or above (neurological), front of the body up.
    Axial,
    /// Seen from the front (radiological) or the back (neurological), head up.
    Coronal,
    /// Seen from the patient's left, head up, front of the body on the left.
    Sagittal,
}

impl Plane {
    /// All planes, in reading order.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// The plane's name as shown in its pane.
    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "Axial",
            Self::Coronal => "Coronal",
            Self::Sagittal => "Sagittal",
        }
    }

    /// World axis that slices are stacked along: 0 x, 1 y, 2 z.
    pub fn normal(self) -> usize {
        match self {
            Self::Axial => 2,
            Self::Coronal => 1,
            Self::Sagittal => 0,
        }
    }

    /// World directions of the screen's right and up.
    pub fn axes(self, radiological: bool) -> (DVec3, DVec3) {
        let across = if radiological { DVec3::NEG_X } else { DVec3::X };
        match self {
            Self::Axial => (across, DVec3::Y),
            Self::Coronal => (across, DVec3::Z),
            Self::Sagittal => (DVec3::NEG_Y, DVec3::Z),
        }
    }

    /// Sides of the body at the screen's left, right, top and bottom.
    pub fn letters(self, radiological: bool) -> [char; 4] {
        let (right, up) = self.axes(radiological);
        [letter(-right), letter(right), letter(up), letter(-up)]
    }

    /// The slice's position as shown in its pane: `z −22.0 mm`.
    pub fn position(self, cursor_mm: DVec3) -> String {
        let axis = self.normal();
        // Adding zero turns −0.0 into 0.0.
        let rounded = (cursor_mm[axis] * 10.0).round() / 10.0 + 0.0;
        format!("{} {rounded:.1} mm", ['x', 'y', 'z'][axis]).replace('-', "\u{2212}")
    }
}

/// The side of the body that a world direction points at most.
fn letter(direction: DVec3) -> char {
    let axis = direction.abs().max_position();
    [['L', 'R'], ['P', 'A'], ['I', 'S']][axis][usize::from(direction[axis] > 0.0)]
}

/// How one pane maps the world to the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// World direction of the screen's right.
    pub right: DVec3,
    /// World direction of the screen's up.
    pub up: DVec3,
    /// World point, on the slice, that stands in the middle of the pane.
    pub centre_mm: DVec3,
    /// The pane's middle on the screen, in points.
    pub middle: DVec2,
    /// Screen points for each millimetre.
    pub points_per_mm: f64,
}

impl Camera {
    /// The camera of a pane that fills `rect` on the screen.
    ///
    /// Every plane uses the scale at which all three fit, so panes of one size show the body in one size.
    pub fn new(plane: Plane, view: &View, rect: Rect) -> Self {
        let (right, up) = plane.axes(view.radiological);
        let mut centre_mm = view.centre_mm;
        centre_mm[plane.normal()] = view.cursor_mm[plane.normal()];
        let size = (view.high_mm - view.low_mm).max(DVec3::splat(f64::MIN_POSITIVE));
        let across = f64::from(rect.width()) / size.x.max(size.y);
        let upwards = f64::from(rect.height()) / size.y.max(size.z);
        let middle = DVec2::new(rect.center().x.into(), rect.center().y.into());
        Self { right, up, centre_mm, middle, points_per_mm: across.min(upwards) * view.zoom }
    }

    /// The world point of the slice that lies under a screen position.
    pub fn world(&self, screen: Pos2) -> DVec3 {
        let offset = DVec2::new(screen.x.into(), screen.y.into()) - self.middle;
        self.centre_mm + self.direction(offset)
    }

    /// The world displacement of a screen displacement in points (y down).
    pub fn world_delta(&self, screen: Vec2) -> DVec3 {
        self.direction(DVec2::new(screen.x.into(), screen.y.into()))
    }

    /// Where a world point, or its projection onto the slice, appears on the screen.
    pub fn screen(&self, world: DVec3) -> Pos2 {
        let offset = (world - self.centre_mm) * self.points_per_mm;
        let at = self.middle + DVec2::new(offset.dot(self.right), -offset.dot(self.up));
        Pos2::new(at.x as f32, at.y as f32)
    }

    /// The centre for which `world` keeps its place on the screen while the scale grows by `factor`.
    pub fn centre_for_zoom_about(&self, world: DVec3, factor: f64) -> DVec3 {
        world + (self.centre_mm - world) / factor
    }

    /// Maps a physical pixel `[x, y, 0]`, counted from `origin` in points, to voxels of `grid`.
    pub fn voxel_from_pixel(&self, grid: &Grid, origin: Pos2, pixels_per_point: f64) -> DAffine3 {
        let (start, pixel_mm) = (self.world(origin), 1.0 / (self.points_per_mm * pixels_per_point));
        let normal = self.right.cross(self.up);
        let world_from_pixel = DAffine3::from_cols(self.right * pixel_mm, -self.up * pixel_mm, normal, start);
        grid.voxel_from_world() * world_from_pixel
    }

    fn direction(&self, points: DVec2) -> DVec3 {
        (self.right * points.x - self.up * points.y) / self.points_per_mm
    }
}

/// Lowest and highest world corner of the box around all voxels, half a voxel beyond the outermost centres.
pub fn bounds_mm(grid: &Grid) -> (DVec3, DVec3) {
    let m = grid.world_from_voxel.matrix3;
    let margin = (m.x_axis.abs() + m.y_axis.abs() + m.z_axis.abs()) / 2.0;
    let [first, rest @ ..] = grid.corners_mm();
    let low = rest.iter().fold(first, |low, c| low.min(*c)) - margin;
    let high = rest.iter().fold(first, |high, c| high.max(*c)) + margin;
    (low, high)
}

/// Distance between neighbouring slices of a plane: the voxel size along the array axis closest to its normal.
pub fn slice_step_mm(grid: &Grid, plane: Plane) -> f64 {
    let closest = grid.directions().iter().position(|d| d.axis == plane.normal());
    grid.spacing_mm()[closest.unwrap_or(plane.normal())]
}

/// The nearest voxel centre where the grid's axes run along the world's, so that slices stay sharp;
/// elsewhere the point itself, since no slice of an oblique grid runs through voxel centres only.
pub fn snap(grid: &Grid, world: DVec3) -> DVec3 {
    let directions = grid.directions();
    let aligned = (0..3).all(|i| {
        let column = grid.world_from_voxel.matrix3.col(i);
        column[directions[i].axis].abs() >= 0.9999 * column.length()
    });
    if !aligned {
        return world;
    }
    let last = DVec3::from_array(grid.shape.map(|n| n as f64 - 1.0)).max(DVec3::ZERO);
    let voxel = grid.voxel_from_world().transform_point3(world).round().clamp(DVec3::ZERO, last);
    grid.world_from_voxel.transform_point3(voxel)
}
