//! The view that panes show, as plain data, and the actions by which a pane can change it.

use super::Statistics;
use glam::DVec3;
use imaging::Grid;

/// How labels lie over the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlayStyle {
    /// Translucent areas.
    Fill,
    /// Translucent areas with a line around them.
    #[default]
    FillAndOutline,
    /// Only the line.
    Outline,
}

/// What all panes of one window show; shared, so that every plane and column stays in step.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The world point that the three slices and the crosshair pass through, in millimetres.
    pub cursor_mm: DVec3,
    /// The world point in the middle of each pane (each plane uses its own two coordinates); panning moves it.
    pub centre_mm: DVec3,
    /// Magnification; at 1 the whole volume just fits its pane.
    pub zoom: f64,
    /// Lowest corner of the box around the volume, in millimetres.
    pub low_mm: DVec3,
    /// Highest corner of the box around the volume, in millimetres.
    pub high_mm: DVec3,
    /// Width of the range of intensities between black and white.
    pub window: f32,
    /// Intensity in the middle of that range.
    pub level: f32,
    /// Patient's right on the left of the screen, as radiologists expect.
    pub radiological: bool,
    /// How much of the image the labels cover, 0 to 1.
    pub overlay_opacity: f32,
    /// How labels are drawn.
    pub overlay_style: OverlayStyle,
    /// Intensities between voxels are interpolated; otherwise each voxel is a flat tile.
    pub interpolate: bool,
}

/// What the user did in a pane, as the value that the view should take on. Applying one twice changes nothing more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaneAction {
    /// The cursor is to stand here (drag, wheel, arrow keys).
    MoveCursor(DVec3),
    /// The panes are to show this part (zoom, pan).
    Look {
        /// New [`View::centre_mm`].
        centre_mm: DVec3,
        /// New [`View::zoom`].
        zoom: f64,
    },
    /// Intensities are to be shown so.
    SetContrast {
        /// New [`View::window`].
        window: f32,
        /// New [`View::level`].
        level: f32,
    },
    /// The whole volume is to fit the panes again (double-click).
    Fit,
}

impl View {
    /// Minimum and maximum magnification.
    pub const ZOOM: std::ops::RangeInclusive<f64> = 0.25..=64.0;

    /// The initial view of a volume: centred, the whole volume, with contrast from its statistics.
    pub fn of(grid: &Grid, statistics: &Statistics) -> Self {
        let mut view = Self {
            cursor_mm: DVec3::ZERO,
            centre_mm: DVec3::ZERO,
            zoom: 1.0,
            low_mm: DVec3::ZERO,
            high_mm: DVec3::ZERO,
            window: statistics.window,
            level: statistics.level,
            radiological: true,
            overlay_opacity: 0.45,
            overlay_style: OverlayStyle::default(),
            interpolate: true,
        };
        view.show(grid, statistics);
        view
    }

    /// Turns to another volume and keeps the user's preferences (convention, overlay, interpolation).
    pub fn show(&mut self, grid: &Grid, statistics: &Statistics) {
        let (low, high) = super::camera::bounds_mm(grid);
        (self.low_mm, self.high_mm) = (low, high);
        self.cursor_mm = super::camera::snap(grid, (low + high) / 2.0);
        (self.window, self.level) = (statistics.window, statistics.level);
        self.apply(PaneAction::Fit);
    }

    /// Applies a pane's action, within bounds.
    pub fn apply(&mut self, action: PaneAction) {
        match action {
            PaneAction::MoveCursor(at) => self.cursor_mm = at.clamp(self.low_mm, self.high_mm),
            PaneAction::Look { centre_mm, zoom } => {
                self.centre_mm = centre_mm.clamp(self.low_mm, self.high_mm);
                self.zoom = zoom.clamp(*Self::ZOOM.start(), *Self::ZOOM.end());
            }
            PaneAction::SetContrast { window, level } => {
                (self.window, self.level) = (window.max(f32::MIN_POSITIVE), level);
            }
            PaneAction::Fit => {
                self.centre_mm = (self.low_mm + self.high_mm) / 2.0;
                self.zoom = 1.0;
            }
        }
    }
}
