//! Resources on the graphics device that all panes share: pipelines, placeholders for absent layers, palettes.

use super::Palette;
use eframe::egui_wgpu::{RenderState, WgpuSetupCreateNew};
use eframe::wgpu;
use std::sync::{Arc, Mutex, PoisonError};

/// Requests the largest 3D textures that the adapter supports, which may exceed wgpu's defaults.
pub fn raise_limits(setup: &mut WgpuSetupCreateNew) {
    let describe = setup.device_descriptor.clone();
    setup.device_descriptor = Arc::new(move |adapter| {
        let mut description = describe(adapter);
        let limit = &mut description.required_limits.max_texture_dimension_3d;
        *limit = (*limit).max(adapter.limits().max_texture_dimension_3d);
        description
    });
}

/// Handle to the graphics device and the resources that panes share; cheap to clone.
#[derive(Clone)]
pub struct Gpu(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// Format of the screen, and of pictures that are drawn for it.
    pub format: wgpu::TextureFormat,
    /// Uniforms, image, labels, reference, palette.
    pub slice_layout: wgpu::BindGroupLayout,
    pub slice: wgpu::RenderPipeline,
    /// Corner, picture.
    pub copy_layout: wgpu::BindGroupLayout,
    pub copy: wgpu::RenderPipeline,
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
        let format = state.target_format;
        let slice_layout = slice_layout(&device);
        // Colours are computed gamma encoded; a target that encodes them itself requires linear values.
        let entry = if format.is_srgb() { "fragment_linear" } else { "fragment" };
        let wgsl = include_str!("../../../shaders/slice.wgsl");
        let slice = pipeline(&device, &slice_layout, ("slice", wgsl, entry), format);
        let copy_layout = copy_layout(&device);
        let wgsl = include_str!("../../../shaders/copy.wgsl");
        let copy = pipeline(&device, &copy_layout, ("copy", wgsl, "fragment"), format);
        let no_image = stand_in(&device, wgpu::TextureFormat::R32Float);
        let no_labels = stand_in(&device, wgpu::TextureFormat::R16Uint);
        let palettes = Mutex::default();
        Self(Arc::new(Shared {
            device,
            queue,
            format,
            slice_layout,
            slice,
            copy_layout,
            copy,
            no_image,
            no_labels,
            palettes,
        }))
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

fn slice_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let float = wgpu::TextureSampleType::Float { filterable: false };
    let label = wgpu::TextureSampleType::Uint;
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("pane"),
        entries: &[
            uniform(),
            texture(1, float, wgpu::TextureViewDimension::D3),
            texture(2, label, wgpu::TextureViewDimension::D3),
            texture(3, label, wgpu::TextureViewDimension::D3),
            texture(4, float, wgpu::TextureViewDimension::D2),
        ],
    })
}

fn copy_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let float = wgpu::TextureSampleType::Float { filterable: false };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("copy"),
        entries: &[uniform(), texture(1, float, wgpu::TextureViewDimension::D2)],
    })
}

fn uniform() -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}

fn texture(
    binding: u32,
    sample_type: wgpu::TextureSampleType,
    view_dimension: wgpu::TextureViewDimension,
) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture { sample_type, view_dimension, multisampled: false },
        count: None,
    }
}

/// A pipeline that runs a fragment shader over the whole viewport.
fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    (label, wgsl, entry): (&str, &str, &str),
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

/// A texture of one voxel for an absent layer; the uniforms tell the shader not to sample it.
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
