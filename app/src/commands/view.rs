//! How things are shown. Nothing of the document changes, so there is nothing to take back.

use super::{About, Action, CTRL, Menu, PLAIN};
use crate::document::MaskId;
use crate::state::{Layout, Platform, State};
use crate::viewer::{OverlayStyle, PaneAction, Tool};
use egui::Key;

/// How things are shown.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// Choose a layout of the panes, or go back from it to the planes.
    Arrange(Layout),
    /// Choose what dragging in a pane does.
    Use(Tool),
    /// Move the cursor, zoom, pan, window or level by the pointer.
    Pane(PaneAction),
    /// Left of the patient on the right of the picture, or not.
    FlipConvention,
    /// Whole image in each pane, cursor in the middle.
    Reset,
    /// Window and level from the image.
    AutoWindow,
    /// Draw this mask over the target, or none.
    ShowMask(Option<MaskId>),
    /// Draw a label, or not.
    ShowLabel(u16, bool),
    /// Show or hide labels.
    ToggleOverlay,
    /// Opacity of labels, 0 to 1.
    SetOpacity(f32),
    /// A little more opaque.
    MoreOpaque,
    /// A little less opaque.
    LessOpaque,
    /// How labels are drawn.
    SetFill(OverlayStyle),
    /// The next way to draw labels.
    NextFill,
    /// Dark theme or light theme.
    ToggleTheme,
    /// Everything larger.
    ScaleUp,
    /// Everything smaller.
    ScaleDown,
    /// Everything at the size it has at the start.
    ScaleReset,
}

use View::*;

const OPACITY_STEP: f32 = 0.05;
const SCALE_STEP: f32 = 0.1;

pub(super) fn menu() -> Menu {
    Menu::new(
        "View",
        vec![
            vec![Arrange(Layout::Planes), Arrange(Layout::Compare)],
            [Tool::Cursor, Tool::Zoom, Tool::Pan, Tool::Contrast].map(Use).to_vec(),
            vec![Reset, AutoWindow, FlipConvention],
            vec![ToggleOverlay, NextFill, MoreOpaque, LessOpaque],
            vec![ToggleTheme, ScaleUp, ScaleDown, ScaleReset],
        ],
    )
}

impl Action for View {
    fn about(&self) -> About {
        match self {
            Arrange(Layout::Planes) => About::new("Three planes").keys(PLAIN, Key::P),
            Arrange(Layout::Compare) => About::new("Compare").keys(PLAIN, Key::C),
            Use(Tool::Cursor) => About::new("Cursor").keys(PLAIN, Key::Num1),
            Use(Tool::Zoom) => About::new("Zoom").keys(PLAIN, Key::Num2),
            Use(Tool::Pan) => About::new("Pan").keys(PLAIN, Key::Num3),
            Use(Tool::Contrast) => About::new("Window and level").keys(PLAIN, Key::Num4),
            Pane(_) => About::new("Look around"),
            FlipConvention => About::new("Radiological (R on left)").keys(PLAIN, Key::R),
            Reset => About::new("Fit to window").keys(PLAIN, Key::F),
            AutoWindow => About::new("Automatic window and level").keys(PLAIN, Key::W),
            ShowMask(Some(_)) => About::new("Show result"),
            ShowMask(None) => About::new("Hide result"),
            ShowLabel(..) => About::new("Show label"),
            ToggleOverlay => About::new("Show labels").keys(PLAIN, Key::S),
            SetOpacity(_) => About::new("Opacity"),
            MoreOpaque => About::new("More opaque").keys(PLAIN, Key::D),
            LessOpaque => About::new("Less opaque").keys(PLAIN, Key::A),
            SetFill(OverlayStyle::Fill) => About::new("fill"),
            SetFill(OverlayStyle::FillAndOutline) => About::new("fill + outline"),
            SetFill(OverlayStyle::Outline) => About::new("outline"),
            NextFill => About::new("Fill, outline or both").keys(PLAIN, Key::O),
            ToggleTheme => About::new("Light theme").keys(CTRL, Key::L).over_dialogs(),
            ScaleUp => About::new("Larger").keys(CTRL, Key::Plus).over_dialogs(),
            ScaleDown => About::new("Smaller").keys(CTRL, Key::Minus).over_dialogs(),
            ScaleReset => About::new("Reset zoom").keys(CTRL, Key::Num0).over_dialogs(),
        }
    }

    fn is_possible(&self, state: &State) -> bool {
        match self {
            Arrange(Layout::Compare) => state.active_mask().is_some(),
            Reset | AutoWindow => state.target().is_some(),
            _ => true,
        }
    }

    fn is_chosen(&self, state: &State) -> Option<bool> {
        match self {
            Arrange(layout) => Some(state.settings.layout == *layout),
            Use(tool) => Some(state.settings.tool == *tool),
            FlipConvention => Some(state.view.radiological),
            ToggleOverlay => Some(state.settings.overlay),
            ToggleTheme => Some(state.settings.light),
            _ => None,
        }
    }

    fn execute(&self, state: &mut State, _: &mut Platform) {
        let (settings, view) = (&mut state.settings, &mut state.view);
        match *self {
            Arrange(layout) if settings.layout == layout => settings.layout = Layout::Planes,
            Arrange(layout) => settings.layout = layout,
            Use(tool) => settings.tool = tool,
            Pane(action) => view.apply(action),
            FlipConvention => view.radiological ^= true,
            Reset => view.apply(PaneAction::Fit),
            AutoWindow => auto_window(state),
            ShowMask(mask) => settings.shown = mask,
            ShowLabel(value, visible) => state.document.show_label(value, visible),
            ToggleOverlay => settings.overlay ^= true,
            SetOpacity(opacity) => view.overlay_opacity = opacity.clamp(0.0, 1.0),
            MoreOpaque => view.overlay_opacity = (view.overlay_opacity + OPACITY_STEP).min(1.0),
            LessOpaque => view.overlay_opacity = (view.overlay_opacity - OPACITY_STEP).max(0.0),
            SetFill(style) => view.overlay_style = style,
            NextFill => {
                view.overlay_style = match view.overlay_style {
                    OverlayStyle::Fill => OverlayStyle::FillAndOutline,
                    OverlayStyle::FillAndOutline => OverlayStyle::Outline,
                    OverlayStyle::Outline => OverlayStyle::Fill,
                }
            }
            ToggleTheme => settings.light ^= true,
            ScaleUp => settings.scale = (settings.scale + SCALE_STEP).min(2.0),
            ScaleDown => settings.scale = (settings.scale - SCALE_STEP).max(0.6),
            ScaleReset => settings.scale = 1.0,
        }
    }
}

fn auto_window(state: &mut State) {
    let pictures = state.document.target().and_then(|target| state.cache.pictures(target.revision()));
    if let Some(best) = pictures.map(|pictures| pictures.statistics) {
        state.view.apply(PaneAction::SetContrast { window: best.window, level: best.level });
    }
}
