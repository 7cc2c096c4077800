//! One slice on the graphics device: image, labels, difference.
//!
//! A slice is drawn into a picture of its own, which later frames copy until something in it changes: on a software
//! driver drawing takes a hundred times as long as copying.

use super::{Camera, Gpu, ImageTexture, LabelTexture, OverlayStyle, Palette, View, texture::Texture};
use bytemuck::{Pod, Zeroable};
use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu::{self, util::DeviceExt};
use egui::{PaintCallback, PaintCallbackInfo, Pos2, Rect};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The layers of a pane. Each one is placed in the world by its own grid.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    /// The scan, below everything; black without one.
    pub image: Option<&'a ImageTexture>,
    /// The segmentation, in the colours of the palette.
    pub labels: Option<&'a LabelTexture>,
    /// When given, `labels` are shown as the difference from this: [`super::ADDED`], [`super::MISSING`], agreement
    /// faintly white, and voxels where both have different labels in amber. Hidden labels count as background.
    pub reference: Option<&'a LabelTexture>,
    /// Colour and visibility of the labels.
    pub palette: &'a Palette,
}

/// An affine map from physical pixels of the framebuffer to voxels of one layer.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(super) struct LayerUniform {
    /// Voxel at the pane's corner; `w` is 1 where the layer is present.
    origin: [f32; 4],
    /// Step to the next pixel on the right.
    right: [f32; 4],
    /// Step to the next pixel below.
    down: [f32; 4],
}

/// Mirrors `Uniforms` in `slice.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Pod, Zeroable)]
struct Uniforms {
    image: LayerUniform,
    labels: LayerUniform,
    reference: LayerUniform,
    /// The pane's corner in its picture, in pixels: what rounding to whole pixels left.
    corner: [f32; 2],
    /// Intensity shown as black, and one over the window.
    contrast: [f32; 2],
    fill_opacity: f32,
    line_opacity: f32,
    /// Width of outlines in pixels.
    line: f32,
    /// Image samples along each side of a pixel; more than one where a pixel covers several voxels.
    samples: u32,
    /// 1 to interpolate between voxels.
    interpolate: u32,
    padding: [u32; 3],
}

/// The shape that draws `layers` into `rect`; `id` distinguishes panes.
pub(super) fn paint(
    gpu: &Gpu,
    id: egui::Id,
    layers: &Layers<'_>,
    camera: &Camera,
    view: &View,
    rect: Rect,
    pixels_per_point: f32,
) -> PaintCallback {
    let pixel = |at: Pos2| [at.x, at.y].map(|v| (v * pixels_per_point).round() as i32);
    let (corner, end) = (pixel(rect.min), pixel(rect.max));
    let layer = |texture: Option<&Texture>| {
        texture.map_or_else(LayerUniform::default, |t| {
            LayerUniform::new(camera, t, rect.min, pixels_per_point.into())
        })
    };
    let image = layer(layers.image.map(|i| &i.texture));
    let (fill, line) = match view.overlay_style {
        OverlayStyle::Fill => (1.0, 0.0),
        OverlayStyle::FillAndOutline => (1.0, 2.0),
        OverlayStyle::Outline => (0.0, 2.0),
    };
    let uniforms = Uniforms {
        image,
        labels: layer(layers.labels.map(|l| &l.texture)),
        reference: layer(layers.reference.map(|r| &r.texture)),
        corner: [
            rect.min.x * pixels_per_point - corner[0] as f32,
            rect.min.y * pixels_per_point - corner[1] as f32,
        ],
        contrast: [view.level - view.window / 2.0, view.window.recip()],
        fill_opacity: view.overlay_opacity * fill,
        line_opacity: (view.overlay_opacity * line).min(1.0),
        line: pixels_per_point.round().max(1.0),
        samples: image.footprint().ceil().clamp(1.0, 4.0) as u32,
        interpolate: view.interpolate.into(),
        padding: [0; 3],
    };
    let labels = |l: Option<&LabelTexture>| l.map_or(&gpu.0.no_labels, |l| &l.texture.view).clone();
    let image = layers.image.map_or(&gpu.0.no_image, |i| &i.texture.view).clone();
    let size = [0, 1].map(|axis| (end[axis] - corner[axis]).max(1) as u32);
    let scene = Scene {
        corner,
        size,
        uniforms,
        textures: [image, labels(layers.labels), labels(layers.reference), gpu.palette(layers.palette)],
    };
    Callback::new_paint_callback(rect, Slice { gpu: gpu.clone(), id, scene })
}

