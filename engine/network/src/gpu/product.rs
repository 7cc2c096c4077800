//! The heart of every convolution: sums of products of inputs and weights, both staged in shared memory.

use super::tile::{LANES, Tile};
use cubecl::prelude::*;

/// Four channels of a voxel.
pub type Four<E> = Vector<E, Const<4>>;

/// A map as a kernel sees it.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct Grid {
    /// Voxels along each side.
    pub side: usize,
    /// Planes that exist; plane z lies where z modulo this does. Less than the side in a window of planes.
    pub planes: usize,
    /// Vectors of a voxel.
    pub width: usize,
}

/// The boxes of voxels that a launch makes.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct Region {
    /// First plane.
    pub start: usize,
    /// One past the last plane.
    pub end: usize,
    /// Number of the first box.
    pub first: usize,
}

/// A voxel.
#[derive(CubeType, Clone, Copy)]
pub struct Place {
    pub z: usize,
    pub y: usize,
    pub x: usize,
}

#[cube]
impl Grid {
    /// The first vector of a voxel.
    pub fn index(&self, place: &Place) -> usize {
        ((place.z % self.planes * self.side + place.y) * self.side + place.x) * self.width
    }
}

/// The first voxel of this workgroup's box.
#[cube]
pub fn corner(to: &Grid, region: &Region, #[comptime] tile: Tile) -> Place {
    let across = to.side.div_ceil(tile.line);
    let down = to.side.div_ceil(tile.lines_y);
    let number = region.first + CUBE_POS_Y as usize;
    Place {
        z: region.start + number / (across * down) * tile.lines_z,
        y: number / across % down * tile.lines_y,
        x: number % across * tile.line,
    }
}

/// The first voxel of this unit's line.
#[cube]
pub fn line(corner: &Place, #[comptime] tile: Tile) -> Place {
    let number = UNIT_POS as usize / tile.groups;
    Place { z: corner.z + number / tile.lines_y, y: corner.y + number % tile.lines_y, x: corner.x }
}

/// The first of this unit's two vectors of output channels; the other lies `groups` further, so that units side by
/// side read and write side by side.
#[cube]
pub fn channel(#[comptime] tile: Tile) -> usize {
    CUBE_POS_X as usize * (2 * tile.groups) + UNIT_POS as usize % tile.groups
}

/// Adds to `sums`, two vectors for each voxel of the unit's line, the convolution of the source.
#[cube]
pub fn accumulate<E: Float>(
    sums: &mut Array<Four<f32>>,
    source: &[Four<E>],
    weights: &[Four<f32>],
    inputs: &mut Shared<[Four<f32>]>,
    taps: &mut Shared<[Four<f32>]>,
    from: &Grid,
    corner: &Place,
    #[comptime] tile: Tile,
) {
    let unit = UNIT_POS as usize;
    let group = unit % tile.groups;
    let number = unit / tile.groups;
    let extent_y = comptime!(tile.extent()[1]);
    let extent_z = comptime!(tile.extent()[2]);
    let pitch = comptime!(tile.pitch());
    let first_row = (number / tile.lines_y * tile.stride) * extent_y + number % tile.lines_y * tile.stride;
    let chunks = from.width / tile.depth;
    for chunk in 0..chunks {
        stage_inputs(source, inputs, from, corner, chunk, tile);
        for stage in 0..comptime!(tile.stages()) {
            let block = (CUBE_POS_X as usize * chunks + chunk) * comptime!(tile.stages()) + stage;
            stage_weights(weights, taps, block * comptime!(tile.taps()), tile);
            sync_cube();
            for row in 0..tile.rows {
                let tap_row = stage * tile.rows + row;
                let at = first_row + tap_row / tile.kernel * extent_y + tap_row % tile.kernel;
                for vector in 0..tile.depth {
                    row_of_taps(
                        sums,
                        &*inputs,
                        &*taps,
                        (vector * (extent_y * extent_z) + at) * pitch,
                        (row * (tile.kernel * tile.depth) + vector) * (LANES * 2 * tile.groups) + group,
                        tile,
                    );
                }
            }
            // Everybody has read what is staged next in the same place.
            sync_cube();
        }
    }
}

/// Products of a line of inputs with one row of taps along x.
#[cube]
fn row_of_taps(
    sums: &mut Array<Four<f32>>,
    inputs: &Shared<[Four<f32>]>,
    taps: &Shared<[Four<f32>]>,
    input: usize,
    weight: usize,
    #[comptime] tile: Tile,
) {
    let extent = comptime!(tile.extent()[0]);
    let mut line = Array::<Four<f32>>::new(extent);
    #[unroll]
    for x in 0..extent {
        line[x] = inputs[input + x];
    }
    #[unroll]
    for tap in 0..tile.kernel {
        #[unroll]
        for lane in 0..LANES {
            let at = weight + comptime!((tap * tile.depth * LANES + lane) * 2 * tile.groups);
            let first = taps[at];
            let second = taps[at + tile.groups];
            #[unroll]
            for x in 0..tile.line {
                let value = Four::<f32>::new(line[comptime!(x * tile.stride + tap)].extract(lane));
                sums[comptime!(2 * x)] = fma(value, first, sums[comptime!(2 * x)]);
                sums[comptime!(2 * x + 1)] = fma(value, second, sums[comptime!(2 * x + 1)]);
            }
        }
    }
}

/// Copies the inputs under the box: some vectors of channels, zeros outside the map.
#[cube]
fn stage_inputs<E: Float>(
    source: &[Four<E>],
    inputs: &mut Shared<[Four<f32>]>,
    from: &Grid,
    corner: &Place,
    chunk: usize,
    #[comptime] tile: Tile,
) {
    let extent_x = comptime!(tile.extent()[0]);
    let extent_y = comptime!(tile.extent()[1]);
    let extent_z = comptime!(tile.extent()[2]);
    let count = comptime!(extent_x * extent_y * extent_z);
    let units = comptime!(tile.units());
    #[unroll]
    for step in 0..comptime!(count.div_ceil(units)) {
        let number = UNIT_POS as usize + comptime!(step * units);
        if number < count {
            let x = number % extent_x;
            let y = number / extent_x % extent_y;
            let z = number / comptime!(extent_x * extent_y);
            // Before the first voxel these wrap around to more than any side.
            let place = Place {
                z: corner.z * tile.stride + z - tile.padding,
                y: corner.y * tile.stride + y - tile.padding,
                x: corner.x * tile.stride + x - tile.padding,
            };
            let inside = place.z < from.side && place.y < from.side && place.x < from.side;
            #[unroll]
            for vector in 0..tile.depth {
                let mut value = Four::<f32>::new(0.0);
                if inside {
                    value = Four::<f32>::cast_from(source[from.index(&place) + chunk * tile.depth + vector]);
                }
                inputs[((vector * extent_z + z) * extent_y + y) * comptime!(tile.pitch()) + x] = value;
            }
        }
    }
}

/// Copies the weights of some rows of taps.
#[cube]
fn stage_weights(
    weights: &[Four<f32>],
    taps: &mut Shared<[Four<f32>]>,
    first: usize,
    #[comptime] tile: Tile,
) {
    let count = comptime!(tile.taps());
    let units = comptime!(tile.units());
    for step in 0..comptime!(count.div_ceil(units)) {
        let number = UNIT_POS as usize + step * units;
        if number < count {
            taps[number] = weights[first + number];
        }
    }
}
