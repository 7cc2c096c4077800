//! Colours, sizes and fonts of the window's dark and light themes. Images have a black background in both.

use egui::epaint::{CornerRadius, Shadow};
use egui::{
    Color32, FontData, FontDefinitions, FontFamily, FontId, Stroke, Style, TextStyle, Theme, Vec2, Visuals,
};
use std::sync::Arc;

/// Corner radius of cards, buttons and dialogs, in points.
pub const RADIUS: u8 = 6;
/// Gap between cards, in points.
pub const GAP: f32 = 8.0;
/// Margin of panels, in points.
pub const MARGIN: f32 = 12.0;
/// Font size of text, in points.
pub const TEXT: f32 = 13.0;
/// Font size of section headings and second lines, in points.
pub const SMALL: f32 = 11.0;

/// The colours of one theme.
#[derive(Clone, Copy)]
pub struct Colours {
    /// Background of menu bar and status bar.
    pub ground: Color32,
    /// Background of side panels.
    pub panel: Color32,
    /// Background of cards and secondary buttons.
    pub card: Color32,
    /// Background of the widget under the pointer.
    pub hover: Color32,
    /// Separator lines and empty slider tracks.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Secondary text.
    pub muted: Color32,
    /// Headings.
    pub strong: Color32,
    /// Accent colour.
    pub accent: Color32,
    /// Links on cards and dialogs.
    pub link: Color32,
    /// Status: the file fits.
    pub good: Color32,
    /// Status: the file can be used, with a warning.
    pub attention: Color32,
    /// Status: the file cannot be used.
    pub problem: Color32,
    /// Background and text of the accept button.
    pub accept: (Color32, Color32),
}

const DARK: Colours = Colours {
    ground: rgb(0x1b1e23),
    panel: rgb(0x1b1e23),
    card: rgb(0x23272e),
    hover: rgb(0x2b3038),
    line: rgb(0x2a2e35),
    text: rgb(0xd7dae0),
    muted: rgb(0x8b929e),
    strong: rgb(0xffffff),
    accent: rgb(0x2f6fed),
    link: rgb(0x7fa8f8),
    good: rgb(0x59a14f),
    attention: rgb(0xedc948),
    problem: rgb(0xe15759),
    accept: (rgb(0x22432a), rgb(0xb6e3b4)),
};

const LIGHT: Colours = Colours {
    ground: rgb(0xf4f5f7),
    panel: rgb(0xf4f5f7),
    card: rgb(0xffffff),
    hover: rgb(0xe9ecf1),
    line: rgb(0xdcdfe5),
    text: rgb(0x24272d),
    muted: rgb(0x626975),
    strong: rgb(0x0d0f12),
    accent: rgb(0x2f6fed),
    link: rgb(0x1f57c8),
    good: rgb(0x3d8534),
    attention: rgb(0x9a7400),
    problem: rgb(0xc23336),
    accept: (rgb(0xd5ebd3), rgb(0x1f5a1c)),
};

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The colours of the current theme.
pub fn colours(ui: &egui::Ui) -> Colours {
    if ui.visuals().dark_mode { DARK } else { LIGHT }
}

/// The semibold font in a size.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("semibold".into()))
}

/// Installs the fonts and both themes; called once at the start.
pub fn install(context: &egui::Context) {
    let mut fonts = FontDefinitions::empty();
    let regular = FontData::from_static(include_bytes!("../../../assets/font/Inter-Regular.otf"));
    let bold = FontData::from_static(include_bytes!("../../../assets/font/Inter-SemiBold.otf"));
    fonts.font_data.insert("regular".into(), Arc::new(regular));
    fonts.font_data.insert("semibold".into(), Arc::new(bold));
    let east_asian = super::fonts::east_asian();
    let fallback = east_asian.is_some().then(|| "east asian".to_owned());
    fonts
        .font_data
        .extend(east_asian.map(|font| ("east asian".into(), Arc::new(FontData::from_owned(font)))));
    let family = |first: &str| [first.to_owned()].into_iter().chain(fallback.clone()).collect();
    for name in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.insert(name, family("regular"));
    }
    fonts.families.insert(FontFamily::Name("semibold".into()), family("semibold"));
    context.set_fonts(fonts);
    context.style_mut_of(Theme::Dark, |style| apply(style, Visuals::dark(), &DARK));
    context.style_mut_of(Theme::Light, |style| apply(style, Visuals::light(), &LIGHT));
    // The interface scale is a command with its own shortcuts.
    context.options_mut(|options| options.zoom_with_keyboard = false);
}

fn apply(style: &mut Style, visuals: Visuals, c: &Colours) {
    style.visuals = visuals;
    let proportional = FontId::proportional;
    style.text_styles = [
        (TextStyle::Body, proportional(TEXT)),
        (TextStyle::Button, proportional(TEXT)),
        (TextStyle::Small, proportional(SMALL)),
        (TextStyle::Monospace, proportional(TEXT)),
        (TextStyle::Heading, semibold(16.0)),
        (TextStyle::Name(crate::viewer::TITLE_STYLE.into()), semibold(12.0)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(GAP, GAP);
    spacing.button_padding = Vec2::new(10.0, 5.0);
    spacing.interact_size = Vec2::new(28.0, 24.0);
    spacing.menu_margin = 6.into();
    spacing.scroll.floating = true;
    spacing.scroll.bar_width = 6.0;
    style.interaction.selectable_labels = false;
    let radius = CornerRadius::same(RADIUS);
    let v = &mut style.visuals;
    v.panel_fill = c.panel;
    v.window_fill = c.panel;
    v.window_stroke = Stroke::new(1.0, c.line);
    v.window_corner_radius = CornerRadius::same(8);
    v.menu_corner_radius = radius;
    v.window_shadow = Shadow { offset: [0, 12], blur: 40, spread: 0, color: Color32::from_black_alpha(120) };
    v.popup_shadow = Shadow { offset: [0, 6], blur: 18, spread: 0, color: Color32::from_black_alpha(90) };
    v.hyperlink_color = c.link;
    v.weak_text_color = Some(c.muted);
    v.selection.bg_fill = c.accent;
    v.selection.stroke = Stroke::new(1.0, Color32::WHITE);
    v.extreme_bg_color = c.card;
    v.slider_trailing_fill = true;
    let states = [
        (&mut v.widgets.noninteractive, c.panel, c.text),
        (&mut v.widgets.inactive, c.card, c.text),
        (&mut v.widgets.hovered, c.hover, c.strong),
        (&mut v.widgets.active, c.hover, c.strong),
        (&mut v.widgets.open, c.hover, c.strong),
    ];
    for (state, fill, text) in states {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.fg_stroke = Stroke::new(1.0, text);
        state.bg_stroke = Stroke::NONE;
        state.corner_radius = radius;
        state.expansion = 0.0;
    }
    v.widgets.noninteractive.bg_stroke = Stroke::new(1.0, c.line);
}
