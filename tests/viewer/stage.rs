//! A window of one pane, and grids to show in it.

use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use exemplar::viewer::*;
use glam::{DAffine3, DMat3, DVec3};
use imaging::{Grid, LabelMap, Volume};

/// What the pane shows, and what it answered.
pub struct Scene {
    pub gpu: Gpu,
    pub image: Option<ImageTexture>,
    pub labels: Option<LabelTexture>,
    pub reference: Option<LabelTexture>,
    pub palette: Palette,
    pub view: View,
    pub plane: Plane,
    pub tool: Tool,
    pub rect: egui::Rect,
    pub actions: Vec<PaneAction>,
}

impl Scene {
    pub fn show(&mut self, volume: &Volume) {
        self.image = Some(ImageTexture::new(&self.gpu, volume));
        self.view = View::of(&volume.grid, &Statistics::of(volume));
    }

    pub fn label(&mut self, labels: &LabelMap) {
        self.labels = Some(LabelTexture::new(&self.gpu, labels));
    }

    pub fn camera(&self) -> Camera {
        Camera::new(self.plane, &self.view, self.rect)
    }
}

pub fn stage(size: f32) -> Harness<'static, Scene> {
    let state = create_render_state(default_wgpu_setup(), Default::default());
    let view = View::of(&ras([8, 8, 8]), &Statistics { low: 0.0, high: 1.0, window: 1.0, level: 0.5 });
    let scene = Scene {
        gpu: Gpu::new(&state),
        image: None,
        labels: None,
        reference: None,
        palette: Palette::default(),
        view,
        plane: Plane::Axial,
        tool: Tool::Cursor,
        rect: egui::Rect::NOTHING,
        actions: vec![],
    };
    let show = |ui: &mut egui::Ui, scene: &mut Scene| {
        scene.rect = ui.available_rect_before_wrap();
        let layers = Layers {
            image: scene.image.as_ref(),
            labels: scene.labels.as_ref(),
            reference: scene.reference.as_ref(),
            palette: &scene.palette,
        };
        let (id, plane, view, tool) = (egui::Id::unique("pane"), scene.plane, &scene.view, scene.tool);
        let actions = show_pane(ui, &scene.gpu, &Pane { id, plane, view, layers, tool });
        actions.iter().for_each(|action| scene.view.apply(*action));
        scene.actions.extend(actions);
    };
    Harness::builder()
        .with_size(egui::Vec2::splat(size))
        .with_render_cursor(false)
        .with_step_dt(1.0 / 60.0)
        .allow_missing_glyphs()
        .renderer(WgpuTestRenderer::from_render_state(state))
        .build_ui_state(show, scene)
}

/// Draws the scene and returns the pane's pixels.
pub fn picture(harness: &mut Harness<'_, Scene>) -> image::RgbaImage {
    harness.run_steps(2);
    harness.render().unwrap()
}

pub fn ras(shape: [usize; 3]) -> Grid {
    Grid { shape, world_from_voxel: DAffine3::from_translation(DVec3::new(-7.0, 11.0, 3.0)) }
}

/// Grids of every kind that files come in, with names for messages.
pub fn grids() -> Vec<(&'static str, Grid)> {
    let columns = |x: [f64; 3], y: [f64; 3], z: [f64; 3]| DMat3::from_cols(x.into(), y.into(), z.into());
    let place = |matrix3| DAffine3 { matrix3, translation: DVec3::new(20.0, -30.0, 10.0) };
    let lia = columns([-1., 0., 0.], [0., 0., -1.], [0., 1., 0.]);
    let las = columns([-1., 0., 0.], [0., 1., 0.], [0., 0., 1.]);
    let thick = columns([1., 0., 0.], [0., 1., 0.], [0., 0., 4.]);
    let psr = columns([0., -2., 0.], [0., 0., 2.], [2., 0., 0.]);
    let oblique = DMat3::from_rotation_z(30f64.to_radians()) * DMat3::from_rotation_x(0.35);
    let grid = |shape, matrix| Grid { shape, world_from_voxel: place(matrix) };
    vec![
        ("RAS", ras([30, 36, 24])),
        ("LIA", grid([30, 24, 36], lia)),
        ("LAS, left-handed", grid([30, 36, 24], las)),
        ("1 × 1 × 4 mm", grid([40, 36, 9], thick)),
        ("PSR, 2 mm", grid([18, 12, 15], psr)),
        ("oblique, 1 × 1 × 3 mm", grid([30, 36, 10], oblique * DMat3::from_diagonal(DVec3::new(1., 1., 3.)))),
    ]
}
