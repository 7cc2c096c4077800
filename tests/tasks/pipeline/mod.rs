//! Runs of the pipeline on made-up heads: what they say of what they cannot find, and how far they are.

mod cache;
mod labels;
mod placement;
mod predictor;
mod progress;
mod transform;

use glam::{DAffine3, DVec3};
use imaging::{Error, Grid, LabelMap, Result, Volume};
use inference::pipeline::{Cache, Example, NamedImage, Options, Segmentation, segment};
use network::{Device, Model};
use std::sync::Arc;

/// A head: where it lies in the world, and how large it is.
#[derive(Clone, Copy)]
struct Head {
    middle: DVec3,
    scale: f64,
}

/// Structures of a head of scale 1: label, middle, radius in millimetres, intensity. Label 4 lies low, as a brain stem does.
const STRUCTURES: [(u16, [f64; 3], f64, f32); 4] = [
    (1, [-11.0, 2.0, 3.0], 8.0, 150.0),
    (2, [11.0, 2.0, 3.0], 8.0, 30.0),
    (3, [0.0, -16.0, 8.0], 6.0, 160.0),
    (4, [0.0, -4.0, -20.0], 6.0, 140.0),
];

const HEAD: Head = Head { middle: DVec3::ZERO, scale: 1.0 };

impl Head {
    /// Label and intensity at a place in the world; None outside.
    fn at(&self, place: DVec3) -> Option<(u16, f32)> {
        let place = (place - self.middle) / self.scale;
        let within = |middle: [f64; 3], radius: f64| place.distance(middle.into()) < radius;
        let structure = STRUCTURES.iter().find(|(_, middle, radius, _)| within(*middle, *radius));
        let outline = (place / DVec3::new(26.0, 34.0, 30.0)).length();
        match structure {
            _ if outline > 1.0 => None,
            Some(&(label, _, _, intensity)) => Some((label, intensity)),
            None => {
                let waves =
                    (place.x / 9.0).sin() * (place.y / 7.0).cos() + (place.z / 6.0 + place.y / 12.0).sin();
                Some((0, 95.0 + 20.0 * waves as f32))
            }
        }
    }

    fn image(&self, grid: Grid, outside: f32) -> Volume {
        Volume {
            grid,
            voxels: voxels(grid, |place| self.at(place).map_or(outside, |(_, intensity)| intensity)),
        }
    }

    fn labels(&self, grid: Grid) -> LabelMap {
        LabelMap { grid, voxels: voxels(grid, |place| self.at(place).map_or(0, |(label, _)| label)) }
    }
}

fn voxels<T>(grid: Grid, value: impl Fn(DVec3) -> T) -> Vec<T> {
    let [nx, ny, _] = grid.shape;
    let place = |at: usize| DVec3::new((at % nx) as f64, (at / nx % ny) as f64, (at / (nx * ny)) as f64);
    (0..grid.len()).map(|at| value(grid.world_from_voxel.transform_point3(place(at)))).collect()
}

/// Voxels of 2 mm from one corner of a box in the world to another.
fn grid(from: [f64; 3], to: [f64; 3]) -> Grid {
    let shape = std::array::from_fn(|axis| ((to[axis] - from[axis]) / 2.0).round() as usize);
    let world_from_voxel = DAffine3::from_translation(from.into()) * DAffine3::from_scale(DVec3::splat(2.0));
    Grid { shape, world_from_voxel }
}

/// Around a whole head.
fn whole() -> Grid {
    grid([-40.0; 3], [40.0; 3])
}

fn image(name: &str, volume: &Volume) -> NamedImage {
    NamedImage::new(name, volume.clone())
}

fn example<L>(name: &str, volume: &Volume, label: L) -> Example<L> {
    Example { image: image(name, volume), label: Arc::new(label) }
}

/// The examples' own vote, which is quick and finds what they show.
fn vote() -> Model {
    Model::vote(&Device::cpu()).unwrap()
}

fn run(target: &Volume, examples: &[Example<LabelMap>], labels: &[u16]) -> Result<Segmentation> {
    let options = Options { labels: labels.to_vec(), ..Options::default() };
    segment(&vote(), &Cache::default(), &image("target", target), examples, &options, &mut |_| Ok(()))
}

/// The sentence with which a request is refused.
fn refused<T>(outcome: Result<T>) -> String {
    match outcome {
        Err(Error::Request(sentence)) => sentence,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was done"),
    }
}
