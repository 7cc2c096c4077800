// One slice through an image, with labels or the difference of two label maps over it.
// Positions are physical pixels; each layer maps them to its own voxels (centres at whole numbers).
// Colours are gamma encoded, as the eye sees them, and blended so.

struct Layer {
    origin: vec4f, // voxel at the pane's corner; w = 1 where the layer is present
    right: vec4f,  // step to the next pixel on the right
    down: vec4f,   // step to the next pixel below
}

struct Uniforms {
    image: Layer,
    labels: Layer,
    reference: Layer,
    corner: vec2f,
    contrast: vec2f, // intensity shown as black, 1 / window
    fill_opacity: f32,
    line_opacity: f32,
    line: f32,       // width of outlines in pixels
    samples: u32,    // image samples along each side of a pixel
    interpolate: u32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var image: texture_3d<f32>;
@group(0) @binding(2) var labels: texture_3d<u32>;
@group(0) @binding(3) var reference: texture_3d<u32>;
@group(0) @binding(4) var palette: texture_2d<f32>;

const ADDED = vec3f(0.298, 0.761, 0.416);
const MISSING = vec3f(1.0, 0.353, 0.373);
const OTHER = vec3f(0.929, 0.788, 0.282);

// One triangle that covers the viewport.
@vertex
fn vertex(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
    return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

fn voxel(layer: Layer, pixel: vec2f) -> vec3f {
    return layer.origin.xyz + layer.right.xyz * pixel.x + layer.down.xyz * pixel.y;
}

// A layer reaches half a voxel beyond its outermost centres, the far side excluded.
fn inside(at: vec3f, size: vec3f) -> bool {
    return all(at >= vec3f(-0.5)) && all(at < size - 0.5);
}

fn intensity(at: vec3f) -> f32 {
    let size = vec3f(textureDimensions(image));
    if u.interpolate == 0u {
        return textureLoad(image, vec3i(floor(at + 0.5)), 0).r;
    }
    let p = clamp(at, vec3f(0.0), size - 1.0);
    let a = vec3i(p);
    let b = min(a + 1, vec3i(size) - 1);
    let t = p - vec3f(a);
    let near = mix(
        mix(textureLoad(image, a, 0).r, textureLoad(image, vec3i(b.x, a.y, a.z), 0).r, t.x),
        mix(textureLoad(image, vec3i(a.x, b.y, a.z), 0).r, textureLoad(image, vec3i(b.x, b.y, a.z), 0).r, t.x),
        t.y,
    );
    if t.z == 0.0 {
        return near;
    }
    let far = mix(
        mix(textureLoad(image, vec3i(a.x, a.y, b.z), 0).r, textureLoad(image, vec3i(b.x, a.y, b.z), 0).r, t.x),
        mix(textureLoad(image, vec3i(a.x, b.y, b.z), 0).r, textureLoad(image, b, 0).r, t.x),
        t.y,
    );
    return mix(near, far, t.z);
}

// Brightness of a pixel: the mean over its area, air outside the volume.
fn brightness(pixel: vec2f) -> f32 {
    let size = vec3f(textureDimensions(image));
    var sum = 0.0;
    for (var j = 0u; j < u.samples; j++) {
        for (var i = 0u; i < u.samples; i++) {
            let shift = (vec2f(f32(i), f32(j)) + 0.5) / f32(u.samples) - 0.5;
            let at = voxel(u.image, pixel + shift);
            if inside(at, size) {
                sum += clamp((intensity(at) - u.contrast.x) * u.contrast.y, 0.0, 1.0);
            }
        }
    }
    return sum / f32(u.samples * u.samples);
}

fn colour(value: u32) -> vec4f {
    return textureLoad(palette, vec2u(value & 255u, value >> 8u), 0);
}

fn visible(value: u32) -> u32 {
    return select(0u, value, colour(value).a > 0.0);
}

fn label(pixel: vec2f) -> u32 {
    let at = voxel(u.labels, pixel);
    if u.labels.origin.w == 0.0 || !inside(at, vec3f(textureDimensions(labels))) {
        return 0u;
    }
    return visible(textureLoad(labels, vec3i(floor(at + 0.5)), 0).r);
}

fn expected(pixel: vec2f) -> u32 {
    let at = voxel(u.reference, pixel);
    if !inside(at, vec3f(textureDimensions(reference))) {
        return 0u;
    }
    return visible(textureLoad(reference, vec3i(floor(at + 0.5)), 0).r);
}

// Covers `below` by a label's area and, where a neighbour along the screen differs, by its line.
fn cover_label(below: vec3f, pixel: vec2f) -> vec3f {
    let value = label(pixel);
    if value == 0u {
        return below;
    }
    var opacity = u.fill_opacity;
    let across = vec2f(u.line, 0.0);
    let down = vec2f(0.0, u.line);
    if u.line_opacity > opacity && (label(pixel + across) != value || label(pixel - across) != value
        || label(pixel + down) != value || label(pixel - down) != value) {
        opacity = u.line_opacity;
    }
    return mix(below, colour(value).rgb, opacity);
}

fn cover_difference(below: vec3f, pixel: vec2f) -> vec3f {
    let is = label(pixel);
    let should = expected(pixel);
    if is == should {
        return select(below, mix(below, vec3f(1.0), 0.25), is != 0u);
    }
    return mix(below, select(select(OTHER, ADDED, should == 0u), MISSING, is == 0u), 0.85);
}

fn shade(position: vec2f) -> vec3f {
    let pixel = position - u.corner;
    var result = vec3f(0.0);
    if u.image.origin.w != 0.0 {
        result = vec3f(brightness(pixel));
    }
    if u.reference.origin.w != 0.0 {
        return cover_difference(result, pixel);
    }
    return cover_label(result, pixel);
}

@fragment
fn fragment(@builtin(position) position: vec4f) -> @location(0) vec4f {
    return vec4f(shade(position.xy), 1.0);
}

// For a framebuffer that encodes gamma itself.
@fragment
fn fragment_linear(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let c = shade(position.xy);
    let low = c / 12.92;
    let high = pow((c + 0.055) / 1.055, vec3f(2.4));
    return vec4f(select(high, low, c <= vec3f(0.04045)), 1.0);
}
