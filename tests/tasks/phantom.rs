//! What the tests look at: cubes of known content, and statistics of cubes.

use imaging::Cube;
use imaging::filter::LabelCube;
use imaging::random::{Generator, generator};
use learning::tasks::{Structures, Subject};

/// The generator of a test, by its number.
pub fn chance(number: u64) -> Generator {
    generator(2025, number)
}

/// A cube whose voxels are a function of their place `[x, y, z]`.
pub fn cube(side: usize, value: impl Fn([usize; 3]) -> f32) -> Cube {
    let at = |i: usize| [i % side, i / side % side, i / side.pow(2)];
    Cube { side, voxels: (0..side.pow(3)).map(|i| value(at(i))).collect() }
}

/// One lit voxel.
pub fn spot(side: usize, place: [usize; 3]) -> Cube {
    cube(side, |at| f32::from(u8::from(at == place)))
}

/// Nested lopsided ellipsoids with the labels 1, 2 and 3 from outside, none of them symmetric.
pub fn labels(side: usize) -> LabelCube {
    let size = side as f32;
    let inside = |at: [usize; 3], middle: [f32; 3], radius: [f32; 3]| {
        let distance = |a: usize| ((at[a] as f32 + 0.5) / size - middle[a]) / radius[a];
        (0..3).map(|a| distance(a).powi(2)).sum::<f32>() < 1.0
    };
    let label = |at| {
        if inside(at, [0.4, 0.55, 0.6], [0.1, 0.14, 0.12]) {
            3.0
        } else if inside(at, [0.45, 0.53, 0.55], [0.25, 0.3, 0.27]) {
            2.0
        } else if inside(at, [0.5, 0.52, 0.48], [0.38, 0.44, 0.4]) {
            1.0
        } else {
            0.0
        }
    };
    LabelCube { side, voxels: cube(side, label).voxels.iter().map(|&v| v as u16).collect() }
}

/// Where the label is one of these.
pub fn mask(labels: &LabelCube, of: &[u16]) -> Cube {
    Structures::whole(labels).mask(of)
}

/// A subject with two modalities: intensities follow the labels, in opposite order.
pub fn subject(side: usize) -> Subject {
    let labels = labels(side);
    let image = |look: [f32; 4]| {
        let voxels = labels.voxels.iter().map(|&label| look[usize::from(label)]).collect();
        Cube { side, voxels }
    };
    let images = vec![image([0.0, 0.3, 0.6, 1.0]), image([0.0, 1.0, 0.6, 0.2])];
    Subject { images, structures: Structures::whole(&labels) }
}

/// Mean of all voxels.
pub fn mean(cube: &Cube) -> f64 {
    cube.voxels.iter().map(|&v| f64::from(v)).sum::<f64>() / cube.voxels.len() as f64
}

/// Standard deviation of the difference of two cubes.
pub fn spread(a: &Cube, b: &Cube) -> f64 {
    let difference: Vec<f32> = a.voxels.iter().zip(&b.voxels).map(|(a, b)| a - b).collect();
    let difference = Cube { side: a.side, voxels: difference };
    let middle = mean(&difference);
    let squares = difference.voxels.iter().map(|&v| (f64::from(v) - middle).powi(2)).sum::<f64>();
    (squares / difference.voxels.len() as f64).sqrt()
}

/// Part of the voxels at which two cubes differ.
pub fn changed(a: &Cube, b: &Cube) -> f64 {
    let differ = a.voxels.iter().zip(&b.voxels).filter(|(a, b)| a != b).count();
    differ as f64 / a.voxels.len() as f64
}

/// Smallest and largest value.
pub fn extent(cube: &Cube) -> [f32; 2] {
    let fold = |pick: fn(f32, f32) -> f32| cube.voxels.iter().copied().reduce(pick).unwrap();
    [fold(f32::min), fold(f32::max)]
}
