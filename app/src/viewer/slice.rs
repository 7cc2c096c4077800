//! One slice on the graphics device: image, labels, difference.

use super::{Camera, Gpu, ImageTexture, LabelTexture, OverlayStyle, Palette, View, texture::Texture};
use bytemuck::{Pod, Zeroable};
use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait};
use eframe::wgpu::{self, util::DeviceExt};
use egui::{PaintCallback, PaintCallbackInfo, Pos2, Rect};

/// What a pane draws over each other. Each layer lies where its own grid puts it in the world.
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
#[derive(Clone, Copy, Pod, Zeroable)]
struct Uniforms {
    image: LayerUniform,
    labels: LayerUniform,
    reference: LayerUniform,
    /// The pane's corner in the framebuffer, in pixels.
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

/// The shape that draws `layers` into `rect`.
pub(super) fn paint(
    gpu: &Gpu,
    layers: &Layers<'_>,
    camera: &Camera,
    view: &View,
    rect: Rect,
    pixels_per_point: f32,
) -> PaintCallback {
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
        corner: [rect.min.x * pixels_per_point, rect.min.y * pixels_per_point],
        contrast: [view.level - view.window / 2.0, view.window.recip()],
        fill_opacity: view.overlay_opacity * fill,
        line_opacity: (view.overlay_opacity * line).min(1.0),
        line: pixels_per_point.round().max(1.0),
        samples: image.footprint().ceil().clamp(1.0, 4.0) as u32,
        interpolate: view.interpolate.into(),
        padding: [0; 3],
    };
    let bind_group = bind(gpu, layers, bytemuck::bytes_of(&uniforms));
    Callback::new_paint_callback(rect, Slice { pipeline: gpu.0.slice.clone(), bind_group })
}

/// Uniforms and layers, bound for one draw.
pub(super) fn bind(gpu: &Gpu, layers: &Layers<'_>, uniforms: &[u8]) -> wgpu::BindGroup {
    let shared = &gpu.0;
    let buffer = shared.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some("pane"),
        contents: uniforms,
        usage: wgpu::BufferUsages::UNIFORM,
    });
    let labels = |l: Option<&LabelTexture>| l.map_or(&shared.no_labels, |l| &l.texture.view).clone();
    let image = layers.image.map_or(&shared.no_image, |i| &i.texture.view).clone();
    let views = [image, labels(layers.labels), labels(layers.reference), gpu.palette(layers.palette)];
    let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }];
    entries.extend(views.iter().zip(1..).map(|(view, binding)| wgpu::BindGroupEntry {
        binding,
        resource: wgpu::BindingResource::TextureView(view),
    }));
    shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("pane"),
        layout: &shared.layout,
        entries: &entries,
    })
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

struct Slice {
    pipeline: wgpu::RenderPipeline,
    bind_group: wgpu::BindGroup,
}

impl CallbackTrait for Slice {
    fn paint(&self, _: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, _: &CallbackResources) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}
