//! Panes that show a volume and its labels true to scale in world space.
//!
//! How the window uses this module:
//! 1. [`raise_limits`] on the wgpu setup before eframe starts, [`Gpu::new`] once with eframe's render state.
//! 2. For each volume: [`Statistics::of`], [`ImageTexture::new`], [`View::of`]; for each mask: [`LabelTexture::new`]
//!    and [`Palette::for_labels`]. All four are cheap to clone and may be made on another thread.
//! 3. Each frame: [`show_pane`] for each pane, with a shared [`View`] and the pane's own [`Layers`]. It changes
//!    nothing; it returns [`PaneAction`]s, which [`View::apply`] carries out.
//!
//! Invariants: world space is RAS+ in millimetres; all geometry is computed in f64 by [`camera`] and reaches the
//! shaders as affine maps from pixels to voxels; nothing here knows the rest of the window.

pub mod camera;
#[cfg(feature = "window")]
mod gpu;
mod palette;
#[cfg(feature = "window")]
mod pane;
#[cfg(feature = "window")]
mod slice;
mod statistics;
mod still;
#[cfg(feature = "window")]
mod texture;
mod view;

pub use camera::{Camera, Plane};
#[cfg(feature = "window")]
pub use gpu::{Gpu, raise_limits};
pub use palette::{ADDED, MISSING, Palette};
#[cfg(feature = "window")]
pub use pane::{Pane, TITLE_STYLE, Tool, show_pane};
#[cfg(feature = "window")]
pub use slice::Layers;
pub use statistics::Statistics;
pub use still::{THUMBNAIL_SIZE, middle_mm, still, thumbnail};
#[cfg(feature = "window")]
pub use texture::{ImageTexture, LabelTexture, Note};
pub use view::{OverlayStyle, PaneAction, View};
