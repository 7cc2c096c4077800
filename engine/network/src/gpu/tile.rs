//! How a convolution is divided among workgroups and units, and the order in which that reads the weights.
//!
//! A workgroup makes a box of voxels × a group of output channels. Each of its units makes a line of voxels along x ×
//! two vectors of four output channels in registers. The inputs under the box, four channels at a time, and the
//! weights of a few rows of taps are staged in shared memory, as f32.
//!
//! A 3³ convolution then loads 34 vectors from shared memory for 192 multiply-adds of vectors, and its inputs are read
//! from global memory 2.3 to 3.1 times for each workgroup along the channels instead of 27 times.

/// Values of a vector.
pub const LANES: usize = 4;
/// Output channels of a unit: two vectors.
const UNIT_CHANNELS: usize = 2 * LANES;
/// Channels are padded with zeros to a multiple of this, so that units are whole.
const PAD: usize = UNIT_CHANNELS;
/// Most output channels of a workgroup.
const GROUP_CHANNELS: usize = 64;

/// Values that hold these channels.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PAD)
}

/// The division of a convolution, known when its kernel is compiled.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub struct Tile {
    /// Taps along each axis.
    pub kernel: usize,
    /// Input voxels from one output voxel to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
    /// Voxels of a unit, along x.
    pub line: usize,
    /// Units along y.
    pub lines_y: usize,
    /// Units along z.
    pub lines_z: usize,
    /// Units along the output channels.
    pub groups: usize,
    /// Vectors of input channels that are staged at a time.
    pub depth: usize,
    /// Rows of taps along x whose weights are staged at a time.
    pub rows: usize,
}

impl Tile {
    /// For a convolution from and to so many padded channels. Its shared memory stays below 28 kB: every desktop
    /// card gives a workgroup 32 kB.
    pub fn new(kernel: usize, from: usize, to: usize) -> Self {
        let channels = GROUP_CHANNELS.min(1 << to.trailing_zeros());
        let groups = channels / UNIT_CHANNELS;
        let (lines_y, lines_z) = match groups {
            8 => (4, 4),
            4 => (8, 4),
            _ => (8, 8),
        };
        let plain =
            Self { kernel, stride: 1, padding: 0, line: 8, lines_y, lines_z, groups, depth: 1, rows: 1 };
        match kernel {
            // So little work for each channel wants many of them between two barriers.
            1 => Self {
                depth: if groups >= 4 { 4 } else { 2 }.min(1 << (from / LANES).trailing_zeros()),
                ..plain
            },
            3 => Self { padding: 1, rows: 3, ..plain },
            4 => Self { stride: 2, padding: 1, line: 4, lines_y: 4, lines_z: 4, rows: 2, ..plain },
            _ => unreachable!("the network has no other kernels"),
        }
    }

    /// Units of a workgroup.
    pub fn units(&self) -> usize {
        self.groups * self.lines_y * self.lines_z
    }

    /// Input voxels under the box, along x, y and z.
    pub fn extent(&self) -> [usize; 3] {
        [self.line, self.lines_y, self.lines_z].map(|voxels| (voxels - 1) * self.stride + self.kernel)
    }

    /// Vectors from one staged line of inputs to the next: odd, so that units side by side along y read from
    /// different banks.
    pub fn pitch(&self) -> usize {
        self.extent()[0] | 1
    }

    /// Vectors of staged inputs.
    pub fn staged(&self) -> usize {
        let [_, y, z] = self.extent();
        self.depth * z * y * self.pitch()
    }

    /// Vectors of staged weights.
    pub fn taps(&self) -> usize {
        self.rows * self.kernel * self.depth * LANES * 2 * self.groups
    }

    /// Times that weights are staged for one staging of inputs.
    pub fn stages(&self) -> usize {
        self.kernel * self.kernel / self.rows
    }

    /// Output channels of a workgroup.
    pub fn channels(&self) -> usize {
        self.groups * UNIT_CHANNELS
    }

    /// Whether one workgroup makes all of `to` padded output channels.
    pub fn is_whole(&self, to: usize) -> bool {
        self.channels() == to
    }

    /// Boxes that cover `planes` planes of an output of this side.
    pub fn boxes(&self, side: usize, planes: usize) -> usize {
        side.div_ceil(self.line) * side.div_ceil(self.lines_y) * planes.div_ceil(self.lines_z)
    }

    /// Floating-point operations for a box and all output channels.
    pub fn work(&self, from: usize, to: usize) -> usize {
        2 * self.kernel.pow(3) * from * to * self.line * self.lines_y * self.lines_z
    }

    /// Weights `[out, in, z, y, x]` in the order in which workgroups stage them: group of outputs, vectors of inputs,
    /// stage, row, tap, vector of inputs, input, output; both padded with zeros to `from` and `to`.
    pub fn pack(&self, weight: &[f32], [from, to]: [usize; 2], outputs: usize) -> Vec<f32> {
        let (taps, inputs) = (self.kernel.pow(3), weight.len() / outputs / self.kernel.pow(3));
        let (deep, channels) = (self.depth * LANES, self.channels());
        let mut packed = vec![0.0; taps * from * to];
        let rows = packed.chunks_exact_mut(channels);
        for (row, values) in rows.enumerate() {
            let (input, rest) = (row % deep, row / deep);
            let (tap, rest) = (rest % taps, rest / taps);
            let input = rest % (from / deep) * deep + input;
            let first = rest / (from / deep) * channels;
            for (output, value) in (first..outputs).zip(values) {
                if input < inputs {
                    *value = weight[(output * inputs + input) * taps + tap];
                }
            }
        }
        packed
    }
}
