//! The engine of Exemplar as a library: segments 3D brain images by example.
//!
//! Give it images with labels that somebody drew, and it labels another image alike, whatever the labels mean: Neuroverse3D, a
//! network that reads its task from examples. Nothing is trained, and nothing leaves the computer.
//!
//! # An image that never was a file
//!
//! ```
//! use exemplar_engine::{Cache, Device, Example, Grid, NamedImage, LabelMap, Model, Options, Volume, segment};
//!
//! # fn main() -> exemplar_engine::Result<()> {
//! let grid = Grid::axis_aligned([40; 3], [4.0; 3]);
//! // A ball of radius 15 voxels with a brighter ball of radius 6 in it, `aside` voxels from the middle.
//! let distance = |at: usize, x: f32| {
//!     let place = [at % 40, at / 40 % 40, at / 1600].map(|place| place as f32 - 19.5);
//!     (place[0] - x).hypot(place[1]).hypot(place[2])
//! };
//! let inside = |at: usize, aside: f32| distance(at, aside) < 6.0;
//! let intensity = |at: usize, aside: f32| match distance(at, 0.0) {
//!     15.0.. => 0.0,
//!     depth if inside(at, aside) => 95.0,
//!     depth => 50.0 + 2.0 * depth,
//! };
//! let image = |name: &str, aside: f32| {
//!     let voxels: Vec<f32> = (0..grid.len()).map(|at| intensity(at, aside)).collect();
//!     NamedImage::new(name, Volume { grid, voxels })
//! };
//! let labels: Vec<u16> = (0..grid.len()).map(|at| u16::from(inside(at, -3.0))).collect();
//! let example = Example { image: image("example", -3.0), label: LabelMap { grid, voxels: labels }.into() };
//!
//! let model = Model::bundled(&Device::cpu())?;
//! let (cache, target) = (Cache::default(), image("target", -4.0));
//! let done = segment(&model, &cache, &target, &[example], &Options::default(), &mut |_| Ok(()))?;
//!
//! let pairs = done.mask.voxels.iter().enumerate().map(|(at, label)| (*label == 1, inside(at, -4.0)));
//! assert!(exemplar_engine::imaging::metrics::dice(pairs) > 0.8);
//! # Ok(())
//! # }
//! ```
//!
//! # Files
//!
//! [`imaging::io::Scan::open`] reads a NIfTI file, `NamedImage::from(&scan)` makes it the engine's, and
//! [`imaging::io::write_labels`] writes a mask with the header of its target:
//!
//! ```no_run
//! # use exemplar_engine::{NamedImage, LabelMap, Result};
//! # fn segmented(_: NamedImage) -> Result<LabelMap> { unimplemented!() }
//! # fn main() -> Result<()> {
//! use exemplar_engine::imaging::io::{Scan, write_labels};
//!
//! let scan = Scan::open("t1.nii.gz".as_ref(), 0)?;
//! let mask = segmented(NamedImage::from(&scan))?;
//! write_labels("mask.nii.gz".as_ref(), &mask, &scan.header)?;
//! # Ok(())
//! # }
//! ```
//!
//! # The four steps
//!
//! [`segment`] and [`transform`] are loops over four functions, and so are leave-one-out, a batch of targets, or a threshold
//! that follows a slider. The first two depend on images alone: a [`Cache`] finds their results again by content. It is
//! thread-safe and bounded; [`inference::runner::Runner`] holds one, together with the model on a thread of its own.
//!
//! ```
//! use exemplar_engine::{Grid, NamedImage, LabelMap, Model, Device, Volume};
//! use exemplar_engine::{Labelled, Plan, Run, Threshold, fuse, predict, prepare, register, working_side};
//!
//! # fn main() -> exemplar_engine::Result<()> {
//! # let grid = Grid::axis_aligned([24; 3], [3.0; 3]);
//! # let place = |at: usize| [at % 24, at / 24 % 24, at / 576].map(|place| place as f32 - 11.5);
//! # let radius = |at: usize| place(at).iter().map(|x| x * x).sum::<f32>().sqrt();
//! # let voxels: Vec<f32> = (0..grid.len()).map(|at| (100.0 - 9.0 * radius(at)).max(0.0)).collect();
//! # let labels = (0..grid.len()).map(|at| u16::from(radius(at) < 5.0)).collect();
//! # let labels = LabelMap { grid, voxels: labels };
//! # let target = NamedImage::new("target", Volume { grid, voxels });
//! # let image = NamedImage { name: "example".into(), ..target.clone() };
//! let model = Model::bundled(&Device::cpu())?;
//! let side = working_side(&model);
//!
//! // 1. An image on its working grid: axes in RAS order, box of the foreground, intensities from 0 to 1.
//! let target = prepare(&target, side)?;
//! let example = prepare(&image, side)?;
//!
//! // 2. The example laid on what the target shows, with its labels.
//! let registered = register(&example, &target)?;
//! assert_eq!(registered.flag(), None, "it shows what the target shows");
//! let example = Labelled::new(registered, labels.into(), &[1])?;
//!
//! // 3. The probability of label 1 on the target's working grid.
//! let plan = Plan { examples: 1, deformed: true, labels: 1, refined: false };
//! let observer = &mut |_| Ok(());
//! let mut run = Run::new(&model, 1, plan, observer)?;
//! let probabilities = [predict(&mut run, &target, &[&example], 1, false)?];
//!
//! // 4. Labels on the target's own grid, as often as wanted.
//! let best = fuse(&target, &probabilities, Threshold::ExpectedDice)?;
//! let smaller = fuse(&target, &probabilities, Threshold::At(0.8))?;
//! assert!(smaller.counts()[0].1 < best.counts()[0].1);
//! # Ok(())
//! # }
//! ```
//!
//! # Progress and cancelling
//!
//! Every run takes an observer. It is told of each step, and an error that it returns, such as [`Error::Cancelled`], stops the
//! run there.
//!
//! # Errors
//!
//! Everything that can fail returns [`Error`], also where memory runs out: what grows with an image is allocated so that it may
//! fail. Errors carry facts and one sentence. They name no option and no button; that is for the program to add, which knows
//! how its user chooses a label or a device.
//!
//! # Conventions
//!
//! - Arrays are `[x, y, z]` with x fastest. The world is RAS+ in millimetres: x to the right, y to the front, z up.
//! - A grid's affine is called `world_from_voxel` and maps voxel centres at whole indices.
//! - Axes may be stored in any order and direction: the affine decides. Results lie on the target's own grid.
//! - Intensities may have any unit; they must be finite. Labels are whole numbers, 0 is background.
//! - Tensors are `[batch, channel, z, y, x]`.
//!
//! # Crates
//!
//! | crate | what |
//! | --- | --- |
//! | [`imaging`] | volumes, label maps, geometry, files, metrics |
//! | [`network`] | Neuroverse3D, its weights and its kernels |
//! | [`inference`] | the four steps, and the thread that runs them on a device |
//! | [`learning`] | training and evaluation |

#![forbid(unsafe_code)]

pub use glam;
pub use imaging::{self, Cube, Error, Grid, LabelMap, Result, Volume};
pub use inference::pipeline::{
    Cache, Example, Labelled, NamedImage, Observer, Options, Plan, Prepared, Probabilities, Progress,
    Registered, Report, Run, Segmentation, Threshold, Transformation, fuse, predict, prepare, register,
    segment, transform, working_side,
};
pub use network::{Device, Model};
pub use {inference, learning, network};
