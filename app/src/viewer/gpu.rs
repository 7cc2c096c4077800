//! What all panes share on the graphics device: pipelines, stand-ins for absent layers, palettes.

use super::Palette;
use eframe::egui_wgpu::{RenderState, WgpuSetupCreateNew};
use eframe::wgpu;
use std::sync::{Arc, Mutex, PoisonError};

/// Asks for the largest 3D textures that the adapter has, where wgpu's defaults would be content with less.
pub fn raise_limits(setup: &mut WgpuSetupCreateNew) {
    let describe = setup.device_descriptor.clone();
    setup.device_descriptor = Arc::new(move |adapter| {
        let mut description = describe(adapter);
        let limit = &mut description.required_limits.max_texture_dimension_3d;
        *limit = (*limit).max(adapter.limits().max_texture_dimension_3d);
        description
    });
}

/// Handle to the graphics device and to everything that panes share there; cheap to clone.
#[derive(Clone)]
pub struct Gpu(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// Layout of both pipelines' only bind group: uniforms, image, labels, reference, palette.
    pub layout: wgpu::BindGroupLayout,
    pub slice: wgpu::RenderPipeline,
    pub no_image: wgpu::TextureView,
    pub no_labels: wgpu::TextureView,
    palettes: Mutex<Vec<(Palette, wgpu::TextureView)>>,
}

/// Palettes that stay on the device; more than a window shows at once.
const PALETTES_KEPT: usize = 4;

impl Gpu {
    /// Builds the pipelines. eframe's options must leave multisampling and the depth buffer off, their default.
    pub fn new(state: &RenderState) -> Self {
        let (device, queue) = (state.device.clone(), state.queue.clone());
        let layout = bind_group_layout(&device);
        let slice = pipeline(
            &device,
            &layout,
            "slice",
            include_str!("../../../shaders/slice.wgsl"),
            state.target_format,
        );
        let no_image = stand_in(&device, wgpu::TextureFormat::R32Float);
        let no_labels = stand_in(&device, wgpu::TextureFormat::R16Uint);
        let palettes = Mutex::default();
        Self(Arc::new(Shared { device, queue, layout, slice, no_image, no_labels, palettes }))
    }

    /// The palette as a texture of 256 × 256, uploaded when it is new or has changed.
    pub(super) fn palette(&self, palette: &Palette) -> wgpu::TextureView {
        let mut kept = self.0.palettes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, view)) = kept.iter().find(|(known, _)| Arc::ptr_eq(known.table(), palette.table())) {
            return view.clone();
        }
        let size = wgpu::Extent3d { width: 256, height: 256, depth_or_array_layers: 1 };
        let texture = self.0.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("palette"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        self.0.queue.write_texture(
            texture.as_image_copy(),
            bytemuck::cast_slice(palette.table()),
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(1024), rows_per_image: None },
            size,
        );
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        if kept.len() == PALETTES_KEPT {
            kept.remove(0);
        }
        kept.push((palette.clone(), view.clone()));
        view
    }
}

fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let texture = |binding, sample_type, view_dimension| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture { sample_type, view_dimension, multisampled: false },
        count: None,
    };
    let float = wgpu::TextureSampleType::Float { filterable: false };
    let uniform = wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("pane"),
        entries: &[
            uniform,
            texture(1, float, wgpu::TextureViewDimension::D3),
            texture(2, wgpu::TextureSampleType::Uint, wgpu::TextureViewDimension::D3),
            texture(3, wgpu::TextureSampleType::Uint, wgpu::TextureViewDimension::D3),
            texture(4, float, wgpu::TextureViewDimension::D2),
        ],
    })
}

/// A pipeline that runs `fragment` over the whole viewport.
fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    label: &str,
    wgsl: &str,
    target: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(label),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    // Colours are computed as the eye sees them (gamma encoded); a target that encodes again wants them linear.
    let entry = if target.is_srgb() { "fragment_linear" } else { "fragment" };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(label),
        layout: Some(&pipeline_layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vertex"),
            buffers: &[],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(entry),
            targets: &[Some(target.into())],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// A texture of one voxel for a layer that is absent; the uniforms tell the shader not to look at it.
fn stand_in(device: &wgpu::Device, format: wgpu::TextureFormat) -> wgpu::TextureView {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("no layer"),
        size: wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    });
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}
