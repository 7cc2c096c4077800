// Copies a picture that was drawn before to its place on the screen, pixel by pixel.

@group(0) @binding(0) var<uniform> corner: vec2i; // of the picture on the screen, in physical pixels
@group(0) @binding(1) var picture: texture_2d<f32>;

// One triangle that covers the viewport.
@vertex
fn vertex(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
    return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn fragment(@builtin(position) position: vec4f) -> @location(0) vec4f {
    return textureLoad(picture, vec2i(floor(position.xy)) - corner, 0);
}