impl LayerUniform {
    fn new(camera: &Camera, texture: &Texture, corner: Pos2, pixels_per_point: f64) -> Self {
        let map = camera.voxel_from_pixel(&texture.grid, corner, pixels_per_point).as_affine3();
        Self {
            origin: map.translation.extend(1.0).to_array(),
            right: map.matrix3.x_axis.extend(0.0).to_array(),
            down: map.matrix3.y_axis.extend(0.0).to_array(),
        }
    }

    /// Voxels that a pixel covers along its longer side.
    fn footprint(&self) -> f32 {
        let length = |v: [f32; 4]| glam::Vec4::from_array(v).length();
        length(self.right).max(length(self.down))
    }
}

/// Everything that determines the appearance of a slice.
#[derive(Clone, PartialEq)]
struct Scene {
    /// Corner on the screen and size, in physical pixels.
    corner: [i32; 2],
    size: [u32; 2],
    uniforms: Uniforms,
    /// Image, labels, reference, palette.
    textures: [wgpu::TextureView; 4],
}

impl Scene {
    /// Draws it, and returns what copies the picture to the screen.
    fn draw(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder) -> wgpu::BindGroup {
        let shared = &gpu.0;
        let bind = |layout, uniform: &[u8], textures: &[wgpu::TextureView]| {
            let buffer = shared.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("pane"),
                contents: uniform,
                usage: wgpu::BufferUsages::UNIFORM,
            });
            let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }];
            entries.extend(textures.iter().zip(1..).map(|(view, binding)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::TextureView(view),
            }));
            let label = Some("pane");
            shared.device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout, entries: &entries })
        };
        let [width, height] = self.size;
        let picture = shared.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("pane"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: shared.format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        });
        let picture = picture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("pane"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &picture,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations::default(),
            })],
            ..Default::default()
        });
        pass.set_pipeline(&shared.slice);
        let slice = bind(&shared.slice_layout, bytemuck::bytes_of(&self.uniforms), &self.textures);
        pass.set_bind_group(0, &slice, &[]);
        pass.draw(0..3, 0..1);
        drop(pass);
        bind(&shared.copy_layout, bytemuck::bytes_of(&self.corner), &[picture])
    }
}

struct Slice {
    gpu: Gpu,
    id: egui::Id,
    scene: Scene,
}

/// The last picture of a pane.
struct Picture {
    scene: Scene,
    /// Copies it to the screen.
    copy: wgpu::BindGroup,
    used: Instant,
}

type Pictures = HashMap<egui::Id, Picture>;

/// Pictures hold on to the textures that they were drawn from; those of panes that left the screen are dropped.
const KEPT: Duration = Duration::from_secs(5);

impl CallbackTrait for Slice {
    fn prepare(
        &self,
        _: &wgpu::Device,
        _: &wgpu::Queue,
        _: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let pictures: &mut Pictures = resources.entry().or_insert_with(HashMap::new);
        let used = Instant::now();
        pictures.retain(|id, picture| *id == self.id || used - picture.used < KEPT);
        match pictures.get_mut(&self.id).filter(|picture| picture.scene == self.scene) {
            Some(picture) => picture.used = used,
            None => {
                let copy = self.scene.draw(&self.gpu, encoder);
                pictures.insert(self.id, Picture { scene: self.scene.clone(), copy, used });
            }
        }
        Vec::new()
    }

    fn paint(&self, _: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, all: &CallbackResources) {
        let picture = all.get::<Pictures>().and_then(|pictures| pictures.get(&self.id));
        let Some(Picture { copy, .. }) = picture else { return };
        pass.set_pipeline(&self.gpu.0.copy);
        pass.set_bind_group(0, copy, &[]);
        pass.draw(0..3, 0..1);
    }
}
